-- Time over UNION ALL of streams: windows that slide, the option sw, event time and its watermark; types, rights, streams that go.
CREATE SCHEMA union_time;
SET search_path = union_time;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT weir.set_clock('2030-01-02 12:00+00');
CREATE FOREIGN TABLE a (k int, at timestamptz, v int) SERVER weir OPTIONS (event_time 'at', watermark '10 seconds');
CREATE FOREIGN TABLE b (id bigint, ts timestamptz, w numeric(10, 2), at timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '1 minute');
CREATE FOREIGN TABLE l (k int, at timestamp) SERVER weir OPTIONS (event_time 'at');
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT i, 'name ' || i % 3 FROM generate_series(0, 5) i;
CREATE TABLE pa (k int, at timestamptz, v int, arrival_timestamp timestamptz, late boolean);
CREATE TABLE pb (id bigint, ts timestamptz, w numeric(10, 2), at timestamptz, arrival_timestamp timestamptz, late boolean);

-- the watermark of a union is the least of its streams'
CREATE VIEW final WITH (emit = final) AS
	SELECT window_start, k, count(*), sum(n), count(DISTINCT n) AS d
	FROM (SELECT k, at, v AS n FROM a UNION ALL SELECT id, ts, w FROM b WHERE w >= 0) u, weir.tumble(at, '1 minute') GROUP BY 1, 2;
CREATE VIEW diverted WITH (emit = final, late = divert, allowed_lateness = '20 seconds') AS
	SELECT date_bin('1 minute', u.at, '2000-01-01 00:00+00') AS minute, name, count(*)
	FROM (SELECT a.k, a.at FROM a UNION ALL SELECT b.id, b.ts FROM names n JOIN b ON n.k = b.id) u LEFT JOIN names USING (k) GROUP BY 1, 2;
CREATE VIEW hopping WITH (emit = final) AS
	SELECT window_end, count(*) FROM (SELECT at FROM a UNION ALL SELECT ts FROM b) u, weir.hop(at, '30 seconds', '2 minutes') GROUP BY 1;
CREATE VIEW visits WITH (emit = final, late = drop) AS
	SELECT k, window_start, window_end, count(*) FROM (SELECT at, k FROM a UNION ALL SELECT ts, id FROM b) u, weir.session(at, '30 seconds') GROUP BY 1, 2, 3;
CREATE VIEW dropped WITH (late = drop, retention = '5 minutes', partition_by = 'window_start', partition_interval = '1 minute') AS
	SELECT window_start, count(*) FROM (SELECT at FROM a UNION ALL SELECT at FROM a WHERE v > 5 UNION ALL SELECT ts FROM b) u, weir.tumble(at, '1 minute') GROUP BY 1;
SELECT pg_get_viewdef('final'::regclass) ~ 'watermark\(''final_mrel''::regclass, ''a''::regclass, VARIADIC ARRAY\[''b''::regclass\]\)' AS of_both;

INSERT INTO a VALUES (1, '2030-01-01 00:00:05', 1), (2, '2030-01-01 00:05:00', 2);
SELECT weir.watermark('a'), weir.watermark('b'), weir.watermark('a', 'b');
SELECT count(*) FROM final;
INSERT INTO b VALUES (1, '2030-01-01 00:00:55', 10, NULL);
SELECT weir.watermark('a'), weir.watermark('b'), weir.watermark('a', 'b');
SELECT count(*) FROM final;
INSERT INTO b VALUES (1, '2030-01-01 00:02:10', 1.5, NULL);
SELECT weir.watermark('a', 'b'), weir.watermark('b', 'a'), weir.watermark('a', 'a');
TABLE final;
-- late for a by its own watermark, but not for the union
INSERT INTO a VALUES (1, '2030-01-01 00:01:20', 3);
SELECT * FROM weir.late_counts WHERE view = 'final'::regclass;
INSERT INTO a VALUES (1, '2030-01-01 00:00:59', 3);
SELECT view, dropped, diverted FROM weir.late_counts WHERE view::text IN ('final', 'diverted', 'hopping', 'dropped') ORDER BY view::text COLLATE "C";
INSERT INTO b VALUES (1, '2030-01-01 00:00:59', 3, NULL);
SELECT view, dropped, diverted FROM weir.late_counts WHERE view::text IN ('final', 'diverted', 'hopping', 'dropped') ORDER BY view::text COLLATE "C";
TABLE final;

