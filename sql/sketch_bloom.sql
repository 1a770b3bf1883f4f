-- Bloom filter: no false no, few false yes, views against the same aggregate over a table, bad input.
CREATE SCHEMA sketch_bloom;
SET search_path = sketch_bloom;
CREATE TABLE f AS SELECT p, n, weir.bloom_agg(x, p, n) AS b
	FROM (VALUES (0.02, 1000000), (0.001, 100000), (0.5, 100000), (0.1, 10)) s(p, n), generate_series(1, n) x GROUP BY p, n;
-- what is in it is found; of a million others about p are; the count is right to some percent
SELECT p, n, (SELECT count(*) FROM generate_series(1, n) x WHERE NOT weir.bloom_contains(b, x)) AS lost,
	(SELECT count(*) FROM generate_series(1000001, 1100000) x WHERE weir.bloom_contains(b, x)) / 100000.0 < p * 1.25 + 0.0001 AS few_false,
	abs(weir.bloom_cardinality(b) / n::numeric - 1) < CASE WHEN n > 10 THEN 0.01 ELSE 0.35 END AS counted FROM f ORDER BY p;
SELECT pg_column_size(weir.bloom_empty()::text) / 2 < 34000 AS default_size, weir.bloom_cardinality(weir.bloom_empty()), weir.bloom_contains(weir.bloom_empty(), 1);
SELECT weir.bloom_contains(b, 'a'::text), weir.bloom_contains(b, 'd'::text), weir.bloom_contains(b, NULL::text) FROM (SELECT weir.bloom_agg(x) AS b FROM unnest(ARRAY['a', 'b', NULL]) x) b;
SELECT weir.bloom_contains(weir.bloom_add(weir.bloom_empty(), 1.0), 1.000), weir.bloom_agg(NULL::int)::text = weir.bloom_empty()::text AS nothing FROM generate_series(1, 2);
CREATE TABLE h AS SELECT weir.bloom_agg(x) FILTER (WHERE x <= 2000) AS a, weir.bloom_agg(x) FILTER (WHERE x > 1000) AS b, weir.bloom_agg(x) AS everything FROM generate_series(1, 3000) x;
SELECT weir.bloom_union(a, b)::text = everything::text AS united, weir.bloom_union(a, NULL)::text = a::text AS one,
	(SELECT count(*) FROM generate_series(1001, 2000) x WHERE weir.bloom_contains(weir.bloom_intersection(a, b), x)) AS common,
	weir.bloom_cardinality(weir.bloom_intersection(a, b)) BETWEEN 1000 AND 1100 AS so_many FROM h;
SELECT (SELECT weir.bloom_union_agg(x)::text FROM unnest(ARRAY[a, b]) x) = everything::text AS united,
	(SELECT weir.bloom_intersection_agg(x)::text FROM unnest(ARRAY[a, b]) x) = weir.bloom_intersection(a, b)::text AS common FROM h;

-- Views: the same filter.
CREATE FOREIGN TABLE s (x int, t text) SERVER weir;
CREATE VIEW filters AS SELECT x % 3 AS g, weir.bloom_agg(t) AS b, weir.bloom_agg(x, 0.01, 5000) AS small FROM s GROUP BY x % 3;
INSERT INTO s SELECT i, 't' || i FROM generate_series(1, 100) i;
INSERT INTO s SELECT i, nullif('t' || i, 't300') FROM generate_series(50, 5000) i;
SELECT g, b::text = (SELECT weir.bloom_agg('t' || x)::text FROM generate_series(1, 5000) x WHERE x % 3 = g AND x <> 300) AS b,
	small::text = (SELECT weir.bloom_agg(x, 0.01, 5000)::text FROM generate_series(1, 5000) x WHERE x % 3 = g) AS small,
	weir.bloom_contains(b, 't4711'::text), weir.bloom_cardinality(b) BETWEEN 1600 AND 1720 AS so_many FROM filters ORDER BY g;

-- Text and binary form; nothing else is taken.
SELECT b::text::weir.bloom::text = b::text AS same FROM filters WHERE g = 0;
DO $$
DECLARE
	b bytea := weir.bloom_add(weir.bloom_empty(0.3, 40), 1)::text::bytea;
	taken int := 0;
	refused int := 0;
BEGIN
	FOR i IN 0 .. length(b) - 1 LOOP
		FOR j IN 0 .. 11 LOOP
			BEGIN
				PERFORM weir.bloom_cardinality(f), weir.bloom_contains(f, 1), weir.bloom_add(f, 2), weir.bloom_union(f, f), weir.bloom_intersection(f, weir.bloom_empty(0.3, 40))
					FROM (SELECT (CASE j WHEN 0 THEN substr(b, 1, i) WHEN 1 THEN substr(b, 1, i) || '\x00' || substr(b, i + 1) WHEN 2 THEN b || substr(b, i + 1)
						ELSE set_byte(b, i, (ARRAY[0, 1, 2, 4, 19, 64, 127, 128, 255])[j - 2]) END)::text::weir.bloom AS f) x;
				taken := taken + 1;
			EXCEPTION WHEN invalid_text_representation OR feature_not_supported OR invalid_parameter_value THEN
				refused := refused + 1;
			END;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% taken, % refused', taken > 0, refused > 0;
END $$;
SELECT ''::weir.bloom;
SELECT '\x574201'::weir.bloom;
SELECT '\x57420100ffffffffffffffff'::weir.bloom;
SELECT weir.bloom_cardinality('\x57420101ffffffffffffffff');
SELECT weir.bloom_empty(0, 100);
SELECT weir.bloom_empty(1, 100);
SELECT weir.bloom_empty('NaN', 100);
SELECT weir.bloom_empty(0.5, 0);
SELECT weir.bloom_empty(0.5, -9223372036854775808);
SELECT weir.bloom_empty(NULL, 5);
SELECT weir.bloom_empty(0.5, NULL);
SELECT weir.bloom_empty(0.02, 9223372036854775807);
SELECT weir.bloom_empty(1e-300, 100000000);
SELECT weir.bloom_agg(1, 2, 3);
SELECT weir.bloom_union(weir.bloom_empty(0.1, 100), weir.bloom_empty(0.2, 100));
SELECT weir.bloom_add(weir.bloom_empty(), '{}'::json);

SET client_min_messages = warning;
DROP SCHEMA sketch_bloom CASCADE;
