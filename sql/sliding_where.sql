-- The sliding window as a condition in WHERE: every way to write it, and what is refused.
CREATE SCHEMA sliding_where;
SET search_path = sliding_where;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
CREATE FOREIGN TABLE s (k int, at timestamptz, ats timestamp, day date, doc jsonb) SERVER weir;
CREATE TABLE p (k int, at timestamptz, ats timestamp, day date, doc jsonb, arrival_timestamp timestamptz);
CREATE TABLE names (k int PRIMARY KEY, name text, until timestamptz);
INSERT INTO names VALUES (1, 'one', 'infinity'), (2, 'two', '-infinity');

-- each is a view, and a batch query at the time of the test clock
CREATE TABLE form (name text PRIMARY KEY, condition text);
INSERT INTO form VALUES
	('gt', $$ at > clock_timestamp() - interval '1 hour' $$),
	('ge', $$ at >= clock_timestamp() - interval '1 hour' $$),
	('lt', $$ clock_timestamp() - interval '1 hour' < at $$),
	('le', $$ clock_timestamp() - interval '60 minutes' <= at $$),
	('plus', $$ at + interval '1 hour' > clock_timestamp() $$),
	('plus_first', $$ clock_timestamp() < interval '1 hour' + at $$),
	('both_sides', $$ at + interval '30 minutes' > clock_timestamp() - interval '30 minutes' $$),
	('negative', $$ at - interval '-1 hour' > clock_timestamp() $$),
	('folded', $$ at > clock_timestamp() - 2 * interval '1 hour' / 2 $$),
	('age', $$ clock_timestamp() - at < interval '1 hour' $$),
	('age_turned', $$ interval '1 hour' >= clock_timestamp() - at $$),
	('age_negative', $$ at - clock_timestamp() > interval '-1 hour' $$),
	('f_now', $$ at > now() - interval '1 hour' $$),
	('f_current', $$ at > current_timestamp - interval '1 hour' $$),
	('f_current_n', $$ at > current_timestamp(0) - interval '1 hour' $$),
	('f_statement', $$ at > statement_timestamp() - interval '1 hour' $$),
	('f_transaction', $$ at > transaction_timestamp() - interval '1 hour' $$),
	('f_local', $$ at > localtimestamp - interval '1 hour' $$),
	('f_weir', $$ at > weir.clock() - interval '1 hour' $$),
	('c_arrival', $$ arrival_timestamp > clock_timestamp() - interval '1 hour' $$),
	('c_ats', $$ ats > clock_timestamp() - interval '1 hour' $$),
	('c_ats_local', $$ localtimestamp - interval '1 hour' < ats $$),
	('c_ats_zone', $$ ats > (clock_timestamp() AT TIME ZONE 'UTC') - interval '1 hour' $$),
	('c_ats_cast', $$ ats > clock_timestamp()::timestamp - interval '1 hour' $$),
	('c_cast', $$ ats::timestamptz > clock_timestamp() - interval '1 hour' $$),
	('c_json', $$ (doc->>'at')::timestamptz > clock_timestamp() - interval '1 hour' $$),
	('c_trunc', $$ date_trunc('minute', at) > clock_timestamp() - interval '1 hour' $$),
	('c_date', $$ day::timestamp > clock_timestamp() - interval '48 hours' $$),
	('with_and', $$ k > 1 AND at > clock_timestamp() - interval '1 hour' AND (k < 5 OR k = 7) $$),
	('until_now', $$ at > clock_timestamp() - interval '1 hour' AND at <= clock_timestamp() $$),
	('between_', $$ at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() $$),
	('delayed', $$ at > clock_timestamp() - interval '1 hour' AND at < clock_timestamp() - interval '20 minutes' $$),
	('month', $$ at > clock_timestamp() - interval '1 month' $$),
	('day_', $$ at > clock_timestamp() - interval '1 day' $$);
SELECT weir.set_clock('2030-03-31 12:00:00+00');
DO $$
DECLARE f form;
BEGIN
	FOR f IN SELECT * FROM form LOOP
		EXECUTE format('CREATE VIEW %I WITH (step_factor = 1) AS SELECT k, count(*), max(at) FROM s WHERE %s GROUP BY k', f.name, f.condition);
		EXECUTE format('CREATE VIEW %I AS SELECT k, at FROM s WHERE %s', f.name || '_log', f.condition);
	END LOOP;
END$$;
SELECT v.name, v.sw, v.step FROM weir.views v JOIN form f USING (name) ORDER BY v.name;

