-- A view that could not count a single row is refused when it is created: temporary objects, constants that are none, rights that are missing.
CREATE SCHEMA view_never;
SET search_path = view_never;
\set VERBOSITY default
CREATE FOREIGN TABLE s (k int, x int, t text, at timestamptz, ats timestamp, d date, i interval) SERVER weir;

-- temporary objects of every kind, with their place
CREATE TEMP TABLE tmp (k int, nm text);
CREATE TEMP VIEW tmp_view AS SELECT 1 AS k;
CREATE TEMP SEQUENCE tmp_seq;
CREATE TYPE pg_temp.mood AS ENUM ('a', 'b');
CREATE DOMAIN pg_temp.small AS int CHECK (VALUE < 10);
CREATE FUNCTION pg_temp.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE pg_temp.total(int) (SFUNC = int4pl, STYPE = int, COMBINEFUNC = int4pl);
CREATE OPERATOR pg_temp.<<>> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4lt);
CREATE VIEW v AS SELECT nm, count(*) FROM s JOIN tmp USING (k) GROUP BY nm;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE EXISTS (SELECT FROM tmp WHERE tmp.k = s.k) GROUP BY k;
CREATE VIEW v AS SELECT k, (SELECT max(nm) FROM tmp), count(*) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s JOIN tmp_view USING (k) GROUP BY k;
CREATE VIEW v AS SELECT k, nextval('tmp_seq') FROM s;
CREATE VIEW v AS SELECT t::pg_temp.mood AS mood, count(*) FROM s GROUP BY 1;
CREATE VIEW v AS SELECT k, array_agg(t::pg_temp.mood) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, sum(x::pg_temp.small) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, max((NULL::tmp)::text) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, sum(pg_temp.f(x)) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k, pg_temp.total(x) FROM s GROUP BY k;
CREATE VIEW v AS SELECT k FROM s WHERE k OPERATOR(pg_temp.<<>>) x;
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
CREATE OR REPLACE VIEW v AS SELECT k, count(*), sum(pg_temp.f(x)) FROM s GROUP BY k;
SELECT name, added_columns FROM weir.views WHERE schema = 'view_never';
DISCARD TEMP;

-- constants
CREATE VIEW c AS SELECT weir.dist_agg(x, 2048) FROM s;
CREATE VIEW c AS SELECT weir.dist_agg(x, 0) FROM s;
CREATE VIEW c AS SELECT weir.topk_agg(x, 5000) FROM s;
CREATE VIEW c AS SELECT weir.topk_agg(x, 50, 10, 1) FROM s;
CREATE VIEW c AS SELECT k, sum(x), weir.hll_agg(x, 20 + 10) FROM s GROUP BY k;
CREATE VIEW c AS SELECT weir.freq_agg(x, 5.0, 0.9) FROM s;
CREATE VIEW c AS SELECT weir.bloom_agg(x, 0.1, 0) FROM s;
CREATE VIEW c AS SELECT weir.top_n(0, x, at) FROM s;
CREATE VIEW c AS SELECT weir.first_values(-1, x) FROM s;
CREATE VIEW c AS SELECT date_trunc('hoour', at), sum(x) FROM s GROUP BY 1;
CREATE VIEW c AS SELECT k, sum(date_part('fo' || 'o', ats)) FROM s GROUP BY k;
CREATE VIEW c AS SELECT extract(century FROM i) AS c, extract(hour FROM d) FROM s;
CREATE VIEW c AS SELECT date_bin('1 month', at, '2000-01-01'), sum(x) FROM s GROUP BY 1;
CREATE VIEW c AS SELECT at AT TIME ZONE ('Asia' || '/Tokio') FROM s;
CREATE VIEW c AS SELECT k FROM s WHERE t ~ '(';
CREATE VIEW c AS SELECT k, count(*) FILTER (WHERE t !~* '[') FROM s GROUP BY k;
CREATE VIEW c AS SELECT substring(t, '*'), regexp_replace(t, 'a', 'b') FROM s;
-- what depends on the row is tried with rows
CREATE VIEW by_row AS SELECT k, weir.hll_agg(x, k) FROM s GROUP BY k;
CREATE VIEW good AS SELECT date_trunc('hour', at) AS h, date_trunc('week', ats) AS w, extract(dow FROM d) AS dow, extract(epoch FROM i) AS e, date_bin('5 minutes', at, '2000-01-01') AS b,
	date_trunc('day', at, 'Asia/Tokyo') AS j, substring(t, '\d+') AS n FROM s WHERE t ~ '^[a-z]+\d*$' AND t NOT SIMILAR TO '%x%' AND date_trunc(t, at) IS NOT NULL;
