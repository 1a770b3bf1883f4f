-- Ordered-set and hypothetical-set aggregates, and ORDER BY inside aggregates: the same as a batch query over the same rows.
CREATE SCHEMA oracle_ordered_set;
SET search_path = oracle_ordered_set, public;
SET timezone = 'UTC';
SET jit = off;
SELECT weir.set_clock('2030-06-01 12:00+00');
CREATE FOREIGN TABLE s (k int, g text, x int, n numeric, f float8, t text, i interval, at timestamptz) SERVER weir;
CREATE TABLE p (k int, g text, x int, n numeric, f float8, t text, i interval, at timestamptz);
CREATE PROCEDURE make(name text, query text, options text DEFAULT '')
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE VIEW %I %s AS %s', name, options, replace(query, '@', 's'));
	EXECUTE format('CREATE VIEW %I AS %s', name || '_batch', replace(query, '@', 'p'));
END $$;
\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE PROCEDURE fill(seed int, n int)
LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE q AS
		SELECT nullif(h % 5, 4) AS k, nullif(substr('abc', (h / 7 % 4)::int, 1), '') AS g,
			nullif(h / 11 % 23, 7)::int AS x, round((h / 13 % 9) / 2.0, (h / 13 % 3)::int) AS n,
			(ARRAY[0.5, 1, 'Infinity', NULL, -2, 7e300])[1 + h / 19 % 6]::float8 AS f,
			(ARRAY['a', 'B', 'b', 'ä', 'A', NULL, '', 'zz'])[1 + h / 17 % 8] AS t,
			(ARRAY['1 day', '24 hours', '1 hour', NULL])[1 + h / 31 % 4]::interval AS i,
			'2030-06-01 11:00+00'::timestamptz + h / 29 % 3600 * interval '1 second' AS at
		FROM (SELECT abs(hashint8(i * 1000003::bigint + seed))::bigint AS h FROM generate_series(1, n) i) r;
	INSERT INTO s SELECT * FROM q;
	INSERT INTO p SELECT * FROM q;
	DROP TABLE q;
END $$;
\set VERBOSITY terse
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = 1);
CREATE FUNCTION keep_first(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, $2)';
CREATE AGGREGATE first_text(text) (SFUNC = keep_first, STYPE = text);
CREATE AGGREGATE share_below(float8 ORDER BY float8) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_cont_float8_final);