-- out of order at random: what is judged on time by the least watermark is counted, and what is closed is shown
SELECT weir.truncate(v) FROM unnest('{final,diverted,hopping,visits,dropped}'::regclass[]) v;
DELETE FROM weir.late_counts;
DELETE FROM weir.late_rows;
CREATE PROCEDURE run(n int) LANGUAGE plpgsql AS $$
DECLARE
	least_before timestamptz;
	t timestamptz;
BEGIN
	PERFORM setseed(0.5);
	FOR i IN 1 .. n LOOP
		SELECT weir.watermark('a', 'b') INTO least_before;
		t := '2030-01-01 01:00'::timestamptz + i * interval '4 seconds' - random() * interval '3 minutes';
		IF random() < 0.5 THEN
			INSERT INTO pa VALUES (i % 5, t, i % 9, NULL, date_bin('1 minute', t, '2000-01-01') + interval '1 minute' <= least_before);
			INSERT INTO a SELECT k, at, v FROM pa WHERE at = t;
		ELSE
			INSERT INTO pb VALUES (i % 5, t, i % 9, NULL, NULL, date_bin('1 minute', t, '2000-01-01') + interval '1 minute' <= least_before);
			INSERT INTO b SELECT id, ts, w FROM pb WHERE ts = t;
		END IF;
		COMMIT;
	END LOOP;
END$$;
CALL run(150);
SELECT count(*) FILTER (WHERE late) > 5 AS late, count(*) FILTER (WHERE NOT late) > 50 AS on_time FROM (SELECT late FROM pa UNION ALL SELECT late FROM pb) u;
CREATE VIEW expected AS
	SELECT window_start, k, count(*), sum(n), count(DISTINCT n) AS d
	FROM (SELECT k, at, v AS n FROM pa WHERE NOT late UNION ALL SELECT id, ts, w FROM pb WHERE NOT late) u, weir.tumble(at, '1 minute')
	WHERE window_end <= weir.watermark('a', 'b') GROUP BY 1, 2;
TABLE final EXCEPT ALL TABLE expected;
TABLE expected EXCEPT ALL TABLE final;
SELECT count(*) > 20 AS some FROM final;
SELECT dropped = (SELECT count(*) FROM (SELECT late FROM pa UNION ALL SELECT late FROM pb) u WHERE late) AS all_late FROM weir.late_counts WHERE view = 'final'::regclass;
SELECT count(DISTINCT stream) AS streams, count(*) = (SELECT diverted FROM weir.late_counts WHERE view = 'diverted'::regclass) AS all_of_them
	FROM weir.late_rows WHERE view = 'diverted'::regclass;
-- what has been shown never changed: all that were shown are whole
SELECT count(*) FROM (SELECT window_end, count(*) FROM (SELECT at FROM pa UNION ALL SELECT ts FROM pb) u, weir.hop(at, '30 seconds', '2 minutes') GROUP BY 1) b
	JOIN hopping h USING (window_end) WHERE h.count > b.count;
SELECT weir.ttl_expire('dropped') >= 0 AS done;
SELECT min(window_start) >= date_trunc('minute', weir.watermark('a', 'b') - interval '7 minutes') AS young FROM dropped;
ALTER FOREIGN TABLE b OPTIONS (DROP event_time, DROP watermark);

-- event time that cannot be
CREATE VIEW bad WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM a UNION ALL SELECT at FROM b) u, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM a UNION ALL SELECT ts + interval '1 second' FROM b) u, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM a UNION ALL SELECT at FROM l) u, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE FOREIGN TABLE none (at timestamptz) SERVER weir;
CREATE VIEW bad WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM a UNION ALL SELECT at FROM none) u, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT k, count(*) FROM (SELECT k FROM a UNION ALL SELECT id FROM b) u GROUP BY 1;
-- timestamps alone, and the same stream twice
CREATE VIEW local WITH (emit = final) AS SELECT window_start, count(*) FROM (SELECT at FROM l UNION ALL SELECT at FROM l WHERE k > 1) u, weir.tumble(at, '1 minute') GROUP BY 1;
INSERT INTO l VALUES (1, '2030-01-01 00:00:10'), (2, '2030-01-01 00:00:20'), (3, '2030-01-01 00:01:00');
TABLE local;

