-- ttl: rows of a view are deleted when the time in one of its columns is long ago.  On the test clock.
CREATE SCHEMA ttl;
SET search_path = ttl;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SELECT weir.set_clock('2030-01-01 00:00:00+00');
CREATE FOREIGN TABLE s (k int, x int, at timestamptz, ats timestamp) SERVER weir;
CREATE TABLE p (k int, x int, at timestamptz, ats timestamp);
CREATE VIEW per_minute WITH (ttl = '1 hour', ttl_column = 'm') AS SELECT date_trunc('minute', at) AS m, k, count(*), sum(x) FROM s GROUP BY m, k;
CREATE VIEW per_key WITH (ttl = '10 minutes', ttl_column = seen) AS SELECT k, count(*), max(at) AS seen, avg(x) FROM s GROUP BY k;
CREATE VIEW log WITH (ttl = '30 minutes', ttl_column = arrival_timestamp) AS SELECT x, arrival_timestamp FROM s;
CREATE VIEW local WITH (ttl = '1 hour', ttl_column = m) AS SELECT date_trunc('minute', ats) AS m, count(*) FROM s GROUP BY m;
CREATE VIEW second_key WITH (ttl = '1 day', ttl_column = m) AS SELECT k::text AS key, date_trunc('hour', at) AS m, count(*) FROM s GROUP BY key, m;
SELECT name, ttl, ttl_column FROM weir.views ORDER BY name;
-- an index finds what has expired: the lookup index where it begins so, none on what changes with every row
SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'ttl' AND tablename LIKE '%\_mrel' ORDER BY 1, 2;

INSERT INTO p SELECT k, i, weir.clock() - i * interval '1 minute', weir.clock() - i * interval '1 minute' FROM generate_series(1, 3) k, generate_series(0, 90) i;
INSERT INTO s (k, x, at, ats) SELECT * FROM p;
-- in case that the worker did not look with this flush
SELECT weir.ttl_expire('per_minute') >= 0 AND weir.ttl_expire('per_key') >= 0 AND weir.ttl_expire('log') >= 0 AND weir.ttl_expire('local') >= 0 AS done;
SELECT * FROM per_minute EXCEPT ALL SELECT date_trunc('minute', at), k, count(*), sum(x) FROM p WHERE at > weir.clock() - interval '1 hour' GROUP BY 1, 2;
SELECT date_trunc('minute', at), k, count(*), sum(x) FROM p WHERE at > weir.clock() - interval '1 hour' GROUP BY 1, 2 EXCEPT ALL SELECT * FROM per_minute;
SELECT * FROM local EXCEPT ALL SELECT date_trunc('minute', ats), count(*) FROM p WHERE ats > weir.clock() - interval '1 hour' GROUP BY 1;
SELECT date_trunc('minute', ats), count(*) FROM p WHERE ats > weir.clock() - interval '1 hour' GROUP BY 1 EXCEPT ALL SELECT * FROM local;
SELECT k, count FROM per_key ORDER BY k;

-- a group lives for as long as rows come
SELECT weir.advance_clock('6 minutes');
INSERT INTO s (k, x, at) VALUES (1, 1, weir.clock());
SELECT weir.advance_clock('6 minutes');
SELECT weir.ttl_expire('per_key') >= 0 AS done;
SELECT k, count FROM per_key ORDER BY k;
-- and begins anew
INSERT INTO s (k, x, at) VALUES (2, 1, weir.clock());
SELECT k, count FROM per_key ORDER BY k;

-- the flush worker does it by itself, in portions
CREATE PROCEDURE until_below(matrel regclass, most bigint) LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	FOR i IN 1..40 LOOP
		INSERT INTO s (k, x, at) VALUES (1, 1, weir.clock());
		COMMIT;
		EXECUTE format('SELECT count(*) FROM %s', matrel) INTO n;
		IF n <= most THEN RETURN; END IF;
	END LOOP;
	RAISE NOTICE '% rows are left', n;
END$$;
INSERT INTO s (k, x, at) SELECT i, i, weir.clock() FROM generate_series(1, 9000) i;
SELECT weir.advance_clock('2 hours');
CALL until_below('log_mrel', 40);
CALL until_below('per_minute_mrel', 1);
CALL until_below('per_key_mrel', 1);