CALL make('v_percentile', 'SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS c, percentile_disc(0.9) WITHIN GROUP (ORDER BY t COLLATE "C" DESC) AS d,
	percentile_cont(ARRAY[0, 0.25, NULL, 1]) WITHIN GROUP (ORDER BY f) AS ca, percentile_disc(ARRAY[0.1, 0.7]) WITHIN GROUP (ORDER BY x DESC) AS da,
	percentile_cont(0.3) WITHIN GROUP (ORDER BY i) AS ci, mode() WITHIN GROUP (ORDER BY x) AS m, count(*) FROM @ GROUP BY k');
CALL make('v_rank', 'SELECT k, g, rank(5) WITHIN GROUP (ORDER BY x) AS r, dense_rank(5, ''b'') WITHIN GROUP (ORDER BY x, t COLLATE "C") AS d,
	percent_rank(k) WITHIN GROUP (ORDER BY x DESC NULLS LAST) AS p, cume_dist(11) WITHIN GROUP (ORDER BY x) AS c FROM @ GROUP BY k, g');
CALL make('v_filter', 'SELECT g, percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FILTER (WHERE k > 1) AS p, mode() WITHIN GROUP (ORDER BY t COLLATE "C") FILTER (WHERE false) AS m,
	string_agg(t, '','' ORDER BY x, t COLLATE "C") FILTER (WHERE x > 20) AS s, count(DISTINCT x) FILTER (WHERE k > 1) FROM @ GROUP BY g');
CALL make('v_order', 'SELECT k, string_agg(t, ''/'' ORDER BY t COLLATE "C" DESC NULLS FIRST) AS s, array_agg(x ORDER BY x NULLS FIRST) AS a, array_agg(n ORDER BY n, n::text) AS n,
	json_agg(f ORDER BY f DESC)::text AS j, array_agg(i ORDER BY i) AS i, product(n ORDER BY n), first_text(t ORDER BY x DESC NULLS LAST, t COLLATE "C") FROM @ WHERE n > 0 GROUP BY k');
CALL make('v_alone', 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f) AS p, share_below(0.5) WITHIN GROUP (ORDER BY f) AS u, rank(3) WITHIN GROUP (ORDER BY x) AS r, array_agg(x ORDER BY x) AS a FROM @');
CALL make('v_having', 'SELECT date_trunc(''minute'', at, ''UTC'') AS m, count(*) FROM @ GROUP BY 1 HAVING percentile_cont(0.5) WITHIN GROUP (ORDER BY x) > 11');
CALL make('v_both', 'SELECT k, array_agg(DISTINCT n)::float8[] AS d, array_agg(n ORDER BY n)::float8[] AS o, percentile_disc(0.5) WITHIN GROUP (ORDER BY n)::float8 AS p FROM @ GROUP BY k');
CALL make('v_session', 'SELECT k, window_start, window_end, count(DISTINCT x), percentile_cont(0.5) WITHIN GROUP (ORDER BY x), array_agg(x ORDER BY x) FROM @, weir.session(at, ''20 seconds'') GROUP BY 1, 2, 3');
DROP VIEW v_session_batch;
CREATE VIEW v_session_batch AS
	SELECT k, min(at) AS window_start, max(at) + interval '20 seconds' AS window_end, count(DISTINCT x), percentile_cont(0.5) WITHIN GROUP (ORDER BY x), array_agg(x ORDER BY x)
	FROM (SELECT *, sum(begins) OVER (PARTITION BY k ORDER BY at) AS session FROM
		(SELECT *, CASE WHEN at - lag(at) OVER (PARTITION BY k ORDER BY at) < interval '20 seconds' THEN 0 ELSE 1 END AS begins FROM p) l) n GROUP BY k, session;
SELECT * FROM compare_views();
CALL fill(1, 1);
CALL fill(2, 100);
SELECT * FROM compare_views() WHERE missing + extra > 0;
CALL fill(3, 1000);
CALL fill(4, 1000);
CALL fill(5, 5);
SELECT * FROM compare_views();

-- what is shared: the same arguments and FILTER
SELECT name, "values" FROM weir.views WHERE schema = current_schema() AND name IN ('v_both', 'v_rank', 'v_filter') ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT p FROM v_both WHERE k = 1;

-- Sliding windows: at any moment the values are those of the steps that the window shows.
CREATE VIEW w WITH (sw = '1 minute', step_factor = 10) AS
	SELECT k, min(arrival_timestamp) AS oldest, count(*), count(DISTINCT x) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS p, array_agg(x ORDER BY x) AS a FROM s GROUP BY k;
CREATE VIEW w_total WITH (sw = '1 minute', step_factor = 10) AS
	SELECT min(arrival_timestamp) AS oldest, count(DISTINCT x) AS d, mode() WITHIN GROUP (ORDER BY x) AS m FROM s;
CREATE VIEW w_narrow WITH (sw = '20 seconds') AS SELECT * FROM w;
CREATE TABLE q (k int, x int, at timestamptz);
CREATE FUNCTION wrong() RETURNS text LANGUAGE plpgsql AS $$
DECLARE v text;
BEGIN
	FOREACH v IN ARRAY ARRAY['w', 'w_narrow'] LOOP
		EXECUTE format('SELECT string_agg(%L, '','') FROM %I v JOIN LATERAL (SELECT count(*), count(DISTINCT x) AS d,'
			' percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS p, array_agg(x ORDER BY x) AS a FROM q WHERE q.k = v.k AND q.at >= v.oldest) b'
			' ON (v.count, v.d, v.p, v.a) IS DISTINCT FROM (b.count, b.d, b.p, b.a)', v, v) INTO v;
		IF v IS NOT NULL THEN RETURN v; END IF;
	END LOOP;
	SELECT 'w_total' INTO v FROM w_total v WHERE (d, m) IS DISTINCT FROM
		(SELECT (count(DISTINCT x), mode() WITHIN GROUP (ORDER BY x)) FROM q WHERE at >= v.oldest);
	RETURN v;
END$$;
CREATE PROCEDURE run(moments int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..moments LOOP
		WITH new AS (INSERT INTO q SELECT abs(hashint4(i + j)) % 3, abs(hashint4(i * 7 + j)) % 10, weir.clock() FROM generate_series(1, i % 4) j RETURNING *)
			INSERT INTO s (k, x) SELECT k, x FROM new;
		COMMIT;
		IF wrong() IS NOT NULL THEN RAISE NOTICE '%: %', i, wrong(); END IF;
		PERFORM weir.advance_clock(abs(hashint4(i)) % 9000 * interval '1 millisecond');
	END LOOP;
END$$;
SELECT * FROM w_total;
CALL run(60);
SELECT wrong(), (SELECT count(*) > 0 FROM w) AS some, (SELECT bool_or(w.d <> n.d) FROM w JOIN w_narrow n USING (k)) AS narrower;
SELECT weir.advance_clock('1 hour') > '2030-01-01' AS later;
TABLE w;
SELECT d, m FROM w_total;
-- What has left the window is deleted, with its values.
SELECT weir.ttl_expire('w') > 0 OR (SELECT count(*) = 0 FROM w_mrel) AS w, weir.ttl_expire('w_total') >= 0 AS w_total;
SELECT (SELECT count(*) FROM w_mrel) AS w, (SELECT count(*) FROM w_vals1) AS values1, (SELECT count(*) FROM w_total_vals1) AS total;

-- So are groups that outlive their ttl; a group that comes again begins anew.
CREATE VIEW lived WITH (ttl = '1 minute', ttl_column = 'latest') AS
	SELECT k, max(at) AS latest, count(*), count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM s GROUP BY k;
INSERT INTO s (k, x, at) SELECT i % 3, i, weir.clock() - CASE WHEN i % 3 = 1 THEN interval '10 minutes' ELSE '0' END FROM generate_series(1, 12) i;
INSERT INTO s (k, x, at) VALUES (NULL, 1, weir.clock() - interval '1 hour'), (NULL, 2, NULL);
SELECT weir.ttl_expire('lived') >= 0 AS expired;
SELECT k, count, d, a FROM lived ORDER BY k;
SELECT k, count(*) FROM lived_vals1 GROUP BY k ORDER BY k;
INSERT INTO s (k, x, at) VALUES (1, 100, weir.clock());
SELECT k, count, d, a FROM lived ORDER BY k;

-- emit = final: late rows are in none of the queries, closed windows go after their retention, with their values.
CREATE FOREIGN TABLE e (k int, x int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '0');
CREATE VIEW done WITH (emit = final, retention = '30 minutes') AS
	SELECT window_start, count(*), count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM e, weir.tumble(at, '10 minutes') GROUP BY window_start;
CREATE VIEW done_session WITH (emit = final, retention = '30 minutes') AS
	SELECT k, window_start, count(*), count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM e, weir.session(at, '5 minutes') GROUP BY k, window_start, window_end;
INSERT INTO e SELECT 1, i % 4, '2030-01-01 00:00+00'::timestamptz + i * interval '1 minute' FROM generate_series(1, 20) i;
INSERT INTO e VALUES (1, 99, '2030-01-01 00:01+00'), (1, 98, '2030-01-01 00:21+00');
INSERT INTO e VALUES (2, 1, '2030-01-01 00:40+00'), (2, 1, '2030-01-01 01:30+00');
TABLE done ORDER BY window_start;
SELECT * FROM done_session ORDER BY k, window_start;
SELECT late_dropped FROM weir.stat_view WHERE name = 'done';
SELECT window_start, count(*) FROM done_vals1 GROUP BY window_start ORDER BY 1;
INSERT INTO e VALUES (2, 1, '2030-01-01 03:00+00'), (2, 2, '2030-01-01 06:00+00');
DO $$
BEGIN
	FOR i IN 1..100 LOOP
		EXIT WHEN (SELECT count(*) FROM done_mrel) <= 2 AND (SELECT count(*) FROM done_session_mrel) <= 2;
		PERFORM pg_sleep(0.1);
		COMMIT;
	END LOOP;
END$$;
SELECT (SELECT array_agg(window_start::text) FROM done_mrel) AS mrel, (SELECT array_agg(window_start::text) FROM done_vals1) AS vals,
	(SELECT count(*) FROM done_session_mrel) AS sessions, (SELECT count(*) FROM done_session_vals1) AS session_vals;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA oracle_ordered_set CASCADE;