-- the present of a batch query is the test clock's
CREATE FUNCTION batch(condition text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(condition, '(clock_timestamp|now|statement_timestamp|transaction_timestamp)\(\)|current_timestamp(\(0\))?', 'weir.clock()', 'g'),
		'localtimestamp', 'weir.clock()::timestamp', 'g') $$;
-- Logs are equal to the batch query; of grouped views what differs is at most a step beyond the edges.
CREATE FUNCTION compare(f form) RETURNS text LANGUAGE plpgsql AS $$
DECLARE differ bigint; missing bigint; rows bigint; step text;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL SELECT k, at FROM p WHERE %2$s) UNION ALL (SELECT k, at FROM p WHERE %2$s EXCEPT ALL TABLE %1$I)) d',
		f.name || '_log', batch(f.condition)) INTO differ;
	EXECUTE format('SELECT count(*) FROM (SELECT k, count(*) FROM p WHERE %2$s GROUP BY k) b LEFT JOIN %1$I v USING (k) WHERE coalesce(v.count, 0) < b.count',
		f.name, batch(f.condition)) INTO missing;
	EXECUTE format('SELECT count(*) FROM %I', f.name || '_log') INTO rows;
	RETURN CASE WHEN differ + missing > 0 THEN format('%s differ, %s missing of %s', differ, missing, rows) END;
END$$;
INSERT INTO p SELECT k, t, t, t, jsonb_build_object('at', t), t
	FROM generate_series(1, 7) k, generate_series(-20, 300) i, LATERAL (SELECT weir.clock() - (i * 20 + k) * interval '37 seconds' AS t) t;
INSERT INTO p SELECT 8, t, t, t, jsonb_build_object('at', t), t FROM generate_series(0, 40) i, LATERAL (SELECT weir.clock() - i * interval '20 hours' AS t) t;
INSERT INTO p VALUES (9, NULL, NULL, NULL, NULL, weir.clock());
INSERT INTO s SELECT * FROM p;
SELECT name, compare(f) FROM form f WHERE compare(f) IS NOT NULL ORDER BY 1;
-- how much of the groups is beyond the window: never more than a step
SELECT weir.set_clock('2030-03-31 12:10:00+00');
SELECT sum(count) > 0 AS shown, min(max) >= weir.clock() - interval '1 hour 36 seconds' AS close FROM gt WHERE k < 8;
-- at other moments, the months' ends and a change of the hour in between, in another zone
DO $$
DECLARE f form; r text;
BEGIN
	FOR i IN 1..40 LOOP
		PERFORM weir.advance_clock(i * interval '17 minutes');
		PERFORM set_config('timezone', CASE i % 3 WHEN 0 THEN 'UTC' WHEN 1 THEN 'Europe/Berlin' ELSE 'America/New_York' END, false);
		FOR f IN SELECT * FROM form LOOP
			-- these depend on the zone of the worker, that of the database
			CONTINUE WHEN f.name IN ('c_cast');
			r := compare(f);
			IF r IS NOT NULL THEN RAISE NOTICE '% %: %', weir.clock() AT TIME ZONE 'UTC', f.name, r; END IF;
		END LOOP;
	END LOOP;
END$$;
SET timezone = 'UTC';
SELECT weir.clock();
-- (versions of PostgreSQL differ in where they name the table)
CREATE FUNCTION definition(view regclass) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(pg_get_viewdef(view, true), '(\w+_mrel|day|zone|steps|"\?window")\.', '', 'g') $$;
\a
SELECT definition('delayed');
SELECT definition('c_ats_zone');
SELECT definition('month_log');
\a

