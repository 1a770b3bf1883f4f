-- Composite values and whole rows whose types get, lose and rename columns while views keep them: each shows what its
-- query gives over a table of the same rows.
SET client_min_messages = warning;
CREATE SCHEMA composites;
SET search_path = composites;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE VIEW bystander_v AS SELECT count(*) FROM bystander;

CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TYPE pair AS (a int, b text, m mood);
CREATE TYPE nest AS (p pair, ps pair[], n int);
CREATE DOMAIN some_pair AS pair CHECK ((VALUE).a > 0);
CREATE FOREIGN TABLE s (k int, p pair, d some_pair, ps pair[], o nest, m mood) SERVER weir;
CREATE TABLE t (id serial, k int, p pair, d some_pair, ps pair[], o nest, m mood);

-- the last of each group, and others, made of ordered arrays in batch
CREATE VIEW kept AS
	SELECT k % 2 AS g, weir.last(p, k) AS latest, weir.first(d, k) AS oldest, weir.last(ps, k) AS arr, weir.last(o, k) AS nested,
		weir.top_n(3, p, k) AS top, weir.first_values(2, o, k) AS two, weir.top_n(2, p) AS best, weir.keyed_min(o, k) AS by_nested,
		weir.last(m, k) AS mood, weir.last(ARRAY[m], k) AS moods, array_agg(p) AS every
	FROM s GROUP BY 1;
CREATE FUNCTION batch() RETURNS TABLE (g int, latest pair, oldest some_pair, arr pair[], nested nest, top pair[], two nest[], best pair[],
	by_nested int, mood mood, moods mood[], every pair[]) LANGUAGE sql AS $$
	SELECT g, (array_agg(p ORDER BY k DESC, id DESC))[1], (array_agg(d ORDER BY k, id))[1],
		(SELECT u.ps FROM t u WHERE u.k % 2 = g ORDER BY k DESC, id DESC LIMIT 1),
		(array_agg(o ORDER BY k DESC, id DESC))[1], (array_agg(p ORDER BY k DESC, id))[1:3], (array_agg(o ORDER BY k, id))[1:2],
		(array_agg(p ORDER BY p DESC))[1:2], (array_agg(k ORDER BY o, id))[1], (array_agg(m ORDER BY k DESC, id DESC))[1], ARRAY[(array_agg(m ORDER BY k DESC, id DESC))[1]],
		array_agg(p ORDER BY id)
	FROM (SELECT k % 2 AS g, * FROM t) t GROUP BY g
$$;
CREATE VIEW by_pair AS SELECT p, count(*), sum(k) FROM s GROUP BY p;
CREATE VIEW by_array AS SELECT ps, count(*), sum(k) FROM s GROUP BY ps;
CREATE VIEW by_nested AS SELECT o, d, count(*) FROM s GROUP BY o, d;
CREATE VIEW different AS SELECT DISTINCT p FROM s;
CREATE VIEW counts AS SELECT count(DISTINCT p) AS p, count(DISTINCT ps) AS ps, count(DISTINCT o) AS o, percentile_disc(0.5) WITHIN GROUP (ORDER BY p) AS m FROM s;
CREATE VIEW about AS SELECT weir.approx_count_distinct(p) AS p, weir.approx_count_distinct(ps) AS ps, weir.approx_count_distinct(o) AS o FROM s;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION differences() RETURNS TABLE (view text, n bigint) LANGUAGE plpgsql AS $$
DECLARE q record;
BEGIN
	FOR q IN VALUES ('kept', 'TABLE kept', 'SELECT * FROM batch()'),
		('by_pair', 'TABLE by_pair', 'SELECT p, count(*), sum(k) FROM t GROUP BY p'),
		('by_array', 'TABLE by_array', 'SELECT ps, count(*), sum(k) FROM t GROUP BY ps'),
		('by_nested', 'TABLE by_nested', 'SELECT o, d, count(*) FROM t GROUP BY o, d'),
		('different', 'TABLE different', 'SELECT DISTINCT p FROM t'),
		('counts', 'TABLE counts', 'SELECT count(DISTINCT p), count(DISTINCT ps), count(DISTINCT o), percentile_disc(0.5) WITHIN GROUP (ORDER BY p) FROM t'),
		('about', 'TABLE about', 'SELECT count(DISTINCT p), count(DISTINCT ps), count(DISTINCT o) FROM t')
	LOOP
		view := q.column1;
		CONTINUE WHEN to_regclass(view) IS NULL;
		n := differ(q.column2, q.column3);
		IF n > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END$$;
