-- Windows of many steps, which are also kept in blocks of steps: on the test clock, each step exactly where it belongs.
CREATE SCHEMA sliding_blocks;
SET search_path = sliding_blocks;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SELECT weir.set_clock('2030-06-01 00:00:00+00');
CREATE FOREIGN TABLE s (k int, x int, n numeric, t text, ats timestamp, at timestamptz) SERVER weir;
CREATE TABLE p (k int, x int, n numeric, t text, ats timestamp, at timestamptz);

-- 100 steps of a minute in blocks of 10, 50 of 2 minutes in blocks of 7, 34 in blocks of 6
CREATE VIEW fine WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT k, count(*), sum(x), avg(n), max(t), stddev(x) FROM s GROUP BY k;
CREATE VIEW texts WITH (sw = '100 minutes', sw_column = at, step_factor = 2) AS SELECT t, k, min(at), count(x), bool_or(x > 90) FROM s GROUP BY t, k HAVING count(*) > 1;
CREATE VIEW total WITH (sw = '100 minutes', sw_column = at, step_factor = 3) AS SELECT count(*), sum(x), avg(n) FROM s WHERE x > 10;
CREATE VIEW names WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT DISTINCT t, x % 10 AS d FROM s;
CREATE VIEW ends WITH (step_factor = 1) AS SELECT k, count(*), sum(n) FROM s WHERE at > clock_timestamp() - interval '100 minutes' AND at <= clock_timestamp() - interval '33 minutes' GROUP BY k;
CREATE VIEW ends_in_block WITH (step_factor = 1) AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '100 minutes' AND at < clock_timestamp() - interval '97 minutes' GROUP BY k;
CREATE VIEW local WITH (step_factor = 1) AS SELECT k, count(*), min(n) FROM s WHERE ats > clock_timestamp() - interval '100 minutes' AND ats <= clock_timestamp() GROUP BY k;
CREATE VIEW narrow WITH (sw = '37 minutes') AS SELECT * FROM fine;
-- a user's column may be called as ours
CREATE VIEW block WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT k AS block, count(*) AS block1, max(x) AS block1_block FROM s GROUP BY k;
-- few steps, or each shown by itself, or values that need to know the steps: none
CREATE VIEW distinct_values WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT k, count(DISTINCT x), array_agg(x ORDER BY x, t) FROM s GROUP BY k;
CREATE VIEW coarse WITH (sw = '100 minutes', sw_column = at) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW per_step WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT date_bin('1 minute', at, '1970-01-01 00:00+00') AS minute, count(*) FROM s GROUP BY 1;
SELECT attrelid::regclass, string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid IN ('fine_mrel'::regclass, 'names_mrel'::regclass, 'block_mrel'::regclass, 'coarse_mrel'::regclass, 'per_step_mrel'::regclass) AND attnum > 0 GROUP BY attrelid ORDER BY attrelid;

CREATE TABLE batch (view text, query text);
CREATE FUNCTION step(at timestamptz, length interval) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT date_bin(length, at, '1970-01-01 00:00+00') + length $$;
CREATE FUNCTION begins(length interval) RETURNS timestamptz LANGUAGE sql AS $$ SELECT weir.clock() - length $$;
INSERT INTO batch VALUES
	('fine', $$SELECT k, count(*), sum(x), avg(n), max(t), stddev(x) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY k$$),
	('texts', $$SELECT t, k, min(at), count(x), bool_or(x > 90) FROM p, begins('100 min') WHERE step(at, '2 min') > begins GROUP BY t, k HAVING count(*) > 1$$),
	('total', $$SELECT count(*), sum(x), avg(n) FROM p, begins('100 min') WHERE step(at, '3 min') > begins AND x > 10$$),
	('names', $$SELECT DISTINCT t, x % 10 FROM p, begins('100 min') WHERE step(at, '1 min') > begins$$),
	('ends', $$SELECT k, count(*), sum(n) FROM p, begins('100 min'), begins('33 min') AS ends(ends) WHERE step(at, '1 min') > begins AND step(at, '1 min') - interval '1 min' <= ends GROUP BY k$$),
	('ends_in_block', $$SELECT k, count(*) FROM p, begins('100 min'), begins('97 min') AS ends(ends) WHERE step(at, '1 min') > begins AND step(at, '1 min') - interval '1 min' < ends GROUP BY k$$),
	('local', $$SELECT k, count(*), min(n) FROM p, begins('100 min') WHERE step(ats, '1 min') > begins AND step(ats, '1 min') - interval '1 min' <= weir.clock() GROUP BY k$$),
	('narrow', $$SELECT k, count(*), sum(x), avg(n), max(t), stddev(x) FROM p, begins('37 min') WHERE step(at, '1 min') > begins GROUP BY k$$),
	('block', $$SELECT k, count(*), max(x) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY k$$),
	('coarse', $$SELECT k, count(*) FROM p, begins('100 min') WHERE step(at, '5 min') > begins GROUP BY k$$),
	('distinct_values', $$SELECT k, count(DISTINCT x), array_agg(x ORDER BY x, t) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY k$$),
	('per_step', $$SELECT step(at, '1 min') - interval '1 min', count(*) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY 1$$);
