-- Joins of a stream: each view equals its query over a table with the stream's rows.
CREATE SCHEMA shapes_joins;
SET search_path = shapes_joins;
CREATE TABLE p (k int, t text, x int, j jsonb);
CREATE FOREIGN TABLE s (k int, t text, x int, j jsonb) SERVER weir;
CREATE TABLE names (k int PRIMARY KEY, name text, spare int);
CREATE TABLE many (k int, t text, w int);
CREATE TABLE parts (k int, at date, part text) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2030-01-01') TO ('2030-02-01');
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE parent (k int, place text);
CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO names SELECT i, 'name ' || i % 4 FROM generate_series(0, 6) i;
INSERT INTO many SELECT i % 5, chr(97 + i % 3), i FROM generate_series(1, 20) i;
INSERT INTO many VALUES (NULL, 'a', 1), (3, NULL, 2);
INSERT INTO parts SELECT i % 4, date '2030-01-28' + i, 'part ' || i FROM generate_series(0, 8) i;
INSERT INTO parent SELECT i, 'parent ' || i FROM generate_series(0, 3) i;
INSERT INTO child SELECT i, 'child ' || i, i FROM generate_series(2, 5) i;
CREATE VIEW plain AS SELECT k, upper(name) AS name, count(*) OVER () AS total FROM names WHERE k > 1;
CREATE VIEW grouped AS SELECT k, sum(w) AS w, max(t) AS t FROM many GROUP BY k;
CREATE MATERIALIZED VIEW stored AS SELECT k, array_agg(w ORDER BY w) AS ws FROM many GROUP BY k;
CREATE FUNCTION about(int) RETURNS TABLE (what text, n int) LANGUAGE sql STABLE AS $$ SELECT m.t, m.w FROM shapes_joins.many m WHERE m.k = $1 $$;
CREATE FUNCTION next_of(int) RETURNS SETOF int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN NEXT $1; RETURN NEXT $1 + 1; END $$;
CREATE FOREIGN TABLE other (k int, v int) SERVER weir;
CREATE VIEW counted AS SELECT k, count(*), avg(v) AS a FROM other GROUP BY k;
INSERT INTO other SELECT i % 4, i FROM generate_series(1, 40) i;