-- the same rows into both
CREATE PROCEDURE put_rows(query text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'INSERT INTO t (k, p, d, ps, o, m) ' || query;
	EXECUTE 'INSERT INTO s (k, p, d, ps, o, m) ' || query;
END$$;

CALL put_rows($$SELECT k, ROW(k, 'x', 'ok')::pair, ROW(k, 'd', 'sad')::some_pair, ARRAY[ROW(k, 'y', NULL), NULL]::pair[],
	ROW(ROW(k, 'o', NULL), ARRAY[ROW(k, 'oo', 'ok')]::pair[], k)::nest, 'ok' FROM generate_series(1, 4) k$$);
SELECT * FROM differences();

-- a column more: rows as before are the same values as rows that have NULL there
ALTER TYPE pair ADD ATTRIBUTE c int CASCADE;
SELECT * FROM differences();
CALL put_rows($$SELECT k, ROW(k, 'x', 'ok', NULL)::pair, ROW(k, 'd', 'sad', NULL)::some_pair, ARRAY[ROW(k, 'y', NULL, NULL), NULL]::pair[],
	ROW(ROW(k, 'o', NULL, NULL), ARRAY[ROW(k, 'oo', 'ok', NULL)]::pair[], k)::nest, 'sad' FROM generate_series(1, 4) k$$);
SELECT * FROM differences();
CALL put_rows($$SELECT k, ROW(k, 'x', 'ok', k)::pair, ROW(k, 'd', 'sad', k)::some_pair, ARRAY[[ROW(k, 'y', NULL, 7)], [NULL]]::pair[],
	ROW(ROW(k, 'o', NULL, NULL), NULL, k)::nest, 'ok' FROM generate_series(3, 6) k$$);
SELECT * FROM differences();
SELECT latest, nested, top FROM kept ORDER BY g;

-- labels and columns with other names; sketches have hashes of labels
DROP VIEW about;
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';
ALTER TYPE pair RENAME ATTRIBUTE b TO bb CASCADE;
ALTER TYPE nest ADD ATTRIBUTE q pair;
SELECT * FROM differences();
CALL put_rows($$SELECT k, ROW(k, 'x', 'fine', NULL)::pair, ROW(k, 'd', 'sad', NULL)::some_pair, ARRAY[ROW(k, 'y', NULL, NULL), NULL]::pair[],
	ROW(ROW(k, 'o', NULL, NULL), ARRAY[ROW(k, 'oo', 'fine', NULL)]::pair[], k, NULL)::nest, 'fine' FROM generate_series(1, 8) k$$);
SELECT * FROM differences();
SELECT latest, nested, top FROM kept ORDER BY g;

-- what views group by loses no column, and what they keep changes no column's type
ALTER TYPE pair DROP ATTRIBUTE a CASCADE;
ALTER TYPE nest DROP ATTRIBUTE n;
CREATE TYPE kept_only AS (i int, x int);
CREATE FUNCTION make_kept(int) RETURNS kept_only LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, $1)::kept_only';
CREATE VIEW by_function AS SELECT weir.last(make_kept(k), k) AS l FROM s;
INSERT INTO s (k) VALUES (1);
ALTER TYPE kept_only ALTER ATTRIBUTE i TYPE real;
ALTER TYPE kept_only DROP ATTRIBUTE x;
DROP FUNCTION make_kept(int) CASCADE;
ALTER TYPE kept_only ALTER ATTRIBUTE i TYPE real;

-- whole rows as keys
CREATE FOREIGN TABLE rows (k int, x int) SERVER weir;
CREATE VIEW by_row AS SELECT rows, count(*) FROM rows GROUP BY rows;
INSERT INTO rows VALUES (1, 1, '2030-01-01 00:00+00');
ALTER FOREIGN TABLE rows ADD COLUMN y int;
INSERT INTO rows VALUES (1, 1, '2030-01-01 00:00+00', NULL), (1, 1, '2030-01-01 00:00+00', 1);
SELECT * FROM by_row ORDER BY 1;
ALTER FOREIGN TABLE rows DROP COLUMN x;

-- a column less, one more, one with another's name
CREATE TYPE ct AS (a int, b int);
CREATE FOREIGN TABLE s2 (k int, c ct, x int, y text) SERVER weir;
CREATE VIEW l2 AS SELECT k, weir.last(c, x) AS latest, array_agg(c) AS every, weir.last(s2, x) AS whole FROM s2 GROUP BY k;
INSERT INTO s2 VALUES (1, (111, 222), 1, 'one', '2030-01-01 00:00+00');
ALTER TYPE ct DROP ATTRIBUTE a;
ALTER TYPE ct ADD ATTRIBUTE z int;
ALTER TYPE ct RENAME ATTRIBUTE b TO a;
TABLE l2;
INSERT INTO s2 VALUES (2, (333, 444), 2, 'two', '2030-01-02 00:00+00');
ALTER FOREIGN TABLE s2 DROP COLUMN y;
ALTER FOREIGN TABLE s2 ADD COLUMN y int;
SELECT * FROM l2 ORDER BY k;
INSERT INTO s2 (k, c, x, arrival_timestamp, y) VALUES (1, (555, 666), 2, '2030-01-03 00:00+00', 7), (2, NULL, 1, NULL, NULL);
SELECT * FROM l2 ORDER BY k;


-- where the type is another one, as in a database that was restored, columns go by their names
CREATE TYPE restored AS (z int, more text, a int);
SELECT k, weir.finalize('weir.last(anyelement, "any")', ARRAY['restored', 'int']::regtype[], latest, NULL::restored) FROM l2_mrel ORDER BY k;

INSERT INTO bystander VALUES (1);
TABLE bystander_v;
SELECT view, state, reason FROM weir.views WHERE schema = 'composites' AND state <> 'active';
SELECT count(*) FROM weir.dead_letters WHERE stream IN ('s'::regclass, 's2');
DROP SCHEMA composites CASCADE;