-- sliding windows: the option sw, by a column of the union, of its streams, by the arrival
SELECT weir.set_clock('2030-01-02 12:00+00');
TRUNCATE pa, pb;
CREATE TABLE cases (name text, options text, query text, batch text);
INSERT INTO cases VALUES
	('by column', 'sw = ''1 hour'', sw_column = ''t''', 'SELECT k, count(*), avg(n) AS m FROM (SELECT k, at AS t, v AS n FROM a UNION ALL SELECT id, at, w FROM b) u GROUP BY k',
	 'SELECT k, count(*), avg(n) FROM (SELECT k, at AS t, v AS n FROM pa UNION ALL SELECT id, at, w FROM pb) u WHERE t > weir.clock() - interval ''1 hour'' GROUP BY k'),
	('by hidden column', 'sw = ''1 hour'', sw_column = ''at''', 'SELECT k, count(*), count(DISTINCT n) AS d FROM (SELECT k, v AS n FROM a WHERE v > 1 UNION ALL SELECT id, w FROM b JOIN names ON k = id) u GROUP BY k',
	 'SELECT k, count(*), count(DISTINCT n) FROM (SELECT k, v AS n, at FROM pa WHERE v > 1 UNION ALL SELECT id, w, at FROM pb JOIN names ON k = id) u WHERE at > weir.clock() - interval ''1 hour'' GROUP BY k'),
	('by arrival', 'sw = ''1 hour''', 'SELECT n.name, count(*) FROM (SELECT k FROM a UNION ALL SELECT id FROM b UNION ALL SELECT k + 1 FROM a) u LEFT JOIN names n USING (k) GROUP BY 1',
	 'SELECT n.name, count(*) FROM (SELECT k FROM pa UNION ALL SELECT id FROM pb UNION ALL SELECT k + 1 FROM pa) u LEFT JOIN names n USING (k) GROUP BY 1'),
	('joined', 'sw = ''1 hour'', sw_column = ''at''', 'SELECT j.name, m.name AS other, min(j.k) AS l, count(*) FROM (names n RIGHT JOIN (SELECT k FROM a UNION ALL SELECT id FROM b) u USING (k)) j JOIN names m ON m.k = j.k GROUP BY 1, 2',
	 'SELECT n.name, m.name, min(u.k), count(*) FROM (SELECT k, at FROM pa UNION ALL SELECT id, at FROM pb) u LEFT JOIN names n USING (k) JOIN names m ON m.k = u.k WHERE u.at > weir.clock() - interval ''1 hour'' GROUP BY 1, 2'),
	('nested', 'sw = ''30 minutes'', sw_column = ''at''', 'SELECT count(*) FROM (SELECT k * 2 AS k2 FROM ((SELECT k FROM a UNION ALL SELECT id FROM b) UNION ALL SELECT k FROM a) u WHERE k > 1) q',
	 'SELECT count(*) FROM (SELECT k, at FROM pa UNION ALL SELECT id, at FROM pb UNION ALL SELECT k, at FROM pa) u WHERE k > 1 AND at > weir.clock() - interval ''30 minutes'''),
	('log', 'sw = ''1 hour'', sw_column = ''at''', 'SELECT k, v AS "N n" FROM a UNION ALL SELECT id, w FROM b',
	 'SELECT k, n FROM (SELECT k, v AS n, at FROM pa UNION ALL SELECT id, w, at FROM pb) u WHERE at > weir.clock() - interval ''1 hour'''),
	('distinct', 'sw = ''1 hour'', sw_column = ''at''', 'SELECT k FROM a UNION SELECT id FROM b ORDER BY 1',
	 'SELECT DISTINCT k FROM (SELECT k, at FROM pa UNION ALL SELECT id, at FROM pb) u WHERE at > weir.clock() - interval ''1 hour'''),
	('where', '', 'SELECT k, count(*) FROM (SELECT k, at FROM a UNION ALL SELECT id, at FROM b) u WHERE at > clock_timestamp() - interval ''1 hour'' GROUP BY k',
	 'SELECT k, count(*) FROM (SELECT k, at FROM pa UNION ALL SELECT id, at FROM pb) u WHERE at > weir.clock() - interval ''1 hour'' GROUP BY k');
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I %s AS %s', 'sw ' || c.name, 'WITH (' || nullif(c.options, '') || ')', c.query);
		EXCEPTION WHEN others THEN
			RAISE WARNING '%: %', c.name, sqlerrm;
		END;
	END LOOP;
