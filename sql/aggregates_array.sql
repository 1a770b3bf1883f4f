-- Aggregates that put values one after the other: in order of arrival, and as batch has them over the same rows.
CREATE SCHEMA aggregates_array;
SET search_path = aggregates_array;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE FOREIGN TABLE s (id int, k int, x int, t text, b bytea, e mood, c pair, a int[], j json, o numeric, at timestamptz) SERVER weir;
CREATE TABLE p (id int, k int, x int, t text, b bytea, e mood, c pair, a int[], j json, o numeric, at timestamptz, arrival_timestamp timestamptz);

-- The queries: each is a view, and asked of the table in order of arrival.
CREATE TABLE queries (name text, query text);
INSERT INTO queries VALUES
	('arrays', 'SELECT k, array_agg(x) AS x, array_agg(t) AS t, array_agg(e) AS e, array_agg(c) AS c, array_agg(o) AS o FROM s GROUP BY k'),
	('arrays_of_arrays', 'SELECT k, array_agg(ARRAY[x, k]) AS x, array_agg(ARRAY[ARRAY[t, ''x''], ARRAY[t, NULL]]) AS t FROM s GROUP BY k'),
	('strings', 'SELECT k, string_agg(t, '', '') AS t, string_agg(t, ''/'' || x) AS changing, string_agg(t, NULL) AS plain, string_agg(t, ''ß–'') AS wide,
		string_agg(b, ''\x00'') AS b, string_agg(b, b) AS bb, string_agg(t, t) FILTER (WHERE x % 2 = 0) AS even FROM s GROUP BY k'),
	('jsons', 'SELECT k, json_agg(x)::text AS x, json_agg(t)::text AS t, json_agg(c)::text AS c, json_agg(a)::text AS a, json_agg(j)::text AS j,
		json_agg(e)::text AS e, json_agg(at)::text AS at, json_agg(s)::text AS s FROM s GROUP BY k'),
	('jsonbs', 'SELECT k, jsonb_agg(x) AS x, jsonb_agg(t) AS t, jsonb_agg(c) AS c, jsonb_agg(a) AS a, jsonb_agg(j) AS j, jsonb_agg(s) AS s FROM s GROUP BY k'),
	('objects', 'SELECT k, json_object_agg(id, t)::text AS t, json_object_agg(coalesce(t, ''none''), x)::text AS x, json_object_agg(id, c)::text AS c,
		json_object_agg(''a'', j)::text AS j, jsonb_object_agg(coalesce(t, ''none''), x) AS bx, jsonb_object_agg(id % 5, a) AS ba, jsonb_object_agg(''a'', j) AS bj
		FROM s GROUP BY k'),
	('xmls', 'SELECT k, xmlagg(xmlelement(name v, x))::text AS x, xmlagg(CASE WHEN x > 1 THEN xmlforest(t) END)::text AS t FROM s GROUP BY k'),
	('filtered', 'SELECT k, array_agg(x) FILTER (WHERE x > 1000) AS never, array_agg(x) FILTER (WHERE t > ''t5'') AS some,
		json_agg(x) FILTER (WHERE x = 3)::text AS threes, count(*), array_length(array_agg(x), 1) AS n, array_agg(x) || 7 AS more
		FROM s GROUP BY k HAVING array_length(array_agg(x), 1) > 1'),
	('alone', 'SELECT array_agg(x) AS x, string_agg(t, '','') AS t, jsonb_agg(x) AS j, json_agg(x)::text AS js FROM s'),
	('plain_key', 'SELECT t, array_agg(x) AS x FROM s GROUP BY t');
DO $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT name, query FROM aggregates_array.queries LOOP
		EXECUTE format('CREATE VIEW %I AS %s', q.name, q.query);
	END LOOP;
END $$;

-- What is wrong: lines of the view that batch has not and the other way round.
-- A sort for grouping would not keep the order.
CREATE FUNCTION differences() RETURNS TABLE (name text, "rows" bigint, differences bigint) LANGUAGE plpgsql SET enable_sort = off SET jit = off SET timezone = 'UTC' AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM aggregates_array.queries LOOP
		name := q.name;
		EXECUTE format('WITH v AS MATERIALIZED (SELECT * FROM %I), b AS MATERIALIZED (%s)
			SELECT (SELECT count(*) FROM b), (SELECT count(*) FROM (TABLE v EXCEPT ALL TABLE b) x) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE v) y)',
			q.name, replace(q.query, 'FROM s', 'FROM (SELECT * FROM p ORDER BY id) s')) INTO "rows", differences;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM alone;
SELECT * FROM differences();

INSERT INTO p SELECT i, i % 7, nullif(i % 10, 9), nullif('t' || i % 13, 't3'), nullif(decode(lpad(to_hex(i % 256), 2, '0'), 'hex'), '\x07'),
	(ARRAY['sad', 'ok', NULL, 'happy']::mood[])[i % 4 + 1], CASE WHEN i % 5 > 0 THEN ROW(i, 'c "' || i)::pair END,
	CASE WHEN i % 6 > 0 THEN ARRAY[i, NULL, 1] END, nullif(format('{"i" : [%s, {"a": 1}]}', i), '{"i" : [4, {"a": 1}]}')::json, i / 7.0,
	timestamptz '2026-01-01 00:00+00' + i * interval '1 minute', '2026-01-01 00:00+00'
	FROM generate_series(1, 1500) i;

-- one flush each; then batches of several transactions; then one large one
INSERT INTO s SELECT * FROM p WHERE id <= 20 ORDER BY id;
INSERT INTO s SELECT * FROM p WHERE id = 21;
INSERT INTO s SELECT * FROM p WHERE id = 22;
SET weir.synchronous_insert = off;
DO $$
BEGIN
	FOR i IN 23 .. 300 LOOP
		INSERT INTO aggregates_array.s SELECT * FROM aggregates_array.p WHERE id = i;
	END LOOP;
END $$;
RESET weir.synchronous_insert;
INSERT INTO s SELECT * FROM p WHERE id BETWEEN 301 AND 700 ORDER BY id;
INSERT INTO s SELECT * FROM p WHERE id > 700 ORDER BY id;
SELECT weir.flush();
SELECT * FROM differences();
SELECT k, x[1:5] AS x, e[1:3] AS e FROM arrays WHERE k < 2 ORDER BY k;
SELECT left(t, 20) AS t FROM strings WHERE k = 0;

-- A large transaction, through a worker and (the part after it changed something) a file.
CREATE FOREIGN TABLE l (k int, x int) SERVER weir;
CREATE VIEW large AS SELECT k, array_agg(x) AS x, count(*) FROM l GROUP BY k;
SET weir.insert_buffer = '64kB';
BEGIN;
INSERT INTO l (k, x) SELECT i % 3, i FROM generate_series(1, 30000) i;
CREATE TEMP TABLE changed (x int);
INSERT INTO l (k, x) SELECT i % 3, i FROM generate_series(30001, 40000) i;
COMMIT;
RESET weir.insert_buffer;
SELECT k, count, x = (SELECT array_agg(i ORDER BY i) FROM generate_series(1, 40000) i WHERE i % 3 = k) AS same FROM large ORDER BY k;

-- Sliding windows and panes put states together in the order of time.
SELECT weir.set_clock('2026-03-01 12:00+00');
CREATE VIEW sliding WITH (sw = '10 minutes') AS
	SELECT k, array_agg(x) AS x, string_agg(t, '-') AS t, json_agg(c)::text AS c, jsonb_object_agg(k, x) AS last FROM s GROUP BY k;
CREATE VIEW fine WITH (sw = '10 minutes', step_factor = 1) AS
	SELECT k, array_agg(x) AS x, string_agg(t, '-') AS t, json_agg(c)::text AS c, jsonb_object_agg(k, x) AS last FROM s GROUP BY k;
CREATE VIEW hopping AS
	SELECT window_start, k, array_agg(x) AS x, string_agg(t, '-') AS t FROM s, weir.hop(at, '1 minute', '5 minutes') GROUP BY window_start, k;
CREATE VIEW sessions AS
	SELECT window_start, k, array_agg(x) AS x FROM s, weir.session(at, '2 minutes') GROUP BY window_start, window_end, k;
CREATE TABLE q (LIKE p);
INSERT INTO q SELECT i, i % 3, i, 't' || i, NULL, NULL, ROW(i, 'x')::pair, NULL, NULL, NULL,
		timestamptz '2026-03-01 11:40+00' + i * interval '35 seconds' + (i / 7) * interval '4 minutes',
		timestamptz '2026-03-01 11:40+00' + i * interval '35 seconds' FROM generate_series(1, 40) i;
INSERT INTO s SELECT * FROM q WHERE id < 15 ORDER BY id;
INSERT INTO s SELECT * FROM q WHERE id >= 15 ORDER BY id;
CREATE VIEW sliding_batch AS
	SELECT k, array_agg(x ORDER BY id) AS x, string_agg(t, '-' ORDER BY id) AS t, json_agg(c ORDER BY id)::text AS c, jsonb_object_agg(k, x ORDER BY id) AS last
	FROM q WHERE arrival_timestamp > '2026-03-01 11:50+00' GROUP BY k;
SELECT k, cardinality(x) BETWEEN 5 AND 8 AS so_many, t FROM sliding ORDER BY k;
TABLE sliding EXCEPT TABLE sliding_batch;
TABLE sliding_batch EXCEPT TABLE sliding;
TABLE fine EXCEPT TABLE sliding_batch;
TABLE sliding_batch EXCEPT TABLE fine;
CREATE VIEW hopping_batch AS SELECT window_start, k, array_agg(x ORDER BY id) AS x, string_agg(t, '-' ORDER BY id) AS t
	FROM q, weir.hop(at, '1 minute', '5 minutes') GROUP BY window_start, k;
SELECT count(*) FROM hopping;
TABLE hopping EXCEPT TABLE hopping_batch;
TABLE hopping_batch EXCEPT TABLE hopping;
SELECT * FROM sessions ORDER BY window_start, k LIMIT 4;
SELECT weir.set_clock(NULL);

-- What cannot be accumulated is a dead letter; the other rows count.
CREATE FOREIGN TABLE bad (k int, a int[]) SERVER weir;
CREATE VIEW rectangles AS SELECT k, array_agg(a) AS a FROM bad GROUP BY k;
CREATE VIEW keyed AS SELECT json_object_agg(k, a)::text AS j, jsonb_object_agg(k, a) AS b FROM bad;
INSERT INTO bad VALUES (1, '{1,2}');
INSERT INTO bad VALUES (1, '{3,4}'), (2, '{5}'), (1, '{6}'), (NULL, '{7,8}'), (2, '{{9}}'), (2, NULL), (3, '{}'), (1, '{3,5}');
SELECT * FROM rectangles ORDER BY k;
SELECT * FROM keyed;
SELECT view, convert_from(payload, 'UTF8')::json ->> 'k' AS k, convert_from(payload, 'UTF8')::json ->> 'a' AS a, message
	FROM weir.dead_letters WHERE stream = 'bad'::regclass ORDER BY 1, 2, 3;
SELECT state, reason FROM weir.views WHERE 'bad'::regclass = ANY (streams);

-- The functions are of aggregates alone, and take no state that none of them made.
SELECT weir.string_agg_trans('1,0:', 'a', 'b');
SELECT weir.array_agg_combine(ARRAY[1], ARRAY[2]);
SELECT weir.json_agg_trans('[]', 1);
SELECT weir.string_agg_final(state) FROM (VALUES ('1,1:,a'), ('1,0:'), ('1,2:, ß')) v(state);
DO $$
DECLARE
	state text;
	made text;
BEGIN
	FOREACH state IN ARRAY ARRAY['', '1', '1,', '1,:', '1,5:abc', '2,1:abc', '1,-1:abc', '1,99999999999999999999:abc', 'x,1:abc'] LOOP
		BEGIN
			SELECT weir.combine('weir.string_agg(text,text)', s, NULL::text) INTO made FROM (VALUES ('1,0:a'), (state)) v(s);
			RAISE NOTICE '"%" is taken: %', state, made;
		EXCEPTION WHEN invalid_parameter_value THEN NULL;
		END;
	END LOOP;
	FOREACH state IN ARRAY ARRAY['', '1', '01', '01000000', '0100000005ff', '0200000000', '01ffffffff00'] LOOP
		BEGIN
			PERFORM weir.combine('weir.string_agg(bytea,bytea)', s, NULL::bytea) FROM (VALUES ('\x0100000000'::bytea), (decode(lpad(state, length(state) + length(state) % 2, '0'), 'hex'))) v(s);
			RAISE NOTICE '"%" is taken', state;
		EXCEPTION WHEN invalid_parameter_value THEN NULL;
		END;
	END LOOP;
END $$;
SELECT weir.combine('weir.json_agg(anyelement)', ARRAY['int'::regtype], j, NULL::json) FROM (VALUES ('[1]'::json), ('{}')) v(j);
SELECT weir.combine('weir.jsonb_agg(anyelement)', ARRAY['int'::regtype], j, NULL::jsonb) FROM (VALUES ('[1]'::jsonb), ('{}')) v(j);
SELECT weir.combine('weir.jsonb_object_agg("any","any")', j, NULL::jsonb) FROM (VALUES ('{}'::jsonb), ('[1]')) v(j);

SET client_min_messages = warning;
DROP SCHEMA aggregates_array CASCADE;
