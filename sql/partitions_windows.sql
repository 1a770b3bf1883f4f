-- Views in partitions whose groups are in several tables or rows: DISTINCT and ordered-set aggregates, hopping, cumulating and
-- session windows.  On the test clock.
CREATE SCHEMA partitions_windows;
SET search_path = partitions_windows;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET jit = off;
SELECT weir.set_clock('2030-01-10 12:00:00+00');
CREATE FOREIGN TABLE s (k int, t text, at timestamptz, ats timestamp, x int) SERVER weir;
CREATE TABLE p (k int, t text, at timestamptz, ats timestamp, x int);

-- what the view shows is what its query gives of p
CREATE TABLE cases (name text, options text, query text, batch text);
INSERT INTO cases (name, options, query) VALUES
	('distinct', 'partition_by = ''day'', partition_interval = ''1 day''',
	 'SELECT date_trunc(''day'', at, ''UTC'') AS day, k, count(DISTINCT x % 10) AS d, sum(DISTINCT x) FILTER (WHERE x % 2 = 0) AS f, count(*) FROM s GROUP BY 1, 2'),
	('ordered', 'partition_by = ''hour'', partition_interval = ''6 hours''',
	 'SELECT t, date_trunc(''hour'', ats) AS hour, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS m, string_agg(t || x, '','' ORDER BY x) AS l, count(DISTINCT k) AS d FROM s GROUP BY 1, 2'),
	('total', 'partition_by = ''month'', partition_interval = ''1 month''',
	 'SELECT date_trunc(''month'', ats)::date AS month, count(DISTINCT t) AS d, mode() WITHIN GROUP (ORDER BY k) AS m FROM s GROUP BY 1'),
	('hopping', 'partition_by = ''window_start'', partition_interval = ''6 hours''',
	 'SELECT k, window_start, window_end, count(*), sum(x), avg(x) FROM s, weir.hop(at, ''1 hour'', ''3 hours'') GROUP BY 1, 2, 3'),
	('hopping distinct', 'partition_by = ''window_end'', partition_interval = ''1 day''',
	 'SELECT window_end, count(DISTINCT x % 7) AS d, percentile_disc(0.9) WITHIN GROUP (ORDER BY x) AS p FROM s, weir.hop(at, ''6 hours'', ''48 hours'') GROUP BY 1'),
	('hopping row', 'partition_by = ''w'', partition_interval = ''1 day''',
	 'SELECT weir.hop(at, ''12 hours'', ''24 hours'') AS w, count(*) FROM s GROUP BY w'),
	('cumulating', 'partition_by = ''window_end'', partition_interval = ''12 hours''',
	 'SELECT t, window_start, window_end, count(*), max(x), count(DISTINCT k) AS d FROM s, weir.cumulate(ats, ''2 hours'', ''24 hours'') GROUP BY 1, 2, 3'),
	('by day of its own', 'partition_by = ''day'', partition_interval = ''1 day''',
	 'SELECT date_trunc(''day'', ats) AS day, window_start, count(*) FROM s, weir.hop(at, ''1 hour'', ''2 hours'') GROUP BY 1, 2'),
	('sets', 'partition_by = ''day'', partition_interval = ''1 day''',
	 'SELECT date_trunc(''day'', at, ''UTC'') AS day, k, t, count(*), count(DISTINCT x % 10) AS d FROM s GROUP BY GROUPING SETS ((1, 2), (1, 3), (1))');
INSERT INTO cases (name, options, query, batch) VALUES
	('visits', 'partition_by = ''window_start'', partition_interval = ''1 day''',
	 'SELECT k, window_start, window_end, count(*), sum(x), count(DISTINCT t) AS d FROM s, weir.session(at, ''40 minutes'') GROUP BY 1, 2, 3',
	 'SELECT k, min(at), max(at) + interval ''40 minutes'', count(*), sum(x), count(DISTINCT t) FROM (
		SELECT *, sum(opens) OVER (PARTITION BY k ORDER BY at) AS session FROM (
			SELECT *, CASE WHEN at - lag(at) OVER (PARTITION BY k ORDER BY at) < interval ''40 minutes'' THEN 0 ELSE 1 END AS opens FROM p WHERE at IS NOT NULL) a) b
		GROUP BY k, session');
