-- UNION ALL of streams: one view of the rows of several, exact and at once.
CREATE SCHEMA shapes_union;
SET search_path = shapes_union;
SELECT weir.set_clock('2030-01-02 12:00+00');
CREATE FOREIGN TABLE s1 (k int, x int, t text) SERVER weir;
CREATE FOREIGN TABLE s2 (id bigint, v numeric, at timestamptz) SERVER weir;
CREATE FOREIGN TABLE s3 (k int) SERVER weir;
CREATE TABLE p1 (k int, x int, t text, arrival_timestamp timestamptz);
CREATE TABLE p2 (id bigint, v numeric, at timestamptz, arrival_timestamp timestamptz);
CREATE TABLE p3 (k int, arrival_timestamp timestamptz);
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT i, 'name ' || i % 3 FROM generate_series(0, 5) i;
CREATE TABLE cases (name text, query text);
INSERT INTO cases VALUES
	('same twice', 'SELECT k, count(*), sum(x) FROM (SELECT k, x FROM s1 UNION ALL SELECT k + 1, x * 10 FROM s1 WHERE x > 5) u GROUP BY k'),
	('two', 'SELECT k, count(*), avg(n) AS a, max(n) AS m FROM (SELECT k, x AS n FROM s1 UNION ALL SELECT id, v FROM s2) u GROUP BY k'),
	('three', 'SELECT k, which, count(*) FROM (SELECT k, 1 AS which FROM s1 UNION ALL SELECT id, 2 FROM s2 UNION ALL SELECT k, 3 FROM s3) u GROUP BY k, which'),
	('nested', 'SELECT k, count(*) FROM ((SELECT k FROM s1 UNION ALL SELECT k FROM s3) UNION ALL (SELECT id FROM s2 UNION ALL SELECT k FROM s3 WHERE k > 2)) u GROUP BY k'),
	('total', 'SELECT count(*), sum(n), stddev(n)::numeric(20,9) AS d FROM (SELECT x AS n FROM s1 UNION ALL SELECT v FROM s2) u'),
	('branches that join', 'SELECT name, count(*) FROM (SELECT name FROM s1 JOIN names USING (k) UNION ALL SELECT n.name FROM s2 LEFT JOIN names n ON n.k = s2.id) u GROUP BY name'),
	('joined', 'SELECT n.name, u.src, count(*) FROM (SELECT k, ''a'' AS src FROM s1 UNION ALL SELECT id, ''b'' FROM s2) u LEFT JOIN names n USING (k) GROUP BY 1, 2'),
	('lateral', 'SELECT g, count(*) FROM (SELECT k FROM s1 UNION ALL SELECT id::int FROM s2) u, generate_series(1, u.k) g GROUP BY g'),
	('exists', 'SELECT k, count(*) FROM (SELECT k FROM s1 WHERE EXISTS (SELECT FROM names n WHERE n.k = s1.k) UNION ALL SELECT id FROM s2) u WHERE k NOT IN (SELECT k FROM names WHERE name = ''name 1'') GROUP BY k'),
	('with', 'WITH u AS (SELECT k, x FROM s1 UNION ALL SELECT id, v FROM s2), f AS (SELECT * FROM u WHERE x > 3) SELECT k, count(*) FROM f GROUP BY k'),
	('subqueries', 'SELECT k2, count(*) FROM (SELECT k + 1 AS k2 FROM (SELECT k FROM (SELECT k, x FROM s1) q WHERE x > 2 UNION ALL SELECT k FROM s3) u WHERE k < 4) z GROUP BY k2'),
	('rows', 'SELECT u.k, u.n, n.name FROM (SELECT k, x AS n FROM s1 UNION ALL SELECT id, v FROM s2) u LEFT JOIN names n USING (k)'),
	('distinct', 'SELECT DISTINCT k % 2 AS odd FROM (SELECT k FROM s1 UNION ALL SELECT id FROM s2) u'),
	('whole row', 'SELECT to_jsonb(u) ->> ''k'' AS k, count(u) FROM (SELECT k FROM s1 UNION ALL SELECT id FROM s2) u GROUP BY 1'),
	('set-returning', 'SELECT e, count(*) FROM (SELECT unnest(ARRAY[k, x]) AS e FROM s1 UNION ALL SELECT k FROM s3) u GROUP BY e'),
	('top', 'SELECT k, x FROM s1 WHERE x > 3 UNION ALL SELECT id, v FROM s2'),
	('top ordered', 'SELECT k AS a, x AS b FROM s1 UNION ALL SELECT id, v FROM s2 ORDER BY b DESC, a LIMIT 5'),
	('top distinct', 'SELECT k, NULL::int AS n FROM s1 UNION SELECT k, 1 FROM s3 UNION ALL SELECT k, 1 FROM s3 UNION SELECT id, 2 FROM s2 ORDER BY 1 NULLS FIRST'),
	('top with', 'WITH n AS (SELECT max(k) AS m FROM names) SELECT k FROM s1, n WHERE k < m UNION ALL SELECT id FROM s2, n WHERE id < m'),
	('scalar subqueries', 'SELECT k, count(*), (SELECT max(name) FROM names n WHERE n.k = u.k) AS name FROM (SELECT k FROM s1 UNION ALL SELECT k FROM s3) u GROUP BY k HAVING count(*) > 1'),
	('values', 'SELECT k, count(DISTINCT n), string_agg(n::text, '','' ORDER BY n) AS l, mode() WITHIN GROUP (ORDER BY n) AS m FROM (SELECT k, x AS n FROM s1 UNION ALL SELECT k + 1, k FROM s3) u GROUP BY k'),
	('arrays', 'SELECT k, cardinality(array_agg(n)) AS c FROM (SELECT k, x AS n FROM s1 UNION ALL SELECT id, v FROM s2) u GROUP BY k'),
	('hopping', 'SELECT w.window_start AS start, count(*) FROM (SELECT at FROM s2 UNION ALL SELECT arrival_timestamp FROM s1) u, weir.hop(at, ''10 minutes'', ''30 minutes'') w GROUP BY 1');
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT * FROM cases LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I AS %s', 'v ' || c.name, c.query);
		EXCEPTION WHEN others THEN
			RAISE WARNING '%: %', c.name, sqlerrm;
		END;
	END LOOP;