CREATE TABLE cases (name text, query text);
INSERT INTO cases VALUES
	('comma', 'SELECT n.name, count(*), sum(x) FROM s, names n WHERE n.k = s.k GROUP BY n.name'),
	('cross', 'SELECT n.name, count(*) FROM s CROSS JOIN names n GROUP BY n.name'),
	('on', 'SELECT n.name, m.w, count(*) FROM s JOIN names n ON n.k = s.k JOIN many m ON m.k = n.k AND m.w > s.x % 10 GROUP BY 1, 2'),
	('using', 'SELECT k, name, count(*) FROM s JOIN names USING (k) GROUP BY k, name'),
	('using alias', 'SELECT j.k, count(*), max(name) FROM s JOIN names USING (k) AS j GROUP BY j.k'),
	('natural', 'SELECT t, k, sum(w), count(*) FROM s NATURAL JOIN many GROUP BY t, k'),
	('natural left', 'SELECT t, k, sum(w), count(*), count(w) AS found FROM s NATURAL LEFT JOIN many GROUP BY t, k'),
	('left', 'SELECT n.name, count(*), count(n.k) AS found FROM s LEFT JOIN names n ON n.k = s.k GROUP BY n.name'),
	('left condition', 'SELECT n.name, count(*) FROM s LEFT JOIN names n ON n.k = s.k AND s.x % 2 = 0 AND n.name <> ''name 1'' WHERE s.t IS NOT NULL GROUP BY n.name'),
	('left is null', 'SELECT t, count(*) FROM s LEFT JOIN names n ON n.k = s.k WHERE n.k IS NULL GROUP BY t'),
	('left left', 'SELECT n.name, m.w, count(*) FROM s LEFT JOIN names n USING (k) LEFT JOIN many m ON m.k = n.k AND m.t = s.t GROUP BY 1, 2'),
	('left of a join', 'SELECT n.name, count(*) FROM s LEFT JOIN (names n JOIN many m ON m.k = n.k AND m.w < 5) ON n.k = s.k GROUP BY 1'),
	('left of a left', 'SELECT n.name, m.w, count(*) FROM s LEFT JOIN (names n LEFT JOIN many m ON m.k = n.k AND m.w < 5) ON n.k = s.k GROUP BY 1, 2'),
	('full inside', 'SELECT f.k, count(*) FROM s JOIN (names n FULL JOIN many m USING (k)) AS f ON f.k = s.k GROUP BY 1'),
	('right', 'SELECT n.name, count(*) FROM names n RIGHT JOIN s ON n.k = s.k GROUP BY n.name'),
	('right using', 'SELECT k, count(*), count(name) AS found FROM names RIGHT JOIN s USING (k) GROUP BY k'),
	('rows', 'SELECT s.k, s.x, n.name FROM s LEFT JOIN names n USING (k)'),
	('star', 'SELECT * FROM s LEFT JOIN names n USING (k)'),
	('star of one', 'SELECT s.*, n.name AS called FROM s JOIN names n USING (k)'),
	('plain view', 'SELECT v.name, v.total, count(*) FROM s JOIN plain v USING (k) GROUP BY 1, 2'),
	('grouped view', 'SELECT v.w, v.t, count(*) FROM s LEFT JOIN grouped v USING (k) GROUP BY 1, 2'),
	('materialized view', 'SELECT ws, count(*) FROM s LEFT JOIN stored USING (k) GROUP BY ws'),
	('continuous view', 'SELECT c.count, c.a, count(*) AS n FROM s LEFT JOIN counted c USING (k) GROUP BY 1, 2'),
	('combined', 'SELECT s.k, count(*) FROM s WHERE s.x > (SELECT weir.combine(a) FROM counted WHERE k > 0) GROUP BY 1'),
	('partitions', 'SELECT part, count(*) FROM s JOIN parts USING (k) WHERE at > ''2030-01-30'' GROUP BY 1'),
	('inheritance', 'SELECT place, count(*) FROM s JOIN parent USING (k) GROUP BY 1'),
	('only', 'SELECT place, count(*) FROM s JOIN ONLY parent USING (k) GROUP BY 1'),
	('function', 'SELECT what, count(*), sum(n) FROM s, about(s.k) GROUP BY 1'),
	('function left', 'SELECT f.what, count(*) FROM s LEFT JOIN LATERAL about(s.k + 2) f ON f.n > s.x % 7 GROUP BY 1'),
	('function rows', 'SELECT g, count(*) FROM s, next_of(s.k) g GROUP BY 1'),
	('ordinality', 'SELECT e, n, count(*) FROM s, jsonb_array_elements_text(s.j) WITH ORDINALITY AS f (e, n) GROUP BY 1, 2'),
	('rows from', 'SELECT a, b, count(*) FROM s, ROWS FROM (generate_series(1, s.k), unnest(ARRAY[s.t, ''z''])) AS f (a, b) GROUP BY 1, 2'),
	('json_to_record', 'SELECT r.a, count(*) FROM s, jsonb_to_recordset(jsonb_build_array(jsonb_build_object(''a'', s.k, ''b'', s.t))) AS r (a int, b text) GROUP BY 1'),
	('xmltable', 'SELECT q.e, count(*) FROM s, XMLTABLE(''/r/e'' PASSING xmlparse(document ''<r><e>'' || s.k || ''</e></r>'') COLUMNS e int PATH ''.'') q GROUP BY 1'),
	('values', 'SELECT v.b, count(*) FROM s JOIN (VALUES (1, ''one''), (2, ''two''), (2, ''zwei'')) v (a, b) ON v.a = s.k GROUP BY 1'),
	('values lateral', 'SELECT v.b, count(*) FROM s, LATERAL (VALUES (s.k), (s.x % 3)) v (b) GROUP BY 1'),
	('lateral', 'SELECT l.w, count(*) FROM s, LATERAL (SELECT m.w FROM many m WHERE m.k = s.k ORDER BY m.w DESC LIMIT 2) l GROUP BY 1'),
	('lateral left', 'SELECT l.w, count(*) FROM s LEFT JOIN LATERAL (SELECT max(m.w) AS w FROM many m WHERE m.k = s.k AND m.t = s.t) l ON true GROUP BY 1'),
	('lateral expression', 'SELECT l.b, count(*), sum(l.a) FROM s, LATERAL (SELECT s.x * 2 AS a, s.k % 3 AS b) l WHERE l.a > 20 GROUP BY 1'),
	('subquery', 'SELECT q.name, count(*) FROM s JOIN (SELECT k, name FROM names WHERE k > 2 ORDER BY k LIMIT 3) q USING (k) GROUP BY 1'),
	('subquery grouped', 'SELECT q.w, count(*) FROM s JOIN (SELECT k, sum(w) AS w FROM many GROUP BY k HAVING count(*) > 3) q USING (k) GROUP BY 1'),
	('subquery distinct', 'SELECT q.t, count(*) FROM s JOIN (SELECT DISTINCT k, t FROM many) q USING (k) GROUP BY 1'),
	('subquery union', 'SELECT q.z, count(*) FROM s JOIN (SELECT k, name AS z FROM names UNION SELECT k, t FROM many) q USING (k) GROUP BY 1'),
	('subquery window', 'SELECT q.r, count(*) FROM s JOIN (SELECT k, row_number() OVER (PARTITION BY k ORDER BY w) AS r FROM many) q USING (k) GROUP BY 1'),
	('with recursive', 'WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT c.n, count(*) FROM s JOIN c ON c.n > s.k GROUP BY 1'),
	('with tables', 'WITH a AS (SELECT k, count(*) AS c FROM many GROUP BY k), b AS MATERIALIZED (SELECT * FROM a WHERE c > 2) SELECT a.c, b.c AS bc, count(*) FROM s JOIN a USING (k) LEFT JOIN b USING (k) GROUP BY 1, 2'),
	('exists', 'SELECT t, count(*) FROM s WHERE EXISTS (SELECT FROM many m WHERE m.k = s.k AND m.w > s.x % 5) GROUP BY t'),
	('not exists', 'SELECT t, count(*) FROM s WHERE NOT EXISTS (SELECT FROM names n WHERE n.k = s.k AND n.name <> ''name 1'') GROUP BY t'),
	('in', 'SELECT t, count(*) FROM s WHERE (k, t) IN (SELECT k, t FROM many) GROUP BY t'),
	('not in', 'SELECT t, count(*) FROM s WHERE k NOT IN (SELECT k FROM names WHERE k > 3) GROUP BY t'),
	('not in null', 'SELECT t, count(*) FROM s WHERE k NOT IN (SELECT k FROM many) OR t = ''b'' GROUP BY t'),
	('any', 'SELECT t, count(*) FROM s WHERE k = ANY (SELECT k FROM names WHERE name = ''name 2'') GROUP BY t'),
	('some less', 'SELECT t, count(*) FROM s WHERE x < SOME (SELECT w * 3 FROM many) GROUP BY t'),
	('all greater', 'SELECT t, count(*) FROM s WHERE x > ALL (SELECT w FROM many) GROUP BY t'),
	('any array', 'SELECT t, count(*) FROM s WHERE k = ANY (ARRAY(SELECT k FROM names WHERE k > 2)) GROUP BY t'),
	('array subquery', 'SELECT ARRAY(SELECT w FROM many m WHERE m.k = s.k ORDER BY w LIMIT 2) AS ws, count(*) FROM s GROUP BY 1'),
	('row subquery', 'SELECT t, count(*) FROM s WHERE (k, t) = (SELECT min(k), min(t) FROM many) GROUP BY t'),
	('nested exists', 'SELECT t, count(*) FROM s WHERE EXISTS (SELECT FROM names n WHERE n.k = s.k AND EXISTS (SELECT FROM many m WHERE m.k = n.k AND m.t = s.t)) GROUP BY t'),
	('exists in filter', 'SELECT t, count(*) FILTER (WHERE EXISTS (SELECT FROM names n WHERE n.k = s.k)) AS known FROM s GROUP BY t'),
	('case subquery', 'SELECT CASE WHEN k IN (SELECT k FROM many) THEN ''many'' ELSE (SELECT max(name) FROM names) END AS c, count(*) FROM s GROUP BY 1'),
	('exists continuous', 'SELECT t, count(*) FROM s WHERE EXISTS (SELECT FROM counted c WHERE c.k = s.k AND c.count > 3) GROUP BY t'),
	('system columns', 'SELECT n.tableoid = ''child''::regclass AS of, count(*) FROM s JOIN parent n USING (k) GROUP BY 1'),
	('whole row', 'SELECT n AS row, count(*) FROM s JOIN names n USING (k) GROUP BY n'),
	('functional dependency', 'SELECT n.k, n.name, n.name || ''!'' AS e, count(*) FROM s JOIN names n USING (k) GROUP BY n.k'),
	('nested subqueries', 'SELECT d, count(*) FROM (SELECT c + 1 AS d FROM (SELECT q.k + n.k AS c FROM (SELECT k, x FROM s WHERE x > 3) q JOIN names n ON n.k < q.k) r WHERE c > 2) z GROUP BY d');

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

