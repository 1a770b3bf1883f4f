-- A row that gives many rows: a batch of such rows is taken in in parts, a row that gives too many is a dead letter of that view.
CREATE SCHEMA limits;
SET search_path = limits;
CREATE FOREIGN TABLE w (n int) SERVER weir;
CREATE TABLE t (n int);
CREATE VIEW grouped AS SELECT g % 7 AS g, count(*) FROM w, generate_series(1, n) g GROUP BY 1;
CREATE VIEW rows AS SELECT generate_series(1, n) AS g, n FROM w;
CREATE VIEW bystander AS SELECT count(*), sum(n) FROM w;
INSERT INTO t VALUES (300000), (400000), (1), (2), (3), (500000), (600000);
-- a slow machine says that it takes long
SET client_min_messages = error;
INSERT INTO w SELECT * FROM t;
INSERT INTO w VALUES (2000000), (7);
RESET client_min_messages;
SELECT * FROM bystander;
SELECT sum(count) FROM grouped;
SELECT count(*), sum(g), max(n) FROM rows;
SELECT count(*), sum(g), max(n) FROM (SELECT generate_series(1, n) AS g, n FROM t) q;
SELECT view, sqlstate, message, convert_from(payload, 'UTF8')::json ->> 'n' AS n FROM weir.dead_letters WHERE stream = 'w'::regclass;
SELECT name, state FROM weir.views WHERE schema = 'limits' ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA limits CASCADE;
