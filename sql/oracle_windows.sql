-- Views over window functions equal the same queries over a table.
CREATE SCHEMA oracle_windows;
SET search_path = oracle_windows, weir;
SET timezone = 'UTC';
CREATE FOREIGN TABLE s (k int, x int, ts timestamp, tz timestamptz) SERVER weir;
CREATE TABLE p (k int, x int, ts timestamp, tz timestamptz);
CREATE TABLE names (k int, name text);
INSERT INTO names SELECT i, 'name ' || i FROM generate_series(0, 3) i;

CREATE VIEW tumble_from AS SELECT k, window_start, window_end, count(*), sum(x), avg(x) FROM s, tumble(ts, '1 minute') GROUP BY k, window_start, window_end;
CREATE VIEW tumble_end AS SELECT window_end, count(*) FROM s, tumble(ts, '1 minute', '10 seconds') WHERE x > extract(second FROM window_start) GROUP BY window_end;
CREATE VIEW tumble_expression AS SELECT tumble(ts, '1 minute') AS w, count(*), min(x) FROM s GROUP BY w;
CREATE VIEW tumble_field AS SELECT (tumble(tz, '1 day', zone => 'Europe/Berlin')).window_start, count(*), max(x) FROM s GROUP BY 1;
CREATE VIEW tumble_left AS SELECT w.window_start, n.name, count(n) FROM s LEFT JOIN LATERAL tumble(ts, '1 minute') w ON true LEFT JOIN names n USING (k) GROUP BY w.window_start, n.name;
CREATE VIEW tumble_month AS SELECT window_start, window_end, stddev(x) FROM s, tumble(tz, '1 month', zone => 'America/New_York') GROUP BY 1, 2;
CREATE VIEW bucket AS SELECT time_bucket('5 minutes', ts, '1 minute') AS b, count(*) FROM s GROUP BY b;
CREATE VIEW hop_from AS SELECT k, w.window_start, w.window_end, count(*), sum(x), avg(x), min(x), stddev(x::numeric) FROM s, hop(ts, '10 seconds', '1 minute') w GROUP BY k, w.window_start, w.window_end;
CREATE VIEW hop_uneven AS SELECT k, count(*), window_end - window_start AS length FROM s, hop(ts, '4 seconds', '10 seconds', '1 second') GROUP BY k, window_start, window_end;
CREATE VIEW hop_gaps AS SELECT window_start, count(*) FROM s, hop(ts, '10 seconds', '4 seconds') GROUP BY window_start;
CREATE VIEW hop_expression AS SELECT hop(tz, '1 day', '7 days', zone => 'Europe/Berlin') AS w, k, count(*) FROM s GROUP BY 1, k;
CREATE VIEW hop_no_window AS SELECT k, count(*) FROM s, hop(ts, '4 seconds', '10 seconds') GROUP BY k;
CREATE VIEW hop_no_group AS SELECT count(*), sum(x) FROM s, hop(ts, '4 seconds', '10 seconds');
CREATE VIEW hop_distinct AS SELECT DISTINCT window_end, k FROM s, hop(ts, '4 seconds', '10 seconds') WHERE k < 2;
CREATE VIEW hop_in_aggregate AS SELECT window_start, max(ts - window_start) AS m FROM s, hop(ts, '4 seconds', '10 seconds') GROUP BY 1;
CREATE VIEW hop_log AS SELECT window_start, x, ts FROM s, hop(ts, '4 seconds', '10 seconds') WHERE k = 1;
CREATE VIEW hop_join AS SELECT n.name, w.window_start, sum(x) FROM s JOIN LATERAL hop(ts, '10 minutes', '30 minutes') w ON true JOIN names n ON n.k = s.k GROUP BY n.name, w.window_start;
CREATE VIEW hop_subquery AS SELECT q.e, w.window_start, sum(q.x) FROM (SELECT k % 2 AS e, ts AS at, x FROM s WHERE x > 3) q, hop(q.at, '10 minutes', '30 minutes') w GROUP BY q.e, w.window_start;
CREATE VIEW cumulate_with AS WITH q AS (SELECT k, ts AS at FROM s) SELECT w.window_end, count(*) FROM names n JOIN q USING (k), cumulate(q.at, '15 minutes', '1 hour') w GROUP BY 1;
CREATE VIEW hop_left AS SELECT w.window_start, sum(x) FROM s LEFT JOIN LATERAL hop(ts, '10 minutes', '30 minutes') w ON true GROUP BY w.window_start;
CREATE VIEW hop_of_hours AS SELECT k, date_trunc('hour', window_start) AS h, count(*) FROM s, hop(ts, '10 minutes', '30 minutes') GROUP BY k, h;
CREATE VIEW hop_rank AS SELECT k, window_start, rank() OVER (PARTITION BY window_start ORDER BY count(*) DESC), row_number() OVER (PARTITION BY window_start ORDER BY k) AS n FROM s, hop(ts, '1 minute', '3 minutes') GROUP BY k, window_start;
CREATE VIEW cumulate_from AS SELECT window_start, window_end, count(*) AS c FROM s, cumulate(ts, '10 seconds', '1 minute') WHERE k < 3 AND window_end > '2024-01-01 00:00:30' GROUP BY window_start, window_end HAVING count(*) > 3;
CREATE VIEW cumulate_expression AS SELECT k, (cumulate(ts, '10 seconds', '1 minute')).*, sum(x) FROM s GROUP BY 1, 2, 3;
CREATE VIEW cumulate_day AS SELECT window_end, sum(x) FROM s, cumulate(tz, '6 hours', '24 hours', zone => 'Asia/Tokyo') GROUP BY window_end;
-- a pane is kept once, however many windows it is in
\d hop_from_mrel

