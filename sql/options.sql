-- Options of servers, streams, columns and user mappings are checked when given.

-- Servers.
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_server 'localhost:9092');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (something 'else');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (topic 't');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS ("kafka.fetch.min.bytes" '1');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.fetch.min.byte" '1');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.no such thing at all" '1');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.fetch.min.bytes" 'many');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.security.protocol" 'telepathy');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.auto.offset.reset" 'latest');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.enable.auto.commit" 'true');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.bootstrap.servers" 'h:2');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.plugin.library.paths" 'x');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.sasl.password" 'secret');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.ssl.key.password" 'secret');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', password 'secret');
CREATE SERVER options_kafka FOREIGN DATA WRAPPER weir
	OPTIONS (bootstrap_servers '127.0.0.1:1', "kafka.fetch.min.bytes" '1', "kafka.group.id" 'weir');

-- User mappings.
CREATE USER MAPPING FOR PUBLIC SERVER options_kafka OPTIONS (users 'u');
CREATE USER MAPPING FOR PUBLIC SERVER options_kafka OPTIONS ("kafka.fetch.min.bytes" '1');
CREATE USER MAPPING FOR PUBLIC SERVER options_kafka OPTIONS ("kafka.bootstrap.servers" 'x');
CREATE USER MAPPING FOR PUBLIC SERVER options_kafka
	OPTIONS (user 'u', password 'p', "kafka.sasl.mechanism" 'SCRAM-SHA-256');

-- Streams.
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topik 't');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 'a/b');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', format 'avro');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', format 'jason');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', startup 'now');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', on_error 'ignore');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', workers '0');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', workers '2x');
CREATE FOREIGN TABLE options_s (a int) SERVER options_kafka OPTIONS (topic 't', metadata 'key');
CREATE FOREIGN TABLE options_s (a int OPTIONS (metadata 'offsets')) SERVER options_kafka OPTIONS (topic 't');
CREATE FOREIGN TABLE options_s (a int OPTIONS (meta 'offset')) SERVER options_kafka OPTIONS (topic 't');
CREATE FOREIGN TABLE options_s (
	a int,
	topic text OPTIONS (metadata 'topic'),
	part int OPTIONS (metadata 'partition'),
	off bigint OPTIONS (metadata 'offset'),
	at timestamptz OPTIONS (metadata 'timestamp'),
	key bytea OPTIONS (metadata 'key'),
	headers jsonb OPTIONS (metadata 'headers')
) SERVER options_kafka OPTIONS (
	topic 't', format 'json', startup 'latest', on_error 'stop', workers '2',
	"kafka.fetch.wait.max.ms" '50');
ALTER FOREIGN TABLE options_s OPTIONS (SET workers '17');
ALTER FOREIGN TABLE options_s OPTIONS (SET workers '3', DROP startup);
ALTER FOREIGN TABLE options_s OPTIONS (SET on_error 'retry');

-- Formats have options of their own, and say which columns they can fill.
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', delimiter ',');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'text', header 'true');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', delimeter ';');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', delimiter ';;');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', delimiter '"');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', quote '');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', escape 'xx');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', null ',');
CREATE FOREIGN TABLE options_f (a int) SERVER options_kafka OPTIONS (topic 't', format 'csv', header 'perhaps');
CREATE FOREIGN TABLE options_f (a bigint OPTIONS (metadata 'offset')) SERVER options_kafka OPTIONS (topic 't', format 'csv');
CREATE FOREIGN TABLE options_f (a bigint OPTIONS (metadata 'offset')) SERVER options_kafka OPTIONS (topic 't', format 'text');
CREATE FOREIGN TABLE options_f (a int, b int) SERVER options_kafka OPTIONS (topic 't', format 'text');
CREATE FOREIGN TABLE options_f (a text) SERVER options_kafka OPTIONS (topic 't', format 'raw');
CREATE FOREIGN TABLE options_f (a jsonb, o bigint OPTIONS (metadata 'offset'), k bytea OPTIONS (metadata 'key'), g int GENERATED ALWAYS AS (1) STORED)
	SERVER options_kafka OPTIONS (topic 't', format 'text');
