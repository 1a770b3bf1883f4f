-- What matrels keep is of the same form on every version of PostgreSQL: the bytes are those that 15 wrote.
CREATE SCHEMA view_upgrade;
SET search_path = view_upgrade;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE FOREIGN TABLE s (x int, b bigint, n numeric, f float8, t text, i interval, m mood, at timestamptz) SERVER weir;
CREATE TABLE p (x int, b bigint, n numeric, f float8, t text, i interval, m mood, at timestamptz);

-- every serialize function of PostgreSQL's aggregates that can be combined, and the states that are arrays
SELECT aggserialfn, aggdeserialfn, count(*) FROM pg_aggregate
	WHERE aggserialfn <> 0 AND aggkind = 'n' AND aggfnoid < 16384 AND NOT (aggserialfn::text ~ '^(array|string)_agg|^interval') GROUP BY 1, 2 ORDER BY 1::text;
SELECT aggtranstype::regtype, aggcombinefn, count(*) FROM pg_aggregate
	WHERE aggtranstype::regtype::text ~ '\[\]' AND aggcombinefn <> 0 AND aggfnoid < 16384 AND NOT aggtranstype::regtype::text ~ 'interval' GROUP BY 1, 2 ORDER BY 1::text, 2::text;
CREATE VIEW numbers AS SELECT avg(b) AS int8_avg, avg(n) AS numeric_avg, var_pop(x) AS int4_var, var_pop(b) AS int8_var, stddev(n) AS numeric_var,
	sum(b) AS int8_sum, sum(n) AS numeric_sum, avg(x) AS int4_avg, avg(f) AS float8_avg, corr(f, x) AS corr, avg(i) AS interval_avg, sum(i) AS interval_sum FROM s;
CREATE VIEW kept AS SELECT array_agg(m) AS array, string_agg(t, ', ') AS string, string_agg(t::bytea, '\x00') AS bytes, json_agg(x)::text AS json,
	jsonb_object_agg(t, x)::text AS jsonb, weir.first(t, n) AS first, weir.last(x, at) AS last, weir.top_n(2, i, at) AS top, weir.keyed_min(f, t) AS keyed FROM s;
CREATE VIEW sketches AS SELECT weir.hll_agg(x, 4) AS hll, weir.hll_agg(t) AS hll_t, weir.bloom_agg(n, 0.1, 10) AS bloom, weir.bloom_agg(m, 0.1, 3) AS bloom_m,
	weir.freq_agg(at, 0.5, 0.9) AS freq, weir.topk_agg(t, 1, 2, 3) AS topk FROM s;
INSERT INTO s SELECT i, i * 10000000000, i / 7.0, i / 4.0, 't' || i % 3, i * interval '1 month 1 hour', CASE WHEN i % 3 > 0 THEN 'low' ELSE 'high' END::mood, timestamptz '2026-01-01' + i * interval '1 day'
	FROM generate_series(1, 5) i;
INSERT INTO s VALUES (NULL, NULL, 'NaN', -0.5, 'é', '-1 day', 'high', '2026-02-01'), (7, -1, 1e-20, 0, '', '1 microsecond', NULL, NULL);
\x
SELECT * FROM numbers_mrel;
SELECT * FROM kept_mrel;
SELECT * FROM sketches_mrel;
\x

