-- What a continuous view cannot be, and what is said of it.
\set VERBOSITY default
CREATE SCHEMA view_refused;
SET search_path = view_refused;
CREATE FOREIGN TABLE s (k int, t text, x int, n numeric, v tsvector, at timestamptz, ats timestamp) SERVER weir;
CREATE FOREIGN TABLE s2 (k int, y int) SERVER weir;
CREATE TABLE names (k int PRIMARY KEY, name text);

-- whole queries
CREATE VIEW v AS SELECT k FROM s INTERSECT SELECT k FROM s2;
CREATE VIEW v AS SELECT k FROM s EXCEPT ALL SELECT k FROM names;
CREATE VIEW v AS SELECT s.k, count(*) FROM s JOIN s2 USING (k) GROUP BY s.k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT DISTINCT k FROM s) q GROUP BY k;
CREATE VIEW v AS SELECT c, count(*) FROM (SELECT k, count(*) AS c FROM s GROUP BY k) q GROUP BY c;
CREATE VIEW v AS SELECT c FROM (SELECT count(*) AS c FROM s) q;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s LIMIT 10) q GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s ORDER BY k) q GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s UNION SELECT k FROM s2) q GROUP BY k;
CREATE VIEW v AS SELECT r, count(*) FROM (SELECT random() AS r FROM s) q GROUP BY r;
CREATE VIEW v AS SELECT n.k, count(q.x) FROM names n LEFT JOIN (SELECT k, x FROM s) q USING (k) GROUP BY n.k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM names n WHERE EXISTS (SELECT FROM s WHERE s.k = n.k)) q GROUP BY k;
CREATE VIEW v AS WITH q AS (SELECT k, count(*) AS c FROM s GROUP BY k) SELECT c, count(*) FROM q GROUP BY c;
CREATE VIEW v AS WITH q AS (SELECT k FROM s) SELECT a.k, count(*) FROM q a JOIN q b USING (k) GROUP BY a.k;
CREATE VIEW v AS WITH q AS (SELECT k FROM s) SELECT n.k, count(*) FROM names n WHERE n.k IN (SELECT k FROM q) GROUP BY n.k;
CREATE VIEW v AS SELECT a.k FROM (SELECT k FROM s) a JOIN (SELECT k FROM s2) b USING (k);
CREATE VIEW v AS SELECT k, (SELECT count(*) FROM names WHERE names.k = max(s.x)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT tableoid FROM (SELECT tableoid FROM s) q;
CREATE VIEW v AS SELECT n.k FROM names n WHERE EXISTS (SELECT FROM s WHERE s.k = n.k);
CREATE VIEW v AS SELECT n.name, count(*) FROM names n LEFT JOIN s ON s.k = n.k GROUP BY n.name;
CREATE VIEW v AS SELECT n.name, count(*) FROM s FULL JOIN names n ON s.k = n.k GROUP BY n.name;
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k FOR UPDATE;
CREATE VIEW v AS SELECT k, row_number() OVER (ORDER BY at) FROM s;
CREATE VIEW v AS SELECT 1 AS one FROM s HAVING true;
CREATE VIEW v AS SELECT k, count(*) FROM s TABLESAMPLE BERNOULLI (10) GROUP BY k;
CREATE RECURSIVE VIEW v (k) AS SELECT k FROM s UNION SELECT k + 1 FROM v;

CREATE VIEW v AS SELECT k FROM s FOR SHARE;
CREATE VIEW v AS SELECT q.k FROM (SELECT k FROM s FOR UPDATE) q;
CREATE VIEW v AS WITH gone AS (DELETE FROM names RETURNING k) SELECT s.k FROM s, gone;
CREATE VIEW v AS WITH RECURSIVE r AS (SELECT k FROM s UNION ALL SELECT k + 1 FROM r WHERE k < 5) SELECT * FROM r;
CREATE VIEW v AS SELECT FROM s;
CREATE VIEW v AS SELECT k FROM s WHERE k IN (SELECT k FROM s2);
CREATE VIEW v AS SELECT k, (SELECT max(y) FROM s2) FROM s;
CREATE VIEW v AS SELECT k, count(*) FILTER (WHERE EXISTS (SELECT FROM s2 WHERE s2.k = s.k)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k FROM s GROUP BY k HAVING k NOT IN (SELECT k FROM s2);
CREATE VIEW v AS SELECT k FROM s ORDER BY (SELECT max(y) FROM s2);
CREATE VIEW v AS SELECT k FROM s LIMIT (SELECT count(*) FROM s2);
CREATE VIEW v AS SELECT k FROM s OFFSET (SELECT count(*) FROM s2);
CREATE VIEW v WITH (sw = '1 hour') AS SELECT k FROM s LIMIT (SELECT count(*) FROM s2);
CREATE VIEW v AS SELECT g FROM s, generate_series(1, (SELECT max(y) FROM s2)) g;
CREATE VIEW v AS SELECT s.k FROM s JOIN (VALUES ((SELECT max(y) FROM s2))) q (k) USING (k);
CREATE VIEW v AS SELECT g FROM generate_series(1, (SELECT max(k) FROM s)) g;
CREATE VIEW v AS SELECT k, g FROM (SELECT k, generate_series(1, generate_series(1, k)) AS g, generate_series(1, 2) FROM s) q;
CREATE VIEW v AS SELECT k, g FROM (SELECT DISTINCT k, generate_series(1, k) AS g FROM s) q;
CREATE VIEW v AS SELECT q.r FROM (SELECT row_number() OVER () AS r FROM s) q;
CREATE VIEW v AS SELECT n.k, q.x FROM names n JOIN LATERAL (SELECT s.x FROM s JOIN names z ON z.k = n.k) q ON true;
CREATE VIEW v AS SELECT s.k FROM names n LEFT JOIN (names m JOIN s ON s.k = m.k) ON n.k = m.k;
CREATE VIEW v AS SELECT count(*) FROM s, weir.session(at, '1 minute') w GROUP BY w.window_start HAVING max((SELECT max(y) FROM s2)) > 0;

-- the present
CREATE VIEW v AS SELECT count(*) FROM s WHERE age(at) < interval '1 hour';
CREATE VIEW v AS SELECT count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' OR k > 1;
CREATE VIEW v AS SELECT count(*) FILTER (WHERE at > now()) FROM s;
CREATE VIEW v AS SELECT weir.session(at, '1 minute') AS w FROM s;
CREATE VIEW v AS SELECT k, max((weir.session(at, '1 minute')).window_end) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, w.window_start, (SELECT max(k) FROM names WHERE extract(hour FROM w.window_start) = k) FROM s, weir.session(at, '1 minute') w GROUP BY 1, 2;

-- aggregates, keys and columns
CREATE VIEW v AS SELECT k, count(DISTINCT x + random()) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, sum(x ORDER BY random()) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM s WHERE random() < 0.5 GROUP BY k;
CREATE VIEW v AS SELECT s.k, count(DISTINCT x) FROM s JOIN names n TABLESAMPLE SYSTEM (10) ON n.k = s.k GROUP BY s.k;
CREATE VIEW v AS SELECT k, array_agg(v ORDER BY k) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, array_agg(row_to_json(s) ORDER BY k) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, mode() WITHIN GROUP (ORDER BY (SELECT r FROM (SELECT k, x) r)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, count(DISTINCT x) FILTER (WHERE random() < 0.5) FROM s GROUP BY k;
SELECT format('CREATE VIEW v AS SELECT %s FROM s', string_agg(format('count(DISTINCT x + %s)', i), ', ')) FROM generate_series(1, 33) i \gexec
CREATE AGGREGATE greatest_of(int) (SFUNC = int4larger, STYPE = int);
CREATE VIEW v AS SELECT k, greatest_of(x) FROM s GROUP BY k;
CREATE VIEW v AS SELECT v, count(*) FROM s GROUP BY v;
CREATE VIEW v AS SELECT k, weir.first(x, (at, n)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, cardinality(array_agg((x, n))) FROM s GROUP BY k;
CREATE VIEW v AS SELECT random() AS r, count(*) FROM s GROUP BY r;
CREATE VIEW v AS SELECT tableoid, count(*) FROM s GROUP BY tableoid;

-- options
CREATE VIEW v WITH (swi = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (colour = 'red') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = 10) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = 'soon') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = '10 ms') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (step_factor = 5) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour', step_factor = 60) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour', sw_column = 'x') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour', sw_column = 'nosuch') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (action = transform) AS SELECT k, x FROM s;
CREATE VIEW v WITH (action = nonsense) AS SELECT k, x FROM s;
CREATE VIEW v WITH (pk = 'k') AS SELECT k, x FROM s;
CREATE VIEW v WITH (fillfactor = 5) AS SELECT k, x FROM s;
CREATE VIEW v WITH (security_invoker) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, x FROM s WITH CHECK OPTION;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT * FROM names;
CREATE VIEW v WITH (action = materialize) AS SELECT * FROM names;
CREATE VIEW v WITH (sw = '1 hour', sw = '2 hours') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (security_barrier, security_barrier = false) AS SELECT k, count(*) FROM s GROUP BY k;

-- what would make each row a dead letter
CREATE VIEW v AS SELECT date_trunc('day', arrival_timestamp, 'Nowhere') AS d, count(*) FROM s GROUP BY 1;
CREATE VIEW v AS SELECT arrival_timestamp AT TIME ZONE 'Nowhere' AS d FROM s;
CREATE VIEW v AS SELECT count(*) FROM s WHERE (arrival_timestamp::timestamp AT TIME ZONE 'Nowhere') > '2030-01-01';
CREATE VIEW v AS SELECT window_start, count(*) FROM s, weir.tumble(arrival_timestamp, '1 day', zone => 'Nowhere') GROUP BY 1;
CREATE VIEW v AS SELECT window_start, count(*) FROM s, weir.hop(arrival_timestamp, '1 day', '2 days', zone => 'Nowhere') GROUP BY 1;
CREATE VIEW v AS SELECT weir.time_bucket('1 day', arrival_timestamp, zone => 'Nowhere') AS d, count(*) FROM s GROUP BY 1;
CREATE VIEW v AS SELECT weir.last(x, '{}'::json) FROM s;
CREATE VIEW v AS SELECT k, weir.keyed_min(point(k, x), x) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, weir.top_n(3, to_json(x)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, weir.first_values(3, x, xmlparse(content '<a/>')) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, weir.approx_count_distinct(to_json(x)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, weir.bloom_agg(point(k, x)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, weir.topk_agg(ARRAY[to_json(x)], 3) FROM s GROUP BY k;

-- other statements
CREATE TEMP VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
CREATE MATERIALIZED VIEW v AS SELECT k, count(*) FROM s GROUP BY k WITH NO DATA;
CREATE TABLE v AS SELECT k FROM s;
SELECT k INTO v FROM s;
CREATE VIEW v (a, b, c) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, nosuch FROM s;

CREATE VIEW v AS SELECT count(*) FROM s GROUP BY ROLLUP (k + 0, k + 1, k + 2, k + 3, k + 4, k + 5, k + 6, k + 7, k + 8, k + 9, k + 10, k + 11, k + 12, k + 13, k + 14, k + 15, k + 16, k + 17, k + 18, k + 19, k + 20, k + 21, k + 22, k + 23, k + 24, k + 25, k + 26, k + 27, k + 28, k + 29, k + 30, k + 31);
-- indexes and calls
CREATE VIEW i AS SELECT k, count(*), now() - max(at) AS age, rank() OVER (ORDER BY count(*)) AS r FROM s GROUP BY k;
CREATE INDEX ON i (age);
CREATE INDEX ON i (r);
DROP VIEW i;
SELECT weir.hash_key(VARIADIC ARRAY[1, 2]);
SELECT weir.hash_key('{}'::json);
SELECT weir.finalize(NULL::regprocedure, 1, NULL::int);
SELECT weir.finalize('max(anyarray)'::regprocedure, ARRAY['int[]', 'int']::regtype[], ARRAY[1], NULL::int[]);
SELECT weir.collect(x) FROM (VALUES (ARRAY[1, 2]), (NULL), (ARRAY[]::int[]), (ARRAY[NULL, 3])) q (x);
CREATE FOREIGN TABLE s3 (k int) SERVER weir;
ALTER FOREIGN TABLE s3 DROP COLUMN arrival_timestamp;
ALTER FOREIGN TABLE s3 RENAME COLUMN arrival_timestamp TO came;
ALTER FOREIGN TABLE s3 ADD COLUMN arrival_timestamp timestamptz;

-- nothing is left behind
SELECT relname FROM pg_class WHERE relnamespace IN ('view_refused'::regnamespace, 'weir'::regnamespace)
	AND (relname LIKE 'v\_%' OR relname = 'v');
SELECT count(*) FROM weir.continuous_view;

-- rights
CREATE ROLE view_refused_user;
GRANT USAGE, CREATE ON SCHEMA view_refused TO view_refused_user;
SET ROLE view_refused_user;
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;
GRANT SELECT ON s TO view_refused_user;
SET ROLE view_refused_user;
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO weir.continuous_view SELECT * FROM weir.continuous_view;
RESET ROLE;
SELECT c.relname, pg_get_userbyid(c.relowner) FROM pg_class c
	WHERE c.relname IN ('v', 'v_mrel', 'v_def') ORDER BY 1;
SELECT schema, name, owner, state FROM weir.views;

SET client_min_messages = warning;
DROP SCHEMA view_refused CASCADE;
DROP OWNED BY view_refused_user;
DROP ROLE view_refused_user;
SELECT count(*) FROM weir.continuous_view;
SELECT relname FROM pg_class WHERE relnamespace = 'weir'::regnamespace AND relname LIKE '%\_def';