ALTER FOREIGN TABLE options_f ADD COLUMN b int;
ALTER FOREIGN TABLE options_f OPTIONS (SET format 'raw');
ALTER FOREIGN TABLE options_f OPTIONS (SET format 'csv', delimiter ';', quote '''', escape '\', null '', header 'match');
ALTER FOREIGN TABLE options_f OPTIONS (SET format 'json');
ALTER FOREIGN TABLE options_f ADD COLUMN b int;
ALTER FOREIGN TABLE options_f OPTIONS (SET format 'text', DROP delimiter, DROP quote, DROP escape, DROP null, DROP header);
ALTER FOREIGN TABLE options_f OPTIONS (SET format 'json', DROP delimiter, DROP quote, DROP escape, DROP null, DROP header);
DROP FOREIGN TABLE options_f;
CREATE FOREIGN TABLE options_f (a bytea) SERVER weir OPTIONS (format 'raw');
CREATE FOREIGN TABLE options_f (a int) SERVER weir OPTIONS (format 'csv', delimiter ';');
CREATE SERVER options_f FOREIGN DATA WRAPPER weir OPTIONS (delimiter ';');

-- What depends on the server and on column types.
CREATE FOREIGN TABLE options_bad (a int) SERVER options_kafka;
CREATE FOREIGN TABLE options_bad (a int) SERVER weir OPTIONS (topic 't');
CREATE FOREIGN TABLE options_bad (a int OPTIONS (metadata 'offset')) SERVER weir;
CREATE FOREIGN TABLE options_bad (a text OPTIONS (metadata 'offset')) SERVER options_kafka OPTIONS (topic 't');

-- Rows of a Kafka stream come from its topic only.
INSERT INTO options_s (a) VALUES (1);

-- What reaches files and programs of the server's machine needs the roles for them, what is unknown a superuser.
CREATE ROLE regress_weir_options;
CREATE ROLE regress_weir_files IN ROLE pg_read_server_files;
CREATE ROLE regress_weir_programs IN ROLE pg_execute_server_program;
GRANT USAGE ON FOREIGN DATA WRAPPER weir TO regress_weir_options, regress_weir_files, regress_weir_programs;
GRANT USAGE ON FOREIGN SERVER options_kafka TO regress_weir_options, regress_weir_files, regress_weir_programs;
CREATE TABLE options_tried (property text, value text, as_user text, on_server text, on_mapping text, on_stream text);
GRANT ALL ON options_tried TO PUBLIC;
GRANT CREATE ON SCHEMA public TO regress_weir_options, regress_weir_files, regress_weir_programs;
CREATE FUNCTION options_try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RAISE EXCEPTION 'taken' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN RETURN 'taken';
	WHEN insufficient_privilege THEN RETURN 'denied';
	WHEN fdw_invalid_option_name THEN RETURN 'not here';
	WHEN fdw_invalid_attribute_value THEN RETURN 'value';
	WHEN OTHERS THEN RETURN SQLERRM;
END $$;
CREATE FUNCTION options_try_all(property text, value text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO options_tried SELECT property, value, replace(current_user, 'regress_weir_', ''),
		options_try(format('CREATE SERVER tried FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers ''h:1'', %I %L)', 'kafka.' || property, value)),
		options_try(format('CREATE USER MAPPING FOR CURRENT_USER SERVER options_kafka OPTIONS (%I %L)', 'kafka.' || property, value)),
		options_try(format('CREATE FOREIGN TABLE tried (x int) SERVER options_kafka OPTIONS (topic ''t'', %I %L)', 'kafka.' || property, value))
$$;
CREATE VIEW options_properties (property, value) AS VALUES ('fetch.min.bytes', '10'), ('client.id', 'x'), ('debug', 'all'),
	('internal.termination.signal', '9'), ('test.mock.num.brokers', '1'), ('linger.ms', '1'), ('enabled_events', '1'),
	('security.protocol', 'plaintext'), ('enable.ssl.certificate.verification', 'false'), ('ssl.endpoint.identification.algorithm', 'none'),
	('ssl.ca.location', '/etc/passwd'), ('ssl.key.location', '/x'), ('ssl.certificate.pem', 'x'), ('ssl.key.pem', 'x'), ('ssl.engine.location', '/x'), ('ssl.providers', 'x'),
	('sasl.mechanism', 'PLAIN'), ('sasl.username', 'x'), ('sasl.password', 'x'), ('sasl.kerberos.keytab', '/etc/krb5.keytab'), ('sasl.kerberos.keytab', '/x$(id)'),
	('sasl.kerberos.principal', 'weir/db@EXAMPLE.COM'), ('sasl.kerberos.principal', 'x; id'), ('sasl.kerberos.principal', '-c/x'), ('sasl.kerberos.principal', E'x\ny'),
	('sasl.kerberos.service.name', 'kafka'), ('sasl.kerberos.service.name', '`id`'), ('sasl.kerberos.kinit.cmd', 'true'), ('sasl.kerberos.min.time.before.relogin', '1'),
	('sasl.oauthbearer.config', 'x'), ('sasl.oauthbearer.token.endpoint.url', 'file:///etc/passwd');
GRANT SELECT ON options_properties TO PUBLIC;
SET ROLE regress_weir_options;
DO $$ BEGIN PERFORM options_try_all(property, value) FROM options_properties; END $$;
SET ROLE regress_weir_files;
DO $$ BEGIN PERFORM options_try_all(property, value) FROM options_properties; END $$;
SET ROLE regress_weir_programs;
DO $$ BEGIN PERFORM options_try_all(property, value) FROM options_properties; END $$;
RESET ROLE;
DO $$ BEGIN PERFORM options_try_all(property, value) FROM options_properties; END $$;
-- What nobody in particular may do, and what others may besides.
SELECT property, replace(value, E'\n', ' ') AS value, as_user, on_server, on_mapping, on_stream FROM options_tried t
	WHERE as_user = 'options' OR as_user IN ('files', 'programs') AND NOT EXISTS (SELECT FROM options_tried o WHERE o.as_user = 'options'
		AND (o.property, o.value, o.on_server) = (t.property, t.value, t.on_server))
	ORDER BY property COLLATE "C", value COLLATE "C", as_user = 'options' DESC, as_user;
SELECT property, replace(value, E'\n', ' ') AS value, on_server, on_mapping, on_stream FROM options_tried t
	WHERE as_user NOT IN ('options', 'files', 'programs') AND NOT EXISTS (SELECT FROM options_tried o WHERE o.as_user <> t.as_user
		AND (o.property, o.value, o.on_server) = (t.property, t.value, t.on_server))
	ORDER BY property COLLATE "C", value COLLATE "C";
SET ROLE regress_weir_options;
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.ssl.ca.location" '/etc/passwd');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.sasl.kerberos.kinit.cmd" 'true');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.linger.ms" '1');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.debug" 'all');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.internal.termination.signal" '9');
CREATE FOREIGN TABLE bad (x int) SERVER options_kafka OPTIONS (topic 't', "kafka.sasl.kerberos.principal" 'x; id > /tmp/x; #');
CREATE FOREIGN TABLE bad (x int) SERVER options_kafka OPTIONS (topic 't', "kafka.security.protocol" 'plaintext');
RESET ROLE;
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.sasl.kerberos.principal" 'x; id');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.sasl.oauthbearer.token.endpoint.url" 'file:///etc/passwd');
DROP VIEW options_properties;
DROP TABLE options_tried;
DROP FUNCTION options_try, options_try_all;
REVOKE ALL ON FOREIGN DATA WRAPPER weir FROM regress_weir_options, regress_weir_files, regress_weir_programs;
REVOKE ALL ON FOREIGN SERVER options_kafka FROM regress_weir_options, regress_weir_files, regress_weir_programs;
REVOKE ALL ON SCHEMA public FROM regress_weir_options, regress_weir_files, regress_weir_programs;
DROP ROLE regress_weir_options, regress_weir_files, regress_weir_programs;

-- A stopped stream goes on by weir.resume, for its owner.
SELECT weir.resume('options_s');
CREATE TABLE options_plain (a int);
SELECT weir.resume('options_plain');
DROP TABLE options_plain;
INSERT INTO weir.source_stopped VALUES ('options_s', 'a test', now());
SELECT weir.resume('options_s'), (SELECT count(*) FROM weir.source_stopped);
SELECT weir.resume('options_s');

-- Where rows come from stays as it is while there are streams; their rows come without INSERT.
ALTER SERVER options_kafka OPTIONS (DROP bootstrap_servers);
ALTER SERVER options_kafka OPTIONS (SET bootstrap_servers '127.0.0.1:2');
CREATE SERVER options_insert FOREIGN DATA WRAPPER weir;
ALTER SERVER options_insert OPTIONS (ADD bootstrap_servers '127.0.0.1:1');
ALTER SERVER options_insert OPTIONS (DROP bootstrap_servers);
CREATE FOREIGN TABLE options_insert_s (a int) SERVER options_insert;
ALTER SERVER options_insert OPTIONS (bootstrap_servers '127.0.0.1:1');
CREATE FUNCTION options_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER t BEFORE INSERT ON options_s FOR EACH ROW EXECUTE FUNCTION options_trigger();
CREATE TRIGGER t BEFORE INSERT ON options_insert_s FOR EACH ROW EXECUTE FUNCTION options_trigger();
INSERT INTO options_insert_s VALUES (1);
DROP SERVER options_insert CASCADE;
DROP FUNCTION options_trigger;

DROP FOREIGN TABLE options_s;
DROP SERVER options_kafka CASCADE;
