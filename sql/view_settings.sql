-- The settings of views are the database's: what ALTER DATABASE says holds for rows that are inserted after it.
SET client_min_messages = warning;
CREATE SCHEMA view_settings;
SET search_path = view_settings;
SELECT current_database() AS db \gset
CREATE FOREIGN TABLE s (at timestamptz) SERVER weir;
CREATE VIEW v AS SELECT current_setting('TimeZone') AS zone, at::date AS day, count(*) FROM s GROUP BY 1, 2;
CREATE VIEW log AS SELECT current_setting('TimeZone') AS zone, current_setting('weir_test.x', true) AS x FROM s;

ALTER DATABASE :"db" SET timezone = 'UTC';
INSERT INTO s VALUES ('2030-01-01 20:00+00');
ALTER DATABASE :"db" SET timezone = 'Asia/Tokyo';
INSERT INTO s VALUES ('2030-01-01 20:00+00');
SELECT * FROM v ORDER BY zone;

-- not those of the session, of a role, of a transaction that rolls back
SET timezone = 'America/New_York';
INSERT INTO s VALUES ('2030-01-01 20:00+00');
SELECT current_user AS me \gset
ALTER ROLE :"me" SET timezone = 'Europe/Rome';
ALTER ROLE :"me" IN DATABASE :"db" SET timezone = 'Europe/Rome';
ALTER ROLE :"me" SET weir_test.x = 'role';
BEGIN;
ALTER DATABASE :"db" SET timezone = 'Europe/Rome';
ROLLBACK;
INSERT INTO s VALUES ('2030-01-01 20:00+00');
SELECT * FROM v ORDER BY zone;

-- workers that start while the role has settings of its own: for all, for the database, none
ALTER DATABASE :"db" RESET timezone;
ALTER ROLE ALL SET timezone = 'Asia/Kolkata';
INSERT INTO s VALUES ('2030-01-01 20:00+00');
ALTER DATABASE :"db" SET timezone = 'Asia/Tokyo';
ALTER DATABASE :"db" SET weir_test.x = 'database';
INSERT INTO s VALUES ('2030-01-01 20:00+00');
ALTER ROLE ALL IN DATABASE :"db" RESET timezone;
ALTER DATABASE :"db" RESET weir_test.x;
ALTER ROLE ALL RESET timezone;
INSERT INTO s VALUES ('2030-01-01 20:00+00');
SELECT CASE WHEN v.zone LIKE 'Asia/%' THEN v.zone END AS zone, day, count FROM v ORDER BY zone;
SELECT CASE WHEN zone LIKE 'Asia/%' THEN zone END AS zone, x FROM log ORDER BY 1, 2;

ALTER ROLE :"me" RESET timezone;
ALTER ROLE :"me" RESET weir_test.x;
ALTER ROLE :"me" IN DATABASE :"db" RESET timezone;

-- and not the role that sessions of the database begin with, for what workers write into Weir's own tables
CREATE ROLE regress_weir_settings;
CREATE VIEW bad AS SELECT 1 / (extract(year FROM at) - 2031)::int AS x FROM s;
ALTER DATABASE :"db" SET role = 'regress_weir_settings';
INSERT INTO s VALUES ('2030-01-01 20:00+00'), ('2031-01-01 20:00+00');
ALTER DATABASE :"db" SET session_authorization = 'regress_weir_settings';
INSERT INTO s VALUES ('2030-01-01 20:00+00'), ('2031-01-01 20:00+00');
ALTER DATABASE :"db" RESET session_authorization;
ALTER DATABASE :"db" RESET role;
SELECT sqlstate, count(*) FROM weir.dead_letters WHERE view = 'bad'::regclass GROUP BY 1;
SELECT count(*) FROM bad;
DROP ROLE regress_weir_settings;
SELECT kind, sum(errors) FROM weir.stat_worker GROUP BY kind ORDER BY kind;
DROP SCHEMA view_settings CASCADE;
