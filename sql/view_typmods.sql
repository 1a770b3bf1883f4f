-- Columns of continuous views have the types that those of ordinary views have, typmods included.
SET client_min_messages = warning;
CREATE SCHEMA view_typmods;
SET search_path = view_typmods;
CREATE DOMAIN short AS varchar(4);
CREATE DOMAIN price AS numeric(6,1);
CREATE TYPE parts AS (a varchar(3), b numeric(5,1));
CREATE FOREIGN TABLE s (g int, a varchar(5), b char(3), c numeric(8,2), d time(2), e timetz(3), f timestamp(1), h timestamptz(0), i interval(2),
	j interval day to second(1), k short, l price, m varchar(3)[], n numeric(6,2)[], o short[], p parts, q bit(4), r varbit(5)) SERVER weir;
CREATE TABLE t (LIKE s);
CREATE TABLE shapes (name text, query text);
INSERT INTO shapes VALUES
	('keys', 'SELECT a, b, c, d, e, f, h, i, j, k, l, m, n, o, p, count(*) FROM s GROUP BY a, b, c, d, e, f, h, i, j, k, l, m, n, o, p'),
	('expressions', 'SELECT a::varchar(2) AS a, coalesce(b, b) AS b, c::numeric(9,3) AS c, CASE WHEN g > 1 THEN d END AS d, nullif(e, e) AS e, f::timestamp(0) AS f, '
		'ARRAY[k] AS k, (p).a AS pa, (p).b AS pb, (m)[1] AS m, count(*) FROM s GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10'),
	('different', 'SELECT DISTINCT a, b, c, k, l, p FROM s'),
	('log', 'SELECT s.*, a::char(7) AS a7, c::numeric(3,1) AS c3 FROM s'),
	('aggregates', 'SELECT g, min(a) AS a, max(b) AS b, max(c) AS c, min(d) AS d, min(k) AS k, max(l) AS l, array_agg(a) AS aa, array_agg(DISTINCT b) AS bb, sum(c) AS sc, '
		'avg(l)::numeric(9,2) AS al, max(a)::varchar(3) AS a3, bit_or(q) AS q FROM s GROUP BY g'),
	('values', 'SELECT g, mode() WITHIN GROUP (ORDER BY a) AS a, percentile_disc(0.5) WITHIN GROUP (ORDER BY c) AS c, percentile_disc(0.5) WITHIN GROUP (ORDER BY k) AS k FROM s GROUP BY g'),
	('kept', 'SELECT g, weir.last(a, g) AS a, weir.first(b, g) AS b, weir.top_n(2, c) AS c, weir.last(p, g) AS p, (weir.last(s, g)).c AS cc, (weir.last(p, g)).a AS pa FROM s GROUP BY g'),
	('windows', 'SELECT a, c, window_start, window_end, max(a) AS ma, lag(a) OVER (ORDER BY c) AS la FROM s, weir.hop(f, ''1 minute'', ''5 minutes'') GROUP BY 1, 2, 3, 4'),
	('sets', 'SELECT a, c, count(*), count(DISTINCT k) AS k, grouping(a) AS g FROM s GROUP BY CUBE (a, c)'),
	('union', 'SELECT x, y, z, count(*) FROM (SELECT a AS x, c AS y, b AS z FROM s UNION ALL SELECT a::varchar(9), c, b FROM s) u GROUP BY x, y, z'),
	('joins', 'SELECT t.a, v.x, v.y, u, count(*) FROM s LEFT JOIN t USING (g), (VALUES (''a''::varchar(3), 1.5::numeric(4,1)), (''b'', 2)) v (x, y), unnest(s.m) u GROUP BY 1, 2, 3, 4'),
	('subqueries', 'WITH w AS (SELECT a AS x, c AS y FROM s) SELECT l.x, w.y, (SELECT max(t.a)::varchar(2) FROM t) AS z, count(*) FROM w, LATERAL (SELECT w.x) l (x) GROUP BY 1, 2');
CREATE FUNCTION differences() RETURNS TABLE (shape text, "column" name, continuous text, ordinary text) LANGUAGE plpgsql AS $$
DECLARE shapes record;
BEGIN
	FOR shapes IN SELECT * FROM view_typmods.shapes LOOP
		EXECUTE format('CREATE VIEW continuous AS %s', shapes.query);
		EXECUTE format('CREATE VIEW ordinary AS %s', regexp_replace(shapes.query, 'FROM s\M', 'FROM t s', 'g'));
		RETURN QUERY SELECT shapes.name, o.attname, format_type(c.atttypid, c.atttypmod), format_type(o.atttypid, o.atttypmod)
			FROM pg_attribute o FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = 'continuous'::regclass) c USING (attnum)
			WHERE o.attrelid = 'ordinary'::regclass AND (c.attname, c.atttypid, c.atttypmod) IS DISTINCT FROM (o.attname, o.atttypid, o.atttypmod);
		DROP VIEW continuous, ordinary;
	END LOOP;
END$$;
SELECT * FROM differences();

-- and so have columns that are added
CREATE VIEW added AS SELECT a, count(*) FROM s GROUP BY a;
CREATE OR REPLACE VIEW added AS SELECT a, count(*), max(b)::char(5) AS b, max(c)::numeric(4,1) AS c, weir.last(k, g) AS k, max(a) AS ma FROM s GROUP BY a;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'added'::regclass ORDER BY attnum;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'added_mrel'::regclass AND attnum > 0 ORDER BY attnum;
DROP SCHEMA view_typmods CASCADE;
