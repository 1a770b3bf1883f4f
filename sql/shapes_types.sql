-- Types, select lists and what is on top: each view equals its query over a table with the stream's rows.
CREATE SCHEMA shapes_types;
SET search_path = shapes_types;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nested AS (p pair, m mood[]);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN named AS text COLLATE "C" NOT NULL;
CREATE DOMAIN pairs AS pair[];
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE p (k int, t text, x int, m mood, c pair, ne nested, d positive, na named, ps pairs, r int4range, tr textrange, mr int4multirange, a int[], a2 text[],
	f text COLLATE folded, ch char(5), vc varchar(3), nu numeric(8,2), b bytea, u uuid, i inet, iv interval, ti timetz, bi bit(3), vb varbit, js jsonb, po point, mo money, o oid, nm name, cc "char", ts tsvector, xm xml,
	g int GENERATED ALWAYS AS (x * 2) STORED);
CREATE FOREIGN TABLE s (k int, t text, x int, m mood, c pair, ne nested, d positive, na named, ps pairs, r int4range, tr textrange, mr int4multirange, a int[], a2 text[],
	f text COLLATE folded, ch char(5), vc varchar(3), nu numeric(8,2), b bytea, u uuid, i inet, iv interval, ti timetz, bi bit(3), vb varbit, js jsonb, po point, mo money, o oid, nm name, cc "char", ts tsvector, xm xml,
	g int GENERATED ALWAYS AS (x * 2) STORED) SERVER weir;
CREATE TABLE cases (name text, query text);
-- every column as a key, if it can be one
INSERT INTO cases SELECT 'key ' || attname, format('SELECT %I, count(*), min(x) FROM s GROUP BY %1$I', attname) FROM pg_attribute
	WHERE attrelid = 'p'::regclass AND attnum > 0 AND attname NOT IN ('bi', 'vb', 'po', 'mo', 'ts', 'xm', 'js', 'vc', 'f');
