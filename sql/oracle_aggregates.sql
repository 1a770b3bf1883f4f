-- Every aggregate PostgreSQL can combine, over all types it takes: the view equals its query over a table.
CREATE SCHEMA oracle_aggregates;
SET search_path = oracle_aggregates;
CREATE TABLE p (k int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8, m money, iv interval, b bool,
	t text, ts timestamptz, tz timestamp, d date, ti time, a int[], bits bit(8), net inet, rng int4range, o oid, tid tid, x float8, y float8);
CREATE FOREIGN TABLE s (k int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8, m money, iv interval, b bool,
	t text, ts timestamptz, tz timestamp, d date, ti time, a int[], bits bit(8), net inet, rng int4range, o oid, tid tid, x float8, y float8) SERVER weir;

-- What PostgreSQL can combine, called on every column of its argument type: one view a call.
CREATE TABLE calls AS
	SELECT format('v%s', row_number() OVER (ORDER BY p.oid::regprocedure::text COLLATE "C", a.attnum)) AS view,
		format('%s(%I)', p.proname, a.attname) AS call, p.proname, a.attname, p.prorettype
	FROM pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid
	JOIN pg_attribute a ON a.attrelid = 'p'::regclass AND a.attnum > 1
		AND (a.atttypid = p.proargtypes[0] OR p.proargtypes[0] = 'anyarray'::regtype AND a.attname = 'a')
	WHERE g.aggcombinefn <> 0 AND g.aggkind = 'n' AND p.pronargs = 1 AND p.oid < 16384
		AND p.pronamespace = 'pg_catalog'::regnamespace
		AND a.attname NOT IN ('x', 'y')
		AND p.proname NOT IN ('array_agg', 'string_agg', 'any_value', 'range_agg', 'range_intersect_agg');
SELECT count(*) >= 90 AS many FROM calls;
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT view, call FROM oracle_aggregates.calls LOOP
		EXECUTE format('CREATE VIEW %s AS SELECT k, %s AS result FROM oracle_aggregates.s GROUP BY k', c.view, c.call);
	END LOOP;
END $$;
CREATE VIEW two AS SELECT k, regr_count(y, x), regr_sxx(y, x), regr_syy(y, x), regr_sxy(y, x), regr_avgx(y, x), regr_avgy(y, x),
	regr_r2(y, x), regr_slope(y, x), regr_intercept(y, x), covar_pop(y, x), covar_samp(y, x), corr(y, x) FROM s GROUP BY k;
CREATE VIEW count_star AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW together AS SELECT k, count(*), count(i4) AS ci, sum(i8) AS s, avg(n) AS a, min(t) AS mi, max(t) AS ma,
	stddev(n) AS sd, bool_and(b) AS ba, sum(i4) FILTER (WHERE b) AS sf, count(*) FILTER (WHERE t > 'm') AS cf,
	max(i4)::int8 - min(i4) AS spread, sum(f8) / nullif(count(f8), 0) AS mean,
	CASE WHEN count(*) > 10 THEN 'many' WHEN sum(i4) > 0 THEN 'some' END AS c,
	round(avg(i4), 2) || ' of ' || count(*) AS text, sum(i4::int8 + 1) + sum(i4::int8 + 1) AS same, sum(i4::int8 * 2) AS doubled
	FROM s GROUP BY k;
CREATE VIEW filtered AS SELECT k, sum(i4), avg(n) FROM s GROUP BY k HAVING count(*) > 60 AND avg(i4) IS NOT NULL;
CREATE VIEW never AS SELECT k, sum(i8) FILTER (WHERE false) AS s, avg(n) FILTER (WHERE false) AS a, avg(iv) FILTER (WHERE false) AS i,
	stddev(i4) FILTER (WHERE false) AS sd, max(t) FILTER (WHERE false) AS m FROM s GROUP BY k;
CREATE VIEW top AS SELECT k, count(*) AS c FROM s GROUP BY k ORDER BY c DESC, k LIMIT 2;
CREATE VIEW alone AS SELECT count(*), sum(i4), avg(n), min(t), stddev(f8), bool_or(b) FROM s;
CREATE VIEW constants AS SELECT max(7), min('a'::text), bool_or(false AND b) FROM s;
CREATE VIEW alone_having AS SELECT sum(i4) FROM s HAVING count(*) > 1000000;

-- before any row: as the batch query over no rows
SELECT * FROM alone;
SELECT * FROM alone EXCEPT ALL SELECT count(*), sum(i4), avg(n), min(t), stddev(f8), bool_or(b) FROM p;
SELECT * FROM alone_having;
SELECT * FROM together;

-- k = 0: NULLs only; k = 1: one row; k = 2: extremes; others: many
INSERT INTO p (k) VALUES (0), (0);
INSERT INTO p SELECT 1, 7, 7, 7, 7.5, 7.5, 7.5, 7.5::numeric::money, '7 days', true, 'seven', '2026-07-07', '2026-07-07', '2026-07-07', '07:07',
	'{7}', B'00000111', '7.7.7.7', '[7,8)', 7, '(7,7)', 7, 7;
