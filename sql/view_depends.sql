-- What a continuous view depends on cannot be dropped or changed under it: PostgreSQL's own messages.
CREATE SCHEMA view_depends;
SET search_path = view_depends;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE FUNCTION double(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION add_it(bigint, int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total(int) (SFUNC = add_it, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl);
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE COLLATION upper_first (provider = icu, locale = 'en-u-kf-upper');
CREATE FOREIGN TABLE s (k int, t text, x int, m mood, p positive, unused int) SERVER weir;
CREATE TABLE dim (k int PRIMARY KEY, name text, unused int);
CREATE VIEW v AS SELECT d.name, m, count(*), sum(double(x)), total(x), max(t COLLATE upper_first) AS last
	FROM s JOIN dim d ON s.k === d.k GROUP BY d.name, m;
CREATE VIEW w AS SELECT p, count(*) FROM s GROUP BY p;
CREATE VIEW over_v AS SELECT name, count FROM v;

-- the stream, and its columns
DROP FOREIGN TABLE s;
ALTER FOREIGN TABLE s DROP COLUMN x;
ALTER FOREIGN TABLE s ALTER COLUMN x TYPE bigint;
ALTER FOREIGN TABLE s DROP COLUMN unused;
-- tables that it joins
DROP TABLE dim;
ALTER TABLE dim DROP COLUMN name;
ALTER TABLE dim ALTER COLUMN name TYPE varchar(10);
ALTER TABLE dim ALTER COLUMN unused TYPE bigint;
ALTER TABLE dim DROP COLUMN unused;
ALTER TABLE dim DROP CONSTRAINT dim_pkey;
-- functions, aggregates, operators, types, collations
DROP FUNCTION double(int);
DROP AGGREGATE total(int);
DROP FUNCTION add_it(bigint, int);
DROP OPERATOR === (int, int);
DROP TYPE mood;
DROP DOMAIN positive;
DROP COLLATION upper_first;
\set VERBOSITY terse
DROP EXTENSION weir;
\set VERBOSITY default
DROP SERVER weir;
-- its own parts
DROP TABLE v_mrel;
DROP VIEW weir.v_def;
DROP INDEX v_mrel_lookup;
DROP VIEW v;
-- CREATE OR REPLACE FUNCTION keeps the view going
INSERT INTO dim VALUES (1, 'one');
INSERT INTO s (k, t, x, m, p) VALUES (1, 'a', 1, 'good', 1);
CREATE OR REPLACE FUNCTION double(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 20';
INSERT INTO s (k, t, x, m, p) VALUES (1, 'b', 1, 'good', 1);
SELECT * FROM v;
-- renamed, all goes on
ALTER TABLE dim RENAME COLUMN name TO label;
ALTER TABLE dim RENAME TO dimension;
ALTER FUNCTION double(int) RENAME TO twenty_times;
ALTER FOREIGN TABLE s RENAME COLUMN x TO amount;
ALTER FOREIGN TABLE s RENAME TO stream;
ALTER TYPE mood ADD VALUE 'none';
ALTER TYPE mood RENAME TO feeling;
INSERT INTO stream (k, t, amount, m, p) VALUES (1, 'c', 1, 'good', 1), (1, 'd', 1, 'none', 1);
SELECT * FROM v ORDER BY m;
SELECT query FROM weir.views WHERE name = 'v';

-- options of the stream that views need
CREATE FOREIGN TABLE e (at timestamptz, at2 timestamptz, x int) SERVER weir OPTIONS (event_time 'at', watermark '5 seconds');
CREATE VIEW closed WITH (emit = final) AS SELECT window_start, count(*) FROM e, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW "not late" WITH (late = drop) AS SELECT window_start, count(*) FROM e, weir.tumble(at, '1 hour') GROUP BY 1;
CREATE VIEW any_time AS SELECT window_start, count(*) FROM e, weir.tumble(at, '1 hour') GROUP BY 1;
ALTER FOREIGN TABLE e OPTIONS (DROP event_time);
ALTER FOREIGN TABLE e OPTIONS (SET event_time 'at2');
ALTER FOREIGN TABLE e OPTIONS (SET watermark '10 seconds');
ALTER FOREIGN TABLE e OPTIONS (DROP watermark, ADD max_future '1 hour');
ALTER FOREIGN TABLE e DROP COLUMN at;
SELECT name, state FROM weir.views WHERE 'e'::regclass = ANY (streams) ORDER BY 1;
DROP VIEW closed, "not late";
ALTER FOREIGN TABLE e OPTIONS (DROP event_time, DROP max_future);
INSERT INTO e VALUES ('2030-01-01', NULL, 1);
SELECT count FROM any_time;

-- CASCADE takes the view along, with all its parts
DROP INDEX CONCURRENTLY v_mrel_lookup;
CREATE INDEX by_count ON w (count);
DROP INDEX by_count;
DROP FUNCTION twenty_times(int) CASCADE;
DROP DOMAIN positive CASCADE;
SELECT relname FROM pg_class WHERE relname ~ '^(v|w|over_v)(_|$)';
SELECT name FROM weir.views WHERE schema = 'view_depends';
INSERT INTO stream (k) VALUES (1);

SET client_min_messages = warning;
DROP FOREIGN TABLE stream, e CASCADE;
DROP SCHEMA view_depends CASCADE;