UPDATE cases SET batch = replace(query, ' FROM s', ' FROM p') WHERE batch IS NULL;
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I WITH (%s) AS %s', c.name, c.options, c.query);
		EXCEPTION WHEN others THEN
			RAISE WARNING '%: %', c.name, sqlerrm;
		END;
	END LOOP;
END$$;
SELECT relname, pg_get_partkeydef(oid) FROM pg_class WHERE relkind = 'p' AND relnamespace = 'partitions_windows'::regnamespace ORDER BY relname COLLATE "C";

\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE c record; n int;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		n := differ(format('TABLE %I', c.name), c.batch);
		IF n > 0 THEN
			RETURN NEXT c.name || ': ' || n;
		END IF;
	END LOOP;
END$$;
CREATE FUNCTION add(first timestamptz, n int, step interval) RETURNS void LANGUAGE sql AS $$
	INSERT INTO p SELECT i % 7, 'key' || i % 5, first + i * step, first + i * step, i FROM generate_series(0, n - 1) i;
	INSERT INTO s SELECT i % 7, 'key' || i % 5, first + i * step, first + i * step, i FROM generate_series(0, n - 1) i;
$$;
CREATE FUNCTION parts(relation text) RETURNS TABLE (part text, bound text) LANGUAGE sql AS $$
	SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
	WHERE i.inhparent = quote_ident(relation)::regclass ORDER BY c.relname COLLATE "C"
$$;
SELECT add('2030-01-10 12:00:00+00', 100, '-30 minutes');
SELECT * FROM differences();
SELECT * FROM parts('distinct_mrel');
SELECT * FROM parts('distinct_vals1');
SELECT count(*) FROM parts('distinct_vals2');
-- rows before the oldest partition, again into those that are there, and far ahead
SELECT add('2030-01-03 07:13:00+00', 100, '17 minutes');
SELECT add('2030-01-10 12:00:00+00', 50, '-41 minutes');
SELECT add('2030-03-30 12:00:00+00', 60, '3 hours');
SELECT * FROM differences();
SELECT * FROM parts('total_vals1');
-- NULL and infinite times have the default partition
INSERT INTO p VALUES (1, 'a', NULL, NULL, 3), (1, 'b', NULL, NULL, 4), (1, 'a', NULL, NULL, 3), (1, 'a', '2030-01-05', 'infinity', 5);
INSERT INTO s SELECT * FROM p WHERE at IS NULL OR ats = 'infinity';
SELECT view, count(*), min(message) FROM weir.dead_letters WHERE view = 'cumulating'::regclass GROUP BY 1;
DELETE FROM cases WHERE name = 'cumulating';
SELECT * FROM differences();
SELECT part FROM parts('ordered_vals2') WHERE part ~ 'default';

