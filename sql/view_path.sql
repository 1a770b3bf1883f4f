-- What Weir makes of a query names PostgreSQL's own operators and functions, whatever the search_path has in front of them.
CREATE SCHEMA view_path;
CREATE SCHEMA evil;
SET search_path = view_path;
SELECT weir.set_clock('2030-06-01 12:00:00+00');
CREATE FOREIGN TABLE s (k int, x int, t text, n numeric, at timestamptz, ats timestamp) SERVER weir OPTIONS (event_time 'at');
CREATE TABLE p (k int, x int, t text, n numeric, at timestamptz, ats timestamp);
CREATE TABLE kinds (name text, options text, query text);
INSERT INTO kinds SELECT r[1], r[2], r[3] FROM regexp_matches($$
plain|| SELECT k, count(*), pg_catalog.sum(x), pg_catalog.avg(n) FROM s GROUP BY k
sets|| SELECT k, t, count(*), pg_catalog.sum(x) AS x FROM s GROUP BY CUBE (k, t)
distinct_values|| SELECT k, count(DISTINCT x) AS d, pg_catalog.array_agg(x ORDER BY x) AS a FROM s GROUP BY k
filtered|| SELECT k, pg_catalog.array_agg(x ORDER BY x) FILTER (WHERE x OPERATOR(pg_catalog.>) 3) AS a FROM s GROUP BY k
sliding|WITH (sw = '1 hour', sw_column = at)| SELECT k, count(*), pg_catalog.sum(x) FROM s GROUP BY k
sliding_local|WITH (sw = '1 hour', sw_column = ats)| SELECT count(*), pg_catalog.max(n) FROM s
blocks|WITH (sw = '100 minutes', sw_column = at, step_factor = 1)| SELECT k, count(*), pg_catalog.avg(n) FROM s GROUP BY k
sliding_values|WITH (sw = '1 hour', sw_column = at)| SELECT k, count(DISTINCT x) AS d FROM s GROUP BY k
sliding_log|WITH (sw = '1 hour', sw_column = at)| SELECT k, at FROM s
tumble|WITH (emit = final, allowed_lateness = '1 minute', late = drop)| SELECT window_start, window_end, count(*) FROM s, weir.tumble(at, '5 minutes') GROUP BY 1, 2
hop|WITH (emit = final, allowed_lateness = '1 minute', late = drop, retention = '1 year')| SELECT window_start, pg_catalog.sum(x) FROM s, weir.hop(at, '5 minutes', '1 hour') GROUP BY 1
hop_values|| SELECT window_start, count(DISTINCT x) AS d, pg_catalog.array_agg(t ORDER BY t) AS a FROM s, weir.hop(at, '5 minutes', '1 hour') GROUP BY 1
cumulate|| SELECT window_start, window_end, k, pg_catalog.sum(x) FROM s, weir.cumulate(at, '5 minutes', '1 hour') GROUP BY 1, 2, 3
session|WITH (emit = final, allowed_lateness = '1 minute', late = drop, retention = '1 year')| SELECT k, window_start, window_end, count(*) FROM s, weir.session(at, '10 minutes') GROUP BY 1, 2, 3
session_hours|| SELECT pg_catalog.date_trunc('hour', window_start) AS h, count(*), pg_catalog.max(x) FROM s, weir.session(at, '10 minutes') GROUP BY 1
session_values|| SELECT k, window_start, window_end, count(DISTINCT x) AS d FROM s, weir.session(at, '10 minutes') GROUP BY 1, 2, 3
binned|WITH (emit = final, late = drop, retention = '1 year')| SELECT pg_catalog.date_bin('5 minutes', at, '2000-01-01Z') AS b, count(*) FROM s GROUP BY 1
parts|WITH (partition_by = h, partition_interval = '1 day', retention = '30 days')| SELECT pg_catalog.date_trunc('hour', at, 'UTC') AS h, count(*) FROM s GROUP BY 1
parts_hop|WITH (partition_by = window_start, partition_interval = '1 day', retention = '30 days')| SELECT window_start, count(*) FROM s, weir.hop(at, '5 minutes', '1 hour') GROUP BY 1
lives|WITH (ttl = '1 year', ttl_column = m, pk = 'k')| SELECT k, pg_catalog.max(at) AS m FROM s GROUP BY k
$$, '^(.*?)\|(.*?)\| (.*)$', 'gn') r;

-- operators and functions of the same names and types, which are in front and fail
CREATE FUNCTION shadow() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	o record;
	types regtype[] := '{int4, int8, bool, oid, tid, text, numeric, timestamptz, timestamp, interval, date}';
	n bigint := 0;
