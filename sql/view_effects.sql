-- What an aggregate's functions do besides is done for each batch that counts, also when the next one fails.
CREATE SCHEMA view_effects;
SET search_path = view_effects;
CREATE FOREIGN TABLE s (x int) SERVER weir;
CREATE TABLE seen (x int);
CREATE FUNCTION note(bigint, int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO view_effects.seen VALUES ($2);
	RETURN $1 + $2;
END $$;
CREATE AGGREGATE noted(int) (SFUNC = note, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl);
CREATE VIEW notes AS SELECT noted(x) FROM s;
CREATE VIEW ratio AS SELECT sum(100 / x) FROM s;
INSERT INTO s VALUES (1);
INSERT INTO s VALUES (2);
INSERT INTO s VALUES (0);
INSERT INTO s VALUES (3);
-- The worker's transaction may end a moment after the flush.
SELECT weir.flush();
DO $$ BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN (SELECT count(*) FROM view_effects.seen) = 4;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT array_agg(x ORDER BY x) FROM seen;
TABLE notes;
TABLE ratio;

-- Another immutable function, between two rows.
CREATE FOREIGN TABLE t (x int) SERVER weir;
CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE VIEW changing AS SELECT sum(f(x)) FROM t;
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2);
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 10 * $1; END';
INSERT INTO t VALUES (3);
INSERT INTO t VALUES (4);
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1000 * $1; END';
INSERT INTO t VALUES (5);
ALTER FOREIGN TABLE t ADD COLUMN y int;
INSERT INTO t (x, y) VALUES (6, 7);
TABLE changing;
DROP VIEW changing;

-- Who may run it is asked again when that may have changed.
CREATE ROLE weir_effects_group;
CREATE ROLE weir_effects_owner IN ROLE weir_effects_group;
GRANT USAGE, CREATE ON SCHEMA view_effects TO weir_effects_owner;
GRANT SELECT ON t TO weir_effects_group;
SET ROLE weir_effects_owner;
CREATE VIEW allowed AS SELECT count(*) FROM t;
RESET ROLE;
INSERT INTO t VALUES (1);
INSERT INTO t VALUES (2);
REVOKE weir_effects_group FROM weir_effects_owner;
INSERT INTO t VALUES (3);
TABLE allowed;
SELECT state, reason FROM weir.views WHERE schema = 'view_effects' AND name = 'allowed';

-- A fault that passes, met while a row that does not is looked for: tried again until it has passed.
CREATE FOREIGN TABLE u (x int) SERVER weir;
CREATE TABLE gate (closed bool);
INSERT INTO gate VALUES (true);
CREATE FUNCTION pass(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT closed FROM view_effects.gate) THEN
		RAISE lock_not_available USING MESSAGE = 'the gate is closed';
	END IF;
	RETURN $1;
END $$;
CREATE VIEW halves AS SELECT sum(100 / x) FROM u;
CREATE VIEW passed AS SELECT sum(pass(x)) FROM u;
SET weir.synchronous_insert = off;
INSERT INTO u VALUES (0), (1), (2);
SELECT pg_sleep(0.5);
RESET weir.synchronous_insert;
UPDATE gate SET closed = false;
INSERT INTO u VALUES (3);
TABLE halves;
TABLE passed;

SET client_min_messages = warning;
DROP FOREIGN TABLE s, t, u CASCADE;
DROP SCHEMA view_effects CASCADE;
DROP ROLE weir_effects_owner, weir_effects_group;
