-- HyperLogLog: error bounds over a million values, views against the same aggregate over a table, bad input.
CREATE SCHEMA sketch_hll;
SET search_path = sketch_hll;
CREATE TABLE v AS SELECT i AS x, i::text AS t, i % 1000 AS g FROM generate_series(1, 1000000) i;

-- The standard error is 1.04 / sqrt(2^p); four times that is never met by chance, and values are fixed.
SELECT n, abs(weir.approx_count_distinct(x) - n) <= CASE WHEN n < 800 THEN 0 ELSE 4 * 0.0081 * n END AS good
	FROM (VALUES (1), (2), (10), (100), (700), (1024), (1025), (2000), (5000), (20000), (40000), (70000), (1000000)) s(n), generate_series(1, n) x GROUP BY n ORDER BY n;
SELECT weir.approx_count_distinct(NULL::int), weir.hll_count_distinct(1);
SELECT count(*) FILTER (WHERE abs(e) > 4 * 0.0081) AS bad, avg(abs(e)) < 0.0081 AS average, abs(avg(e)) < 0.002 AS unbiased
	FROM (SELECT (weir.approx_count_distinct(x) - 25000) / 25000.0 AS e FROM v WHERE x <= 500000 GROUP BY x % 20) e;
SELECT p, abs(weir.hll_cardinality(weir.hll_agg(t, p)) / 300000.0 - 1) < 4 * 1.04 / sqrt(2 ^ p) AS good
	FROM v, unnest(ARRAY[4, 11, 18]) p WHERE x <= 300000 GROUP BY p ORDER BY p;
-- equal values of other looks, a million times the same, unions in any order and form
SELECT weir.approx_count_distinct(n) FROM (VALUES (1.0), (1.00), (1)) n(n);
SELECT weir.approx_count_distinct(f) FROM (VALUES (0.0::float8), (-0.0), ('NaN'), ('NaN')) f(f);
CREATE TYPE pair AS (g int, t text);
SELECT weir.approx_count_distinct(g), weir.approx_count_distinct(ARRAY[g, 1]), weir.approx_count_distinct(ROW(g, t)::pair) BETWEEN 97000 AND 103000 AS rows FROM v WHERE x <= 100000;
CREATE TABLE parts AS SELECT g, weir.hll_agg(x) AS h FROM v WHERE x <= 300000 GROUP BY g;
SELECT max(pg_column_size(h)) < 2500 AS small FROM parts;
SELECT (SELECT weir.hll_union_agg(h) FROM parts)::text = (SELECT weir.hll_agg(x) FROM v WHERE x <= 300000)::text AS same_dense;
SELECT weir.hll_union(a.h, b.h, NULL)::text = (SELECT weir.hll_agg(x) FROM v WHERE g IN (1, 2) AND x <= 300000)::text AS same_sparse,
	weir.hll_cardinality(weir.hll_union(a.h, a.h, b.h)) FROM parts a, parts b WHERE a.g = 1 AND b.g = 2;
SELECT weir.hll_cardinality(weir.hll_add(weir.hll_add(weir.hll_empty(), 5), 5)), weir.hll_cardinality(weir.hll_empty(4)), weir.hll_cardinality(NULL);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT weir.hll_agg(x)::text = (SELECT weir.hll_union_agg(h)::text FROM (SELECT weir.hll_agg(x) AS h FROM v GROUP BY x / 50000) p) AS parallel FROM v;

