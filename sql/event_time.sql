-- Watermarks, late rows, and views that show a window once it is closed.
CREATE SCHEMA event_time;
SET search_path = event_time;
SET timezone = 'UTC';
SET datestyle = ISO;
CREATE FOREIGN TABLE s (k int, x int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '5 seconds');
CREATE TABLE p (n int GENERATED ALWAYS AS IDENTITY, k int, x int, ts timestamptz);

-- options
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (watermark '5 seconds');
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (event_time 'at');
CREATE FOREIGN TABLE bad (ts date) SERVER weir OPTIONS (event_time 'ts');
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '-5 seconds');
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (event_time 'ts', idle_timeout '0');
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (event_time 'ts', max_future 'tomorrow');
CREATE FOREIGN TABLE bad (ts timestamptz) SERVER weir OPTIONS (event_tim 'ts');
ALTER FOREIGN TABLE s DROP COLUMN ts;
ALTER FOREIGN TABLE s RENAME COLUMN ts TO at;
CREATE FOREIGN TABLE plain (ts timestamptz) SERVER weir;
CREATE VIEW bad WITH (emit = final) AS SELECT window_start, count(*) FROM plain, weir.tumble(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (emit = final) AS SELECT date_trunc('minute', ts), count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT k, ts FROM s;
CREATE VIEW bad WITH (late = drop) AS SELECT window_start, count(*) FROM s, weir.tumble(ts + '1 hour', '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = final, late = update) AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (emit = sometimes) AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (late = never) AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (allowed_lateness = '1 minute') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad WITH (late = drop, allowed_lateness = '-1 minute') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY 1;

CREATE VIEW every AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW dropping WITH (late = drop) AS SELECT window_start, window_end, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW lenient WITH (late = drop, allowed_lateness = '10 seconds') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW diverting WITH (late = divert) AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') WHERE x < 100 GROUP BY 1;
CREATE VIEW final WITH (emit = final) AS SELECT window_start, window_end, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW final_lenient WITH (emit = final, allowed_lateness = '10 seconds') AS SELECT k, window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW final_bin WITH (emit = final) AS SELECT date_bin('10 seconds', ts, '2000-01-01') AS b, count(*) FROM s GROUP BY 1;
CREATE VIEW final_trunc WITH (emit = final) AS SELECT date_trunc('minute', ts, 'Europe/Berlin') AS b, count(*) FROM s GROUP BY 1;
CREATE VIEW final_hop WITH (emit = final) AS SELECT window_start, window_end, count(*), sum(x) FROM s, weir.hop(ts, '5 seconds', '10 seconds') GROUP BY 1, 2;
CREATE VIEW final_cumulate WITH (emit = final) AS SELECT window_start, window_end, count(*) FROM s, weir.cumulate(ts, '5 seconds', '20 seconds') GROUP BY 1, 2;
SELECT name, emit, late, allowed_lateness FROM weir.views WHERE schema = 'event_time' ORDER BY name;

-- no row yet
SELECT weir.watermark('s'), (SELECT count(*) FROM final);
INSERT INTO s VALUES (1, 1, '2024-01-01 00:00:03');
SELECT watermark FROM weir.stat_stream WHERE stream = 's'::regclass;
SELECT * FROM final;
-- a window is closed when the watermark has reached its end
INSERT INTO s VALUES (1, 2, '2024-01-01 00:00:14.999999'), (2, 3, '2024-01-01 00:00:08');
SELECT weir.watermark('s'), (SELECT count(*) FROM final);
INSERT INTO s VALUES (1, 4, '2024-01-01 00:00:15');
SELECT weir.watermark('s');
SELECT * FROM final;
SELECT * FROM final_hop ORDER BY 1;
SELECT * FROM final_cumulate ORDER BY 2;
-- late, and on time as far out of order as allowed
INSERT INTO s VALUES (1, 5, '2024-01-01 00:00:09.999'), (2, 6, '2024-01-01 00:00:10');
SELECT * FROM final;
SELECT * FROM dropping ORDER BY 1;
SELECT * FROM lenient ORDER BY 1;
SELECT * FROM every ORDER BY 1;
SELECT * FROM diverting ORDER BY 1;
-- what the view's WHERE leaves out is not late
INSERT INTO s VALUES (1, 500, '2024-01-01 00:00:01');
SELECT v.view, late_dropped, late_diverted FROM weir.stat_view v WHERE schema = 'event_time' ORDER BY name;
SELECT view, stream, "row"::json ->> 'k' AS k, "row"::json ->> 'x' AS x, "row"::json ->> 'ts' AS ts FROM weir.late_rows ORDER BY id;
-- a row that rolls back moves nothing
BEGIN;
INSERT INTO s VALUES (1, 1, '2025-01-01');
ROLLBACK;
SELECT weir.flush();
SELECT weir.watermark('s');
-- NULL counts, infinity does not move the watermark
INSERT INTO s VALUES (9, 9, NULL), (9, 9, '-infinity'), (9, 9, 'infinity');
SELECT weir.watermark('s');
SELECT * FROM every WHERE window_start IS NULL;
SELECT * FROM final WHERE window_start IS NULL;
SELECT view, convert_from(payload, 'UTF8')::json ->> 'ts' AS ts, message FROM weir.dead_letters WHERE stream = 's'::regclass AND view IS NULL;
SELECT count(*), count(DISTINCT view) FROM weir.dead_letters WHERE stream = 's'::regclass AND view IS NOT NULL AND message = 'an infinite time is in no window';
-- a time far ahead of the clock would close every window
SELECT weir.set_clock('2024-01-01 00:01:00');
INSERT INTO s VALUES (1, 1, '2024-01-02 00:01:00.000001'), (1, 1, '2024-01-01 00:00:21');
SELECT weir.watermark('s');
SELECT convert_from(payload, 'UTF8')::json ->> 'ts' AS ts, sqlstate, message FROM weir.dead_letters WHERE stream = 's'::regclass AND view IS NULL ORDER BY id DESC LIMIT 1;
ALTER FOREIGN TABLE s OPTIONS (ADD max_future '10 seconds');
INSERT INTO s VALUES (1, 1, '2024-01-01 00:01:11'), (1, 1, '2024-01-01 00:01:10');
SELECT weir.watermark('s');
ALTER FOREIGN TABLE s OPTIONS (SET max_future 'none');
-- the clock goes back: no matter
SELECT weir.set_clock('2023-01-01');
INSERT INTO s VALUES (1, 1, '2024-01-01 00:01:20');
SELECT weir.watermark('s');
-- a longer delay does not take the watermark back
ALTER FOREIGN TABLE s OPTIONS (SET watermark '1 hour');
INSERT INTO s VALUES (1, 1, '2024-01-01 00:02:00');
SELECT weir.watermark('s');
ALTER FOREIGN TABLE s OPTIONS (SET watermark '5 seconds');
INSERT INTO s VALUES (1, 1, '2024-01-01 00:02:00');
SELECT weir.watermark('s');
SELECT weir.set_clock(NULL);

-- timestamp without time zone
CREATE FOREIGN TABLE l (x int, ts timestamp) SERVER weir OPTIONS (event_time 'ts');
CREATE VIEW local WITH (emit = final) AS SELECT weir.tumble(ts, '1 hour') AS w, sum(x) FROM l GROUP BY w;
CREATE VIEW local_trunc WITH (emit = final) AS SELECT date_trunc('day', ts) AS d, sum(x) FROM l GROUP BY d;
INSERT INTO l VALUES (1, '2024-01-01 10:30'), (2, '2024-01-01 11:00');
INSERT INTO l VALUES (4, '2024-01-01 10:59');
SELECT weir.watermark('l');
SET timezone = 'Asia/Tokyo';
SELECT * FROM local;
SELECT * FROM local_trunc;
INSERT INTO l VALUES (8, '2024-01-02 00:00');
SELECT * FROM local ORDER BY w;
SELECT * FROM local_trunc;
SET timezone = 'UTC';

-- retention: the matrel stays small over many windows
CREATE FOREIGN TABLE r (k int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '1 second');
CREATE VIEW bounded WITH (emit = final, retention = '1 minute') AS SELECT k, window_start, count(*) FROM r, weir.tumble(ts, '1 second') GROUP BY 1, 2;
CREATE VIEW bounded_hop WITH (late = drop, retention = '1 minute') AS SELECT window_start, count(*) FROM r, weir.hop(ts, '1 second', '5 seconds') GROUP BY 1;
CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 0..9 LOOP
		INSERT INTO r SELECT j % 3, '2024-01-01'::timestamptz + i * interval '1000 s' + j * interval '500 ms' FROM generate_series(0, 1999) j;
		COMMIT;
	END LOOP;
END$$;
CALL fill();
CREATE PROCEDURE wait_expired() LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	FOR i IN 1..300 LOOP
		SELECT (SELECT count(*) FROM bounded_mrel) + (SELECT count(*) FROM bounded_hop_mrel) INTO n;
		COMMIT;
		EXIT WHEN n < 400;
		PERFORM pg_sleep(0.1);
	END LOOP;
END$$;
CALL wait_expired();
SELECT (SELECT count(*) FROM bounded_mrel) < 250 AS few, (SELECT count(*) FROM bounded_hop_mrel) < 100 AS few_hop,
	(SELECT sum(count) FROM bounded WHERE window_start >= '2024-01-01 02:46:00') AS last_rows,
	(SELECT count(*) FROM bounded WHERE window_start >= '2024-01-01 02:45:40') AS groups;
SELECT name, state, reason FROM weir.views WHERE state <> 'active';
DROP VIEW dropping;
SET client_min_messages = warning;
DROP SCHEMA event_time CASCADE;
-- The flush worker deletes what is left of them.
DO $$
DECLARE n bigint;
BEGIN
	FOR i IN 1..300 LOOP
		SELECT (SELECT count(*) FROM weir.late_counts l WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = l.view))
			+ (SELECT count(*) FROM weir.watermarks w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.stream)) INTO n;
		COMMIT;
		EXIT WHEN n = 0;
		PERFORM pg_sleep(0.1);
	END LOOP;
	IF n > 0 THEN RAISE WARNING '% rows of dropped streams and views', n; END IF;
END$$;
