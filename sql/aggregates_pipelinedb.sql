-- Aggregates under PipelineDB's names: bucket_agg, set_agg, exact_count_distinct, json_object_int_sum.
CREATE SCHEMA aggregates_pipelinedb;
SET search_path = aggregates_pipelinedb, public;
SET timezone = 'UTC';
CREATE FOREIGN TABLE s (id int, k int, x int, t text, b int, at timestamptz, j text, jb jsonb) SERVER weir;
CREATE TABLE p (id int, k int, x int, t text, b int, at timestamptz, j text, jb jsonb);
CREATE VIEW buckets AS SELECT k, weir.bucket_agg(x, b) AS latest, weir.bucket_agg(t, b, at) AS timed, weir.bucket_agg(x, b) FILTER (WHERE x > 50) AS f FROM s GROUP BY k;
CREATE VIEW sets AS SELECT k, weir.set_agg(x) AS x, weir.set_agg(t COLLATE "C") AS t, weir.set_cardinality(weir.set_agg(x % 3)) AS n, weir.exact_count_distinct(x) AS dx, weir.exact_count_distinct(t) FILTER (WHERE x > 50) AS dt FROM s GROUP BY k;
CREATE VIEW sums AS SELECT k, weir.json_object_int_sum(j) AS j, weir.json_object_int_sum(jb) AS jb FROM s GROUP BY k;
CREATE VIEW alone AS SELECT weir.bucket_cardinality(weir.bucket_agg(x, b)) AS all, weir.exact_count_distinct(x) AS d, weir.set_agg(x) AS x, weir.json_object_int_sum(j) AS j FROM s;
TABLE alone;

INSERT INTO p SELECT i, i % 3, (i * 7919) % 101, nullif('t' || (i * 31) % 40, 't7'), (i * 13) % 4, timestamptz '2030-01-01' + (i * 48271 % 1499) * interval '1 minute',
	format('{"a": %s, "k%s": 1, "big": 9223372036854775807}', i, i % 5), jsonb_build_object('n', -i, 'k' || i % 4, 2)
	FROM generate_series(1, 3000) i;
INSERT INTO p VALUES (4001, 7, NULL, NULL, 1, NULL, NULL, NULL), (4002, 7, NULL, NULL, NULL, NULL, '{}', '{}');
INSERT INTO s SELECT * FROM p WHERE id <= 50 ORDER BY id;
INSERT INTO s SELECT * FROM p WHERE id = 51;
INSERT INTO s SELECT * FROM p WHERE id BETWEEN 52 AND 1000 ORDER BY id;
INSERT INTO s SELECT * FROM p WHERE id > 1000 ORDER BY id;

-- each value is in the bucket of its last row, or of that with the latest time
CREATE FUNCTION counts(b weir.buckets) RETURNS TABLE (bucket int, n bigint) LANGUAGE sql AS $$ SELECT * FROM unnest(weir.bucket_ids(b), weir.bucket_cardinalities(b)) $$;
CREATE VIEW in_latest AS SELECT k, bucket, count(*) AS n FROM (SELECT DISTINCT ON (k, x) k, x, b AS bucket FROM p WHERE x IS NOT NULL ORDER BY k, x, id DESC) q GROUP BY 1, 2;
CREATE VIEW in_timed AS SELECT k, bucket, count(*) AS n FROM (SELECT DISTINCT ON (k, t) k, t, b AS bucket FROM p WHERE t IS NOT NULL AND at IS NOT NULL ORDER BY k, t, at DESC, id DESC) q GROUP BY 1, 2;
CREATE VIEW in_f AS SELECT k, bucket, count(*) AS n FROM (SELECT DISTINCT ON (k, x) k, x, b AS bucket FROM p WHERE x > 50 ORDER BY k, x, id DESC) q GROUP BY 1, 2;
(SELECT k, c.* FROM buckets, counts(latest) c EXCEPT ALL TABLE in_latest) UNION ALL (TABLE in_latest EXCEPT ALL SELECT k, c.* FROM buckets, counts(latest) c);
(SELECT k, c.* FROM buckets, counts(timed) c EXCEPT ALL TABLE in_timed) UNION ALL (TABLE in_timed EXCEPT ALL SELECT k, c.* FROM buckets, counts(timed) c);
(SELECT k, c.* FROM buckets, counts(f) c EXCEPT ALL TABLE in_f) UNION ALL (TABLE in_f EXCEPT ALL SELECT k, c.* FROM buckets, counts(f) c);
SELECT k, weir.bucket_ids(latest), weir.bucket_cardinality(latest, 1) = (SELECT n FROM in_latest i WHERE i.k = buckets.k AND bucket = 1) AS one, weir.bucket_cardinality(latest, 99) AS none, weir.bucket_cardinality(latest) AS all FROM buckets ORDER BY k;
-- over a table, in whatever order it is put together; the same text
SELECT k, latest::text = (SELECT weir.bucket_agg(x, b ORDER BY id)::text FROM p WHERE p.k = buckets.k) AS latest, timed::text = (SELECT weir.bucket_agg(t, b, at ORDER BY id)::text FROM p WHERE p.k = buckets.k) AS timed FROM buckets ORDER BY k;
SELECT count(*) AS n, bool_and(b::text::weir.buckets::text = b::text) AS text FROM (SELECT weir.bucket_agg(x, b) AS b FROM p GROUP BY k) q;
SELECT weir.bucket_cardinality(weir.combine(latest)) = (SELECT count(DISTINCT x) FROM p) AS combined FROM buckets;
SELECT weir.bucket_cardinality(weir.bucket_merge_agg(latest)) = (SELECT count(DISTINCT x) FROM p) AS merged FROM buckets;
SELECT weir.bucket_cardinalities(weir.bucket_agg(i, i % 3)) FROM generate_series(1, 100000) i;
SELECT counts(weir.bucket_agg(i % 1000, i / 1000)) FROM generate_series(0, 9999) i;

