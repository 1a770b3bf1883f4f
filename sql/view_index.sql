-- Indexes of a view are its matrel's; reading by key uses them.
CREATE SCHEMA view_index;
SET search_path = view_index;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
CREATE FOREIGN TABLE s (k int, j int, t text, x numeric) SERVER weir;
CREATE VIEW v AS SELECT k, count(*), avg(x), sum(j) AS j FROM s GROUP BY k;
CREATE VIEW two AS SELECT k, j, count(*) + 1 AS more FROM s GROUP BY k, j HAVING count(*) > 0;
CREATE VIEW by_text AS SELECT t, max(x) FROM s GROUP BY t;
CREATE VIEW sliding WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW log AS SELECT k, t FROM s;
INSERT INTO s SELECT i % 1000, i % 7, 't' || i % 1000, i FROM generate_series(1, 3000) i;
ANALYZE v; ANALYZE two; ANALYZE by_text; ANALYZE sliding; ANALYZE log;

-- the key's own index, through the view
EXPLAIN (COSTS OFF) SELECT * FROM v WHERE k = 5;
SELECT * FROM v WHERE k = 5;
EXPLAIN (COSTS OFF) SELECT avg FROM v WHERE k BETWEEN 5 AND 7;
EXPLAIN (COSTS OFF) SELECT * FROM two WHERE k = 5 AND j = 1;
CREATE FUNCTION index_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		RETURN QUERY SELECT substring(line FROM 'Index Scan using \S+');
	END LOOP;
END$$;
SELECT i FROM index_of('SELECT * FROM sliding WHERE k = 5') i WHERE i IS NOT NULL;
EXPLAIN (COSTS OFF) SELECT v.avg FROM (VALUES (1), (5)) k(k) JOIN v USING (k);
PREPARE point(int) AS SELECT count FROM v WHERE k = $1;
EXPLAIN (COSTS OFF) EXECUTE point(5);

-- keys of any length: an index of one's own
EXPLAIN (COSTS OFF) SELECT * FROM by_text WHERE t = 't5';
CREATE INDEX ON by_text (t);
EXPLAIN (COSTS OFF) SELECT * FROM by_text WHERE t = 't5';
CREATE INDEX CONCURRENTLY log_t ON log (t DESC) INCLUDE (k) WITH (fillfactor = 80);
EXPLAIN (COSTS OFF) SELECT t FROM log WHERE t > 't99';
CREATE INDEX two_more ON two (more);
EXPLAIN (COSTS OFF) SELECT * FROM two WHERE more = 100;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'view_index' ORDER BY indexname;

-- unique is only the key
CREATE UNIQUE INDEX ON v (count);
CREATE UNIQUE INDEX ON v_mrel (count);
CREATE UNIQUE INDEX ON sliding (k);
CREATE UNIQUE INDEX ON log (k, t);
CREATE UNIQUE INDEX ON two (j, k, more);
CREATE UNIQUE INDEX two_unique ON two (j, k);

-- the lookup index
DROP INDEX v_mrel_lookup;
REINDEX INDEX v_mrel_lookup;
REINDEX INDEX CONCURRENTLY v_mrel_lookup;
CLUSTER v_mrel USING v_mrel_lookup;
ALTER INDEX v_mrel_lookup RENAME TO v_by_k;
DROP INDEX two_more;
REINDEX TABLE v;
CLUSTER v USING v_by_k;

-- no table inherits from what a view keeps
CREATE TABLE child () INHERITS (v_mrel);
CREATE FOREIGN TABLE child () INHERITS (v_mrel) SERVER weir;
CREATE TABLE child (LIKE v_mrel);
ALTER TABLE child INHERIT v_mrel;
CREATE VIEW values AS SELECT k, count(DISTINCT x) FROM s GROUP BY k;
DROP INDEX values_vals1_group;
DROP INDEX values_vals1_lookup;
CREATE INDEX ON values_vals1 (x);
DROP INDEX values_vals1_x_idx;

-- and all goes on
INSERT INTO s SELECT i % 1000, i % 7, 't' || i % 1000, i FROM generate_series(1, 3000) i;
SELECT * FROM v WHERE k = 5;
SELECT * FROM two WHERE k = 5 ORDER BY j;
SELECT * FROM by_text WHERE t = 't5';
SELECT count(*) FROM log;
SELECT name, state FROM weir.views ORDER BY name;

SET client_min_messages = warning;
DROP SCHEMA view_index CASCADE;
