-- What a continuous view is made of is changed by changing the view, and written by Weir alone.
CREATE SCHEMA view_guard;
CREATE ROLE view_guard_owner;
GRANT CREATE, USAGE ON SCHEMA view_guard TO view_guard_owner;
SET search_path = view_guard;
CREATE TABLE dim (k int, name text);
CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE parts (LIKE dim) PARTITION BY RANGE (k);
ALTER TABLE dim OWNER TO view_guard_owner;
ALTER TABLE parts OWNER TO view_guard_owner;
SET ROLE view_guard_owner;
CREATE FOREIGN TABLE s (k int, x int, at timestamptz) SERVER weir;
CREATE VIEW v WITH (pk = 'k') AS SELECT k, count(*), count(DISTINCT x) AS d FROM s GROUP BY k;
CREATE VIEW daily WITH (partition_by = 'day', partition_interval = '1 day') AS
	SELECT date_trunc('day', at, 'UTC') AS day, count(*) FROM s GROUP BY 1;
INSERT INTO s VALUES (1, 1, '2026-03-01 12:00+00'), (1, 2, '2026-03-01 13:00+00');
SELECT c.relname AS partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'daily_mrel'::regclass \gset

-- Statements are tried one by one, and what was done is undone.
CREATE FUNCTION try(statements text[]) RETURNS TABLE (statement text, result text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		BEGIN
			EXECUTE statement;
			RAISE EXCEPTION '-- done';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS result = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
			RETURN NEXT;
		END;
	END LOOP;
END $$;
\pset format unaligned
\pset fieldsep ' => '
\t on

-- the view's query
SELECT * FROM try(ARRAY[
	'ALTER VIEW weir.v_def SET SCHEMA view_guard',
	'ALTER TABLE weir.v_def SET SCHEMA view_guard',
	'ALTER VIEW weir.v_def RENAME TO z',
	'ALTER INDEX weir.v_def RENAME TO z',
	'ALTER VIEW weir.v_def RENAME COLUMN k TO z',
	'ALTER VIEW weir.v_def OWNER TO view_guard_owner',
	'ALTER VIEW weir.v_def ALTER COLUMN k SET DEFAULT 1',
	'ALTER VIEW weir.v_def SET (security_barrier)',
	'ALTER VIEW weir.v_def RESET (security_barrier)',
	'CREATE OR REPLACE VIEW weir.v_def AS SELECT k, count(*), count(DISTINCT x) AS d FROM s WHERE x > 1 GROUP BY k',
	'CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO weir.v_def DO INSTEAD SELECT k, count(*), count(DISTINCT x) AS d FROM s WHERE x > 1 GROUP BY k',
	'CREATE RULE r AS ON INSERT TO weir.v_def DO INSTEAD NOTHING',
	'CREATE TRIGGER t INSTEAD OF INSERT ON weir.v_def FOR EACH ROW EXECUTE FUNCTION mine()',
	'ALTER RULE "_RETURN" ON weir.v_def RENAME TO r',
	'DROP RULE "_RETURN" ON weir.v_def']);

-- the view
SELECT * FROM try(ARRAY[
	'CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO v DO INSTEAD SELECT 1 AS k, 2::bigint AS count, 3::bigint AS d',
	'CREATE RULE r AS ON INSERT TO v DO INSTEAD NOTHING',
	'CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION mine()',
	'CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION view_guard.refuse_write()',
	'COMMENT ON VIEW v IS $_$groups$_$',
	'ALTER VIEW v ALTER COLUMN count SET DEFAULT 0',
	'ALTER VIEW v RENAME COLUMN count TO n']);

-- materialization table, values and partitions: each kind of ALTER
SELECT t.* FROM try(ARRAY(SELECT format(statement, relation)
	FROM unnest(ARRAY['v_mrel', 'v_vals1', :'partition']) WITH ORDINALITY r (relation, n), unnest(ARRAY[
		'ALTER TABLE %s RENAME TO z', 'ALTER INDEX %s RENAME TO z', 'ALTER TRIGGER weir_refuse_write ON %s RENAME TO z',
		'DROP TRIGGER weir_refuse_write ON %s', 'CREATE RULE r AS ON INSERT TO %s DO INSTEAD NOTHING', 'ALTER TABLE %s DISABLE TRIGGER ALL',
		'CREATE OR REPLACE TRIGGER weir_refuse_write BEFORE INSERT ON %s WHEN (false) EXECUTE FUNCTION weir.refuse_write()']) WITH ORDINALITY s (statement, m)
	ORDER BY n, m)) t;
SELECT * FROM try(ARRAY[
	'ALTER TABLE v_mrel RENAME COLUMN count TO z',
	'ALTER TRIGGER weir_refuse_write ON v_mrel DEPENDS ON EXTENSION plpgsql',
	'CREATE TRIGGER t BEFORE INSERT ON v_mrel EXECUTE FUNCTION view_guard.refuse_write()',
	'ALTER TABLE v_mrel DISABLE TRIGGER weir_refuse_write',
	'ALTER TABLE v_mrel DISABLE TRIGGER USER',
	'ALTER TABLE v_mrel ENABLE REPLICA TRIGGER weir_refuse_write',
	'ALTER TABLE v_mrel ENABLE ALWAYS TRIGGER weir_refuse_write',
	'CREATE RULE "_RETURN" AS ON SELECT TO v_mrel DO INSTEAD SELECT 1',
	'ALTER TABLE v_mrel ENABLE ROW LEVEL SECURITY',
	'ALTER TABLE v_mrel ADD CHECK (true)',
	'ALTER TABLE v_mrel SET UNLOGGED',
	'CREATE TABLE z (x int REFERENCES v_mrel)',
	'CREATE TABLE z (x int, FOREIGN KEY (x) REFERENCES v_mrel)',
	'ALTER TABLE dim ADD FOREIGN KEY (k) REFERENCES v_mrel',
	'ALTER TABLE dim ADD z int REFERENCES v_mrel',
	'CREATE TABLE z () INHERITS (v_mrel)',
	'ALTER TABLE dim INHERIT v_mrel',
	'ALTER EXTENSION plpgsql ADD TABLE v_mrel',
	'ALTER TABLE parts ATTACH PARTITION v_mrel DEFAULT',
	'ALTER INDEX v_mrel_pkey DEPENDS ON EXTENSION plpgsql',
	'DROP INDEX daily_mrel_lookup',
	'INSERT INTO v_mrel (k) VALUES (7)',
	'UPDATE v_vals1 SET k = 7',
	'TRUNCATE ' || :'partition',
	'DELETE FROM ' || :'partition']);

-- how it is stored is the owner's affair
SELECT * FROM try(ARRAY[
	'ALTER TABLE v_mrel REPLICA IDENTITY FULL',
	'ALTER TABLE v_mrel ENABLE TRIGGER ALL',
	'ALTER TABLE v_mrel CLUSTER ON v_mrel_pkey',
	'ALTER TABLE v_mrel SET (fillfactor = 60)',
	'ALTER TABLE v_mrel ALTER k SET STATISTICS 7',
	'ALTER TABLE v_mrel RENAME CONSTRAINT v_mrel_pkey TO z',
	'ALTER INDEX v_mrel_pkey RENAME TO z',
	'CREATE INDEX ON v_mrel (count)',
	'COMMENT ON TABLE v_mrel IS $_$groups$_$',
	'GRANT SELECT ON v_mrel TO PUBLIC',
	'CREATE STATISTICS z ON k, count FROM v_mrel',
	'ALTER TABLE daily_mrel DETACH PARTITION ' || :'partition']);
RESET ROLE;

-- objects of the extension, by whoever owns them
SELECT * FROM try(ARRAY[
	'ALTER SCHEMA weir RENAME TO w',
	'ALTER TABLE weir.continuous_view RENAME TO z',
	'ALTER VIEW weir.views SET SCHEMA public',
	'ALTER FUNCTION weir.flush() RENAME TO z',
	'ALTER AGGREGATE weir.add(bigint) SET SCHEMA public',
	'ALTER TYPE weir.state RENAME TO z',
	'ALTER TYPE weir.topk SET SCHEMA public',
	'ALTER FOREIGN DATA WRAPPER weir RENAME TO z',
	'ALTER SERVER weir RENAME TO z',
	'ALTER EXTENSION weir SET SCHEMA public',
	'ALTER SCHEMA view_guard RENAME TO z']);

-- and nothing of this has happened
ALTER INDEX v RENAME TO v2;
SELECT v.view, v.matrel, v.def, v."values" FROM weir.views v WHERE schema = 'view_guard' ORDER BY name;
INSERT INTO s VALUES (1, 2, '2026-03-01 12:00+00'), (2, 1, NULL);
SELECT * FROM v2 ORDER BY k;
SET client_min_messages = warning;
DROP SCHEMA view_guard CASCADE;
DROP ROLE view_guard_owner;