INSERT INTO p (k, i2, i4, i8, n, f4, f8) VALUES (2, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 'Infinity'),
	(2, -32768, -2147483648, -9223372036854775808, 1e100, 1, 1), (2, 32767, 2147483647, 9223372036854775807, 1, 2, 2),
	(2, 1, 1, 1, -1e-100, 3, 3);
INSERT INTO p SELECT 3 + i % 4, i % 100, i - 250, i::int8 * 10000000000, i / 8.0, i / 4.0, i / 4.0 - 30, (i % 50)::numeric::money, i * interval '1 min',
	nullif(i % 7, 0) > 3, 't' || i % 90, timestamptz '2026-01-01' + i * interval '1 hour', timestamp '2026-01-01' + i * interval '1 s',
	date '2026-01-01' + i % 30, time '00:00' + i * interval '1 min', ARRAY[i % 3, nullif(i % 5, 0)], (i % 256)::bit(8),
	inet '10.0.0.0' + i, int4range(i % 10, 10 + i % 20), i, ('(' || i || ',1)')::tid, i % 17, (i * i) % 23
	FROM generate_series(1, 300) i;
INSERT INTO s SELECT * FROM p WHERE k = 0 OR f8 < 0;
INSERT INTO s SELECT * FROM p WHERE NOT (k = 0 OR f8 < 0) AND k IN (1, 2);
SET weir.synchronous_insert = off;
DO $$
DECLARE
	r oracle_aggregates.p;
BEGIN
	FOR r IN SELECT * FROM oracle_aggregates.p WHERE k > 2 AND NOT f8 < 0 LOOP
		INSERT INTO oracle_aggregates.s SELECT r.*;
	END LOOP;
END $$;
RESET weir.synchronous_insert;
SELECT weir.flush();

-- float results depend on the order of addition in their last digits
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION digits(float8) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$ SELECT round($1::numeric, 9) $$;
SELECT call, differences(format(CASE WHEN prorettype = 'float8'::regtype THEN '(SELECT k, digits(result) FROM %s) f' ELSE '%s' END, view),
		format(CASE WHEN prorettype = 'float8'::regtype THEN 'SELECT k, digits(%s) FROM p GROUP BY k' ELSE 'SELECT k, %s FROM p GROUP BY k' END, call))
	FROM calls ORDER BY call COLLATE "C";
SELECT differences('(SELECT k, regr_count, digits(regr_sxx), digits(regr_syy), digits(regr_sxy), digits(regr_avgx), digits(regr_avgy),
		digits(regr_r2), digits(regr_slope), digits(regr_intercept), digits(covar_pop), digits(covar_samp), digits(corr) FROM two) x',
	'SELECT k, regr_count(y, x), digits(regr_sxx(y, x)), digits(regr_syy(y, x)), digits(regr_sxy(y, x)), digits(regr_avgx(y, x)), digits(regr_avgy(y, x)),
		digits(regr_r2(y, x)), digits(regr_slope(y, x)), digits(regr_intercept(y, x)), digits(covar_pop(y, x)), digits(covar_samp(y, x)), digits(corr(y, x)) FROM p GROUP BY k');
SELECT differences('constants', $$SELECT max(7), min('a'::text), bool_or(false AND b) FROM p$$);
SELECT differences('count_star', 'SELECT k, count(*) FROM p GROUP BY k');
SELECT differences('together', $$SELECT k, count(*), count(i4), sum(i8), avg(n), min(t), max(t),
	stddev(n), bool_and(b), sum(i4) FILTER (WHERE b), count(*) FILTER (WHERE t > 'm'),
	max(i4)::int8 - min(i4), sum(f8) / nullif(count(f8), 0),
	CASE WHEN count(*) > 10 THEN 'many' WHEN sum(i4) > 0 THEN 'some' END,
	round(avg(i4), 2) || ' of ' || count(*), sum(i4::int8 + 1) + sum(i4::int8 + 1), sum(i4::int8 * 2) FROM p GROUP BY k$$);
SELECT differences('filtered', 'SELECT k, sum(i4), avg(n) FROM p GROUP BY k HAVING count(*) > 60 AND avg(i4) IS NOT NULL');
SELECT differences('never', 'SELECT DISTINCT k, NULL::numeric, NULL::numeric, NULL::interval, NULL::numeric, NULL::text FROM p');
SELECT differences('top', 'SELECT k, count(*) FROM p GROUP BY k ORDER BY 2 DESC, k LIMIT 2');
SELECT differences('alone', 'SELECT count(*), sum(i4), avg(n), min(t), stddev(f8), bool_or(b) FROM p');
SELECT * FROM alone_having;
SELECT * FROM top;

SET client_min_messages = warning;
DROP SCHEMA oracle_aggregates CASCADE;
