-- weir.combine: the aggregates of a continuous view's columns over several of its groups.
CREATE SCHEMA combine;
SET search_path = combine, weir;
SELECT weir.set_clock('2030-01-02 12:00+00');
CREATE FOREIGN TABLE s (k int, t text, x int, n numeric, f float8, at timestamptz) SERVER weir;
CREATE TABLE p (k int, t text, x int, n numeric, f float8, at timestamptz);
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT i, 'name ' || i % 3 FROM generate_series(0, 5) i;
CREATE FUNCTION longest_trans(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT CASE WHEN length($2) > length($1) OR length($2) = length($1) AND $2 > $1 THEN $2 ELSE $1 END $$;
CREATE FUNCTION longest_final(text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(length($1), -1) $$;
CREATE AGGREGATE longest(text) (SFUNC = longest_trans, STYPE = text, COMBINEFUNC = longest_trans, FINALFUNC = longest_final);
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, COMBINEFUNC = numeric_mul, INITCOND = '1');
CREATE AGGREGATE once(text) (SFUNC = longest_trans, STYPE = text, COMBINEFUNC = longest_trans, FINALFUNC = longest_final, FINALFUNC_MODIFY = READ_WRITE);

CREATE VIEW v AS SELECT k, t, count(*), count(n) AS cn, avg(x) AS ax, sum(x) AS sx, avg(n) AS an, stddev(n) AS dn, sum(n) AS sn, max(t COLLATE "C") AS mt,
	variance(x) AS vx, bool_or(x > 500) AS b, regr_count(f, x) AS rc, corr(x % 10, x % 7) AS co, longest(t) AS lo, product(1 + x % 2) AS pr, once(t) AS oo,
	max(ARRAY[x, k]) AS arr, sum(x) FILTER (WHERE x % 2 = 0) AS fx, count(*) + 1 AS more, upper(t) AS up
	FROM s GROUP BY k, t;
CREATE VIEW held AS SELECT k, t, array_agg(x) AS aa, string_agg(t, ',') AS st, jsonb_agg(x) AS ja FROM s GROUP BY k, t;
CREATE VIEW vals AS SELECT k, t, count(DISTINCT x % 50) AS d, sum(DISTINCT x % 7) AS sd, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS pc, mode() WITHIN GROUP (ORDER BY t) AS mo,
	string_agg(DISTINCT t, ';') AS sa, array_agg(x ORDER BY x DESC) AS ao, count(DISTINCT x) FILTER (WHERE x % 2 = 0) AS fd, rank(500) WITHIN GROUP (ORDER BY x) AS ra, rank(k) WITHIN GROUP (ORDER BY x) AS rk FROM s GROUP BY k, t;
CREATE VIEW recent_vals WITH (sw = '1 hour', sw_column = 'at') AS SELECT k, count(DISTINCT t) AS d, percentile_disc(0.3) WITHIN GROUP (ORDER BY n) AS pd FROM s GROUP BY k;
CREATE VIEW sets AS SELECT k, t, grouping(k, t) AS g, count(*), avg(n) AS an, count(DISTINCT x % 50) AS d FROM s GROUP BY ROLLUP (k, t);
CREATE VIEW sketches AS SELECT k, t, approx_count_distinct(x) AS ac, hll_agg(x) AS h, freq_agg(t) AS f, bloom_agg(x) AS b, topk_agg(t, 30) AS tk, last(x, at) AS l FROM s GROUP BY k, t;
CREATE VIEW total AS SELECT count(*), avg(x) AS ax FROM s;
CREATE VIEW most AS SELECT k, count(*), avg(n) AS an FROM s GROUP BY k HAVING count(*) > 140 ORDER BY k DESC LIMIT 3;
CREATE VIEW log AS SELECT k, x FROM s WHERE x < 10;
CREATE VIEW seen AS SELECT DISTINCT k FROM s;
CREATE VIEW once_each AS SELECT DISTINCT k % 2 AS odd, count(*) FROM s GROUP BY k;
CREATE VIEW recent WITH (sw = '1 hour', sw_column = 'at') AS SELECT k, count(*), avg(n) AS an, stddev(x) AS dx, max(x) AS mx FROM s GROUP BY k;
CREATE VIEW recent_total WITH (sw = '1 hour', sw_column = 'at') AS SELECT count(*), avg(n) AS an FROM s;
CREATE VIEW hops AS SELECT k, w.window_start AS start, count(*), avg(n) AS an FROM s, weir.hop(at, '10 minutes', '30 minutes') w GROUP BY k, w.window_start;
CREATE VIEW visits AS SELECT k, w.window_start AS start, w.window_end AS until, count(*), stddev(x) AS dx FROM s, weir.session(at, '5 minutes') w GROUP BY 1, 2, 3;

INSERT INTO p SELECT i % 7, repeat(chr(97 + i % 5), 1 + i % 4), i, nullif(i % 11, 3) / 3.0, i / 7.0, weir.clock() - i * interval '7 seconds' FROM generate_series(1, 999) i;
INSERT INTO p VALUES (NULL, NULL, NULL, NULL, NULL, NULL), (NULL, 'null', 5, NULL, NULL, weir.clock());
INSERT INTO s (k, t, x, n, f, at) SELECT * FROM p WHERE x % 2 = 0;
INSERT INTO s (k, t, x, n, f, at) SELECT * FROM p WHERE (x % 2 = 0) IS NOT TRUE;

CREATE TABLE cases (name text, over_view text, batch text);
INSERT INTO cases VALUES
	('all', 'SELECT combine(count), combine(cn), combine(ax), combine(sx), combine(an), combine(dn)::numeric(20,10), combine(sn), combine(mt), combine(vx)::numeric(20,10), combine(b), combine(rc), round(combine(co)::numeric, 9), combine(lo), combine(pr), combine(oo), combine(arr), combine(fx) FROM v',
		'SELECT count(*), count(n), avg(x), sum(x), avg(n), stddev(n)::numeric(20,10), sum(n), max(t COLLATE "C"), variance(x)::numeric(20,10), bool_or(x > 500), regr_count(f, x), round(corr(x % 10, x % 7)::numeric, 9), longest(t), product(1 + x % 2), once(t), max(ARRAY[x, k]), sum(x) FILTER (WHERE x % 2 = 0) FROM p'),
	('values', 'SELECT k, cardinality(combine(aa)), length(combine(st)), jsonb_array_length(combine(ja)) FROM held GROUP BY k', 'SELECT k, cardinality(array_agg(x)), length(string_agg(t, '','')), jsonb_array_length(jsonb_agg(x)) FROM p GROUP BY k'),
	('distinct', 'SELECT combine(d), combine(sd), combine(pc), combine(mo), combine(sa), combine(ao), combine(fd), combine(ra) FROM vals', 'SELECT count(DISTINCT x % 50), sum(DISTINCT x % 7), percentile_cont(0.5) WITHIN GROUP (ORDER BY x), mode() WITHIN GROUP (ORDER BY t), string_agg(DISTINCT t, '';''), array_agg(x ORDER BY x DESC), count(DISTINCT x) FILTER (WHERE x % 2 = 0), rank(500) WITHIN GROUP (ORDER BY x) FROM p'),
	('distinct by key', 'SELECT k, combine(d), combine(pc) FILTER (WHERE t <> ''a''), combine(sa) || ''!'' FROM vals WHERE k > 1 GROUP BY k HAVING combine(fd) > 2 ORDER BY combine(d)', 'SELECT k, count(DISTINCT x % 50), percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FILTER (WHERE t <> ''a''), string_agg(DISTINCT t, '';'') || ''!'' FROM p WHERE k > 1 GROUP BY k HAVING count(DISTINCT x) FILTER (WHERE x % 2 = 0) > 2'),
	('distinct of none', 'SELECT combine(d), combine(pc), combine(sa), combine(ra) FROM vals WHERE k = 100', 'SELECT count(DISTINCT x), percentile_cont(0.5) WITHIN GROUP (ORDER BY x), string_agg(DISTINCT t, '';''), rank(500) WITHIN GROUP (ORDER BY x) FROM p WHERE k = 100'),
	('distinct twice', 'SELECT odd, combine(d), combine(pc) FROM (SELECT k % 2 AS odd, t, combine(d) AS d, combine(pc) AS pc FROM vals GROUP BY 1, 2) q GROUP BY odd', 'SELECT k % 2, count(DISTINCT x % 50), percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM p GROUP BY 1'),
	('distinct joined', 'SELECT name, combine(d) FROM names LEFT JOIN vals USING (k) GROUP BY name', 'SELECT name, count(DISTINCT x % 50) FROM names LEFT JOIN p USING (k) GROUP BY name'),
	('distinct with', 'WITH q AS MATERIALIZED (SELECT * FROM vals WHERE k < 4) SELECT (SELECT combine(q.d) FROM q WHERE q.k = n.k) FROM names n', 'SELECT (SELECT count(DISTINCT x % 50) FROM p WHERE p.k = n.k AND k < 4) FROM names n'),
	('grouping sets below', 'SELECT g, combine(count), combine(an), combine(d) FROM sets GROUP BY g', 'SELECT g, count(*), avg(n), count(DISTINCT x % 50) FROM p, (VALUES (0), (1), (3)) v (g) GROUP BY g'),
	('distinct sliding', 'SELECT k % 2, combine(d), combine(pd) FROM recent_vals GROUP BY 1', 'SELECT k % 2, count(DISTINCT t), percentile_disc(0.3) WITHIN GROUP (ORDER BY n) FROM p WHERE at > weir.clock() - interval ''1 hour'' GROUP BY 1'),
	('sketches', 'SELECT k, combine(ac), hll_cardinality(combine(h)), freq(combine(f), ''a''::text), bloom_contains(combine(b), 14), topk_freqs(combine(tk)), combine(l) FROM sketches GROUP BY k', 'SELECT k, approx_count_distinct(x), hll_cardinality(hll_agg(x)), freq(freq_agg(t), ''a''::text), bloom_contains(bloom_agg(x), 14), topk_freqs(topk_agg(t, 30)), last(x, at) FROM p GROUP BY k'),
	('none', 'SELECT combine(count), combine(cn), combine(ax), combine(sx), combine(mt), combine(b), combine(rc), combine(lo), combine(pr), combine(fx) FROM v WHERE k = 100',
		'SELECT count(*), count(n), avg(x), sum(x), max(t), bool_or(x > 500), regr_count(f, x), longest(t), product(x), sum(x) FILTER (WHERE x % 2 = 0) FROM p WHERE k = 100'),
	('by key', 'SELECT k, combine(count), combine(an), combine(mt), combine(lo) FROM v GROUP BY k', 'SELECT k, count(*), avg(n), max(t COLLATE "C"), longest(t) FROM p GROUP BY k'),
	('by expression', 'SELECT k % 2, combine(an) AS a, combine(count) * 2 + 1 FROM v WHERE t <> ''a'' GROUP BY 1 HAVING combine(count) > 10 ORDER BY combine(sx) DESC', 'SELECT k % 2, avg(n), count(*) * 2 + 1 FROM p WHERE t <> ''a'' GROUP BY 1 HAVING count(*) > 10'),
	('filter', 'SELECT t, combine(count) FILTER (WHERE k > 3), combine(an) FILTER (WHERE k IN (SELECT k FROM names WHERE name = ''name 1'')) FROM v GROUP BY t', 'SELECT t, count(*) FILTER (WHERE k > 3), avg(n) FILTER (WHERE k IN (SELECT k FROM names WHERE name = ''name 1'')) FROM p GROUP BY t'),
	('join', 'SELECT name, combine(an), combine(v.count) FROM v JOIN names USING (k) GROUP BY name', 'SELECT name, avg(n), count(*) FROM p JOIN names USING (k) GROUP BY name'),
	('join named', 'SELECT name, combine(j.an), combine(j.count) FROM (v NATURAL JOIN names) j GROUP BY name', 'SELECT name, avg(n), count(*) FROM p NATURAL JOIN names GROUP BY name'),
	('left join', 'SELECT name, m.k, combine(an), combine(v.count) FROM (SELECT k + 4 AS k, name FROM names) m LEFT JOIN v USING (k) GROUP BY name, m.k', 'SELECT name, m.k, avg(n), count(x) FROM (SELECT k + 4 AS k, name FROM names) m LEFT JOIN p USING (k) GROUP BY name, m.k'),
	('full join', 'SELECT m.name, combine(v.an), combine(v.count) FROM (SELECT k + 4 AS k, name FROM names) m FULL JOIN v ON v.k = m.k GROUP BY m.name', 'SELECT m.name, avg(n), count(p) FROM (SELECT k + 4 AS k, name FROM names) m FULL JOIN p ON p.k = m.k GROUP BY m.name'),
	('self join', 'SELECT a.k, combine(b.an) FROM v a JOIN v b ON a.k = b.k AND a.t = b.t AND a.count > 7 GROUP BY a.k', 'SELECT k, avg(n) FROM p WHERE (k, t) IN (SELECT k, t FROM p GROUP BY k, t HAVING count(*) > 7) GROUP BY k'),
	('subquery', 'SELECT odd, combine(a) FROM (SELECT k % 2 AS odd, an AS a, t FROM v WHERE k > 2 ORDER BY count LIMIT 1000) q WHERE t > ''a'' GROUP BY odd', 'SELECT k % 2, avg(n) FROM p WHERE k > 2 AND t > ''a'' GROUP BY 1'),
	('subqueries', 'SELECT combine(a) FROM (SELECT a FROM (SELECT an AS a, row_number() OVER (PARTITION BY k ORDER BY t) AS r FROM v) q WHERE r > 0) r', 'SELECT avg(n) FROM p'),
	('distinct on', 'SELECT combine(an) FROM (SELECT DISTINCT ON (k) an, k FROM v ORDER BY k, t) q', 'SELECT avg(n) FROM p WHERE (k, t) IN (SELECT k, min(t) FROM p GROUP BY k) OR k IS NULL AND t = ''null'''),
	('with', 'WITH a AS (SELECT * FROM v WHERE k < 5), b AS MATERIALIZED (SELECT k, an, count AS c FROM a WHERE k > 1 ORDER BY ax) SELECT k, combine(an), combine(c), (SELECT combine(a.an) FROM a) FROM b GROUP BY k', 'SELECT k, avg(n), count(*), (SELECT avg(n) FROM p WHERE k < 5) FROM p WHERE k < 5 AND k > 1 GROUP BY k'),
	('scalar', 'SELECT name, (SELECT combine(an) FROM v WHERE v.k = n.k) FROM names n', 'SELECT name, (SELECT avg(n) FROM p WHERE p.k = n.k) FROM names n'),
	('lateral', 'SELECT n.k, l.* FROM names n, LATERAL (SELECT combine(an) AS a, combine(count) FROM v WHERE v.k < n.k) l', 'SELECT n.k, l.* FROM names n, LATERAL (SELECT avg(n) AS a, count(*) FROM p WHERE p.k < n.k) l'),
	('outer aggregate', 'SELECT k, (SELECT combine(v.an)) FROM v GROUP BY k', 'SELECT k, avg(n) FROM p GROUP BY k'),
	('grouping sets', 'SELECT k, t, combine(an), combine(count) FROM v GROUP BY ROLLUP (k, t)', 'SELECT k, t, avg(n), count(*) FROM p GROUP BY ROLLUP (k, t)'),
	('twice', 'SELECT odd, combine(a), combine(c) FROM (SELECT k % 2 AS odd, t, combine(an) AS a, combine(count) FILTER (WHERE k > 1) AS c FROM v GROUP BY 1, 2 HAVING combine(count) > 5) q GROUP BY odd', 'SELECT k % 2, avg(n), count(*) FILTER (WHERE k > 1) FROM p WHERE (k % 2, t) IN (SELECT k % 2, t FROM p GROUP BY 1, 2 HAVING count(*) > 5) GROUP BY 1'),
	('twice from with', 'WITH a AS (SELECT k, combine(dn) AS d FROM v GROUP BY k), b AS (SELECT * FROM a) SELECT combine(d)::numeric(20,10) FROM b', 'SELECT stddev(n)::numeric(20,10) FROM p'),
	('window', 'SELECT k, t, combine(an) OVER (PARTITION BY k ORDER BY t), combine(count) OVER (ORDER BY k, t ROWS 1 PRECEDING) > 1 FROM v WHERE k IS NOT NULL', 'SELECT q.k, q.t, (SELECT avg(n) FROM p WHERE p.k = q.k AND p.t <= q.t), true FROM (SELECT DISTINCT k, t FROM p WHERE k IS NOT NULL) q'),
	('window over groups', 'SELECT k, combine(count), sum(combine(count)) OVER () FROM v GROUP BY k', 'SELECT k, count(*), sum(count(*)) OVER () FROM p GROUP BY k'),
	('whole row', 'SELECT v.k, count(v), min((v).count) > 0, combine(v.an), bool_and((to_jsonb(v) ->> ''state1'') IS NULL) FROM v GROUP BY v.k', 'SELECT k, count(DISTINCT coalesce(t, ''?'')), true, avg(n), true FROM p GROUP BY k'),
	('whole row of with', 'WITH q AS MATERIALIZED (SELECT k, an FROM v) SELECT max((SELECT count(*) FROM jsonb_each(to_jsonb(q)))), combine(an) FROM q', 'SELECT 2, avg(n) FROM p'),
	('total', 'SELECT combine(count), combine(ax) FROM total', 'SELECT count(*), avg(x) FROM p'),
	('limited', 'SELECT combine(count), combine(an) FROM most', 'SELECT count(*), avg(n) FROM p WHERE k IN (SELECT k FROM p GROUP BY k HAVING count(*) > 140 ORDER BY k DESC LIMIT 3)'),
	('sliding', 'SELECT k % 2, combine(count), combine(an), combine(dx)::numeric(20,10), combine(mx) FROM recent GROUP BY 1', 'SELECT k % 2, count(*), avg(n), stddev(x)::numeric(20,10), max(x) FROM p WHERE at > weir.clock() - interval ''1 hour'' GROUP BY 1'),
	('sliding total', 'SELECT combine(count), combine(an) FROM recent_total', 'SELECT count(*), avg(n) FROM p WHERE at > weir.clock() - interval ''1 hour'''),
	('hopping', 'SELECT start, combine(count), combine(an) FROM hops GROUP BY start', 'SELECT window_start, count(*), avg(n) FROM p, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY 1'),
	('sessions', 'SELECT combine(count), combine(dx)::numeric(20,10) FROM visits', 'SELECT count(*), stddev(x)::numeric(20,10) FROM p WHERE at IS NOT NULL'),
	('matrel', 'SELECT k, combine(ax, NULL::numeric), combine(count), combine(dn, NULL::numeric)::numeric(20,10), combine(an_value) FROM v_mrel GROUP BY k', 'SELECT k, avg(x), count(*), stddev(n)::numeric(20,10), avg(n) FROM p GROUP BY k'),
	('matrel of a window', 'SELECT k, combine(count), combine(an, NULL::numeric) FROM recent_mrel WHERE at > weir.clock() - interval ''18 minutes'' GROUP BY k', 'SELECT k, count(*), avg(n) FROM p WHERE date_bin(''3 minutes'', at, ''1970-01-01 00:00+00'') > weir.clock() - interval ''18 minutes'' GROUP BY k');
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
SELECT name, verdict(over_view, batch) FROM cases ORDER BY name COLLATE "C";

-- with weir in search_path, calls of PostgreSQL's own aggregates stay unique
SELECT array_agg(k), array_agg(ARRAY[k]), string_agg(name, ','), json_agg(k), jsonb_object_agg(k, name) FROM names WHERE k < 2;

-- in a parallel plan
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT name, verdict(over_view, batch) FROM cases WHERE name IN ('all', 'by key', 'twice', 'sliding', 'left join') AND verdict(over_view, batch) <> 'equal';
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
EXPLAIN (COSTS OFF) SELECT k, combine(an), combine(count) FROM v WHERE t = 'a' GROUP BY k;
DO $$
DECLARE line text; shown text := '';
BEGIN
	FOR line IN EXPLAIN (COSTS OFF, VERBOSE) SELECT combine(a) FROM (SELECT k, an AS a FROM recent OFFSET 0) q LOOP
		shown := shown || line;
	END LOOP;
	RAISE NOTICE '%', substring(shown FROM 'Output: (combine.*?NULL::numeric)');
END $$;

-- stored: as written, for ordinary views, materialized views, functions and prepared statements
CREATE VIEW by_k AS SELECT k, combine(an) AS an, combine(count) AS count FROM v GROUP BY k;
CREATE VIEW over_by_k AS SELECT combine(an), combine(count) AS count FROM by_k WHERE k > 2;
SELECT regexp_replace(pg_get_viewdef('by_k', true), '\mv\.', '', 'g');
SELECT verdict('TABLE by_k', 'SELECT k, avg(n), count(*) FROM p GROUP BY k');
SELECT verdict('TABLE over_by_k', 'SELECT avg(n), count(*) FROM p WHERE k > 2');
CREATE MATERIALIZED VIEW m AS SELECT combine(count) FROM v;
CREATE TABLE made AS SELECT k, combine(count) AS c FROM v GROUP BY k;
INSERT INTO made SELECT -1, combine(count) FROM v;
SELECT count, (SELECT sum(c) / 2 FROM made) AS made, (SELECT c FROM made WHERE k = -1) FROM m AS m (count);
CREATE FUNCTION in_plpgsql(above int) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT combine(an) FROM v WHERE k > above); END $$;
CREATE FUNCTION in_sql(above int) RETURNS numeric LANGUAGE sql AS $$ SELECT combine(an) FROM v WHERE k > above $$;
CREATE FUNCTION atomic(above int) RETURNS numeric LANGUAGE sql BEGIN ATOMIC SELECT combine(an) FROM v WHERE k > above; END;
CREATE FUNCTION rows_of(above int) RETURNS SETOF numeric LANGUAGE sql AS $$ SELECT combine(an) FROM v WHERE k > above $$;
SELECT in_plpgsql(2) = avg(n), in_sql(2) = avg(n), atomic(2) = avg(n), (SELECT * FROM rows_of(2)) = avg(n) FROM p WHERE k > 2;
-- the planner would put the queries of these in their places
CREATE FUNCTION stable_rows(above int) RETURNS SETOF numeric LANGUAGE sql STABLE AS $$ SELECT combine(an) FROM v WHERE k > above GROUP BY k $$;
CREATE FUNCTION stable_atomic(above int) RETURNS TABLE (k int, a numeric, c bigint) LANGUAGE sql STABLE BEGIN ATOMIC SELECT k, combine(an), combine(count) FROM v WHERE k > above GROUP BY k; END;
CREATE FUNCTION around(above int) RETURNS SETOF numeric LANGUAGE sql STABLE AS $$ SELECT r FROM stable_rows(above) r WHERE r IS NOT NULL $$;
CREATE FUNCTION over_window() RETURNS SETOF numeric LANGUAGE sql STABLE BEGIN ATOMIC SELECT combine(an) OVER () FROM v WHERE k > 2; END;
CREATE VIEW over_function AS SELECT f.*, n.name FROM names n, stable_atomic(n.k) f WHERE f.k = n.k + 1;
SELECT (SELECT sum(r) FROM stable_rows(2) r) = sum(a) AS rows, (SELECT sum(a) FROM stable_atomic(2)) = sum(a) AS atomic, (SELECT sum(r) FROM around(2) r) = sum(a) AS around
	FROM (SELECT avg(n) AS a FROM p WHERE k > 2 GROUP BY k) b;
