-- Views kept in partitions by time: partition_by, partition_interval, retention.  On the test clock.
CREATE SCHEMA partitions;
SET search_path = partitions;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT weir.set_clock('2030-01-10 12:00:00+00');
CREATE FOREIGN TABLE s (k int, t text, at timestamptz, ats timestamp, d date, x int) SERVER weir;
CREATE TABLE p (k int, t text, at timestamptz, ats timestamp, d date, x int);

-- options that cannot be
CREATE VIEW bad WITH (partition_by = 'day') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_interval = '1 day') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'nosuch', partition_interval = '1 day') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'count', partition_interval = '1 day') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'k', partition_interval = '1 day') AS SELECT k, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = '1 day 2 hours') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = '0') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = 'soon') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'd', partition_interval = '1 hour') AS SELECT d, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (retention = '1 day') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = '1 day', ttl = '1 day', ttl_column = 'seen') AS
	SELECT date_trunc('day', ats) AS day, count(*), max(at) AS seen FROM s GROUP BY 1;
CREATE VIEW bad WITH (partition_by = 'k', partition_interval = '1 day') AS SELECT count(*) AS k FROM s;
CREATE VIEW bad WITH (partition_by = 'day', partition_interval = '1 day', sw = '1 hour') AS SELECT date_trunc('day', ats) AS day, count(*) FROM s GROUP BY 1;

-- keys of each type, of fixed and of any length, rows kept singly; calendar months, weeks that begin on Monday
CREATE VIEW by_day WITH (partition_by = 'day', partition_interval = '1 day') AS
	SELECT date_trunc('day', at, 'UTC') AS day, k, count(*), sum(x), avg(x), stddev(x) FROM s GROUP BY 1, 2;
CREATE VIEW by_text WITH (partition_by = 'hour', partition_interval = '6 hours') AS
	SELECT t, date_trunc('hour', ats) AS hour, count(*), max(t) FROM s GROUP BY 1, 2;
CREATE VIEW by_date WITH (partition_by = 'd', partition_interval = '1 month', fillfactor = 70) AS
	SELECT k, d, count(*), max(x) FROM s GROUP BY 1, 2;
CREATE VIEW by_week WITH (partition_by = 'w', partition_interval = '1 week') AS
	SELECT weir.time_bucket('1 hour', at) AS w, count(*) FROM s GROUP BY 1;
CREATE VIEW log WITH (partition_by = 'at', partition_interval = '1 day') AS SELECT t, x, at FROM s WHERE x % 3 = 0;
SELECT name, partition_by, partition_interval FROM weir.views ORDER BY 1;
SELECT c.relname, pg_get_partkeydef(c.oid) FROM pg_class c WHERE relkind = 'p' ORDER BY 1;

CREATE FUNCTION check_views() RETURNS TABLE (v text, r text) LANGUAGE sql AS $$
	(SELECT 'by_day', a::text FROM (TABLE by_day EXCEPT ALL SELECT date_trunc('day', at, 'UTC'), k, count(*), sum(x), avg(x), stddev(x) FROM p GROUP BY 1, 2) a)
	UNION ALL (SELECT 'by_day', a::text FROM (SELECT date_trunc('day', at, 'UTC'), k, count(*), sum(x), avg(x), stddev(x) FROM p GROUP BY 1, 2 EXCEPT ALL TABLE by_day) a)
	UNION ALL (SELECT 'by_text', a::text FROM (TABLE by_text EXCEPT ALL SELECT t, date_trunc('hour', ats), count(*), max(t) FROM p GROUP BY 1, 2) a)
	UNION ALL (SELECT 'by_text', a::text FROM (SELECT t, date_trunc('hour', ats), count(*), max(t) FROM p GROUP BY 1, 2 EXCEPT ALL TABLE by_text) a)
	UNION ALL (SELECT 'by_date', a::text FROM (TABLE by_date EXCEPT ALL SELECT k, d, count(*), max(x) FROM p GROUP BY 1, 2) a)
	UNION ALL (SELECT 'by_date', a::text FROM (SELECT k, d, count(*), max(x) FROM p GROUP BY 1, 2 EXCEPT ALL TABLE by_date) a)
	UNION ALL (SELECT 'by_week', a::text FROM (TABLE by_week EXCEPT ALL SELECT date_trunc('hour', at), count(*) FROM p GROUP BY 1) a)
	UNION ALL (SELECT 'by_week', a::text FROM (SELECT date_trunc('hour', at), count(*) FROM p GROUP BY 1 EXCEPT ALL TABLE by_week) a)
	UNION ALL (SELECT 'log', a::text FROM (TABLE log EXCEPT ALL SELECT t, x, at FROM p WHERE x % 3 = 0) a)
	UNION ALL (SELECT 'log', a::text FROM (SELECT t, x, at FROM p WHERE x % 3 = 0 EXCEPT ALL TABLE log) a)
