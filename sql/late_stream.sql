-- Late rows that are diverted to another stream, and counted by its views.
CREATE SCHEMA late_stream;
SET search_path = late_stream;
SET timezone = 'UTC';
SET datestyle = ISO;
CREATE FOREIGN TABLE s (b int, k int, x int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '5 seconds');
-- the same columns in another order, some more, and a watermark of its own
CREATE FOREIGN TABLE t (x int, note text DEFAULT 'late' || 1, ts timestamptz, twice int GENERATED ALWAYS AS (x * 2) STORED,
	k int, b int, more int, CONSTRAINT small CHECK (x < 1000)) SERVER weir OPTIONS (event_time 'ts', watermark '1 second');
CREATE FOREIGN TABLE u (b int, k int, x int, ts timestamptz, note text, twice int, more int) SERVER weir;
CREATE TABLE p (b int, k int, x int, ts timestamptz);

-- refused
CREATE TABLE no_stream (b int, k int, x int, ts timestamptz);
CREATE FOREIGN TABLE no_x (b int, k int, ts timestamptz) SERVER weir;
CREATE FOREIGN TABLE long_x (b int, k int, x bigint, ts timestamptz) SERVER weir;
CREATE FOREIGN TABLE needs_y (b int, k int, x int, ts timestamptz, y int NOT NULL) SERVER weir;
CREATE SERVER broker FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'localhost:1');
CREATE FOREIGN TABLE topic (b int, k int, x int, ts timestamptz) SERVER broker OPTIONS (topic 't');
CREATE VIEW bad WITH (late = divert, late_stream = 'missing') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'a.b.c.d') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'no_stream') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'topic') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 's') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'no_x') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'long_x') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = divert, late_stream = 'needs_y') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late = drop, late_stream = 't') AS SELECT window_start, count(*) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late_stream = 't') AS SELECT k, count(*) FROM s GROUP BY 1;
CREATE VIEW bad WITH (late_stream = 't') AS SELECT k FROM p;

-- two views divert to one stream; one of its views diverts on
CREATE VIEW main WITH (late = divert, late_stream = 'late_stream.t') AS
	SELECT k, window_start, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE VIEW hopping WITH (emit = final, late_stream = t) AS
	SELECT window_start, count(*), sum(x) FROM s, weir.hop(ts, '10 seconds', '20 seconds') WHERE k = 1 GROUP BY 1;
CREATE VIEW t_rows AS SELECT b, k, x, ts, note, twice, more FROM t;
CREATE VIEW t_keys AS SELECT k, count(*), sum(x), string_agg(DISTINCT note, ',') AS notes FROM t GROUP BY k;
CREATE VIEW t_windows WITH (late_stream = u) AS SELECT window_start, count(*) FROM t, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW u_rows AS SELECT b, k, x, ts, note FROM u;
CREATE VIEW either AS SELECT k, count(*) FROM (SELECT k FROM s UNION ALL SELECT k FROM t) a GROUP BY k;
CREATE VIEW arrived AS SELECT b, k, x, ts, arrival_timestamp FROM s;
CREATE VIEW t_arrived AS SELECT b, k, x, ts, arrival_timestamp FROM t;
SELECT name, emit, late, late_stream FROM weir.views WHERE schema = 'late_stream' AND late <> 'update' ORDER BY name;
-- no way back, however long
CREATE VIEW bad WITH (late_stream = s) AS SELECT window_start, count(*) FROM t, weir.tumble(ts, '10 seconds') GROUP BY 1;
ALTER FOREIGN TABLE u OPTIONS (ADD event_time 'ts');
CREATE FOREIGN TABLE wide (b int, k int, x int, ts timestamptz, note text, twice int, more int) SERVER weir OPTIONS (event_time 'ts');
CREATE VIEW u_wide WITH (late_stream = wide) AS SELECT window_start, count(*) FROM u, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late_stream = u) AS SELECT window_start, count(*) FROM wide, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late_stream = t) AS SELECT window_start, count(*) FROM wide, weir.tumble(ts, '10 seconds') GROUP BY 1;
DROP FOREIGN TABLE wide CASCADE;

