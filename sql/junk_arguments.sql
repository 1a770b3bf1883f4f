-- What anybody may call is told what is wrong, whatever it is given.
CREATE FOREIGN TABLE junk_s (x float8, j jsonb) SERVER weir;
CREATE VIEW junk_bystander AS SELECT count(*), sum(x) FROM junk_s;
INSERT INTO junk_s VALUES (1, '{"a": 1}');

-- window functions: each argument may be NULL
SELECT weir.session_start(now(), now(), NULL) OVER (), weir.session_start(NULL::timestamp, now()::timestamp, '1 s') OVER (),
	weir.session_start(now(), NULL, '1 s') OVER ();

-- states that no aggregate made
SELECT weir.json_object_int_sum_combine('{"a": [1]}', '{"a": 1}');
SELECT weir.json_object_int_sum_combine('{"a": 1}', '{"a": "x"}');
SELECT weir.json_object_int_sum_combine('{"a": 1, "b": 1.5}', '{"a": 1}');
SELECT weir.json_object_int_sum_combine('[1]', '{"a": 1}');
SELECT weir.json_object_int_sum_combine('{"a": 1}', '7');
SELECT weir.json_object_int_sum_trans('{"b": null}'::jsonb, '{"a": 1}'::text);
SELECT weir.json_object_int_sum_trans('"x"'::jsonb, '{"a": 1}'::jsonb);
SELECT weir.interval_combine('{1 s,-1 us}', '{1 s,1 us}');
SELECT weir.interval_trans('{1 s,1 day}', '1 s');
SELECT weir.interval_avg_final('{1 s}'), weir.interval_sum_final('{1 s,NULL}');
SELECT weir.finalize('weir.json_agg(anyelement)'::regprocedure, '{int}', '[ ]'::json, NULL::json);
CREATE AGGREGATE junk_json_combine(json) (sfunc = weir.json_agg_combine, stype = json);
CREATE AGGREGATE junk_object_combine(json) (sfunc = weir.json_object_agg_combine, stype = json);
SELECT junk_json_combine(j::json) FROM (VALUES ('[1, 2]'), ('[]'), ('[3]')) v(j);
SELECT junk_json_combine(j::json) FROM (VALUES ('[ ]'), ('[1]')) v(j);
SELECT junk_json_combine(j::json) FROM (VALUES ('[1]'), ('[ ]')) v(j);
SELECT junk_json_combine(j::json) FROM (VALUES ('[1]'), ('{}')) v(j);
SELECT junk_object_combine(j::json) FROM (VALUES ('{ "a" : 1 }'), ('{   }')) v(j);
DROP AGGREGATE junk_json_combine(json), junk_object_combine(json);

-- text in a state is text of the database's encoding
CREATE TYPE junk_mood AS ENUM ('sad', 'glad');
CREATE FOREIGN TABLE junk_moods (m junk_mood) SERVER weir;
CREATE VIEW junk_last AS SELECT weir.last(m, 1) FROM junk_moods;
INSERT INTO junk_moods VALUES ('sad');
TABLE junk_last;
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, '{junk_mood,int}',
	regexp_replace(last::text, '........736164$', 'ffffffff676c61')::weir.state, NULL::junk_mood) FROM junk_last_mrel;
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, '{junk_mood,int}',
	regexp_replace(last::text, '........736164$', 'fffffffffffefd')::weir.state, NULL::junk_mood) FROM junk_last_mrel;
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, '{junk_mood,int}',
	regexp_replace(last::text, '........736164$', 'ffffffff730064')::weir.state, NULL::junk_mood) FROM junk_last_mrel;
DROP FOREIGN TABLE junk_moods CASCADE;
DROP TYPE junk_mood;

-- aggregates and types that do not exist, or are others
SELECT weir.finalize(0::regprocedure, 1::bigint, NULL::bigint);
SELECT weir.finalize(NULL::regprocedure, 1::bigint, NULL::bigint);
SELECT weir.finalize('lower(text)'::regprocedure, 1::bigint, NULL::bigint);
SELECT weir.combine(0::regprocedure, 1::bigint, NULL::bigint), weir.combine_state(0::regprocedure, 1::bigint, NULL::bigint);
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, '{int4,0}', 1, NULL::int);
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, '{int4}', 1, NULL::int);
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, ARRAY['int4'::regtype, NULL], 1, NULL::int);
SELECT weir.finalize('max(text)'::regprocedure, '{int4}', 'x'::text, NULL::text);
SELECT weir.finalize('weir.last(anyelement,"any")'::regprocedure, 1, NULL::int);
SELECT weir.activate(0), weir.deactivate('pg_class');