$$;
CREATE FUNCTION add(first timestamptz, n int, step interval) RETURNS void LANGUAGE sql AS $$
	INSERT INTO p SELECT i % 7, 'key' || i % 5, first + i * step, first + i * step, first + i * step, i FROM generate_series(0, n - 1) i;
	INSERT INTO s SELECT i % 7, 'key' || i % 5, first + i * step, first + i * step, first + i * step, i FROM generate_series(0, n - 1) i;
$$;
CREATE FUNCTION parts(view text) RETURNS TABLE (part text, bound text) LANGUAGE sql AS $$
	SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
	WHERE i.inhparent = (view || '_mrel')::regclass ORDER BY 1
$$;
SELECT add('2030-01-10 12:00:00+00', 100, '-30 minutes');
SELECT add('2030-01-10 12:00:00+00', 100, '-40 minutes');
SELECT * FROM check_views();
SELECT * FROM parts('by_day');
SELECT * FROM parts('by_week');
SELECT add('2030-03-05 12:00:00+00', 20, '-3 days');
SELECT * FROM check_views();
SELECT * FROM parts('by_date');
SELECT DISTINCT reloptions FROM pg_class WHERE relname LIKE 'by\_date\_mrel\_%' AND relkind = 'r';

-- NULL and infinite times have a place of their own; years far away, too
INSERT INTO p VALUES (1, 'a', NULL, NULL, NULL, 3), (1, 'a', 'infinity', 'infinity', 'infinity', 3), (1, 'a', '-infinity', '-infinity', '-infinity', 3),
	(2, 'b', '0044-03-15 BC', '0044-03-15 BC', '0044-03-15 BC', 3), (2, 'b', '20000-01-01', '20000-01-01', '20000-01-01', 3);
DELETE FROM p WHERE isfinite(at) IS FALSE;
INSERT INTO s SELECT * FROM p WHERE at IS NULL OR extract(year FROM at) NOT BETWEEN 2029 AND 2031;
INSERT INTO s SELECT * FROM p WHERE at IS NULL OR extract(year FROM at) NOT BETWEEN 2029 AND 2031;
INSERT INTO p SELECT * FROM p WHERE at IS NULL OR extract(year FROM at) NOT BETWEEN 2029 AND 2031;
SELECT * FROM check_views();
SELECT * FROM parts('by_day') WHERE part !~ '_2030\d{4}$';
INSERT INTO p VALUES (7, 'c', '2030-01-10', 'infinity', '-infinity', 1);
INSERT INTO s SELECT * FROM p WHERE k = 7;
SELECT k, d, count FROM by_date WHERE NOT isfinite(d);
SELECT t, hour, count FROM by_text WHERE NOT isfinite(hour);

-- many at once, through files
SET weir.insert_buffer = '64kB';
SELECT add('2031-01-01', 800, '17 minutes');
RESET weir.insert_buffer;
SELECT * FROM check_views();
SELECT count(*) FROM parts('by_text');

