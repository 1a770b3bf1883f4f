-- Session windows: rows in any order, in any portions, give the sessions that gaps-and-islands finds.
CREATE SCHEMA sessions;
SET search_path = sessions;
SET timezone = 'UTC';
SET datestyle = ISO;
CREATE FOREIGN TABLE s (k int, x int, ts timestamp, tz timestamptz) SERVER weir OPTIONS (event_time 'tz', watermark '1 hour');
CREATE TABLE p (n int GENERATED ALWAYS AS IDENTITY, k int, x int, ts timestamp, tz timestamptz);
CREATE VIEW per_key AS SELECT k, window_start, window_end, count(*), sum(x), avg(x), min(ts), max(ts) AS last, stddev(x::numeric) FROM s, weir.session(ts, '10 seconds') GROUP BY k, window_start, window_end;
CREATE VIEW overall AS SELECT weir.session(tz, '3 seconds') AS w, count(*) FROM s GROUP BY w;
CREATE VIEW named AS SELECT w.window_start, k % 2 AS odd, (w.window_end - w.window_start) AS length, count(*) FILTER (WHERE x > 50) AS big
	FROM s JOIN LATERAL weir.session(ts, '2500 ms') w ON true WHERE k IS NOT NULL AND window_end > '2024-01-01 00:10:00' GROUP BY 1, 2, w.window_end HAVING count(*) > 2;
CREATE VIEW by_end AS SELECT window_end, k FROM s, weir.session(ts, '10 seconds') GROUP BY k, window_end;
CREATE VIEW no_window AS SELECT k, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY k;
CREATE VIEW ranked AS SELECT k, window_start, rank() OVER (ORDER BY count(*) DESC, k, window_start) FROM s, weir.session(ts, '1 minute') GROUP BY k, window_start;

CREATE FUNCTION islands(gap interval) RETURNS TABLE (k int, window_start timestamp, window_end timestamp, count bigint, sum bigint, avg numeric, min timestamp, last timestamp, stddev numeric)
LANGUAGE sql AS $$
	SELECT k, min(ts), max(ts) + gap, count(*), sum(x), avg(x), min(ts), max(ts), stddev(x::numeric)
	FROM (SELECT *, sum(opens) OVER (PARTITION BY k ORDER BY ts, n) AS island
		FROM (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, n) < gap THEN 0 ELSE 1 END AS opens FROM p WHERE ts IS NOT NULL) a) b
	GROUP BY k, island $$;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE TABLE batch (name text, got text, expected text);
INSERT INTO batch VALUES
	('per_key', 'TABLE per_key', 'TABLE batch_10'),
	('named', 'TABLE named', $$SELECT window_start, k, window_end - window_start, big FROM batch_odd WHERE window_end > '2024-01-01 00:10:00' AND count > 2$$),
	('overall', 'SELECT (w).*, count FROM overall', 'TABLE batch_3'),
	('by_end', 'SELECT k, window_end FROM by_end', 'SELECT k, window_end FROM batch_10'),
	('no_window', 'TABLE no_window', 'SELECT k, count(*) FROM p WHERE ts IS NOT NULL GROUP BY k'),
	('ranked', 'SELECT k, window_start, rank FROM ranked', $$SELECT k, window_start, rank() OVER (ORDER BY count DESC, k, window_start) FROM islands('1 minute')$$);
CREATE VIEW batch_10 AS SELECT * FROM islands('10 seconds');
CREATE VIEW batch_odd AS
	SELECT k, min(ts) AS window_start, max(ts) + '2500 ms' AS window_end, count(*), count(*) FILTER (WHERE x > 50) AS big
	FROM (SELECT *, sum(opens) OVER (PARTITION BY k ORDER BY ts, n) AS island
		FROM (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, n) < '2500 ms' THEN 0 ELSE 1 END AS opens FROM (SELECT n, k % 2 AS k, x, ts FROM p WHERE ts IS NOT NULL AND k IS NOT NULL) q) a) b
	GROUP BY k, island;
