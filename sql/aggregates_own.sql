-- Weir's own aggregates: views against the same calls over a table, and over a table against other ways of asking.
CREATE SCHEMA aggregates_own;
SET search_path = aggregates_own;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text, m mood);
CREATE DOMAIN small AS int CHECK (value < 100000);
CREATE FOREIGN TABLE s (id int, k int, x int, t text, m mood, c pair, n numeric, d small, r int4range, at timestamptz) SERVER weir;
CREATE TABLE p (id int, k int, x int, t text, m mood, c pair, n numeric, d small, r int4range, at timestamptz, arrival_timestamp timestamptz);

CREATE VIEW ends AS SELECT k, weir.first(x, at) AS fx, weir.last(x, at) AS lx, weir.first(t, n) AS ft, weir.last(t, t) AS lt, weir.first(m, x) AS fm, weir.last(c, id) AS lc,
	weir.last(d, at) AS ld, weir.first(r, at) AS fr, weir.last(s, id) AS ls, weir.keyed_min(at, x) AS kmin, weir.keyed_max(m, id) AS kmax,
	weir.last(x, at) FILTER (WHERE x % 2 = 0) AS even, weir.first(x, at) FILTER (WHERE false) AS never
	FROM s GROUP BY k;
CREATE VIEW tops AS SELECT k, weir.top_n(3, x) AS x, weir.top_n(2, t, n) AS t, weir.first_values(4, id, n) AS id, weir.first_values(3, n) AS n,
	weir.top_n(2, c, id) AS c, weir.top_n(1000, m, id) AS m FROM s GROUP BY k;
CREATE VIEW alone AS SELECT weir.last(s, at) AS s, weir.top_n(2, s, at) AS tops FROM s;
SELECT * FROM alone;

INSERT INTO p SELECT i, i % 5, nullif((i * 7919) % 1000, 13), nullif('t' || (i * 31) % 200, 't7'), (ARRAY['happy', NULL, 'sad', 'ok']::mood[])[i % 4 + 1],
	CASE WHEN i % 9 > 0 THEN ROW(i, '"' || i || '", ', 'ok')::pair END, nullif((i * 104729) % 5003, 5) / 8.0, i, int4range(i, i + 2),
	nullif(timestamptz '2026-01-01 00:00+00' + (i * 48271 % 1499) * interval '1 minute', '2026-01-01 00:10+00'), '2026-01-01 00:00+00'
	FROM generate_series(1, 1400) i;
INSERT INTO p (id, k, arrival_timestamp) VALUES (2001, 7, '2026-01-01 00:00+00'), (2002, 7, '2026-01-01 00:00+00');
INSERT INTO s SELECT * FROM p WHERE id <= 100 ORDER BY id;
INSERT INTO s SELECT * FROM p WHERE id = 101;
SET weir.synchronous_insert = off;
DO $$
BEGIN
	FOR i IN 102 .. 200 LOOP
		INSERT INTO aggregates_own.s SELECT * FROM aggregates_own.p WHERE id = i;
	END LOOP;
END $$;
RESET weir.synchronous_insert;
INSERT INTO s SELECT * FROM p WHERE id > 200 ORDER BY id;
SELECT weir.flush();

-- by sorting; a sort is not stable, so the order of arrival is made part of it
CREATE VIEW ends_batch AS SELECT k, (array_agg(x ORDER BY at, id) FILTER (WHERE at IS NOT NULL))[1] AS fx, (array_agg(x ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL))[1] AS lx,
	(array_agg(t ORDER BY n, id) FILTER (WHERE n IS NOT NULL))[1] AS ft, (array_agg(t ORDER BY t DESC, id DESC) FILTER (WHERE t IS NOT NULL))[1] AS lt,
	(array_agg(m ORDER BY x, id) FILTER (WHERE x IS NOT NULL))[1] AS fm, (array_agg(c ORDER BY id DESC))[1] AS lc,
	(array_agg(d ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL))[1] AS ld, (array_agg(r ORDER BY at, id) FILTER (WHERE at IS NOT NULL))[1] AS fr,
	(array_agg(p ORDER BY id DESC))[1] AS ls, (array_agg(x ORDER BY at, id) FILTER (WHERE at IS NOT NULL))[1] AS kmin,
	(array_agg(id ORDER BY m DESC, id DESC) FILTER (WHERE m IS NOT NULL))[1] AS kmax,
	(array_agg(x ORDER BY at DESC, id DESC) FILTER (WHERE at IS NOT NULL AND x % 2 = 0))[1] AS even, NULL::int AS never
	FROM p GROUP BY k;
