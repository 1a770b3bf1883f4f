-- Functions of aggregates and types run as the view's owner, wherever a worker calls them.
CREATE SCHEMA owner_rights;
CREATE ROLE regress_weir_owner;
GRANT ALL ON SCHEMA owner_rights TO regress_weir_owner;
SET search_path = owner_rights;
SET ROLE regress_weir_owner;
CREATE TABLE calls (what text, who name);
CREATE FUNCTION add(a bigint, b int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION combine(a bigint, b bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO owner_rights.calls VALUES ('combine', current_user);
	RETURN a + b;
END $$;
CREATE AGGREGATE total(int) (SFUNC = add, STYPE = bigint, INITCOND = '0', COMBINEFUNC = combine);
CREATE FOREIGN TABLE s (x int) SERVER weir;
CREATE VIEW v AS SELECT count(*), total(x) FROM s;

-- Large enough for a file: its parts are combined by the ingest worker, then with the matrel's row.
SET weir.insert_buffer = '64kB';
INSERT INTO s SELECT 1 FROM generate_series(1, 200000);
RESET weir.insert_buffer;
TABLE v;
SELECT DISTINCT what, who FROM calls;

-- A cast to json runs when a row is put aside; one that fails does no harm.
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	IF $1 = 'bad' THEN
		RAISE 'not shown';
	END IF;
	INSERT INTO owner_rights.calls VALUES ('cast', current_user);
	RETURN '"fine"';
END $$;
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
CREATE FOREIGN TABLE m (x int, mood mood) SERVER weir;
CREATE VIEW w AS SELECT sum(1 / x) FROM m;
INSERT INTO m VALUES (0, 'good'), (0, 'bad'), (1, 'bad');
TABLE w;
SELECT DISTINCT what, who FROM calls ORDER BY what;
RESET ROLE;
SELECT view, sqlstate, message, convert_from(payload, 'UTF8')::json->>'mood' AS mood
FROM weir.dead_letters WHERE stream = 'm'::regclass ORDER BY mood;

SET client_min_messages = warning;
DROP FOREIGN TABLE s, m CASCADE;
DROP SCHEMA owner_rights CASCADE;
DROP ROLE regress_weir_owner;
