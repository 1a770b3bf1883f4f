-- What a sliding window shows at any moment, and how what has left it goes away, on the test clock.
CREATE SCHEMA sliding_expiry;
SET search_path = sliding_expiry;
SET timezone = 'UTC';
SELECT weir.set_clock('2030-06-01 00:00:00+00');

-- On a grid of moments: every row inside the window is shown, and none that left it a step ago or earlier.
CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
CREATE TABLE p (k int, x int, at timestamptz);
CREATE VIEW minute WITH (sw = '1 minute') AS SELECT k, count(*), sum(x), min(x), max(arrival_timestamp) AS latest, min(arrival_timestamp) AS oldest FROM s GROUP BY k;
CREATE VIEW minute_total WITH (sw = '1 minute', step_factor = 50) AS SELECT count(*), sum(x), avg(x), stddev(x) FROM s;
CREATE VIEW minute_log WITH (sw = '1 minute') AS SELECT k, x FROM s;
CREATE FUNCTION wrong() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	now timestamptz := weir.clock();
	inside bigint; reached bigint; shown bigint;
BEGIN
	IF EXISTS (TABLE minute_log EXCEPT ALL SELECT k, x FROM p WHERE at > now - interval '1 minute') OR
		EXISTS (SELECT k, x FROM p WHERE at > now - interval '1 minute' EXCEPT ALL TABLE minute_log) THEN
		RETURN 'minute_log';
	END IF;
	-- steps of 3 and 30 seconds
	IF EXISTS (SELECT FROM minute v FULL JOIN (SELECT k, count(*) FROM p WHERE at > now - interval '1 minute' GROUP BY k) b USING (k)
		LEFT JOIN (SELECT k, count(*) FROM p WHERE at > now - interval '1 minute 3 seconds' GROUP BY k) w USING (k)
		WHERE coalesce(v.count, 0) < coalesce(b.count, 0) OR coalesce(v.count, 0) > coalesce(w.count, 0)) THEN
		RETURN 'minute';
	END IF;
	-- what is shown is what batch gives for the steps shown
	IF EXISTS (SELECT FROM minute v JOIN LATERAL (SELECT count(*), sum(x), min(x), max(at) AS latest FROM p WHERE p.k = v.k AND p.at >= v.oldest) b
		ON (v.count, v.sum, v.min, v.latest) IS DISTINCT FROM (b.count, b.sum, b.min, b.latest)) THEN
		RETURN 'minute''s states';
	END IF;
	SELECT count INTO shown FROM minute_total;
	SELECT count(*) FILTER (WHERE at > now - interval '1 minute'), count(*) INTO inside, reached FROM p WHERE at > now - interval '1 minute 30 seconds';
	IF shown NOT BETWEEN inside AND reached THEN
		RETURN 'minute_total';
	END IF;
	RETURN NULL;
END$$;
CREATE PROCEDURE run(moments int, seed float8) LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..moments LOOP
		IF random() < 0.7 THEN
			WITH new AS (INSERT INTO p SELECT (random() * 5)::int, (random() * 100)::int, weir.clock() FROM generate_series(1, (random() * 5)::int) RETURNING *)
			INSERT INTO s (k, x) SELECT k, x FROM new;
			COMMIT;
		END IF;
		r := wrong();
		IF r IS NOT NULL THEN RAISE NOTICE '%: %', weir.clock(), r; END IF;
		-- sometimes onto an edge of a step, sometimes beside it, sometimes far
		PERFORM weir.advance_clock(CASE (random() * 5)::int WHEN 0 THEN interval '3 seconds' WHEN 1 THEN interval '1 us' WHEN 2 THEN interval '2.999999 seconds'
			WHEN 3 THEN random() * interval '1 minute' ELSE random() * interval '5 seconds' END);
	END LOOP;
END$$;
CALL run(400, 0.5);
SELECT count(*) > 0 AS some FROM p;
-- nothing came for longer than the window
SELECT weir.advance_clock('2 minutes') > '2030-06-01' AS later;
SELECT * FROM minute;
SELECT * FROM minute_total;
SELECT * FROM minute_log;

