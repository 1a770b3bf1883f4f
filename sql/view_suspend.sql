-- A view that fails for a reason of its own is suspended: it keeps what it counted before, and counts no more.
CREATE SCHEMA view_suspend;
SET search_path = view_suspend;
CREATE FOREIGN TABLE s (x int) SERVER weir;
CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF $1 = 5 THEN
		RAISE feature_not_supported USING MESSAGE = 'no fives';
	END IF;
	RETURN $1;
END $$;
CREATE VIEW bad AS SELECT count(*), sum(f(x)) FROM s;
CREATE VIEW good AS SELECT count(*), sum(x) FROM s;
INSERT INTO s VALUES (1);
-- In one epoch with the failure, but before it.
SET weir.synchronous_insert = off;
BEGIN; INSERT INTO s VALUES (2); COMMIT;
RESET weir.synchronous_insert;
INSERT INTO s VALUES (5);
INSERT INTO s VALUES (3);
TABLE good;
SELECT name, state, reason FROM weir.views WHERE schema = 'view_suspend' ORDER BY name;
SELECT count IN (1, 2) AS before_only FROM bad;
SELECT weir.activate('bad');
INSERT INTO s VALUES (4);
TABLE good;
SELECT sum IN (1 + 4, 1 + 2 + 4) AS counts_again FROM bad;

-- Parts of a large transaction that cannot be combined.
CREATE FOREIGN TABLE t (x float8, padding text) SERVER weir;
CREATE VIEW huge AS SELECT sum(x) FROM t;
CREATE VIEW number AS SELECT count(*) FROM t;
SET weir.insert_buffer = '64kB';
INSERT INTO t SELECT CASE WHEN i IN (1, 100000) THEN 1.7e308 ELSE 0 END, repeat('x', 200) FROM generate_series(1, 150000) i;
RESET weir.insert_buffer;
TABLE number;
SELECT state, reason FROM weir.views WHERE schema = 'view_suspend' AND name = 'huge';

-- An aggregate is replaced by one with another state.
CREATE FUNCTION add_number(bigint, int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE FUNCTION show_number(bigint) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
CREATE FUNCTION add_text(text, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE FUNCTION join_text(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE AGGREGATE agg(int) (SFUNC = add_number, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, FINALFUNC = show_number);
CREATE VIEW shown AS SELECT agg(x) FROM s;
INSERT INTO s VALUES (6);
TABLE shown;
CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = add_text, STYPE = text, INITCOND = '', COMBINEFUNC = join_text);
INSERT INTO s VALUES (7);
TABLE good;
SELECT state, reason FROM weir.views WHERE schema = 'view_suspend' AND name = 'shown';

SET client_min_messages = warning;
DROP FOREIGN TABLE s, t CASCADE;
DROP SCHEMA view_suspend CASCADE;
