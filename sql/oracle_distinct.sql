-- agg(DISTINCT x): the same as a batch query over the same rows.
CREATE SCHEMA oracle_distinct;
SET search_path = oracle_distinct, public;
SET jit = off;
CREATE FOREIGN TABLE s (k int, g text, x int, n numeric, t text, f float8, a int[], at timestamptz) SERVER weir;
CREATE TABLE p (k int, g text, x int, n numeric, t text, f float8, a int[], at timestamptz);

-- A view over s by the same query as a view over p.
CREATE PROCEDURE make(name text, query text, options text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE VIEW %I %s AS %s', name, options, replace(query, '@', 's'));
	EXECUTE format('CREATE VIEW %I AS %s', name || '_batch', replace(query, '@', 'p'));
END $$;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
-- Rows with repeated values, NULLs, and equal values that look different; the same into both.
CREATE PROCEDURE fill(seed int, n int)
LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE q AS
		SELECT nullif(h % 5, 4) AS k, nullif(substr('abc', (h / 7 % 4)::int, 1), '') AS g,
			nullif(h / 11 % 23, 7)::int AS x, (h / 13 % 9) / 2.0 AS n,
			(ARRAY['a', 'B', 'b', 'ä', 'A', NULL, '', 'zz'])[1 + h / 17 % 8] AS t,
			(ARRAY[0.5, 'NaN', 'Infinity', NULL, -2, 7e300])[1 + h / 19 % 6]::float8 AS f,
			CASE WHEN h / 23 % 5 > 0 THEN ARRAY[(h / 23 % 3)::int, NULL] END AS a,
			'2030-01-01 00:00+00'::timestamptz + h / 29 % 7200 * interval '1 second' AS at
		FROM (SELECT abs(hashint8(i * 1000003::bigint + seed))::bigint AS h FROM generate_series(1, n) i) r;
	INSERT INTO s SELECT * FROM q;
	INSERT INTO p SELECT * FROM q;
	DROP TABLE q;
END $$;

CALL make('v_count', 'SELECT k, count(DISTINCT x) FROM @ GROUP BY k');
CALL make('v_many', 'SELECT k, count(*), count(DISTINCT x) AS cx, sum(DISTINCT x) AS sx, avg(DISTINCT x) AS ax, count(DISTINCT t) AS ct,
	array_agg(DISTINCT t) AS at, string_agg(DISTINCT t, '','') AS st, min(DISTINCT x), max(x), stddev(DISTINCT x) FROM @ GROUP BY k');
CALL make('v_keys', 'SELECT g, k % 2 AS odd, count(DISTINCT (x, t)) AS pairs, count(DISTINCT a), array_agg(DISTINCT a) FILTER (WHERE a IS NOT NULL) FROM @ GROUP BY g, k % 2');
CALL make('v_alone', 'SELECT count(DISTINCT x), sum(DISTINCT n), array_agg(DISTINCT f), count(*) AS n FROM @');
CALL make('v_only', 'SELECT count(DISTINCT t) FROM @');
CALL make('v_filter', 'SELECT k, count(DISTINCT x) FILTER (WHERE t > ''a'') AS c, array_agg(DISTINCT x) FILTER (WHERE x > 20) AS a,
	sum(DISTINCT x) FILTER (WHERE x > 1000) AS none, count(DISTINCT x) AS all FROM @ GROUP BY k');
CALL make('v_having', 'SELECT g, count(*) FROM @ GROUP BY g HAVING count(DISTINCT x) > 5');
CALL make('v_where', 'SELECT g, 1 + count(DISTINCT upper(t)) AS c, string_agg(DISTINCT upper(t), ''-'' ORDER BY upper(t) DESC NULLS LAST) FROM @ WHERE x > 3 GROUP BY g');
CALL make('v_window', 'SELECT g, count(DISTINCT x) AS c, rank() OVER (ORDER BY count(DISTINCT x) DESC, g) FROM @ GROUP BY g');
CALL make('v_minute', 'SELECT date_trunc(''minute'', at, ''UTC'') AS m, count(DISTINCT k), avg(DISTINCT n) FROM @ GROUP BY 1');
CALL make('v_collate', 'SELECT k, string_agg(DISTINCT t COLLATE "C", '','') AS c, array_agg(DISTINCT t COLLATE "POSIX") AS p FROM @ GROUP BY k');
CALL make('v_hop', 'SELECT window_start, window_end, g, count(DISTINCT x), sum(x) FROM @, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY 1, 2, 3');
-- groups of several windows: a value is in as many of them as batch says
CALL make('v_hops', 'SELECT g, count(DISTINCT x), string_agg(t, '','' ORDER BY t, x) AS s, percent_rank(3) WITHIN GROUP (ORDER BY x) FROM @, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY g');
CALL make('v_hops_some', 'SELECT k, count(DISTINCT x), sum(DISTINCT x) FILTER (WHERE k > 1) AS s, array_agg(x ORDER BY x) AS a FROM @, weir.hop(at, ''10 minutes'', ''20 minutes'')
	WHERE window_start IN (''2030-01-01 00:00+00'', ''2030-01-01 01:00+00'') GROUP BY k');
CALL make('v_starts', 'SELECT window_start, cume_dist(3) WITHIN GROUP (ORDER BY x), count(DISTINCT x) FROM @, weir.cumulate(at, ''15 minutes'', ''1 hour'') GROUP BY window_start');
CALL make('v_ends', 'SELECT window_end, cume_dist(3) WITHIN GROUP (ORDER BY x) FROM @, weir.cumulate(at, ''15 minutes'', ''1 hour'') GROUP BY window_end');
CALL make('v_const', 'SELECT k, count(DISTINCT 1) AS one, count(DISTINCT 2) FILTER (WHERE x = 3) AS three FROM @ GROUP BY k');
CALL make('v_sub', 'SELECT k, c FROM (SELECT k, x AS c FROM @ WHERE x > 2) q GROUP BY k, c HAVING count(DISTINCT c) = 1');
SELECT * FROM compare_views();
CALL fill(1, 1);
SELECT * FROM compare_views() WHERE missing + extra > 0;
CALL fill(2, 500);
CALL fill(3, 3000);
SELECT * FROM compare_views();
CALL fill(4, 3000);
CALL fill(5, 10);
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- What is read: one group by an index, and no values for columns that are not asked for.
EXPLAIN (COSTS OFF) SELECT * FROM v_count WHERE k = 1;
EXPLAIN (COSTS OFF) SELECT k, count FROM v_many WHERE k = 1;
\d v_filter_vals1

-- a row that is rolled back
BEGIN;
INSERT INTO s SELECT 1, 'a', 1000 + i FROM generate_series(1, 10) i;
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO s SELECT 1, 'a', 1000 + i FROM generate_series(1, 10) i;
ROLLBACK TO a;
INSERT INTO s SELECT 2, 'b', 2000;
INSERT INTO p SELECT 2, 'b', 2000;
COMMIT;
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- A bad row counts nowhere in its view, whichever of its queries it fails in; elsewhere it counts.
CALL make('v_bad', 'SELECT k, count(*), sum(10 / k) AS s, count(DISTINCT x) AS x FROM @ GROUP BY k');
CALL make('v_bad_value', 'SELECT k, count(*), count(DISTINCT 10 / x) AS x FROM @ GROUP BY k');
CALL make('v_good', 'SELECT k, count(*), count(DISTINCT 10 / x) FILTER (WHERE x <> 0) AS x FROM @ GROUP BY k');
CREATE TABLE before AS TABLE p;
TRUNCATE p;
INSERT INTO s (k, x) SELECT i % 3, i % 5 FROM generate_series(1, 100) i;
SELECT * FROM v_bad ORDER BY k;
SELECT k, count(*), sum(10 / k), count(DISTINCT i % 5) FROM (SELECT i % 3 AS k, i FROM generate_series(1, 100) i) r WHERE k <> 0 GROUP BY k ORDER BY k;
SELECT * FROM v_bad_value ORDER BY k;
SELECT i % 3 AS k, count(*), count(DISTINCT 10 / (i % 5)) FROM generate_series(1, 100) i WHERE i % 5 <> 0 GROUP BY i % 3 ORDER BY k;
SELECT * FROM v_good ORDER BY k;
SELECT i % 3 AS k, count(*), count(DISTINCT 10 / nullif(i % 5, 0)) FROM generate_series(1, 100) i GROUP BY i % 3 ORDER BY k;
SELECT view, count(*), min(message) FROM weir.dead_letters WHERE stream = 's'::regclass GROUP BY view ORDER BY 1::text;
SELECT name, state FROM weir.views WHERE schema = current_schema() AND state <> 'active';
INSERT INTO p SELECT * FROM before;
INSERT INTO p (k, x) SELECT i % 3, i % 5 FROM generate_series(1, 100) i;
DROP VIEW v_bad, v_bad_batch, v_bad_value, v_bad_value_batch, v_good, v_good_batch;
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- 1.0 and 1.00 are one value; which of them is shown is up to PostgreSQL too
INSERT INTO s (k, n) VALUES (77, 1.0), (77, 1.00), (77, 2);
SELECT cx, ct, (SELECT count(*) FROM v_many_vals1 WHERE k = 77) FROM v_many WHERE k = 77;
CREATE VIEW scales AS SELECT sum(DISTINCT n) AS s, array_agg(DISTINCT n)::float8[] AS a, array_agg(n ORDER BY n, n::text) AS all FROM s;
INSERT INTO s (n) VALUES (1.0), (1.00);
INSERT INTO s (n) VALUES (2), (1.00);
SELECT s::float8, a, "all" FROM scales;
DROP VIEW scales;

-- Life of a view: its values go with it.
SELECT name, matrel, "values" FROM weir.views WHERE name = 'v_filter' AND schema = current_schema();
ALTER VIEW v_filter RENAME TO v_f;
CREATE SCHEMA oracle_distinct_2;
ALTER VIEW v_f SET SCHEMA oracle_distinct_2;
CREATE ROLE weir_test_values;
GRANT USAGE, CREATE ON SCHEMA oracle_distinct_2, oracle_distinct TO weir_test_values;
GRANT SELECT ON s TO weir_test_values;
ALTER VIEW oracle_distinct_2.v_f OWNER TO weir_test_values;
SELECT c.relname, n.nspname, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE c.relname ~ '^v_f_' AND relkind IN ('r', 'v') ORDER BY 1;
INSERT INTO s (k, x, t) VALUES (5, 30, 'b'), (5, 31, 'c'), (5, 30, 'd');
SELECT * FROM oracle_distinct_2.v_f WHERE k = 5;
SELECT weir.truncate('oracle_distinct_2.v_f');
INSERT INTO s (k, x, t) VALUES (5, 40, 'b');
TABLE oracle_distinct_2.v_f;
SELECT weir.deactivate('oracle_distinct_2.v_f');
INSERT INTO s (k, x, t) VALUES (5, 50, 'b');
SELECT weir.activate('oracle_distinct_2.v_f');
INSERT INTO s (k, x, t) VALUES (5, 60, 'b');
TABLE oracle_distinct_2.v_f;
VACUUM ANALYZE oracle_distinct_2.v_f;
INSERT INTO oracle_distinct_2.v_f_vals1 DEFAULT VALUES;
ALTER TABLE oracle_distinct_2.v_f_vals1 ADD COLUMN y int;
ALTER TABLE oracle_distinct_2.v_f_vals1 RENAME TO w;
DROP TABLE oracle_distinct_2.v_f_vals1;
DROP VIEW oracle_distinct_2.v_f;
SELECT relname FROM pg_class WHERE relname ~ '^v_f_';
CREATE VIEW v_x AS SELECT count(DISTINCT x) FROM s;
\set VERBOSITY terse
DROP TABLE v_x_vals1 CASCADE;
SELECT relname FROM pg_class WHERE relname ~ '^v_x';


-- CREATE OR REPLACE VIEW: aggregates over values that are kept already can be added
\set VERBOSITY default
CREATE VIEW v_r AS SELECT k, count(DISTINCT x) AS d FROM s GROUP BY k;
INSERT INTO s (k, x) VALUES (1, 1), (1, 2);
CREATE OR REPLACE VIEW v_r AS SELECT k, count(DISTINCT x) AS d, sum(x) AS s, sum(DISTINCT x) AS ds FROM s GROUP BY k;
INSERT INTO s (k, x) VALUES (1, 1), (1, 4);
TABLE v_r;
CREATE OR REPLACE VIEW v_r AS SELECT k, count(DISTINCT x) AS d, sum(x) AS s, sum(DISTINCT x) AS ds, mode() WITHIN GROUP (ORDER BY x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW v_r AS SELECT k, count(DISTINCT x) AS d, sum(x) AS s, sum(DISTINCT x) AS ds, count(DISTINCT t) FROM s GROUP BY k;
CREATE OR REPLACE VIEW v_r AS SELECT k, count(DISTINCT x) AS d, sum(x) AS s, sum(DISTINCT x) AS ds FROM s GROUP BY ROLLUP (k);
\set VERBOSITY terse

SET client_min_messages = warning;
DROP SCHEMA oracle_distinct CASCADE;
DROP SCHEMA oracle_distinct_2 CASCADE;
DROP ROLE weir_test_values;