CREATE VIEW sketches AS SELECT weir.dist_agg(x, 1) AS d, weir.topk_agg(x, 1, 1, 1) AS k, weir.hll_agg(x, 4) AS h, weir.top_n(1, x) AS n FROM s;
INSERT INTO s VALUES (5, 1, 'hour', '2030-01-01', '2030-01-01', '2030-01-01', '1 s'), (50, 2, 'day', '2030-01-01', '2030-01-01', '2030-01-01', '1 s');
SELECT k, weir.hll_cardinality(hll_agg) FROM by_row;
SELECT h, w, dow, e, b, n FROM good ORDER BY h;
SELECT weir.dist_quantile(d, 0.5), weir.hll_cardinality(h), n FROM sketches;
SELECT view, message, count(*) FROM weir.dead_letters WHERE stream = 's'::regclass GROUP BY 1, 2;

-- rights: on columns as on a table, on what is joined, on functions
CREATE ROLE regress_weir_never;
GRANT ALL ON SCHEMA view_never TO regress_weir_never;
CREATE TABLE dim (k int, name text, hidden text);
INSERT INTO dim VALUES (1, 'one', 'h');
CREATE FUNCTION hidden(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
REVOKE EXECUTE ON FUNCTION hidden(int) FROM PUBLIC;
CREATE VIEW dims AS SELECT k, hidden FROM dim;
GRANT SELECT (k, x) ON s TO regress_weir_never;
GRANT SELECT (k, name) ON dim TO regress_weir_never;
GRANT SELECT ON dims TO regress_weir_never;
SET ROLE regress_weir_never;
CREATE VIEW r1 AS SELECT k, sum(x) FROM s GROUP BY k;
CREATE VIEW r2 AS SELECT name, count(*) FROM s JOIN dim USING (k) GROUP BY name;
CREATE VIEW r3 AS SELECT hidden, count(*) FROM s JOIN dims USING (k) GROUP BY hidden;
CREATE VIEW r AS SELECT k, max(t) FROM s GROUP BY k;
CREATE VIEW r AS SELECT k FROM s WHERE t > '';
CREATE VIEW r AS SELECT count(s) FROM s;
CREATE VIEW r WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW r AS SELECT hidden, count(*) FROM s JOIN dim USING (k) GROUP BY hidden;
CREATE VIEW r AS SELECT k FROM s WHERE EXISTS (SELECT FROM dim WHERE hidden = 'h');
CREATE VIEW r AS SELECT k, sum(hidden(x)) FROM s GROUP BY k;
CREATE VIEW r AS SELECT k, count(DISTINCT hidden(x)) FROM s GROUP BY k;
CREATE OR REPLACE VIEW r1 AS SELECT k, sum(x), max(t) FROM s GROUP BY k;
CREATE OR REPLACE VIEW r1 AS SELECT k, sum(x), count(*) FROM s GROUP BY k;
RESET ROLE;
GRANT SELECT (arrival_timestamp) ON s TO regress_weir_never;
SET ROLE regress_weir_never;
CREATE VIEW r4 WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;
INSERT INTO s (k, x) VALUES (1, 5), (2, 6);
SELECT * FROM r1 ORDER BY k;
SELECT * FROM r2;
SELECT * FROM r3;
SELECT * FROM r4 ORDER BY k;
SELECT name, state, reason FROM weir.views WHERE schema = 'view_never' AND state <> 'active';
SET client_min_messages = warning;
DROP SCHEMA view_never CASCADE;
DROP ROLE regress_weir_never;