SELECT (SELECT max(r) FROM over_window() r) = avg(n) AS windows FROM p WHERE k > 2;
(TABLE over_function EXCEPT ALL SELECT p.k, avg(n), count(*), name FROM p JOIN names ON p.k = names.k + 1 GROUP BY p.k, name)
	UNION ALL (SELECT p.k, avg(n), count(*), name FROM p JOIN names ON p.k = names.k + 1 GROUP BY p.k, name EXCEPT ALL TABLE over_function);
EXPLAIN (COSTS OFF) SELECT * FROM stable_rows(2);
SET plan_cache_mode = force_generic_plan;
PREPARE f (int) AS SELECT count(*) FROM stable_atomic($1);
EXECUTE f (2);
EXECUTE f (4);
DEALLOCATE f;
RESET plan_cache_mode;
DROP VIEW over_function;
DROP FUNCTION stable_atomic, over_window;
PREPARE q (int) AS SELECT combine(count) FROM v WHERE k > $1;
EXECUTE q (2);
INSERT INTO s (k, t) VALUES (3, 'new');
EXECUTE q (2);
SET plan_cache_mode = force_generic_plan;
EXECUTE q (2);
ALTER VIEW v RENAME COLUMN count TO number;
EXECUTE q (2);
CREATE OR REPLACE VIEW by_k AS SELECT k, combine(an) AS an, combine(number) FILTER (WHERE t <> 'new') AS count FROM v GROUP BY k;
SELECT count FROM over_by_k;
ALTER VIEW v RENAME TO v2;
EXECUTE q (2);
SELECT weir.truncate('v2');
EXECUTE q (2);
DROP VIEW v2;
DROP VIEW by_k, over_by_k;
DROP FUNCTION atomic;
DROP MATERIALIZED VIEW m;
DROP VIEW v2;
EXECUTE q (2);
RESET plan_cache_mode;
DEALLOCATE q;
CREATE VIEW v AS SELECT k, t, count(*), avg(x) AS ax, once(t) AS oo, upper(t) AS up, count(*) + 1 AS more, count(DISTINCT x) AS d,
	rank(k) WITHIN GROUP (ORDER BY x) AS rk FROM s GROUP BY k, t;