CREATE VIEW batch_3 AS
	SELECT min(tz) AS window_start, max(tz) + '3 seconds' AS window_end, count(*)
	FROM (SELECT *, sum(opens) OVER (ORDER BY tz, n) AS island
		FROM (SELECT *, CASE WHEN tz - lag(tz) OVER (ORDER BY tz, n) < '3 seconds' THEN 0 ELSE 1 END AS opens FROM p WHERE tz IS NOT NULL) a) b
	GROUP BY island;

-- two sessions, and a row between them that is just too far from, just close enough to one, to both
INSERT INTO p (k, x, ts, tz) SELECT k, x, t, t AT TIME ZONE 'UTC' FROM (VALUES (1, 1, timestamp '2024-01-01 00:00:00'), (1, 2, '2024-01-01 00:00:30')) v (k, x, t);
INSERT INTO s SELECT k, x, ts, tz FROM p;
SELECT window_start, window_end, count FROM per_key ORDER BY 1;
INSERT INTO s VALUES (1, 3, '2024-01-01 00:00:10', NULL);
INSERT INTO p (k, x, ts) VALUES (1, 3, '2024-01-01 00:00:10');
SELECT window_start, window_end, count FROM per_key ORDER BY 1;
INSERT INTO s VALUES (1, 4, '2024-01-01 00:00:09.999999', NULL), (1, 5, '2024-01-01 00:00:19.999', NULL);
INSERT INTO p (k, x, ts) VALUES (1, 4, '2024-01-01 00:00:09.999999'), (1, 5, '2024-01-01 00:00:19.999');
SELECT window_start, window_end, count FROM per_key ORDER BY 1;
INSERT INTO s VALUES (1, 6, '2024-01-01 00:00:25', NULL);
INSERT INTO p (k, x, ts) VALUES (1, 6, '2024-01-01 00:00:25');
SELECT window_start, window_end, count FROM per_key ORDER BY 1;
SELECT name, compare_queries(got, expected) FROM batch ORDER BY name;

