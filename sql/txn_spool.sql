-- Transactions larger than weir.insert_buffer: savepoints move the file back, a failed write is not forgotten.
-- With a transaction id, that is, with changes: others hand their rows to a worker instead (tap/feed).
CREATE SCHEMA txn_spool;
SET search_path = txn_spool;
CREATE FOREIGN TABLE s (k int, t text) SERVER weir;
CREATE VIEW v AS SELECT k, count(*), sum(length(t)) FROM s GROUP BY k;
SET weir.insert_buffer = '64kB';

BEGIN;
SELECT pg_current_xact_id() IS NOT NULL AS has_id;
INSERT INTO s SELECT 1, repeat('x', 100) FROM generate_series(1, 1500);
SAVEPOINT a;
INSERT INTO s SELECT 2, repeat('x', 100) FROM generate_series(1, 1500);
SAVEPOINT b;
INSERT INTO s SELECT 3, repeat('x', 100) FROM generate_series(1, 1500);
ROLLBACK TO b;
INSERT INTO s SELECT 4, repeat('x', 100) FROM generate_series(1, 700);
RELEASE b;
ROLLBACK TO a;
INSERT INTO s SELECT 5, repeat('x', 100) FROM generate_series(1, 2);
SAVEPOINT c;
INSERT INTO s SELECT 6, repeat('x', 100) FROM generate_series(1, 1500);
RELEASE c;
INSERT INTO s SELECT 7, repeat('x', 100) FROM generate_series(1, 3);
COMMIT;
SELECT * FROM v ORDER BY k;
SELECT weir.truncate('v');

BEGIN;
SELECT pg_current_xact_id() IS NOT NULL AS has_id;
SAVEPOINT a;
INSERT INTO s SELECT 1, repeat('x', 100) FROM generate_series(1, 1500);
ROLLBACK TO a;
COMMIT;
SELECT * FROM v ORDER BY k;

-- The file does not get as large as it must: no commit after that, whatever caught the error.
SET weir.insert_buffer = '4MB';
SET temp_file_limit = '3MB';
BEGIN;
SELECT pg_current_xact_id() IS NOT NULL AS has_id;
INSERT INTO s SELECT 1, repeat('x', 1000) FROM generate_series(1, 1200);
DO $$
BEGIN
	INSERT INTO s SELECT 2, repeat('x', 1000) FROM generate_series(1, 4000);
EXCEPTION WHEN configuration_limit_exceeded THEN
	RAISE NOTICE 'caught';
END $$;
SET temp_file_limit = -1;
COMMIT;
INSERT INTO s VALUES (3, 'x');
SELECT * FROM v ORDER BY k;

SET client_min_messages = warning;
DROP FOREIGN TABLE s CASCADE;
DROP SCHEMA txn_spool CASCADE;
