-- Sliding windows over arrival times that the client gives: what is inside is told by now().
CREATE SCHEMA oracle_sliding;
SET search_path = oracle_sliding;
CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
CREATE TABLE p (k int, x int, arrival_timestamp timestamptz);
CREATE VIEW hour WITH (sw = '1 hour') AS SELECT k, count(*), sum(x), avg(x), min(x), stddev(x) FROM s GROUP BY k;
CREATE VIEW hour_fine WITH (sw = '1 hour', step_factor = 1) AS SELECT k, count(*), max(x) FROM s GROUP BY k;
CREATE VIEW alone WITH (sw = '10 minutes') AS SELECT count(*), sum(x) FROM s;
CREATE VIEW having_more WITH (sw = '1 hour') AS SELECT k, count(*) FROM s WHERE x > 0 GROUP BY k HAVING count(*) > 1;
SELECT * FROM alone;

-- ages in minutes: well inside, well outside, far from any edge by more than a step
INSERT INTO p SELECT i % 3, i, now() - age * interval '1 minute'
	FROM generate_series(1, 20) i, unnest(ARRAY[0, 1, 5, 20, 30, 50, 80, 1000, 100000]) age;
INSERT INTO s (k, x, arrival_timestamp) SELECT k, x, arrival_timestamp FROM p;

SELECT * FROM hour EXCEPT ALL SELECT k, count(*), sum(x), avg(x), min(x), stddev(x) FROM p
	WHERE arrival_timestamp > now() - interval '1 hour' GROUP BY k;
SELECT k, count(*), sum(x), avg(x), min(x), stddev(x) FROM p
	WHERE arrival_timestamp > now() - interval '1 hour' GROUP BY k EXCEPT ALL SELECT * FROM hour;
SELECT * FROM hour_fine EXCEPT ALL SELECT k, count(*), max(x) FROM p
	WHERE arrival_timestamp > now() - interval '1 hour' GROUP BY k;
SELECT k, count FROM hour_fine ORDER BY k;
SELECT * FROM alone;
SELECT * FROM having_more ORDER BY k;

SET client_min_messages = warning;
DROP SCHEMA oracle_sliding CASCADE;
