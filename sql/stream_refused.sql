-- What a stream is not for, and what to do instead.
CREATE SCHEMA stream_refused;
SET search_path = stream_refused;
CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
CREATE TABLE p (k int PRIMARY KEY, x int);

SELECT * FROM s;
SELECT count(*) FROM s JOIN p USING (k);
INSERT INTO p SELECT k, x FROM s;
CREATE TABLE c AS SELECT * FROM s;
UPDATE s SET x = 1;
DELETE FROM s;
TRUNCATE s;
INSERT INTO s VALUES (1, 1) ON CONFLICT DO NOTHING;
INSERT INTO s VALUES (1, 1) ON CONFLICT (k) DO UPDATE SET x = 2;
MERGE INTO s USING p ON s.k = p.k WHEN NOT MATCHED THEN INSERT VALUES (p.k, p.x);
COPY s TO STDOUT;
LOCK TABLE v_mrel;
INSERT INTO v VALUES (1, 1, 1);
INSERT INTO v_mrel DEFAULT VALUES;
UPDATE v_mrel SET k = 1;
DELETE FROM v_mrel;
TRUNCATE v_mrel;
COPY v_mrel FROM STDIN;
\.

-- options are checked when given
CREATE FOREIGN TABLE o (x int) SERVER weir OPTIONS (no_such_option '1');
CREATE FOREIGN TABLE o (x int) SERVER weir OPTIONS (topic 't');
CREATE SERVER another FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_server 'localhost');

-- nothing of this counted
SELECT weir.flush();
SELECT * FROM v;
SET client_min_messages = warning;
DROP SCHEMA stream_refused CASCADE;