-- After a long downtime: reading is right at once, though nothing is deleted yet.
CREATE VIEW big WITH (sw = '1 hour') AS SELECT x, count(*), sum(k) FROM s GROUP BY x;
INSERT INTO s (k, x) SELECT 1, i FROM generate_series(1, 25000) i;
SELECT count(*), sum(count) FROM big;
BEGIN;
LOCK TABLE big_mrel IN SHARE MODE;
SELECT weir.advance_clock('7 days') > '2030-06-08' AS later;
SELECT count(*) FROM big;
SELECT count(*) FROM big_mrel;
SELECT wrong();
COMMIT;
-- Deletion goes in portions, with each flush; it takes no more of them than it must.
CREATE PROCEDURE catch_up(matrel regclass, most bigint) LANGUAGE plpgsql AS $$
DECLARE n bigint; before bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s', matrel) INTO before;
	FOR i IN 1..40 LOOP
		INSERT INTO s (k, x) VALUES (1, 1);
		COMMIT;
		EXECUTE format('SELECT count(*) FROM %s', matrel) INTO n;
		IF n <= most THEN RETURN; END IF;
	END LOOP;
	RAISE NOTICE '% rows of % are left', n, before;
END$$;
CALL catch_up('big_mrel', 1);
SELECT * FROM big WHERE sum <> count;

-- A view of many windows' length stays small, and right.
CREATE VIEW short WITH (sw = '10 seconds', step_factor = 10) AS SELECT x, count(*) FROM s GROUP BY x;
CREATE PROCEDURE windows(n int) LANGUAGE plpgsql AS $$
DECLARE rows bigint; most bigint := 0; groups bigint;
BEGIN
	FOR i IN 1..n LOOP
		INSERT INTO s (k, x) SELECT 1, g FROM generate_series(1, 50) g;
		COMMIT;
		SELECT count(*) INTO rows FROM short_mrel;
		SELECT count(*) INTO groups FROM short WHERE count = least(i, 11);
		IF groups <> 50 THEN RAISE NOTICE 'window %: % groups', i, groups; END IF;
		most := greatest(most, rows);
		PERFORM weir.advance_clock('1 second');
	END LOOP;
	-- window, two steps at its edge, one that is looked at with the next flush
	RAISE NOTICE 'bounded: %', most <= 50 * 14;
END$$;
CALL windows(300);

-- Many views: each gets its turn.
SELECT weir.set_clock('2030-07-01 00:00:00+00');
CREATE VIEW many1 WITH (sw = '1 minute') AS SELECT x, count(*) FROM s GROUP BY x;
CREATE VIEW many2 WITH (sw = '1 minute') AS SELECT x, k, count(*) FROM s GROUP BY x, k;
CREATE VIEW many3 WITH (sw = '1 minute') AS SELECT x, k FROM s;
INSERT INTO s (k, x) SELECT 1, i FROM generate_series(1, 5000) i;
SELECT weir.advance_clock('1 day');
CALL catch_up('many1_mrel', 1);
CALL catch_up('many2_mrel', 1);
CALL catch_up('many3_mrel', 40);

-- Rows that come too late are not shown, and go.
INSERT INTO s (k, x, arrival_timestamp) SELECT 9, i, weir.clock() - interval '1 year' FROM generate_series(1, 100) i;
SELECT count(*) FROM minute WHERE k = 9;
SELECT weir.advance_clock('1 minute') > '2030-07-02' AS later;
CALL catch_up('many2_mrel', 2);

-- Much of it (a backlog of weeks) goes with the flush that brings it.
DO $$
BEGIN
	FOR d IN REVERSE 14..2 LOOP
		INSERT INTO s (k, x, arrival_timestamp) SELECT 9, i, weir.clock() - d * interval '1 day' FROM generate_series(1, 3000) i;
	END LOOP;
END$$;
SELECT count(*) < 20000 AS small FROM many1_mrel;
CALL catch_up('many1_mrel', 2);

-- Its owner may lock, suspend, truncate; an index that is gone is not needed.
DROP INDEX many1_mrel_step;
SELECT weir.advance_clock('10 minutes') > '2030-07-02' AS later;
CALL catch_up('many1_mrel', 1);
SELECT weir.deactivate('many2');
SELECT weir.advance_clock('10 minutes') > '2030-07-02' AS later;
CALL catch_up('many2_mrel', 0);

-- the clock set back: what is deleted is gone, what comes is shown
SELECT weir.set_clock('2030-06-15 00:00:00+00');
INSERT INTO s (k, x) VALUES (5, 5);
SELECT k, x FROM many3 WHERE k = 5;
SELECT count(*) FROM minute_log WHERE x = 5;

SELECT name, reason FROM weir.views WHERE state = 'suspended';
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA sliding_expiry CASCADE;
