-- Windows of several lengths from one sliding-window view.
CREATE SCHEMA sliding_narrow;
SET search_path = sliding_narrow;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SELECT weir.set_clock('2030-01-02 00:00:00+00');
CREATE FOREIGN TABLE s (k int, x int, n numeric, ats timestamp) SERVER weir;
CREATE TABLE p (k int, x int, n numeric, ats timestamp, at timestamptz);
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(0, 4) i;
CREATE VIEW day WITH (sw = '1 day', step_factor = 1) AS SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM s GROUP BY k;
CREATE VIEW total WITH (sw = '1 day', step_factor = 1) AS SELECT count(*), avg(n) FROM s WHERE k < 3;
CREATE VIEW log WITH (sw = '1 day') AS SELECT k, x FROM s;
CREATE VIEW zone WITH (step_factor = 1) AS SELECT k, count(*) FROM s WHERE ats > (now() AT TIME ZONE 'UTC')::timestamp(6) - interval '1 day' AND ats <= now() GROUP BY k;
CREATE VIEW month AS SELECT k, count(*) FROM s WHERE arrival_timestamp > now() - interval '1 month' GROUP BY k;
ALTER VIEW day RENAME COLUMN stddev TO spread;

CREATE VIEW hour WITH (sw = '1 hour') AS SELECT * FROM day;
CREATE VIEW hours6 WITH (sw = '6 hours') AS SELECT k % 2 AS odd, sum(count) AS count, max(max), min(spread) FROM day d WHERE k < 4 GROUP BY 1;
CREATE VIEW same WITH (sw = '1 day') AS TABLE day;
CREATE VIEW total_hour WITH (sw = '1 hour', security_barrier) AS SELECT count, avg FROM total;
CREATE VIEW log_hour (a, b) WITH (sw = '90 minutes') AS SELECT * FROM log;
CREATE VIEW zone_hour WITH (sw = '1 hour') AS SELECT * FROM zone;
CREATE VIEW joined WITH (sw = '1 hour') AS SELECT name, count, (SELECT count FROM total) AS of FROM day JOIN names USING (k);
CREATE VIEW week WITH (sw = '7 days') AS SELECT * FROM month;

INSERT INTO p SELECT i % 5, i, i / 3.0, t, t FROM generate_series(1, 50) i, generate_series(0, 40) j, LATERAL (SELECT weir.clock() - (j * 47 + 2) * interval '1 minute' AS t) t;
INSERT INTO s (k, x, n, ats, arrival_timestamp) SELECT * FROM p;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE TABLE batch (view text, query text);
INSERT INTO batch VALUES
	('day', 'SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM p WHERE at > weir.clock() - interval ''1 day'' GROUP BY k'),
	('hour', 'SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM p WHERE at > weir.clock() - interval ''1 hour'' GROUP BY k'),
	('same', 'SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM p WHERE at > weir.clock() - interval ''1 day'' GROUP BY k'),
	('hours6', 'SELECT k % 2, sum(count), max(max), min(spread) FROM (SELECT k, count(*), max(x), stddev(x) AS spread FROM p WHERE at > weir.clock() - interval ''6 hours'' GROUP BY k) d WHERE k < 4 GROUP BY 1'),
	('total_hour', 'SELECT count(*), avg(n) FROM p WHERE k < 3 AND at > weir.clock() - interval ''1 hour'''),
	('log_hour', 'SELECT k, x FROM p WHERE at > weir.clock() - interval ''90 minutes'''),
	('zone_hour', 'SELECT k, count(*) FROM p WHERE at > weir.clock() - interval ''1 hour'' GROUP BY k'),
	('joined', 'SELECT name, count(*), (SELECT count(*) FROM p WHERE k < 3 AND at > weir.clock() - interval ''1 hour'') FROM p JOIN names USING (k) WHERE at > weir.clock() - interval ''1 hour'' GROUP BY name'),
	('week', 'SELECT k, count(*) FROM p WHERE at > weir.clock() - interval ''7 days'' GROUP BY k');
SELECT view, compare_queries(format('TABLE %I', view), query) FROM batch ORDER BY view;
-- still no row within a step of an edge
SELECT weir.advance_clock('27 minutes');
SELECT view, compare_queries(format('TABLE %I', view), query) FROM batch ORDER BY view;
CREATE FUNCTION definition(view regclass) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(pg_get_viewdef(view, true), '(\w+_mrel|day|zone|steps|"\?window")\.', '', 'g') $$;
\a
SELECT definition('hour');
SELECT definition('zone_hour');
\a
-- they are ordinary views, and need what they read
SELECT name FROM weir.views ORDER BY name;
DROP VIEW day;
ALTER VIEW day RENAME TO renamed;
SELECT count(*) FROM hour;
CREATE OR REPLACE VIEW total_hour WITH (sw = '2 hours') AS SELECT count, avg FROM total;
SELECT count FROM total_hour;

-- refused
CREATE VIEW v WITH (sw = '2 days') AS SELECT * FROM renamed;
CREATE VIEW v WITH (sw = '20 minutes') AS SELECT * FROM renamed;
CREATE VIEW v WITH (sw = 5) AS SELECT * FROM renamed;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT * FROM names;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT * FROM hour;
CREATE VIEW v WITH (sw = '1 hour', step_factor = 2) AS SELECT * FROM renamed;
CREATE VIEW v WITH (sw = '1 hour', ttl = '1 hour') AS SELECT * FROM renamed;
CREATE ROLE narrow_user;
GRANT USAGE, CREATE ON SCHEMA sliding_narrow TO narrow_user;
GRANT SELECT ON renamed TO narrow_user;
SET ROLE narrow_user;
SELECT count(*) FROM renamed;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT * FROM renamed;
RESET ROLE;
GRANT SELECT ON renamed_mrel TO narrow_user;
SET ROLE narrow_user;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT * FROM renamed;
SELECT count(*) FROM v;
RESET ROLE;

DROP VIEW renamed CASCADE;
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA sliding_narrow CASCADE;
DROP ROLE narrow_user;
