-- Functions for which all views wait have weir.call_timeout: one call, and the slow ones of a flush together.
SET client_min_messages = error;
CREATE SCHEMA call_timeout;
SET search_path = call_timeout;
CREATE FOREIGN TABLE stream (k int, x int) SERVER weir;
CREATE FOREIGN TABLE bystander (k int) SERVER weir;
CREATE VIEW bystander_v AS SELECT count(*) FROM bystander;

CREATE FUNCTION slow_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN a + b; END $$;
CREATE FUNCTION stubborn_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS
	$$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;
CREATE FUNCTION slow(a bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF a > 1 THEN PERFORM pg_sleep(3600); END IF; RETURN a; END $$;
CREATE FUNCTION sluggish_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN a + b; END $$;
CREATE FUNCTION sluggish(a bigint) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF a > 1 THEN PERFORM pg_sleep(0.05); END IF; RETURN true; END $$;
CREATE FUNCTION quick_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + b; END $$;
CREATE AGGREGATE sluggish_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = sluggish_sum);
CREATE AGGREGATE quick_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = quick_sum);
CREATE AGGREGATE slow_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = slow_sum);
CREATE AGGREGATE stubborn_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = stubborn_sum);
CREATE VIEW combined AS SELECT k, slow_agg(x) FROM stream GROUP BY k;
CREATE VIEW stubborn AS SELECT k, stubborn_agg(x) FROM stream GROUP BY k;
CREATE VIEW indexed AS SELECT k, count(*) FROM stream GROUP BY k;
CREATE INDEX ON indexed_mrel (slow(count));
CREATE FOREIGN TABLE many (k int, x int) SERVER weir;
CREATE VIEW many_combined AS SELECT k, sluggish_agg(x) FROM many GROUP BY k;
CREATE VIEW many_indexed AS SELECT k, count(*) FROM many GROUP BY k;
CREATE INDEX ON many_indexed_mrel (k) WHERE sluggish(count);
CREATE VIEW many_quick AS SELECT k, quick_agg(x) FROM many GROUP BY k;
CREATE VIEW well AS SELECT k, count(*), sum(x) FROM stream GROUP BY k;

INSERT INTO stream SELECT i, i FROM generate_series(1, 3) i;
SELECT clock_timestamp() AS began \gset
INSERT INTO stream SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO bystander VALUES (1);
SELECT clock_timestamp() - :'began' < '8 s' AS soon;
-- a thousand calls that are no more than sluggish, and many that are not
INSERT INTO many SELECT i, i FROM generate_series(1, 1000) i;
SELECT clock_timestamp() AS began \gset
INSERT INTO many SELECT i, i FROM generate_series(1, 1000) i;
INSERT INTO many SELECT i, 1 FROM generate_series(1, 50000) i;
INSERT INTO many SELECT i, 1 FROM generate_series(1, 50000) i;
INSERT INTO bystander VALUES (1);
SELECT clock_timestamp() - :'began' < '8 s' AS soon;
SELECT name, state, reason FROM weir.views WHERE schema = 'call_timeout' ORDER BY name COLLATE "C";
SELECT * FROM well ORDER BY k;
SELECT * FROM combined ORDER BY k;
SELECT count(*), sum(quick_agg) FROM many_quick;
SELECT * FROM bystander_v;
SELECT count(*) FROM weir.dead_letters WHERE stream = 'stream'::regclass;

-- a view that has few groups, each of which takes long to write, gives others their turn
CREATE FUNCTION heavy_sum(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN a + b; END $$;
CREATE AGGREGATE heavy_agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = heavy_sum);
CREATE FOREIGN TABLE heavy (x int) SERVER weir;
CREATE VIEW heavy_v AS SELECT heavy_agg(x) FROM heavy;
CREATE VIEW beside_heavy AS SELECT count(*), sum(x) FROM heavy;
INSERT INTO heavy VALUES (1);
INSERT INTO heavy VALUES (10);
INSERT INTO heavy VALUES (100);
SET weir.synchronous_insert = off;
INSERT INTO heavy VALUES (1000);
RESET weir.synchronous_insert;
INSERT INTO bystander VALUES (1);
SELECT name, regexp_replace(waits_for, '\d+', 'some') AS waits_for FROM weir.views WHERE schema = 'call_timeout' AND waits_since IS NOT NULL;
SELECT * FROM beside_heavy;
SELECT weir.flush();
SELECT * FROM heavy_v, beside_heavy;
SELECT count(*) FROM weir.views WHERE schema = 'call_timeout' AND name LIKE '%heavy%' AND state <> 'active';
DROP SCHEMA call_timeout CASCADE;