-- within five minutes, and around two days on which clocks are set
INSERT INTO p SELECT i % 5, i, t, t AT TIME ZONE 'UTC' FROM generate_series(1, 4000) i,
	LATERAL (SELECT timestamp '2024-01-01' + i * 7919 % 300000 * interval '1 ms' AS t) t;
INSERT INTO p SELECT i % 5, i, t, t AT TIME ZONE 'UTC' FROM generate_series(1, 500) i,
	LATERAL (SELECT timestamp '2024-03-29' + i * 7919 % 6000 * interval '1 minute' AS t) t;
INSERT INTO p SELECT i % 5, i, t, t AT TIME ZONE 'UTC' FROM generate_series(1, 500) i,
	LATERAL (SELECT timestamp '2024-10-25' + i * 7919 % 6000 * interval '1 minute' AS t) t;
INSERT INTO p VALUES (1, 1, NULL, NULL), (NULL, 2, '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999');
INSERT INTO s SELECT * FROM p WHERE x % 3 = 0;
INSERT INTO s SELECT * FROM p WHERE x % 3 = 1;
INSERT INTO s SELECT * FROM p WHERE x % 3 = 2;

\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION compare(v text) RETURNS text LANGUAGE sql AS $$
	SELECT compare_queries(format('TABLE %I', v), rtrim(regexp_replace(pg_get_viewdef(def), 'FROM (\(*)s\M', 'FROM \1p s'), ';'))
	FROM weir.continuous_view WHERE view = v::regclass;
$$;
SELECT name, compare(name) FROM weir.views WHERE schema = 'oracle_windows' ORDER BY name;
-- what days are is the same for every reader
SET timezone = 'Asia/Tokyo';
SELECT compare('hop_expression'), compare('cumulate_day'), compare('tumble_month'), compare('tumble_field');
RESET timezone;
SELECT name, state, reason FROM weir.views WHERE state <> 'active';

-- a time that has no window is a dead letter
SET client_min_messages = error;
INSERT INTO s VALUES (1, 1, 'infinity', '-infinity');
SELECT weir.flush();
SELECT DISTINCT message FROM weir.dead_letters WHERE stream = 's'::regclass;
SELECT compare('hop_from'), compare('tumble_from');
RESET client_min_messages;

-- refused
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, tumble(tz, '1 day') GROUP BY 1;
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, hop(ts, k * interval '1 second', '1 day') GROUP BY 1;
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, hop(ts, '1 hour', '1 day') GROUP BY 1;
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, tumble(ts, '-1 hour') GROUP BY 1;
CREATE VIEW bad AS SELECT a.window_start, b.window_end, count(*) FROM s, hop(ts, '1 hour', '2 hours') a, hop(ts, '1 hour', '3 hours') b GROUP BY 1, 2;
CREATE VIEW bad AS SELECT w.window_start, count(*) FROM s LEFT JOIN LATERAL tumble(ts, '1 hour') w ON k > 1 GROUP BY 1;
CREATE VIEW bad WITH (sw = '1 hour') AS SELECT window_start, count(*) FROM s, hop(ts, '1 hour', '2 hours') GROUP BY 1;
SET client_min_messages = warning;
DROP SCHEMA oracle_windows CASCADE;