-- one transaction a batch: what is late in it goes by the batches before
CREATE PROCEDURE fill(first int, last int, rows int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first..last LOOP
		INSERT INTO p SELECT i, h % 3, h % 100, '2024-01-01'::timestamptz + i * interval '7 s' - (h / 7 % 50) * interval '1 s'
			FROM generate_series(1, rows) j, LATERAL (SELECT abs(hashint8(j * 1000 + i)) AS h) a;
		INSERT INTO s SELECT * FROM p WHERE b = i;
		COMMIT;
	END LOOP;
END$$;
CREATE VIEW marks AS SELECT b, coalesce(max(max(ts)) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - interval '5 s', '-infinity') AS mark
	FROM p GROUP BY b;
-- by main, by hopping
CREATE VIEW late_main AS SELECT p.* FROM p JOIN marks USING (b) WHERE date_bin('10 s', ts, '2024-01-01') + interval '10 s' <= mark;
CREATE VIEW late_hopping AS SELECT p.* FROM p JOIN marks USING (b) WHERE k = 1 AND date_bin('10 s', ts, '2024-01-01') + interval '10 s' <= mark;
CREATE VIEW late_rows AS SELECT * FROM late_main UNION ALL SELECT * FROM late_hopping;
CREATE VIEW t_marks AS SELECT b, coalesce(max(max(ts)) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - interval '1 s', '-infinity') AS mark
	FROM late_rows GROUP BY b;
CREATE VIEW late_twice AS SELECT r.* FROM late_rows r JOIN t_marks USING (b) WHERE date_bin('10 s', ts, '2024-01-01') + interval '10 s' <= mark;
CREATE FUNCTION differ(got text, expected text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE differ int; rows int;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%s EXCEPT ALL %s) UNION ALL (%2$s EXCEPT ALL %1$s)) d', '(' || got || ')', '(' || expected || ')') INTO differ;
	EXECUTE format('SELECT count(*) FROM (%s) x', got) INTO rows;
	RETURN CASE WHEN differ > 0 THEN differ || ' differ' WHEN rows = 0 THEN 'empty' ELSE 'equal' END;
END$$;
CREATE VIEW checks AS SELECT name, differ(got, expected) FROM (VALUES
	(1, 'main', 'TABLE main', $$SELECT k, date_bin('10 s', ts, '2024-01-01'), count(*), sum(x) FROM (TABLE p EXCEPT ALL TABLE late_main) r GROUP BY 1, 2$$),
	(2, 'hopping', 'TABLE hopping', $$SELECT w, count(*), sum(x) FROM (SELECT * FROM p WHERE k = 1 EXCEPT ALL TABLE late_hopping) r,
		LATERAL (VALUES (date_bin('10 s', ts, '2024-01-01')), (date_bin('10 s', ts, '2024-01-01') - interval '10 s')) v (w)
		WHERE w + interval '20 s' <= (SELECT max(ts) - interval '5 s' FROM p) GROUP BY w$$),
	(3, 't_rows', 'TABLE t_rows', $$SELECT *, 'late1', x * 2, NULL::int FROM late_rows$$),
	(4, 't_keys', 'TABLE t_keys', $$SELECT k, count(*), sum(x), 'late1' FROM late_rows GROUP BY k$$),
	(5, 't_windows', 'TABLE t_windows', $$SELECT date_bin('10 s', ts, '2024-01-01'), count(*) FROM (TABLE late_rows EXCEPT ALL TABLE late_twice) r GROUP BY 1$$),
	(6, 'u_rows', 'TABLE u_rows', $$SELECT *, 'late1' FROM late_twice$$),
	(7, 'either', 'TABLE either', $$SELECT k, count(*) FROM (SELECT k FROM p UNION ALL SELECT k FROM late_rows) r GROUP BY k$$),
	(8, 'arrival', 'SELECT DISTINCT * FROM t_arrived', $$SELECT DISTINCT a.* FROM arrived a JOIN late_main l ON (a.b, a.k, a.x, a.ts) = (l.b, l.k, l.x, l.ts)$$),
	(9, 'counts', $$SELECT name::text, late_dropped, late_diverted FROM weir.stat_view WHERE schema = 'late_stream' AND name IN ('main', 'hopping', 't_windows')$$,
		$$SELECT 'main', 0, count(*) FROM late_main UNION ALL SELECT 'hopping', 0, count(*) FROM late_hopping UNION ALL SELECT 't_windows', 0, count(*) FROM late_twice$$)
	) v (n, name, got, expected) ORDER BY n;
