-- A stream changes while views read it; what would break a view is refused as for a table.
CREATE SCHEMA stream_alter;
CREATE SCHEMA elsewhere;
CREATE ROLE stream_alter_owner;
SET search_path = stream_alter, elsewhere;
CREATE FOREIGN TABLE s (k int, x int, unused text) SERVER weir;
CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s WHERE x > 0 GROUP BY k;
CREATE TABLE p (k int, x int);
INSERT INTO s VALUES (1, 1, 'u');
INSERT INTO p VALUES (1, 1);

ALTER FOREIGN TABLE s ADD COLUMN y int DEFAULT 9;
INSERT INTO s VALUES (1, 2, 'u');
INSERT INTO p VALUES (1, 2);
CREATE VIEW w AS SELECT y, count(*) FROM s GROUP BY y;
INSERT INTO s (k, x) VALUES (2, 3);
INSERT INTO s (k, x, y) VALUES (2, 4, 5);
INSERT INTO p VALUES (2, 3), (2, 4);
SELECT * FROM w ORDER BY y;

ALTER FOREIGN TABLE s RENAME TO clicks;
INSERT INTO clicks VALUES (3, 5);
INSERT INTO p VALUES (3, 5);
ALTER FOREIGN TABLE clicks RENAME COLUMN x TO amount;
INSERT INTO clicks (amount, k) VALUES (6, 3);
INSERT INTO p VALUES (3, 6);
ALTER FOREIGN TABLE clicks SET SCHEMA elsewhere;
INSERT INTO elsewhere.clicks (amount, k) VALUES (7, 3);
INSERT INTO p VALUES (3, 7);
ALTER FOREIGN TABLE clicks OWNER TO stream_alter_owner;
INSERT INTO clicks (amount, k) VALUES (8, 3);
INSERT INTO p VALUES (3, 8);
ALTER FOREIGN TABLE clicks ALTER COLUMN k SET DEFAULT 4, ADD CONSTRAINT small CHECK (amount < 100);
INSERT INTO clicks (amount) VALUES (9);
\set VERBOSITY terse
INSERT INTO clicks (amount) VALUES (100);
\set VERBOSITY default
INSERT INTO p VALUES (4, 9);

ALTER FOREIGN TABLE clicks DROP COLUMN amount;
ALTER FOREIGN TABLE clicks DROP COLUMN arrival_timestamp;
ALTER FOREIGN TABLE clicks ALTER COLUMN k TYPE text;
CREATE TABLE parent (a int);
CREATE FOREIGN TABLE child () INHERITS (parent) SERVER weir;
ALTER TABLE parent ALTER COLUMN a TYPE text;
DROP TABLE parent CASCADE;
ALTER FOREIGN TABLE clicks DROP COLUMN unused;
INSERT INTO clicks (amount, k) VALUES (10, 4);
INSERT INTO p VALUES (4, 10);
DROP FOREIGN TABLE clicks;

SELECT * FROM v EXCEPT ALL SELECT k, count(*), sum(x) FROM p GROUP BY k;
SELECT k, count(*), sum(x) FROM p GROUP BY k EXCEPT ALL SELECT * FROM v;
SELECT * FROM v ORDER BY k;

SET client_min_messages = warning;
DROP FOREIGN TABLE clicks CASCADE;
SELECT to_regclass('v'), to_regclass('v_mrel'), to_regclass('w');
DROP SCHEMA stream_alter, elsewhere CASCADE;
DROP ROLE stream_alter_owner;
