/* weir--1.0.sql: everything of the extension lives in schema weir. */

\echo Use "CREATE EXTENSION weir" to load this file. \quit

CREATE SCHEMA weir;
GRANT USAGE ON SCHEMA weir TO PUBLIC;

/* ------------------------------------------------------------------------
 * Streams: the foreign-data wrapper and the server for inserted rows
 * ------------------------------------------------------------------------ */

CREATE FUNCTION weir.fdw_handler() RETURNS fdw_handler
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'weir_fdw_handler';
REVOKE ALL ON FUNCTION weir.fdw_handler() FROM PUBLIC;
COMMENT ON FUNCTION weir.fdw_handler() IS 'handler of foreign-data wrapper weir';

CREATE FUNCTION weir.fdw_validator(text[], oid) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'weir_fdw_validator';
REVOKE ALL ON FUNCTION weir.fdw_validator(text[], oid) FROM PUBLIC;
COMMENT ON FUNCTION weir.fdw_validator(text[], oid) IS 'checks options of servers, streams, columns and user mappings';

CREATE FOREIGN DATA WRAPPER weir
	HANDLER weir.fdw_handler VALIDATOR weir.fdw_validator;
CREATE SERVER weir FOREIGN DATA WRAPPER weir;
GRANT USAGE ON FOREIGN SERVER weir TO PUBLIC;

/* ------------------------------------------------------------------------
 * Continuous views
 * ------------------------------------------------------------------------ */

/*
 * One row a continuous view.  regclass columns are dumped as names, so a
 * restored dump finds its relations again.
 */
CREATE TABLE weir.continuous_view (
	def regclass PRIMARY KEY,
	view regclass NOT NULL,
	matrel regclass NOT NULL,
	stream regclass NOT NULL,
	state text NOT NULL DEFAULT 'active'
		CHECK (state IN ('active', 'inactive', 'suspended')),
	reason text,
	sw interval,
	step interval,
	sw_column name,
	fillfactor integer,
	start_boot bigint NOT NULL DEFAULT 0,
	start_seq bigint NOT NULL DEFAULT 0,
	created timestamptz NOT NULL DEFAULT now()
);
SELECT pg_catalog.pg_extension_config_dump('weir.continuous_view', '');

/* -- section: view (functions, views and triggers of continuous views) -- */

/* ------------------------------------------------------------------------
 * Kafka
 * ------------------------------------------------------------------------ */

CREATE TABLE weir.kafka_offsets (
	stream regclass NOT NULL,
	partition integer NOT NULL,
	next_offset bigint NOT NULL,
	PRIMARY KEY (stream, partition)
);
SELECT pg_catalog.pg_extension_config_dump('weir.kafka_offsets', '');
GRANT SELECT ON weir.kafka_offsets TO PUBLIC;
COMMENT ON TABLE weir.kafka_offsets IS 'next offset to read per stream and partition; written in the transaction that writes the views';

