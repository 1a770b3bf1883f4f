-- Filtered space-saving: error bounds over a million values, views against the truth over a table, bad input.
CREATE SCHEMA sketch_top_k;
SET search_path = sketch_top_k;
-- value i came about 300000 / (i + 1) times, and there are 300,000 that come once
CREATE TABLE v AS SELECT CASE WHEN i % 10 < 3 THEN 1000000 + i ELSE floor(exp(((i::bigint * 7919) % 700001) / 700001.0 * 8.0::float8))::int END AS x, i FROM generate_series(1, 1000000) i;
CREATE TABLE truth AS SELECT x, count(*) AS n FROM v GROUP BY x;
CREATE TABLE sketches AS SELECT 'one' AS name, weir.topk_agg(x, 10) AS t FROM v
	UNION ALL SELECT 'larger', weir.topk_agg(x, 10, 200, 2000) FROM v
	UNION ALL SELECT 'merged', weir.topk_merge_agg(t) FROM (SELECT weir.topk_agg(x, 10, 200, 2000) AS t FROM v GROUP BY i % 5) p;
-- no count too small, count - error never too large, errors bounded, the first ones right
SELECT name, bool_and(f >= n) AS enough, bool_and(f - e <= n) AS sure, max(e) <= CASE name WHEN 'one' THEN 1000000 / 30 ELSE 1000000 / 200 END AS bounded,
	array_agg(x ORDER BY o) FILTER (WHERE o <= 5) = (SELECT array_agg(x) FROM (SELECT x FROM truth ORDER BY n DESC LIMIT 5) b) AS first_five, count(*)
	FROM sketches, unnest(weir.topk_values(t, NULL::int[]), weir.topk_freqs(t), weir.topk_errors(t)) WITH ORDINALITY u(x, f, e, o) LEFT JOIN truth USING (x)
	GROUP BY name ORDER BY name;
-- few values: exact
SELECT * FROM weir.topk((SELECT weir.topk_agg(x, 3) FROM unnest(ARRAY['a', 'b', 'a', NULL, 'c', 'a', 'b']) x));
SELECT weir.topk_values(t, NULL::text[]), weir.topk_freqs(t), weir.topk_errors(t) FROM (SELECT weir.topk_agg(x, 2, w) AS t FROM (VALUES ('a', 1), ('b', 10), ('c', 0), ('a', 3), ('d', NULL)) v(x, w)) t;
SELECT weir.topk_values(t, NULL::numeric[]), weir.topk_freqs(t) FROM (SELECT weir.topk_agg(x, 2) AS t FROM unnest(ARRAY[1.0, 1.00, 2, 1]) x) t;
SELECT weir.topk(weir.topk_increment(weir.topk_increment(weir.topk_empty('text', 3), 'x'::text), 'y'::text, 7));
SELECT weir.topk_values(t, NULL::int[]), weir.topk_freqs(t), (SELECT count(*) FROM weir.topk(t)) FROM (SELECT weir.topk_empty('int', 5) AS t) t;
SELECT weir.topk_freqs(weir.topk_agg(NULL::int, 5));

-- Views, of any type that can be hashed.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, m mood);
CREATE FOREIGN TABLE s (g int, x int, m mood, p pair) SERVER weir;
CREATE VIEW tops AS SELECT g, weir.topk_agg(x, 5) AS x, weir.topk_agg(m, 2) AS m, weir.topk_agg(p, 3, x) AS p, weir.topk_agg(x, 4) FILTER (WHERE x < 3) AS f FROM s GROUP BY g;
CREATE TABLE r AS SELECT i % 2 AS g, floor(sqrt(i))::int AS x, (enum_range(NULL::mood))[1 + floor(sqrt(i % 9))::int] AS m, ROW(i % 4, 'ok')::pair AS p FROM generate_series(1, 200) i;
INSERT INTO s SELECT * FROM r LIMIT 10;
INSERT INTO s SELECT * FROM r OFFSET 10 LIMIT 1;
INSERT INTO s SELECT * FROM r OFFSET 11;
SELECT g, weir.topk_values(x, NULL::int[]) AS x, weir.topk_freqs(x), weir.topk_values(m, NULL::mood[]) AS m, weir.topk_freqs(m), (SELECT array_agg(v ORDER BY v) FROM unnest(weir.topk_values(p, NULL::pair[])) v) AS p, weir.topk_freqs(p), weir.topk_freqs(f) AS f FROM tops ORDER BY g;
SELECT g, bool_and(freq = (SELECT count(*) FROM r WHERE r.g = tops.g AND r.x = value)) AS same FROM tops, unnest(weir.topk_values(x, NULL::int[]), weir.topk_freqs(x)) u(value, freq) GROUP BY g ORDER BY g;
SELECT bool_and((weir.topk_freqs(p))[i] = (SELECT sum(r.x) FROM r WHERE r.g = tops.g AND r.p = (weir.topk_values(tops.p, NULL::pair[]))[i])) AS same FROM tops, generate_series(1, 2) i;

