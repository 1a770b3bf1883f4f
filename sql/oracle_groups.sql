-- Group keys of every kind: the view equals its query over a table with the same rows.
CREATE SCHEMA oracle_groups;
SET search_path = oracle_groups;
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');

CREATE TABLE p (i int, t text, n numeric, f float8, r real, ci text COLLATE ci, c pair, a int[], u uuid, m mood,
	j jsonb, ts timestamptz, d date, b bool, iv interval, net inet, rng int4range, ch char(5), nm name);
CREATE FOREIGN TABLE s (i int, t text, n numeric, f float8, r real, ci text COLLATE ci, c pair, a int[], u uuid, m mood,
	j jsonb, ts timestamptz, d date, b bool, iv interval, net inet, rng int4range, ch char(5), nm name) SERVER weir;

-- One view a type; each row of p is inserted several times, in several transactions.
DO $$
DECLARE
	col text;
BEGIN
	FOR col IN SELECT attname FROM pg_attribute WHERE attrelid = 'oracle_groups.p'::regclass AND attnum > 0 LOOP
		EXECUTE format('CREATE VIEW by_%1$s AS SELECT %1$I, count(*), sum(i) FROM oracle_groups.s GROUP BY %1$I', col);
	END LOOP;
END $$;
CREATE VIEW by_all AS SELECT i, t, n, f, r, ci, c, a, u, m, j, ts, d, b, iv, net, rng, ch, nm, count(*)
	FROM s GROUP BY i, t, n, f, r, ci, c, a, u, m, j, ts, d, b, iv, net, rng, ch, nm;
CREATE VIEW by_expression AS SELECT i % 2 AS odd, lower(t) AS t, n > 0 AS positive, coalesce(b, false) AS b, count(*)
	FROM s GROUP BY 1, 2, 3, 4;
CREATE VIEW hidden AS SELECT count(*), sum(i) FROM s GROUP BY t, b;	-- keys not shown
CREATE VIEW by_minute AS SELECT date_trunc('minute', ts) AS minute, count(*) FROM s GROUP BY minute;
CREATE VIEW by_bin AS SELECT date_bin('15 min', ts, '2001-01-01') AS bin, b, count(*) FROM s GROUP BY bin, b;
CREATE VIEW by_nothing AS SELECT DISTINCT t, b FROM s;
CREATE VIEW by_constant AS SELECT 1 AS one, count(*) FROM s GROUP BY one;

INSERT INTO p VALUES
	(1, 'a', 1, 0, 0, 'abc', (1, 'x'), '{1,2}', '00000000-0000-0000-0000-000000000001', 'ok', '{"a":1, "b":2}',
		'2026-01-01 00:00:59.999+00', '2026-01-01', true, '1 day', '10.0.0.1', '[1,5)', 'ab', 'n'),
	(2, 'A', 1.0, '-0', '-0', 'ABC', (1, 'x'), '{1,2}', '00000000-0000-0000-0000-000000000001', 'ok', '{"b":2, "a":1.0}',
		'2026-01-01 01:00:59.999+01', '2026-01-01', false, '24 hours', '10.0.0.1/32', '[1,4]', 'ab ', 'n'),
	(3, 'a', 1.00, 'NaN', 'NaN', 'aBc', (1, NULL), '{1,NULL}', NULL, 'sad', 'null',
		'2026-01-01 00:01:00+00', NULL, NULL, '1 mon', '10.0.0.0/8', 'empty', '', ''),
	(4, '', 'NaN', 'NaN', 'NaN', 'ABD', (NULL, NULL), '{}', NULL, 'happy', '[]',
		'infinity', 'infinity', true, '30 days', '::1', '(,)', NULL, repeat('n', 63)),
	(5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(6, 'a ', 1e50, 'Infinity', '-Infinity', '', (2, ''), '{{1,2},{3,4}}', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ok', '"a"',
		'-infinity', '-infinity', false, '-1 day', '10.0.0.1/24', '[5,6)', 'abcde', 'N'),
	(7, repeat('x', 5000), 1e-50, 1e-300, 1e-30, repeat('abc', 2000), (3, repeat('y', 5000)), array_fill(7, ARRAY[1500]), NULL, NULL,
		jsonb_build_object('k', repeat('z', 5000)), '2026-01-01', '2026-01-01', NULL, '0', NULL, NULL, NULL, NULL),
	(8, repeat('x', 4999) || 'y', -1e-50, -1e-300, -1e-30, repeat('ABC', 2000), (3, repeat('y', 5000)), array_fill(7, ARRAY[1500]), NULL, NULL,
		jsonb_build_object('k', repeat('z', 4999)), '2026-01-01', '2026-01-01', NULL, '0', NULL, NULL, NULL, NULL);
INSERT INTO s SELECT * FROM p;
INSERT INTO s SELECT * FROM p WHERE i % 2 = 0;
INSERT INTO p SELECT * FROM p WHERE i % 2 = 0;
BEGIN;
INSERT INTO s SELECT * FROM p;
ROLLBACK;
SET weir.synchronous_insert = off;
INSERT INTO s SELECT p.* FROM p, generate_series(1, 100);
INSERT INTO p SELECT p.* FROM p, generate_series(1, 100);
RESET weir.synchronous_insert;
SELECT weir.flush();

-- The oracle for every view of this schema: its definition, read from the table instead.
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
SELECT attname, (SELECT differences(format('by_%s', attname),
		format('SELECT %1$I, count(*), sum(i) FROM p GROUP BY %1$I', attname)))
	FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 0 ORDER BY attnum;
SELECT differences('by_all', 'SELECT i, t, n, f, r, ci, c, a, u, m, j, ts, d, b, iv, net, rng, ch, nm, count(*)
	FROM p GROUP BY i, t, n, f, r, ci, c, a, u, m, j, ts, d, b, iv, net, rng, ch, nm');
SELECT differences('by_expression', 'SELECT i % 2, lower(t), n > 0, coalesce(b, false), count(*) FROM p GROUP BY 1, 2, 3, 4');
SELECT differences('hidden', 'SELECT count(*), sum(i) FROM p GROUP BY t, b');
SELECT differences('by_minute', 'SELECT date_trunc(''minute'', ts), count(*) FROM p GROUP BY 1');
SELECT differences('by_bin', 'SELECT date_bin(''15 min'', ts, ''2001-01-01''), b, count(*) FROM p GROUP BY 1, 2');
SELECT differences('by_nothing', 'SELECT DISTINCT t, b FROM p');
SELECT differences('by_constant', 'SELECT 1, count(*) FROM p');
-- One group for 1, 1.0 and 1.00; for 0 and -0; for NaNs; for abc in any case.
SELECT count(*) FROM by_n WHERE n = 1;
SELECT count(*) FROM by_f WHERE f = 0;
SELECT count(*) FROM by_f WHERE f = 'NaN';
SELECT count(*) FROM by_ci WHERE ci = 'Abc';

SET client_min_messages = warning;
DROP SCHEMA oracle_groups CASCADE;