CALL fill(1, 12, 40);
SELECT * FROM checks;
CALL fill(13, 14, 3000);
SELECT * FROM checks;
SELECT weir.watermark('t') = max(ts) - interval '1 s' AS own_watermark FROM late_rows;
SELECT rows = (SELECT count(*) FROM late_rows) AS rows_of_t FROM weir.stat_stream WHERE stream = 't'::regclass;
SELECT count(*) AS elsewhere FROM weir.late_rows WHERE view = 'main'::regclass;

-- a transaction with rows of both streams; one that rolls back
BEGIN;
INSERT INTO t (b, k, x, ts, note) VALUES (0, 7, 1, '2024-01-01 00:10:00', 'direct');
INSERT INTO s VALUES (0, 7, 2, '2024-01-01 00:00:00');
COMMIT;
SELECT * FROM t_keys WHERE k = 7;
BEGIN;
INSERT INTO s VALUES (0, 8, 2, '2024-01-01 00:00:00');
ROLLBACK;
BEGIN;
INSERT INTO s VALUES (0, 9, 1, '2024-01-01 00:00:00');
SAVEPOINT a;
INSERT INTO s VALUES (0, 9, 2, '2024-01-01 00:00:00');
ROLLBACK TO a;
COMMIT;
SELECT * FROM t_keys WHERE k > 7;
-- views of the target count from their creation on
CREATE VIEW t_later AS SELECT k, count(*) FROM t GROUP BY k;
INSERT INTO s VALUES (0, 10, 1, '2024-01-01 00:00:00');
SELECT * FROM t_later;

-- a row that the target's constraint refuses is a dead letter of the view that diverts; one that fails in a view there, that view's
CREATE VIEW t_fails AS SELECT k, sum(100 / x) FROM t GROUP BY k;
INSERT INTO s VALUES (0, 11, 5, '2024-01-01 00:00:00'), (0, 11, 1000, '2024-01-01 00:00:00'), (0, 11, 0, '2024-01-01 00:00:00'), (0, 11, 10, '2024-02-01 00:00:00');
SELECT * FROM t_keys WHERE k = 11;
SELECT * FROM t_fails WHERE k = 11;
SELECT * FROM main WHERE k = 11;
SELECT stream, view, convert_from(payload, 'UTF8')::json ->> 'x' AS x, message FROM weir.dead_letters WHERE stream IN ('s'::regclass, 't'::regclass) ORDER BY id;
SELECT late_diverted - (SELECT count(*) FROM late_main) AS since FROM weir.stat_view WHERE view = 'main'::regclass;
DROP VIEW t_fails;

-- columns
ALTER FOREIGN TABLE s ADD COLUMN y int;
ALTER FOREIGN TABLE t DROP COLUMN x CASCADE;
ALTER FOREIGN TABLE t RENAME COLUMN x TO z;
ALTER FOREIGN TABLE u RENAME COLUMN note TO remark;
ALTER FOREIGN TABLE t ADD COLUMN must int NOT NULL;
ALTER FOREIGN TABLE u ADD COLUMN y int;
ALTER FOREIGN TABLE t ADD COLUMN y int;
ALTER FOREIGN TABLE s ADD COLUMN y int;
ALTER FOREIGN TABLE t DROP COLUMN y;
CREATE VIEW t_y AS SELECT y, count(*) FROM t GROUP BY y;
INSERT INTO s (b, k, x, ts, y) VALUES (0, 12, 1, '2024-01-01 00:00:00', 12);
SELECT * FROM t_y;
DROP FOREIGN TABLE t;

