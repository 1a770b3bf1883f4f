-- What is said of queries that are taken but may not be what was meant, other spellings of what is taken, and hints that name the remedy.
CREATE SCHEMA view_notices;
SET search_path = view_notices;
CREATE FOREIGN TABLE ds (a int, b int) SERVER weir;
CREATE FOREIGN TABLE ds2 (a int, b int) SERVER weir;
CREATE TABLE t (a int, x int);

-- * and whole rows have the time of arrival
CREATE VIEW d1 AS SELECT DISTINCT * FROM ds;
CREATE VIEW d2 AS SELECT * FROM ds UNION SELECT * FROM ds2;
CREATE VIEW d3 AS SELECT DISTINCT q.* FROM (SELECT * FROM ds) q JOIN t USING (a);
CREATE VIEW d4 AS WITH w AS (SELECT ds.* FROM ds) SELECT DISTINCT * FROM w;
CREATE VIEW d5 AS SELECT count(DISTINCT ds) FROM ds;
CREATE VIEW d6 AS SELECT ds, count(*) FROM ds GROUP BY ds;
CREATE VIEW d7 AS SELECT jsonb_agg(ds) FROM ds;
CREATE VIEW d8 AS SELECT weir.approx_count_distinct(ds) FROM ds;
CREATE VIEW d AS SELECT * FROM ds GROUP BY a, b;
-- not where it was asked for, or rows are not compared
CREATE VIEW n1 AS SELECT DISTINCT a, b, arrival_timestamp FROM ds;
CREATE VIEW n2 AS SELECT DISTINCT * FROM (SELECT a, b FROM ds) q;
CREATE VIEW n3 AS SELECT *, to_jsonb(ds) ->> 'a' AS j FROM ds;
CREATE VIEW n4 AS SELECT (weir.last(ds, a)).b, count(ds) FROM ds;
CREATE VIEW n5 AS SELECT * FROM ds UNION ALL SELECT * FROM ds2;
CREATE VIEW n6 AS SELECT DISTINCT t.* FROM ds JOIN t USING (a);
CREATE VIEW plain AS SELECT DISTINCT * FROM t;
CREATE VIEW bad AS SELECT * FROM t GROUP BY a;

-- rows that are kept
CREATE VIEW k1 AS SELECT DISTINCT ON (a) a, b FROM ds ORDER BY a, b DESC;
CREATE VIEW k2 AS SELECT a FROM ds ORDER BY b DESC LIMIT 10;
CREATE VIEW k3 WITH (sw = '1 hour') AS SELECT a FROM ds ORDER BY b DESC LIMIT 10;
CREATE VIEW k4 WITH (ttl = '1 hour', ttl_column = arrival_timestamp) AS SELECT DISTINCT ON (a) a, b, arrival_timestamp FROM ds;
CREATE VIEW k5 AS SELECT a, count(*) FROM ds GROUP BY a ORDER BY 2 DESC LIMIT 10;

-- WITH, nested; functions that return sets, one in another
CREATE FOREIGN TABLE c (i int, j int, t text, at timestamptz) SERVER weir;
CREATE TABLE p (i int, j int, t text, at timestamptz);
CREATE VIEW w1 AS WITH b AS (SELECT * FROM c) SELECT i, count(*) FROM (SELECT i FROM b) q GROUP BY i;
CREATE VIEW w2 AS WITH b AS (SELECT * FROM c), d AS (SELECT i, j FROM (SELECT * FROM b WHERE i > 0) z) SELECT i, sum(j) FROM (SELECT i, j FROM (SELECT * FROM d) dd) q GROUP BY i;
CREATE VIEW w3 AS WITH tt AS (SELECT * FROM t), b AS (SELECT i, x FROM c JOIN tt ON a = i) SELECT i, count(*), sum(x) FROM (SELECT * FROM b WHERE x > (SELECT min(x) FROM tt)) q GROUP BY i;
CREATE VIEW w4 AS WITH b AS (SELECT i, j FROM c UNION ALL SELECT a, b FROM ds) SELECT i, count(*) FROM (SELECT i FROM (SELECT * FROM b) bb) q GROUP BY i;
CREATE VIEW w5 AS WITH g AS (SELECT unnest(regexp_matches(t, '\d+', 'g')) AS tag FROM c) SELECT tag, count(*) FROM g GROUP BY tag;
CREATE VIEW w6 AS SELECT tag, count(*), sum(i) FROM (SELECT upper(unnest(regexp_matches(t, '(\d)(\d)', 'g'))) || '!' AS tag, i FROM c) x GROUP BY tag;
CREATE VIEW w7 AS WITH g AS (SELECT generate_series(1, generate_series(1, i)) AS n, j FROM c) SELECT n, count(*), sum(j) FROM (SELECT * FROM g) x GROUP BY n;
CREATE VIEW w AS WITH g AS (SELECT generate_series(1, generate_series(1, i)) AS n, generate_series(1, 2) FROM c) SELECT n FROM g;
CREATE VIEW w AS WITH b AS (SELECT * FROM c) SELECT x.i FROM b x, b y;
CREATE VIEW w AS WITH b AS (SELECT * FROM c) SELECT * FROM t WHERE EXISTS (SELECT FROM b WHERE b.i = t.a);
INSERT INTO t VALUES (1, 10), (2, 20), (1, 5);
INSERT INTO p SELECT i % 4, i, i || ' x' || i * 7919 FROM generate_series(1, 30) i;
INSERT INTO c SELECT * FROM p;
SELECT weir.flush();
SELECT name, state, reason FROM weir.views WHERE schema = 'view_notices' AND state <> 'active';
WITH batch AS (
	SELECT 'w1' AS v, to_jsonb(q) AS r FROM (WITH b AS (SELECT * FROM p) SELECT i, count(*) FROM (SELECT i FROM b) q GROUP BY i) q
	UNION ALL SELECT 'w2', to_jsonb(q) FROM (SELECT i, sum(j) FROM p WHERE i > 0 GROUP BY i) q
	UNION ALL SELECT 'w3', to_jsonb(q) FROM (WITH tt AS (SELECT * FROM t), b AS (SELECT i, x FROM p JOIN tt ON a = i) SELECT i, count(*), sum(x) FROM (SELECT * FROM b WHERE x > (SELECT min(x) FROM tt)) q GROUP BY i) q
	UNION ALL SELECT 'w4', to_jsonb(q) FROM (SELECT i, count(*) FROM p GROUP BY i) q
	UNION ALL SELECT 'w5', to_jsonb(q) FROM (WITH g AS (SELECT unnest(regexp_matches(t, '\d+', 'g')) AS tag FROM p) SELECT tag, count(*) FROM g GROUP BY tag) q
	UNION ALL SELECT 'w6', to_jsonb(q) FROM (SELECT tag, count(*), sum(i) FROM (SELECT upper(unnest(regexp_matches(t, '(\d)(\d)', 'g'))) || '!' AS tag, i FROM p) x GROUP BY tag) q
	UNION ALL SELECT 'w7', to_jsonb(q) FROM (WITH g AS (SELECT generate_series(1, generate_series(1, i)) AS n, j FROM p) SELECT n, count(*), sum(j) FROM (SELECT * FROM g) x GROUP BY n) q),
