-- Option pk: the group keys are the primary key of the materialization table.
CREATE SCHEMA view_pk;
SET search_path = view_pk;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FOREIGN TABLE s (k int, t text, n numeric, at timestamp, x int, tr xid) SERVER weir;
CREATE TABLE p (k int, t text, n numeric, at timestamp, x int, tr xid);
CREATE TABLE names (k int PRIMARY KEY, name text);

-- what cannot be one
CREATE VIEW bad WITH (pk = 'k') AS SELECT k, x FROM s;
CREATE VIEW bad WITH (pk = 'count') AS SELECT count(*) FROM s;
CREATE VIEW bad WITH (pk = 'k') AS SELECT k, count(*) FROM s GROUP BY ROLLUP (k);
CREATE VIEW bad WITH (pk = 'k', sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'k, window_start') AS SELECT k, window_start, count(*) FROM s, weir.hop(at, '1 hour', '2 hours') GROUP BY 1, 2;
CREATE VIEW bad WITH (pk = 'k') AS SELECT k, t, count(*) FROM s GROUP BY k, t;
CREATE VIEW bad WITH (pk = 'k') AS SELECT k, count(*) FROM s GROUP BY k, t;
CREATE VIEW bad WITH (pk = 'count') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'k, more') AS SELECT k, k + 1 AS more, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'nosuch') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'k, k') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'k,') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = '') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'k', pk = 'k') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (pk = 'tr') AS SELECT tr, count(*) FROM s GROUP BY tr;
CREATE VIEW bad WITH (pk = 'k') AS SELECT n.k, n.name, count(*) FROM s JOIN names n ON n.k = s.x GROUP BY n.k;
CREATE VIEW bad WITH (pk = 'k') AS SELECT k, name FROM names;

-- keys of fixed length, in another order, of any length, named as they have to be, in partitions
CREATE VIEW one WITH (pk = k) AS SELECT k, count(*), sum(x), avg(n) FROM s GROUP BY k;
CREATE VIEW two WITH (pk = 'k, day', fillfactor = 60) AS SELECT date_trunc('day', at) AS day, k, count(*), max(t) FROM s GROUP BY 1, 2 HAVING count(*) > 0;
CREATE VIEW texts WITH (pk = 't') AS SELECT t, count(*), avg(x), count(DISTINCT k) AS d FROM s GROUP BY t;
CREATE VIEW seen WITH (pk = '"Odd, one", n') AS SELECT DISTINCT k AS "Odd, one", n FROM s;
CREATE VIEW odd WITH (pk = "Odd, one") AS SELECT k AS "Odd, one", count(*) FROM s GROUP BY 1;
CREATE VIEW hours WITH (pk = 'window_start, k', partition_by = 'window_start', partition_interval = '1 day') AS
	SELECT window_start, window_end, k, count(*), sum(x) FROM s, weir.tumble(at, '1 hour') GROUP BY 1, 2, 3;
SELECT name, pk, fillfactor FROM weir.views ORDER BY 1;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'view_pk'::regnamespace AND contype = 'p' ORDER BY 1;
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'view_pk' AND tablename ~ '_mrel$' ORDER BY indexname;