CREATE TABLE weir.dead_letters (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	stream regclass NOT NULL,
	view regclass,
	topic text,
	partition integer,
	"offset" bigint,
	payload bytea,
	sqlstate text NOT NULL,
	message text NOT NULL,
	"time" timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('weir.dead_letters', '');
SELECT pg_catalog.pg_extension_config_dump('weir.dead_letters_id_seq', '');
COMMENT ON TABLE weir.dead_letters IS 'rows that could not be decoded, or failed in a view''s query, with the reason';

/* -- section: kafka -- */

/* ------------------------------------------------------------------------
 * Workers and monitoring
 * ------------------------------------------------------------------------ */

/* -- section: monitor -- */

CREATE FUNCTION weir.flush() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_flush';
COMMENT ON FUNCTION weir.flush() IS
'waits until everything committed to streams of this database before the call, and everything taken in from Kafka, is visible in its continuous views; error: deadlock_detected when the flush waits for a lock of the calling transaction';

CREATE FUNCTION weir.stat_stream_raw(
	OUT stream oid, OUT rows bigint, OUT bytes bigint, OUT batches bigint,
	OUT last_arrival timestamptz, OUT stats_reset timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_stream';
CREATE FUNCTION weir.stat_view_raw(
	OUT def oid, OUT rows_in bigint, OUT groups_merged bigint, OUT rows_written bigint,
	OUT flushes bigint, OUT flush_time double precision, OUT errors bigint,
	OUT last_flush timestamptz, OUT freshness double precision, OUT stats_reset timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_view';
CREATE FUNCTION weir.stat_worker_raw(
	OUT pid integer, OUT kind text, OUT "index" integer, OUT stream oid,
	OUT started timestamptz, OUT batches bigint, OUT rows bigint, OUT errors bigint,
	OUT last_error_time timestamptz, OUT last_error text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_worker';
CREATE FUNCTION weir.stat_memory_raw(
	OUT area text, OUT "limit" bigint, OUT used bigint, OUT peak bigint)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_memory';
COMMENT ON FUNCTION weir.stat_stream_raw() IS 'counters of this database''s streams; see weir.stat_stream';
COMMENT ON FUNCTION weir.stat_view_raw() IS 'counters of this database''s continuous views; see weir.stat_view';
COMMENT ON FUNCTION weir.stat_worker_raw() IS 'workers of this database; see weir.stat_worker';
COMMENT ON FUNCTION weir.stat_memory_raw() IS 'shared memory of the server, bytes; see weir.stat_memory';

CREATE VIEW weir.stat_stream AS
	SELECT n.nspname AS schema, c.relname AS name, c.oid::regclass AS stream,
		coalesce(s.rows, 0) AS rows, coalesce(s.bytes, 0) AS bytes,
		coalesce(s.batches, 0) AS batches, s.last_arrival, s.stats_reset
	FROM pg_catalog.pg_foreign_table f
	JOIN pg_catalog.pg_foreign_server v ON v.oid = f.ftserver
	JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = v.srvfdw AND w.fdwname = 'weir'
	JOIN pg_catalog.pg_class c ON c.oid = f.ftrelid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN weir.stat_stream_raw() s ON s.stream = c.oid;
COMMENT ON VIEW weir.stat_stream IS 'rows, bytes and batches taken in per stream since the last reset';

CREATE VIEW weir.stat_view AS
	SELECT n.nspname AS schema, c.relname AS name, v.view,
		coalesce(s.rows_in, 0) AS rows_in, coalesce(s.groups_merged, 0) AS groups_merged,
		coalesce(s.rows_written, 0) AS rows_written, coalesce(s.flushes, 0) AS flushes,
		coalesce(s.flush_time, 0) AS flush_time, coalesce(s.errors, 0) AS errors,
		s.last_flush, coalesce(s.freshness, 0) AS freshness, s.stats_reset
	FROM weir.continuous_view v
	JOIN pg_catalog.pg_class c ON c.oid = v.view
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN weir.stat_view_raw() s ON s.def = v.def;
COMMENT ON VIEW weir.stat_view IS 'per continuous view: rows in, groups merged, matrel rows written, flush_time (ms), errors, freshness (ms since the oldest unflushed row came in; 0: all is visible)';

CREATE VIEW weir.stat_worker AS
	SELECT pid, kind, "index", stream::regclass AS stream, started, batches, rows, errors,
		last_error_time, last_error
	FROM weir.stat_worker_raw();
COMMENT ON VIEW weir.stat_worker IS 'workers of this database (pid NULL: being started)';

CREATE VIEW weir.stat_memory AS
	SELECT area, "limit", used, peak FROM weir.stat_memory_raw();
COMMENT ON VIEW weir.stat_memory IS 'shared memory under weir.memory, bytes, for the whole server: queued rows, group tables, total';

GRANT SELECT ON weir.stat_stream, weir.stat_view, weir.stat_worker, weir.stat_memory TO PUBLIC;

CREATE FUNCTION weir.stat_reset() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_stat_reset';
REVOKE ALL ON FUNCTION weir.stat_reset() FROM PUBLIC;
COMMENT ON FUNCTION weir.stat_reset() IS 'sets the counters of this database''s streams and views to zero, and memory peaks to the present use';

CREATE FUNCTION weir.extension_created() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_extension_created';
REVOKE ALL ON FUNCTION weir.extension_created() FROM PUBLIC;
COMMENT ON FUNCTION weir.extension_created() IS 'internal: starts the workers of this database when CREATE EXTENSION commits';

/* -- section: end -- */

SELECT weir.extension_created();
