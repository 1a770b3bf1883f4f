-- Code of users in a worker: it has its owner's rights, and leaves no trace.
CREATE ROLE regress_code_eve;
CREATE ROLE regress_code_bob;
CREATE SCHEMA user_code;
CREATE SCHEMA user_code_eve AUTHORIZATION regress_code_eve;
CREATE SCHEMA user_code_bob AUTHORIZATION regress_code_bob;
GRANT USAGE ON SCHEMA user_code_bob TO regress_code_eve;

-- bob's table has a trigger and a foreign key that hold for what eve may insert
SET ROLE regress_code_bob;
SET search_path = user_code_bob;
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent VALUES (1);
CREATE TABLE orders (id int REFERENCES parent, who text);
CREATE FUNCTION sign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.who := current_user; RETURN NEW; END $$;
CREATE TRIGGER sign BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION sign();
GRANT INSERT ON orders TO regress_code_eve;
RESET ROLE;

-- eve: whatever runs in a worker tries to become more than eve, says as whom it ran, and changes settings
SET ROLE regress_code_eve;
SET search_path = user_code_eve;
CREATE TABLE seen (place text, who text, superuser text, role_set bool, found text);
CREATE FUNCTION found() RETURNS text LANGUAGE sql AS $$ SELECT 'eve''s' $$;
CREATE FUNCTION probe(place text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	become bool := true;
	setting record;
BEGIN
	BEGIN
		SET ROLE regress_code_bob;
	EXCEPTION WHEN OTHERS THEN
		become := false;
	END;
	-- found by the path that the view was created with
	INSERT INTO seen SELECT place, current_user, (SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user), become, found()
	WHERE NOT EXISTS (SELECT FROM seen s WHERE s.place = probe.place);
	FOR setting IN SELECT * FROM (VALUES ('search_path', 'user_code_eve, pg_catalog'), ('TimeZone', 'Asia/Tokyo'),
		('DateStyle', 'German'), ('IntervalStyle', 'iso_8601'), ('extra_float_digits', '-5'), ('bytea_output', 'escape'),
		('array_nulls', 'off'), ('xmloption', 'document'), ('default_text_search_config', 'german'), ('work_mem', '64'),
		('default_transaction_read_only', 'on'), ('lock_timeout', '1'), ('statement_timeout', '1'), ('enable_seqscan', 'off'),
		('check_function_bodies', 'off'), ('role', 'regress_code_bob'), ('session_replication_role', 'replica'),
		('row_security', 'off'), ('transform_null_equals', 'on'), ('my.own', 'x')) s (name, value)
	LOOP
		BEGIN
			PERFORM set_config(setting.name, setting.value, false);
			PERFORM set_config(setting.name, setting.value, true);
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	RETURN true;
END $$;
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION pair_int(pair) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('cast'); RETURN ($1).a; END $$;
CREATE CAST (pair AS int) WITH FUNCTION pair_int(pair);
CREATE FUNCTION same(int, text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN user_code_eve.probe('operator'); END $$;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = same);
CREATE DOMAIN checked AS int CHECK (user_code_eve.probe('domain'));
CREATE FUNCTION trans(bigint, int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('transition'); RETURN $1 + $2; END $$;
CREATE FUNCTION comb(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('combine'); RETURN $1 + $2; END $$;
CREATE FUNCTION fin(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('final'); RETURN $1; END $$;
CREATE AGGREGATE total(int) (SFUNC = trans, STYPE = bigint, INITCOND = '0', COMBINEFUNC = comb, FINALFUNC = fin);
CREATE FUNCTION indexed(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('index'); RETURN $1; END $$;
CREATE FUNCTION sized(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('default'); RETURN $1; END $$;
CREATE FUNCTION doubled(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('generated'); RETURN $1 * 2; END $$;
CREATE FUNCTION listed() RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN PERFORM user_code_eve.probe('function in FROM'); RETURN NEXT 1; END $$;

CREATE FOREIGN TABLE s (k int, x int, p pair, at timestamptz) SERVER weir OPTIONS (event_time 'at');
CREATE FOREIGN TABLE late (k int, x int, p pair, at timestamptz, d int DEFAULT sized(7), g int GENERATED ALWAYS AS (doubled(k)) STORED,
	CHECK (probe('constraint'))) SERVER weir;
CREATE VIEW v_function AS SELECT k, count(*) FROM s WHERE probe('function') GROUP BY k;
CREATE VIEW v_cast AS SELECT p::int AS p, x::checked AS c, count(*) FROM s WHERE k === 'a' GROUP BY 1, 2;
CREATE VIEW v_total AS SELECT k, total(x) FROM s GROUP BY k;
CREATE VIEW v_from AS SELECT n, count(*) FROM s, listed() n GROUP BY n;
CREATE VIEW v_late WITH (late_stream = late) AS SELECT window_start, count(*) FROM s, weir.tumble(at, '1 minute') GROUP BY 1;
CREATE VIEW late_rows AS SELECT k, d, g FROM late;
CREATE INDEX ON v_total_mrel (indexed(k));
CREATE FUNCTION forge(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO user_code_bob.orders VALUES ($1, 'forged'); RETURN $1; END $$;
CREATE VIEW v_orders AS SELECT k, forge(k) AS forged FROM s;
CREATE FUNCTION own(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO user_code_eve.v_function_mrel SELECT * FROM user_code_eve.v_function_mrel; RETURN $1; END $$;
CREATE VIEW v_own AS SELECT own(k) FROM s;
RESET ROLE;

-- bob: what his code finds, in the ingest and in the flush worker
SET ROLE regress_code_bob;
SET search_path = user_code_bob;
CREATE FOREIGN TABLE t (k int, at timestamptz) SERVER weir;
CREATE FUNCTION found() RETURNS text LANGUAGE sql AS $$ SELECT 'bob''s' $$;
CREATE FUNCTION settings() RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
	RETURN format('%s %s', found(), (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
		WHERE name IN ('search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'extra_float_digits', 'bytea_output', 'array_nulls',
			'xmloption', 'default_text_search_config', 'default_transaction_read_only', 'statement_timeout',
			'enable_seqscan', 'check_function_bodies', 'session_replication_role', 'row_security', 'transform_null_equals')));
END $$;
CREATE FUNCTION last_settings(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN user_code_bob.settings(); END $$;
CREATE FUNCTION as_given(text, int) RETURNS text LANGUAGE sql AS $$ SELECT 'given' $$;
CREATE AGGREGATE found_in_flush(int) (SFUNC = as_given, STYPE = text, COMBINEFUNC = last_settings);
CREATE VIEW ingest AS SELECT settings() AS settings, count(*) FROM t GROUP BY 1;
CREATE VIEW flush AS SELECT k, found_in_flush(k) AS settings FROM t GROUP BY k;
CREATE VIEW days AS SELECT date_trunc('day', at) AS day, count(*) FROM t GROUP BY 1;
RESET ROLE;

INSERT INTO user_code_bob.t VALUES (1, '2026-01-01 20:00+00');
SELECT weir.flush();
INSERT INTO user_code_eve.s VALUES (1, 1, (1, 2), '2026-01-01 20:00+00'), (2, 1, (1, 2), '2026-01-01 20:00+00');
SELECT weir.flush();
INSERT INTO user_code_eve.s VALUES (1, 1, (1, 2), '2026-01-01 20:10+00');
SELECT weir.flush();
INSERT INTO user_code_eve.s VALUES (1, 1, (1, 2), '2026-01-01 20:00+00');
SELECT weir.flush();
INSERT INTO user_code_bob.t VALUES (1, '2026-01-01 20:00+00');
SELECT weir.flush();
INSERT INTO user_code_bob.t VALUES (1, '2026-01-01 20:00+00');
SELECT * FROM user_code_eve.seen ORDER BY place COLLATE "C";
SELECT * FROM user_code_bob.ingest;
SELECT * FROM user_code_bob.flush;
SELECT * FROM user_code_bob.days;
SELECT * FROM user_code_eve.late_rows;
SELECT * FROM user_code_bob.orders;
SELECT name, state, reason FROM weir.views WHERE schema ~ 'user_code' AND state <> 'active';
SELECT DISTINCT view, message FROM weir.dead_letters WHERE view IN (SELECT view FROM weir.views WHERE schema ~ 'user_code') ORDER BY 1, 2;
SELECT * FROM user_code_eve.v_function;

-- the path of a view: schemas in which others may create objects are left out, and what cannot be found is a dead letter
CREATE SCHEMA user_code_open;
GRANT CREATE, USAGE ON SCHEMA user_code_open TO PUBLIC;
CREATE FUNCTION user_code_open.opened() RETURNS text LANGUAGE sql AS $$ SELECT 'open' $$;
GRANT USAGE ON SCHEMA user_code TO regress_code_bob;
CREATE TABLE user_code.rates (cur text, rate numeric);
INSERT INTO user_code.rates VALUES ('EUR', 1.1);
GRANT SELECT ON user_code.rates TO regress_code_bob;
SET ROLE regress_code_bob;
SET search_path = user_code_bob, user_code, user_code_open, user_code_eve, nosuch, "$user";
CREATE FUNCTION rate(text) RETURNS numeric STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT rate FROM rates WHERE cur = $1); END $$;
CREATE FUNCTION use_open(text) RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN opened(); END $$;
CREATE FOREIGN TABLE pay (cur text, amount numeric) SERVER weir;
CREATE VIEW usd AS SELECT sum(amount * rate(cur)) FROM pay;
CREATE VIEW opened AS SELECT use_open(cur) FROM pay;
CREATE VIEW no_functions AS SELECT cur, count(*) FROM pay GROUP BY cur;
SET search_path = user_code_bob;
INSERT INTO pay VALUES ('EUR', 100);
SELECT * FROM usd;
SELECT * FROM opened;
SELECT name, search_path, state, reason FROM weir.views WHERE name IN ('usd', 'opened', 'no_functions') ORDER BY 1;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA user_code, user_code_eve, user_code_bob, user_code_open CASCADE;
DROP ROLE regress_code_eve, regress_code_bob;
