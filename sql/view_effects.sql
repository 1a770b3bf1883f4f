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

-- A function that says that its fault will pass is not believed: its rows are dead letters, and nobody waits.
CREATE FOREIGN TABLE u (x int) SERVER weir;
CREATE FUNCTION raise(x int, code text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF x > 1 THEN
		RAISE EXCEPTION 'raised %', code USING ERRCODE = code;
	END IF;
	RETURN x;
END $$;
CREATE VIEW halves AS SELECT sum(100 / x) FROM u;
SET client_min_messages = warning;
SELECT format('CREATE VIEW raised_%s AS SELECT sum(view_effects.raise(x, %L)) FROM u', lower(code), code)
FROM unnest('{40001,40P01,42501,53000,53100,53200,53400,54000,55000,55006,55P03,57014,57P01,57P03,58000,58030,WE001,WE002,XX000}'::text[]) code \gexec
RESET client_min_messages;
INSERT INTO u VALUES (0), (1), (2);
INSERT INTO u VALUES (3);
TABLE halves;
SELECT v.name, v.state, count(d.id), min(d.sqlstate)
FROM weir.views v LEFT JOIN weir.dead_letters d ON d.view = v.view
WHERE v.name ~ 'raised' GROUP BY 1, 2 ORDER BY 1;
SELECT d.message, convert_from(d.payload, 'UTF8')::json ->> 'x' AS x FROM weir.dead_letters d
WHERE d.view = 'raised_53200'::regclass ORDER BY d.id;
TABLE raised_53200;

-- what waits for the flush is refused where a worker would wait for itself
CREATE FOREIGN TABLE w (what text) SERVER weir;
CREATE FUNCTION wait_for(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; RETURN what; END $$;
SET client_min_messages = warning;
CREATE VIEW waits AS SELECT wait_for(what) FROM w;
RESET client_min_messages;
CREATE VIEW bystander AS SELECT count(*) FROM w;
INSERT INTO w VALUES ('SELECT weir.flush()'), ('SELECT weir.truncate(''view_effects.waits'')'), ('SELECT 1'),
	('CREATE OR REPLACE VIEW view_effects.bystander AS SELECT count(*), max(what) FROM view_effects.w'), ('SELECT weir.ttl_expire(''view_effects.waits'')');
INSERT INTO w VALUES ('SELECT 2');
TABLE waits;
SELECT state, reason FROM weir.views WHERE name = 'waits';
SELECT message FROM weir.dead_letters WHERE view = 'waits'::regclass ORDER BY id;
TABLE bystander;

SET client_min_messages = warning;
DELETE FROM weir.dead_letters WHERE message LIKE 'raised %';
DROP FOREIGN TABLE s, t, u, w CASCADE;
DROP SCHEMA view_effects CASCADE;
DROP ROLE weir_effects_owner, weir_effects_group;