END$$;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE c record; n int; m int;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		n := differ(format('TABLE %I', 'sw ' || c.name), c.batch);
		EXECUTE format('SELECT count(*) FROM %I', 'sw ' || c.name) INTO m;
		RETURN NEXT format('%s: %s wrong, %s', c.name, n, CASE WHEN m > 0 THEN 'some rows' ELSE 'no row' END);
	END LOOP;
END$$;
INSERT INTO pa SELECT i % 7, weir.clock() - i * interval '150 seconds' + interval '10 seconds', i % 4, weir.clock() FROM generate_series(0, 60) i;
INSERT INTO pb SELECT i % 5, NULL, 1 + i / 7.0, weir.clock() - i * interval '150 seconds' + interval '10 seconds', weir.clock() FROM generate_series(0, 60) i;
INSERT INTO a SELECT k, at, v FROM pa WHERE v > 2;
BEGIN;
INSERT INTO a SELECT k, at, v FROM pa WHERE v <= 2;
INSERT INTO b SELECT id, ts, w, at FROM pb;
COMMIT;
SELECT * FROM differences();
SELECT weir.advance_clock('42 minutes');
SELECT * FROM differences() WHERE differences !~ '^(by arrival|.*: 0 wrong)';
SELECT weir.advance_clock('3 hours');
SELECT count(*) FROM "sw by arrival";
SELECT pg_get_viewdef('weir."sw by hidden column_def"'::regclass) ~ 'a\.at.*b\.at' AS has_both;

CREATE VIEW bad WITH (sw = '1 hour', sw_column = 'ts') AS SELECT count(*) FROM (SELECT k FROM a UNION ALL SELECT id FROM b) u;
CREATE VIEW bad WITH (sw = '1 hour', sw_column = 'k') AS SELECT count(*) FROM (SELECT k FROM a UNION ALL SELECT id FROM b) u;
CREATE VIEW bad WITH (sw = '1 hour', sw_column = 'at') AS SELECT count(*) FROM (SELECT k FROM a UNION ALL SELECT k FROM l) u;
CREATE VIEW bad WITH (sw = '1 hour') AS WITH u AS (SELECT k FROM a UNION ALL SELECT id FROM b) SELECT count(*) FROM u;

-- columns take names and types as PostgreSQL gives them
CREATE DOMAIN score AS int CHECK (value < 1000);
CREATE TYPE mood AS ENUM ('sad', 'fine');
CREATE FOREIGN TABLE c (f float4, n numeric(6, 2), s varchar(3), ch char(4), sc score, m mood, ar int[], r int4range, j jsonb, co text COLLATE "C", d date) SERVER weir;
CREATE FOREIGN TABLE d (i int, big bigint, t text, vc varchar(9), s2 score, tx text, ar bigint[], r int4range, j jsonb, co text COLLATE "C", ts timestamp) SERVER weir;
CREATE TABLE pc (LIKE c);
CREATE TABLE pd (LIKE d);
CREATE TABLE type_cases (name text, query text);
INSERT INTO type_cases VALUES
	('numbers', 'SELECT f AS x, n AS y FROM c UNION ALL SELECT i, big FROM d'),
	('strings', 'SELECT s, ch FROM c UNION ALL SELECT t, vc FROM d'),
	('literals', 'SELECT NULL AS x, ''5'' AS y, f FROM c UNION ALL SELECT i, t, 7 FROM d'),
	('domains', 'SELECT sc FROM c UNION ALL SELECT s2 FROM d UNION ALL SELECT i FROM d'),
	('dates', 'SELECT d, r, j FROM c UNION ALL SELECT ts, r, j FROM d'),
	('collated', 'SELECT co, m FROM c UNION ALL SELECT co, ''sad'' FROM d'),
	('grouped', 'SELECT x, y, count(*), min(y) AS lo FROM (SELECT f AS x, s AS y FROM c UNION ALL SELECT i, vc FROM d) u GROUP BY x, y'),
	('by collated', 'SELECT co, count(*), max(co) AS hi FROM (SELECT co FROM c UNION ALL SELECT co FROM d UNION ALL SELECT s COLLATE "C" FROM c) u GROUP BY co'),
	('renamed', 'SELECT p, sum(q) FROM (SELECT i, s2 FROM d UNION ALL SELECT f, sc FROM c) u (p, q) GROUP BY p');
DO $$
DECLARE t record;
BEGIN
	FOR t IN SELECT * FROM type_cases LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I AS %s', 'ty ' || t.name, t.query);
			EXECUTE format('CREATE VIEW %I AS %s', 'batch ' || t.name, regexp_replace(t.query, 'FROM ([cd])\M', 'FROM p\1', 'g'));
		EXCEPTION WHEN others THEN
			RAISE WARNING '%: %', t.name, sqlerrm;
		END;
	END LOOP;
