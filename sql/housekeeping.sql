-- What is done for one view now and then fails alone: other views' is done, and all count on.
CREATE SCHEMA housekeeping;
SET search_path = housekeeping;
SET timezone = 'UTC';
SELECT weir.set_clock('2030-06-01 00:00:00+00');
CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
CREATE FOREIGN TABLE other (k int, x int) SERVER weir;
CREATE VIEW held WITH (sw = '1 minute', step_factor = 10) AS SELECT k, count(*), sum(x), count(DISTINCT x) AS xs FROM s GROUP BY k;
CREATE VIEW held_ttl AS SELECT k, arrival_timestamp AS at FROM s;
SELECT weir.set_ttl('held_ttl', '1 minute', 'at');
CREATE VIEW beside WITH (sw = '1 minute', step_factor = 10) AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
CREATE VIEW bystander WITH (sw = '1 minute', step_factor = 10) AS SELECT k, count(*), sum(x) FROM other GROUP BY k;
INSERT INTO s SELECT i % 10, i FROM generate_series(1, 100) i;
INSERT INTO other SELECT i % 10, i FROM generate_series(1, 100) i;

-- Somebody has locked rows that expire, and does nothing.
BEGIN;
SELECT count(*) FROM (SELECT FROM held_mrel FOR UPDATE) r;
SELECT count(*) FROM (SELECT FROM held_ttl_mrel FOR UPDATE) r;
PREPARE TRANSACTION 'housekeeping';
SELECT weir.advance_clock('10 minutes') > '2030-06-01' AS later;
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE done bool;
BEGIN
	FOR i IN 1 .. 1200 LOOP
		EXECUTE 'SELECT ' || condition INTO done;
		IF done THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RAISE WARNING 'not in time: %', condition;
END$$;
INSERT INTO s SELECT i % 10, i FROM generate_series(1, 50) i;
INSERT INTO other SELECT i % 10, i FROM generate_series(1, 50) i;
SELECT count(*), sum(count), sum(sum), sum(xs) FROM held;
SELECT count(*), sum(count), sum(sum) FROM beside;
SELECT count(*), sum(count), sum(sum) FROM bystander;
SELECT count(*) FROM beside_mrel;
SELECT count(*) FROM bystander_mrel;
SELECT count(*) FROM held_mrel;
CALL wait_for($$(SELECT count(*) FROM weir.views WHERE schema = 'housekeeping' AND trouble IS NOT NULL) = 2$$);
SELECT name, state, trouble, trouble_since < now() AS since FROM weir.views WHERE schema = 'housekeeping' ORDER BY name;
SELECT object, problem FROM weir.health() WHERE object LIKE 'housekeeping.%' ORDER BY object;
SELECT name, errors > 0 AS errors FROM weir.stat_view WHERE schema = 'housekeeping' ORDER BY name;
-- again and again, ever more rarely, and others wait for none of it
SELECT weir.advance_clock('10 minutes') > '2030-06-01' AS later;
INSERT INTO other SELECT i % 10, i FROM generate_series(1, 50) i;
SELECT count(*), sum(count), sum(sum) FROM bystander;
SELECT count(*) FROM bystander_mrel;

-- Who may not read errors is not told.
CREATE ROLE weir_housekeeping;
SET ROLE weir_housekeeping;
SELECT name, trouble FROM weir.views WHERE schema = 'housekeeping' AND trouble_since IS NOT NULL ORDER BY name;
RESET ROLE;
DROP ROLE weir_housekeeping;

ROLLBACK PREPARED 'housekeeping';
CALL wait_for($$NOT EXISTS (SELECT FROM weir.views WHERE schema = 'housekeeping' AND trouble IS NOT NULL)$$);
CALL wait_for($$(SELECT count(*) FROM held_mrel) + (SELECT count(*) FROM held_vals1) + (SELECT count(*) FROM held_ttl_mrel) = 0$$);
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA housekeeping CASCADE;
