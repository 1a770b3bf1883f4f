-- range_agg and range_intersect_agg, over several flushes, equal the batch query.
CREATE SCHEMA aggregates_range;
SET search_path = aggregates_range;
CREATE TYPE span AS RANGE (subtype = text, collation = "C");
CREATE DOMAIN few AS int4range CHECK (upper(VALUE) < 1000);
CREATE TABLE t (k int, r int4range, m nummultirange, d daterange, s span, f few);
CREATE FOREIGN TABLE st (k int, r int4range, m nummultirange, d daterange, s span, f few) SERVER weir;
CREATE VIEW v AS SELECT k, range_agg(r), range_agg(m) AS m, range_agg(d) FILTER (WHERE k > 1) AS d, range_agg(s) AS s, range_agg(f) AS f,
	range_intersect_agg(r) AS i, upper(range_agg(r)) - 1 AS last FROM st GROUP BY k HAVING NOT isempty(range_agg(m)) OR range_agg(m) IS NULL;
CREATE VIEW total AS SELECT range_agg(r) AS r, range_agg(DISTINCT r) AS d, range_agg(r ORDER BY r) AS o FROM st;
CREATE VIEW sliding WITH (sw = '1 hour') AS SELECT k % 2 AS k, range_agg(r) AS r FROM st GROUP BY 1;
INSERT INTO t SELECT i % 5, int4range(i * 7 % 100, i * 7 % 100 + i % 4), nummultirange(numrange(i % 10, i % 10 + 0.5), numrange(i, NULL)),
	daterange('2026-01-01', '2026-01-01'::date + i), span(chr(97 + i % 20), chr(98 + i % 20)), int4range(i, i + 2) FROM generate_series(1, 60) i;
INSERT INTO t (k) VALUES (1), (9), (NULL);
INSERT INTO t (k, r, m) VALUES (8, 'empty', '{}'), (NULL, '(,5)', '{(,1),[1,2]}'), (NULL, '(,)', NULL);
INSERT INTO st SELECT * FROM t WHERE k < 3;
INSERT INTO st SELECT * FROM t WHERE k >= 3;
INSERT INTO st SELECT * FROM t WHERE k IS NULL;
SELECT * FROM v WHERE k IS NULL OR k > 7 ORDER BY k;
CREATE VIEW batch AS SELECT k, range_agg(r), range_agg(m) AS m, range_agg(d) FILTER (WHERE k > 1) AS d, range_agg(s) AS s, range_agg(f) AS f,
	range_intersect_agg(r) AS i, upper(range_agg(r)) - 1 AS last FROM t GROUP BY k HAVING NOT isempty(range_agg(m)) OR range_agg(m) IS NULL;
TABLE v EXCEPT ALL TABLE batch;
TABLE batch EXCEPT ALL TABLE v;
SELECT count(*) FROM v;
SELECT r = (SELECT range_agg(r) FROM t) AS r, d = r AS d, o = r AS o FROM total;
TABLE sliding EXCEPT ALL SELECT k % 2, range_agg(r) FROM t GROUP BY 1;
SELECT (weir.combine(range_agg) = (SELECT range_agg(r) FROM t WHERE k < 4)) AS combined FROM v WHERE k < 4;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v_mrel'::regclass AND attname IN ('range_agg', 's');
SELECT query FROM weir.views WHERE view = 'total'::regclass;
SET client_min_messages = warning;
DROP SCHEMA aggregates_range CASCADE;