-- sets are exact, as DISTINCT is
CREATE VIEW sets_batch AS SELECT k, array_agg(DISTINCT x) AS x, array_agg(DISTINCT t COLLATE "C") AS t, count(DISTINCT x % 3) + max((x IS NULL)::int) AS n, count(DISTINCT x) AS dx, count(DISTINCT t) FILTER (WHERE x > 50) AS dt FROM p GROUP BY k;
(TABLE sets EXCEPT ALL TABLE sets_batch) UNION ALL (TABLE sets_batch EXCEPT ALL TABLE sets);
CREATE VIEW sets_called AS SELECT k, weir.set_agg(x) AS x, weir.set_agg(t COLLATE "C") AS t, weir.set_cardinality(weir.set_agg(x % 3)) AS n, weir.exact_count_distinct(x) AS dx, weir.exact_count_distinct(t) FILTER (WHERE x > 50) AS dt FROM p GROUP BY k;
(TABLE sets EXCEPT ALL TABLE sets_called) UNION ALL (TABLE sets_called EXCEPT ALL TABLE sets);
SELECT weir.combine(dx) = (SELECT count(DISTINCT x) FROM p) AS d, weir.combine(x) = (SELECT array_agg(DISTINCT x) FROM p) AS x FROM sets;
SELECT unnest(x) AS exploded FROM sets WHERE k = 7;
SELECT weir.set_agg(x), weir.exact_count_distinct(x), weir.set_cardinality('{}'::int[]) FROM p WHERE false;
SELECT pg_get_viewdef('weir.sets_def'::regclass) ~ 'weir.set_agg' AS as_written;

-- sums of keys
CREATE VIEW sums_batch AS SELECT k, (SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (SELECT key, sum(value::numeric) AS n FROM p q, json_each_text(j::json) WHERE q.k = p.k GROUP BY key) x)::text AS j,
	(SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (SELECT key, sum(value::numeric) AS n FROM p q, jsonb_each_text(jb) WHERE q.k = p.k GROUP BY key) x) AS jb FROM p GROUP BY k;
SELECT 'view', * FROM (TABLE sums EXCEPT ALL TABLE sums_batch) a UNION ALL SELECT 'batch', * FROM (TABLE sums_batch EXCEPT ALL TABLE sums) b;
SELECT weir.json_object_int_sum(j) = (SELECT weir.combine(j) FROM sums) AS combined, weir.json_object_int_sum(j) = (SELECT j FROM alone) AS alone FROM p;
SELECT weir.json_object_int_sum(j) FROM (VALUES ('{"a": 1, "b": 2.0}'), ('{"a": 1e3}'), (NULL), ('{}')) v(j);

-- bad rows are dead letters
INSERT INTO s (k, x, b) VALUES (8, 1, NULL), (8, 2, 2);
INSERT INTO s (k, j) VALUES (8, '[1]'), (8, '{"a": "b"}'), (8, '{"a": 1.5}'), (8, '{"a"'), (8, '{"a": {"b": 1}}'), (8, '{"a": 5}');
SELECT view, sqlstate, message FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema = 'aggregates_pipelinedb') ORDER BY view::text, id;
SELECT k, weir.bucket_ids(latest) FROM buckets WHERE k = 8;
SELECT k, j FROM sums WHERE k = 8;

-- what they do not take, and states that nobody made
CREATE VIEW bad AS SELECT k, weir.bucket_agg(j::json, b) FROM s GROUP BY k;
CREATE VIEW bad AS SELECT k, weir.set_agg(j::json) FROM s GROUP BY k;
CREATE VIEW bad AS SELECT k, weir.json_object_int_sum(k) FROM s GROUP BY k;
SELECT weir.bucket_agg(1, NULL);
SELECT ''::weir.buckets;
DO $$
DECLARE
	good bytea := (SELECT weir.bucket_agg(i, i % 2)::text::bytea FROM generate_series(1, 3) i);
	taken int := 0;
	refused int := 0;
BEGIN
	FOR i IN 0 .. length(good) - 1 LOOP
		FOR j IN 0 .. 11 LOOP
			BEGIN
				PERFORM weir.bucket_ids(weir.bucket_combine(b, b)), weir.bucket_cardinality(b)
					FROM (SELECT (CASE j WHEN 0 THEN substr(good, 1, i) WHEN 1 THEN substr(good, 1, i) || '\x00' || substr(good, i + 1) WHEN 2 THEN good || substr(good, i + 1)
						ELSE set_byte(good, i, (ARRAY[0, 1, 2, 4, 19, 64, 127, 128, 255])[j - 2]) END)::text::weir.buckets AS b) x;
				taken := taken + 1;
			EXCEPTION WHEN invalid_text_representation OR feature_not_supported THEN
				refused := refused + 1;
			END;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% taken, % refused', taken > 0, refused > 0;
END $$;

-- what is printed
SELECT weir.hll_print(weir.hll_agg(x)), weir.bloom_print(weir.bloom_agg(x, 0.1, 100)), weir.cmsketch_print(weir.freq_agg(x, 0.1, 0.9)), weir.topk_print(weir.topk_agg(b, 4)) FROM p;
SELECT weir.hll_cache_cardinality(weir.hll_empty())::text = weir.hll_empty()::text AS same;

SET client_min_messages = warning;
DELETE FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema = 'aggregates_pipelinedb');
DROP SCHEMA aggregates_pipelinedb CASCADE;
