-- Options tablespace and fillfactor: of all tables and indexes of a view.
CREATE SCHEMA view_storage;
SET search_path = view_storage;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_weir_space LOCATION '';
SELECT weir.set_clock('2030-01-01 12:00+00');
CREATE FOREIGN TABLE s (k int, t text, d date, x int) SERVER weir;
CREATE TABLE p (k int, t text, d date, x int);

CREATE VIEW bad WITH (tablespace = 'nosuch') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW bad WITH (fillfactor = 9) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW keyed WITH (tablespace = regress_weir_space, fillfactor = 60) AS SELECT k, count(*), count(DISTINCT x) AS d, mode() WITHIN GROUP (ORDER BY t) FROM s GROUP BY k;
CREATE VIEW primary_key WITH (tablespace = 'regress_weir_space', pk = 't') AS SELECT t, count(*) FROM s GROUP BY t;
CREATE VIEW parts WITH (tablespace = 'regress_weir_space', partition_by = 'd', partition_interval = '1 month', fillfactor = 70, pk = 'd') AS SELECT d, count(*) FROM s GROUP BY d;
CREATE VIEW sliding WITH (tablespace = 'regress_weir_space', sw = '1 hour', step_factor = 1) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW elsewhere AS SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO p SELECT i % 5, 't' || i % 7, date '2030-01-15' + i, i FROM generate_series(1, 60) i;
INSERT INTO s SELECT * FROM p;
CREATE INDEX ON keyed (count);
SELECT c.relname, c.relkind, spcname, c.reloptions FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
	WHERE relnamespace = 'view_storage'::regnamespace AND relkind IN ('r', 'p', 'i', 'I') AND relname <> 'p' ORDER BY relname COLLATE "C";
(TABLE keyed EXCEPT ALL SELECT k, count(*), count(DISTINCT x), mode() WITHIN GROUP (ORDER BY t) FROM p GROUP BY k) UNION ALL
	(SELECT k, count(*), count(DISTINCT x), mode() WITHIN GROUP (ORDER BY t) FROM p GROUP BY k EXCEPT ALL TABLE keyed);
(TABLE parts EXCEPT ALL SELECT d, count(*) FROM p GROUP BY d) UNION ALL (SELECT d, count(*) FROM p GROUP BY d EXCEPT ALL TABLE parts);
(TABLE primary_key EXCEPT ALL SELECT t, count(*) FROM p GROUP BY t) UNION ALL (SELECT t, count(*) FROM p GROUP BY t EXCEPT ALL TABLE primary_key);

-- what subscribers know rows by: the primary key, else all columns; partitions as the whole
SELECT c.relname, c.relkind, c.relreplident FROM pg_class c
	WHERE relnamespace = 'view_storage'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'p' ORDER BY relname COLLATE "C";

-- moved later
ALTER TABLE elsewhere_mrel SET TABLESPACE regress_weir_space;
ALTER INDEX elsewhere_mrel_lookup SET TABLESPACE regress_weir_space;
ALTER TABLE elsewhere_mrel SET (fillfactor = 40);
INSERT INTO s SELECT * FROM p;
SELECT sum(count) FROM elsewhere;

-- rights
CREATE ROLE regress_weir_storage;
GRANT CREATE, USAGE ON SCHEMA view_storage TO regress_weir_storage;
GRANT SELECT ON s TO regress_weir_storage;
SET ROLE regress_weir_storage;
CREATE VIEW theirs WITH (tablespace = 'regress_weir_space') AS SELECT k, count(*) FROM s GROUP BY k;
RESET ROLE;

SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA view_storage CASCADE;
DROP ROLE regress_weir_storage;
DROP TABLESPACE regress_weir_space;