INSERT INTO cases VALUES
	('star', 'SELECT k, t, x, m, c, ne, d, na, ps, r, tr, mr, a, a2, f, ch, vc, nu, b, u, i, iv, ti, bi, vb, js, mo, o, nm, cc, ts, g FROM s'),
	('whole star', 'SELECT * FROM (SELECT k, m, c, g FROM s) q'),
	('casts', 'SELECT x::text::varchar(1) AS v, k::positive AS d, (k + 1)::named AS n, t::mood IS NULL AS c, nu::int AS i, x::float4 AS b, count(*) FROM s WHERE k > 0 AND t IN (''ok'', ''sad'') GROUP BY 1, 2, 3, 4, 5, 6'),
	('typmods', 'SELECT ch, vc, nu, max(nu) AS mnu, max(ch) AS mch, count(vc) AS n FROM s GROUP BY 1, 2, 3'),
	('enum', 'SELECT m, min(m) AS lo, max(m) AS hi, count(*) FILTER (WHERE m > ''sad'') AS n FROM s GROUP BY m'),
	('enum range', 'SELECT k, m = ANY (enum_range(''ok''::mood)) AS e, count(*) FROM s GROUP BY 1, 2'),
	('fields', 'SELECT (c).a, (c).b, (ne).p.b AS deep, (ne).m[1] AS first, count(*) FROM s GROUP BY 1, 2, 3, 4'),
	('composite', 'SELECT ROW(k, t)::pair AS made, count(*) FROM s GROUP BY 1'),
	('row compare', 'SELECT (k, t) < (3, ''x'') AS l, c = ROW(1, ''b'')::pair AS e, count(*) FROM s GROUP BY 1, 2'),
	('array', 'SELECT a[1] AS first, a[2:3] AS slice, array_length(a, 1) AS n, a || k AS more, count(*) FROM s GROUP BY 1, 2, 3, 4'),
	('array of domain', 'SELECT ps[1] AS f, (ps[2]).b AS b, count(*) FROM s GROUP BY 1, 2'),
	('array made', 'SELECT ARRAY[k, x % 2] AS a, ARRAY[[k, 1], [2, x % 3]] AS b, max(a) AS m FROM s GROUP BY 1, 2'),
	('ranges', 'SELECT lower(r) AS l, r * ''[2,5)''::int4range AS i, r && int4range(k, k + 2) AS o, tr @> t AS c, mr - r::int4multirange AS d, count(*) FROM s GROUP BY 1, 2, 3, 4, 5'),
	('range made', 'SELECT int4range(k, k + 5) AS r, multirange(int4range(k, x % 7 + 10)) AS m, count(*) FROM s GROUP BY 1, 2'),
	('collated key', 'SELECT lower(f) AS l, count(*), max(t COLLATE "C") AS m FROM s GROUP BY f'),
	('collate', 'SELECT t COLLATE "C" AS c, max(t COLLATE "POSIX") AS m, min(f COLLATE "C") AS mi FROM s GROUP BY 1'),
	('json', 'SELECT js ->> ''a'' AS a, js -> ''b'' -> 0 AS b, js @> ''{"a": 1}'' AS c, jsonb_typeof(js) AS d, count(*) FROM s GROUP BY 1, 2, 3, 4'),
	('money', 'SELECT mo::numeric AS m, sum(mo) AS s FROM s GROUP BY 1'),
	('bits', 'SELECT bi::text AS b, bit_and(bi) AS a, bit_or(bi) AS o FROM s GROUP BY 1'),
	('text of all', 'SELECT po::text AS po, ts::text AS ts, xm::text AS xm, vb::text AS vb, count(*) FROM s GROUP BY 1, 2, 3, 4'),
	('generated names', 'SELECT count(*), max(x), sum(x + 1), k + 1, coalesce(t, ''x''), CASE WHEN k > 1 THEN 1 END, x::bigint FROM s GROUP BY k, t, x'),
	('odd names', 'SELECT k AS "Group ""By""" , t AS "select", count(*) AS "a.b", max(x) AS "ümlaut", min(x) AS " ", sum(x) AS "_1" FROM s GROUP BY 1, 2'),
	('one name twice inside', 'SELECT q.a, q.b, count(*) FROM (SELECT k AS a, k AS b FROM s) q GROUP BY 1, 2'),
	('srf', 'SELECT k, unnest(a) AS e FROM s'),
	('srf nested', 'SELECT generate_series(1, unnest(a)) AS g, count(*) FROM s GROUP BY 1'),
	('srf beside groups', 'SELECT k, count(*), unnest(ARRAY[1, 2]) AS u FROM s GROUP BY k'),
	('srf of aggregate', 'SELECT k, generate_series(1, count(*)::int) AS g FROM s WHERE k < 3 GROUP BY k'),
	('srf composite', 'SELECT (jsonb_each_text(js)).key AS key, count(*) FROM s GROUP BY 1'),
	('srf case-free filter', 'SELECT k, regexp_split_to_table(t, ''a'') AS part FROM s'),
	('null constants', 'SELECT NULL AS n, ''c'' AS c, 1.5 AS d, NULL::int[] AS a, k FROM s'),
	('constant group', 'SELECT ''all'' AS g, count(*) FROM s GROUP BY 1'),
	('having alone', 'SELECT k FROM s GROUP BY k HAVING max(x) > 50'),
	('group unused', 'SELECT count(*) FROM s GROUP BY k, t'),
	('no columns of the stream', 'SELECT 1 AS one FROM s WHERE x > 55'),
	('distinct', 'SELECT DISTINCT k, m FROM s'),
	('distinct expression', 'SELECT DISTINCT k % 2 AS o, upper(t) AS u FROM s'),
	('distinct groups', 'SELECT DISTINCT count(*) FROM s GROUP BY k'),
	('between', 'SELECT k, count(*) FROM s WHERE x BETWEEN SYMMETRIC 50 AND 10 AND t SIMILAR TO ''(a|ok)%'' AND t NOT LIKE ''%zz%'' AND x IS DISTINCT FROM 11 GROUP BY k'),
	('boolean tests', 'SELECT (x > 30) IS NOT TRUE AS a, (x > 30) IS UNKNOWN AS b, count(*) FROM s GROUP BY 1, 2'),
	('greatest', 'SELECT greatest(k, 3) AS g, least(x, NULL, 20) AS l, nullif(k, 2) AS n, count(*) FROM s GROUP BY 1, 2, 3'),
	('xml', 'SELECT xmlelement(name e, k)::text AS e, count(*) FROM s GROUP BY 1'),
	('time zone', 'SELECT (timestamp ''2030-01-01'' + x * iv) AT TIME ZONE ''Europe/Berlin'' AS z, count(*) FROM s GROUP BY 1'),
	('extract', 'SELECT extract(epoch FROM iv) AS e, date_part(''hour'', ti) AS h, count(*) FROM s GROUP BY 1, 2'),
	('window on groups', 'SELECT k, count(*), rank() OVER (ORDER BY count(*) DESC, k) AS r, sum(sum(x)) OVER (ORDER BY k ROWS UNBOUNDED PRECEDING) AS total FROM s GROUP BY k'),
	('window named', 'SELECT t, max(x) AS m, lag(max(x)) OVER w AS before, first_value(t) OVER w AS first FROM s GROUP BY t WINDOW w AS (PARTITION BY t IS NULL ORDER BY t)'),
	('order and limit', 'SELECT k, count(*) AS c FROM s GROUP BY k ORDER BY c DESC NULLS LAST, k NULLS FIRST LIMIT 3 OFFSET 1'),
	('with ties', 'SELECT k, count(*) AS c FROM s GROUP BY k ORDER BY c FETCH FIRST 2 ROWS WITH TIES'),
	('order by junk', 'SELECT t FROM s GROUP BY t ORDER BY max(x) DESC LIMIT 2'),
	('limit by subquery', 'SELECT k FROM s GROUP BY k ORDER BY k LIMIT (SELECT 2)'),
	('distinct on', 'SELECT DISTINCT ON (k % 2) k % 2 AS o, k, sum(x) AS c FROM s WHERE k IS NOT NULL GROUP BY k ORDER BY k % 2, sum(x) DESC, k'),
	('distinct on rows', 'SELECT DISTINCT ON (k) k, x, t FROM s ORDER BY k, x DESC NULLS LAST'),
	('rows limited', 'SELECT k, x FROM s ORDER BY x DESC NULLS LAST LIMIT 4'),
	('union in a subquery', 'SELECT k, count(*), (SELECT sum(q) FROM (SELECT 1 AS q UNION ALL SELECT k) z) AS q FROM s GROUP BY k');

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

