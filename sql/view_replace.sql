-- CREATE OR REPLACE VIEW adds columns at the end; what is there keeps its history.
CREATE SCHEMA view_replace;
SET search_path = view_replace;
CREATE FOREIGN TABLE s (k int, t text, x int, n numeric, at timestamptz) SERVER weir;
CREATE TABLE before (k int, t text, x int, n numeric, at timestamptz);
CREATE TABLE after (LIKE before);
CREATE FUNCTION fill(target regclass, first int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s SELECT i %% 5, ''k'' || i %% 3, i, i / 7.0, ''2030-01-01''::timestamptz + i * interval ''1 minute'' FROM generate_series(%s, %s + 99) i', target, first, first);
	EXECUTE format('INSERT INTO s SELECT i %% 5, ''k'' || i %% 3, i, i / 7.0, ''2030-01-01''::timestamptz + i * interval ''1 minute'' FROM generate_series(%s, %s + 99) i', first, first);
END $$;
CREATE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE VIEW by_text AS SELECT t, sum(n) FROM s GROUP BY t;
CREATE VIEW total AS SELECT count(*) FROM s;
CREATE VIEW keys AS SELECT k FROM s GROUP BY k;
CREATE VIEW windows WITH (sw = '1000 years', sw_column = 'at') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW parts WITH (partition_by = 'h', partition_interval = '1 day') AS SELECT date_trunc('hour', at, 'UTC') AS h, count(*) FROM s GROUP BY 1;
CREATE VIEW log AS SELECT k, x FROM s WHERE x < 0;
CREATE VIEW over_v AS SELECT k, count FROM v;
CREATE VIEW sets AS SELECT k, t, count(*) FROM s GROUP BY ROLLUP (k, t);
CREATE VIEW ranks AS SELECT k, count(*), rank() OVER (ORDER BY k) FROM s GROUP BY k;
SELECT fill('before', 1);

-- refused, each with its reason
CREATE OR REPLACE VIEW v AS SELECT k, count(*) FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, sum(x), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x) FROM s WHERE x > 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x) FROM s GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x) FROM s WHERE x >= 0 GROUP BY k;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, t FROM s WHERE x >= 0 GROUP BY k, t HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x) FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0 LIMIT 1;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, count(DISTINCT t) FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*) AS c, avg(n) + 1 AS more, sum(x) FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, max(x) - min(x) AS spread FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v AS SELECT 1 AS k;
CREATE OR REPLACE VIEW v WITH (emit = final) AS SELECT k, count(*), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW v WITH (ttl = '1 day', ttl_column = 'k') AS SELECT k, count(*), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE VIEW two_times WITH (partition_by = 'h', partition_interval = '1 day') AS SELECT date_trunc('hour', at, 'UTC') AS h, date_trunc('day', at, 'UTC') AS d, count(*) FROM s GROUP BY 1, 2;
CREATE OR REPLACE VIEW two_times WITH (partition_by = 'd', partition_interval = '1 day') AS SELECT date_trunc('hour', at, 'UTC') AS h, date_trunc('day', at, 'UTC') AS d, count(*) FROM s GROUP BY 1, 2;
DROP VIEW two_times;
CREATE OR REPLACE VIEW windows AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW windows WITH (sw = '2 hours', sw_column = 'at') AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW log AS SELECT k, x, t FROM s WHERE x < 0;
CREATE OR REPLACE VIEW keys AS SELECT k, t FROM s GROUP BY k, t;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY ROLLUP (k) HAVING max(x) > 0;
CREATE OR REPLACE VIEW sets AS SELECT k, t, count(*) FROM s GROUP BY k, t;
CREATE OR REPLACE VIEW sets AS SELECT k, t, count(*), sum(x) FROM s GROUP BY ROLLUP (t, k);
CREATE OR REPLACE VIEW ranks AS SELECT k, count(*), rank() OVER (ORDER BY k DESC) FROM s GROUP BY k;
CREATE OR REPLACE VIEW ranks AS SELECT k, count(*), rank() OVER (PARTITION BY k ORDER BY k), sum(x) FROM s GROUP BY k;
CREATE OR REPLACE TEMPORARY VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW plain AS SELECT 1 AS k;
CREATE OR REPLACE VIEW plain AS SELECT k, count(*) FROM s GROUP BY k;
CREATE ROLE regress_weir_replace;
GRANT ALL ON SCHEMA view_replace TO regress_weir_replace;
GRANT SELECT ON s TO regress_weir_replace;
SET ROLE regress_weir_replace;
CREATE OR REPLACE VIEW view_replace.v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x) FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
RESET ROLE;
-- nothing changes
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
SELECT name, added_columns FROM weir.views WHERE added_columns IS NOT NULL;