-- refused, with the place
SELECT combine(k) FROM v;
SELECT combine(up) FROM v;
SELECT combine(more) FROM v;
SELECT combine(ax + 1) FROM v;
SELECT combine(v) FROM v;
SELECT combine(d) OVER () FROM v;
SELECT combine(rk) FROM v;
SELECT combine(count) FILTER (WHERE random() < 0.5) FROM v;
SELECT combine(count) FILTER (WHERE k > (SELECT random())) OVER () FROM v;
SELECT k, combine(c) FROM (SELECT k, t, combine(count) FILTER (WHERE random() < 0.5) AS c FROM v GROUP BY k, t) q GROUP BY k;
SELECT combine(1);
SELECT combine(x) FROM p;
SELECT combine(x) FROM log;
SELECT combine(k) FROM seen;
SELECT combine(count) FROM once_each;
SELECT combine(g) FROM generate_series(1, 3) g;
SELECT combine(c) FROM (VALUES (1)) q (c);
SELECT combine(count(*)) FROM v;
SELECT combine(count) FROM (SELECT k, sum(count) AS count FROM v GROUP BY k) q;
SELECT combine(count) FROM (SELECT count FROM v GROUP BY count) q;
SELECT combine(count) FROM (SELECT DISTINCT count FROM v) q;
SELECT combine(count) FROM (SELECT count FROM v UNION ALL SELECT count FROM v) q;
SELECT combine(c) FROM (SELECT (SELECT max(count) FROM v) AS c) q;
WITH RECURSIVE q AS (SELECT count FROM v UNION ALL SELECT count FROM q WHERE false) SELECT combine(count) FROM q;
\set VERBOSITY terse
SELECT combine(k) FROM names FULL JOIN v USING (k);	-- versions call it by different names
\set VERBOSITY default
SELECT combine(DISTINCT ax) FROM v;
SELECT combine(ax ORDER BY k) FROM v;
SELECT combine(oo) OVER () FROM v;
SELECT combine(k) OVER () FROM v;
SELECT combine(ax) FROM v_mrel;
SELECT combine(ax, NULL::text) FROM v;
SELECT combine(k) FROM v_mrel;
CREATE VIEW w AS SELECT k, combine(k) FROM v GROUP BY k;
CREATE VIEW w AS SELECT combine(x) FROM p;
CREATE VIEW w AS SELECT s.k, combine(v.ax) FROM s JOIN v ON v.k = s.k GROUP BY s.k;
-- where the planner inlines a function, the call is not seen
CREATE FUNCTION inlined() RETURNS TABLE (c bigint) LANGUAGE sql STABLE AS $$ SELECT combine(count) FROM v $$;
SELECT * FROM inlined();
-- others are inlined, whatever words are in them
CREATE TABLE combined (combine int);
CREATE FUNCTION combined() RETURNS TABLE (c int) LANGUAGE sql STABLE AS $$ SELECT combine /* combine(combine) */ FROM combined $$;
EXPLAIN (COSTS off) SELECT * FROM combined() WHERE c = 1;
CREATE FUNCTION commented() RETURNS TABLE (c bigint) LANGUAGE sql STABLE
	AS $$ WITH q AS (SELECT "combine" /* of */ (count) AS c FROM v) SELECT c FROM q $$;