-- NULL and infinity never expire, -infinity at once
INSERT INTO s (k, x, at) VALUES (-1, 1, NULL), (-2, 1, 'infinity'), (-3, 1, '-infinity');
SELECT weir.advance_clock('1 month');
SELECT weir.ttl_expire('per_minute') >= 0 AS done;
SELECT m, k FROM per_minute;

-- changed, taken away, given
SELECT weir.set_ttl('per_minute', '1 year', 'm');
SELECT name, ttl, ttl_column FROM weir.views WHERE name = 'per_minute';
INSERT INTO s (k, x, at) VALUES (5, 1, weir.clock());
SELECT weir.advance_clock('11 months');
SELECT weir.ttl_expire('per_minute');
SELECT weir.set_ttl('per_minute', NULL, NULL);
SELECT name, ttl, ttl_column FROM weir.views WHERE name = 'per_minute';
SELECT weir.ttl_expire('per_minute');
CREATE VIEW given AS SELECT k, date_trunc('day', at) AS day, count(*) FROM s GROUP BY k, day;
ALTER VIEW given RENAME COLUMN day TO "The Day";
SELECT weir.set_ttl('given', '1 day', 'The Day');
SELECT name, ttl, ttl_column FROM weir.views WHERE name = 'given';
INSERT INTO s (k, x, at) VALUES (5, 1, weir.clock()), (5, 1, weir.clock() - interval '2 days');
SELECT weir.ttl_expire('given') <= 1 AS expired;
SELECT count(*) FROM given;
-- of a sliding window too
CREATE VIEW sliding WITH (sw = '1 minute') AS SELECT k, count(*) FROM s GROUP BY k;
INSERT INTO s (k, x) VALUES (5, 1), (6, 1);
BEGIN;
LOCK TABLE sliding_mrel IN SHARE ROW EXCLUSIVE MODE;
SELECT weir.advance_clock('1 hour');
SELECT weir.ttl_expire('sliding');
ROLLBACK;

-- dropping the column's index is allowed
DROP INDEX log_mrel_ttl;
SELECT weir.ttl_expire('log') >= 0 AS done;

-- refused
CREATE VIEW v WITH (ttl = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl_column = k) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = 10, ttl_column = k) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = 'soon', ttl_column = k) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = k) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = nosuch) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = at) AS SELECT k, count(*) FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = '100 ms', ttl_column = m) AS SELECT date_trunc('minute', at) AS m, count(*) FROM s GROUP BY m;
CREATE VIEW v WITH (ttl = '300000 years', ttl_column = m) AS SELECT date_trunc('minute', at) AS m, count(*) FROM s GROUP BY m;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = m) AS SELECT max(at) + interval '1 hour' AS m, k FROM s GROUP BY k;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = m) AS SELECT max(at) AS m FROM s;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = m, sw = '1 hour') AS SELECT date_trunc('minute', at) AS m, count(*) FROM s GROUP BY m;
CREATE VIEW v WITH (ttl = '1 hour', ttl_column = m) AS SELECT date_trunc('minute', now()) AS m FROM p;
SELECT weir.set_ttl(NULL, '1 day', 'm');
SELECT weir.set_ttl('p', '1 day', 'm');
SELECT weir.set_ttl('given', '1 day', NULL);
SELECT weir.set_ttl('given', NULL, 'day');
SELECT weir.set_ttl('given', '1 day', 'day');
SELECT weir.set_ttl('given', '1 day', 'k');
SELECT weir.set_ttl('given', '1 ms', 'The Day');
SELECT weir.set_ttl('sliding', '1 day', 'k');
SELECT weir.ttl_expire('p');
CREATE ROLE ttl_user;
GRANT USAGE ON SCHEMA ttl TO ttl_user;
GRANT SELECT ON given TO ttl_user;
SET ROLE ttl_user;
SELECT weir.set_ttl('given', '1 second', 'The Day');
SELECT weir.ttl_expire('given');
RESET ROLE;

SELECT name, reason FROM weir.views WHERE state <> 'active';
SELECT weir.set_clock(NULL);
SET client_min_messages = warning;
DROP SCHEMA ttl CASCADE;
DROP ROLE ttl_user;