CREATE VIEW tops_batch AS SELECT k, (array_agg(x ORDER BY x DESC) FILTER (WHERE x IS NOT NULL))[:3] AS x, (array_agg(t ORDER BY n DESC, id) FILTER (WHERE n IS NOT NULL))[:2] AS t,
	(array_agg(id ORDER BY n, id) FILTER (WHERE n IS NOT NULL))[:4] AS id, (array_agg(n ORDER BY n) FILTER (WHERE n IS NOT NULL))[:3] AS n,
	(array_agg(c ORDER BY id DESC))[:2] AS c, array_agg(m ORDER BY id DESC) AS m FROM p GROUP BY k;
SELECT count(*) FROM ends;
SELECT ends::text FROM ends EXCEPT SELECT ends_batch::text FROM ends_batch;
SELECT ends_batch::text FROM ends_batch EXCEPT SELECT ends::text FROM ends;
TABLE tops EXCEPT TABLE tops_batch;
TABLE tops_batch EXCEPT TABLE tops;
SELECT (s).id, (s).at, (s).m, array_length(tops, 1) FROM alone;
SELECT k, fx, lx, lc, even, never FROM ends WHERE k IN (1, 7) ORDER BY k;

-- Over a table they are aggregates as any; a parallel plan gives the same.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE p SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT weir.last(id, id), weir.top_n(3, c, id) FROM p;
SELECT weir.last(id, id), weir.top_n(3, c, id), weir.first_values(2, t, id) FROM p;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- States survive what happens to types: another name, another column.
ALTER TYPE mood RENAME TO feeling;
ALTER FOREIGN TABLE s RENAME TO stream;
ALTER FOREIGN TABLE stream ADD COLUMN extra int;
INSERT INTO stream (id, k, x, m, at, extra) VALUES (3000, 1, 5, 'ok', '2030-01-01', 9);
SELECT k, (lc).m, (ls).id, (ls).extra FROM ends WHERE k IN (1, 2) ORDER BY k;
SELECT (s).id, (s).m, (s).extra FROM alone;

-- Sliding windows and panes.
SELECT weir.set_clock('2026-03-01 12:00+00');
CREATE FOREIGN TABLE w (k int, x int, at timestamptz) SERVER weir;
CREATE TABLE wp (k int, x int, at timestamptz, arrival_timestamp timestamptz);
CREATE VIEW sliding WITH (sw = '10 minutes') AS SELECT k, weir.first(x, at), weir.last(x, at), weir.top_n(3, x) FROM w GROUP BY k;
CREATE VIEW hopping AS SELECT window_start, k, weir.last(x, at), weir.first_values(2, x, at) FROM w, weir.hop(at, '1 minute', '5 minutes') GROUP BY window_start, k;
INSERT INTO wp SELECT i % 3, i * 17 % 100, timestamptz '2026-03-01 11:30+00' + i * 37 % 60 * interval '30 seconds',
	timestamptz '2026-03-01 11:30+00' + i * interval '60 seconds' FROM generate_series(1, 30) i;
INSERT INTO w SELECT * FROM wp ORDER BY at LIMIT 15;
INSERT INTO w SELECT * FROM wp ORDER BY at OFFSET 15;
TABLE sliding EXCEPT SELECT k, weir.first(x, at), weir.last(x, at), weir.top_n(3, x) FROM wp WHERE arrival_timestamp > '2026-03-01 11:50+00' GROUP BY k;
SELECT k, weir.first(x, at), weir.last(x, at), weir.top_n(3, x) FROM wp WHERE arrival_timestamp > '2026-03-01 11:50+00' GROUP BY k EXCEPT TABLE sliding;
TABLE hopping EXCEPT SELECT window_start, k, weir.last(x, at), weir.first_values(2, x, at) FROM wp, weir.hop(at, '1 minute', '5 minutes') GROUP BY window_start, k;
SELECT window_start, k, weir.last(x, at), weir.first_values(2, x, at) FROM wp, weir.hop(at, '1 minute', '5 minutes') GROUP BY window_start, k EXCEPT TABLE hopping;
SELECT count(*) FROM hopping;
SELECT weir.set_clock(NULL);

-- PipelineDB's functions of times, as group keys.
CREATE VIEW rounded AS SELECT weir.date_round(at, '10 minutes') AS ten, weir.day(at) AS day, weir.minute(at) AS minute, count(*) FROM w GROUP BY 1, 2, 3;
INSERT INTO w SELECT * FROM wp;
TABLE rounded EXCEPT SELECT date_bin('10 minutes', at, '2000-01-01 00:00+00'), date_trunc('day', at, 'UTC'), date_trunc('minute', at), count(*) FROM wp GROUP BY 1, 2, 3;
SELECT weir.year(t), weir.month(t), weir.hour(t), weir.second(t), weir.date_round(t, '1 day 12 hours'), weir.date_round(t, '2 months') FROM (VALUES (timestamptz '2026-05-06 07:08:09.5+00')) v(t);
SELECT weir.date_round(NULL, '1 day'), weir.date_round('2026-05-06 07:00+00', NULL), weir.date_round('infinity', '1 day');
SELECT weir.date_round('2026-05-06 07:00+00', '-1 day');
SELECT weir.date_round('2026-05-06 07:00+00', '0');

