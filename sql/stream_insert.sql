-- Every way to put rows into a stream.
CREATE SCHEMA stream_insert;
SET search_path = stream_insert;

CREATE FOREIGN TABLE s (k int, t text DEFAULT 'dflt', x numeric) SERVER weir;
CREATE VIEW v AS SELECT k, t, count(*), sum(x) FROM s GROUP BY k, t;
CREATE TABLE p (k int, t text DEFAULT 'dflt', x numeric);	-- gets the same rows

-- VALUES, with and without columns, DEFAULT
INSERT INTO s VALUES (1, 'a', 1.5), (1, 'a', 2.5), (2, NULL, NULL);
INSERT INTO p VALUES (1, 'a', 1.5), (1, 'a', 2.5), (2, NULL, NULL);
INSERT INTO s (x, k) VALUES (3, 1), (4, NULL);
INSERT INTO p (x, k) VALUES (3, 1), (4, NULL);
INSERT INTO s VALUES (3, DEFAULT, 7);
INSERT INTO p VALUES (3, DEFAULT, 7);
INSERT INTO s DEFAULT VALUES;
INSERT INTO p DEFAULT VALUES;
SELECT * FROM v ORDER BY k, t;

-- SELECT, and RETURNING
INSERT INTO s SELECT i % 3, 'sel', i FROM generate_series(1, 10) i;
INSERT INTO p SELECT i % 3, 'sel', i FROM generate_series(1, 10) i;
INSERT INTO s VALUES (4, 'ret', 1), (5, DEFAULT, 2) RETURNING k, t, x, k + 1 AS more;
INSERT INTO p VALUES (4, 'ret', 1), (5, DEFAULT, 2);
INSERT INTO s (k) VALUES (6) RETURNING arrival_timestamp BETWEEN now() - interval '1 minute' AND clock_timestamp() AS filled;
INSERT INTO p (k) VALUES (6);

-- prepared, with a generic plan too
PREPARE ins (int, text, numeric) AS INSERT INTO s VALUES ($1, $2, $3);
PREPARE inp (int, text, numeric) AS INSERT INTO p VALUES ($1, $2, $3);
EXECUTE ins (7, 'prep', 1);
EXECUTE inp (7, 'prep', 1);
SET plan_cache_mode = force_generic_plan;
EXECUTE ins (7, 'prep', NULL);
EXECUTE inp (7, 'prep', NULL);
RESET plan_cache_mode;

-- data-modifying CTEs
WITH r (k, t, x) AS (VALUES (8, 'cte', 1.0), (8, 'cte', 2)), a AS (INSERT INTO p TABLE r)
INSERT INTO s SELECT * FROM r;
WITH a AS (INSERT INTO s VALUES (9, 'cte2', 5) RETURNING k, t, x) INSERT INTO p SELECT * FROM a;
WITH d AS (DELETE FROM p WHERE k = 9 RETURNING *) INSERT INTO s SELECT k, t, -x FROM d;
INSERT INTO p VALUES (9, 'cte2', 5), (9, 'cte2', -5);

-- a PL/pgSQL function, an SQL function
CREATE FUNCTION put(int, text, numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..3 LOOP
		INSERT INTO stream_insert.s VALUES ($1, $2, $3 * i);
		INSERT INTO stream_insert.p VALUES ($1, $2, $3 * i);
	END LOOP;
END $$;
SELECT put(10, 'func', 1.1);
CREATE FUNCTION put_sql(int) RETURNS text LANGUAGE sql
	AS 'INSERT INTO stream_insert.p VALUES ($1); INSERT INTO stream_insert.s VALUES ($1) RETURNING t';
SELECT put_sql(11), put_sql(12);

-- triggers of an ordinary table, by row and by statement
CREATE TABLE orders (k int, x numeric);
CREATE FUNCTION orders_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO stream_insert.s VALUES (new.k, TG_OP, new.x);
	INSERT INTO stream_insert.p VALUES (new.k, TG_OP, new.x);
	RETURN NULL;
END $$;
CREATE FUNCTION orders_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO stream_insert.s SELECT k, 'stmt', x FROM gone;
	INSERT INTO stream_insert.p SELECT k, 'stmt', x FROM gone;
	RETURN NULL;
END $$;
CREATE TRIGGER by_row AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_row();
CREATE TRIGGER by_statement AFTER DELETE ON orders REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION orders_statement();
INSERT INTO orders SELECT i, i * 1.5 FROM generate_series(20, 24) i;
UPDATE orders SET x = -x WHERE k > 22;
DELETE FROM orders WHERE k < 22;

-- COPY
COPY s FROM STDIN;
30	copy	1.25
30	\N	\N
31	tab\there	-1
\.
COPY p FROM STDIN;
30	copy	1.25
30	\N	\N
31	tab\there	-1
\.
COPY s (x, k) FROM STDIN (FORMAT csv);
5,32
,32
\.
COPY p (x, k) FROM STDIN (FORMAT csv);
5,32
,32
\.

-- the oracle
SELECT * FROM v EXCEPT ALL SELECT k, t, count(*), sum(x) FROM p GROUP BY k, t;
SELECT k, t, count(*), sum(x) FROM p GROUP BY k, t EXCEPT ALL SELECT * FROM v;
SELECT count(*), sum(count) FROM v;

-- a stream without views takes rows and drops them
CREATE FOREIGN TABLE unread (x int) SERVER weir;
INSERT INTO unread SELECT generate_series(1, 1000);
SELECT weir.flush();

-- types that need care: toasted, composite, array, domain, bytea, zero columns
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE FOREIGN TABLE wide (p pair, a text[], d positive, b bytea, j jsonb, big text) SERVER weir;
CREATE VIEW wide_v AS SELECT p, a, d, b, j, big FROM wide;
CREATE TABLE wide_p (p pair, a text[], d positive, b bytea, j jsonb, big text);
INSERT INTO wide_p VALUES
	(ROW(1, repeat('x', 3000)), ARRAY[repeat('y', 9000), NULL], 1, '\x00ff', '{"a": [1, null]}', repeat('z', 100000)),
	(NULL, '{}', NULL, '', 'null', ''),
	(ROW(NULL, NULL), ARRAY[['1', '2'], ['3', '4']], 2, decode(repeat('ab', 5000), 'hex'), '[]', NULL);
ALTER TABLE wide_p ALTER big SET STORAGE external;
INSERT INTO wide_p SELECT NULL, NULL, NULL, NULL, NULL, repeat('0123456789', 10000);
INSERT INTO wide SELECT * FROM wide_p;
SELECT count(*) FROM (SELECT * FROM wide_v EXCEPT ALL SELECT * FROM wide_p) x;
SELECT count(*) FROM (SELECT * FROM wide_p EXCEPT ALL SELECT * FROM wide_v) x;
INSERT INTO wide (d) VALUES (-1);
DELETE FROM wide_p;	-- the stream does not hold on to what it was given
SELECT count(*), sum(length(big)) FROM wide_v;

SET client_min_messages = warning;
DROP SCHEMA stream_insert CASCADE;
