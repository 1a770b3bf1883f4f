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

-- What depends on the server and on column types.
CREATE FOREIGN TABLE options_bad (a int) SERVER options_kafka;
CREATE FOREIGN TABLE options_bad (a int) SERVER weir OPTIONS (topic 't');
CREATE FOREIGN TABLE options_bad (a int OPTIONS (metadata 'offset')) SERVER weir;
CREATE FOREIGN TABLE options_bad (a text OPTIONS (metadata 'offset')) SERVER options_kafka OPTIONS (topic 't');

-- Rows of a Kafka stream come from its topic only.
INSERT INTO options_s (a) VALUES (1);

-- Files and programs of the server's machine need their roles.
CREATE ROLE regress_weir_options;
GRANT USAGE ON FOREIGN DATA WRAPPER weir TO regress_weir_options;
SET ROLE regress_weir_options;
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.ssl.ca.location" '/etc/passwd');
CREATE SERVER bad FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'h:1', "kafka.sasl.kerberos.kinit.cmd" 'true');
RESET ROLE;
REVOKE ALL ON FOREIGN DATA WRAPPER weir FROM regress_weir_options;
DROP ROLE regress_weir_options;

-- A stopped stream goes on by weir.resume, for its owner.
SELECT weir.resume('options_s');
CREATE TABLE options_plain (a int);
SELECT weir.resume('options_plain');
DROP TABLE options_plain;
INSERT INTO weir.kafka_stopped VALUES ('options_s', 'a test', now());
SELECT weir.resume('options_s'), (SELECT count(*) FROM weir.kafka_stopped);
SELECT weir.resume('options_s');

DROP FOREIGN TABLE options_s;
DROP SERVER options_kafka CASCADE;
