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

/* -- section: end -- */