CREATE FUNCTION wrong(view text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE differ int;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %I EXCEPT ALL (%s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$I)) d', view, query) INTO differ;
	RETURN CASE WHEN differ > 0 THEN differ || ' rows of ' || view || ' differ' END;
END$$;
-- in each group and block one row carries, the latest, and what it carries is what the block's rows make
CREATE FUNCTION broken() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (
		SELECT k, date_bin('10 min', at, '1970-01-01 00:00+00') AS b, max(at) FILTER (WHERE block IS NOT NULL) AS carrier, max(at) AS latest,
			count(block) AS carriers, sum(count) AS counted, max(count_block) AS carried, sum(sum) AS summed, max(sum_block) AS sum_carried, max(block) AS block, max(max) AS text, max(max_block) AS text_carried
		FROM fine_mrel GROUP BY 1, 2) x
	WHERE (carriers, carrier, counted, summed, block, text) IS DISTINCT FROM (1::bigint, latest, carried::numeric, sum_carried::numeric, b, text_carried) $$;
CREATE FUNCTION new_rows(rows int) RETURNS void LANGUAGE sql AS $$
	WITH new AS (INSERT INTO p SELECT (random() * 5)::int, (random() * 100)::int, (random() * 1000)::int / 7.0, 'text ' || (random() * 3)::int, t AT TIME ZONE 'UTC', t
		FROM generate_series(1, rows), LATERAL (SELECT weir.clock() - CASE WHEN random() < 0.7 THEN interval '0' ELSE random() * random() * interval '130 minutes' END AS t) t RETURNING *)
	INSERT INTO s SELECT * FROM new $$;
CREATE PROCEDURE run(moments int, seed float8) LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..moments LOOP
		IF random() < 0.8 THEN
			PERFORM new_rows((random() * 6)::int);
			COMMIT;
		END IF;
		FOR r IN SELECT wrong(view, query) FROM batch LOOP
			IF r IS NOT NULL THEN RAISE NOTICE '%: %', weir.clock(), r; END IF;
		END LOOP;
		-- onto an edge of a step or block, beside it, and anywhere
		PERFORM weir.advance_clock(CASE (random() * 6)::int WHEN 0 THEN interval '1 minute' WHEN 1 THEN interval '1 us' WHEN 2 THEN interval '59.999999 seconds'
			WHEN 3 THEN random() * interval '1 hour' WHEN 4 THEN interval '10 minutes' ELSE random() * interval '5 minutes' END);
	END LOOP;
