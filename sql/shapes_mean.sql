-- Shapes that lie side by side in real queries: each view equals its query over a table with the stream's rows.
CREATE SCHEMA shapes_mean;
SET search_path = shapes_mean;
SET timezone = 'UTC';
SELECT weir.set_clock('2030-01-02 12:00+00');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 50);
CREATE DOMAIN label AS text COLLATE "C";
CREATE TYPE span AS RANGE (subtype = int4, multirange_type_name = spans);
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE p (k int, t text, x int, at timestamptz, m mood, c pair, d small, l label, r span, mr spans, cs pair[], f text COLLATE folded, j jsonb);
CREATE FOREIGN TABLE s (k int, t text, x int, at timestamptz, m mood, c pair, d small, l label, r span, mr spans, cs pair[], f text COLLATE folded, j jsonb) SERVER weir;
CREATE TABLE names (k int PRIMARY KEY, name text);
CREATE TABLE many (k int, t text, w int);
CREATE TABLE periods (k int, during span, factor numeric);
INSERT INTO names SELECT i, 'name ' || i % 4 FROM generate_series(0, 6) i;
INSERT INTO many SELECT i % 5, chr(97 + i % 3), i FROM generate_series(1, 20) i;
INSERT INTO many VALUES (NULL, 'a', 1), (3, NULL, 2);
INSERT INTO periods SELECT i % 4, span(i * 5, i * 5 + 8), i / 3.0 FROM generate_series(0, 9) i;
CREATE FUNCTION halves(int) RETURNS SETOF pair LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(g, 'h' || g)::shapes_mean.pair FROM generate_series($1 / 2, $1 / 2 + 1) g $$;
CREATE FUNCTION sum_pairs(pair, pair) RETURNS pair LANGUAGE sql IMMUTABLE AS $$ SELECT ROW($1.a + coalesce($2.a, 0), greatest($1.b, $2.b))::shapes_mean.pair $$;
CREATE AGGREGATE total(pair) (SFUNC = sum_pairs, STYPE = pair, COMBINEFUNC = sum_pairs, INITCOND = '(0,)');
CREATE TABLE cases (name text, query text);
INSERT INTO cases VALUES
	-- subqueries in FROM
	('from null shortcut', 'SELECT q.a, count(q.b) AS n, count(*) AS c FROM (SELECT k AS a, nullif(x % 3, 1) AS b FROM s WHERE t IS NOT NULL) q LEFT JOIN (SELECT k, max(w) AS w FROM many GROUP BY k HAVING max(w) > 16) z ON z.k = q.b WHERE z.k IS NULL GROUP BY q.a'),
	('from same subquery names', 'SELECT k, q.k2, count(*) FROM (SELECT k, k AS k2, x AS k3 FROM (SELECT k + 1 AS k, x FROM s) s2 WHERE k > 2) q WHERE k3 > 5 GROUP BY k, q.k2'),
	('from case and distinct', 'SELECT z, count(DISTINCT y) AS d, string_agg(DISTINCT y, ''-'') AS l FROM (SELECT CASE WHEN x > 30 THEN ''hi'' WHEN x IS NULL THEN NULL ELSE ''lo'' END AS z, lower(t) AS y FROM s) q GROUP BY z'),
	('from whole row of subquery', 'SELECT (q).b, count(*), max((q).a) AS m FROM (SELECT k AS a, t AS b FROM s) q GROUP BY (q).b'),
	('from whole row under an outer join', 'SELECT m.w, count(DISTINCT a.y) AS d, max(a.k) AS k FROM many m RIGHT JOIN (SELECT k, x + 1 AS y, s FROM s) a ON m.k = a.k GROUP BY 1'),
	('from whole row through a named join', 'SELECT (jj.r).t, count(*) FROM (many m RIGHT JOIN (SELECT k AS k2, s AS r FROM s) a ON m.k = a.k2) AS jj GROUP BY 1'),
	('from with its own with', 'SELECT q.name, count(*) FROM (WITH n AS (SELECT k, name FROM names WHERE k < 5) SELECT s.k, n.name FROM s JOIN n USING (k) WHERE x > 3) q GROUP BY 1'),
	('from grouped by constant', 'SELECT src, flag, count(*) FROM (SELECT ''s'' AS src, x > 30 AS flag FROM s) q GROUP BY src, flag HAVING bool_or(flag) IS NOT NULL'),
	('from with in a branch', 'SELECT k, n, count(*) FROM (SELECT k, n FROM (WITH q AS (SELECT max(w) AS top FROM many) SELECT k, top AS n FROM s, q WHERE x < top) z UNION ALL (WITH q AS (SELECT 1 AS one) SELECT k, one FROM s, q)) u GROUP BY 1, 2'),
	('from with twice', 'WITH n AS (SELECT k FROM names WHERE k < 4) SELECT q.k, z.k AS zk, count(*) FROM (WITH n AS (SELECT k FROM names WHERE k > 1), a AS (SELECT k, x FROM s) SELECT a.k, a.x FROM a JOIN n USING (k)) q JOIN n z USING (k) GROUP BY 1, 2'),
	('from with recursive', 'SELECT c, count(*) FROM (WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT s.k + r.n AS c FROM s JOIN r ON r.n <= s.k) q GROUP BY c'),
	('from semi inside', 'SELECT q.k, count(*) FROM (SELECT k, x FROM s WHERE x IN (SELECT w FROM many WHERE many.k = s.k)) q WHERE NOT EXISTS (SELECT FROM names n WHERE n.k = q.k AND n.name = ''name 1'') GROUP BY q.k'),
	('from subquery in argument', 'SELECT k2, sum(y) FROM (SELECT k % 3 AS k2, (SELECT max(w) FROM many m WHERE m.k = s.k) AS y FROM s) q GROUP BY k2'),
	-- WITH
	('with three deep', 'WITH a AS (SELECT k, x FROM s WHERE x > 1), b AS (SELECT k, x * 2 AS y FROM a), c AS (SELECT b.k, b.y, n.name FROM b LEFT JOIN names n USING (k)) SELECT name, count(*), sum(y) FROM c GROUP BY name'),
	('with hides a table', 'WITH names AS (SELECT 2 AS k, ''two'' AS name UNION ALL SELECT 3, ''three'') SELECT name, count(*) FROM s JOIN names USING (k) GROUP BY name'),
	('with in subquery of where', 'SELECT t, count(*) FROM s WHERE k IN (WITH q AS (SELECT k FROM many WHERE w > 10) SELECT k FROM q UNION SELECT k FROM names WHERE k = 6) GROUP BY t'),
	('with used at reading', 'WITH top AS (SELECT max(k) AS k FROM names) SELECT s.k, count(*), (SELECT t.k FROM top t) AS top FROM s GROUP BY s.k HAVING s.k <= (SELECT k FROM top)'),
	('with both', 'WITH n AS (SELECT k, name FROM names WHERE k <> 2) SELECT n.name, count(*), (SELECT count(*) FROM n) AS all FROM s JOIN n USING (k) GROUP BY n.name'),
	('with column names', 'WITH q (a, b) AS (SELECT k, x FROM s) SELECT a, sum(b) FROM q GROUP BY a'),
	-- LATERAL
	('lateral over lateral', 'SELECT b.v, count(*) FROM s, LATERAL (SELECT m.w FROM many m WHERE m.k = s.k AND m.w > s.x % 9 ORDER BY w LIMIT 2) a, LATERAL (SELECT a.w % 3 AS v, generate_series(1, a.w % 2 + 1)) b GROUP BY 1'),
	('lateral left grouped', 'SELECT s.t, l.n, count(*) FROM s LEFT JOIN LATERAL (SELECT m.t, count(*) AS n FROM many m WHERE m.k < s.k GROUP BY m.t) l ON l.t = s.t GROUP BY 1, 2'),
	('lateral correlated exists', 'SELECT l.e, count(*) FROM s, LATERAL (SELECT EXISTS (SELECT FROM names n WHERE n.k = s.k + m.w % 2) AS e FROM many m WHERE m.k = s.k) l GROUP BY 1'),
	('lateral union', 'SELECT l.v, count(*) FROM s, LATERAL (SELECT s.k AS v UNION SELECT m.w FROM many m WHERE m.k = s.k AND m.w < 4) l GROUP BY 1'),
	('lateral from table first', 'SELECT n.name, q.y, count(*) FROM names n, LATERAL (SELECT s.x % 2 + n.k AS y FROM s WHERE s.k = n.k) q GROUP BY 1, 2'),
	-- semi- and anti-joins
	('anti left and not exists', 'SELECT s.t, count(*) FROM s LEFT JOIN many m ON m.k = s.k AND m.t = s.t WHERE m.k IS NULL AND NOT EXISTS (SELECT FROM names n WHERE n.k = s.k AND n.name LIKE ''%3'') GROUP BY s.t'),
	('not in of an expression', 'SELECT k, count(*) FROM s WHERE (k + 1, x % 2) NOT IN (SELECT k, w % 2 FROM many WHERE k IS NOT NULL) GROUP BY k'),
	('in or exists', 'SELECT t, count(*) FROM s WHERE k IN (SELECT k FROM names WHERE k > 4) OR EXISTS (SELECT FROM many m WHERE m.w = s.x) OR NOT (x = ANY (SELECT w FROM many)) AND k IS NULL GROUP BY t'),
	('exists over a union', 'SELECT k, count(*) FROM s WHERE EXISTS (SELECT k FROM names WHERE names.k = s.k INTERSECT SELECT k FROM many WHERE w > s.x) GROUP BY k'),
	('in an aggregate and having', 'SELECT t, sum(x) FILTER (WHERE k NOT IN (SELECT k FROM many WHERE k IS NOT NULL)) AS f, count(*) FROM s GROUP BY t HAVING count(*) IN (SELECT count(*) FROM s2_dummy) OR count(*) > 3'),
	('values semi', 'SELECT t, count(*) FROM s WHERE (k, x > 20) IN (VALUES (1, true), (2, false), (3, NULL)) GROUP BY t'),
	-- set-returning functions
	('srf several lengths', 'SELECT k, generate_series(1, k % 3) AS g, unnest(ARRAY[x, x + 1]) AS u FROM s WHERE x > 50'),
	('srf of composite', 'SELECT (halves(k)).*, count(*) FROM s GROUP BY 1, 2'),
	('srf in from twice', 'SELECT h.b, g, count(*) FROM s, halves(s.k) h, generate_series(h.a, h.a + 1) g GROUP BY 1, 2'),
	('srf of composite array', 'SELECT e.b, sum(e.a) AS a, count(*) FROM s, unnest(s.cs) e GROUP BY 1'),
	('srf with ordinality left', 'SELECT o, count(*), max(e) AS m FROM s LEFT JOIN LATERAL jsonb_array_elements_text(s.j) WITH ORDINALITY z (e, o) ON e <> ''x1'' GROUP BY o'),
	('srf of ranges', 'SELECT lower(u) AS lo, count(*) FROM s, unnest(s.mr) u GROUP BY 1'),
	('srf and distinct', 'SELECT DISTINCT unnest(ARRAY[k % 2, x % 2]) AS e FROM s'),
	('srf and values', 'SELECT e, count(DISTINCT x) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS m FROM (SELECT unnest(ARRAY[k % 2, x % 3]) AS e, x FROM s) q GROUP BY e'),
	('srf in a subquery', 'SELECT e, g, count(*), sum(x) FROM (SELECT unnest(ARRAY[k, x]) AS e, generate_series(1, k % 4) + 10 AS g, x FROM s WHERE x > 5) q GROUP BY 1, 2'),
	('srf of rows in a subquery', 'SELECT (h).b, (h).a + 1 AS a, count(*) FROM (SELECT halves(k) AS h, t FROM s) q JOIN many m ON m.w = (h).a WHERE q.t <> ''c'' GROUP BY 1, 2'),
	('srf in with and left join', 'WITH q AS (SELECT jsonb_array_elements_text(j) AS e, k FROM s LEFT JOIN names USING (k)) SELECT e, max(k) AS m, count(DISTINCT k) AS d FROM q WHERE e <> ''0'' GROUP BY e'),
	-- SELECT * and whole rows
	('star of subquery', 'SELECT * FROM (SELECT k, d, l, r FROM s) q WHERE k > 2'),
	('star of join using', 'SELECT * FROM (SELECT k, x FROM s) q JOIN names USING (k) LEFT JOIN periods USING (k)'),
	('star of with', 'WITH q AS (SELECT k, c, cs FROM s) SELECT * FROM q'),
	('star of lateral', 'SELECT q.*, l.* FROM (SELECT k, m FROM s) q, LATERAL (SELECT count(*) AS n, max(w) FROM many WHERE many.k = q.k) l'),
	('star expanded composite', 'SELECT (c).*, count(*) FROM s GROUP BY (c).a, (c).b'),
	-- composites, ranges, domains, user types, collations
	('composite aggregates', 'SELECT k, (total(c)).a AS a, (total(c)).b AS b, array_agg(c ORDER BY x) AS l, count(DISTINCT c) AS d FROM s GROUP BY k'),
	('composite comparisons', 'SELECT c IS NULL AS n, c IS NOT NULL AS nn, c < ROW(3, ''m'')::pair AS l, c IS DISTINCT FROM ROW(NULL, NULL)::pair AS f, count(*) FROM s GROUP BY 1, 2, 3, 4'),
	('composite null fields', 'SELECT ROW(nullif(k, 2), t)::pair AS p, count(*) FROM s GROUP BY 1'),
	('composite in arrays', 'SELECT cs[1] AS first, cs[2:2] AS rest, (cs[1]).a + 1 AS n, count(*) FROM s GROUP BY 1, 2, 3'),
	('range aggregates', 'SELECT k, range_agg(DISTINCT r) AS u, range_intersect_agg(r) AS i, count(DISTINCT r) AS d FROM s WHERE r IS NOT NULL GROUP BY k'),
	('range keys', 'SELECT r, mr, upper_inc(r) AS ui, isempty(r) AS e, count(*) FROM s GROUP BY r, mr'),
	('range join', 'SELECT p2.during, sum(p2.factor) AS f, count(*) FROM s JOIN periods p2 ON p2.during @> s.x GROUP BY 1'),
	('range overlap', 'SELECT k, count(*) FROM s WHERE mr && span(10, 20) OR r << span(5, 6) OR r -|- span(30, 40) GROUP BY k'),
	('domain keys', 'SELECT d, l, max(d) AS md, min(l) AS ml, sum(d) AS sd, count(*) FROM s GROUP BY d, l'),
	('domain casts', 'SELECT (x % 40)::small AS d, (t || k)::label AS l, count(*) FROM s WHERE k IS NOT NULL GROUP BY 1, 2'),
	('domain order', 'SELECT k, array_agg(l ORDER BY l DESC, x) AS a, min(l COLLATE "POSIX") AS m FROM s GROUP BY k'),
	('domain distinct', 'SELECT count(DISTINCT d) AS d, count(DISTINCT l) AS l, mode() WITHIN GROUP (ORDER BY d) AS m FROM s'),
	('enum ordered', 'SELECT m, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY m DESC) AS h, string_agg(m::text, '','' ORDER BY m, x) AS l FROM s GROUP BY m ORDER BY m NULLS FIRST'),
	('enum set', 'SELECT k, array_agg(DISTINCT m ORDER BY m DESC) AS ms, max(m) = ''happy'' AS any FROM s GROUP BY k'),
	('folded keys', 'SELECT lower(f) AS lf, count(*) FROM s GROUP BY lower(f COLLATE "C"), lower(f)'),
	('folded distinct', 'SELECT count(DISTINCT f) AS n, count(DISTINCT f COLLATE "C") AS c FROM s'),
	('folded condition', 'SELECT k, count(*) FILTER (WHERE f = ''A1'') AS eq, count(*) FILTER (WHERE f = ''A1'' COLLATE "C") AS ceq FROM s GROUP BY k'),
	('collated order', 'SELECT k, max(t COLLATE "C") AS a, first_value(max(t COLLATE "C")) OVER (ORDER BY k NULLS FIRST) AS f FROM s GROUP BY k'),
	-- on top
	('window over values', 'SELECT k, count(DISTINCT x % 4) AS d, rank() OVER (ORDER BY count(DISTINCT x % 4) DESC, k) AS r FROM s GROUP BY k'),
	('window frame groups', 'SELECT t, k, sum(count(*)) OVER (PARTITION BY t ORDER BY k GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS c FROM s GROUP BY t, k'),
	('order by ordinal and expression', 'SELECT k % 3 AS b, sum(x) AS a FROM s GROUP BY 1 ORDER BY 2 DESC NULLS LAST, k % 3 OFFSET 1'),
	('scalar over tables', 'SELECT t, count(*) * (SELECT max(w) FROM many) AS m, (SELECT string_agg(name, '','' ORDER BY k) FROM names WHERE name LIKE ''%'' || length(t)) AS n FROM s GROUP BY t');
