-- A view that only selects is a log: rows of a transaction are in it in the order in which they were inserted.
CREATE SCHEMA view_order;
SET search_path = view_order;
SET synchronize_seqscans = off;
CREATE FOREIGN TABLE s (x int) SERVER weir;
CREATE VIEW log AS SELECT x FROM s;
CREATE VIEW twice AS SELECT x, generate_series(1, 2) AS n FROM s;
CREATE VIEW arrays AS SELECT array_agg(x) AS a, string_agg(x::text, ',') AS t FROM s;
CREATE FUNCTION breaks(OUT log bigint, OUT twice bigint, OUT arrays bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM (SELECT x, lag(x) OVER () AS before FROM view_order.log) q WHERE x <> before + 1),
		(SELECT count(*) FROM (SELECT x * 2 + n AS x, lag(x * 2 + n) OVER () AS before FROM view_order.twice) q WHERE x <> before + 1),
		(SELECT count(*) FROM (SELECT x, lag(x) OVER () AS before FROM (SELECT unnest(a) AS x FROM view_order.arrays) u) q WHERE x <> before + 1) $$;
INSERT INTO s SELECT generate_series(1, 5);
INSERT INTO s VALUES (6), (7);
BEGIN;
INSERT INTO s VALUES (8);
SAVEPOINT a;
INSERT INTO s VALUES (0);
ROLLBACK TO a;
INSERT INTO s VALUES (9);
SAVEPOINT b;
INSERT INTO s VALUES (10);
RELEASE b;
COPY s FROM stdin;
11
12
\.
COMMIT;
SELECT array_agg(x) FROM log;
SELECT array_agg(n || '/' || x) FROM twice WHERE x < 4;
SELECT a, t FROM arrays;
-- fed while the transaction runs; from a file; both
SET weir.insert_buffer = '64kB';
INSERT INTO s SELECT generate_series(13, 60000);
SELECT * FROM breaks();
BEGIN;
CREATE TABLE has_id ();
INSERT INTO s SELECT generate_series(60001, 120000);
COMMIT;
SELECT * FROM breaks();
BEGIN;
INSERT INTO s SELECT generate_series(120001, 150000);
DROP TABLE has_id;
INSERT INTO s SELECT generate_series(150001, 200000);
COMMIT;
SELECT * FROM breaks();
SELECT count(*), min(x), max(x) FROM log;
SELECT x FROM log LIMIT 3;
RESET weir.insert_buffer;
-- rows of any length, of two streams in turn
CREATE FOREIGN TABLE a (x int, t text) SERVER weir;
CREATE FOREIGN TABLE b (x int, t text) SERVER weir;
CREATE VIEW log_a AS SELECT x FROM a;
CREATE VIEW log_b AS SELECT array_agg(x) AS x FROM b;
DO $$
BEGIN
	FOR i IN 1 .. 400 LOOP
		INSERT INTO view_order.a SELECT i * 10 + j, repeat('x', (i * 7919 + j * 101) % (CASE WHEN i % 9 = 0 THEN 20000 ELSE 90 END)) FROM generate_series(0, 9) j;
		INSERT INTO view_order.b SELECT i, repeat('x', i * 7919 % (CASE WHEN i % 9 = 0 THEN 50000 ELSE 90 END));
	END LOOP;
END $$;
SELECT count(*) FROM (SELECT x, lag(x) OVER () AS before FROM log_a) q WHERE x <> before + 1;
SELECT count(*) FROM (SELECT u, lag(u) OVER () AS before FROM log_b, unnest(x) u) q WHERE u <> before + 1;
DROP SCHEMA view_order CASCADE;
