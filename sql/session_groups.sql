-- Sessions put together by expressions of their windows; what emit = final shows of them never changes.
CREATE SCHEMA session_groups;
SET search_path = session_groups;
SET timezone = 'UTC';
SET datestyle = ISO;
CREATE FOREIGN TABLE s (n int, k int, x int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '20 seconds');
CREATE TABLE p (n int, k int, x int, ts timestamptz);
CREATE VIEW by_minute AS SELECT k, date_trunc('minute', window_start) AS m, count(*), sum(x), avg(x), max(ts) FROM s, weir.session(ts, '10 seconds') GROUP BY k, m;
CREATE VIEW lengths WITH (late = divert) AS SELECT k, window_end - window_start AS length, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2 HAVING sum(x) > 0;
CREATE VIEW mixed WITH (late = drop) AS SELECT k, date_part('minute', w.window_end) AS minute, w.window_start, w.window_end > '2024-01-01 00:02:00' AS after, count(*)
	FROM s, weir.session(ts, '10 seconds') w WHERE w.window_end - w.window_start < '1 minute' GROUP BY w.window_start, minute, after, k;
CREATE VIEW called AS SELECT k, date_bin('1 hour', (weir.session(ts, '10 seconds')).window_start, '2024-01-01') AS h, count(*) FROM s GROUP BY k, h;
CREATE VIEW field WITH (emit = final) AS SELECT k, (weir.session(ts, '10 seconds')).window_start AS w, count(*) FROM s GROUP BY 1, 2;
-- final
CREATE VIEW final_start WITH (emit = final) AS SELECT k, date_trunc('minute', window_start, 'UTC') AS m, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW final_end WITH (emit = final, late = divert) AS SELECT k, date_bin('30 seconds', window_end, '2024-01-01') AS b, k % 2 AS odd, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2, 3;
CREATE VIEW final_bucket WITH (emit = final, allowed_lateness = '5 seconds') AS SELECT k, weir.time_bucket('1 minute', window_start) AS b, date_bin('20 seconds', window_end, '2024-01-01') AS e, count(*)
	FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2, 3 HAVING count(*) > 1;
CREATE VIEW lenient WITH (late = divert, allowed_lateness = '5 seconds') AS SELECT k, window_start, window_end, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2, 3;
CREATE VIEW final_one WITH (emit = final, retention = '1 day') AS SELECT k, window_start, window_end - window_start AS length, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') WHERE window_end - window_start > '12 s' GROUP BY 1, 2, 3;

CREATE FUNCTION islands(rows text) RETURNS TABLE (k int, window_start timestamptz, window_end timestamptz, count bigint, sum bigint, max timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT k, min(ts), max(ts) + interval '10 s', count(*), sum(x), max(ts)
		FROM (SELECT *, sum(opens) OVER (PARTITION BY k ORDER BY ts, n) AS island
			FROM (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, n) < interval '10 s' THEN 0 ELSE 1 END AS opens FROM (%s) r) a) b
		GROUP BY k, island $q$, rows);
END$$;
CREATE FUNCTION late(of text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT * FROM p WHERE n NOT IN (SELECT ("row"::json ->> ''n'')::int FROM weir.late_rows WHERE view = %L::regclass)', $1) $$;
CREATE FUNCTION differ(got text, expected text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE differ int; rows int;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%s EXCEPT ALL %s) UNION ALL (%2$s EXCEPT ALL %1$s)) d', '(' || got || ')', '(' || expected || ')') INTO differ;
	EXECUTE format('SELECT count(*) FROM (%s) x', got) INTO rows;
	RETURN CASE WHEN differ > 0 THEN differ || ' differ' WHEN rows = 0 THEN 'empty' ELSE 'equal' END;
END$$;
-- what was shown as final, and is not any more
CREATE TABLE shown (view text, "row" text);
CREATE TABLE changed (view text, "row" text);
CREATE TABLE looks (view text, rows bigint);
CREATE PROCEDURE record() LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['final_start', 'final_end', 'final_bucket', 'final_one', 'field'] LOOP
		EXECUTE format('INSERT INTO changed SELECT * FROM shown WHERE view = %L EXCEPT ALL SELECT %1$L, t::text FROM %I t', v, v);
		DELETE FROM shown WHERE view = v;
		EXECUTE format('INSERT INTO shown SELECT %L, t::text FROM %I t', v, v);
		INSERT INTO looks SELECT v, count(*) FROM shown WHERE view = v;
	END LOOP;
	COMMIT;
