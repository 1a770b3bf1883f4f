-- ALTER, DROP and their like on continuous views.
CREATE SCHEMA view_alter;
CREATE SCHEMA view_alter2;
SET search_path = view_alter;
CREATE FOREIGN TABLE s (k int, t text, x int) SERVER weir;
CREATE VIEW v AS SELECT k, count(*), avg(x), avg(x) + 1 AS more, max(t) FROM s GROUP BY k;
CREATE VIEW w WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE FUNCTION parts() RETURNS TABLE (view text, matrel text, def text) LANGUAGE sql
	AS 'SELECT view::text, matrel::text, def::text FROM weir.views ORDER BY 1';

-- replaced, written, altered: refused
CREATE OR REPLACE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
CREATE OR REPLACE VIEW v AS SELECT 1 AS k;
INSERT INTO v VALUES (1);
INSERT INTO v_mrel VALUES (1);
UPDATE v_mrel SET count = 0;
DELETE FROM v_mrel;
TRUNCATE v_mrel;
TRUNCATE v;
ALTER TABLE v_mrel ADD COLUMN y int;
ALTER TABLE v_mrel DROP COLUMN count;
ALTER TABLE v_mrel ALTER COLUMN count TYPE int;
ALTER TABLE v_mrel RENAME COLUMN count TO c;
ALTER TABLE v_mrel RENAME TO m;
ALTER TABLE v_mrel SET SCHEMA public;
ALTER TABLE v_mrel OWNER TO CURRENT_USER;
ALTER VIEW v SET (check_option = local);
DROP TABLE v_mrel;
DROP INDEX v_mrel_lookup;
DROP FOREIGN TABLE s;
CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER t AFTER INSERT ON v_mrel FOR EACH ROW EXECUTE FUNCTION trg();

-- allowed on the matrel
ALTER TABLE v_mrel SET (fillfactor = 70);
ALTER TABLE v_mrel ALTER COLUMN k SET STATISTICS 500;

-- streams
ALTER FOREIGN TABLE s ALTER COLUMN x TYPE bigint;
ALTER FOREIGN TABLE s DROP COLUMN arrival_timestamp;
ALTER FOREIGN TABLE s RENAME COLUMN arrival_timestamp TO at;
ALTER FOREIGN TABLE s DROP COLUMN x;
ALTER FOREIGN TABLE s ADD COLUMN y int DEFAULT 1, ALTER COLUMN y SET NOT NULL;
ALTER FOREIGN TABLE s ADD CHECK (k > 0);
ALTER FOREIGN TABLE s RENAME COLUMN x TO xx;
CREATE FOREIGN TABLE bad (k int, arrival_timestamp int) SERVER weir;
CREATE FOREIGN TABLE own (arrival_timestamp timestamptz, k int) SERVER weir;
SELECT attname FROM pg_attribute WHERE attrelid = 'own'::regclass AND attnum > 0 ORDER BY attnum;

-- rename, schema, owner
SELECT * FROM parts();
ALTER VIEW v RENAME TO v2;
SELECT * FROM parts();
ALTER VIEW v2 RENAME COLUMN count TO n;
ALTER VIEW v2 SET SCHEMA view_alter2;
SELECT * FROM parts();
CREATE ROLE view_alter_user;
GRANT USAGE ON SCHEMA view_alter TO view_alter_user;
ALTER VIEW view_alter2.v2 OWNER TO view_alter_user;
SELECT relname, relowner::regrole FROM pg_class
	WHERE relname IN ('v2', 'v2_mrel', 'v2_def', 'v2_mrel_lookup') ORDER BY 1;
ALTER VIEW view_alter2.v2 OWNER TO CURRENT_USER;
ALTER VIEW view_alter2.v2 SET SCHEMA view_alter;
COMMENT ON VIEW v2 IS 'groups';
GRANT SELECT ON v2 TO view_alter_user;
ALTER VIEW v2 ALTER COLUMN n SET DEFAULT 0;

-- indexes go to the matrel
CREATE INDEX ON v2 (n);
CREATE INDEX by_avg ON v2 (avg DESC, k);
CREATE INDEX ON v2 (nosuch);
CREATE INDEX ON v2 ((n + 1));
CREATE INDEX ON v2 (n) WHERE n > 1;
CREATE INDEX ON w (count);
CREATE INDEX ON w (k);
SELECT indexdef FROM pg_indexes WHERE tablename IN ('v2_mrel', 'w_mrel') ORDER BY 1;
ANALYZE v2;
VACUUM v2;
ANALYZE v2 (k, avg);
SELECT relname FROM pg_stat_get_last_analyze_time('v2_mrel'::regclass) t, pg_class
	WHERE oid = 'v2_mrel'::regclass AND t IS NOT NULL;

-- state
SELECT weir.deactivate('v2');
SELECT name, state FROM weir.views ORDER BY 1;
SELECT weir.activate('v2');
SELECT name, state FROM weir.views ORDER BY 1;
SELECT weir.activate('s');
SET ROLE view_alter_user;
SELECT weir.deactivate('v2');
SELECT weir.truncate('v2');
RESET ROLE;

-- drop
CREATE VIEW over AS SELECT * FROM v2;
CREATE VIEW plain AS SELECT 1 AS one;
DROP VIEW v2;
SELECT * FROM parts();
BEGIN;
DROP VIEW v2 CASCADE;
ROLLBACK;
SELECT * FROM parts();
BEGIN;
SAVEPOINT a;
DROP VIEW v2 CASCADE;
ROLLBACK TO a;
COMMIT;
SELECT * FROM parts();
DROP VIEW over, v2, plain;
DROP VIEW IF EXISTS v2, w;
SELECT * FROM parts();
CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
DROP FOREIGN TABLE s CASCADE;
SELECT relname FROM pg_class WHERE relname IN ('v', 'v_mrel', 'v_def');

-- the stream elsewhere: DROP SCHEMA reaches only view and matrel
CREATE FOREIGN TABLE view_alter2.s (k int, x int) SERVER weir;
CREATE VIEW v AS SELECT k, count(*) FROM view_alter2.s GROUP BY k;
SET client_min_messages = warning;
DROP SCHEMA view_alter CASCADE;
SELECT relname FROM pg_class WHERE relname IN ('v', 'v_mrel', 'v_def');
SELECT count(*) FROM weir.continuous_view;
SET search_path = view_alter2;
GRANT ALL ON SCHEMA view_alter2 TO view_alter_user;
GRANT SELECT ON s TO view_alter_user;
SET ROLE view_alter_user;
CREATE VIEW v AS SELECT k, count(*) FROM view_alter2.s GROUP BY k;
RESET ROLE;
DROP OWNED BY view_alter_user;
SELECT relname FROM pg_class WHERE relname IN ('v', 'v_mrel', 'v_def');
SELECT count(*) FROM weir.continuous_view;
DROP ROLE view_alter_user;
DROP SCHEMA view_alter2 CASCADE;
