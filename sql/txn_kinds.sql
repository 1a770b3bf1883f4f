-- Kinds of transactions that need care.
CREATE SCHEMA txn_kinds;
SET search_path = txn_kinds;
CREATE FOREIGN TABLE s (x int) SERVER weir;
CREATE VIEW v AS SELECT count(*), sum(x) FROM s;

-- PREPARE TRANSACTION is refused, and the transaction with it; one without stream rows is not
BEGIN; INSERT INTO s VALUES (1); PREPARE TRANSACTION 'weir';
SELECT * FROM v;
BEGIN; SAVEPOINT a; INSERT INTO s VALUES (1); ROLLBACK TO a; PREPARE TRANSACTION 'weir_none';
ROLLBACK PREPARED 'weir_none';
CREATE TABLE p (x int);
BEGIN; INSERT INTO p VALUES (1); PREPARE TRANSACTION 'weir_other';
COMMIT PREPARED 'weir_other';

-- read-only
BEGIN READ ONLY; INSERT INTO s VALUES (1); ROLLBACK;

-- a stream, its view and its rows made in one transaction
BEGIN;
CREATE FOREIGN TABLE s1 (x int) SERVER weir;
CREATE VIEW v1 AS SELECT count(*), sum(x) FROM s1;
INSERT INTO s1 VALUES (1), (2);
COMMIT;
SELECT * FROM v1;
BEGIN;
CREATE FOREIGN TABLE s2 (x int) SERVER weir;
CREATE VIEW v2 AS SELECT count(*) FROM s2;
INSERT INTO s2 VALUES (1);
ROLLBACK;
SELECT to_regclass('s2'), to_regclass('v2_mrel');

-- rows inserted before the view in the same transaction
BEGIN;
CREATE FOREIGN TABLE s3 (x int) SERVER weir;
INSERT INTO s3 VALUES (1);
CREATE VIEW v3 AS SELECT count(*) FROM s3;
INSERT INTO s3 VALUES (2);
COMMIT;
SELECT count IN (1, 2) AS counted FROM v3;
INSERT INTO s3 VALUES (3);
SELECT count IN (2, 3) AS counted FROM v3;

-- a stream dropped by the transaction that inserted into it
BEGIN;
INSERT INTO s1 VALUES (3);
SET LOCAL client_min_messages = warning;
DROP FOREIGN TABLE s1 CASCADE;
COMMIT;
SELECT weir.flush();

-- a view does not see its own transaction's rows before COMMIT, and none of another snapshot after
BEGIN;
INSERT INTO s VALUES (10);
SELECT weir.flush();
SELECT * FROM v;
COMMIT;
SELECT * FROM v;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM v;
INSERT INTO s VALUES (20);
SELECT * FROM v;
COMMIT;
SELECT * FROM v;
BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO s VALUES (30); SELECT * FROM v; COMMIT;
SELECT * FROM v;

-- deferred constraint triggers may insert at COMMIT
CREATE TABLE d (x int);
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO txn_kinds.s VALUES (new.x); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
BEGIN; INSERT INTO d VALUES (40), (50); COMMIT;
SELECT * FROM v;

-- asynchronous
BEGIN; SET LOCAL weir.synchronous_insert = off; INSERT INTO s VALUES (60); COMMIT;
SHOW weir.synchronous_insert;
SELECT weir.flush();
SELECT * FROM v;
SET synchronous_commit = off;
INSERT INTO s VALUES (70);
SELECT * FROM v;
RESET synchronous_commit;

-- truncate, deactivate, activate
SELECT weir.truncate('v');
SELECT * FROM v;
INSERT INTO s VALUES (1);
SELECT weir.deactivate('v');
INSERT INTO s VALUES (2);
SELECT weir.flush();
SELECT * FROM v;
SELECT state FROM weir.views WHERE view = 'v'::regclass;
SELECT weir.activate('v');
INSERT INTO s VALUES (4);
SELECT * FROM v;
BEGIN; SELECT weir.truncate('v'); ROLLBACK;
SELECT * FROM v;

SET client_min_messages = warning;
DROP SCHEMA txn_kinds CASCADE;