BEGIN
	FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS result, row_number() OVER () AS i FROM pg_operator
		WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft = ANY (types) AND oprright = ANY (types) AND oprresult <> 0 LOOP
		EXECUTE format('CREATE FUNCTION evil.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''evil operator %s''''; END''', o.i, o.l, o.r, o.result, replace(o.oprname, '%', '%%'));
		EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.op%s)', o.oprname, o.l, o.r, o.i);
		n := n + 1;
	END LOOP;
	FOR o IN SELECT proname, oidvectortypes(proargtypes) AS args, prorettype::regtype AS result FROM pg_proc
		WHERE pronamespace = 'pg_catalog'::regnamespace AND proretset = false AND provariadic = 0 AND NOT 'internal'::regtype = ANY (proargtypes) AND NOT '"any"'::regtype = ANY (proargtypes) AND
			proname IN ('date_bin', 'min', 'max', 'sum', 'avg', 'clock_timestamp', 'timezone', 'array_positions', 'cardinality', 'now', 'date_trunc', 'timestamp', 'timestamptz', 'int8', 'array_append') LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''evil function %s''''; END''', o.proname, o.args, o.result, o.proname);
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
SELECT shadow() > 200 AS shadowed;
CREATE VIEW used AS
	SELECT DISTINCT r.ev_class::regclass::text AS relation, pg_describe_object(refclassid, refobjid, 0) AS what
	FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
	WHERE refclassid = 'pg_operator'::regclass AND (SELECT oprnamespace FROM pg_operator o WHERE o.oid = refobjid) = 'evil'::regnamespace
		OR refclassid = 'pg_proc'::regclass AND (SELECT pronamespace FROM pg_proc p WHERE p.oid = refobjid) = 'evil'::regnamespace;
CREATE FUNCTION wrong() RETURNS TABLE (name text, only_in_view bigint, only_in_batch bigint) LANGUAGE plpgsql AS $$
DECLARE
	q text;
BEGIN
	FOR name, q IN SELECT k.name, k.query FROM view_path.kinds k WHERE options !~ 'final|sw' AND query !~ 'session' LOOP
		q := replace(q, 'FROM s', 'FROM view_path.p s');
		EXECUTE format('SELECT (SELECT count(*) FROM (TABLE view_path.%1$I EXCEPT ALL %2$s) a), (SELECT count(*) FROM (%2$s EXCEPT ALL TABLE view_path.%1$I) b)', name, q) INTO only_in_view, only_in_batch;
		IF only_in_view > 0 OR only_in_batch > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END $$;

SET search_path = evil, view_path, pg_catalog;
SELECT pg_catalog.format('CREATE VIEW view_path.%I %s AS %s', name, options, query) FROM kinds \gexec
-- another view of that name, in evil
CREATE OR REPLACE VIEW plain AS SELECT k FROM s;
CREATE OR REPLACE VIEW view_path.plain AS SELECT k, count(*), pg_catalog.sum(x), pg_catalog.avg(n), pg_catalog.min(x) FROM s GROUP BY k;
UPDATE kinds SET query = 'SELECT k, count(*), pg_catalog.sum(x), pg_catalog.avg(n), pg_catalog.min(x) FROM s GROUP BY k' WHERE name OPERATOR(pg_catalog.=) 'plain';
CREATE VIEW view_path.narrow WITH (sw = '10 minutes') AS SELECT * FROM sliding;
CREATE VIEW view_path.narrow_blocks WITH (sw = '50 minutes') AS SELECT * FROM blocks;
CREATE VIEW view_path.combined AS SELECT weir.combine(avg) AS a, weir.combine(sum) FROM view_path.plain;
CREATE INDEX ON sliding (k);
SELECT * FROM view_path.used;

DROP VIEW plain;

RESET search_path;
INSERT INTO view_path.p SELECT i % 4, i % 13, 't' || i % 3, i / 7.0, '2030-06-01 10:00+00'::timestamptz + i * interval '1 minute', '2030-06-01 10:00'::timestamp + i * interval '1 minute' FROM generate_series(1, 110) i;
INSERT INTO view_path.s SELECT * FROM view_path.p;
SELECT weir.flush();
SELECT name, state, reason FROM weir.views WHERE schema = 'view_path' AND state <> 'active';
SELECT count(*) FROM weir.dead_letters WHERE stream = 'view_path.s'::regclass;
SELECT * FROM view_path.wrong();
SELECT (SELECT sum(count) FROM view_path.sliding), (SELECT sum(count) FROM view_path.narrow), (SELECT sum(count) FROM view_path.blocks), (SELECT sum(count) FROM view_path.narrow_blocks),
	(SELECT count FROM view_path.sliding_local), (SELECT count(*) FROM view_path.sliding_log), (SELECT sum(d) FROM view_path.sliding_values);
SELECT (SELECT sum(count) FROM view_path.tumble), (SELECT sum(sum) FROM view_path.hop), (SELECT sum(count) FROM view_path.session), (SELECT sum(count) FROM view_path.session_hours), (SELECT sum(count) FROM view_path.binned);

-- read, planned and deleted in a session with that path
SET search_path = evil, view_path, pg_catalog;
SELECT a, combine FROM combined;
SELECT weir.combine(avg) AS avg FROM blocks;
SELECT pg_catalog.count(*) FROM sliding_values;
SELECT weir.set_clock('2032-06-01 12:00:00+00');
SELECT weir.ttl_expire('lives');
SELECT pg_catalog.count(*) FROM lives;
SELECT weir.set_ttl('lives', '2 years', 'm');
SELECT weir.deactivate('plain'), weir.activate('plain');
SELECT weir.truncate('sets');
RESET search_path;
SELECT weir.flush();
SELECT name, state, reason FROM weir.views WHERE schema = 'view_path' AND state <> 'active';
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA view_path, evil CASCADE;
