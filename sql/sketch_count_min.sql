-- Count-min sketch: error bounds over a million values, views against the same aggregate over a table, bad input.
CREATE SCHEMA sketch_count_min;
SET search_path = sketch_count_min;
-- half of them one value, a quarter another ..., and 200,000 values that come once
CREATE TABLE v AS SELECT i, CASE WHEN i % 5 = 0 THEN 1000 + i ELSE floor(ln(1 + ((i::bigint * 7919) % 1048573)::float8) / ln(2::float8))::int END AS x FROM generate_series(1, 1000000) i;
CREATE TABLE truth AS SELECT x, count(*) AS n FROM v GROUP BY x;
CREATE TABLE f AS SELECT eps, p, weir.freq_agg(x, eps, p) AS f FROM v, (VALUES (0.002, 0.995), (0.02, 0.9)) s(eps, p) GROUP BY eps, p;
SELECT eps, p, weir.freq_total(f), (SELECT count(*) FROM truth WHERE weir.freq(f, x) < n AND (x < 1000 OR x % 100 = 0)) AS too_small,
	(SELECT count(*) FROM truth WHERE x % 100 = 0 AND weir.freq(f, x) > n + eps * 1000000) <= (1 - p) * (SELECT count(*) FROM truth WHERE x % 100 = 0) AS bounded,
	(SELECT max(abs(weir.freq(f, x) - n)) FROM truth WHERE n > 1000) <= eps * 1000000 AS frequent,
	abs(weir.freq_norm(f, 19) - (SELECT n / 1000000.0 FROM truth WHERE x = 19)) < eps AS norm FROM f ORDER BY eps;
SELECT length((SELECT weir.freq_agg(x) FROM v)::text) = length((SELECT f FROM f WHERE eps = 0.002)::text) AS defaults;
-- put together the bounds stay
SELECT weir.freq_total(f), (SELECT count(*) FROM truth WHERE weir.freq(f, x) < n AND (x < 1000 OR x % 100 = 0)) AS too_small, (SELECT count(*) FROM truth WHERE x % 100 = 0 AND weir.freq(f, x) > n + 2000) <= 0.005 * (SELECT count(*) FROM truth WHERE x % 100 = 0) AS bounded
	FROM (SELECT weir.freq_merge_agg(part) AS f FROM (SELECT weir.freq_agg(x) AS part FROM v GROUP BY i % 7) p) f;
SELECT weir.freq(f, 'a'::text), weir.freq(f, 'b'::text), weir.freq(f, 'c'::text), weir.freq_total(f), weir.freq_norm(f, 'a'::text), weir.freq(f, NULL::text)
	FROM (SELECT weir.freq_add(weir.freq_add(weir.freq_add(weir.cmsketch_empty(), 'a'::text), 'b'::text, 40), 'a'::text, 2) AS f) f;
SELECT weir.freq(weir.cmsketch_empty(), 1), weir.freq_norm(weir.cmsketch_empty(), 1), weir.freq_total(weir.cmsketch_empty()), weir.freq_total(weir.freq_agg(NULL::int)) FROM generate_series(1, 3);

-- Views: every count at least the truth, and at most eps of all more.
CREATE FOREIGN TABLE s (i int, x int) SERVER weir;
CREATE VIEW freqs AS SELECT weir.freq_agg(x) AS f, weir.freq_agg(x, 0.01, 0.9) FILTER (WHERE x < 1000) AS small FROM s;
INSERT INTO s SELECT * FROM v WHERE i <= 1000;
INSERT INTO s SELECT * FROM v WHERE i BETWEEN 1001 AND 100000;
SELECT weir.freq_total(f), weir.freq_total(small), min(weir.freq(f, x) - n) >= 0 AS enough, max(weir.freq(f, x) - n) <= 200 AS not_too_much,
	bool_and(weir.freq(small, x) = n) FILTER (WHERE x < 1000) AS small
	FROM freqs, (SELECT x, count(*) AS n FROM v WHERE i <= 100000 AND (x < 1000 OR x % 100 = 0) GROUP BY x) t GROUP BY 1, 2;

-- Text and binary form; nothing else is taken.
SELECT f::text::weir.cmsketch::text = f::text AS same FROM freqs;
DO $$
DECLARE
	b bytea := weir.freq_add(weir.cmsketch_empty(0.6, 0.6), 1)::text::bytea;
	taken int := 0;
	refused int := 0;
BEGIN
	FOR i IN 0 .. length(b) - 1 LOOP
		FOR j IN 0 .. 11 LOOP
			BEGIN
				PERFORM weir.freq(f, 1), weir.freq_add(f, 2), weir.freq_total(f), weir.freq_norm(f, 3)
					FROM (SELECT (CASE j WHEN 0 THEN substr(b, 1, i) WHEN 1 THEN substr(b, 1, i) || '\x00' || substr(b, i + 1) WHEN 2 THEN b || substr(b, i + 1)
						ELSE set_byte(b, i, (ARRAY[0, 1, 2, 4, 19, 64, 127, 128, 255])[j - 2]) END)::text::weir.cmsketch AS f) x;
				taken := taken + 1;
			EXCEPTION WHEN invalid_text_representation OR feature_not_supported OR invalid_parameter_value THEN
				refused := refused + 1;
			END;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% taken, % refused', taken > 0, refused > 0;
END $$;
SELECT ''::weir.cmsketch;
SELECT '\x57460101ffffffff00000000000000000000000000000000'::weir.cmsketch;
SELECT '\x574601ff01000000000000000000000000000000'::weir.cmsketch;
SELECT weir.cmsketch_empty(0, 0.5);
SELECT weir.cmsketch_empty(0.5, 1);
SELECT weir.cmsketch_empty('-Infinity', 0.5);
SELECT weir.cmsketch_empty('NaN', 0.5);
SELECT weir.cmsketch_empty(NULL, NULL);
SELECT weir.cmsketch_empty(1e-300, 0.5);
SELECT weir.cmsketch_empty(0.00000001, 0.99);
SELECT weir.freq_add(weir.cmsketch_empty(), 1, -1);
SELECT weir.freq_total(weir.freq_add(weir.cmsketch_empty(), 1, 9223372036854775807));
SELECT weir.freq_add(weir.freq_add(weir.cmsketch_empty(), 1, 9223372036854775807), 2, 1);
SELECT weir.freq_merge_agg(f) FROM (VALUES (weir.cmsketch_empty()), (weir.cmsketch_empty(0.1, 0.9))) v(f);
SELECT weir.freq_agg('{}'::json);

SET client_min_messages = warning;
DROP SCHEMA sketch_count_min CASCADE;