-- new columns, of states of all kinds: plain, with a start value, serialized with a result beside, in expressions only
CREATE OR REPLACE VIEW v AS SELECT k, count(*), avg(n) + 1 AS more, sum(x), avg(n), count(t) FILTER (WHERE x % 2 = 0) AS even, max(x + 1) - min(x) AS spread, string_agg(t, ',') AS texts, k * 2 AS twice
	FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
CREATE OR REPLACE VIEW by_text AS SELECT t, sum(n), stddev(n), max(t) AS same FROM s GROUP BY t;
CREATE OR REPLACE VIEW total (count, total, last) AS SELECT count(*), sum(x), max(t) FROM s;
CREATE OR REPLACE VIEW keys AS SELECT k, count(*) FROM s GROUP BY k;
CREATE OR REPLACE VIEW sets AS SELECT k, t, count(*), sum(x) FROM s GROUP BY ROLLUP (k, t);
CREATE OR REPLACE VIEW ranks AS SELECT k, count(*), rank() OVER (ORDER BY k), sum(x), rank() OVER (ORDER BY k DESC) AS last FROM s GROUP BY k;
CREATE OR REPLACE VIEW windows WITH (sw = '1000 years', sw_column = 'at') AS SELECT k, count(*), sum(x), avg(n) FROM s GROUP BY k;
CREATE OR REPLACE VIEW parts AS SELECT date_trunc('hour', at, 'UTC') AS h, count(*), sum(x) FROM s GROUP BY 1;
SELECT * FROM v ORDER BY k;
TABLE total;
SELECT name, (SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(added_columns) key) AS added FROM weir.views WHERE added_columns IS NOT NULL ORDER BY 1;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v_mrel'::regclass AND attnum > 0 ORDER BY attnum;
SELECT fill('after', 51);
-- all rows in the old columns, later ones in the new
CREATE VIEW both_tables AS TABLE before UNION ALL TABLE after;
CREATE FUNCTION check_views() RETURNS TABLE (v text, r text) LANGUAGE sql AS $$
	WITH o AS (SELECT k, count(*), avg(n) + 1 AS more FROM both_tables GROUP BY k),
		n AS (SELECT k, sum(x), count(t) FILTER (WHERE x % 2 = 0) AS even, max(x + 1) - min(x) AS spread FROM after GROUP BY k),
		b AS (SELECT k, count, more, sum, more - 1, coalesce(even, 0), spread, k * 2 FROM o LEFT JOIN n USING (k)),
		g AS (SELECT k, count, more, sum, avg, even, spread, twice FROM v)
	SELECT 'v', a::text FROM (TABLE g EXCEPT ALL TABLE b) a UNION ALL SELECT 'v batch', a::text FROM (TABLE b EXCEPT ALL TABLE g) a
	UNION ALL
	SELECT 'by_text', a::text FROM (TABLE by_text EXCEPT ALL SELECT t, sum(n), (SELECT stddev(n) FROM after a WHERE a.t = b.t), (SELECT max(t) FROM after a WHERE a.t = b.t) FROM both_tables b GROUP BY t) a
	UNION ALL
	SELECT 'total', a::text FROM (TABLE total EXCEPT ALL SELECT count(*), (SELECT sum(x) FROM after), (SELECT max(t) FROM after) FROM both_tables) a
	UNION ALL
	SELECT 'keys', a::text FROM (TABLE keys EXCEPT ALL SELECT k, (SELECT count(*) FROM after a WHERE a.k = b.k) FROM both_tables b GROUP BY k) a
	UNION ALL
	SELECT 'sets', a::text FROM (TABLE sets EXCEPT ALL SELECT b.k, b.t, b.count, a.sum
		FROM (SELECT k, t, count(*), grouping(k, t) AS set FROM both_tables GROUP BY ROLLUP (k, t)) b
			LEFT JOIN (SELECT k, t, sum(x), grouping(k, t) AS set FROM after GROUP BY ROLLUP (k, t)) a ON a.set = b.set AND (a.k, a.t) IS NOT DISTINCT FROM (b.k, b.t)) a
	UNION ALL
	SELECT 'ranks', a::text FROM (TABLE ranks EXCEPT ALL SELECT k, count(*), rank() OVER (ORDER BY k), (SELECT sum(x) FROM after a WHERE a.k = b.k), rank() OVER (ORDER BY k DESC) FROM both_tables b GROUP BY k) a
	UNION ALL
	SELECT 'windows', a::text FROM (TABLE windows EXCEPT ALL SELECT k, count(*), (SELECT sum(x) FROM after a WHERE a.k = b.k), (SELECT avg(n) FROM after a WHERE a.k = b.k) FROM both_tables b GROUP BY k) a
	UNION ALL
	SELECT 'parts', a::text FROM (TABLE parts EXCEPT ALL SELECT h, count(*), (SELECT sum(x) FROM after a WHERE date_trunc('hour', a.at, 'UTC') = h) FROM (SELECT date_trunc('hour', at, 'UTC') AS h FROM both_tables) b GROUP BY 1) a