-- only the partitions asked for are read
CREATE FUNCTION read_by(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		RETURN QUERY SELECT m[1] FROM regexp_matches(line, 'on (\w+_mrel_\d+)\M') m;
	END LOOP;
END $$;
SELECT DISTINCT read_by($$SELECT count FROM by_week WHERE w = '2030-01-09 05:00+00'$$);
SELECT DISTINCT read_by($$SELECT count FROM by_day WHERE day >= '2030-01-09 00:00+00' AND day < '2030-01-11 00:00+00'$$) ORDER BY 1;
CREATE INDEX ON by_day (k);
ANALYZE by_day;
VACUUM by_day;
SELECT count(*) > 3 AS all_have_it FROM pg_indexes WHERE tablename LIKE 'by\_day\_mrel%' AND indexdef LIKE '%(k)';

-- what belongs to the view goes with it; the rest is refused
INSERT INTO by_week_mrel DEFAULT VALUES;
INSERT INTO by_week_mrel_20300107 DEFAULT VALUES;
ALTER TABLE by_week_mrel_20300107 ADD COLUMN y int;
ALTER TABLE by_week_mrel_20300107 OWNER TO CURRENT_USER;
ALTER TABLE by_week_mrel ATTACH PARTITION p DEFAULT;
DROP TABLE by_week_mrel;
SELECT weir.set_ttl('by_week', '1 day', 'count');
CREATE SCHEMA partitions2;
CREATE ROLE regress_weir_partitions;
ALTER VIEW by_week RENAME TO weekly;
GRANT USAGE ON SCHEMA partitions TO regress_weir_partitions;
GRANT SELECT ON s TO regress_weir_partitions;
ALTER VIEW weekly OWNER TO regress_weir_partitions;
ALTER VIEW weekly SET SCHEMA partitions2;
INSERT INTO s (at) VALUES ('2030-01-08'), ('2035-01-08');
SELECT * FROM partitions2.weekly WHERE w IN ('2030-01-08', '2035-01-08');
SELECT relname, relowner::regrole, relnamespace::regnamespace FROM pg_class WHERE relname ~ '^weekly_mrel_203(001|5)..$' ORDER BY 1;
ALTER TABLE partitions2.weekly_mrel DETACH PARTITION partitions2.weekly_mrel_20350108;
SELECT * FROM partitions2.weekly WHERE w = '2035-01-08';
INSERT INTO s (at) VALUES ('2035-01-08');
SELECT * FROM partitions2.weekly WHERE w = '2035-01-08';
SELECT weir.truncate('partitions2.weekly');
SELECT count(*) FROM partitions2.weekly;
DROP TABLE partitions2.weekly_mrel_20350108;
DROP VIEW partitions2.weekly;
SELECT count(*) FROM pg_class WHERE relname ~ '^weekly';
DROP VIEW by_day, by_text, by_date, log;
DROP SCHEMA partitions2;
REVOKE ALL ON SCHEMA partitions FROM regress_weir_partitions;
REVOKE ALL ON s FROM regress_weir_partitions;
DROP ROLE regress_weir_partitions;
SELECT relname FROM pg_class WHERE relname ~ '_mrel';

-- retention and ttl drop partitions as time goes on, sliding windows too; the number of relations stays bounded
CREATE VIEW kept WITH (partition_by = 'h', partition_interval = '1 hour', retention = '6 hours') AS
	SELECT date_trunc('hour', at, 'UTC') AS h, k, count(*) FROM s GROUP BY 1, 2;
CREATE VIEW living WITH (partition_by = 'm', partition_interval = '2 hours', ttl = '4 hours', ttl_column = 'm') AS
	SELECT date_trunc('minute', ats) AS m, count(*) FROM s GROUP BY 1;
CREATE VIEW sliding WITH (sw = '3 hours', step_factor = 10, partition_by = 'arrival_timestamp', partition_interval = '1 hour') AS
	SELECT k, count(*) FROM s GROUP BY 1;
CREATE VIEW old_dates WITH (partition_by = 'd', partition_interval = '1 day', retention = '1 day') AS SELECT d, count(*) FROM s GROUP BY d;
TRUNCATE p;
CREATE PROCEDURE run(n int) LANGUAGE plpgsql AS $$
DECLARE
	most int := 0;
	now int;
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM weir.advance_clock('1 hour');
		COMMIT;
		INSERT INTO p VALUES (i % 3, 'a', weir.clock(), weir.clock(), weir.clock(), i);
		INSERT INTO s SELECT * FROM p WHERE x = i;
		COMMIT;
		PERFORM weir.ttl_expire(v) FROM unnest('{kept,living,sliding,old_dates}'::regclass[]) v;
		COMMIT;
		SELECT count(*) INTO now FROM pg_class WHERE relname ~ '_mrel_' AND relkind = 'r';
		most := greatest(most, now);
	END LOOP;
	RAISE NOTICE 'at most 20 partitions: %', most <= 20;
END $$;
CALL run(60);
SELECT count(*), min(h) > weir.clock() - interval '8 hours' AS young FROM kept;
SELECT h, k, count FROM kept WHERE h > weir.clock() - interval '6 hours' EXCEPT ALL SELECT date_trunc('hour', at), k, count(*) FROM p GROUP BY 1, 2;
SELECT date_trunc('hour', at), k, count(*) FROM p WHERE at > weir.clock() - interval '6 hours' GROUP BY 1, 2 EXCEPT ALL SELECT h, k, count FROM kept;
SELECT count(*) FROM living;
SELECT sum(count) FROM sliding;
TABLE old_dates;
-- what comes when it has expired does not count, nor does it make a partition
INSERT INTO s (at, ats, d) SELECT '2020-01-01'::timestamptz + i * interval '1 hour', '2020-01-01', '2020-01-01' FROM generate_series(1, 3000) i;
SELECT count(*) < 30 AS few FROM pg_class WHERE relname ~ '_mrel_' AND relkind = 'r';
SELECT count(*) FROM kept WHERE h < '2021-01-01';
SELECT weir.set_ttl('living', NULL, NULL);
SELECT weir.ttl_expire('living');

-- windows that are closed
CREATE FOREIGN TABLE e (at timestamptz, x int) SERVER weir OPTIONS (event_time 'at', max_future 'none');
CREATE VIEW closed WITH (emit = final, retention = '2 hours', partition_by = 'window_start', partition_interval = '1 hour') AS
	SELECT window_start, window_end, count(*) FROM e, weir.tumble(at, '10 minutes') GROUP BY 1, 2;
INSERT INTO e SELECT '2030-01-01'::timestamptz + i * interval '1 minute', i FROM generate_series(0, 300) i;
SELECT count(*) IN (30, 18) AS done FROM closed;
SELECT weir.ttl_expire('closed') IN (0, 12) AS done;
SELECT min(window_start), max(window_start), count(*) FROM closed;
INSERT INTO e VALUES ('2030-01-01 08:00+00', 1);
SELECT weir.ttl_expire('closed') IN (0, 18) AS done;
SELECT min(window_start), max(window_start), count(*) FROM closed;

-- rows for many new partitions: who inserts elsewhere does not wait until these are made
CREATE FOREIGN TABLE innocent (i int) SERVER weir;
CREATE VIEW innocent_v AS SELECT count(*) FROM innocent;
CREATE FOREIGN TABLE history (at timestamptz, x int) SERVER weir;
CREATE TABLE history_rows (at timestamptz, x int);
CREATE VIEW by_day WITH (partition_by = 'day', partition_interval = '1 day') AS
	SELECT date_trunc('day', at) AS day, count(*), count(DISTINCT x) AS d FROM history GROUP BY 1;
INSERT INTO history_rows SELECT '2001-01-01'::timestamptz + i * interval '4 hours', i % 5 FROM generate_series(1, 600) i;
SET weir.synchronous_insert = off;
INSERT INTO history TABLE history_rows;
SET weir.synchronous_insert = on;
INSERT INTO innocent VALUES (1);
SELECT i.count, d.count AS days FROM innocent_v i, (SELECT count(*) FROM by_day) d;
SELECT weir.flush();
(SELECT * FROM by_day EXCEPT SELECT date_trunc('day', at), count(*), count(DISTINCT x) FROM history_rows GROUP BY 1)
UNION ALL (SELECT date_trunc('day', at), count(*), count(DISTINCT x) FROM history_rows GROUP BY 1 EXCEPT SELECT * FROM by_day);
SELECT count(*) FROM pg_inherits WHERE inhparent = 'by_day_mrel'::regclass;
SELECT view, state, trouble, waits_for FROM weir.views WHERE view::text IN ('by_day', 'innocent_v') ORDER BY view::text;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP FOREIGN TABLE s, e, history, innocent CASCADE;
DROP SCHEMA partitions CASCADE;