-- Bad arguments; nobody can hand a state to these functions.
SELECT weir.first_trans('x'::text, 1, 1);
SELECT weir.top_n(0, 1);
SELECT weir.top_n(NULL, 1);
SELECT weir.top_n(-1, 1, 1);
SELECT weir.first_values(2000000000, 1);
SELECT weir.top_n(x, x) FROM generate_series(1, 3) x;
SELECT weir.first(x, '{}'::json) FROM generate_series(1, 2) x;
SELECT weir.first(1, 'unknown');
SELECT weir.last(NULL::int, NULL::int), weir.top_n(2, NULL::text), weir.last(NULL::int, 1), weir.top_n(2, NULL::text, 1);
SELECT weir.combine('weir.last(anyelement,"any")', ARRAY['int'::regtype, 'int'], 'x'::text, NULL::int);

-- keys are compared by their collation, whatever the type of the value
CREATE FOREIGN TABLE n (k int, x int, t text) SERVER weir;
CREATE TABLE np (k int, x int, t text);
CREATE VIEW by_text AS SELECT k, weir.top_n(3, x, t) AS tops, weir.first(x, t COLLATE "POSIX") AS first FROM n GROUP BY k;
CREATE VIEW by_text_sliding WITH (sw = '1 hour', step_factor = 50) AS SELECT k, weir.last(x, t COLLATE "C") AS last, weir.first_values(2, x, t) AS firsts FROM n GROUP BY k;
INSERT INTO np SELECT i % 3, i, 't' || (i * 7919) % 1009 FROM generate_series(1, 100) i;
INSERT INTO n SELECT * FROM np WHERE x <= 50;
INSERT INTO n SELECT * FROM np WHERE x > 50;
TABLE by_text EXCEPT SELECT k, weir.top_n(3, x, t), weir.first(x, t COLLATE "POSIX") FROM np GROUP BY k;
TABLE by_text_sliding EXCEPT SELECT k, weir.last(x, t COLLATE "C"), weir.first_values(2, x, t) FROM np GROUP BY k;
SELECT weir.combine(tops), weir.combine(first) FROM by_text EXCEPT SELECT weir.top_n(3, x, t), weir.first(x, t COLLATE "POSIX") FROM np;
SELECT attrelid::regclass, attname, attcollation::regcollation FROM pg_attribute WHERE attrelid IN ('by_text_mrel'::regclass, 'by_text_sliding_mrel'::regclass) AND attnum > 1 AND attcollation <> 0 ORDER BY 1, attnum;
-- states are in the database's encoding, whatever that of the client who reads them, or makes a label's hash
CREATE TYPE letter AS ENUM ('é', 'ü');
CREATE TYPE letters AS (l letter, t text);
CREATE FOREIGN TABLE u (l letter, t text, j jsonb) SERVER weir;
CREATE VIEW letters_of AS SELECT weir.first(t, j) AS f, weir.top_n(2, l, t) AS n, weir.last(ROW(l, t)::letters, t) AS r, weir.last(j, t) AS j, weir.topk_values(weir.topk_agg(t, 2), NULL::text[]) AS k,
	weir.bloom_agg(l) AS b, weir.bloom_agg(ROW(l, t)::letters) AS br FROM u;
INSERT INTO u VALUES ('é', 'é', '"é"'), ('ü', 'ü', '"ü"');
SET client_encoding = 'LATIN1';
SELECT convert_to(f, 'UTF8') AS f, convert_to(n::text, 'UTF8') AS n, convert_to(r::text, 'UTF8') AS r, convert_to(j::text, 'UTF8') AS j, convert_to(k::text, 'UTF8') AS k,
	weir.bloom_contains(b, (enum_range(NULL::letter))[1]) AS b, weir.bloom_contains(br, ROW(chr(233), chr(233))::letters) AS br FROM letters_of;
INSERT INTO u SELECT enum_first(NULL::letter), chr(233), '1';
SELECT convert_to(weir.last(chr(233), 1), 'UTF8') AS f, current_setting('client_encoding') AS encoding;
RESET client_encoding;
SELECT k, weir.bloom_cardinality(b) AS b FROM letters_of;

SET client_min_messages = warning;
DROP SCHEMA aggregates_own CASCADE;
