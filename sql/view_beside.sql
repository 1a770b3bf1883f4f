-- Views beside extensions that cut statements' texts by the positions in their trees: every kind of view, whatever they track.
CREATE SCHEMA view_beside;
SET search_path = view_beside;
CREATE TABLE p (k int, x int, t text, n numeric, at timestamptz);
CREATE TABLE names (k int, name text);
INSERT INTO names VALUES (0, 'zero'), (1, 'one'), (2, 'two');
CREATE TABLE kinds (n int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO kinds (statement) SELECT regexp_split_to_table(trim(E'\n' FROM $$
CREATE FOREIGN TABLE s (k int, x int, t text, n numeric, at timestamptz) SERVER weir
CREATE FOREIGN TABLE s2 (k int, x int, at timestamptz) SERVER weir OPTIONS (event_time 'at')
CREATE VIEW v1 AS SELECT t, weir.approx_count_distinct(x) AS u FROM s GROUP BY t
CREATE VIEW v2 AS SELECT k, count(*), avg(n) + 1000000 AS a, 'a long constant that the view shows' AS c, ARRAY[1, 2, k] AS r FROM s WHERE x IN (1, 2, 3, 4, 5, 6, 7, 8, 9) GROUP BY k HAVING count(*) > 0
CREATE OR REPLACE VIEW v2 AS SELECT k, count(*), avg(n) + 1000000 AS a, 'a long constant that the view shows' AS c, ARRAY[1, 2, k] AS r, max(t) FROM s WHERE x IN (1, 2, 3, 4, 5, 6, 7, 8, 9) GROUP BY k HAVING count(*) > 0
CREATE VIEW v3 (a, b) AS SELECT k, x FROM s WHERE x < 1000
CREATE VIEW v4 AS SELECT DISTINCT k % 3 AS k3, t FROM s ORDER BY 1 LIMIT 100
CREATE VIEW v5 AS SELECT k, count(DISTINCT x), array_agg(t ORDER BY x DESC), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS half FROM s GROUP BY k
CREATE VIEW v6 AS SELECT k, t, grouping(k, t), sum(x) FROM s GROUP BY CUBE (k, t)
CREATE VIEW v7 AS SELECT name, string_agg(t, ', '), count(*) FILTER (WHERE x > 7) FROM s JOIN names USING (k) GROUP BY name
CREATE VIEW v8 WITH (sw = '100 minutes', sw_column = at) AS SELECT k, count(*), sum(x) + 12345 AS more FROM s GROUP BY k
CREATE VIEW v9 (key, rows, sum) WITH (sw = '50 minutes') AS SELECT k, count, more FROM v8 WHERE k > -100000
CREATE VIEW v10 WITH (step_factor = 1) AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '100 minutes' GROUP BY k
CREATE VIEW v11 AS SELECT window_start, k, count(*) FROM s, weir.tumble(at, '5 minutes') GROUP BY 1, 2
CREATE VIEW v12 AS SELECT window_start, window_end, sum(x) FROM s, weir.hop(at, '5 minutes', '1 hour') GROUP BY 1, 2
CREATE VIEW v13 AS SELECT k, window_start, window_end, count(*) FROM s, weir.session(at, '10 minutes') GROUP BY 1, 2, 3
CREATE VIEW v14 WITH (emit = final, allowed_lateness = '1 minute', late = drop) AS SELECT window_start, count(*) FROM s2, weir.tumble(at, '1 minute') GROUP BY 1
CREATE VIEW v15 WITH (partition_by = h, partition_interval = '1 day', retention = '1000 years') AS SELECT date_trunc('hour', at, 'UTC') AS h, count(*), count(DISTINCT t) AS d FROM s GROUP BY 1
CREATE VIEW v16 WITH (pk = 'k', ttl = '1000 years', ttl_column = m) AS SELECT k, max(at) AS m FROM s GROUP BY k
CREATE VIEW v17 AS SELECT k, sum(x), 1000 AS thousand FROM (SELECT k, x FROM s UNION ALL SELECT k + 10, x FROM s2) u GROUP BY k
CREATE VIEW v18 AS SELECT sum(count) + 1, weir.combine(u) FROM v1, v2
CREATE INDEX ON v2 (k, count)
CREATE TABLE copied AS SELECT k, count, 17 AS c FROM v2
$$), E'\n');

-- in a trigger, a view beside the one that is being made; afterwards, the view as it is
CREATE FUNCTION more() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('view_beside.inside', true) = 'off' AND to_regclass('view_beside.v1') IS NOT NULL THEN
		PERFORM set_config('view_beside.inside', 'on', false);
		EXECUTE 'CREATE VIEW view_beside.inner_view AS SELECT k, count(*) + 77 AS c FROM view_beside.s GROUP BY k';
	END IF;
END $$;
CREATE FUNCTION done() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE made regclass;
BEGIN
	FOR made IN SELECT objid FROM pg_event_trigger_ddl_commands() WHERE object_identity IN ('view_beside.v2', 'view_beside.inner_view') LOOP
		RAISE INFO '%: %', made, regexp_replace(pg_get_viewdef(made), '\s+', ' ', 'g');
	END LOOP;
END $$;
CREATE EVENT TRIGGER regress_weir_more ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION more();
CREATE EVENT TRIGGER regress_weir_done ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION done();

CREATE FUNCTION fill() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE view_beside.p;
	INSERT INTO view_beside.p SELECT i % 4, i % 13, 't' || i % 3, i / 7.0, now() - i * interval '1 minute' FROM generate_series(1, 40) i;
	INSERT INTO view_beside.s SELECT * FROM view_beside.p;
END $$;
\set wrong 'SELECT count(*) FROM (SELECT * FROM v2 EXCEPT ALL SELECT k, count(*), avg(n) + 1000000, \'a long constant that the view shows\', ARRAY[1, 2, k], max(t) FROM p WHERE x IN (1, 2, 3, 4, 5, 6, 7, 8, 9) GROUP BY k) a'
\set round 'SELECT fill(); SELECT weir.flush(); SELECT name, state, reason FROM weir.views WHERE schema = \'view_beside\' AND state <> \'active\'; SELECT count(*) FROM v1; SELECT count(*), sum(rows) > 0 AS some FROM v9;'

SET view_beside.inside = off;
SET pg_stat_statements.track = 'all';
SELECT statement FROM kinds ORDER BY n \gexec
:round
:wrong;
DROP FOREIGN TABLE s, s2 CASCADE;
DROP EVENT TRIGGER regress_weir_more;
DROP EVENT TRIGGER regress_weir_done;

-- the same by the settings that bring the trees to them otherwise
\set ECHO none
SET client_min_messages = warning;
SET pg_stat_statements.track = 'top';
SET pg_stat_statements.track_utility = off;
DROP TABLE copied;
SELECT statement FROM kinds ORDER BY n \gexec
:round
:wrong;
DROP FOREIGN TABLE s, s2 CASCADE;
SET pg_stat_statements.track = 'all';
DROP TABLE copied;
SELECT statement FROM kinds ORDER BY n \gexec
:round
:wrong;
DROP FOREIGN TABLE s, s2 CASCADE;
-- and by a function
DROP TABLE copied;
DO $$ DECLARE k text; BEGIN FOR k IN SELECT statement FROM kinds ORDER BY n LOOP EXECUTE k; END LOOP; END $$;
:round
:wrong;
\set ECHO all
DROP SCHEMA view_beside CASCADE;
