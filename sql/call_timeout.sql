-- One call of a function for which all views wait has weir.call_timeout.
SET client_min_messages = warning;
CREATE SCHEMA call_timeout;
SET search_path = call_timeout;
CREATE FOREIGN TABLE stream (k int, x int) SERVER weir;
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE VIEW bystander_v AS SELECT count(*) FROM bystander;

CREATE FUNCTION slow_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN a + b; END $$;
CREATE FUNCTION stubborn_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS
	$$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;
CREATE FUNCTION slow(a bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF a > 1 THEN PERFORM pg_sleep(3600); END IF; RETURN a; END $$;
CREATE AGGREGATE slow_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = slow_sum);
CREATE AGGREGATE stubborn_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = stubborn_sum);
CREATE VIEW combined AS SELECT k, slow_agg(x) FROM stream GROUP BY k;
CREATE VIEW stubborn AS SELECT k, stubborn_agg(x) FROM stream GROUP BY k;
CREATE VIEW indexed AS SELECT k, count(*) FROM stream GROUP BY k;
CREATE INDEX ON indexed_mrel (slow(count));
CREATE VIEW well AS SELECT k, count(*), sum(x) FROM stream GROUP BY k;

INSERT INTO stream SELECT i, i FROM generate_series(1, 3) i;
SELECT clock_timestamp() AS began \gset
INSERT INTO stream SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO bystander VALUES (1);
SELECT clock_timestamp() - :'began' < '8 s' AS soon;
SELECT name, state, reason FROM weir.views WHERE schema = 'call_timeout' ORDER BY name COLLATE "C";
SELECT * FROM well ORDER BY k;
SELECT * FROM combined ORDER BY k;
SELECT * FROM bystander_v;
SELECT count(*) FROM weir.dead_letters WHERE stream = 'stream'::regclass;
SET client_min_messages = error;
DROP SCHEMA call_timeout CASCADE;