END$$;
CREATE PROCEDURE fill(first int, last int, rows int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first..last LOOP
		INSERT INTO p SELECT i * 1000 + j, h % 4, h % 100, '2024-01-01'::timestamptz + i * interval '6 s' + (h / 7 % 60) * interval '100 ms'
				- CASE WHEN h % 5 = 0 THEN (h / 11 % 30) * interval '1 s' ELSE '0' END
			FROM generate_series(1, rows) j, LATERAL (SELECT abs(hashint8(j * 1000 + i)) AS h) a WHERE h % 4 <> i / 5 % 4;
		INSERT INTO s SELECT * FROM p WHERE n / 1000 = i;
		COMMIT;
		CALL record();
	END LOOP;
END$$;
CALL fill(1, 60, 3);
CALL fill(61, 90, 30);
SELECT view, count(*) FILTER (WHERE rows > 0) > 10 AS looked, max(rows) > 10 AS shown FROM looks GROUP BY view ORDER BY view;
SELECT * FROM changed;
SELECT name, differ(got, expected) FROM (VALUES
	('by_minute', 'TABLE by_minute', $$SELECT k, date_trunc('minute', window_start), sum(count)::bigint, sum(sum)::bigint, sum(sum) / sum(count), max(max) FROM islands('TABLE p') GROUP BY 1, 2$$),
	('lengths', 'TABLE lengths', $$SELECT k, window_end - window_start, sum(count)::bigint FROM islands(late('lengths')) GROUP BY 1, 2 HAVING sum(sum) > 0$$),
	('mixed', 'TABLE mixed', $$SELECT k, date_part('minute', window_end), window_start, window_end > '2024-01-01 00:02:00', count FROM islands(late('lengths')) WHERE window_end - window_start < '1 minute'$$),
	('called', 'TABLE called', $$SELECT k, date_bin('1 hour', window_start, '2024-01-01'), sum(count)::bigint FROM islands('TABLE p') GROUP BY 1, 2$$)
	) v (name, got, expected);
-- everything is closed at last
INSERT INTO s VALUES (-1, -1, -1, '2024-01-02');
CALL record();
SELECT * FROM changed;
SELECT name, differ(got, expected) FROM (VALUES
	('final_start', 'TABLE final_start', $$SELECT k, date_trunc('minute', window_start), sum(count)::bigint, sum(sum)::bigint FROM islands(late('final_end')) GROUP BY 1, 2$$),
	('final_end', 'TABLE final_end', $$SELECT k, date_bin('30 seconds', window_end, '2024-01-01'), k % 2, sum(count)::bigint, sum(sum)::bigint FROM islands(late('final_end')) GROUP BY 1, 2$$),
	('final_one', 'TABLE final_one', $$SELECT k, window_start, window_end - window_start, count, sum FROM islands(late('final_end')) WHERE window_end - window_start > '12 s'$$),
	('field', 'TABLE field', $$SELECT k, window_start, count FROM islands(late('final_end'))$$)
	) v (name, got, expected);
SELECT differ('TABLE final_bucket', $$SELECT k, date_trunc('minute', window_start), date_bin('20 seconds', window_end, '2024-01-01'), sum(count)::bigint
	FROM islands(late('lenient')) GROUP BY 1, 2, 3 HAVING sum(count) > 1$$);
-- combined, and as a reader sees single keys
SELECT differ('SELECT k, weir.combine(avg) FROM by_minute WHERE k >= 0 GROUP BY k', 'SELECT k, avg(x) FROM p GROUP BY k');
SELECT differ('SELECT * FROM by_minute WHERE k = 3', $$SELECT k, date_trunc('minute', window_start), sum(count)::bigint, sum(sum)::bigint, sum(sum) / sum(count), max(max) FROM islands('SELECT * FROM p WHERE k = 3') GROUP BY 1, 2$$);
SELECT name, late_dropped = (SELECT count(*) FROM weir.late_rows WHERE view = 'lengths'::regclass) AS late FROM weir.stat_view WHERE view = 'mixed'::regclass;
SELECT name, state, reason FROM weir.views WHERE state <> 'active';

-- CREATE OR REPLACE VIEW leaves the groups as they are, also those that are not shown
CREATE VIEW hidden WITH (emit = final) AS SELECT k, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY k, date_trunc('minute', window_start, 'UTC');
CREATE OR REPLACE VIEW hidden WITH (emit = final) AS SELECT k, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') GROUP BY k, date_trunc('hour', window_start, 'UTC');
CREATE OR REPLACE VIEW hidden WITH (emit = final) AS SELECT k, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') GROUP BY k, window_start;
CREATE OR REPLACE VIEW hidden WITH (emit = final) AS SELECT k, count(*), sum(x) FROM s, weir.session(ts, '10 seconds') GROUP BY k, date_trunc('minute', window_start, 'UTC');
INSERT INTO s VALUES (0, 50, 1, '2024-01-02 00:10:00'), (0, 50, 2, '2024-01-02 00:10:30'), (0, 51, 3, '2024-01-03');
SELECT * FROM hidden WHERE k = 50;

-- refused
CREATE VIEW bad AS SELECT k, window_start + x * interval '1 s', count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad AS SELECT k, window_start + random() * interval '1 s', count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad AS SELECT k, (SELECT window_start), count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad WITH (emit = final) AS SELECT k, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT k, window_end - window_start, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad WITH (emit = final) AS SELECT k, date_trunc('hour', window_start), count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad WITH (emit = final) AS SELECT k, date_trunc('hour', window_start, 'UTC'), window_end - window_start, count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2, 3;
CREATE VIEW bad WITH (emit = final) AS SELECT k, date_trunc('hour', window_start, 'UTC'), count(*) FROM s, weir.session(ts, '10 seconds') WHERE window_end - window_start > '12 s' GROUP BY 1, 2;
CREATE VIEW bad WITH (late = drop, retention = '1 day') AS SELECT k, date_trunc('hour', window_start, 'UTC'), count(*) FROM s, weir.session(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW bad WITH (emit = final) AS SELECT k, count(*) FROM s, weir.hop(ts, '10 seconds', '20 seconds') GROUP BY 1;
CREATE VIEW bad WITH (emit = final) AS SELECT k, window_start, count(*) FROM s, weir.cumulate(ts, '10 seconds', '20 seconds') GROUP BY 1, 2;
TRUNCATE weir.late_rows;
SET client_min_messages = warning;
DROP SCHEMA session_groups CASCADE;