END$$;
CALL run(40, 0.25);
SELECT count(*) > 100 AS some FROM p;
-- all in one flush, more than are written at once, some in blocks that are there
SELECT setseed(0.5);
SELECT new_rows(3000);
SELECT wrong(view, query) FROM batch WHERE wrong(view, query) IS NOT NULL;
CREATE VIEW later WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT x, t, k, count(*), avg(n) FROM s GROUP BY x, t, k;
INSERT INTO batch VALUES ('later', $$SELECT x, t, k, count(*), avg(n) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY x, t, k$$);
TRUNCATE p;
SELECT count(weir.truncate(view)) > 10 AS truncated FROM weir.views WHERE schema = 'sliding_blocks';
SELECT new_rows(4000);
SELECT wrong(view, query) FROM batch WHERE wrong(view, query) IS NOT NULL;
SELECT broken();
SELECT new_rows(1000), weir.advance_clock('3 minutes') > '2030-06-01' AS later;
SELECT new_rows(300), new_rows(300);
SELECT broken();
SELECT wrong(view, query) FROM batch WHERE wrong(view, query) IS NOT NULL;
-- combining steps by hand counts nothing twice
SELECT (SELECT sum(count) FROM fine_mrel) = count(*) AS once FROM p;
SELECT k, weir.combine('avg(numeric)'::regprocedure, avg, NULL::numeric) FROM fine_mrel GROUP BY k EXCEPT ALL SELECT k, avg(n) FROM p GROUP BY k;
SELECT k % 2, weir.combine(avg), weir.combine(count), weir.combine(max), weir.combine(stddev) FROM fine GROUP BY 1
	EXCEPT ALL SELECT k % 2, avg(n), count(*), max(t), stddev(x) FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY 1;
-- single groups, and by an index of the user's
CREATE INDEX ON later (t);
SELECT * FROM fine WHERE k = 3 EXCEPT ALL SELECT k, count(*), sum(x), avg(n), max(t), stddev(x) FROM p, begins('100 min') WHERE k = 3 AND step(at, '1 min') > begins GROUP BY k;
SELECT sum(count) = (SELECT count(*) FROM p, begins('100 min') WHERE t = 'text 2' AND step(at, '1 min') > begins) AS all_there FROM later WHERE t = 'text 2';
-- infinite times
INSERT INTO p VALUES (1, 50, 1, 'text 1', 'infinity', 'infinity'), (2, 50, 1, 'text 1', '-infinity', '-infinity'), (1, 50, 2, 'text 1', 'infinity', 'infinity');
INSERT INTO s SELECT * FROM p WHERE NOT isfinite(at);
INSERT INTO p VALUES (1, 51, 3, 'text 1', 'infinity', 'infinity');
INSERT INTO s SELECT * FROM p WHERE x = 51 AND NOT isfinite(at);
DELETE FROM p WHERE at = '-infinity';
UPDATE p SET at = '9999-01-01', ats = '9999-01-01' WHERE at = 'infinity';
SELECT wrong(view, query) FROM batch WHERE view NOT IN ('texts', 'per_step') AND wrong(view, query) IS NOT NULL;
-- what is left of a block whose carrying row was deleted first is read no more; rows that come into it are no matter
SELECT weir.advance_clock('3 hours') > '2030-06-01' AS later;
SELECT new_rows(50);
INSERT INTO p SELECT k, 1, 1, t, at - interval '3 hours 10 minutes', at - interval '3 hours 10 minutes' FROM p WHERE at < '9999-01-01' ORDER BY at DESC LIMIT 200;
INSERT INTO s SELECT * FROM p WHERE at < weir.clock() - interval '130 minutes' ORDER BY at DESC LIMIT 200;
SELECT wrong(view, query) FROM batch WHERE view NOT IN ('texts', 'per_step') AND wrong(view, query) IS NOT NULL;
-- columns that are added later
CREATE VIEW grown WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT k, count(*) FROM s GROUP BY k;
TRUNCATE p;
SELECT new_rows(200);
CREATE TABLE before AS TABLE p;
CREATE OR REPLACE VIEW grown WITH (sw = '100 minutes', sw_column = at, step_factor = 1) AS SELECT k, count(*), sum(x), avg(n) FROM s GROUP BY k;
SELECT new_rows(200), weir.advance_clock('1 hour') > '2030-06-01' AS later;
SELECT new_rows(100);
SELECT * FROM grown EXCEPT ALL SELECT k, count(*), sum(x) FILTER (WHERE NOT EXISTS (SELECT FROM before b WHERE b.at = p.at)), avg(n) FILTER (WHERE NOT EXISTS (SELECT FROM before b WHERE b.at = p.at))
	FROM p, begins('100 min') WHERE step(at, '1 min') > begins GROUP BY k;
SELECT name, reason FROM weir.views WHERE state = 'suspended';
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA sliding_blocks CASCADE;