INSERT INTO p SELECT i % 9, chr(97 + i % 4), i, jsonb_build_array(i % 3, 'e' || i % 2) FROM generate_series(1, 60) i;
INSERT INTO p VALUES (NULL, NULL, NULL, NULL), (NULL, 'a', 7, '[]'), (3, NULL, 8, '[null]');
ALTER TABLE p ADD arrival_timestamp timestamptz;
UPDATE p SET arrival_timestamp = now();
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0;
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0 IS NOT TRUE;

\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(name text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT verdict(format('TABLE %I', 'v ' || name), regexp_replace(query, '\ms\M', 'p', 'g'));
$$;
SELECT name, compare(name, query) FROM cases ORDER BY name COLLATE "C";
SELECT count(*) FROM weir.dead_letters WHERE stream = 's'::regclass;
SELECT name, state, reason FROM weir.views WHERE schema = 'shapes_joins' AND state <> 'active';

-- what is joined is what is there when the batch comes: DDL, statistics, changes and TRUNCATE are seen by the next one
CREATE FOREIGN TABLE u (k int) SERVER weir;
CREATE TABLE called AS SELECT * FROM names;
ALTER TABLE called ADD PRIMARY KEY (k);
CREATE VIEW met AS SELECT n.name, count(*) FROM u LEFT JOIN called n USING (k) GROUP BY 1;
INSERT INTO u VALUES (1);
ALTER TABLE called DROP COLUMN spare;
INSERT INTO u VALUES (1);
ALTER TABLE called ADD COLUMN later int DEFAULT 5;
INSERT INTO u VALUES (1);
CREATE INDEX called_name ON called (name);
ALTER TABLE called DROP CONSTRAINT called_pkey;
INSERT INTO u VALUES (1);
CREATE UNIQUE INDEX called_k ON called (k);
ANALYZE called;
INSERT INTO u VALUES (1);
DROP INDEX called_k;
INSERT INTO u VALUES (1);
TABLE met ORDER BY 1;
UPDATE called SET name = 'changed' WHERE k = 1;
INSERT INTO u VALUES (1);
BEGIN;
TRUNCATE called;
INSERT INTO u VALUES (1);
ROLLBACK;
TRUNCATE called;
INSERT INTO u VALUES (1);
INSERT INTO called VALUES (1, 'again');
VACUUM called;
INSERT INTO u VALUES (1);
TABLE met ORDER BY 1;
ALTER TABLE called ALTER COLUMN k TYPE bigint;
ALTER TABLE called DROP COLUMN name;
DROP VIEW met;
CREATE TABLE moved (k int, name text);
CREATE VIEW met AS SELECT n.name, count(*) FROM u LEFT JOIN moved n USING (k) GROUP BY 1;
CREATE SCHEMA shapes_joins_2;
INSERT INTO moved VALUES (1, 'one');
INSERT INTO u VALUES (1);
ALTER TABLE moved SET SCHEMA shapes_joins_2;
ALTER TABLE shapes_joins_2.moved RENAME TO renamed;
ALTER TABLE shapes_joins_2.renamed RENAME COLUMN name TO called;
INSERT INTO u VALUES (1);
ALTER TABLE shapes_joins_2.renamed ENABLE ROW LEVEL SECURITY;
INSERT INTO u VALUES (1);
TABLE met;
-- a partition more, one less
CREATE VIEW met_parts AS SELECT part, count(*) FROM u JOIN parts USING (k) GROUP BY 1;
CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM ('2031-01-01') TO ('2031-02-01');
INSERT INTO parts VALUES (100, '2031-01-05', 'new part');
INSERT INTO u VALUES (100);
ALTER TABLE parts DETACH PARTITION parts_3;
INSERT INTO u VALUES (100);
TABLE met_parts;
-- in the transaction that changes the table: as committed
BEGIN;
UPDATE shapes_joins_2.renamed SET called = 'two';
INSERT INTO u VALUES (1);
COMMIT;
SELECT * FROM met ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA shapes_joins, shapes_joins_2 CASCADE;