UPDATE cases SET query = replace(query, 'count(*) IN (SELECT count(*) FROM s2_dummy) OR count(*) > 3', 'count(*) IN (SELECT w FROM many)') WHERE query ~ 's2_dummy';
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
INSERT INTO p SELECT i % 8, chr(97 + i % 4), i, weir.clock() - i * interval '1 minute' + interval '30 seconds', (enum_range(NULL::mood))[1 + i % 3], ROW(i % 4, chr(97 + i % 3))::pair, i % 45, chr(65 + i % 3) || i % 2,
	span(i % 30, i % 30 + i % 6), spans(span(i, i + 3), span(i + 9, i + 9 + i % 3)), ARRAY[ROW(i % 3, 'x'), ROW(i % 2, NULL)]::pair[], chr(CASE i % 3 WHEN 0 THEN 65 ELSE 97 END) || i % 2, jsonb_build_array('x' || i % 3, i % 2)
	FROM generate_series(1, 60) i;
INSERT INTO p DEFAULT VALUES;
INSERT INTO p VALUES (NULL, 'a', 7, NULL, NULL, ROW(NULL, NULL), NULL, NULL, 'empty', '{}', '{}', NULL, '[]'), (3, NULL, 8, NULL, 'ok', ROW(1, NULL), 3, '', NULL, NULL, ARRAY[NULL]::pair[], '', '[null]');
ALTER TABLE p ADD arrival_timestamp timestamptz;
UPDATE p SET arrival_timestamp = now();
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0;
INSERT INTO s SELECT * FROM p WHERE x % 2 = 0 IS NOT TRUE;
SELECT view, count(*), min(message) FROM weir.dead_letters WHERE view IN (SELECT oid FROM pg_class WHERE relnamespace = 'shapes_mean'::regnamespace) GROUP BY 1 ORDER BY 1::text COLLATE "C";
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(name text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT nullif(name || ': ' || verdict(format('TABLE %I', 'v ' || name), regexp_replace(query, '\ms\M(?!'')', 'p', 'g'), true), name || ': equal');
$$;
SELECT c FROM cases, compare(name, query) c WHERE c IS NOT NULL;

-- a view of a longer window narrowed, and its groups taken together
CREATE VIEW longest WITH (sw = '100 minutes', sw_column = 'at', step_factor = 1) AS SELECT k, t, count(*), avg(x) AS ax, count(DISTINCT x % 5) AS d, max(l) AS ml, array_agg(x) AS aa FROM s GROUP BY k, t;
INSERT INTO s SELECT * FROM p;
CREATE VIEW hour WITH (sw = '1 hour') AS SELECT k, weir.combine(count) AS n, weir.combine(ax) AS a, weir.combine(d) AS d, weir.combine(ml) AS m FROM longest GROUP BY k;
CREATE VIEW hour_total WITH (sw = '30 minutes') AS SELECT weir.combine(count) AS n, weir.combine(ax) AS a, weir.combine(d) AS d FROM longest WHERE t <> 'b';
CREATE VIEW hour_joined WITH (sw = '1 hour') AS SELECT n.name, weir.combine(ax) AS a, cardinality(weir.combine(aa)) AS c FROM longest JOIN names n USING (k) GROUP BY 1 HAVING weir.combine(count) > 2;
CREATE VIEW hour_sub WITH (sw = '1 hour') AS SELECT q.odd, weir.combine(q.ax) AS a, weir.combine(q.d) AS d FROM (SELECT k % 2 AS odd, ax, d FROM longest WHERE k IS NOT NULL) q GROUP BY 1;
TABLE hour EXCEPT ALL SELECT k, count(*), avg(x), count(DISTINCT x % 5), max(l) FROM p WHERE at > weir.clock() - interval '1 hour' GROUP BY k;
SELECT k, count(*), avg(x), count(DISTINCT x % 5), max(l) FROM p WHERE at > weir.clock() - interval '1 hour' GROUP BY k EXCEPT ALL TABLE hour;
SELECT * FROM hour_total EXCEPT ALL SELECT count(*), avg(x), count(DISTINCT x % 5) FROM p WHERE at > weir.clock() - interval '30 minutes' AND t <> 'b';
SELECT n.name, avg(x), count(*)::int FROM p JOIN names n USING (k) WHERE at > weir.clock() - interval '1 hour' GROUP BY 1 HAVING count(*) > 2 EXCEPT ALL TABLE hour_joined;
SELECT k % 2, avg(x), count(DISTINCT x % 5) FROM p WHERE at > weir.clock() - interval '1 hour' AND k IS NOT NULL GROUP BY 1 EXCEPT ALL TABLE hour_sub;
SELECT count(*) FROM hour_sub;
CREATE VIEW hour_all WITH (sw = '1 hour') AS SELECT * FROM longest;
SELECT weir.combine(ax) AS a, weir.combine(d) AS d, weir.combine(count) AS n FROM hour_all WHERE k > 2
EXCEPT ALL SELECT avg(x), count(DISTINCT x % 5), count(*) FROM p WHERE at > weir.clock() - interval '1 hour' AND k > 2;
SELECT t, weir.combine(ax) FROM hour_all GROUP BY t EXCEPT ALL SELECT t, avg(x) FROM p WHERE at > weir.clock() - interval '1 hour' GROUP BY t;
SELECT weir.combine(n) FROM (SELECT k, count(*) AS n FROM longest_mrel GROUP BY k) q;
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA shapes_mean CASCADE;