-- Views: the same sketch, not only the same estimate.
CREATE FOREIGN TABLE s (x int, t text, g int) SERVER weir;
CREATE VIEW groups AS SELECT g % 3 AS g, weir.approx_count_distinct(x) AS n, weir.hll_agg(t) AS h, weir.approx_count_distinct(t) FILTER (WHERE x > 100) AS f FROM s GROUP BY g % 3;
CREATE VIEW alone AS SELECT weir.approx_count_distinct(x) FROM s;
SELECT * FROM alone;
INSERT INTO s SELECT * FROM v WHERE x <= 500;
INSERT INTO s SELECT * FROM v WHERE x BETWEEN 300 AND 2000;
INSERT INTO s SELECT * FROM v WHERE x BETWEEN 2001 AND 50000;
CREATE TABLE w AS SELECT * FROM v WHERE x <= 50000;
SELECT g, n = (SELECT weir.approx_count_distinct(x) FROM w WHERE w.g % 3 = groups.g) AS n,
	h::text = (SELECT weir.hll_agg(t)::text FROM w WHERE w.g % 3 = groups.g) AS h,
	f = (SELECT weir.approx_count_distinct(t) FROM w WHERE x > 100 AND w.g % 3 = groups.g) AS f FROM groups ORDER BY g;
SELECT approx_count_distinct = (SELECT weir.approx_count_distinct(x) FROM w) AS same FROM alone;
SELECT abs(weir.hll_cardinality(weir.hll_union_agg(h)) - 50000) < 1600 AS good FROM groups;

-- Text and binary form; nothing else is taken.
CREATE TABLE t (h weir.hyperloglog);
INSERT INTO t SELECT h FROM parts WHERE g < 2 UNION ALL SELECT weir.hll_union_agg(h) FROM parts UNION ALL SELECT weir.hll_empty();
SELECT count(*) FILTER (WHERE h::text::weir.hyperloglog::text = h::text) AS text FROM t;
SELECT weir.hll_add(weir.hll_empty(4), 1);
DO $$
DECLARE
	good bytea[] := ARRAY[weir.hll_add(weir.hll_add(weir.hll_empty(), 1), 2)::text::bytea, (SELECT weir.hll_agg(i, 4)::text::bytea FROM generate_series(1, 100) i)];
	b bytea;
	taken int := 0;
	refused int := 0;
BEGIN
	FOREACH b IN ARRAY good LOOP
		FOR i IN 0 .. length(b) - 1 LOOP
			-- every byte as some others, cut off there, one more there
			FOR j IN 0 .. 11 LOOP
				BEGIN
					PERFORM weir.hll_cardinality(weir.hll_union(h, h)), weir.hll_cardinality(weir.hll_add(h, j))
						FROM (SELECT (CASE j WHEN 0 THEN substr(b, 1, i) WHEN 1 THEN substr(b, 1, i) || '\x00' || substr(b, i + 1) WHEN 2 THEN b || substr(b, i + 1)
							ELSE set_byte(b, i, (ARRAY[0, 1, 2, 4, 19, 64, 127, 128, 255])[j - 2]) END)::text::weir.hyperloglog AS h) x;
					taken := taken + 1;
				EXCEPTION WHEN invalid_text_representation OR feature_not_supported OR invalid_parameter_value THEN
					refused := refused + 1;
				END;
			END LOOP;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% taken, % refused', taken > 0, refused > 0;
END $$;
SELECT ''::weir.hyperloglog;
SELECT 'x'::weir.hyperloglog;
SELECT '\x'::weir.hyperloglog;
SELECT '\x5742010300000000'::weir.hyperloglog;
SELECT weir.hll_empty(3);
SELECT weir.hll_empty(19);
SELECT weir.hll_empty(NULL);
SELECT weir.hll_empty(-2147483648);
SELECT weir.hll_agg(1, 0);
SELECT weir.hll_union(weir.hll_empty(4), weir.hll_empty(5));
SELECT weir.hll_union(VARIADIC '{}'), weir.hll_union(VARIADIC NULL), weir.hll_union(NULL, NULL);
SELECT weir.approx_count_distinct('{}'::json);
SELECT weir.hll_trans(weir.hll_empty(), 1) IS NOT NULL AS harmless;

SET client_min_messages = warning;
DROP SCHEMA sketch_hll CASCADE;