-- CREATE OR REPLACE VIEW takes the option as it is
CREATE OR REPLACE VIEW main WITH (late = divert) AS
	SELECT k, window_start, count(*), sum(x), max(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE OR REPLACE VIEW main WITH (late = divert, late_stream = u) AS
	SELECT k, window_start, count(*), sum(x), max(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
CREATE OR REPLACE VIEW main WITH (late_stream = t) AS
	SELECT k, window_start, count(*), sum(x), max(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1, 2;
INSERT INTO s (b, k, x, ts, y) VALUES (0, 13, 1, '2024-01-01 00:00:00', 13), (0, 13, 2, '2024-02-02 00:00:00', 13);
SELECT k, count, sum, max FROM main WHERE k = 13;
SELECT * FROM t_y WHERE y = 13;
DROP FOREIGN TABLE t;

-- the right to insert there is the view's owner's
CREATE ROLE regress_late_owner;
GRANT USAGE, CREATE ON SCHEMA late_stream TO regress_late_owner;
CREATE FOREIGN TABLE rs (k int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts');
CREATE FOREIGN TABLE rt (k int, ts timestamptz) SERVER weir;
GRANT SELECT ON rs TO regress_late_owner;
SET ROLE regress_late_owner;
CREATE VIEW owned WITH (late_stream = rt) AS SELECT window_start, count(*) FROM rs, weir.tumble(ts, '10 seconds') GROUP BY 1;
RESET ROLE;
GRANT INSERT ON rt TO regress_late_owner;
SET ROLE regress_late_owner;
CREATE VIEW owned WITH (late_stream = rt) AS SELECT window_start, count(*) FROM rs, weir.tumble(ts, '10 seconds') GROUP BY 1;
RESET ROLE;
CREATE VIEW rt_rows AS SELECT k FROM rt;
CREATE VIEW rs_rows AS SELECT k FROM rs;
INSERT INTO rs VALUES (1, '2024-01-01 00:01:00');
INSERT INTO rs VALUES (2, '2024-01-01 00:00:00'), (3, '2024-01-01 00:01:01');
REVOKE INSERT ON rt FROM regress_late_owner;
INSERT INTO rs VALUES (4, '2024-01-01 00:00:00'), (5, '2024-01-01 00:01:01');
SELECT state, reason FROM weir.views WHERE view = 'owned'::regclass;
SELECT (SELECT sum(count) FROM owned) AS counted, array(SELECT k FROM rt_rows ORDER BY k) AS diverted, array(SELECT k FROM rs_rows ORDER BY k) AS seen;
GRANT INSERT ON rt TO regress_late_owner;
SELECT weir.activate('owned');
INSERT INTO rs VALUES (6, '2024-01-01 00:00:00'), (7, '2024-01-01 00:01:01');
SELECT (SELECT sum(count) FROM owned) AS counted, array(SELECT k FROM rt_rows ORDER BY k) AS diverted, array(SELECT k FROM rs_rows ORDER BY k) AS seen;
-- all columns go, so SELECT on those of the query is not enough
REVOKE SELECT ON rs FROM regress_late_owner;
GRANT SELECT (ts) ON rs TO regress_late_owner;
INSERT INTO rs VALUES (8, '2024-01-01 00:00:00');
SELECT state, reason FROM weir.views WHERE view = 'owned'::regclass;
SELECT k FROM rt_rows WHERE k = 8;
GRANT SELECT ON rs TO regress_late_owner;
SELECT weir.activate('owned');
SELECT name, state, reason FROM weir.views WHERE state <> 'active';

-- a column there whose domain takes no NULL, and that gets no value
CREATE DOMAIN given AS int CHECK (VALUE IS NOT NULL);
ALTER FOREIGN TABLE rt ADD COLUMN g given;
CREATE VIEW rt_given AS SELECT k, g FROM rt;
INSERT INTO rs VALUES (12, '2024-01-01 00:00:00'), (13, '2024-01-01 00:01:01');
ALTER FOREIGN TABLE rt ALTER COLUMN g SET DEFAULT 7;
INSERT INTO rs VALUES (14, '2024-01-01 00:00:00');
TABLE rt_given;
SELECT k FROM rs_rows WHERE k > 11 ORDER BY k;
SELECT view, convert_from(payload, 'UTF8')::json ->> 'k' AS k, message FROM weir.dead_letters WHERE view = 'owned'::regclass;
ALTER FOREIGN TABLE rt DROP COLUMN g CASCADE;

-- a view of several queries, one of which fails: late rows of the batch are counted once, however it is divided
CREATE VIEW halves WITH (late = drop) AS SELECT window_start, count(*), string_agg(DISTINCT (100 / k)::text, ',') FROM rs, weir.tumble(ts, '10 seconds') GROUP BY 1;
INSERT INTO rs VALUES (8, '2024-01-01 00:00:00'), (0, '2024-01-01 00:01:00'), (9, '2024-01-01 00:00:01'), (10, '2024-01-01 00:01:02'), (11, '2024-01-01 00:00:03');
SELECT late_dropped FROM weir.stat_view WHERE view = 'halves'::regclass;
SELECT * FROM halves;
SELECT view, convert_from(payload, 'UTF8')::json ->> 'k' AS k FROM weir.dead_letters WHERE view = 'halves'::regclass;

-- UNION ALL: rows of each stream go to the one that has the columns of all
CREATE FOREIGN TABLE web (k int, ts timestamptz, url text) SERVER weir OPTIONS (event_time 'ts');
CREATE FOREIGN TABLE app (ts timestamptz, k int, device int) SERVER weir OPTIONS (event_time 'ts');
CREATE FOREIGN TABLE late_both (k int, ts timestamptz, url text, device int) SERVER weir OPTIONS (event_time 'ts');
CREATE VIEW bad WITH (late_stream = rt) AS SELECT window_start, count(*) FROM (SELECT k, ts FROM web UNION ALL SELECT k, ts FROM app) u, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late_stream = app) AS SELECT window_start, count(*) FROM (SELECT k, ts FROM web UNION ALL SELECT k, ts FROM app) u, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW clicks WITH (late_stream = late_both) AS SELECT window_start, array_agg(DISTINCT k) AS ks FROM (SELECT k, ts FROM web UNION ALL SELECT k, ts FROM app) u, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW bad WITH (late_stream = web) AS SELECT window_start, count(*) FROM late_both, weir.tumble(ts, '10 seconds') GROUP BY 1;
CREATE VIEW late_clicks AS SELECT k, ts, url, device FROM late_both;
INSERT INTO web VALUES (1, '2024-01-01 00:01:00', 'a');
INSERT INTO web VALUES (2, '2024-01-01 00:00:00', 'b');
INSERT INTO app VALUES ('2024-01-01 00:00:50', 3, 30);
BEGIN;
INSERT INTO web VALUES (4, '2024-01-01 00:00:01', 'd'), (5, '2024-01-01 00:00:55', 'e');
INSERT INTO app VALUES ('2024-01-01 00:00:02', 6, 60), ('2024-01-01 00:00:52', 7, 70);
COMMIT;
SELECT * FROM clicks ORDER BY 1;
SELECT * FROM late_clicks ORDER BY k;
ALTER FOREIGN TABLE app ADD COLUMN os text;
SELECT late_diverted FROM weir.stat_view WHERE view = 'clicks'::regclass;

TRUNCATE weir.late_rows;
SET client_min_messages = warning;
DROP FOREIGN TABLE t CASCADE;
SELECT name FROM weir.views WHERE schema = 'late_stream' ORDER BY name;
DROP SCHEMA late_stream CASCADE;
DROP SERVER broker CASCADE;
DROP OWNED BY regress_late_owner;
DROP ROLE regress_late_owner;