-- a state of a version that is not known is told, whoever wrote it
\set VERBOSITY terse
CREATE CAST (bytea AS weir.hyperloglog) WITHOUT FUNCTION;
CREATE CAST (bytea AS weir.bloom) WITHOUT FUNCTION;
CREATE CAST (bytea AS weir.topk) WITHOUT FUNCTION;
SELECT weir.finalize('avg(numeric)'::regprocedure, '\x0200000000'::weir.state, NULL::numeric);
SELECT weir.finalize('avg(numeric)'::regprocedure, '\x0100000000'::weir.state, NULL::numeric);
SELECT weir.finalize('avg(numeric)'::regprocedure, '\x'::weir.state, NULL::numeric);
SELECT weir.combine('weir.first(anyelement,"any")'::regprocedure, ARRAY['text', 'numeric']::regtype[], overlay(first::text PLACING '02' FROM 13 FOR 2)::weir.state, NULL::text) FROM kept_mrel;
SELECT overlay(weir.hll_empty()::text PLACING '02' FROM 7 FOR 2)::weir.hyperloglog;
SELECT weir.hll_cardinality('\x5748020e00000000'::bytea::weir.hyperloglog);
SELECT weir.hll_union(weir.hll_empty(), '\x5748020e00000000'::bytea::weir.hyperloglog);
SELECT weir.bloom_contains('\x574202010000000000000000'::bytea::weir.bloom, 1);
SELECT weir.bloom_union_agg(b) FROM (VALUES (weir.bloom_empty()), ('\x574202010000000000000000'::bytea::weir.bloom)) v (b);
SELECT weir.topk_values('\x574b020000000000'::bytea::weir.topk, NULL::text[]);
SELECT '\x574b020000000000'::bytea::weir.topk;

-- a matrel that holds one has its view suspended when it is to grow, others go on
CREATE VIEW other AS SELECT count(*) FROM s;
SET session_replication_role = replica;
UPDATE numbers_mrel SET numeric_avg = overlay(numeric_avg::text PLACING '02' FROM 3 FOR 2)::weir.state;
RESET session_replication_role;
SET client_min_messages = error;
INSERT INTO s (n) VALUES (1);
SELECT name, state, reason FROM weir.views WHERE schema = 'view_upgrade' ORDER BY name;
SELECT * FROM other;

-- sums and averages of intervals are kept in another way than PostgreSQL's, and are the same
DROP VIEW kept, sketches;
CREATE VIEW lengths AS SELECT x % 3 AS k, sum(i), avg(i), sum(i) FILTER (WHERE x > 90) AS big, avg(-i) AS neg, count(*) FROM s GROUP BY 1;
CREATE VIEW length AS SELECT sum(i), avg(i) FROM s;
SELECT * FROM length;
INSERT INTO p (x, i) SELECT i, i * interval '1 month -1 day 7 minutes' FROM generate_series(1, 200) i;
INSERT INTO p (x) VALUES (0), (300);
INSERT INTO s (x, i) SELECT x, i FROM p WHERE x % 2 = 0;
INSERT INTO s (x, i) SELECT x, i FROM p WHERE x % 2 > 0;
(SELECT x % 3, sum(i), avg(i), sum(i) FILTER (WHERE x > 90), avg(-i), count(*) FROM p GROUP BY 1 EXCEPT ALL TABLE lengths)
UNION ALL (TABLE lengths EXCEPT ALL SELECT x % 3, sum(i), avg(i), sum(i) FILTER (WHERE x > 90), avg(-i), count(*) FROM p GROUP BY 1);
SELECT * FROM length EXCEPT ALL SELECT sum(i), avg(i) FROM p;
SELECT weir.combine(sum), weir.combine(avg) FROM lengths EXCEPT ALL SELECT sum(i), avg(i) FROM p;
SELECT weir.sum(i), weir.avg(i) FROM p EXCEPT ALL SELECT sum(i), avg(i) FROM p;
SELECT DISTINCT d FROM (SELECT weir.avg(i) OVER (ORDER BY x) = avg(i) OVER (ORDER BY x) AS d FROM p) w;
-- one that is too long is a dead letter
INSERT INTO s (x, i) VALUES (1, '178000000 years'), (1, '178000000 years'), (4, '1 day');
INSERT INTO p (x, i) VALUES (1, '178000000 years'), (4, '1 day');
SELECT view, sqlstate, count(*) FROM weir.dead_letters WHERE stream = 's'::regclass AND sqlstate = '22008' GROUP BY 1, 2 ORDER BY 1::text;
SELECT sum, avg FROM lengths EXCEPT ALL SELECT sum(i), avg(i) FROM p GROUP BY x % 3;
SELECT weir.interval_combine('{1 day,1 sec}', '{1 day}');
SELECT weir.interval_avg_final('{{1 day,1 sec}}');
SELECT weir.interval_sum_final('{1 day,NULL}');
DROP SCHEMA view_upgrade CASCADE;
