-- The test clock: arrival, windows and reading go by it; nobody waits.
CREATE SCHEMA clock;
SET search_path = clock;
SET timezone = 'UTC';
SELECT weir.clock() BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp() + interval '1 second' AS real;
SELECT weir.set_clock('2030-01-01 12:00+00');
SELECT weir.clock();

CREATE FOREIGN TABLE s (k int) SERVER weir;
CREATE VIEW arrived AS SELECT k, max(arrival_timestamp) FROM s GROUP BY k;
CREATE VIEW hour WITH (sw = '1 hour', step_factor = 1) AS SELECT k, count(*) FROM s GROUP BY k;
PREPARE read AS SELECT * FROM hour ORDER BY k;
SET plan_cache_mode = force_generic_plan;
INSERT INTO s VALUES (1);
SELECT weir.advance_clock('30 minutes');
INSERT INTO s VALUES (1), (2);
EXECUTE read;
TABLE arrived ORDER BY k;

-- it moves within a transaction and a function, and under a cached plan
BEGIN;
EXECUTE read;
SELECT weir.advance_clock('31 minutes');
EXECUTE read;
DO $$
DECLARE c bigint;
BEGIN
	FOR i IN 1..3 LOOP
		PERFORM weir.advance_clock('10 minutes');
		SELECT sum(count) INTO c FROM hour;
		RAISE NOTICE '%: %', weir.clock(), c;
	END LOOP;
END$$;
COMMIT;
EXECUTE read;
-- and back
INSERT INTO s VALUES (3);
SELECT weir.advance_clock('20 minutes');
EXECUTE read;
SELECT weir.advance_clock('-15 minutes');
EXECUTE read;
INSERT INTO s VALUES (3);
SELECT weir.advance_clock('50 minutes');
EXECUTE read;

-- the window's edge is found by index, and is the same for all rows
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION plan_has(query text, pattern text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (costs off) ' || query LOOP
		IF line LIKE pattern THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END$$;
SELECT plan_has('SELECT * FROM hour', '%Index Cond:%(arrival_timestamp > %');
RESET enable_seqscan;
RESET enable_bitmapscan;

-- what it does not take, and who may set it
SELECT weir.set_clock('infinity');
SELECT weir.set_clock('-infinity');
SELECT weir.advance_clock(NULL);
SELECT weir.advance_clock('300000 years');
CREATE ROLE clock_user;
GRANT USAGE ON SCHEMA clock TO clock_user;
GRANT SELECT ON hour TO clock_user;
SET ROLE clock_user;
SELECT weir.set_clock('2031-01-01');
SELECT weir.advance_clock('1 day');
SELECT weir.clock();
SELECT * FROM hour ORDER BY k;
RESET ROLE;

SELECT weir.set_clock(NULL);
SELECT weir.clock() BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp() + interval '1 second' AS real;
SET client_min_messages = warning;
DROP SCHEMA clock CASCADE;
DROP ROLE clock_user;
