-- Subqueries, WITH and whole rows: what the planner pulls up, and what is run at each reading.
CREATE SCHEMA view_nested;
SET search_path = view_nested;
CREATE FOREIGN TABLE s (k int, t text, x int, arr int[]) SERVER weir;
CREATE TABLE p (k int, t text, x int, arr int[], arrival_timestamp timestamptz);
CREATE TABLE names (k int PRIMARY KEY, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(0, 6) i;
CREATE TABLE cases (name text, query text);
INSERT INTO cases VALUES
	('from_simple', 'SELECT k, count(*) FROM (SELECT k FROM s WHERE x > 5) q GROUP BY k'),
	('from_expr', 'SELECT kk, sum(y), max(u) FROM (SELECT k % 3 AS kk, x * 2 AS y, upper(t) AS u FROM s) q WHERE y > 10 GROUP BY kk HAVING count(*) > 1'),
	('from_twice', 'SELECT a, count(*) FROM (SELECT b + 1 AS a FROM (SELECT k + 1 AS b, x FROM s WHERE x % 2 = 0) r WHERE x > 3) q GROUP BY a'),
	('from_join', 'SELECT n.name, sum(q.y) FROM (SELECT k, x + 1 AS y FROM s WHERE t <> ''b'') q JOIN names n USING (k) GROUP BY n.name'),
	('from_joined', 'SELECT q.name, count(*) FROM (SELECT s.x, n.name FROM s JOIN names n USING (k)) q WHERE q.x < 50 GROUP BY q.name'),
	('from_left', 'SELECT n.name, count(*), count(n.k) AS found FROM (SELECT k + 3 AS k3 FROM s) q LEFT JOIN names n ON n.k = q.k3 GROUP BY n.name'),
	('from_right', 'SELECT name, count(*) FROM names n RIGHT JOIN (SELECT k FROM s WHERE x > 9) q USING (k) GROUP BY name'),
	('from_lateral', 'SELECT n.name, count(*) FROM names n, LATERAL (SELECT x FROM s WHERE s.k = n.k AND s.x > n.k) q GROUP BY n.name'),
	('from_lateral_join', 'SELECT n.name, count(*) FROM names n JOIN LATERAL (SELECT x FROM s WHERE s.k = n.k) q ON q.x > n.k GROUP BY n.name'),
	('from_lateral_left', 'SELECT n.name, m.name AS other, count(*) FROM names n, LATERAL (SELECT x FROM s WHERE s.k = n.k) q LEFT JOIN names m ON m.k = q.x GROUP BY n.name, m.name'),
	('from_lateral_srf', 'SELECT e, count(*) FROM names n, LATERAL (SELECT e FROM s, generate_series(1, n.k) e WHERE s.k = n.k) q GROUP BY e'),
	('from_lateral_two', 'SELECT n.name, sum(y) FROM names n, LATERAL (SELECT r.y FROM (SELECT x + n.k AS y FROM s WHERE s.k = n.k) r WHERE r.y > n.k + 2) q GROUP BY n.name'),
	('from_append', 'SELECT q.y, q.u FROM (SELECT x + 1 AS y, t AS u FROM s) q WHERE q.y > 90'),
	('from_distinct', 'SELECT DISTINCT kk FROM (SELECT k % 4 AS kk FROM s) q'),
	('from_whole', 'SELECT q.a, count(q) FROM (SELECT k AS a, x AS b FROM s) q GROUP BY q.a'),
	('from_total', 'SELECT count(*), sum(v) FROM (SELECT x AS v FROM s) q'),
	('with_simple', 'WITH q AS (SELECT k, x FROM s WHERE x > 5) SELECT k, avg(x) FROM q GROUP BY k'),
	('with_two', 'WITH n AS (SELECT k, name FROM names WHERE k > 1), q AS (SELECT s.k, n.name FROM s JOIN n USING (k)) SELECT name, count(*) FROM q GROUP BY name'),
	('with_nested', 'WITH a AS (SELECT k, x FROM s), b AS MATERIALIZED (SELECT k + 1 AS k1, x FROM a WHERE x > 2) SELECT k1, sum(x) FROM b GROUP BY k1'),
	('with_table', 'WITH n AS (SELECT max(k) AS top FROM names) SELECT k, count(*), (SELECT top FROM n) AS top FROM s GROUP BY k'),
	('where_in', 'SELECT k, count(*) FROM s WHERE k IN (SELECT k FROM names WHERE name > ''name 2'') GROUP BY k'),
	('where_exists', 'SELECT t, sum(x) FROM s WHERE EXISTS (SELECT FROM names n WHERE n.k = s.k AND n.k < s.x) GROUP BY t'),
	('where_scalar', 'SELECT t, sum(x) FROM s WHERE x > (SELECT avg(k) FROM names) GROUP BY t'),
	('agg_sub', 'SELECT t, count(*) FILTER (WHERE k IN (SELECT k FROM names)) AS known, sum((SELECT n.k FROM names n WHERE n.k = s.k)) FROM s GROUP BY t'),
	('key_sub', 'SELECT (SELECT name FROM names n WHERE n.k = s.k) AS name, count(*) FROM s GROUP BY 1'),
	('select_sub', 'SELECT k, count(*), (SELECT max(name) FROM names) AS most, (SELECT n.name FROM names n WHERE n.k = s.k) AS name FROM s GROUP BY k'),
	('having_sub', 'SELECT k, count(*) FROM s GROUP BY k HAVING count(*) > (SELECT min(k) FROM names) AND EXISTS (SELECT FROM names n WHERE n.k = s.k + 1)'),
	('row_count', 'SELECT k, count(s), count(s.*) AS n2 FROM s GROUP BY k'),
	('row_json', 'SELECT k, to_jsonb(s) ->> ''t'' AS j FROM s'),
	('srf', 'SELECT k, unnest(arr) AS e FROM s'),
	('srf_two', 'SELECT unnest(arr) AS e, generate_series(1, k) AS g FROM s WHERE x > 50'),
	('srf_key', 'SELECT unnest(arr) AS e, count(*) FROM s GROUP BY e'),
	('srf_group', 'SELECT k, sum(x), generate_series(1, 2) AS g FROM s GROUP BY k'),
	('srf_from', 'SELECT e, count(*) FROM s, unnest(s.arr) e GROUP BY e');

DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I AS %s', 'v_' || c.name, c.query);
		EXCEPTION WHEN others THEN
			RAISE WARNING '%: %', c.name, sqlerrm;
		END;
	END LOOP;
END$$;

INSERT INTO p (k, t, x, arr) SELECT i % 9, chr(97 + i % 3), i, ARRAY[i % 5, i % 2, NULL] FROM generate_series(1, 100) i;
INSERT INTO p VALUES (NULL, NULL, NULL, NULL), (NULL, 'a', 7, '{}');
UPDATE p SET arrival_timestamp = now();
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0;
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0 IS NOT TRUE;

-- each as the same query over the table
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(name text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT verdict(format('TABLE %I', 'v_' || name), regexp_replace(query, '\ms\M', 'p', 'g'));
$$;
SELECT name, compare(name, query) FROM cases ORDER BY name;
SELECT count(*) FROM weir.dead_letters WHERE stream = 's'::regclass;

-- a subquery that reads a table is run when the view is read
UPDATE names SET name = 'new ' || k WHERE k = 3;
SELECT name FROM v_select_sub WHERE k = 3;

-- the query is kept as it was written
\d+ v_select_sub
\d+ v_with_table
SELECT pg_get_viewdef('weir.v_from_simple_def');
SELECT pg_get_viewdef('weir.v_with_nested_def');

-- sliding windows find the stream's own columns
CREATE VIEW sliding WITH (sw = '1 hour') AS SELECT kk, count(*) FROM (SELECT k % 2 AS kk FROM s) q GROUP BY kk;
CREATE VIEW sliding_sub WITH (sw = '1 hour') AS
	SELECT k, count(*), (SELECT n.name FROM names n WHERE n.k = s.k) AS name FROM s GROUP BY k;
INSERT INTO s (k, arrival_timestamp) VALUES (1, now()), (2, now()), (3, now() - interval '1 day'), (4, now());
SELECT * FROM sliding ORDER BY kk;
SELECT * FROM sliding_sub ORDER BY k;

-- dependencies are those of the query
ALTER TABLE names DROP COLUMN name;

SET client_min_messages = warning;
DROP SCHEMA view_nested CASCADE;
SELECT count(*) FROM weir.continuous_view;
