-- Sliding windows over a user's column, and steps that leave them being deleted.
CREATE SCHEMA oracle_sliding_column;
SET search_path = oracle_sliding_column;
CREATE FOREIGN TABLE s (k int, x int, at timestamptz, ats timestamp) SERVER weir;
CREATE TABLE p (k int, x int, at timestamptz, ats timestamp);
CREATE VIEW by_at WITH (sw = '1 hour', sw_column = at) AS SELECT k, count(*), sum(x), avg(x), min(x), stddev(x) FROM s GROUP BY k;
CREATE VIEW by_ats WITH (sw = '1 hour', sw_column = 'ats', step_factor = 1) AS SELECT k, count(*), max(x) FROM s GROUP BY k;
CREATE VIEW total WITH (sw = '10 minutes', sw_column = at) AS SELECT count(*), sum(x), max(at) - min(at) < '11 minutes' AS close FROM s;
CREATE VIEW by_minute WITH (sw = '1 hour', sw_column = at) AS SELECT date_trunc('minute', at) AS minute, count(*) FROM s GROUP BY minute;
CREATE VIEW distinct_k WITH (sw = '1 hour', sw_column = at) AS SELECT DISTINCT k FROM s;
CREATE VIEW log WITH (sw = '1 hour', sw_column = at) AS SELECT k, x FROM s WHERE x % 2 = 0;
CREATE VIEW log_at WITH (sw = '1 hour', sw_column = at) AS SELECT at, x FROM s;
CREATE VIEW having_window WITH (sw = '1 hour', sw_column = at) AS
	SELECT k, sum(x), rank() OVER (ORDER BY sum(x) DESC) FROM s GROUP BY k HAVING count(*) > 100;
CREATE VIEW arrived WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
SELECT * FROM total;

-- ages in minutes: inside, outside, in the future; none near an edge
INSERT INTO p SELECT i % 5, i, t, t::timestamp
	FROM generate_series(1, 40) i, unnest(ARRAY[-30, 0, 1, 5, 20, 30, 50, 70, 80, 1000, 100000]) age,
		LATERAL (SELECT now() - age * interval '1 minute' AS t) t;
INSERT INTO p VALUES (6, 1, NULL, NULL), (NULL, 2, now(), NULL), (7, 3, now() - interval '2 hours', now()::timestamp);
-- times that no step begins at or before are outside of every window
INSERT INTO p VALUES (8, 4, '-infinity', '-infinity'), (8, 5, '4714-11-24 00:00+00 BC', '4714-11-24 00:00 BC'), (8, 6, '4714-11-24 00:01+00 BC', '4713-01-01 BC');
INSERT INTO s SELECT * FROM p;
-- a second time, so that states of one step come together
INSERT INTO s SELECT * FROM p;
INSERT INTO p SELECT * FROM p;

CREATE FUNCTION compare(view text, batch text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE differ int; rows int;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %I EXCEPT ALL (%s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$I)) d', view, batch) INTO differ;
	-- how many minutes they are depends on the seconds of the hour
	EXECUTE format('SELECT count(*) FROM %I', view) INTO rows;
	RETURN CASE WHEN differ > 0 THEN differ || ' differ' WHEN view = 'by_minute' THEN 'equal: ' || (rows BETWEEN 6 AND 9)
		ELSE 'equal: ' || rows END;
END$$;
CREATE TABLE batch (view text, query text);
INSERT INTO batch VALUES
	('by_at', 'SELECT k, count(*), sum(x), avg(x), min(x), stddev(x) FROM p WHERE at > now() - interval ''1 hour'' GROUP BY k'),
	('by_ats', 'SELECT k, count(*), max(x) FROM p WHERE ats > now()::timestamp - interval ''1 hour'' GROUP BY k'),
	('total', 'SELECT count(*), sum(x), false FROM p WHERE at > now() - interval ''10 minutes'''),
	('by_minute', 'SELECT date_trunc(''minute'', at) AS minute, count(*) FROM p WHERE at > now() - interval ''1 hour'' GROUP BY minute'),
	('distinct_k', 'SELECT DISTINCT k FROM p WHERE at > now() - interval ''1 hour'''),
	('log', 'SELECT k, x FROM p WHERE x % 2 = 0 AND at > now() - interval ''1 hour'''),
	('log_at', 'SELECT at, x FROM p WHERE at > now() - interval ''1 hour'''),
	('having_window', 'SELECT k, sum(x), rank() OVER (ORDER BY sum(x) DESC) FROM p WHERE at > now() - interval ''1 hour'' GROUP BY k HAVING count(*) > 100'),
	('arrived', 'SELECT k, count(*) FROM p GROUP BY k');
SELECT view, compare(view, query) FROM batch ORDER BY view;
SELECT count(*) FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema = 'oracle_sliding_column');

-- what has left the window is deleted, if the worker is given a moment
CREATE PROCEDURE wait_expired(matrel regclass, col text, age interval) LANGUAGE plpgsql AS $$
DECLARE old bigint;
BEGIN
	FOR i IN 1..300 LOOP
		PERFORM weir.flush();
		EXECUTE format('SELECT count(*) FROM %s WHERE %I < clock_timestamp() - %L::interval', matrel, col, age) INTO old;
		COMMIT;
		EXIT WHEN old = 0;
		PERFORM pg_sleep(0.1);
	END LOOP;
	RAISE NOTICE '%: % old rows', matrel, old;
END$$;
CALL wait_expired('by_at_mrel', 'at', '1 hour 5 minutes');
-- a timestamp is kept until it is old in any time zone
CALL wait_expired('by_ats_mrel', 'ats', '48 hours');
CALL wait_expired('total_mrel', 'at', '11 minutes');
CALL wait_expired('by_minute_mrel', 'at', '1 hour 5 minutes');
CALL wait_expired('distinct_k_mrel', 'at', '1 hour 5 minutes');
CALL wait_expired('log_mrel', 'at', '1 hour 5 minutes');
CALL wait_expired('log_at_mrel', 'at', '1 hour 5 minutes');
SELECT view, compare(view, query) FROM batch ORDER BY view;
SET timezone = 'UTC-14';
SELECT compare(view, query) FROM batch WHERE view = 'by_ats';
SET timezone = 'UTC+12';
SELECT compare(view, query) FROM batch WHERE view = 'by_ats';
RESET timezone;

-- a group of which all steps are gone is gone, and comes back
SELECT count(*) FROM by_at WHERE k = 7;
INSERT INTO s VALUES (7, 5, now());
SELECT k, count, sum FROM by_at WHERE k = 7;

-- more than the worker deletes at a time, in a window that ends soon
CREATE VIEW soon WITH (sw = '1 second', sw_column = at) AS SELECT x, count(*) FROM s GROUP BY x;
INSERT INTO s SELECT 1, i, now() FROM generate_series(1, 25000) i;
CALL wait_expired('soon_mrel', 'at', '0');
SELECT * FROM soon;
SELECT count(*) FROM soon_mrel;

SELECT name, state, reason FROM weir.views WHERE state <> 'active';
SET client_min_messages = warning;
DROP SCHEMA oracle_sliding_column CASCADE;
