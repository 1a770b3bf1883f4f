-- What a restored dump leaves, and what becomes of it; dumps themselves are in test/t/dump.pl.
CREATE SCHEMA view_restore;
SET search_path = view_restore;
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE FOREIGN TABLE s (k int, t text, m mood) SERVER weir;
CREATE FOREIGN TABLE other (k int) SERVER weir;
CREATE VIEW bystander AS SELECT count(*) FROM other;

-- names of relations in the extension's tables
SELECT 'nothing.here'::weir.relation::oid = 'nothing.here'::weir.relation::oid AS same,
	'nothing.here'::weir.relation::oid <> 'nothing.there'::weir.relation::oid AS different,
	'nothing.here'::weir.relation::oid >= 4026531840 AS high;
SELECT '16384'::weir.relation::oid >= 4026531840 AS no_relation, '-'::weir.relation, '4026531841'::weir.relation;
SELECT 's'::weir.relation = 's'::regclass AS equal, 's'::regclass::weir.relation, 'view_restore.s'::weir.relation IN ('s', 'other') AS found;

-- what the triggers say follows names and options
CREATE VIEW v AS SELECT k, count(*), count(DISTINCT t) AS d FROM s WHERE m = 'high' GROUP BY k;
CREATE VIEW w WITH (ttl = '1 day', ttl_column = 'at', fillfactor = 80) AS SELECT t, max(arrival_timestamp) AS at FROM s GROUP BY t;
CREATE FUNCTION said(what text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT tgrelid::regclass || ': ' || regexp_replace(pg_get_triggerdef(oid), '.*EXECUTE FUNCTION ', '') FROM pg_trigger
	WHERE tgfoid = 'weir.refuse_write'::regproc AND tgrelid::regclass::text ~ what ORDER BY 1 $$;
SELECT said('^v');
ALTER FOREIGN TABLE s RENAME k TO "Key";
ALTER TYPE mood RENAME VALUE 'high' TO 'good';
ALTER VIEW v RENAME TO renamed;
ALTER FOREIGN TABLE s RENAME TO stream;
SELECT said('^renamed');
SELECT said('^w');
SELECT weir.set_ttl('w', NULL, NULL), weir.deactivate('w');
SELECT said('^w');
CREATE OR REPLACE VIEW renamed AS SELECT "Key" AS k, count(*), count(DISTINCT t) AS d, max(t) FROM stream WHERE m = 'good' GROUP BY "Key";
SELECT regexp_replace(said, '"replaced.*?\], ', '') FROM said('^renamed_mrel');
INSERT INTO stream VALUES (1, 'a', 'good'), (1, 'b', 'good'), (2, 'b', 'low');

-- as a dump without data leaves it, but for the data
CREATE TEMP TABLE was AS SELECT view::text, to_jsonb(c) - '{since,created,start_boot,start_seq}'::text[] AS row FROM weir.continuous_view c WHERE 'stream'::regclass = ANY (streams);
DELETE FROM weir.continuous_view WHERE 'stream'::regclass = ANY (streams);
INSERT INTO stream VALUES (1, 'a', 'good');
INSERT INTO other VALUES (1);
REFRESH MATERIALIZED VIEW weir.restored;
INSERT INTO stream VALUES (1, 'a', 'good');
SELECT * FROM weir.adopt();
SELECT view, row = (SELECT to_jsonb(c) - '{since,created,start_boot,start_seq}'::text[] FROM weir.continuous_view c WHERE c.view::text = was.view) AS same FROM was ORDER BY 1;
INSERT INTO stream VALUES (1, 'c', 'good');
SELECT * FROM renamed;

-- as it is between the data and the end
DELETE FROM weir.adopted WHERE def = 'weir.renamed_def'::regclass;
UPDATE weir.continuous_view SET state = state;
SELECT view, state FROM weir.views WHERE schema = 'view_restore' ORDER BY 1;
INSERT INTO stream VALUES (1, 'a', 'good');
SELECT weir.truncate('renamed');
CREATE OR REPLACE VIEW renamed AS SELECT "Key" AS k, count(*) FROM stream GROUP BY "Key";
DROP INDEX v_mrel_lookup;
REFRESH MATERIALIZED VIEW weir.restored;
SELECT view, state, reason FROM weir.views WHERE state = 'incomplete';
INSERT INTO stream VALUES (1, 'a', 'good');
INSERT INTO stream VALUES (1, 'a', 'good');
CREATE UNIQUE INDEX ON renamed_mrel (k) NULLS NOT DISTINCT;
SELECT definition, missing FROM weir.adopt();
INSERT INTO stream VALUES (1, 'd', 'good');
SELECT * FROM renamed;

-- a view that was left out
CREATE VIEW left_out AS SELECT "Key", count(*) FROM stream GROUP BY "Key";
INSERT INTO stream VALUES (1, 'd', 'low');
DELETE FROM weir.adopted WHERE def = 'weir.left_out_def'::regclass;
UPDATE weir.continuous_view SET view = '-' WHERE view = 'left_out'::regclass;
DROP VIEW left_out;
SELECT * FROM weir.adopt();
INSERT INTO stream VALUES (1, 'd', 'low');
SELECT * FROM left_out;

-- definitions are restored by superusers only
CREATE ROLE view_restore_bob;
GRANT USAGE, CREATE ON SCHEMA view_restore TO view_restore_bob;
SET ROLE view_restore_bob;
CREATE TABLE mine (count bigint);
CREATE TRIGGER weir_refuse_write BEFORE INSERT ON mine FOR EACH STATEMENT EXECUTE FUNCTION
	weir.refuse_write('my_view', 'my_def', '{}', 'SELECT count(*) FROM view_restore.other');
SELECT * FROM weir.adopt();
RESET ROLE;
INSERT INTO other VALUES (1);
SELECT * FROM bystander;

DROP VIEW renamed, w, left_out;
SELECT relname FROM pg_class WHERE relname ~ '^(renamed|w|v|left_out)_(mrel|vals|def)' AND relkind <> 'i';
SELECT count(*) FROM weir.adopted a LEFT JOIN pg_class c ON c.oid = a.def WHERE c.oid IS NULL;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA view_restore CASCADE;
DROP ROLE view_restore_bob;