$$;
SELECT * FROM check_views();
SELECT (SELECT count(*) FROM v), (SELECT count(*) FROM by_text), (SELECT count(*) FROM keys), (SELECT count(*) FROM windows), (SELECT count(*) FROM parts), (SELECT count(*) FROM sets), (SELECT count(*) FROM ranks);
SELECT * FROM over_v ORDER BY k LIMIT 1;
-- again, after a column of the stream was added, and one of the view renamed
ALTER FOREIGN TABLE s ADD COLUMN y int;
ALTER VIEW v RENAME COLUMN count TO c;
CREATE OR REPLACE VIEW v AS SELECT k, count(*) AS c, avg(n) + 1 AS more, sum(x), avg(n), count(t) FILTER (WHERE x % 2 = 0) AS even, max(x + 1) - min(x) AS spread, string_agg(t, ',') AS texts, k * 2 AS twice, sum(y) AS ys, count(*)
	FROM s WHERE x >= 0 GROUP BY k HAVING max(x) > 0;
INSERT INTO s (k, x, y) VALUES (1, 1000, 7);
SELECT k, c, ys, count FROM v ORDER BY k LIMIT 2;
SELECT (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(added_columns) key) AS added FROM weir.views WHERE name = 'v';

-- with what is in memory: asynchronous rows, a transaction under way, one that inserts at once
SET weir.synchronous_insert = off;
INSERT INTO s (k, x) SELECT 100, i FROM generate_series(1, 1000) i;
CREATE OR REPLACE VIEW total (count, total, last, low) AS SELECT count(*), sum(x), max(t), min(x) FROM s;
SELECT weir.flush();
TABLE total;
BEGIN;
CREATE OR REPLACE VIEW keys AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
INSERT INTO s (k, x) SELECT 200, i FROM generate_series(1, 10) i;
COMMIT;
SELECT weir.flush();
SELECT * FROM keys WHERE k >= 100 ORDER BY k;
BEGIN;
CREATE OR REPLACE VIEW keys AS SELECT k, count(*), sum(x), max(x) FROM s GROUP BY k;
ROLLBACK;
INSERT INTO s (k, x) VALUES (200, 11);
SELECT weir.flush();
SELECT * FROM keys WHERE k = 200;
RESET weir.synchronous_insert;
SELECT weir.truncate('total');
TABLE total;

SET client_min_messages = warning;
DROP FOREIGN TABLE s CASCADE;
DROP SCHEMA view_replace CASCADE;
DROP ROLE regress_weir_replace;