views AS (
	SELECT 'w1' AS v, to_jsonb(w1) AS r FROM w1 UNION ALL SELECT 'w2', to_jsonb(w2) FROM w2 UNION ALL SELECT 'w3', to_jsonb(w3) FROM w3 UNION ALL SELECT 'w4', to_jsonb(w4) FROM w4
	UNION ALL SELECT 'w5', to_jsonb(w5) FROM w5 UNION ALL SELECT 'w6', to_jsonb(w6) FROM w6 UNION ALL SELECT 'w7', to_jsonb(w7) FROM w7)
SELECT v, count(*) AS rows, count(*) FILTER (WHERE (v, r) NOT IN (SELECT v, r FROM views)) AS missing, (SELECT count(*) FROM views w WHERE w.v = b.v) AS in_view FROM batch b GROUP BY v ORDER BY v;

-- windows that begin now
CREATE VIEW w AS SELECT count(*) FROM c WHERE at > now();
CREATE VIEW w AS SELECT count(*) FROM c WHERE i > 0 AND at BETWEEN now() AND now() + interval '1 day';
CREATE VIEW w AS SELECT count(*) FROM c WHERE at > now() - interval '1 ms';

-- hints
CREATE AGGREGATE no_combine(int) (SFUNC = int4pl, STYPE = int);
CREATE VIEW w AS SELECT no_combine(i) FROM c;
CREATE VIEW ordered AS SELECT no_combine(i ORDER BY i) FROM c;
CREATE VIEW w WITH (sw = '1 hou') AS SELECT count(*) FROM c;
CREATE VIEW w WITH (ttl = 'never', ttl_column = at) AS SELECT at FROM c;
CREATE VIEW w WITH (action = transform) AS SELECT i FROM c;
ALTER VIEW w1 SET (ttl = '1 hour');
ALTER VIEW w1 SET (fillfactor = 50);
ALTER VIEW w1 SET (sw = '1 hour');
CREATE VIEW av AS SELECT i, avg(j) FROM c GROUP BY i;
SELECT weir.combine(avg, avg) FROM av;
SELECT i, weir.combine(avg, avg) OVER () FROM av;
SELECT weir.combine(avg, NULL::numeric) FROM av_mrel;

-- what tools ask of a table
SELECT * FROM ds LIMIT 0;
SELECT * FROM ds WHERE false;
BEGIN; DECLARE cur CURSOR FOR SELECT * FROM ds; CLOSE cur; COMMIT;
SELECT * FROM ds LIMIT 1;
SELECT count(*) FROM ds;
CREATE TABLE archive AS SELECT a, b FROM ds WITH NO DATA;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'archive'::regclass AND attnum > 0;
CREATE TABLE filled AS SELECT * FROM ds;
CREATE MATERIALIZED VIEW m AS SELECT * FROM ds WITH NO DATA;
SET weir.read_streams = empty;
SELECT * FROM ds LIMIT 1;
SELECT count(*) FROM ds JOIN t USING (a);
SELECT count(*) FROM t LEFT JOIN ds USING (a);
COPY (SELECT * FROM ds) TO stdout;
SET weir.read_streams = none;
RESET weir.read_streams;
INSERT INTO ds VALUES (1, 2), (1, 2);
SELECT * FROM k1;
SELECT (SELECT count(*) FROM n2), (SELECT count FROM k5);
SET client_min_messages = warning;
DROP SCHEMA view_notices CASCADE;