INSERT INTO p SELECT i % 5, (ARRAY['a', 'Ok', 'ok', 'sad', 'ÄÖ'])[1 + i % 5], i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, ROW(i % 3, chr(97 + i % 2))::pair,
	ROW(ROW(i % 2, NULL), ARRAY['ok', NULL]::mood[])::nested, 1 + i % 4, 'name ' || i % 3, ARRAY[ROW(i % 2, 'p')::pair, NULL], int4range(i % 4, i % 4 + 3), textrange('a', chr(98 + i % 20)),
	int4multirange(int4range(i % 3, 5), int4range(10, 12)), ARRAY[i % 3, NULL, 2], ARRAY['x', chr(97 + i % 3)], (ARRAY['Abc', 'abc', 'ABD', 'x'])[1 + i % 4], 'c' || i % 3, 'v' || i % 5, i / 7.0, decode(to_hex(16 + i % 4), 'hex'),
	('00000000-0000-0000-0000-00000000000' || i % 6)::uuid, ('10.0.0.' || i % 4)::inet, i % 5 * interval '36 hours', ('10:0' || i % 4 || '+01')::timetz, (i % 8)::bit(3), (i % 5)::bit(6)::varbit, jsonb_build_object('a', i % 3, 'b', jsonb_build_array(i % 2)),
	point(i % 2, 1), (i % 3)::numeric::money, (i % 4)::oid, 'nm' || i % 2, chr(97 + i % 4)::"char", to_tsvector('simple', 'a b' || i % 3), ('<a>' || i % 2 || '</a>')::xml
	FROM generate_series(1, 60) i;
INSERT INTO p (na) VALUES ('nulls'), ('nulls');
INSERT INTO p (na, a, a2, js, t, r, mr) VALUES ('empty', '{}', '{}', '{}', '', 'empty', '{}');
DO $$
DECLARE columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 0 AND attname <> 'g');
BEGIN
	EXECUTE format('INSERT INTO s (%s) SELECT %1$s FROM p WHERE x %% 2 = 0', columns);
	EXECUTE format('INSERT INTO s (%s) SELECT %1$s FROM p WHERE (x %% 2 = 0) IS NOT TRUE', columns);
END $$;

-- what has no operator of equality is compared as text
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(name text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT verdict(format('TABLE %I', 'v ' || name), regexp_replace(query, '\ms\M', 'p', 'g'), true);
$$;
SELECT name, compare(name, query) FROM cases ORDER BY name COLLATE "C";
SELECT count(*) FROM weir.dead_letters WHERE stream = 's'::regclass;
SELECT name, state, reason FROM weir.views WHERE schema = 'shapes_types' AND state <> 'active';
-- columns are called as those of a table made by the query
CREATE TABLE made AS SELECT count(*), max(x), sum(x + 1), k + 1, coalesce(t, 'x'), CASE WHEN k > 1 THEN 1 END, x::bigint AS i8 FROM p GROUP BY k, t, x;
SELECT string_agg(v.attname || ' ' || format_type(v.atttypid, v.atttypmod), ', ' ORDER BY v.attnum) FROM pg_attribute v WHERE attrelid = '"v generated names"'::regclass;
SELECT string_agg(quote_ident(v.attname), ', ' ORDER BY v.attnum) FROM pg_attribute v WHERE attrelid = '"v odd names_mrel"'::regclass AND attnum > 0;

SET client_min_messages = warning;
DROP SCHEMA shapes_types CASCADE;