-- many rows, shuffled, in portions
CREATE PROCEDURE fill(portions int, rows int, seed int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..portions LOOP
		INSERT INTO p (k, x, ts, tz)
			SELECT CASE WHEN h % 97 = 0 THEN NULL ELSE h % 13 END, h % 100, t, t AT TIME ZONE 'UTC'
			FROM (SELECT j, abs(hashint8(j::bigint * 1000 + i + seed)) AS h FROM generate_series(1, rows) j) a,
				LATERAL (SELECT timestamp '2024-01-01' + (h / 13 % 4000) * interval '333 ms' * CASE WHEN h % 3 = 0 THEN 7 ELSE 1 END AS t) b;
		INSERT INTO s SELECT k, x, ts, tz FROM p ORDER BY n DESC LIMIT rows;
		COMMIT;
	END LOOP;
END$$;
CALL fill(5, 20, 1);
SELECT name, compare_queries(got, expected) FROM batch ORDER BY name;
CALL fill(8, 100, 2);
SELECT name, compare_queries(got, expected) FROM batch ORDER BY name;
CALL fill(2, 3000, 3);
SELECT name, compare_queries(got, expected) FROM batch ORDER BY name;
-- times before 1970, NULLs, and as a reader sees single keys
INSERT INTO p (k, x, ts, tz) SELECT 3, x, t, t AT TIME ZONE 'UTC' FROM (VALUES (7, timestamp '1969-12-31 23:59:55'), (8, '1970-01-01 00:00:04.9'), (9, '1970-01-01 00:00:15'), (10, NULL)) v (x, t);
INSERT INTO s SELECT k, x, ts, tz FROM p ORDER BY n DESC LIMIT 4;
SELECT name, compare_queries(got, expected) FROM batch ORDER BY name;
SELECT compare_queries('SELECT * FROM per_key WHERE k = 3', 'SELECT * FROM batch_10 WHERE k = 3'), compare_queries('SELECT * FROM per_key WHERE k IS NULL', 'SELECT * FROM batch_10 WHERE k IS NULL');

-- emit = final: what was shown never changes; a row before the watermark is late
CREATE FOREIGN TABLE f (k int, tz timestamptz) SERVER weir OPTIONS (event_time 'tz', watermark '5 seconds');
CREATE VIEW final WITH (emit = final, late = divert) AS SELECT k, window_start, window_end, count(*) FROM f, weir.session(tz, '10 seconds') GROUP BY 1, 2, 3;
CREATE VIEW kept WITH (emit = final, retention = '1 minute') AS SELECT k, weir.session(tz, '10 seconds') AS w, count(*) FROM f GROUP BY 1, 2;
INSERT INTO f VALUES (1, '2024-01-01 00:00:00'), (1, '2024-01-01 00:00:08'), (2, '2024-01-01 00:00:09');
INSERT INTO f VALUES (2, '2024-01-01 00:00:22.9');
SELECT * FROM final;
-- the session of 1 ends at 18, that of 2 at 19: rows may still come from 18 on
INSERT INTO f VALUES (2, '2024-01-01 00:00:23');
SELECT * FROM final ORDER BY k;
INSERT INTO f VALUES (1, '2024-01-01 00:00:17.999'), (2, '2024-01-01 00:00:18'), (1, '2024-01-01 00:00:18');
SELECT * FROM final ORDER BY k;
INSERT INTO f VALUES (3, '2024-01-01 00:01:00');
SELECT * FROM final ORDER BY k, window_start;
SELECT "row"::json ->> 'k' AS k, "row"::json ->> 'tz' AS tz FROM weir.late_rows WHERE view = 'final'::regclass;
SELECT name, late_dropped, late_diverted FROM weir.stat_view WHERE schema = 'sessions' AND name IN ('final', 'kept') ORDER BY 1;
-- a session goes as a whole when it is old: one that is still open stays, however long it has been
INSERT INTO f SELECT 4, '2024-01-01 00:01:00'::timestamptz + i * interval '5 s' FROM generate_series(0, 100) i;
CREATE PROCEDURE wait_expired() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..300 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM kept_mrel WHERE k < 4);
		COMMIT;
		PERFORM pg_sleep(0.1);
	END LOOP;
END$$;
CALL wait_expired();
SELECT * FROM kept;
SELECT k, count(*) FROM kept_mrel GROUP BY k;
INSERT INTO f VALUES (5, '2024-01-01 00:09:40');
SELECT k, (w).*, count FROM kept;
SELECT name, state, reason FROM weir.views WHERE state <> 'active';

-- refused
CREATE VIEW bad AS SELECT * FROM s, weir.session(ts, '1 minute');
CREATE VIEW bad AS SELECT window_start, max(ts - window_start) FROM s, weir.session(ts, '1 minute') GROUP BY 1;
CREATE VIEW bad AS SELECT DISTINCT window_start FROM s, weir.session(ts, '1 minute');
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, weir.session(ts, '1 day') GROUP BY 1;
CREATE VIEW bad AS SELECT window_start, count(*) FROM s, weir.session(ts, k * interval '1 s') GROUP BY 1;
CREATE VIEW bad AS SELECT count(*) FROM s LEFT JOIN LATERAL weir.session(ts, '1 minute') w ON true GROUP BY window_start;
CREATE VIEW bad AS SELECT k, count(*) FROM s, weir.session(ts, '1 minute') WHERE window_start > now() GROUP BY k;
SELECT * FROM weir.session(now(), '1 minute');
SELECT weir.session_start(now(), now(), '1 minute');
SET client_min_messages = warning;
DROP SCHEMA sessions CASCADE;