-- Rows whose key has a NULL, or is too long for the index, become dead letters; nothing else changes.
CREATE FUNCTION add(first int, last int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO p SELECT i % 100, 'text ' || i % 37, i % 11 / 4.0, timestamp '2030-01-01' + i * interval '13 minutes', i FROM generate_series(first, last) i;
	INSERT INTO s SELECT i % 100, 'text ' || i % 37, i % 11 / 4.0, timestamp '2030-01-01' + i * interval '13 minutes', i FROM generate_series(first, last) i;
$$;
CREATE FUNCTION differences() RETURNS TABLE (v text, r text) LANGUAGE sql AS $$
	WITH b1 AS (SELECT k, count(*), sum(x), avg(n) FROM p WHERE k IS NOT NULL GROUP BY k),
		b2 AS (SELECT date_trunc('day', at), k, count(*), max(t) FROM p WHERE k IS NOT NULL AND at IS NOT NULL GROUP BY 1, 2),
		b3 AS (SELECT t, count(*), avg(x), count(DISTINCT k) FROM p WHERE length(t) < 2500 GROUP BY t),
		b4 AS (SELECT DISTINCT k, n FROM p WHERE k IS NOT NULL AND n IS NOT NULL),
		b5 AS (SELECT date_trunc('hour', at), date_trunc('hour', at) + interval '1 hour', k, count(*), sum(x) FROM p WHERE k IS NOT NULL AND at IS NOT NULL GROUP BY 1, 2, 3)
	SELECT 'one', a::text FROM ((TABLE one EXCEPT ALL TABLE b1) UNION ALL (TABLE b1 EXCEPT ALL TABLE one)) a
	UNION ALL SELECT 'two', a::text FROM ((TABLE two EXCEPT ALL TABLE b2) UNION ALL (TABLE b2 EXCEPT ALL TABLE two)) a
	UNION ALL SELECT 'texts', a::text FROM ((TABLE texts EXCEPT ALL TABLE b3) UNION ALL (TABLE b3 EXCEPT ALL TABLE texts)) a
	UNION ALL SELECT 'seen', a::text FROM ((TABLE seen EXCEPT ALL TABLE b4) UNION ALL (TABLE b4 EXCEPT ALL TABLE seen)) a
	UNION ALL SELECT 'hours', a::text FROM ((TABLE hours EXCEPT ALL TABLE b5) UNION ALL (TABLE b5 EXCEPT ALL TABLE hours)) a
$$;
SELECT add(1, 500);
SELECT add(300, 900);
SELECT * FROM differences();
INSERT INTO p VALUES (NULL, 'a', 1, '2030-01-01', 1), (1, NULL, 1, '2030-01-01', 1), (1, 'b', NULL, '2030-01-01', 1), (1, 'b', 1, NULL, 1),
	(NULL, NULL, NULL, NULL, NULL), (2, repeat('long', 1000), 1, '2030-01-01', 1), (2, repeat('long', 600), 1, '2030-01-01', 1);
INSERT INTO s SELECT * FROM p WHERE k IS NULL OR t IS NULL OR n IS NULL OR at IS NULL OR length(t) > 2000;
SELECT * FROM differences();
SELECT view, sqlstate, message, count(*) FROM weir.dead_letters WHERE view::text ~ '^(one|two|texts|seen|hours)$' AND view IN (SELECT view FROM weir.views WHERE schema = 'view_pk') GROUP BY 1, 2, 3 ORDER BY view::text, 3;
SELECT name, state FROM weir.views WHERE state <> 'active';
DELETE FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema = 'view_pk');

-- through files too
SET weir.insert_buffer = '64kB';
SELECT add(1000, 9000);
RESET weir.insert_buffer;
SELECT * FROM differences();
SELECT count(*) > 3 AS several, bool_and(i.indisprimary) AS primary FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid AND i.indisprimary WHERE h.inhparent = 'hours_mrel'::regclass;

-- it stays as long as the view does
ALTER TABLE one_mrel DROP CONSTRAINT one_mrel_pkey;
DROP INDEX one_mrel_pkey;
DROP INDEX two_mrel_lookup;
ALTER TABLE one_mrel ALTER k DROP NOT NULL;
ALTER TABLE one_mrel ADD PRIMARY KEY (k);
CREATE VIEW without AS SELECT k, count(*) FROM s GROUP BY k;
ALTER TABLE without_mrel ADD PRIMARY KEY (k);
ALTER TABLE texts_vals1 ADD PRIMARY KEY (t);
DROP INDEX texts_vals1_group;
ALTER INDEX one_mrel_pkey RENAME TO one_key;
REINDEX INDEX one_key;
CLUSTER one_mrel USING one_key;
ALTER VIEW one RENAME COLUMN k TO key;
CREATE OR REPLACE VIEW one WITH (pk = 'k') AS SELECT k, count(*), sum(x), avg(n), min(x) FROM s GROUP BY k;
ALTER VIEW one RENAME COLUMN key TO k;
CREATE OR REPLACE VIEW one WITH (pk = 'k') AS SELECT k, count(*), sum(x), avg(n), min(x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW one AS SELECT k, count(*), sum(x), avg(n), min(x), max(x) FROM s GROUP BY k;
CREATE OR REPLACE VIEW two WITH (pk = 'day, k') AS SELECT date_trunc('day', at) AS day, k, count(*), max(t), min(t) FROM s GROUP BY 1, 2 HAVING count(*) > 0;
CREATE OR REPLACE VIEW without WITH (pk = 'k') AS SELECT k, count(*), max(x) FROM s GROUP BY k;
SELECT weir.truncate('one');
SELECT weir.truncate('hours');
INSERT INTO s (k, at, x) VALUES (5, '2030-01-01', 7), (NULL, '2030-01-01', 8), (5, '2030-01-01', 9);
TABLE one;
TABLE hours;

-- what drivers ask for: the primary key as pgJDBC's getPrimaryKeys finds it
SELECT a.attname, (i.keys).n AS key_seq, c.relname AS pk_name FROM (SELECT indexrelid, indrelid, information_schema._pg_expandarray(indkey) AS keys FROM pg_index WHERE indisprimary AND indrelid = 'two_mrel'::regclass) i
	JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = (i.keys).x ORDER BY 2;
SELECT table_name, constraint_type FROM information_schema.table_constraints WHERE table_name = 'two_mrel' AND constraint_type = 'PRIMARY KEY';

SET client_min_messages = warning;
DELETE FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema = 'view_pk');
DROP SCHEMA view_pk CASCADE;
