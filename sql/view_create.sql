-- What CREATE VIEW over a stream makes: def view, matrel, indexes and view.
CREATE SCHEMA view_create;
SET search_path = view_create;
CREATE FOREIGN TABLE s (k int, t text, x int, n numeric, f float8, at timestamptz, ats timestamp) SERVER weir;
CREATE TABLE names (k int PRIMARY KEY, name text);

-- grouped: keys, then states; what is computed stays in the view
CREATE VIEW grouped AS
	SELECT k, count(*), avg(x) AS a, sum(n), stddev(f), count(*) + sum(x) AS both
	FROM s WHERE x IS DISTINCT FROM 7 GROUP BY k HAVING count(*) > 1 ORDER BY k LIMIT 10;
\d grouped_mrel
\d+ grouped
SELECT pg_get_viewdef('weir.grouped_def');
SELECT schema, name, view, matrel, def, streams, state, sw, step, query FROM weir.views WHERE name = 'grouped';

-- keys of any length are found by their hash
CREATE VIEW by_text (text, key, groups) AS SELECT t, k % 10, count(*) FROM s GROUP BY t, k % 10;
\d by_text_mrel
\d+ by_text

-- one row, also before any came
CREATE VIEW total AS SELECT count(*), sum(x), avg(n), bool_and(x > 0) AS positive FROM s;
SELECT * FROM total;

-- rows as they are
CREATE VIEW log WITH (fillfactor = 100) AS SELECT k, x + 1 AS x1 FROM s WHERE k > 1;
\d+ log_mrel

-- SELECT DISTINCT
CREATE VIEW pairs AS SELECT DISTINCT k, t FROM s;
\d+ pairs

-- sliding windows
CREATE VIEW hour WITH (sw = '1 hour', step_factor = 10) AS
	SELECT k, count(*), avg(n), max(t) FROM s GROUP BY k HAVING count(*) > 1;
\d hour_mrel
\d+ hour
CREATE VIEW hour_total WITH (sw = '1 hour') AS SELECT count(*), max(x) FROM s;
\d+ hour_total
SELECT * FROM hour_total;
CREATE VIEW hour_log WITH (sw = '1 hour', sw_column = ats) AS SELECT k FROM s;
\d+ hour_log
SELECT name, sw, step FROM weir.views WHERE sw IS NOT NULL ORDER BY name;

-- joins; a column that depends on the key
CREATE VIEW joined AS
	SELECT n.name, count(*) FROM s JOIN names n USING (k) GROUP BY n.k ORDER BY 2 DESC;
\d+ joined
\d joined_mrel

-- window functions and DISTINCT over groups
CREATE VIEW ranked AS
	SELECT k, sum(x), rank() OVER (ORDER BY sum(x) DESC) AS place FROM s GROUP BY k;
\d+ ranked

-- polymorphic aggregates in a sliding window
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FOREIGN TABLE moods (m mood, arr int[]) SERVER weir;
CREATE VIEW moody WITH (sw = '1 minute') AS SELECT max(m) AS m, max(arr) AS arr FROM moods;
\d+ moody

-- options of ordinary views pass through; names that are taken are avoided
CREATE TABLE taken_mrel ();
CREATE VIEW taken WITH (security_barrier) AS SELECT k AS ctid2, count(*) AS "_0" FROM s GROUP BY k;
SELECT view, matrel FROM weir.views WHERE name = 'taken';
SELECT reloptions FROM pg_class WHERE oid = 'taken'::regclass;
CREATE VIEW taken AS SELECT k FROM s;

-- rows in, rows out
INSERT INTO s SELECT g % 3, 't' || g % 2, g, g / 2.0, g, now(), now()::timestamp FROM generate_series(1, 30) g;
INSERT INTO moods VALUES ('sad', '{1}'), ('happy', '{3}'), (NULL, NULL);
SELECT * FROM grouped;
SELECT * FROM by_text ORDER BY 1, 2;
SELECT * FROM total;
SELECT count(*) FROM log;
SELECT * FROM pairs ORDER BY 1, 2;
SELECT * FROM hour ORDER BY 1;
SELECT * FROM hour_total;
SELECT count(*) FROM hour_log;
SELECT * FROM ranked ORDER BY 3;
SELECT * FROM moody;

-- start over
SELECT weir.truncate('total');
SELECT * FROM total;
SELECT weir.truncate('grouped');
SELECT * FROM grouped;
INSERT INTO s (k, x) VALUES (1, 1), (1, 2);
SELECT * FROM total;
SELECT * FROM grouped;

-- functions on states refuse what does not fit
SELECT weir.finalize('avg(int)'::regprocedure, '{2,6}'::bigint[], NULL::numeric);
SELECT weir.finalize('avg(int)'::regprocedure, '{2,6}'::bigint[], NULL::text);
SELECT weir.finalize('avg(int)'::regprocedure, 'x'::text, NULL::numeric);
SELECT weir.finalize('abs(int)'::regprocedure, 1, 1);
SELECT weir.combine('max(anyenum)'::regprocedure, '{mood}'::regtype[], m, NULL::mood) FROM unnest('{sad,happy}'::mood[]) m;
SELECT weir.combine('avg(int)'::regprocedure, a, NULL::numeric) FROM (VALUES ('{2,6}'::bigint[]), ('{1,9}'), (NULL)) v(a);

SET client_min_messages = warning;
DROP SCHEMA view_create CASCADE;
SELECT count(*) FROM weir.continuous_view;
