\set ECHO none
-- Comparing what continuous views show with batch queries over the same rows.
-- In a test: \getenv src PG_ABS_SRCDIR   \set file :src '/sql/include/batch.sql'   \i :file
-- The functions are made in the test's current schema.

-- How many rows one of two queries (or TABLE name) has and the other one has not; each is evaluated once.
CREATE FUNCTION differ(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('WITH a AS MATERIALIZED (%s), b AS MATERIALIZED (%s)
		SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) x) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) y)', a, b) INTO n;
	RETURN n;
END $$;

-- The same of the rows as text, for types without equality.
CREATE FUNCTION differ_as_text(a text, b text) RETURNS bigint LANGUAGE sql AS $$
	SELECT differ(format('SELECT q::text FROM (%s) q', a), format('SELECT q::text FROM (%s) q', b));
$$;

CREATE FUNCTION rows_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO n;
	RETURN n;
END $$;

-- 'equal: ' and the number of rows, or how many differ.
CREATE FUNCTION compare_queries(a text, b text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN d > 0 THEN d || ' differ' ELSE 'equal: ' || rows_of(a) END FROM differ(a, b) d;
$$;

-- 'equal', 'EMPTY' when there is no row at all, 'DIFFERS', or what went wrong.
CREATE FUNCTION verdict(a text, b text, as_text bool DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN CASE WHEN as_text THEN differ_as_text(a, b) ELSE differ(a, b) END > 0 THEN 'DIFFERS'
		WHEN rows_of(a) = 0 THEN 'EMPTY' ELSE 'equal' END;
EXCEPTION WHEN others THEN
	RETURN sqlerrm;
END $$;

-- A relation, or a subquery in parentheses with its alias, against a query.
CREATE FUNCTION differences(view text, query text) RETURNS bigint LANGUAGE sql AS $$
	SELECT differ('SELECT * FROM ' || view, query);
$$;

-- Every continuous view v of the current schema that does not slide, against the relation v_batch.
CREATE FUNCTION compare_views(OUT name text, OUT rows bigint, OUT missing bigint, OUT extra bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOR name IN SELECT v.name FROM weir.views v WHERE v.schema = current_schema() AND v.sw IS NULL AND to_regclass(quote_ident(v.name || '_batch')) IS NOT NULL ORDER BY 1 LOOP
		EXECUTE format('SELECT (SELECT count(*) FROM %1$I), (SELECT count(*) FROM (TABLE %2$I EXCEPT ALL TABLE %1$I) d),'
			' (SELECT count(*) FROM (TABLE %1$I EXCEPT ALL TABLE %2$I) d)', name, name || '_batch')
			INTO rows, missing, extra;
		RETURN NEXT;
	END LOOP;
END $$;
\set ECHO all