-- only the partitions asked for are read, of values as well
CREATE FUNCTION read_by(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line !~ 'never executed' THEN
			RETURN QUERY SELECT m[1] FROM regexp_matches(line, 'on "?([\w ]+_(mrel|vals1)_\d+)\M') m;
		END IF;
	END LOOP;
END $$;
SELECT DISTINCT read_by($$SELECT weir.combine(d) FROM "distinct" WHERE day = '2030-01-09 00:00+00'$$) ORDER BY 1;

-- DDL goes to all of them
ALTER VIEW "hopping distinct" RENAME TO hopping_distinct;
UPDATE cases SET name = 'hopping_distinct' WHERE name = 'hopping distinct';
CREATE SCHEMA partitions_windows2;
CREATE ROLE regress_weir_pw;
GRANT USAGE ON SCHEMA partitions_windows, partitions_windows2 TO regress_weir_pw;
GRANT SELECT ON s TO regress_weir_pw;
ALTER VIEW ordered OWNER TO regress_weir_pw;
ALTER VIEW ordered SET SCHEMA partitions_windows2;
SELECT DISTINCT relowner::regrole, relnamespace::regnamespace FROM pg_class WHERE relname ~ '^ordered_(mrel|vals\d)' AND relkind IN ('r', 'p');
SET search_path = partitions_windows, partitions_windows2;
SELECT add('2030-01-15 12:00:00+00', 20, '-30 minutes');
SELECT * FROM differences();
SELECT part FROM parts('hopping_distinct_vals1') WHERE part ~ '20300115';
INSERT INTO distinct_vals1_20300109 DEFAULT VALUES;
CREATE INDEX ON hopping (window_start);
CREATE INDEX ON hopping (k);
ANALYZE hopping (k, window_start);
CREATE OR REPLACE VIEW hopping WITH (partition_by = 'window_start', partition_interval = '6 hours') AS
	SELECT k, window_start, window_end, count(*), sum(x), avg(x), max(x) FROM s, weir.hop(at, '1 hour', '3 hours') GROUP BY 1, 2, 3;
DELETE FROM cases WHERE name = 'hopping';
INSERT INTO s VALUES (100, 'a', '2030-01-08 10:10+00', NULL, 5), (1, 'a', '2030-01-09 10:10+00', NULL, 1000);
INSERT INTO p VALUES (100, 'a', '2030-01-08 10:10+00', NULL, 5), (1, 'a', '2030-01-09 10:10+00', NULL, 1000);
SELECT k, window_start, count, sum, max FROM hopping WHERE k = 100 OR k = 1 AND max > 0 ORDER BY 1, 2;
SELECT * FROM differences();

-- taken together over partitions
SELECT k, weir.combine(d) AS d, weir.combine(count) AS n FROM "distinct" WHERE day BETWEEN '2030-01-04' AND '2030-01-09' GROUP BY k
EXCEPT ALL SELECT k, count(DISTINCT x % 10), count(*) FROM p WHERE at >= '2030-01-04' AND at < '2030-01-10' GROUP BY k;
SELECT count(*) FROM (SELECT k, weir.combine(d) FROM "distinct" GROUP BY k) a;

SELECT weir.truncate('"distinct"');
SELECT count(*) FROM "distinct";
INSERT INTO s SELECT * FROM p;
SELECT * FROM differences() WHERE differences ~ '^distinct';
SET client_min_messages = warning;
DROP VIEW "distinct", ordered, total, hopping, hopping_distinct, "hopping row", cumulating, "by day of its own", sets, visits;
RESET client_min_messages;
SELECT relname FROM pg_class WHERE relname ~ '_(mrel|vals\d)' AND relnamespace::regnamespace::text ~ '^partitions_windows';
DROP SCHEMA partitions_windows2;
DROP OWNED BY regress_weir_pw;
DROP ROLE regress_weir_pw;

-- as time goes on partitions are dropped, with their values; a window is shown while it is whole
SELECT weir.set_clock('2030-01-10 12:00:00+00');
TRUNCATE p;
CREATE VIEW kept WITH (partition_by = 'h', partition_interval = '1 hour', retention = '6 hours') AS
	SELECT date_trunc('hour', at, 'UTC') AS h, k, count(*), count(DISTINCT x % 3) AS d FROM s GROUP BY 1, 2;
CREATE VIEW living WITH (partition_by = 'h', partition_interval = '2 hours', ttl = '6 hours', ttl_column = 'h') AS
	SELECT date_trunc('hour', at, 'UTC') AS h, count(DISTINCT x) AS d FROM s GROUP BY 1;
CREATE VIEW sliding WITH (sw = '3 hours', sw_column = 'at', step_factor = 10, partition_by = 'at', partition_interval = '1 hour') AS
	SELECT k, count(*), count(DISTINCT x) AS d FROM s GROUP BY 1;
CREATE VIEW hops WITH (partition_by = 'window_start', partition_interval = '2 hours', retention = '6 hours') AS
	SELECT k, window_start, count(*), count(DISTINCT x % 3) AS d FROM s, weir.hop(at, '1 hour', '4 hours') GROUP BY 1, 2;
CREATE VIEW series WITH (partition_by = 'window_end', partition_interval = '2 hours', retention = '12 hours') AS
	SELECT window_start, window_end, count(*) FROM s, weir.cumulate(ats, '1 hour', '4 hours') GROUP BY 1, 2;
CREATE VIEW stays WITH (partition_by = 'window_start', partition_interval = '2 hours', retention = '6 hours') AS
	SELECT x / 50 AS who, window_start, window_end, count(*), count(DISTINCT x) AS d FROM s, weir.session(at, '70 minutes') GROUP BY 1, 2, 3;
CREATE VIEW batch_stays AS
	SELECT who, min(at) AS window_start, max(at) + interval '70 minutes' AS window_end, count(*), count(DISTINCT x) AS d FROM (
		SELECT *, sum(opens) OVER (PARTITION BY who ORDER BY at) AS session FROM (
			SELECT x / 50 AS who, x, at, CASE WHEN at - lag(at) OVER (PARTITION BY x / 50 ORDER BY at) < interval '70 minutes' THEN 0 ELSE 1 END AS opens FROM p) a) b
	GROUP BY who, session;
CREATE PROCEDURE run(n int) LANGUAGE plpgsql AS $$
DECLARE
	most int := 0;
	now int;
	wrong int := 0;
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM weir.advance_clock('1 hour');
		COMMIT;
		INSERT INTO p SELECT j % 3, 'a', weir.clock() - j * interval '25 minutes', weir.clock() - j * interval '25 minutes', 10 * i + j FROM generate_series(1, 5) j;
		INSERT INTO s SELECT * FROM p WHERE x BETWEEN 10 * i AND 10 * i + 9;
		COMMIT;
		PERFORM weir.ttl_expire(v) FROM unnest('{kept,living,sliding,hops,series,stays}'::regclass[]) v;
		COMMIT;
		SELECT count(*) INTO now FROM pg_class WHERE relname ~ '_(mrel|vals1)_' AND relkind = 'r' AND relnamespace = 'partitions_windows'::regnamespace;
		most := greatest(most, now);
		SELECT wrong + count(*) INTO wrong FROM (
			(TABLE hops EXCEPT ALL SELECT k, window_start, count(*), count(DISTINCT x % 3) FROM p, weir.hop(at, '1 hour', '4 hours') GROUP BY 1, 2)
			UNION ALL
			(SELECT k, window_start, count(*), count(DISTINCT x % 3) FROM p, weir.hop(at, '1 hour', '4 hours') WHERE window_start > weir.clock() - interval '6 hours' GROUP BY 1, 2
			 EXCEPT ALL TABLE hops)
			UNION ALL
			(SELECT 0, window_start, extract(hour FROM window_end), count FROM series EXCEPT ALL
			 SELECT 0, window_start, extract(hour FROM window_end), count(*) FROM p, weir.cumulate(ats, '1 hour', '4 hours') GROUP BY 2, window_end)
			UNION ALL
			(SELECT who, window_start, count, d FROM stays EXCEPT ALL SELECT who, window_start, count, d FROM batch_stays)
			UNION ALL
			(SELECT who, window_start, count, d FROM batch_stays WHERE window_end > weir.clock() - interval '6 hours'
			 EXCEPT ALL SELECT who, window_start, count, d FROM stays)
			UNION ALL
			(SELECT k, h, count, d FROM kept WHERE h > weir.clock() - interval '6 hours' EXCEPT ALL
			 SELECT k, date_trunc('hour', at), count(*), count(DISTINCT x % 3) FROM p GROUP BY 1, 2)) d;
		COMMIT;
	END LOOP;
	RAISE NOTICE 'at most 90 partitions: %, wrong: %', most <= 90, wrong;
END $$;
CALL run(14);
SELECT count(*) > 0 AS some FROM kept;
SELECT count(*) > 0 AS some FROM hops;
SELECT count(*) > 0 AS some FROM series;
SELECT count(*) BETWEEN 2 AND 6 AS some, (SELECT count(*) FROM parts('stays_mrel')) < 12 AS few FROM stays;
SELECT count(*), bool_and(count = d) AS values_of_all FROM sliding;
SELECT min(h) > weir.clock() - interval '9 hours' AS young FROM living_vals1;
SELECT min(h) > weir.clock() - interval '9 hours' AS young FROM kept_vals1;
SELECT min(pane) > weir.clock() - interval '10 hours' AS young FROM hops_vals1;
-- what comes when it has expired does not count; without a ttl it does, and finds none of the old values
INSERT INTO s VALUES (1, 'a', '2030-01-10 13:00+00', '2030-01-10 13:00', 1);
SELECT count(*) FROM living WHERE h = '2030-01-10 13:00+00';
SELECT weir.set_ttl('living', NULL, NULL);
INSERT INTO s VALUES (1, 'a', '2030-01-10 13:00+00', '2030-01-10 13:00', 1);
SELECT * FROM living WHERE h = '2030-01-10 13:00+00';
-- a partition that was taken out leaves no values to what comes after it
ALTER TABLE living_mrel DETACH PARTITION living_mrel_20300110_1200;
DROP TABLE living_mrel_20300110_1200;
INSERT INTO s VALUES (1, 'a', '2030-01-10 13:00+00', '2030-01-10 13:00', 2);
SELECT * FROM living WHERE h = '2030-01-10 13:00+00';

-- windows that the watermark closed: each is shown whole or not at all, in partitions or not
CREATE FOREIGN TABLE e (at timestamptz, ats timestamp, x int) SERVER weir OPTIONS (event_time 'at', max_future 'none');
CREATE VIEW closed WITH (emit = final, retention = '2 hours', partition_by = 'window_start', partition_interval = '1 hour') AS
	SELECT window_start, window_end, count(*), count(DISTINCT x % 50) AS d FROM e, weir.hop(at, '10 minutes', '1 hour') GROUP BY 1, 2;
CREATE VIEW closed_rows WITH (emit = final, retention = '2 hours') AS
	SELECT window_start, window_end, count(*), count(DISTINCT x % 50) AS d FROM e, weir.hop(at, '10 minutes', '1 hour') GROUP BY 1, 2;
CREATE VIEW closed_days WITH (late = drop, retention = '1 day', partition_by = 'window_end', partition_interval = '1 day') AS
	SELECT window_start, window_end, count(*) FROM e, weir.cumulate(at, '6 hours', '24 hours') GROUP BY 1, 2;
CREATE TABLE pe (at timestamptz, ats timestamp, x int);
CREATE PROCEDURE run_closed(n int) LANGUAGE plpgsql AS $$
DECLARE
	wrong int := 0;
	shown int := 0;
	i int;
BEGIN
	FOR i IN 1 .. n LOOP
		INSERT INTO pe SELECT '2030-01-01 00:00+00'::timestamptz + j * interval '7 minutes', NULL, j FROM generate_series(i * 10, i * 10 + 9) j;
		INSERT INTO e SELECT * FROM pe WHERE x >= i * 10;
		COMMIT;
		PERFORM weir.ttl_expire('closed');
		COMMIT;
		SELECT wrong + count(*) INTO wrong FROM (
			SELECT * FROM (TABLE closed UNION ALL TABLE closed_rows) u EXCEPT
			SELECT window_start, window_end, count(*), count(DISTINCT x % 50) AS d FROM pe, weir.hop(at, '10 minutes', '1 hour') GROUP BY 1, 2) d;
		SELECT wrong + count(*) INTO wrong FROM (TABLE closed_days EXCEPT
			SELECT window_start, window_end, count(*) FROM pe, weir.cumulate(at, '6 hours', '24 hours') GROUP BY 1, 2) d;
		SELECT wrong + count(*) INTO wrong FROM (TABLE closed EXCEPT TABLE closed_rows) d;
		SELECT shown + count(*) INTO shown FROM closed;
		COMMIT;
	END LOOP;
	RAISE NOTICE 'wrong: %, shown: %', wrong, shown > 150;
END $$;
CALL run_closed(20);
SELECT count(*) BETWEEN 6 AND 13 AS few, min(window_start) > weir.watermark('e') - interval '3 hours' AS young FROM closed;

-- refused
CREATE VIEW bad WITH (partition_by = 'x', partition_interval = '1 day') AS
	SELECT extract(hour FROM window_start) AS x, window_start, count(*) FROM s, weir.hop(at, '1 hour', '2 hours') GROUP BY window_start;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = '1 day', emit = final) AS
	SELECT date_trunc('day', ats) AS day, window_end, count(*) FROM e, weir.hop(at, '1 hour', '2 hours') GROUP BY 1, 2;
CREATE VIEW bad WITH (ttl = '1 day', ttl_column = 'window_start') AS SELECT k, window_start, count(*) FROM s, weir.hop(at, '1 hour', '2 hours') GROUP BY 1, 2;
CREATE VIEW bad WITH (ttl = '1 day', ttl_column = 'window_start') AS SELECT k, window_start, count(*) FROM s, weir.session(at, '1 hour') GROUP BY 1, 2;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA partitions_windows CASCADE;