-- a row without a type, and literals, which are text
SELECT weir.topk_agg(v, 2) FROM (VALUES (1, 2)) v;
SELECT weir.freq_agg((1, 2));
SELECT weir.bloom_contains(weir.bloom_empty(), (1, 'a'::text));
SELECT weir.hll_add(weir.hll_empty(), ARRAY[(1, 2)]);
SELECT weir.topk_empty('record', 2);
SELECT weir.freq(weir.freq_agg(t), 'a'), weir.freq_norm(weir.freq_agg(t), 'a'), weir.freq(weir.freq_agg(t), NULL),
	weir.freq(weir.freq_add(weir.freq_agg(t), 'a', 2), 'a'), weir.bloom_contains(weir.bloom_agg(t), 'a'),
	weir.bloom_contains(weir.bloom_add(weir.bloom_agg(t), 'b'), 'b'), weir.hll_cardinality(weir.hll_add(weir.hll_agg(t), 'b')),
	weir.topk_freqs(weir.topk_increment(weir.topk_agg(t, 2), 'a'))
FROM (VALUES ('a'::text)) v(t);
SELECT weir.topk_increment(weir.topk_agg(x, 2), '1') FROM (VALUES (1)) v(x);

-- A final function that may change its state does not change one that is in a table.
CREATE AGGREGATE junk_dist(float8) (sfunc = weir.dist_trans, stype = weir.tdigest, combinefunc = weir.dist_combine,
	finalfunc = weir.tdigest_compress);
CREATE TABLE junk_states AS SELECT weir.dist_agg(x) AS st FROM generate_series(9, 1, -1) x;
SELECT pg_column_size(st) FROM junk_states;
SELECT weir.tdigest_count(weir.finalize('junk_dist(float8)'::regprocedure, st, NULL::weir.tdigest)) FROM junk_states;
SELECT pg_column_size(st) FROM junk_states;
DROP TABLE junk_states;
DROP AGGREGATE junk_dist(float8);

-- In aggregates that users make: a state is what its type says, whichever functions look at it,
CREATE AGGREGATE junk_arrays(int[]) (sfunc = weir.array_agg_trans, stype = int[], finalfunc = weir.set_cardinality, initcond = '{}');
SELECT junk_arrays(a) FROM (VALUES ('{1,2}'::int[]), ('{3,4}'), ('{5,6}')) v(a);
SELECT junk_arrays(a) OVER (ORDER BY a) FROM (VALUES ('{1,2}'::int[]), ('{3,4}'), ('{5,6}')) v(a);
SELECT cardinality(weir.array_agg(a)), weir.array_agg(a) || '{7,8}'::int[] AS more FROM (VALUES ('{1,NULL}'::int[]), ('{3,4}')) v(a);
SELECT array_to_string(weir.array_agg(a), '|', '-') FROM (VALUES ('{a,NULL}'::text[]), ('{b,c}')) v(a);
DROP AGGREGATE junk_arrays(int[]);
-- and an initial state may be one of other values.
DO $$ BEGIN EXECUTE format('CREATE AGGREGATE junk_topk(bigint, int) (sfunc = weir.topk_trans, stype = weir.topk, initcond = %L)',
	weir.topk_agg('[1,2)'::int4range, 2)) FROM generate_series(1, 2); END $$;
SELECT junk_topk(x, 2) FROM generate_series(1::bigint, 3) x;
DROP AGGREGATE junk_topk(bigint, int);

-- The functions of an aggregate are its owner's to call, or not, when they are called.
CREATE ROLE junk_owner;
CREATE FUNCTION junk_final(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE junk_sum(bigint) (sfunc = int8pl, stype = bigint, combinefunc = int8pl, finalfunc = junk_final, initcond = 0);
ALTER AGGREGATE junk_sum(bigint) OWNER TO junk_owner;
SELECT weir.finalize('junk_sum(bigint)'::regprocedure, 7::bigint, NULL::bigint);
REVOKE ALL ON FUNCTION junk_final(bigint) FROM PUBLIC;
SELECT weir.finalize('junk_sum(bigint)'::regprocedure, 7::bigint, NULL::bigint);
SELECT junk_sum(1::bigint);
DROP AGGREGATE junk_sum(bigint);
DROP FUNCTION junk_final;
DROP ROLE junk_owner;

INSERT INTO junk_s VALUES (2, '{"a": 2}');
TABLE junk_bystander;
DROP FOREIGN TABLE junk_s CASCADE;