-- Text form: the type by name, the values without OIDs; nothing else is taken.
SELECT left(m::text, 40) FROM tops WHERE g = 0;
SELECT bool_and(p::text::weir.topk::text = p::text AND m::text::weir.topk::text = m::text AND x::text::weir.topk::text = x::text) AS same FROM tops;
DO $$
DECLARE
	b bytea := split_part((SELECT weir.topk_agg(x, 1, 2, 2)::text FROM unnest(ARRAY['ab', 'c', 'ab']) x), ' ', 2)::bytea;
	taken int := 0;
	refused int := 0;
BEGIN
	FOR i IN 0 .. length(b) - 1 LOOP
		FOR j IN 0 .. 11 LOOP
			BEGIN
				PERFORM weir.topk_freqs(t), weir.topk(t), weir.topk_values(t, NULL::text[]), weir.topk_increment(t, 'd'::text), (SELECT weir.topk_merge_agg(u) FROM (VALUES (t), (t)) v(u))
					FROM (SELECT ('text ' || (CASE j WHEN 0 THEN substr(b, 1, i) WHEN 1 THEN substr(b, 1, i) || '\x00' || substr(b, i + 1) WHEN 2 THEN b || substr(b, i + 1)
						ELSE set_byte(b, i, (ARRAY[0, 1, 2, 4, 19, 64, 127, 128, 255])[j - 2]) END)::text)::weir.topk AS t) x;
				taken := taken + 1;
			EXCEPTION WHEN invalid_text_representation OR feature_not_supported OR invalid_parameter_value OR protocol_violation OR character_not_in_repertoire OR numeric_value_out_of_range THEN
				refused := refused + 1;
			END;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% taken, % refused', taken > 0, refused > 0;
END $$;
SELECT ''::weir.topk;
SELECT 'text'::weir.topk;
SELECT 'nosuch \x574b0100'::weir.topk;
SELECT ('nosuch ' || split_part(weir.topk_empty('int', 1)::text, ' ', 2))::weir.topk;
SELECT ('cstring ' || split_part(weir.topk_empty('int', 1)::text, ' ', 2))::weir.topk;
SELECT ('point ' || split_part(weir.topk_increment(weir.topk_empty('int', 1), 1)::text, ' ', 2))::weir.topk;
SELECT weir.topk_agg(1, 0);
SELECT weir.topk_agg(1, NULL);
SELECT weir.topk_agg(1, -5);
SELECT weir.topk_agg(1, 2000000000);
SELECT weir.topk_agg(1, 5, 4, 10);
SELECT weir.topk_agg(1, 5, 10, 0);
SELECT weir.topk_agg(1, 5, NULL, NULL);
SELECT weir.topk_agg(1, 5, -1::bigint);
SELECT weir.topk_agg('{}'::json, 5);
SELECT weir.topk_empty(0, 5);
SELECT weir.topk_empty('anyelement', 5);
SELECT weir.topk_increment(weir.topk_empty('int', 5), 'x'::text);
SELECT weir.topk_increment(weir.topk_increment(weir.topk_empty('int', 5), 1, 9223372036854775807), 1, 1);
SELECT weir.topk_values(weir.topk_empty('int', 5), NULL::text[]);
SELECT weir.topk_merge_agg(t) FROM (VALUES (weir.topk_empty('int', 5)), (weir.topk_empty('int', 6))) v(t);
SELECT weir.topk_merge_agg(t) FROM (VALUES (weir.topk_empty('int', 5)), (weir.topk_empty('text', 5))) v(t);
SELECT weir.topk_trans(NULL, 1, 1);

SET client_min_messages = warning;
DROP SCHEMA sketch_top_k CASCADE;
