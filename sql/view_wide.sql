-- Many columns: more keys than a function has arguments, and rows that could not be stored.
CREATE SCHEMA view_wide;
SET search_path = view_wide;
SET client_min_messages = warning;
CREATE FUNCTION list(pattern text, n int) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(format(pattern, i), ', ' ORDER BY i) FROM generate_series(1, n) i $$;
DO $$ BEGIN
	EXECUTE format('CREATE FOREIGN TABLE s (%s, t text) SERVER weir', view_wide.list('c%s int', 1200));
	EXECUTE format('CREATE TABLE p (%s, t text)', view_wide.list('c%s int', 1200));
END $$;
CREATE FUNCTION make(name text, query text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE VIEW view_wide.%s %s AS %s', name, options, query);
	EXECUTE format('CREATE VIEW view_wide.%s_batch AS %s', name, replace(query, 'FROM s', 'FROM p'));
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING '%: %', sqlstate, sqlerrm;
END $$;
SELECT make('keys', format('SELECT %s, count(*), sum(c1000) AS sum FROM s GROUP BY %1$s', list('c%s', 150)));
SELECT make('text_keys', format('SELECT %s, t, count(*) FROM s GROUP BY %1$s, t', list('c%s', 99)));
SELECT make('distinct_keys', format('SELECT DISTINCT %s FROM s', list('c%s', 110)));
SELECT make('keys_values', format('SELECT %s, count(DISTINCT t) AS d, array_agg(t ORDER BY t) AS a FROM s GROUP BY %1$s', list('c%s', 120)));
SELECT make('keys_ttl', format('SELECT %s, max(now()) AS m, count(DISTINCT t) AS d FROM s GROUP BY %1$s', list('c%s', 101)), 'WITH (ttl = ''1 hour'', ttl_column = m)');
SELECT make('sums', format('SELECT %s FROM s', list('sum(c%s) AS s%1$s', 300)));
SELECT make('wide_sums', format('SELECT %s FROM s', list('sum(c%s) AS s%1$s', 1100)));
SELECT make('wide_averages', format('SELECT %s FROM s', list('avg(c%s::numeric) AS s%1$s', 900)));

SELECT make('wide_pk', format('SELECT %s, count(*) FROM s GROUP BY %1$s', list('c%s', 33)), format('WITH (pk = %L)', list('c%s', 33)));

-- groups that differ in the last key alone
INSERT INTO p (c1, c2, c100, c101, c120, c150, c110, c1000, t) SELECT i % 2, 2, 100, i % 3, i % 5, i % 7, i % 11, i, 't' || i % 4 FROM generate_series(1, 40) i;
INSERT INTO s SELECT * FROM p;
INSERT INTO s SELECT * FROM p;
INSERT INTO p SELECT * FROM p;
INSERT INTO s (c1, t) VALUES (1, 'a'), (NULL, 'b');
INSERT INTO p (c1, t) VALUES (1, 'a'), (NULL, 'b');
SELECT v AS view, (xpath('/row/n/text()', query_to_xml(format('SELECT (SELECT count(*) FROM (TABLE %s EXCEPT ALL TABLE %1$s_batch) a) + (SELECT count(*) FROM (TABLE %1$s_batch EXCEPT ALL TABLE %1$s) b) AS n', v), false, true, '')))[1] AS wrong
	FROM unnest('{keys, text_keys, distinct_keys, keys_values, sums}'::text[]) v;
SELECT count(*), sum(d) FROM keys_ttl;
SELECT weir.set_clock(now() + interval '2 hours');
SELECT weir.ttl_expire('keys_ttl') > 0 AS expired;
SELECT count(*), (SELECT count(*) FROM keys_ttl_vals1) AS left FROM keys_ttl;
SELECT weir.set_clock(NULL);
SELECT name, state, reason FROM weir.views WHERE schema = 'view_wide' AND state <> 'active';
DROP SCHEMA view_wide CASCADE;