END$$;
-- the same columns, types, modifiers and collations
SELECT a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), b.attname, format_type(b.atttypid, b.atttypmod)
	FROM pg_attribute a JOIN type_cases t ON a.attrelid = quote_ident('ty ' || t.name)::regclass
	JOIN pg_attribute b ON b.attrelid = quote_ident('batch ' || t.name)::regclass AND b.attnum = a.attnum
	WHERE (a.attname, a.atttypid, a.atttypmod, a.attcollation) IS DISTINCT FROM (b.attname, b.atttypid, b.atttypmod, b.attcollation);
INSERT INTO pc SELECT i / 3.0, i / 7.0, 's' || i % 3, i % 4, i, CASE WHEN i % 2 = 0 THEN 'sad'::mood ELSE 'fine' END, ARRAY[i], int4range(i, i + 2), to_jsonb(i), chr(65 + i % 40), '2030-01-01'::date + i
	FROM generate_series(1, 30) i;
INSERT INTO pc DEFAULT VALUES;
INSERT INTO pd SELECT i, i * 10000000000, 't' || i % 3, i % 4, i, 'x', ARRAY[i], int4range(i, i + 2), to_jsonb(i), chr(65 + i % 40), '2030-01-01'::timestamp + i * interval '7 hours'
	FROM generate_series(1, 30) i;
INSERT INTO c TABLE pc;
INSERT INTO d TABLE pd;
CREATE FUNCTION type_differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE t record; n int;
BEGIN
	FOR t IN SELECT * FROM type_cases LOOP
		EXECUTE format('SELECT count(*) FROM ((SELECT t::text FROM %1$I t EXCEPT ALL SELECT t::text FROM %2$I t) UNION ALL (SELECT t::text FROM %2$I t EXCEPT ALL SELECT t::text FROM %1$I t)) d',
			'ty ' || t.name, 'batch ' || t.name) INTO n;
		IF n > 0 THEN
			RETURN NEXT t.name || ': ' || n;
		END IF;
	END LOOP;
END$$;
SELECT * FROM type_differences();
CREATE VIEW bad AS SELECT co || s AS x FROM c UNION ALL SELECT i FROM d;

-- rights: of each stream, when the view is created and while it counts
CREATE ROLE regress_union_user;
GRANT USAGE, CREATE ON SCHEMA union_time TO regress_union_user;
GRANT SELECT ON c, d TO regress_union_user;
SET ROLE regress_union_user;
CREATE VIEW owned AS SELECT count(*) FROM (SELECT f FROM c UNION ALL SELECT i FROM d) u;
RESET ROLE;
INSERT INTO c (f) VALUES (1);
REVOKE SELECT ON d FROM regress_union_user;
INSERT INTO c (f) VALUES (1);
SELECT state, reason FROM weir.views WHERE name = 'owned' AND schema = 'union_time';
TABLE owned;
GRANT SELECT ON d TO regress_union_user;
SELECT weir.activate('owned');
INSERT INTO d (i) VALUES (1);
TABLE owned;

-- dead letters are of the stream whose row failed
CREATE VIEW ratio AS SELECT count(*), sum(q) FROM (SELECT 10 / f AS q FROM c UNION ALL SELECT 10 / i FROM d UNION ALL SELECT 10 / (i - 1) FROM d) u;
BEGIN;
INSERT INTO c (f) VALUES (5), (0), (2);
INSERT INTO d (i) VALUES (0), (1), (2);
COMMIT;
SELECT stream, message FROM weir.dead_letters WHERE view = 'ratio'::regclass ORDER BY id;
TABLE ratio;

-- a stream goes: with all views that read it, and no others
\set VERBOSITY terse
DROP FOREIGN TABLE d;
CREATE VIEW c_alone AS SELECT count(*) FROM c;
SET client_min_messages = warning;
DROP FOREIGN TABLE d CASCADE;
RESET client_min_messages;
\set VERBOSITY default
INSERT INTO c (f) VALUES (5);
TABLE c_alone;
SELECT count(*) FROM weir.views WHERE schema = 'union_time' AND (name ~ '^ty' OR name IN ('owned', 'ratio'));

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA union_time CASCADE;
DROP ROLE regress_union_user;