-- subqueries, joins, WITH
CREATE VIEW in_subquery AS SELECT k, count(*) FROM (SELECT k, at AS t FROM s WHERE k < 5) q WHERE t > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW inside_subquery AS SELECT q.k, count(*) FROM (SELECT k FROM s WHERE at > clock_timestamp() - interval '1 hour') q WHERE k < 5 GROUP BY k;
CREATE VIEW in_with AS WITH q AS (SELECT k, at FROM s) SELECT k, count(*) FROM q WHERE k < 5 AND at > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW sw_subquery WITH (sw = '1 hour', sw_column = at) AS SELECT k, count(*) FROM (SELECT k FROM s WHERE k < 5) q GROUP BY k;
CREATE VIEW sw_with WITH (sw = '1 hour', sw_column = at) AS WITH q AS (SELECT k FROM s WHERE k < 5) SELECT k, count(*) FROM q GROUP BY k;
CREATE VIEW joined AS SELECT name, count(*) FROM s LEFT JOIN names USING (k) WHERE at > clock_timestamp() - interval '1 hour' AND k < 5 GROUP BY name;
CREATE VIEW sw_joined WITH (sw = '1 hour', sw_column = at) AS SELECT name, count(*) FROM s LEFT JOIN names USING (k) WHERE k < 5 GROUP BY name;
-- the present and another table's column: when the row is processed
CREATE VIEW join_until AS SELECT name, count(*) FROM s JOIN names n ON s.k = n.k AND n.until > now() WHERE at > now() - interval '1 hour' GROUP BY name;
SELECT weir.set_clock('2030-03-31 12:00:00+00');
INSERT INTO s (k, at) SELECT k, weir.clock() - age FROM generate_series(1, 6) k, unnest(ARRAY[interval '0', '30 minutes', '2 hours']) age;
SELECT 'in_subquery' AS view, * FROM in_subquery UNION ALL SELECT 'inside_subquery', * FROM inside_subquery UNION ALL SELECT 'in_with', * FROM in_with
UNION ALL SELECT 'sw_subquery', * FROM sw_subquery UNION ALL SELECT 'sw_with', * FROM sw_with ORDER BY 1, 2;
SELECT * FROM joined ORDER BY 1;
SELECT * FROM sw_joined ORDER BY 1;
SELECT * FROM join_until;

-- infinite times: inside for ever, and never
CREATE VIEW infinite AS SELECT k, count(*) FROM s WHERE k > 100 AND at > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW infinite_ats AS SELECT k, ats FROM s WHERE k > 100 AND ats > clock_timestamp() - interval '1 hour';
INSERT INTO s (k, at, ats) VALUES (101, 'infinity', 'infinity'), (102, '-infinity', '-infinity'), (103, NULL, NULL);
SELECT * FROM infinite;
SELECT * FROM infinite_ats;

-- the option's column is one of the query: renamed with it, and needed by the view
SELECT pg_get_viewdef('weir.sw_joined_def', true);
ALTER FOREIGN TABLE s RENAME COLUMN at TO event_at;
INSERT INTO s (k, event_at) VALUES (1, weir.clock());
SELECT * FROM sw_joined WHERE name = 'one';
ALTER FOREIGN TABLE s RENAME COLUMN event_at TO at;
CREATE FOREIGN TABLE s2 (k int, at timestamptz) SERVER weir;
CREATE VIEW needs_column WITH (sw = '1 hour', sw_column = at) AS SELECT k, count(*) FROM s2 GROUP BY k;
ALTER FOREIGN TABLE s2 DROP COLUMN at;

-- refused, with the place
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' OR k = 1 GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE NOT at < clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' AND arrival_timestamp > clock_timestamp() - interval '2 hours' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' AND at > clock_timestamp() - interval '2 hours' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at < clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at <= now() GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at = clock_timestamp() GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - k * interval '1 hour' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - (SELECT interval '1 hour') GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > (SELECT clock_timestamp() - interval '1 hour') GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - NULL::interval GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE extract(epoch FROM clock_timestamp() - at) < 3600 GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE day > clock_timestamp() - interval '2 days' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE day > current_date - 7 GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > current_date GROUP BY k;
CREATE VIEW v AS SELECT s.k, count(*) FROM s JOIN names n ON n.k = s.k AND at > clock_timestamp() - interval '1 hour' GROUP BY s.k;
CREATE VIEW v AS SELECT s.k, count(*) FROM s JOIN names n USING (k) WHERE greatest(at, until) > clock_timestamp() - interval '1 hour' GROUP BY s.k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at + random() * interval '1 hour' > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FILTER (WHERE at > clock_timestamp() - interval '1 hour') FROM s GROUP BY k;
CREATE VIEW v AS SELECT k FROM s GROUP BY k HAVING count(*) FILTER (WHERE at > now() - interval '1 hour') > 1;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '10 ms' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() + interval '1 hour' GROUP BY k;
CREATE VIEW v AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '200000 years' GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour') AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' GROUP BY k;
CREATE VIEW v WITH (sw = '1 hour', sw_column = k) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (sw_column = at) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (step_factor = 2) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (step_factor = 2) AS SELECT k, count(*) FROM s WHERE at > clock_timestamp() - interval '1 hour' GROUP BY k;
DROP VIEW v;

SELECT name, reason FROM weir.views WHERE state <> 'active';
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA sliding_where CASCADE;
