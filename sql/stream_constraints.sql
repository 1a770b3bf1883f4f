-- What a table would check or fill in, a stream does too.
CREATE SCHEMA stream_constraints;
SET search_path = stream_constraints;
\set VERBOSITY terse

CREATE SEQUENCE seq;
CREATE FOREIGN TABLE s (
	id int DEFAULT nextval('seq'),
	k text NOT NULL,
	x int CONSTRAINT x_small CHECK (x < 100),
	twice int GENERATED ALWAYS AS (x * 2) STORED,
	CONSTRAINT k_not_x CHECK (k <> x::text)
) SERVER weir;
CREATE VIEW v AS SELECT id, k, x, twice FROM s;

INSERT INTO s (k, x) VALUES ('a', 1), ('b', NULL) RETURNING id, k, x, twice;
INSERT INTO s (x) VALUES (1);				-- NOT NULL
INSERT INTO s (k, x) VALUES ('c', 100);			-- CHECK of a column
INSERT INTO s (k, x) VALUES ('ok', 3), ('7', 7);	-- CHECK of the table, nothing of the statement counts
INSERT INTO s (k, x, twice) VALUES ('d', 1, 5);		-- generated
COPY s (k, x) FROM STDIN;
ok	4
bad	100
\.
COPY s (k, x) FROM STDIN;
fine	4
\.
SELECT * FROM v ORDER BY id;

-- BEFORE ROW triggers change and skip rows, before constraints are checked
CREATE FUNCTION clean() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.k = 'skip' THEN
		RETURN NULL;
	END IF;
	new.x := least(new.x, 99);
	RETURN new;
END $$;
CREATE TRIGGER clean BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION clean();
INSERT INTO s (id, k, x) VALUES (100, 'skip', 1), (101, 'big', 1000), (102, 'e', 5) RETURNING id, k, x, twice;
COPY s (id, k, x) FROM STDIN;
103	skip	1
104	big	1000
\.
SELECT * FROM v WHERE id >= 100 ORDER BY id;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE NOTICE '% % %', TG_WHEN, TG_OP, new.k; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON s FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO s (k, x) VALUES ('after', 1);

-- arrival_timestamp: added last, filled once for a row, kept when given
SELECT attname, atttypid::regtype FROM pg_attribute
	WHERE attrelid = 's'::regclass AND attnum > 0 ORDER BY attnum;
CREATE FOREIGN TABLE own (arrival_timestamp timestamptz, x int) SERVER weir;
SELECT attname FROM pg_attribute WHERE attrelid = 'own'::regclass AND attnum > 0 ORDER BY attnum;
CREATE FOREIGN TABLE wrong (arrival_timestamp text) SERVER weir;
CREATE VIEW first AS SELECT x, min(arrival_timestamp) AS a FROM own GROUP BY x;
CREATE VIEW second AS SELECT x, max(arrival_timestamp) AS a FROM own GROUP BY x;
INSERT INTO own (x) VALUES (1), (2);
INSERT INTO own VALUES ('2020-02-02', 3);
SELECT x, f.a = s.a AS same, CASE WHEN x = 3 THEN f.a END AS given, f.a > now() - interval '1 minute' AS recent
	FROM first f JOIN second s USING (x) ORDER BY x;

SET client_min_messages = warning;
DROP SCHEMA stream_constraints CASCADE;
