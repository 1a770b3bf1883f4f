-- What psql and the drivers of ORMs show of streams and views.  PostgreSQL 16 and later name columns without their table: describe_1.out.
CREATE ROLE regress_weir_owner SUPERUSER;
SET SESSION AUTHORIZATION regress_weir_owner;
CREATE SCHEMA describe;
SET search_path = describe;
CREATE FOREIGN TABLE clicks (url text NOT NULL, ms int DEFAULT 0, at timestamptz, note varchar(20)) SERVER weir OPTIONS (event_time 'at', watermark '5 seconds');
COMMENT ON FOREIGN TABLE clicks IS 'what was clicked';
CREATE VIEW hits AS SELECT url, count(*), avg(ms) AS mean, count(DISTINCT note) AS notes FROM clicks WHERE ms > 0 GROUP BY url HAVING count(*) > 1;
CREATE VIEW keyed WITH (pk = 'url', security_barrier) AS SELECT url, count(*), max(at) AS last FROM clicks GROUP BY url;
CREATE VIEW recent WITH (sw = '1 hour', sw_column = 'at') AS SELECT url, count(*) FROM clicks GROUP BY url;
CREATE VIEW hourly AS SELECT url, window_start, window_end, sum(ms) AS ms FROM clicks, weir.tumble(at, '1 hour') GROUP BY 1, 2, 3;
COMMENT ON VIEW hits IS 'how often';
COMMENT ON COLUMN hits.mean IS 'milliseconds';

\d clicks
\d hits
\d+ hits
\d keyed
\d recent
\d hourly
\d hits_mrel
-- its title depends on the version
\t on
\dv describe.*
\t off
\det describe.*
BEGIN;
ALTER FOREIGN DATA WRAPPER weir OWNER TO regress_weir_owner;
ALTER SERVER weir OWNER TO regress_weir_owner;
\dew weir
\des weir
ROLLBACK;
\sv hits
\sv+ keyed
SELECT pg_get_viewdef('hits'), pg_get_viewdef('hits', true) = pg_get_viewdef('hits'::regclass, 0) AS same;
\x
SELECT view, matrel, "values", def, streams, pk, query FROM weir.views WHERE name IN ('hits', 'keyed', 'recent', 'hourly') ORDER BY name;
\x

-- information_schema
SELECT table_name, is_updatable, is_insertable_into, check_option FROM information_schema.views WHERE table_schema = 'describe' ORDER BY 1;
SELECT table_name, table_type, is_insertable_into FROM information_schema.tables WHERE table_schema = 'describe' ORDER BY 1;
SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length, is_updatable FROM information_schema.columns
	WHERE table_schema = 'describe' AND table_name IN ('clicks', 'hits') ORDER BY table_name, 2;
SELECT view_name, table_name FROM information_schema.view_table_usage WHERE view_schema = 'describe' ORDER BY 1, 2;
SELECT foreign_table_name, foreign_server_name FROM information_schema.foreign_tables WHERE foreign_table_schema = 'describe';

-- pgJDBC: getTables, getColumns, getPrimaryKeys
SELECT n.nspname AS table_schem, c.relname AS table_name, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' END AS table_type, d.description AS remarks
	FROM pg_namespace n, pg_class c LEFT JOIN pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass)
	WHERE c.relnamespace = n.oid AND n.nspname = 'describe' AND c.relkind IN ('r', 'v', 'f') ORDER BY 3, 2;
SELECT * FROM (SELECT c.relname, a.attname, a.atttypid::regtype, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull, a.atttypmod, t.typtype,
		row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') AS attidentity, pg_get_expr(def.adbin, def.adrelid) AS adsrc, dsc.description
	FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON a.atttypid = t.oid
		LEFT JOIN pg_attrdef def ON a.attrelid = def.adrelid AND a.attnum = def.adnum
		LEFT JOIN pg_description dsc ON c.oid = dsc.objoid AND a.attnum = dsc.objsubid
	WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = 'describe' AND c.relname IN ('clicks', 'hits', 'keyed', 'keyed_mrel')) c ORDER BY relname, attnum;
SELECT c.relname, a.attname, (i.keys).n AS key_seq, ci.relname AS pk_name FROM (SELECT indexrelid, indrelid, information_schema._pg_expandarray(indkey) AS keys FROM pg_index WHERE indisprimary) i
	JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class ci ON ci.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = (i.keys).x
	WHERE c.relnamespace = 'describe'::regnamespace ORDER BY 1, 3;

-- SQLAlchemy: get_view_names, get_foreign_table_names, get_view_definition, get_columns
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'describe' AND c.relkind = ANY (ARRAY['v']) ORDER BY 1;
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'describe' AND c.relkind = ANY (ARRAY['f']);
SELECT pg_get_viewdef(c.oid) FROM pg_class c WHERE c.relname = 'keyed' AND c.relnamespace = 'describe'::regnamespace AND c.relkind = ANY (ARRAY['v', 'm']);
SELECT a.attname, format_type(a.atttypid, a.atttypmod), (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) AS "default", a.attnotnull
	FROM pg_attribute a WHERE a.attrelid = 'hits'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- Who has no right to the materialization table reads the view all the same, and sees no more of it.
CREATE ROLE regress_weir_reader;
GRANT USAGE ON SCHEMA describe TO regress_weir_reader;
GRANT SELECT ON hits TO regress_weir_reader;
SET ROLE regress_weir_reader;
SELECT count(*) FROM hits;
SELECT table_name FROM information_schema.tables WHERE table_schema = 'describe' ORDER BY 1;
SELECT has_table_privilege('hits_mrel', 'SELECT') AS matrel, has_table_privilege('hits', 'INSERT') AS insert;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA describe CASCADE;
DROP ROLE regress_weir_reader;
RESET SESSION AUTHORIZATION;
DROP ROLE regress_weir_owner;