SELECT * FROM commented();
-- nothing is checked while a dump is restored
SET check_function_bodies = off;
CREATE VIEW w AS SELECT combine(x) FROM p;
RESET check_function_bodies;
TABLE w;

-- the right to read the view is needed, and is enough
INSERT INTO s (k, t, x) VALUES (2, 'a', 7), (2, 'b', 8), (1, 'c', 9);
CREATE ROLE combine_reader;
GRANT USAGE ON SCHEMA combine TO combine_reader;
SET ROLE combine_reader;
SELECT combine(count) FROM v;
RESET ROLE;
GRANT SELECT (k, count) ON v TO combine_reader;
SET ROLE combine_reader;
SELECT combine(count) FROM v WHERE k > 1;
SELECT combine(ax) FROM v;
SELECT combine(d) FROM v;
SELECT combine(count) FROM v_mrel;
RESET ROLE;
GRANT SELECT (k, count) ON v_mrel TO combine_reader;
SET ROLE combine_reader;
SELECT combine(count) FROM v_mrel;
SELECT combine(ax, NULL::numeric) FROM v_mrel;
RESET ROLE;
CREATE VIEW theirs AS SELECT combine(ax) FROM v;
ALTER VIEW theirs OWNER TO combine_reader;
SELECT * FROM theirs;
GRANT SELECT ON v TO combine_reader;
SELECT * FROM theirs;
SET ROLE combine_reader;
SELECT combine(d) FROM v;
RESET ROLE;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA combine CASCADE;
DROP ROLE combine_reader;
