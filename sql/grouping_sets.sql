-- GROUPING SETS, ROLLUP and CUBE: the same as a batch query over the same rows.
CREATE SCHEMA grouping_sets;
SET search_path = grouping_sets, public;
SET timezone = 'UTC';
SET jit = off;
SELECT weir.set_clock('2030-06-01 12:00+00');
CREATE FOREIGN TABLE s (k int, g text, x int, n numeric, at timestamptz) SERVER weir;
CREATE TABLE p (k int, g text, x int, n numeric, at timestamptz);
CREATE TABLE names (k int PRIMARY KEY, name text);
INSERT INTO names VALUES (0, 'zero'), (1, 'one'), (2, 'two');
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
			nullif(h / 11 % 23, 7)::int AS x, (h / 13 % 9) / 2.0 AS n,
			'2030-06-01 11:00+00'::timestamptz + h / 29 % 3600 * interval '1 second' AS at
		FROM (SELECT abs(hashint8(i * 1000003::bigint + seed))::bigint AS h FROM generate_series(1, n) i) r;
	INSERT INTO s SELECT * FROM q;
	INSERT INTO p SELECT * FROM q;
	DROP TABLE q;
END $$;

CALL make('v_rollup', 'SELECT k, g, grouping(k, g) AS which, count(*), count(x) AS cx, sum(x), avg(n), min(x), max(g), stddev(x), bool_or(x > 20) FROM @ GROUP BY ROLLUP (k, g)');
CALL make('v_cube', 'SELECT k, g, x % 2 AS odd, grouping(g) AS rolled, count(*), sum(n) FROM @ GROUP BY CUBE (k, g, x % 2)');
CALL make('v_sets', 'SELECT k, g, count(*) FROM @ GROUP BY GROUPING SETS ((k), (g), (k, g), (), (k))');
CALL make('v_distinct', 'SELECT k, g, count(*) FROM @ GROUP BY DISTINCT GROUPING SETS ((k), (g), ROLLUP (k, g))');
CALL make('v_mixed', 'SELECT g, k, x > 10 AS big, count(*) FROM @ GROUP BY g, ROLLUP (k, (x > 10))');
CALL make('v_empty', 'SELECT count(*), sum(x), grouping(k) FROM @ GROUP BY GROUPING SETS ((), (k))');
CALL make('v_total', 'SELECT count(*), sum(x), count(DISTINCT x) AS d FROM @ GROUP BY ()');
CALL make('v_no_empty', 'SELECT k, g, count(*) FROM @ GROUP BY GROUPING SETS ((k), (g))');
CALL make('v_having', 'SELECT k, g, count(*), CASE WHEN grouping(g) = 1 THEN ''all'' ELSE coalesce(g, ''none'') END AS label FROM @ WHERE x > 3 GROUP BY ROLLUP (k, g) HAVING count(*) > 5 OR grouping(k) = 1');
CALL make('v_values', 'SELECT k, g, grouping(k, g) AS which, count(DISTINCT x) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS p,
	array_agg(x ORDER BY x) AS a, sum(DISTINCT x) FILTER (WHERE n > 2) AS s, count(*) FROM @ GROUP BY CUBE (k, g)');
CALL make('v_values_having', 'SELECT k, g FROM @ GROUP BY ROLLUP (k, g) HAVING count(DISTINCT x) > 10');
CALL make('v_array', 'SELECT k, g, cardinality(array_agg(x)) FROM @ GROUP BY ROLLUP (k, g)');
CALL make('v_window', 'SELECT k, g, count(*) AS c, rank() OVER (PARTITION BY grouping(k, g) ORDER BY count(*) DESC, k, g) FROM @ GROUP BY CUBE (k, g)');
CALL make('v_plain', 'SELECT k, grouping(k) AS zero, count(*) FROM @ GROUP BY k');
CALL make('v_dependent', 'SELECT n.k, n.name, g, count(*), count(DISTINCT x) AS d FROM @ r JOIN names n USING (k) GROUP BY n.k, ROLLUP (g)');
CALL make('v_minute', 'SELECT date_trunc(''minute'', at, ''UTC'') AS m, k, count(*), count(DISTINCT x) AS d FROM @ GROUP BY ROLLUP (1, 2)');
CALL make('v_tumble', 'SELECT window_start, window_end, k, count(*), count(DISTINCT x) AS d FROM @, weir.tumble(at, ''10 minutes'') GROUP BY GROUPING SETS ((window_start, window_end, k), (window_end, window_start), (window_start), ())');
CALL make('v_tumble_end', 'SELECT window_start, window_end, k, count(*) FROM @, weir.tumble(at, ''10 minutes'') GROUP BY GROUPING SETS ((window_start, window_end, k), (window_end), ())');
CALL make('v_hop', 'SELECT window_start, window_end, k, count(*), sum(x) FROM @, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY ROLLUP ((window_start, window_end), k)');
CALL make('v_hop_values', 'SELECT window_start, window_end, k, count(DISTINCT x), array_agg(x ORDER BY x) FROM @, weir.hop(at, ''10 minutes'', ''30 minutes'') GROUP BY window_start, window_end, ROLLUP (k)');
SELECT * FROM compare_views();
SELECT * FROM v_empty;
SELECT * FROM v_values;
CALL fill(1, 1);
SELECT * FROM compare_views() WHERE missing + extra > 0;
CALL fill(2, 500);
CALL fill(3, 1000);
SELECT * FROM compare_views();
CALL fill(4, 1000);
CALL fill(5, 10);
SELECT * FROM compare_views() WHERE missing + extra > 0;

-- an index for each set
SELECT replace(indexdef, 'grouping_sets.', '') FROM pg_indexes WHERE schemaname = 'grouping_sets' AND tablename = 'v_values_vals1' ORDER BY 1;

-- Sliding windows
CREATE VIEW w WITH (sw = '1 minute', step_factor = 10) AS
	SELECT k, grouping(k), min(arrival_timestamp) AS oldest, count(*), count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM s GROUP BY ROLLUP (k);
TRUNCATE p;
DO $$
BEGIN
	FOR i IN 1..30 LOOP
		WITH new AS (INSERT INTO p SELECT abs(hashint4(i + j)) % 3, NULL, abs(hashint4(i * 7 + j)) % 10, NULL, weir.clock() FROM generate_series(1, 5) j RETURNING *)
			INSERT INTO s (k, x) SELECT k, x FROM new;
		COMMIT;
		IF (SELECT count(*) FROM w JOIN LATERAL
			(SELECT count(*), count(DISTINCT x) AS d, array_agg(x ORDER BY x) AS a FROM p WHERE (w.grouping = 1 OR p.k = w.k) AND p.at >= w.oldest) b
			ON (w.count, w.d, w.a) IS DISTINCT FROM (b.count, b.d, b.a)) > 0 THEN
			RAISE NOTICE '% differs', i;
		END IF;
		PERFORM weir.advance_clock(abs(hashint4(i)) % 9000 * interval '1 millisecond');
	END LOOP;
END$$;
SELECT count(*), min(d) > 0 AS some FROM w;
SELECT weir.advance_clock('1 hour') > '2030-01-01' AS later;
SELECT grouping, count, d, a FROM w;

-- What cannot be
\set VERBOSITY default
CREATE VIEW v AS SELECT k, count(*) FROM s, weir.session(at, '1 minute') GROUP BY ROLLUP (k, window_start);
CREATE VIEW v AS SELECT 1 AS one FROM s GROUP BY ();
CREATE VIEW v AS SELECT window_start, count(DISTINCT x) FROM s, weir.hop(at, '1 minute', '5 minutes') GROUP BY ROLLUP (window_start);
CREATE VIEW v AS SELECT window_start, count(DISTINCT x) FROM s, weir.cumulate(at, '1 minute', '5 minutes') GROUP BY window_start, ROLLUP (k);
CREATE VIEW v AS SELECT window_end, count(DISTINCT x) FROM s, weir.tumble(at, '1 minute') GROUP BY ROLLUP (window_end);
CREATE FOREIGN TABLE e (k int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '0');
CREATE VIEW v WITH (emit = final) AS SELECT k, window_start, count(*) FROM e, weir.tumble(at, '1 minute') GROUP BY ROLLUP (k), window_start;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA grouping_sets CASCADE;
