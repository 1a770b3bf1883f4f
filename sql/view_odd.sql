-- Queries of every odd kind: each is taken or refused, none meets an internal error, here or in a worker.
CREATE SCHEMA view_odd;
SET search_path = view_odd, weir;
CREATE TYPE pair AS (a int, b text);
CREATE FOREIGN TABLE s (k int, t text, x int, n numeric, at timestamptz, ats timestamp, v tsvector, a int[], c pair, j json, xm xml) SERVER weir;
CREATE FOREIGN TABLE s2 (k int, y int, at timestamptz) SERVER weir OPTIONS (event_time 'at');
CREATE TABLE n (k int PRIMARY KEY, name text, at timestamptz);
INSERT INTO n VALUES (1, 'one', now()), (2, 'two', NULL);
CREATE VIEW cv AS SELECT k, count(*), avg(x) AS ax, count(DISTINCT t) AS d FROM s GROUP BY k;
CREATE VIEW sv WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE FUNCTION vol(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION srf(int) RETURNS SETOF int LANGUAGE sql AS 'SELECT generate_series(1, $1)';
CREATE FUNCTION bad(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN nosuch; END';
CREATE FUNCTION selfread() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM view_odd.s';
CREATE AGGREGATE nocomb(int) (SFUNC = int4pl, STYPE = int);
CREATE AGGREGATE poly(anycompatible) (SFUNC = array_append, STYPE = anycompatiblearray);
CREATE SEQUENCE q;
CREATE TABLE odd (id int GENERATED ALWAYS AS IDENTITY, options text, query text, state text);
INSERT INTO odd (options, query) SELECT '', q FROM regexp_split_to_table($odd$SELECT
SELECT FROM s
SELECT FROM s GROUP BY k
SELECT FROM s GROUP BY ()
SELECT count(*) FROM s GROUP BY ()
SELECT count(*), k FROM s GROUP BY GROUPING SETS ((k), ())
SELECT k, t, grouping(k, t), count(*) FROM s GROUP BY CUBE (k, t)
SELECT k, grouping(k) FROM s GROUP BY k
SELECT k FROM s FOR UPDATE
SELECT k FROM s FOR SHARE OF s NOWAIT
SELECT k, count(*) FROM s GROUP BY k FOR UPDATE
SELECT n.k FROM s JOIN n USING (k) FOR UPDATE OF n
SELECT * FROM (SELECT k FROM s FOR UPDATE) q
WITH d AS (DELETE FROM n RETURNING k) SELECT s.k FROM s, d
WITH d AS (INSERT INTO s (k) VALUES (1) RETURNING k) SELECT s.k FROM s, d
WITH d AS (INSERT INTO s (k) SELECT k FROM n RETURNING k) SELECT d.k FROM d
WITH RECURSIVE r AS (SELECT k FROM s UNION ALL SELECT k + 1 FROM r WHERE k < 5) SELECT * FROM r
WITH RECURSIVE r AS (SELECT 1 AS k UNION ALL SELECT s.k FROM s, r) SELECT * FROM r
WITH RECURSIVE r AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM r WHERE k < 3) SEARCH DEPTH FIRST BY k SET o SELECT s.k, count(*) FROM s, r GROUP BY 1
WITH q AS (SELECT * FROM s) SELECT 1 AS a
WITH q AS (SELECT * FROM s) SELECT count(*) FROM n
WITH q AS (SELECT * FROM s) SELECT a.k FROM q a, q b
WITH q AS (SELECT count(*) FROM s) SELECT * FROM q
WITH q AS (SELECT k FROM s), r AS (SELECT k FROM q UNION ALL SELECT k FROM q) SELECT k, count(*) FROM r GROUP BY 1
WITH q AS (SELECT k FROM s UNION ALL SELECT k FROM s2) SELECT a.k FROM q a, q b
SELECT (WITH q AS (SELECT k FROM s) SELECT max(k) FROM q) FROM n
SELECT k, (WITH z AS (SELECT max(k) AS m FROM n) SELECT m FROM z) AS m, count(*) FROM s GROUP BY k
SELECT * FROM s TABLESAMPLE BERNOULLI (1)
SELECT * FROM s JOIN n TABLESAMPLE SYSTEM (50) USING (k)
SELECT k, count(*) FROM s CROSS JOIN s2 GROUP BY k
SELECT s.k FROM s, s AS z
SELECT s.k FROM s LEFT JOIN s2 USING (k)
SELECT s.k FROM s FULL JOIN n USING (k)
SELECT s.k FROM n LEFT JOIN s USING (k)
SELECT s.k FROM s RIGHT JOIN n USING (k)
SELECT s.k FROM n n1 LEFT JOIN (n n2 JOIN s USING (k)) ON n1.k = n2.k
SELECT s.k FROM (s JOIN n USING (k)) RIGHT JOIN n n2 ON n2.k = s.k
SELECT k FROM s WHERE k IN (SELECT k FROM s2)
SELECT k FROM s WHERE EXISTS (SELECT FROM s2 WHERE s2.k = s.k)
SELECT k FROM n WHERE EXISTS (SELECT FROM s WHERE s.k = n.k)
SELECT k, (SELECT max(y) FROM s2) FROM s
SELECT k, count(*) FILTER (WHERE k IN (SELECT k FROM s2)) FROM s GROUP BY k
SELECT k FROM s GROUP BY k HAVING k IN (SELECT k FROM s2)
SELECT k FROM s ORDER BY (SELECT max(y) FROM s2)
SELECT k FROM s LIMIT (SELECT count(*) FROM s2)
SELECT k FROM s GROUP BY k LIMIT (SELECT count(*) FROM s2)
SELECT k FROM s OFFSET (SELECT max(k) FROM n)
SELECT g FROM generate_series(1, (SELECT max(k) FROM s)) g
SELECT g, count(*) FROM s, generate_series(1, (SELECT max(k) FROM s2)) g GROUP BY g
SELECT v.k FROM (VALUES ((SELECT max(k) FROM s))) v (k)
SELECT random() AS r, count(*) FROM s GROUP BY 1
SELECT vol(k), count(*) FROM s GROUP BY 1
SELECT DISTINCT random() FROM s
SELECT DISTINCT vol(k) FROM s
SELECT nextval('q') AS id, k FROM s
SELECT k, sum(vol(x)) FROM s GROUP BY k
SELECT k, count(*), random() FROM s GROUP BY k
SELECT k, nextval('q'), count(*) FROM s GROUP BY k
SELECT k, count(*) FROM s WHERE random() < 0.5 GROUP BY k
SELECT k, nocomb(x) FROM s GROUP BY k
SELECT k, nocomb(x ORDER BY x) FROM s GROUP BY k
SELECT k, poly(x) FROM s GROUP BY k
SELECT k, range_agg(int4range(x, x + 1)) FROM s GROUP BY k
SELECT k, xmlagg(xm) FROM s GROUP BY k
SELECT v, count(*) FROM s GROUP BY v
SELECT j, count(*) FROM s GROUP BY j
SELECT xm, count(*) FROM s GROUP BY xm
SELECT point(1,2), count(*) FROM s GROUP BY 1
SELECT DISTINCT v FROM s
SELECT DISTINCT ON (v) v, k FROM s
SELECT DISTINCT ON (k) k, x FROM s
SELECT count(DISTINCT j) FROM s
SELECT max(j) FROM s
SELECT ctid FROM s
SELECT tableoid, k FROM s
SELECT xmin, count(*) FROM s GROUP BY 1
SELECT n.ctid, s.k FROM s JOIN n USING (k)
SELECT s FROM s
SELECT s.* FROM s
SELECT (s).* FROM s
SELECT (s).k, count(*) FROM s GROUP BY 1
SELECT s, count(*) FROM s GROUP BY s
SELECT ROW(k, t), count(*) FROM s GROUP BY 1
SELECT ROW(k, v), count(*) FROM s GROUP BY 1
SELECT c, count(*) FROM s GROUP BY c
SELECT (c).a FROM s
SELECT (c).nosuch FROM s
SELECT nosuch FROM s
SELECT k, x FROM s GROUP BY k
SELECT k, count(*) FROM s
SELECT count(*) AS a, sum(x) AS a FROM s
SELECT k AS "def", count(*) AS "count" FROM s GROUP BY 1
SELECT k AS ctid FROM s
SELECT k AS tableoid, count(*) FROM s GROUP BY 1
SELECT k AS _0, t AS _1, count(*) AS _2, sum(x) + 1 AS _3 FROM s GROUP BY 1, 2
SELECT k AS state, count(*) AS n FROM s GROUP BY 1
SELECT 1
SELECT NULL FROM s
SELECT NULL, count(*) FROM s
SELECT 'x', count(*) FROM s GROUP BY 1
SELECT '{}'::int[] AS a, count(*) FROM s GROUP BY 1
SELECT array_agg(NULL) FROM s
SELECT array_agg('{}'::int[]) FROM s
SELECT sum(count(*)) FROM s
SELECT sum(count(*)) OVER () FROM s GROUP BY k
SELECT row_number() OVER () FROM s
SELECT k, sum(x) OVER (ORDER BY k) FROM s
SELECT k, count(*) OVER w FROM s GROUP BY k WINDOW w AS (PARTITION BY k)
SELECT k FROM s WINDOW w AS (ORDER BY k)
SELECT k FROM s HAVING true
SELECT 1 AS a FROM s HAVING true
SELECT count(*) FROM s HAVING false
SELECT k FROM s GROUP BY k HAVING sum(x) > (SELECT count(*) FROM n WHERE n.k = s.k)
SELECT k, (SELECT count(*) FROM n WHERE n.k < max(s.x)) FROM s GROUP BY k
SELECT k, (SELECT sum(s.x) FROM n) FROM s GROUP BY k
SELECT k, (SELECT sum(s.x + n.k) FROM n) FROM s GROUP BY k
SELECT (SELECT s.x) AS x, count(*) FROM s GROUP BY 1
SELECT (SELECT s.x FROM n LIMIT 1) AS x, count(*) FROM s GROUP BY s.x
SELECT k, ARRAY(SELECT name FROM n WHERE n.k = s.k) FROM s GROUP BY k
SELECT k FROM s WHERE (k, x) IN (VALUES (1, 2))
SELECT * FROM selfread()
SELECT k, selfread() FROM s
SELECT k, selfread(), count(*) FROM s GROUP BY k
SELECT k, bad(k) FROM s
SELECT srf(k), srf(x) FROM s
SELECT srf(srf(k)), count(*) FROM s GROUP BY 1
SELECT k, count(srf(x)) FROM s GROUP BY k
SELECT CASE WHEN k > 1 THEN srf(k) END FROM s
SELECT coalesce(srf(k), 0), count(*) FROM s GROUP BY k
SELECT sum(x), srf(2) FROM s
SELECT srf(count(*)::int) FROM s
SELECT k, srf(count(*)::int) FROM s GROUP BY k
SELECT DISTINCT srf(k) FROM s
SELECT DISTINCT ON (srf(k)) srf(k), k FROM s
SELECT * FROM s, LATERAL (SELECT s.k + 1 AS kk) l
SELECT * FROM n, LATERAL (SELECT * FROM s WHERE s.k = n.k) l
SELECT * FROM n, LATERAL (SELECT n.name, s2.y FROM s2 JOIN n z ON z.k = n.k) l
SELECT * FROM n LEFT JOIN LATERAL (SELECT * FROM s WHERE s.k = n.k) l ON true
SELECT * FROM n JOIN LATERAL (SELECT * FROM s LEFT JOIN n z ON z.k = n.k) l ON l.x = n.k
SELECT k, count(*) FROM (SELECT k FROM s GROUP BY k) q GROUP BY k
SELECT k, count(*) FROM (SELECT DISTINCT k FROM s) q GROUP BY k
SELECT k, count(*) FROM (SELECT k, row_number() OVER () FROM s) q GROUP BY k
SELECT k FROM (SELECT k FROM s LIMIT 1) q
SELECT k FROM (SELECT srf(k) AS k FROM s) q
SELECT k FROM (SELECT vol(k) AS k FROM s) q
SELECT k FROM (SELECT k FROM s HAVING true) q
SELECT a FROM (SELECT 1 AS a FROM s HAVING true) q
SELECT FROM (SELECT FROM s) q
SELECT count(*) FROM (SELECT FROM s) q
SELECT count(*) FROM (SELECT FROM s UNION ALL SELECT FROM s2) q
SELECT FROM s UNION ALL SELECT FROM s2
SELECT k FROM s UNION SELECT k FROM s2
SELECT k FROM s UNION ALL SELECT k FROM n
SELECT k FROM s UNION ALL VALUES (1)
VALUES (1)
TABLE s
SELECT k, v FROM s UNION SELECT k, NULL FROM s2
SELECT j FROM s UNION ALL SELECT NULL::json FROM s2
SELECT k FROM s EXCEPT SELECT k FROM s2
(SELECT k FROM s LIMIT 1) UNION ALL SELECT k FROM s2
SELECT k FROM s UNION ALL SELECT k FROM s2 ORDER BY 1 LIMIT (SELECT max(k) FROM n)
SELECT k FROM s UNION ALL SELECT k FROM s2 ORDER BY k + 1
SELECT k FROM s UNION ALL SELECT k FROM s2 FOR UPDATE
WITH z AS (SELECT 3 AS m) SELECT k FROM s UNION ALL SELECT k FROM s2 LIMIT (SELECT m FROM z)
SELECT k FROM s UNION ALL (WITH q AS (SELECT k FROM s2) SELECT k FROM q)
SELECT count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' OR k > 1
SELECT count(*) FROM s WHERE NOT at > clock_timestamp() - interval '1 hour'
SELECT count(*) FROM s WHERE at > clock_timestamp() - k * interval '1 hour'
SELECT count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' AND ats > clock_timestamp() - interval '1 hour'
SELECT count(*) FROM s WHERE at::date = current_date
SELECT count(*) FROM s WHERE at = clock_timestamp()
SELECT count(*) FROM s WHERE at BETWEEN now() - interval '1 hour' AND now()
SELECT count(*) FROM s WHERE at > ALL (ARRAY[clock_timestamp()])
SELECT count(*) FROM s WHERE at > (SELECT clock_timestamp() - interval '1 hour')
SELECT count(*) FROM s WHERE now() - at < interval '1 hour' AND at < now()
SELECT count(*) FROM s WHERE extract(epoch FROM now() - at) < 5
SELECT count(*) FROM s WHERE age(at) < interval '1 hour'
SELECT count(*) FILTER (WHERE at > now() - interval '1 hour') FROM s
SELECT at > now() AS later, count(*) FROM s GROUP BY 1
SELECT k, max(now() - at) FROM s GROUP BY k
SELECT k, now() - at AS age FROM s
SELECT k, count(*) FROM s GROUP BY k HAVING max(at) > now() - interval '1 hour'
SELECT count(*) FROM s WHERE at > infinity
SELECT count(*) FROM s WHERE at > now() - interval '-1 hour'
SELECT count(*) FROM s WHERE at > now() + interval '1 hour'
SELECT count(*) FROM s WHERE at < now() - interval '1 hour'
SELECT count(*) FROM s JOIN n ON s.at > now() - interval '1 hour'
SELECT w.window_start, count(*) FROM s, tumble(at, '0 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, '-1 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, k * interval '1 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, '1 day') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, '1 month 1 day', zone => 'UTC') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, '1 day', zone => 'Nowhere/City') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, tumble(at, NULL) w GROUP BY 1
SELECT w.window_start, count(*) FROM s LEFT JOIN tumble(s.at, '1 s') w ON w.window_end > s.at GROUP BY 1
SELECT w.window_start, count(*) FROM s, hop(at, '1 s', '1000000 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, hop(at, '5 s', '1 s') w GROUP BY 1
SELECT w.window_start, z.window_start AS b, count(*) FROM s, hop(at, '1 s', '2 s') w, hop(ats, '1 s', '2 s') z GROUP BY 1, 2
SELECT w.window_start, count(*) FROM s, session(at, '0 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, session(at, '1 day') w GROUP BY 1
SELECT DISTINCT w.window_start FROM s, session(at, '1 s') w
SELECT w.window_start + interval '1 s' AS a, count(*) FROM s, session(at, '1 s') w GROUP BY 1
SELECT k, count(*) FROM s, session(at, '1 s') w WHERE w.window_start > '2020-01-01' GROUP BY k
SELECT w.window_start, count(*), (SELECT max(name) FROM n WHERE n.at > w.window_start) FROM s, session(at, '1 s') w GROUP BY 1
SELECT w.window_start, count(*) FROM s, session(at, '1 s') w WHERE s.x > extract(second FROM w.window_start) GROUP BY 1
SELECT k, session(at, '1 s') AS w, count(*) FROM s GROUP BY 1, 2
SELECT session(at, '1 s') FROM s
SELECT hop(at, '1 s', '2 s') FROM s
SELECT (tumble(at, '1 s')).window_end FROM s
SELECT max((tumble(at, '1 s')).window_end) FROM s
SELECT k, w, count(*) FROM s, tumble(at, '1 s') AS w GROUP BY k, w
SELECT count(*) FROM s, tumble(at, '1 s') WITH ORDINALITY w GROUP BY window_start
SELECT on_time(at), count(*) FROM s GROUP BY 1
SELECT k, combine(ax) FROM cv GROUP BY k
SELECT k, combine(d) FROM cv GROUP BY k
SELECT combine(s.x) FROM s
SELECT s.k, combine(cv.ax) FROM s JOIN cv USING (k) GROUP BY 1
SELECT s.k, (SELECT combine(cv.ax) FROM cv WHERE cv.k < s.k) FROM s GROUP BY 1
SELECT weir.add(x) FROM s
SELECT k, weir.add(x::bigint) FROM s GROUP BY k
SELECT k, weir.combine('avg(integer)'::regprocedure, ARRAY[1::bigint,2], NULL::numeric) FROM s GROUP BY k
SELECT k, weir.combine('sum(integer)'::regprocedure, x::bigint, NULL::bigint) FROM s GROUP BY k
SELECT weir.finalize('avg(numeric)'::regprocedure, n, NULL::numeric) FROM s
SELECT k, count(*) FROM cv GROUP BY k
SELECT s.k, cv_mrel.ax FROM s JOIN cv_mrel USING (k)
SELECT k FROM s WHERE k = $1
SELECT k FROM s WHERE CURRENT OF cur
SELECT percentile_cont(random()) WITHIN GROUP (ORDER BY x) FROM s
SELECT k, percentile_cont(k) WITHIN GROUP (ORDER BY x) FROM s GROUP BY k
SELECT k, percentile_cont(k / 10.0) WITHIN GROUP (ORDER BY x) FROM s GROUP BY k
SELECT rank(1, 2) WITHIN GROUP (ORDER BY x, k) FROM s
SELECT string_agg(t, ',' ORDER BY random()) FROM s
SELECT string_agg(DISTINCT t, ',' ORDER BY t) FROM s
SELECT array_agg(DISTINCT v) FROM s
SELECT count(DISTINCT (k, t)) FROM s
SELECT count(DISTINCT s) FROM s
SELECT count(DISTINCT x) FILTER (WHERE random() < 0.5) FROM s
SELECT json_agg(s ORDER BY k) FROM s
SELECT k, max(ctid) FROM s GROUP BY k
SELECT k COLLATE "C" FROM s
SELECT t COLLATE "C" < t COLLATE "POSIX" FROM s
SELECT max(t || t COLLATE "C") FROM s GROUP BY t COLLATE "C"
SELECT t || 'x' COLLATE "nosuch" FROM s
SELECT a[1], a[2:3], count(*) FROM s GROUP BY a
SELECT x/0 FROM s
SELECT 1/0 AS z, count(*) FROM s GROUP BY 1
SELECT count(*) FROM s LIMIT -1
SELECT count(*) FROM s LIMIT NULL OFFSET NULL
SELECT k FROM s ORDER BY 5
SELECT k FROM s GROUP BY 7
SELECT k FROM ONLY s
SELECT * FROM ROWS FROM (srf(1), srf(2)) q, s
SELECT * FROM s NATURAL JOIN s2
SELECT * FROM s JOIN n ON true JOIN n n2 ON false
SELECT count(*) FROM s, pg_class
SELECT c.relname, count(*) FROM s, pg_class c WHERE c.oid = k::oid GROUP BY 1
SELECT k, current_user, session_user, current_setting('work_mem'), count(*) FROM s GROUP BY 1
SELECT current_user AS u, count(*) FROM s GROUP BY 1
SELECT pg_backend_pid(), count(*) FROM s GROUP BY 1
SELECT txid_current(), count(*) FROM s GROUP BY 1
SELECT set_config('work_mem', '1MB', false), count(*) FROM s GROUP BY 1
SELECT pg_sleep(0)::text, count(*) FROM s GROUP BY 1
SELECT xmlserialize(content xm AS text), count(*) FROM s GROUP BY 1
SELECT x.* FROM s, xmltable('/a' passing s.xm columns b int) x
SELECT jsonb_path_query(to_jsonb(j), '$.a') FROM s$odd$, '\n') q;
-- with each option, on queries of three kinds
INSERT INTO odd (options, query) SELECT 'WITH ' || o, q FROM regexp_split_to_table($odd$(sw='1 hour')
(ttl='1 day', ttl_column='k')
(sw='1 hour', ttl='1 day', ttl_column='at')
(emit=final)
(late=drop)
(late=nonsense)
(emit=never)
(retention='1 day')
(fillfactor=abc)
(sw='')
(sw=NULL)
(sw='1 hour', sw='2 hours')
(sw='infinity')
(sw='-1 hour')
(sw='10000000 years')
(step_factor=x, sw='1 hour')
(partition_by='at')
(partition_by='nosuch', partition_interval='1 day')
(partition_interval='1 day')
(a.b=c)
(action)
(ttl='1 day')
(ttl_column='at')
(ttl='soon', ttl_column='at')
(allowed_lateness='1 s')
(tablespace=nosuch)
(pk='k')
(sw_column='at')
(security_barrier)
(check_option=local)
(autovacuum_enabled=false)$odd$, '\n') o,
	(VALUES ('SELECT k, at, count(*) FROM s GROUP BY k, at'), ('SELECT k, at FROM s'), ('SELECT w.window_start, count(*) FROM s2, tumble(at, ''1 min'') w GROUP BY 1'),
		('SELECT k, count(*) FROM cv GROUP BY k'), ('SELECT k, at FROM s UNION ALL SELECT k, at FROM s2'), ('SELECT k, max(at) AS at, count(DISTINCT x) FROM s GROUP BY k')) v (q);
-- with a window
INSERT INTO odd (options, query) SELECT 'WITH (sw = ''1 hour'')', query FROM odd WHERE options = '';
SELECT count(*) > 500 AS many FROM odd;

CREATE FUNCTION try() RETURNS void LANGUAGE plpgsql AS $$
DECLARE o record;
BEGIN
	FOR o IN SELECT * FROM odd ORDER BY id LOOP
		BEGIN
			EXECUTE format('CREATE VIEW %I %s AS %s', 'odd' || o.id, o.options, o.query);
			UPDATE odd SET state = 'taken' WHERE id = o.id;
			EXECUTE format('SELECT FROM %I', 'odd' || o.id);
			EXECUTE format('SELECT pg_get_viewdef(%L::regclass, true)', 'odd' || o.id);
		EXCEPTION WHEN others THEN
			UPDATE odd SET state = sqlstate || ' ' || sqlerrm WHERE id = o.id;
		END;
		CONTINUE WHEN o.options <> '';
		BEGIN
			EXECUTE 'EXPLAIN ' || o.query;
		EXCEPTION WHEN others THEN
			IF sqlstate LIKE 'XX%' THEN
				UPDATE odd SET state = sqlstate || ' ' || sqlerrm WHERE id = o.id;
			END IF;
		END;
		BEGIN
			EXECUTE 'CREATE OR REPLACE VIEW cv AS ' || o.query;
		EXCEPTION WHEN others THEN
			IF sqlstate LIKE 'XX%' THEN
				UPDATE odd SET state = sqlstate || ' ' || sqlerrm WHERE id = o.id;
			END IF;
		END;
	END LOOP;
END $$;
SET client_min_messages = error;
BEGIN;
SELECT try();
COMMIT;
SELECT id, options, query, state FROM odd WHERE state LIKE 'XX%' ORDER BY id;
SELECT count(*) FILTER (WHERE state = 'taken') > 150 AS taken, count(*) FILTER (WHERE state LIKE '0A000%') > 100 AS refused FROM odd;

-- workers
INSERT INTO s VALUES (1, 't', 2, 1.5, now(), now(), 'a b', '{1,2}', '(1,b)', '{"a": 1}', '<a><b>1</b></a>'), (1, '', 0, 'NaN', 'infinity', '-infinity', '', '{}', NULL, '[]', '');
INSERT INTO s (k) VALUES (NULL);
INSERT INTO s2 VALUES (1, 2, now()), (NULL, NULL, NULL), (2, 1, now());
SELECT flush();
SELECT sqlstate, message, view FROM weir.dead_letters WHERE sqlstate LIKE 'XX%';
SELECT o.query, v.reason FROM weir.views v JOIN odd o ON v.name = 'odd' || o.id WHERE v.state <> 'active' ORDER BY o.id;
DO $$
DECLARE o record;
BEGIN
	FOR o IN SELECT * FROM odd WHERE state = 'taken' ORDER BY id LOOP
		BEGIN
			EXECUTE format('SELECT q::text FROM %I q', 'odd' || o.id);
		EXCEPTION WHEN others THEN
			IF sqlstate LIKE 'XX%' THEN
				RAISE WARNING '%: %', o.query, sqlerrm;
			END IF;
		END;
	END LOOP;
END $$;
DROP SCHEMA view_odd CASCADE;
