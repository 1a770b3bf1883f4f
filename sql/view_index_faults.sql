-- A group that an index of the view's owner refuses is a dead letter; other groups, rows and views get theirs.
SET client_min_messages = warning;
CREATE SCHEMA view_index_faults;
SET search_path = view_index_faults;
SET timezone = 'UTC';
SELECT weir.set_clock('2030-01-01 12:00+00');
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE VIEW bystander_v AS SELECT k, count(*) FROM bystander GROUP BY k;
CREATE FOREIGN TABLE s (url text, n int, at timestamptz) SERVER weir;
CREATE TABLE t (url text, n int, at timestamptz);

CREATE VIEW hits AS SELECT url, count(*) FROM s GROUP BY url;
CREATE INDEX ON hits (url);
CREATE VIEW visitors AS SELECT url, count(DISTINCT n) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY n) AS m, count(*) FROM s GROUP BY url;
CREATE INDEX ON visitors (url);
CREATE VIEW lines AS SELECT url, n FROM s;
CREATE INDEX ON lines (url, n);
CREATE VIEW ratio AS SELECT n, count(*), sum(n) FROM s GROUP BY n;
CREATE INDEX ratio_expr ON ratio_mrel ((100 / (n - 3)));
CREATE VIEW part AS SELECT n, max(url) AS m FROM s GROUP BY n;
CREATE INDEX ON part_mrel (n) WHERE 100 / (n - 4) > 0;
CREATE VIEW days WITH (partition_by = 'day', partition_interval = '1 day') AS SELECT at::date AS day, url, count(*) FROM s GROUP BY 1, 2;
CREATE INDEX ON days (url);
CREATE VIEW sliding WITH (sw = '1 hour', sw_column = 'at', step_factor = 1) AS SELECT url, count(*) FROM s GROUP BY url;
CREATE INDEX ON sliding (url);
CREATE VIEW plain AS SELECT url, count(*) FROM s GROUP BY url;

-- good and bad ones in one flush, of groups that are there and that are not
CREATE FUNCTION long_text(seed int) RETURNS text LANGUAGE sql AS
	$$ SELECT 'long ' || seed || string_agg(md5((i * seed)::text), '') FROM generate_series(1, 400) i $$;
CREATE PROCEDURE put_rows(query text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'INSERT INTO s ' || query;
	EXECUTE 'INSERT INTO t ' || query;
END$$;
CALL put_rows($$SELECT '/' || i % 5, i % 7 + 5, weir.clock() FROM generate_series(1, 50) i$$);
CALL put_rows($$SELECT '/' || i % 6, i % 7, weir.clock() FROM generate_series(1, 50) i UNION ALL
	SELECT long_text(i), 10, weir.clock() FROM generate_series(1, 3) i UNION ALL SELECT long_text(1), 11, weir.clock()$$);
CALL put_rows($$SELECT long_text(2), 10, weir.clock()$$);
CALL put_rows($$SELECT '/1', 6, weir.clock()$$);

\getenv src PG_ABS_SRCDIR
\set file :src '/sql/include/batch.sql'
\i :file
CREATE FUNCTION differences() RETURNS TABLE (view text, n bigint) LANGUAGE plpgsql AS $$
DECLARE q record;
BEGIN
	FOR q IN VALUES ('hits', 'SELECT url, count(*) FROM t WHERE url NOT LIKE ''long%'' GROUP BY url'),
		('visitors', 'SELECT url, count(DISTINCT n), percentile_disc(0.5) WITHIN GROUP (ORDER BY n), count(*) FROM t WHERE url NOT LIKE ''long%'' GROUP BY url'),
		('lines', 'SELECT url, n FROM t WHERE url NOT LIKE ''long%'''),
		('ratio', 'SELECT n, count(*), sum(n) FROM t WHERE n <> 3 GROUP BY n'),
		('part', 'SELECT n, max(url) FROM t WHERE n <> 4 GROUP BY n'),
		('days', 'SELECT at::date, url, count(*) FROM t WHERE url NOT LIKE ''long%'' GROUP BY 1, 2'),
		('sliding', 'SELECT url, count(*) FROM t WHERE url NOT LIKE ''long%'' GROUP BY url'),
		('plain', 'SELECT url, count(*) FROM t GROUP BY url')
	LOOP
		view := q.column1;
		n := differ(format('TABLE %I', view), q.column2);
		IF n > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END$$;
SELECT * FROM differences();
SELECT view, state, reason FROM weir.views WHERE schema = 'view_index_faults' AND state <> 'active';
SELECT view, left(convert_from(payload, 'UTF8'), 30) AS payload, sqlstate, regexp_replace(message, '\d{4,}', 'N', 'g') AS message, count(*)
	FROM weir.dead_letters WHERE stream = 's'::regclass GROUP BY 1, 2, 3, 4 ORDER BY view::text COLLATE "C", left(convert_from(payload, 'UTF8'), 30) COLLATE "C";
-- values of what is not written are not there either
SELECT count(*) FROM visitors_vals1 WHERE url LIKE 'long%';
-- a group that was refused is written when the index lets it
DROP INDEX ratio_expr;
CALL put_rows($$SELECT '/1', 3, weir.clock()$$);
SELECT * FROM ratio WHERE n = 3;

-- nothing can be written of a view without groups, or whose index is on what the flush makes of other tables' rows; or not one of very many
CREATE VIEW total AS SELECT count(*) AS c, sum(n) FROM s;
CREATE INDEX ON total_mrel ((1 / (c - 1)));
CREATE VIEW kept AS SELECT url, count(DISTINCT n) AS d FROM s GROUP BY url;
CREATE INDEX ON kept_mrel ((1 / (d - 2)));
CREATE VIEW many AS SELECT n, count(*) FROM s GROUP BY n;
CREATE INDEX ON many_mrel ((1 / (count - count)));
INSERT INTO s VALUES ('/a', 1, weir.clock());
SELECT view, state, reason FROM weir.views WHERE schema = 'view_index_faults' AND state <> 'active' ORDER BY name;
SELECT * FROM kept;
INSERT INTO s VALUES ('/a', 2, weir.clock());
INSERT INTO s SELECT '/b', i, weir.clock() FROM generate_series(1, 1500) i;
SELECT view, state, reason FROM weir.views WHERE schema = 'view_index_faults' AND state <> 'active' ORDER BY name;
SELECT count(*) FROM many;

INSERT INTO bystander VALUES (1);
TABLE bystander_v;
SELECT weir.set_clock(NULL);
DELETE FROM weir.dead_letters WHERE stream = 's'::regclass;
DROP SCHEMA view_index_faults CASCADE;
