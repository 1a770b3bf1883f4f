-- Who may do what with a continuous view, and whose rights its query has.
CREATE SCHEMA view_rights;
SET search_path = view_rights;
CREATE ROLE regress_weir_app;
CREATE ROLE regress_weir_reader;
CREATE ROLE regress_weir_writer;
GRANT ALL ON SCHEMA view_rights TO regress_weir_app;
GRANT USAGE ON SCHEMA view_rights TO regress_weir_reader, regress_weir_writer;
CREATE FOREIGN TABLE s (tenant text, x int) SERVER weir;
GRANT SELECT ON s TO regress_weir_app;
GRANT INSERT ON s TO regress_weir_writer;
CREATE TABLE prices (tenant text, price int);
INSERT INTO prices VALUES ('a', 10), ('b', 20);
GRANT SELECT ON prices TO regress_weir_app;

-- row level security of a joined table: the owner's rows, whoever inserts and whoever reads
ALTER TABLE prices ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_a ON prices TO regress_weir_app USING (tenant = 'a');
SET ROLE regress_weir_app;
CREATE VIEW priced AS SELECT s.tenant, count(*), sum(x * price) AS total, max(current_user::text) AS who FROM s JOIN prices p ON p.tenant = s.tenant GROUP BY s.tenant;
CREATE VIEW plain AS SELECT tenant, count(*), sum(x) AS secret FROM s GROUP BY tenant;
SET ROLE regress_weir_writer;
INSERT INTO view_rights.s VALUES ('a', 1), ('a', 2), ('b', 3);
RESET ROLE;
INSERT INTO s VALUES ('a', 3), ('b', 3);
SELECT * FROM priced;
SELECT * FROM plain ORDER BY tenant;

-- columns may be granted; security_barrier keeps what a reader calls away from rows that are not shown
SET ROLE regress_weir_app;
GRANT SELECT (tenant, count) ON plain TO regress_weir_reader;
CREATE VIEW barrier WITH (security_barrier) AS SELECT tenant, count(*) FROM s GROUP BY tenant HAVING tenant <> 'b';
GRANT SELECT ON barrier TO regress_weir_reader;
RESET ROLE;
INSERT INTO s VALUES ('a', 1), ('b', 1);
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	RAISE NOTICE 'sees %', $1;
	RETURN true;
END $$;
SET ROLE regress_weir_reader;
SELECT tenant, count FROM view_rights.plain ORDER BY tenant;
SELECT secret FROM view_rights.plain;
SELECT * FROM view_rights.plain;
SELECT count(*) FROM view_rights.plain_mrel;
SELECT * FROM view_rights.barrier WHERE view_rights.leak(tenant);
RESET ROLE;
SELECT reloptions FROM pg_class WHERE oid = 'barrier'::regclass;
SELECT relacl IS NULL AS matrel_is_closed FROM pg_class WHERE oid = 'plain_mrel'::regclass;

-- the reader's rights: in a view over it
CREATE VIEW bad WITH (security_invoker) AS SELECT count(*) FROM s;
CREATE VIEW for_invoker WITH (security_invoker) AS SELECT tenant, count FROM plain;
GRANT SELECT ON for_invoker TO regress_weir_reader, regress_weir_writer;
SET ROLE regress_weir_reader;
SELECT * FROM view_rights.for_invoker ORDER BY tenant;
SET ROLE regress_weir_writer;
SELECT * FROM view_rights.for_invoker;
RESET ROLE;

-- a right that is lost suspends the view, not others; it comes back by weir.activate
REVOKE SELECT ON prices FROM regress_weir_app;
INSERT INTO s VALUES ('a', 1);
SELECT name, state, reason FROM weir.views WHERE schema = 'view_rights' ORDER BY name;
SELECT count FROM plain WHERE tenant = 'a';
GRANT SELECT ON prices TO regress_weir_app;
SET ROLE regress_weir_reader;
SELECT weir.activate('view_rights.priced');
SET ROLE regress_weir_app;
SELECT weir.activate('view_rights.priced');
RESET ROLE;
INSERT INTO s VALUES ('a', 1);
SELECT name, state, reason FROM weir.views WHERE schema = 'view_rights' AND name = 'priced';
SELECT tenant, count, total FROM priced;
-- usage of the schema, execution of a function
CREATE SCHEMA view_rights2;
CREATE FUNCTION view_rights2.f(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
GRANT USAGE ON SCHEMA view_rights2 TO regress_weir_app;
SET ROLE regress_weir_app;
CREATE VIEW with_function AS SELECT count(*), sum(view_rights2.f(x)) FROM s;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION view_rights2.f(int) FROM PUBLIC;
INSERT INTO s VALUES ('a', 1);
SELECT state, reason FROM weir.views WHERE name = 'with_function';
GRANT EXECUTE ON FUNCTION view_rights2.f(int) TO regress_weir_app;
SELECT weir.activate('with_function');
INSERT INTO s VALUES ('a', 5);
SELECT * FROM with_function;
-- the right to create in its schema is not needed for partitions, nor for rows
SET ROLE regress_weir_app;
CREATE VIEW by_day WITH (partition_by = 'day', partition_interval = '1 day') AS SELECT date_trunc('day', arrival_timestamp, 'UTC') AS day, count(*) FROM s GROUP BY 1;
RESET ROLE;
REVOKE CREATE ON SCHEMA view_rights FROM regress_weir_app;
INSERT INTO s VALUES ('a', 1);
SELECT count FROM by_day;
SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname LIKE 'by\_day\_mrel%';

-- a role that owns views cannot be dropped; with what it owns it can
\set VERBOSITY terse
DROP ROLE regress_weir_app;
\set VERBOSITY default
ALTER VIEW plain OWNER TO CURRENT_USER;
DROP OWNED BY regress_weir_app;
SELECT name, owner = current_user AS mine, state FROM weir.views WHERE schema = 'view_rights';
DROP ROLE regress_weir_app;
INSERT INTO s VALUES ('a', 1);
SELECT tenant, count FROM plain ORDER BY tenant;
SET ROLE regress_weir_reader;
SELECT tenant, count FROM view_rights.plain ORDER BY tenant;
RESET ROLE;

SET client_min_messages = warning;
DROP FOREIGN TABLE s CASCADE;
DROP SCHEMA view_rights, view_rights2 CASCADE;
DROP ROLE regress_weir_reader, regress_weir_writer;
