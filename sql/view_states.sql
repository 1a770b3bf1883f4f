-- Partial states of type weir.state: nobody can make one up.
CREATE SCHEMA view_states;
SET search_path = view_states;
CREATE FOREIGN TABLE s (k int, x int, n numeric) SERVER weir;
CREATE TABLE p (k int, x int, n numeric);
CREATE VIEW v AS SELECT k, avg(n), var_pop(x), sum(x::bigint) FROM s GROUP BY k;
CREATE VIEW w WITH (sw = '1 hour') AS SELECT k, avg(n), stddev(n) FROM s GROUP BY k;
\d v_mrel
INSERT INTO p SELECT i % 3, i, i / 7.0 FROM generate_series(1, 100) i;
INSERT INTO p VALUES (4, NULL, NULL), (5, 1, 1e5000);
INSERT INTO s SELECT * FROM p;
INSERT INTO s SELECT * FROM p;
INSERT INTO p SELECT * FROM p;
SELECT * FROM v EXCEPT ALL SELECT k, avg(n), var_pop(x), sum(x::bigint) FROM p GROUP BY k;
SELECT * FROM w EXCEPT ALL SELECT k, avg(n), stddev(n) FROM p GROUP BY k;
SELECT count(*) FROM v JOIN w USING (k);

-- bytes are no state, nor does anything make them one
SELECT weir.finalize('avg(numeric)'::regprocedure, '\x00'::bytea, NULL::numeric);
SELECT weir.combine('avg(numeric)'::regprocedure, '\x00'::bytea, NULL::numeric);
SELECT '\x00'::bytea::weir.state;
SELECT avg::text::bytea FROM v_mrel LIMIT 0;
SELECT avg::bytea FROM v_mrel LIMIT 0;
SELECT count(*) FROM (SELECT DISTINCT avg FROM v_mrel) d;
SELECT avg = avg FROM v_mrel;

-- only a superuser enters one, and one of another aggregate is told
CREATE TABLE dump AS SELECT k, avg::text, var_pop::text FROM v_mrel;
SELECT count(*) FROM dump WHERE avg LIKE '\\x%';
SELECT weir.finalize('avg(numeric)'::regprocedure, d.avg::weir.state, NULL::numeric) = v.avg AS same
	FROM dump d JOIN v USING (k) ORDER BY k;
SELECT weir.finalize('avg(numeric)'::regprocedure, var_pop, NULL::numeric) FROM v_mrel WHERE k = 1;
SELECT weir.combine('var_pop(int)'::regprocedure, avg, NULL::numeric) FROM v_mrel;
SELECT weir.finalize('avg(numeric)'::regprocedure, '\x01'::weir.state, NULL::numeric);
SELECT weir.finalize('avg(numeric)'::regprocedure, NULL::weir.state, NULL::numeric);

CREATE ROLE view_states_user;
GRANT USAGE, CREATE ON SCHEMA view_states TO view_states_user;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA view_states TO view_states_user;
SET ROLE view_states_user;
\set VERBOSITY default
SELECT '\x00'::weir.state;
\set VERBOSITY terse
SELECT weir.state_in('\x00');
SELECT avg::weir.state FROM dump;
SELECT (json_populate_record(NULL::v_mrel, '{"avg": "\\x00"}')).avg;
CREATE TABLE mine (LIKE v_mrel);
COPY mine (avg) FROM stdin;
\\x00
\.
DO $$DECLARE s weir.state; BEGIN s := '\x00'::bytea; END$$;
SELECT k, weir.finalize('avg(numeric)'::regprocedure, m.avg, NULL::numeric) = v.avg AS same
	FROM v_mrel m JOIN v USING (k) WHERE k = 1;
CREATE VIEW own AS SELECT k, avg(n) FROM s GROUP BY k;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA view_states CASCADE;
DROP OWNED BY view_states_user;
DROP ROLE view_states_user;
