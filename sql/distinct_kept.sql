-- agg(DISTINCT x) whose result is kept in the group's row: the same as a batch query, whatever happens to the view.
CREATE SCHEMA distinct_kept;
SET search_path = distinct_kept, public;
SET jit = off;
CREATE FOREIGN TABLE s (k int, g text, x int, y smallint, b bigint, n numeric, t text, at timestamptz) SERVER weir;
CREATE TABLE p (k int, g text, x int, y smallint, b bigint, n numeric, t text, at timestamptz);
CREATE PROCEDURE make(name text, query text, options text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE VIEW %I %s AS %s', name, options, replace(query, '@', 's'));
	EXECUTE format('CREATE VIEW %I AS %s', name || '_batch', replace(query, '@', 'p'));
END $$;
-- Also counts the views that differ in what they show, and of which.
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE PROCEDURE fill(seed int, n int)
LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE q AS
		SELECT nullif(h % 5, 4) AS k, nullif(substr('abc', (h / 7 % 4)::int, 1), '') AS g,
			nullif(h / 11 % 211, 7)::int AS x, (h / 13 % 90 - 40)::smallint AS y, nullif(h / 17 % 300, 1) * 4611686018427387 AS b,
			(ARRAY['NaN', '1.0', '1.00', '-7.25', '1e20', NULL, 'Infinity', '3'])[1 + h / 19 % 8]::numeric AS n,
			(ARRAY['a', 'B', 'b', 'ä', 'A', NULL, '', 'zz'])[1 + h / 23 % 8] AS t,
			'2030-01-01 00:00+00'::timestamptz + h / 29 % 7200 * interval '1 second' AS at
		FROM (SELECT abs(hashint8(i * 1000003::bigint + seed))::bigint AS h FROM generate_series(1, n) i) r;
	INSERT INTO s SELECT * FROM q;
	INSERT INTO p SELECT * FROM q;
	DROP TABLE q;
END $$;

-- kept
CALL make('v_one', 'SELECT k, count(DISTINCT x) FROM @ GROUP BY k');
CALL make('v_text_key', 'SELECT g, t, count(DISTINCT x) AS x, count(*), max(x) FROM @ GROUP BY g, t');
CALL make('v_types', 'SELECT k, sum(DISTINCT x) AS sx, avg(DISTINCT x) AS ax, sum(DISTINCT y) AS sy, avg(DISTINCT y) AS ay, sum(DISTINCT b) AS sb, avg(DISTINCT b) AS ab,
	stddev(DISTINCT x), variance(DISTINCT b) AS v, var_pop(DISTINCT y), stddev_samp(DISTINCT x + y), count(DISTINCT t), count(DISTINCT n) AS cn FROM @ GROUP BY k');
CALL make('v_numeric', 'SELECT g, sum(DISTINCT n)::float8 AS s, avg(DISTINCT n)::float8 AS a, stddev(DISTINCT n) FILTER (WHERE n < 10)::float8 AS d FROM @ GROUP BY g');
CALL make('v_rows', 'SELECT g, count(DISTINCT (x, t)) AS c, count(DISTINCT ROW(n, NULL::int)) AS r, count(DISTINCT (k, g)) FILTER (WHERE x > 100) AS f FROM @ GROUP BY g');
CALL make('v_filter', 'SELECT k, count(DISTINCT t) FILTER (WHERE x > 100) AS c, sum(DISTINCT x) FILTER (WHERE t IS NULL) AS s, count(DISTINCT t) AS all, avg(DISTINCT x) FILTER (WHERE x < 0) AS none FROM @ GROUP BY k');
CALL make('v_having', 'SELECT g, t FROM @ GROUP BY g, t HAVING count(DISTINCT x) > 30 AND sum(DISTINCT y) > 100');
CALL make('v_total', 'SELECT count(DISTINCT t), sum(DISTINCT b) + 1 AS s, count(*) AS n FROM @');
CALL make('v_alone', 'SELECT count(DISTINCT x) FROM @');
CALL make('v_order', 'SELECT k, count(DISTINCT x ORDER BY x DESC) FROM @ GROUP BY k');
CALL make('v_minute', 'SELECT window_start, count(DISTINCT x) AS x FROM @, weir.tumble(at, ''1 minute'') GROUP BY 1');
-- kept beside an aggregate that needs the numbers of the same values
CALL make('v_shared', 'SELECT k, count(DISTINCT x), percentile_disc(0.3) WITHIN GROUP (ORDER BY x) AS p, array_agg(x ORDER BY x) AS a,
	sum(DISTINCT x) FILTER (WHERE y > 3) AS s, mode() WITHIN GROUP (ORDER BY x) FILTER (WHERE y > 3) AS m FROM @ GROUP BY k');
-- count(*) of nothing is there as well: not the same as what is kept
CALL make('v_nothing', 'SELECT k, count(DISTINCT x), count(x) FILTER (WHERE false) AS none FROM @ GROUP BY k');
-- not kept: equal values that look different are apart; floats depend on their order; several rows make a group
CALL make('v_images', 'SELECT g, count(DISTINCT n), array_agg(n ORDER BY n, n::text) AS a FROM @ GROUP BY g');
CALL make('v_float', 'SELECT g, sum(DISTINCT x::float8), array_agg(DISTINCT x) FROM @ GROUP BY g');
CALL make('v_sets', 'SELECT k, g, count(DISTINCT x) FROM @ GROUP BY CUBE (k, g)');
CALL make('v_hop', 'SELECT window_start, count(DISTINCT x) FROM @, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY 1');

-- Where it is kept the view reads no values.
SELECT v.name, pg_get_viewdef(format('%I', v.name)::regclass) ~ '_vals' AS reads_values
FROM weir.views v WHERE v.schema = current_schema() ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT * FROM v_one WHERE k = 1;
\d v_filter_mrel

SELECT * FROM compare_views() WHERE missing + extra > 0;
CALL fill(1, 1);
SELECT * FROM compare_views() WHERE missing + extra > 0;
CALL fill(2, 500);
CALL fill(3, 3000);
CALL fill(3, 3000);
SELECT * FROM compare_views();
CALL fill(4, 3000);
CALL fill(5, 10);
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- A value that did not pass FILTER before.
INSERT INTO s (k, x, t) VALUES (50, 1, 'a'), (50, 1, NULL);
INSERT INTO p (k, x, t) VALUES (50, 1, 'a'), (50, 1, NULL);
SELECT * FROM v_filter WHERE k = 50;
INSERT INTO s (k, x, t) VALUES (50, 101, 'a'), (50, 102, NULL), (50, 102, 'a');
INSERT INTO p (k, x, t) VALUES (50, 101, 'a'), (50, 102, NULL), (50, 102, 'a');
SELECT * FROM v_filter WHERE k = 50;
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- rows that are rolled back, and bad ones
BEGIN;
INSERT INTO s (k, x) SELECT 1, 1000 + i FROM generate_series(1, 10) i;
ROLLBACK;
CALL make('v_bad', 'SELECT k, count(DISTINCT 10 / x) AS c, count(DISTINCT t) AS t FROM @ WHERE k >= 100 GROUP BY k');
INSERT INTO s (k, x, t) SELECT 100 + i % 2, i % 3, 'a' || i FROM generate_series(1, 30) i;
SELECT * FROM v_bad ORDER BY k;
INSERT INTO p (k, x, t) SELECT 100 + i % 2, i % 3, 'a' || i FROM generate_series(1, 30) i WHERE i % 3 <> 0;
SELECT * FROM v_bad_batch ORDER BY k;
INSERT INTO p (k, x, t) SELECT 100 + i % 2, i % 3, 'a' || i FROM generate_series(1, 30) i WHERE i % 3 = 0;
DROP VIEW v_bad, v_bad_batch;
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- weir.combine goes by the values: groups share some
SELECT weir.combine(count) = (SELECT count(DISTINCT x) FROM p) AS same FROM v_one;
SELECT g, weir.combine(x) AS x, weir.combine(count) AS n FROM v_text_key GROUP BY g ORDER BY g;
SELECT g, count(DISTINCT x) AS x, count(*) AS n FROM p GROUP BY g ORDER BY g;
SELECT weir.combine(sx) = (SELECT sum(DISTINCT x) FROM p WHERE k > 1) AS sum, weir.combine(ab) = (SELECT avg(DISTINCT b) FROM p WHERE k > 1) AS avg FROM v_types WHERE k > 1;
SELECT weir.combine(c) = (SELECT count(DISTINCT t) FILTER (WHERE x > 100) FROM p) AS filtered FROM v_filter;
CREATE VIEW by_parity AS SELECT k % 2 AS odd, weir.combine(count) AS c FROM v_one GROUP BY k % 2;
SELECT * FROM by_parity EXCEPT ALL SELECT k % 2, count(DISTINCT x) FROM p GROUP BY k % 2;
SELECT weir.combine(count, NULL::bigint) FROM v_one_mrel;
-- with the rights that the view is read with
CREATE ROLE distinct_kept_reader;
GRANT USAGE ON SCHEMA distinct_kept TO distinct_kept_reader;
GRANT SELECT ON v_one TO distinct_kept_reader;
SET ROLE distinct_kept_reader;
SELECT weir.combine(count) FROM v_one WHERE k = 50;
SELECT count(*) FROM v_one_vals1;
RESET ROLE;

-- CREATE OR REPLACE VIEW: what comes later over values that are there already is computed from them
CREATE OR REPLACE VIEW v_one AS SELECT k, count(DISTINCT x), sum(DISTINCT x) AS s, count(*) AS n FROM s GROUP BY k;
CREATE OR REPLACE VIEW v_one_batch AS SELECT k, count(DISTINCT x), sum(DISTINCT x) AS s FROM p GROUP BY k;
CALL fill(6, 300);
SELECT * FROM (SELECT k, count, s FROM v_one EXCEPT ALL TABLE v_one_batch) d;
SELECT pg_get_viewdef('v_one'::regclass) ~ '_vals' AS reads_values;
CREATE OR REPLACE VIEW v_one AS SELECT k, count(DISTINCT x), sum(DISTINCT x) AS s, count(*) AS n, count(DISTINCT t) AS t FROM s GROUP BY k;
CREATE OR REPLACE VIEW v_one AS SELECT k, count(DISTINCT x), sum(DISTINCT x) AS s, count(*) AS n, array_agg(DISTINCT x) AS a FROM s GROUP BY k;
DROP VIEW by_parity, v_one, v_one_batch;
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- emptied, and from then on
SELECT weir.truncate('v_total'), weir.truncate('v_types'), weir.truncate('v_filter');
TABLE v_total;
SELECT (SELECT count(*) FROM v_types), (SELECT count(*) FROM v_types_vals1);
CREATE TABLE before AS TABLE p;
TRUNCATE p;
CALL fill(7, 700);
SELECT * FROM compare_views() WHERE missing + extra > 0 AND name IN ('v_total', 'v_types', 'v_filter');
INSERT INTO p SELECT * FROM before;

-- rows that outlive their ttl go with their values, and begin anew
SELECT weir.set_clock('2030-01-01 12:00+00');
CREATE VIEW mortal WITH (ttl = '1 hour', ttl_column = 'day') AS SELECT date_trunc('hour', at, 'UTC') AS day, k, count(DISTINCT x) AS c, sum(DISTINCT x) AS s FROM s GROUP BY 1, 2;
INSERT INTO s (k, x, at) SELECT 1, i % 10, '2030-01-01 12:10+00' FROM generate_series(1, 100) i;
TABLE mortal;
SELECT weir.set_clock('2030-01-01 14:00+00');
SELECT weir.ttl_expire('mortal') <= 1;
SELECT weir.flush();
SELECT (SELECT count(*) FROM mortal) AS groups, (SELECT count(*) FROM mortal_vals1) AS values;
INSERT INTO s (k, x, at) SELECT 1, i % 7, '2030-01-01 14:10+00' FROM generate_series(1, 100) i;
INSERT INTO s (k, x, at) SELECT 1, i % 8, '2030-01-01 14:10+00' FROM generate_series(1, 100) i;
TABLE mortal;
SELECT weir.set_clock(NULL);

SET client_min_messages = warning;
DROP SCHEMA distinct_kept CASCADE;
DROP ROLE distinct_kept_reader;