END$$;
CREATE VIEW sliding AS SELECT k, count(*), avg(n) AS a FROM (SELECT k, x AS n, arrival_timestamp AS at FROM s1 UNION ALL SELECT id, v, at FROM s2) u WHERE at > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW ratio AS SELECT count(*), sum(q) FROM (SELECT 100 / x AS q FROM s1 UNION ALL SELECT 100 / v FROM s2) u;
SELECT name, streams FROM weir.views WHERE schema = 'shapes_union' ORDER BY name COLLATE "C" LIMIT 4;

INSERT INTO p1 SELECT i % 7, 1 + i % 13, 't' || i, weir.clock() FROM generate_series(1, 50) i;
INSERT INTO p2 SELECT i % 5, 1 + i / 7.0, weir.clock() - i * interval '3 minutes', weir.clock() FROM generate_series(1, 50) i;
INSERT INTO p3 SELECT i % 6, weir.clock() FROM generate_series(1, 30) i;
INSERT INTO p1 (k, x, arrival_timestamp) VALUES (NULL, 9, weir.clock());
-- alone, together in a transaction (one batch), in savepoints
INSERT INTO s1 SELECT * FROM p1 WHERE x < 5;
INSERT INTO s2 SELECT * FROM p2 WHERE id < 2;
BEGIN;
INSERT INTO s1 SELECT * FROM p1 WHERE x >= 5;
INSERT INTO s2 SELECT * FROM p2 WHERE id >= 2;
INSERT INTO s3 SELECT * FROM p3 WHERE k < 3;
SAVEPOINT a;
INSERT INTO s1 SELECT * FROM p1;
INSERT INTO s3 SELECT * FROM p3;
ROLLBACK TO a;
INSERT INTO s3 SELECT * FROM p3 WHERE k >= 3;
COMMIT;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(name text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT verdict(format('TABLE %I', 'v ' || name), regexp_replace(query, '\ms([123])\M', 'p\1', 'g'));
$$;
SELECT name, compare(name, query) FROM cases ORDER BY name COLLATE "C";
INSERT INTO cases VALUES ('sliding', 'SELECT k, count(*), avg(n) AS a FROM (SELECT k, x AS n, arrival_timestamp AS at FROM s1 UNION ALL SELECT id, v, at FROM s2) u WHERE at > weir.clock() - interval ''1 hour 3 minutes'' GROUP BY k');
ALTER VIEW sliding RENAME TO "v sliding";
SELECT compare(name, query) FROM cases WHERE name = 'sliding';
SELECT a.count = b.count AND a.sum = b.sum FROM ratio a, (SELECT count(*), sum(q) FROM (SELECT 100 / x AS q FROM p1 UNION ALL SELECT 100 / v FROM p2) u) b;

-- a row that fails: a dead letter, of its stream; the others of the batch count
BEGIN;
INSERT INTO s1 VALUES (1, 0), (1, 1);
INSERT INTO s2 VALUES (1, 0), (1, 1);
COMMIT;
SELECT stream, view, message FROM weir.dead_letters WHERE view = 'ratio'::regclass ORDER BY id;
SELECT a.count - b.n FROM ratio a, (SELECT count(*) AS n FROM (SELECT FROM p1 UNION ALL SELECT FROM p2) u) b;

-- large transactions go in pieces, to files and through feeds
SET weir.insert_buffer = '64kB';
CREATE VIEW large AS SELECT k % 10 AS k, count(*), sum(x) AS s FROM (SELECT k, x FROM s1 UNION ALL SELECT id, v FROM s2) u GROUP BY 1;
BEGIN;
INSERT INTO s1 SELECT i % 10, 1 FROM generate_series(1, 5000) i;
INSERT INTO s2 SELECT i % 10, 2 FROM generate_series(1, 5000) i;
INSERT INTO s1 SELECT i % 10, 3 FROM generate_series(1, 5000) i;
COMMIT;
SELECT count(*), min(count), max(count), sum(s) FROM large;
RESET weir.insert_buffer;

-- combining groups of two streams in one batch fails: the row that makes it fail is a dead letter
CREATE AGGREGATE once_only(int) (SFUNC = int4larger, STYPE = int, COMBINEFUNC = int4div);
CREATE VIEW failing AS SELECT once_only(x) FROM (SELECT x FROM s1 UNION ALL SELECT v::int FROM s2) u;
BEGIN;
INSERT INTO s1 VALUES (1, 5);
INSERT INTO s2 VALUES (1, 0);
COMMIT;
SELECT stream, message FROM weir.dead_letters WHERE view = 'failing'::regclass;
TABLE failing;
DROP VIEW failing;

-- life: inactive, truncated, a stream dropped
SELECT weir.deactivate('"v total"');
INSERT INTO s1 VALUES (1, 1);
SELECT weir.truncate('"v total"');
SELECT weir.activate('"v total"');
BEGIN;
INSERT INTO s1 VALUES (1, 1);
INSERT INTO s2 VALUES (1, 2);
COMMIT;
SELECT count, sum FROM "v total";
ALTER FOREIGN TABLE s2 ADD COLUMN more int;
ALTER FOREIGN TABLE s1 RENAME TO s1_renamed;
BEGIN;
INSERT INTO s1_renamed VALUES (1, 1);
INSERT INTO s2 VALUES (1, 2);
COMMIT;
SELECT count, sum FROM "v total";
\set VERBOSITY terse
DROP FOREIGN TABLE s3;
\set VERBOSITY default
SELECT pg_get_viewdef('weir."v total_def"'::regclass, true);

-- refused
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT k FROM names) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION SELECT id FROM s2) u GROUP BY k;
CREATE VIEW v AS SELECT k FROM s1_renamed INTERSECT SELECT id FROM s2;
CREATE VIEW v AS SELECT k FROM s1_renamed UNION ALL (SELECT id FROM s2 EXCEPT SELECT 1);
CREATE VIEW v AS SELECT k FROM s1_renamed UNION ALL (SELECT id FROM s2 UNION SELECT id FROM s2);
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT count(*) FROM s2) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL (SELECT id FROM s2 ORDER BY id LIMIT 1)) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT id FROM s2 LIMIT 3) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT DISTINCT id FROM s2) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT a.id FROM s2 a, s2 b) u GROUP BY k;
CREATE VIEW v AS SELECT u.k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT id FROM s2) u, s2 GROUP BY u.k;
CREATE VIEW v AS SELECT u.k, count(*) FROM names n, LATERAL (SELECT k FROM s1_renamed WHERE k = n.k UNION ALL SELECT id FROM s2) u GROUP BY u.k;
CREATE VIEW v AS SELECT u.k, count(*) FROM names n LEFT JOIN (SELECT k FROM s1_renamed UNION ALL SELECT id FROM s2) u USING (k) GROUP BY u.k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT n.k FROM names n LEFT JOIN s1_renamed s USING (k) UNION ALL SELECT id FROM s2) u GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed WHERE arrival_timestamp > now() - interval '1 hour' UNION ALL SELECT id FROM s2) u GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour', sw_column = 'id') AS SELECT k, count(*) FROM (SELECT k FROM s1_renamed UNION ALL SELECT id FROM s2) u GROUP BY k;
CREATE VIEW v AS SELECT count(*) FROM (SELECT w.window_start FROM s2, weir.session(at, '5 minutes') w UNION ALL SELECT id::text::timestamptz FROM s2) u;
CREATE VIEW v WITH (emit = final) AS SELECT w.window_start, count(*) FROM (SELECT at FROM s2 UNION ALL SELECT arrival_timestamp FROM s1_renamed) u, weir.tumble(at, '1 minute') w GROUP BY 1;
CREATE VIEW v AS WITH q AS (SELECT k FROM s1_renamed) SELECT k, count(*) FROM (SELECT k FROM q UNION ALL SELECT k + 1 FROM q) u GROUP BY k;
CREATE VIEW v AS SELECT ctid, k FROM s1_renamed UNION ALL SELECT NULL, id FROM s2;
CREATE ROLE union_user;
GRANT USAGE, CREATE ON SCHEMA shapes_union TO union_user;
GRANT SELECT ON s1_renamed TO union_user;
SET ROLE union_user;
CREATE VIEW v AS SELECT k FROM s1_renamed UNION ALL SELECT id FROM s2;
RESET ROLE;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA shapes_union CASCADE;
DROP ROLE union_user;
