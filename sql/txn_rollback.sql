-- A row counts if its transaction committed, and never if it, or its savepoint, rolled back.
CREATE SCHEMA txn_rollback;
SET search_path = txn_rollback;
CREATE FOREIGN TABLE s (k text, x int) SERVER weir;
CREATE TABLE p (k text, x int);
CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
CREATE VIEW every AS SELECT k, x FROM s;

BEGIN; INSERT INTO s VALUES ('commit', 1); INSERT INTO p VALUES ('commit', 1); COMMIT;
BEGIN; INSERT INTO s VALUES ('rollback', 1); ROLLBACK;
BEGIN; INSERT INTO s VALUES ('error', 1); SELECT 1 / 0; COMMIT;
INSERT INTO s VALUES ('statement', 1), ('statement', 1 / (SELECT 0));
INSERT INTO s SELECT 'half', 10 / (3 - i) FROM generate_series(1, 5) i;

-- savepoints
BEGIN;
INSERT INTO s VALUES ('a', 1);
SAVEPOINT one;
INSERT INTO s VALUES ('b', 2);
SAVEPOINT two;
INSERT INTO s VALUES ('c', 3);
ROLLBACK TO two;
INSERT INTO s VALUES ('d', 4);
SAVEPOINT three;
INSERT INTO s VALUES ('e', 5);
RELEASE three;
RELEASE one;
SAVEPOINT four;
INSERT INTO s VALUES ('f', 6);
SELECT 1 / 0;
ROLLBACK TO four;
ROLLBACK TO four;
INSERT INTO s VALUES ('g', 7);
COMMIT;
INSERT INTO p VALUES ('a', 1), ('b', 2), ('d', 4), ('e', 5), ('g', 7);

BEGIN;
SAVEPOINT one;
INSERT INTO s VALUES ('h', 1);
SAVEPOINT two;
INSERT INTO s VALUES ('i', 2);
RELEASE two;
ROLLBACK TO one;	-- takes what was released into it along
INSERT INTO s VALUES ('j', 3);
COMMIT;
INSERT INTO p VALUES ('j', 3);

BEGIN; SAVEPOINT one; INSERT INTO s VALUES ('k', 1); RELEASE one; ROLLBACK;

-- many small subtransactions, half of them rolled back
DO $$
BEGIN
	FOR i IN 1..500 LOOP
		BEGIN
			INSERT INTO txn_rollback.s VALUES ('loop', i);
			IF i % 2 = 0 THEN
				RAISE EXCEPTION 'even';
			END IF;
			INSERT INTO txn_rollback.p VALUES ('loop', i);
		EXCEPTION WHEN raise_exception THEN
			INSERT INTO txn_rollback.s VALUES ('caught', i);
			INSERT INTO txn_rollback.p VALUES ('caught', i);
		END;
	END LOOP;
END $$;

-- a cursor and a holdable result do not change whose rows count
BEGIN;
DECLARE c CURSOR FOR SELECT 1;
INSERT INTO s VALUES ('cursor', 1);
FETCH c;
COMMIT;
INSERT INTO p VALUES ('cursor', 1);

-- COMMIT AND CHAIN, ROLLBACK AND CHAIN
BEGIN; INSERT INTO s VALUES ('chain', 1); COMMIT AND CHAIN; INSERT INTO s VALUES ('chain', 2);
ROLLBACK AND CHAIN; INSERT INTO s VALUES ('chain', 4); COMMIT;
INSERT INTO p VALUES ('chain', 1), ('chain', 4);

-- a procedure that commits and rolls back
CREATE PROCEDURE mixed() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..6 LOOP
		INSERT INTO txn_rollback.s VALUES ('proc', i);
		INSERT INTO txn_rollback.p VALUES ('proc', i);
		IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
	END LOOP;
END $$;
CALL mixed();

-- more than fits in memory at once, rolled back and committed
SET weir.insert_buffer = '64kB';
BEGIN;
INSERT INTO s SELECT 'big', i FROM generate_series(1, 20000) i;
SAVEPOINT one;
INSERT INTO s SELECT 'big2', i FROM generate_series(1, 20000) i;
ROLLBACK TO one;
INSERT INTO s SELECT 'big3', i FROM generate_series(1, 20000) i;
COMMIT;
INSERT INTO p SELECT k, i FROM generate_series(1, 20000) i, (VALUES ('big'), ('big3')) b (k);

-- a file of which nothing is left
BEGIN; SAVEPOINT one; INSERT INTO s SELECT 'big4', i FROM generate_series(1, 20000) i; ROLLBACK TO one; COMMIT;
BEGIN; SAVEPOINT one; INSERT INTO s SELECT 'big4', i FROM generate_series(1, 20000) i; ROLLBACK TO one;
PREPARE TRANSACTION 'weir_none'; COMMIT PREPARED 'weir_none';
RESET weir.insert_buffer;

-- two streams in one transaction
CREATE FOREIGN TABLE s2 (x int) SERVER weir;
CREATE VIEW v2 AS SELECT count(*), sum(x) FROM s2;
BEGIN; INSERT INTO s2 VALUES (1); INSERT INTO s VALUES ('two', 1); INSERT INTO s2 VALUES (2);
SAVEPOINT one; INSERT INTO s2 VALUES (3); INSERT INTO s VALUES ('two', 2); ROLLBACK TO one; COMMIT;
INSERT INTO p VALUES ('two', 1);
SELECT * FROM v2;

SELECT * FROM v EXCEPT ALL SELECT k, count(*), sum(x) FROM p GROUP BY k;
SELECT k, count(*), sum(x) FROM p GROUP BY k EXCEPT ALL SELECT * FROM v;
SELECT * FROM every EXCEPT ALL SELECT * FROM p;
SELECT * FROM p EXCEPT ALL SELECT * FROM every;
SELECT k, count, sum FROM v ORDER BY k;

SET client_min_messages = warning;
DROP SCHEMA txn_rollback CASCADE;
