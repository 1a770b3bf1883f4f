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
 * What a dump leaves out: which definitions (OIDs of def views) have a view that
 * is whole in this database.  What a dump restores is not, until the dump says
 * that it is through: the last thing that pg_dump writes is to refresh
 * materialized views, and this one is that of the extension.
 */
CREATE TABLE weir.adopted (
	def oid PRIMARY KEY,
	missing text
);
COMMENT ON TABLE weir.adopted IS 'definitions of continuous views that are whole here, or, with what is missing, of those that are not; restored ones come in when their restore ends';

/*
 * What tables of Weir say of relations: an OID, dumped as a name, as of regclass.
 * A name that is not there becomes a number that is no relation's, with a
 * warning: it must not keep the other rows of a dump out.
 */
CREATE TYPE weir.relation;
CREATE FUNCTION weir.relation_in(cstring) RETURNS weir.relation
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_relation_in';
COMMENT ON FUNCTION weir.relation_in(cstring) IS 'I/O';
CREATE FUNCTION weir.relation_out(weir.relation) RETURNS cstring
	LANGUAGE internal STABLE STRICT PARALLEL SAFE AS 'regclassout';
COMMENT ON FUNCTION weir.relation_out(weir.relation) IS 'I/O';
CREATE FUNCTION weir.relation_recv(internal) RETURNS weir.relation
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'regclassrecv';
COMMENT ON FUNCTION weir.relation_recv(internal) IS 'I/O';
CREATE FUNCTION weir.relation_send(weir.relation) RETURNS bytea
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'regclasssend';
COMMENT ON FUNCTION weir.relation_send(weir.relation) IS 'I/O';
CREATE TYPE weir.relation (
	INPUT = weir.relation_in, OUTPUT = weir.relation_out,
	RECEIVE = weir.relation_recv, SEND = weir.relation_send,
	LIKE = pg_catalog.regclass, CATEGORY = 'N');
COMMENT ON TYPE weir.relation IS 'a relation, as regclass; but a name that is not there is no error, so that dumps of a part of a database restore';
CREATE CAST (weir.relation AS pg_catalog.oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (weir.relation AS pg_catalog.regclass) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (pg_catalog.oid AS weir.relation) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (pg_catalog.regclass AS weir.relation) WITHOUT FUNCTION AS ASSIGNMENT;

/* One row a continuous view. */
CREATE TABLE weir.continuous_view (
	def weir.relation PRIMARY KEY,
	view weir.relation NOT NULL,
	matrel weir.relation NOT NULL,
	"values" weir.relation[] NOT NULL DEFAULT '{}' CHECK (array_position("values", NULL) IS NULL),
	streams weir.relation[] NOT NULL CHECK (cardinality(streams) > 0 AND array_position(streams, NULL) IS NULL),
	state text NOT NULL DEFAULT 'active'
		CHECK (state IN ('active', 'inactive', 'suspended')),
	reason text,
	since timestamptz NOT NULL DEFAULT now(),
	sw interval,
	step interval,
	ttl interval,
	ttl_column name,
	fillfactor integer,
	pk name[] CHECK (array_position(pk, NULL) IS NULL),
	emit text NOT NULL DEFAULT 'changes' CHECK (emit IN ('changes', 'final')),
	late text NOT NULL DEFAULT 'update' CHECK (late IN ('update', 'drop', 'divert')),
	late_stream weir.relation CHECK (late_stream IS NULL OR late = 'divert'),
	allowed_lateness interval NOT NULL DEFAULT '0',
	retention interval,
	partition_by name,
	partition_interval interval,
	generations smallint[],
	replaced timestamptz[],
	start_boot bigint NOT NULL DEFAULT 0,
	start_seq bigint NOT NULL DEFAULT 0,
	created timestamptz NOT NULL DEFAULT now(),
	search_path text NOT NULL DEFAULT 'pg_catalog, pg_temp',
	CHECK ((sw IS NULL) = (step IS NULL)),
	CHECK ((ttl IS NULL) = (ttl_column IS NULL)),
	CHECK ((partition_by IS NULL) = (partition_interval IS NULL))
);
SELECT pg_catalog.pg_extension_config_dump('weir.continuous_view', '');

CREATE MATERIALIZED VIEW weir.restored AS
	SELECT pg_catalog.now() AS at;
SELECT pg_catalog.pg_extension_config_dump('weir.restored', '');
COMMENT ON MATERIALIZED VIEW weir.restored IS 'refreshed by pg_dump at the end of a restore: continuous views that were restored count from then on';

/* -- section: view (functions, views and triggers of continuous views) -- */

REVOKE ALL ON weir.continuous_view FROM PUBLIC;
GRANT SELECT ON weir.continuous_view, weir.adopted, weir.restored TO PUBLIC;
COMMENT ON TABLE weir.continuous_view IS 'continuous views: what each is made of, and its state; see weir.views';

CREATE FUNCTION weir.catalog_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'weir_catalog_changed';
REVOKE ALL ON FUNCTION weir.catalog_changed() FROM PUBLIC;
COMMENT ON FUNCTION weir.catalog_changed() IS 'trigger of weir.continuous_view: tells every process to read it again';

CREATE TRIGGER catalog_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON weir.continuous_view
	FOR EACH STATEMENT EXECUTE FUNCTION weir.catalog_changed();

CREATE FUNCTION weir.refuse_write() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'weir_refuse_write';
COMMENT ON FUNCTION weir.refuse_write() IS 'trigger of materialization tables: refuses INSERT, UPDATE, DELETE and TRUNCATE by statements';

CREATE FUNCTION weir.hash_key(VARIADIC "any") RETURNS integer
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hash_key';
COMMENT ON FUNCTION weir.hash_key("any") IS 'hash of a group key, for the lookup index of a materialization table; equal keys, NULLs included, have equal hashes';

CREATE FUNCTION weir.image(value "any") RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_image';
COMMENT ON FUNCTION weir.image("any") IS 'the bytes of a value: a column of values relations that tells equal values apart where they look different (1.0 and 1.00)';

CREATE FUNCTION weir.times(n bigint) RETURNS SETOF integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 1 AS 'MODULE_PATHNAME', 'weir_times';
COMMENT ON FUNCTION weir.times(bigint) IS 'n rows: a row of a values relation as often as it counts';

CREATE TYPE weir.state;
CREATE FUNCTION weir.state_in(cstring) RETURNS weir.state
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_state_in';
COMMENT ON FUNCTION weir.state_in(cstring) IS 'I/O; for superusers';
CREATE FUNCTION weir.state_out(weir.state) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_state_out';
COMMENT ON FUNCTION weir.state_out(weir.state) IS 'I/O';
CREATE FUNCTION weir.state_recv(internal) RETURNS weir.state
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_state_recv';
COMMENT ON FUNCTION weir.state_recv(internal) IS 'I/O; for superusers';
CREATE FUNCTION weir.state_send(weir.state) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_state_send';
COMMENT ON FUNCTION weir.state_send(weir.state) IS 'I/O';
CREATE TYPE weir.state (
	INPUT = weir.state_in, OUTPUT = weir.state_out,
	RECEIVE = weir.state_recv, SEND = weir.state_send,
	LIKE = pg_catalog.bytea, COLLATABLE = true);
COMMENT ON TYPE weir.state IS 'partial state of an aggregate that keeps it in a form of its own, as serialized by it; only superusers can enter values, as they do to restore a dump';

CREATE FUNCTION weir.finalize(aggregate regprocedure, state "any", result_type anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_finalize';
COMMENT ON FUNCTION weir.finalize(regprocedure, "any", anyelement) IS 'the aggregate''s result of a partial state; the last argument is a NULL of the result''s type';

CREATE FUNCTION weir.finalize(aggregate regprocedure, argument_types regtype[], state "any", result_type anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_finalize';
COMMENT ON FUNCTION weir.finalize(regprocedure, regtype[], "any", anyelement) IS 'the same for an aggregate whose types follow from those of its arguments';

CREATE FUNCTION weir.combine_trans(internal, regprocedure, "any", anyelement) RETURNS internal
	LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'weir_combine_trans';
COMMENT ON FUNCTION weir.combine_trans(internal, regprocedure, "any", anyelement) IS 'transition function of weir.combine';
CREATE FUNCTION weir.combine_final(internal, regprocedure, "any", anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_final';
COMMENT ON FUNCTION weir.combine_final(internal, regprocedure, "any", anyelement) IS 'final function of weir.combine';
CREATE FUNCTION weir.combine_states(internal, internal) RETURNS internal
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_states';
COMMENT ON FUNCTION weir.combine_states(internal, internal) IS 'combine function of weir.combine, for parallel plans';
CREATE FUNCTION weir.combine_serialize(internal) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_serialize';
COMMENT ON FUNCTION weir.combine_serialize(internal) IS 'serial function of weir.combine';
CREATE FUNCTION weir.combine_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_deserialize';
COMMENT ON FUNCTION weir.combine_deserialize(bytea, internal) IS 'deserial function of weir.combine';
CREATE AGGREGATE weir.combine(aggregate regprocedure, state "any", result_type anyelement) (
	SFUNC = weir.combine_trans, STYPE = internal,
	SSPACE = 128, FINALFUNC = weir.combine_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.combine_states,
	SERIALFUNC = weir.combine_serialize, DESERIALFUNC = weir.combine_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine(regprocedure, "any", anyelement) IS 'the aggregate''s result of several partial states taken together; the last argument is a NULL of the result''s type';

CREATE FUNCTION weir.combine_trans(internal, regprocedure, regtype[], "any", anyelement) RETURNS internal
	LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'weir_combine_trans';
COMMENT ON FUNCTION weir.combine_trans(internal, regprocedure, regtype[], "any", anyelement) IS 'transition function of weir.combine';
CREATE FUNCTION weir.combine_final(internal, regprocedure, regtype[], "any", anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_final';
COMMENT ON FUNCTION weir.combine_final(internal, regprocedure, regtype[], "any", anyelement) IS 'final function of weir.combine';
CREATE AGGREGATE weir.combine(aggregate regprocedure, argument_types regtype[], state "any", result_type anyelement) (
	SFUNC = weir.combine_trans, STYPE = internal,
	SSPACE = 128, FINALFUNC = weir.combine_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.combine_states,
	SERIALFUNC = weir.combine_serialize, DESERIALFUNC = weir.combine_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine(regprocedure, regtype[], "any", anyelement) IS 'the same for an aggregate whose types follow from those of its arguments';

CREATE FUNCTION weir.combine_state_trans(internal, regprocedure, anyelement, "any") RETURNS internal
	LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'weir_combine_trans';
COMMENT ON FUNCTION weir.combine_state_trans(internal, regprocedure, anyelement, "any") IS 'transition function of weir.combine_state';
CREATE FUNCTION weir.combine_state_final(internal, regprocedure, anyelement, "any") RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_state_final';
COMMENT ON FUNCTION weir.combine_state_final(internal, regprocedure, anyelement, "any") IS 'final function of weir.combine_state';
CREATE AGGREGATE weir.combine_state(aggregate regprocedure, state anyelement, result_type "any") (
	SFUNC = weir.combine_state_trans, STYPE = internal,
	SSPACE = 128, FINALFUNC = weir.combine_state_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.combine_states,
	SERIALFUNC = weir.combine_serialize, DESERIALFUNC = weir.combine_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine_state(regprocedure, anyelement, "any") IS 'the one partial state that several of an aggregate make; the last argument is a NULL of the type of the aggregate''s result';

CREATE FUNCTION weir.combine_state_trans(internal, regprocedure, regtype[], anyelement, "any") RETURNS internal
	LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'weir_combine_trans';
COMMENT ON FUNCTION weir.combine_state_trans(internal, regprocedure, regtype[], anyelement, "any") IS 'transition function of weir.combine_state';
CREATE FUNCTION weir.combine_state_final(internal, regprocedure, regtype[], anyelement, "any") RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_state_final';
COMMENT ON FUNCTION weir.combine_state_final(internal, regprocedure, regtype[], anyelement, "any") IS 'final function of weir.combine_state';
CREATE AGGREGATE weir.combine_state(aggregate regprocedure, argument_types regtype[], state anyelement, result_type "any") (
	SFUNC = weir.combine_state_trans, STYPE = internal,
	SSPACE = 128, FINALFUNC = weir.combine_state_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.combine_states,
	SERIALFUNC = weir.combine_serialize, DESERIALFUNC = weir.combine_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine_state(regprocedure, regtype[], anyelement, "any") IS 'the same for an aggregate whose types follow from those of its arguments';

CREATE FUNCTION weir.combine_collect_trans(internal, anyarray) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_collect_trans';
COMMENT ON FUNCTION weir.combine_collect_trans(internal, anyarray) IS 'transition function of weir.collect';
CREATE FUNCTION weir.combine_collect_final(internal, anyarray) RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_collect_final';
COMMENT ON FUNCTION weir.combine_collect_final(internal, anyarray) IS 'final function of weir.collect';
CREATE AGGREGATE weir.collect("values" anyarray) (
	SFUNC = weir.combine_collect_trans, STYPE = internal, FINALFUNC = weir.combine_collect_final, FINALFUNC_EXTRA, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.collect(anyarray) IS 'the elements of several arrays as one array; how weir.combine puts the values of groups together';

/* Calls are replaced when a query is planned: see src/read/combine.c. */
CREATE FUNCTION weir.combine_unresolved(anyelement, anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_unresolved';
COMMENT ON FUNCTION weir.combine_unresolved(anyelement, anyelement) IS 'stands for a call of weir.combine until the query is planned; an error when called';
CREATE FUNCTION weir.combine_unresolved(anyelement, "any", anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_unresolved';
COMMENT ON FUNCTION weir.combine_unresolved(anyelement, "any", anyelement) IS 'stands for a call of weir.combine until the query is planned; an error when called';
CREATE FUNCTION weir.combine_unresolved(anyelement) RETURNS anyelement
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_combine_unresolved';
COMMENT ON FUNCTION weir.combine_unresolved(anyelement) IS 'stands for a call of weir.combine until the query is planned; an error when called';
CREATE AGGREGATE weir.combine("column" anyelement) (
	SFUNC = weir.combine_unresolved, STYPE = anyelement, FINALFUNC = weir.combine_unresolved, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine(anyelement) IS 'over an aggregate column of a continuous view: what the aggregate gives for the rows of all its groups taken together; errors for any other argument';
CREATE AGGREGATE weir.combine("column" "any", result_type anyelement) (
	SFUNC = weir.combine_unresolved, STYPE = anyelement, FINALFUNC = weir.combine_unresolved, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.combine("any", anyelement) IS 'the same over a column of states of a materialization table; the last argument is a NULL of the result''s type';

CREATE AGGREGATE weir.add(state bigint) (
	SFUNC = pg_catalog.int8pl, STYPE = bigint, COMBINEFUNC = pg_catalog.int8pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.add(bigint) IS 'weir.combine for states that are added, such as those of count; its result is of the same type';

CREATE AGGREGATE weir.average(state bigint[]) (
	SFUNC = pg_catalog.int4_avg_combine, STYPE = bigint[], FINALFUNC = pg_catalog.int8_avg,
	COMBINEFUNC = pg_catalog.int4_avg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.average(bigint[]) IS 'weir.combine for the states of avg(integer) and avg(smallint)';

CREATE FUNCTION weir.clock() RETURNS timestamptz
	LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_clock';
COMMENT ON FUNCTION weir.clock() IS 'the time that arrival, sliding windows and expiry go by: clock_timestamp(), or the test clock of this database';

CREATE FUNCTION weir.set_clock("time" timestamptz) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_set_clock';
REVOKE ALL ON FUNCTION weir.set_clock(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION weir.set_clock(timestamptz) IS 'for tests: this database''s clock stands still at this time until it is set or advanced again or the server restarts; NULL: the real time';

CREATE FUNCTION weir.advance_clock(by interval) RETURNS timestamptz
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_advance_clock';
REVOKE ALL ON FUNCTION weir.advance_clock(interval) FROM PUBLIC;
COMMENT ON FUNCTION weir.advance_clock(interval) IS 'for tests: moves this database''s test clock, or sets one from the real time on; returns what it shows';

CREATE FUNCTION weir.activate(view regclass) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'weir_activate';
COMMENT ON FUNCTION weir.activate(regclass) IS 'count rows in an inactive or suspended continuous view again, from now on; for its owner';

CREATE FUNCTION weir.deactivate(view regclass) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'weir_deactivate';
COMMENT ON FUNCTION weir.deactivate(regclass) IS 'let rows pass a continuous view by until weir.activate; for its owner';

CREATE FUNCTION weir.truncate(view regclass) RETURNS void
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'weir_truncate';
COMMENT ON FUNCTION weir.truncate(regclass) IS 'empty a continuous view: rows committed before count no more; for its owner';

CREATE FUNCTION weir.set_ttl(view regclass, ttl interval, ttl_column text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_set_ttl';
COMMENT ON FUNCTION weir.set_ttl(regclass, interval, text) IS 'rows of a continuous view are deleted when the time in this column of it is so long ago; NULL, NULL: never; for its owner';

CREATE FUNCTION weir.ttl_expire(view regclass) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_ttl_expire';
COMMENT ON FUNCTION weir.ttl_expire(regclass) IS 'delete what has expired of a continuous view now; returns how many rows; for its owner';

CREATE FUNCTION weir.adopt(OUT definition regclass, OUT view regclass, OUT missing text) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_adopt';
REVOKE ALL ON FUNCTION weir.adopt() FROM PUBLIC;
COMMENT ON FUNCTION weir.adopt() IS 'the restore is over: what is whole of continuous views that were restored counts from now on; returns a row for each, with what is missing of those that are not';

CREATE FUNCTION weir.view_troubles_raw(OUT def oid, OUT waits_for text, OUT blocked_by integer[], OUT waits_since timestamptz,
	OUT set_aside bigint, OUT trouble text, OUT trouble_since timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_view_troubles';
COMMENT ON FUNCTION weir.view_troubles_raw() IS 'what stands in the way of continuous views of this database; see weir.views';

CREATE VIEW weir.views AS
	SELECT n.nspname AS schema, c.relname AS name, c.oid::pg_catalog.regclass AS view, v.matrel::pg_catalog.regclass,
		v."values"::pg_catalog.regclass[], v.def::pg_catalog.regclass,
		v.streams::pg_catalog.regclass[], pg_catalog.pg_get_userbyid(c.relowner) AS owner,
		CASE WHEN a.def IS NULL THEN 'restoring' WHEN a.missing IS NOT NULL THEN 'incomplete' ELSE v.state END AS state,
		coalesce(a.missing, v.reason) AS reason, v.since, t.waits_for, t.blocked_by, t.waits_since, t.set_aside,
		t.trouble, t.trouble_since,
		v.sw, v.step, v.ttl, v.ttl_column, v.fillfactor, v.pk,
		v.emit, v.late, v.late_stream::pg_catalog.regclass, v.allowed_lateness, v.retention,
		v.partition_by, v.partition_interval, v.created, v.search_path,
		(SELECT pg_catalog.jsonb_object_agg(a.attname, v.replaced[g.generation])
		 FROM pg_catalog.pg_attribute a, LATERAL (
			SELECT pg_catalog.max(i) AS generation FROM pg_catalog.generate_subscripts(v.generations, 1) i
			WHERE a.attnum OPERATOR(pg_catalog.>) v.generations[i]) g
		 WHERE a.attrelid OPERATOR(pg_catalog.=) v.view::pg_catalog.oid
			AND a.attnum OPERATOR(pg_catalog.>) v.generations[1]) AS added_columns,
		pg_catalog.pg_get_viewdef(v.def, true) AS query
	FROM weir.continuous_view v
		LEFT JOIN weir.adopted a ON a.def OPERATOR(pg_catalog.=) v.def
		LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) v.view
		LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		LEFT JOIN weir.view_troubles_raw() t ON t.def OPERATOR(pg_catalog.=) v.def;
GRANT SELECT ON weir.views TO PUBLIC;
COMMENT ON VIEW weir.views IS 'continuous views with their state, options and query';

CREATE VIEW weir.streams AS
	SELECT n.nspname AS schema, c.relname AS name, c.oid::regclass AS stream,
		s.srvname AS server, pg_catalog.pg_get_userbyid(c.relowner) AS owner,
		CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_options_to_table(s.srvoptions) o
						  WHERE o.option_name OPERATOR(pg_catalog.=) 'bootstrap_servers')
			THEN 'kafka' ELSE 'insert' END AS kind,
		(SELECT o.option_value FROM pg_catalog.pg_options_to_table(t.ftoptions) o
		 WHERE o.option_name OPERATOR(pg_catalog.=) 'topic') AS topic,
		t.ftoptions AS options
	FROM pg_catalog.pg_foreign_table t
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.ftrelid
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		JOIN pg_catalog.pg_foreign_server s ON s.oid OPERATOR(pg_catalog.=) t.ftserver
		JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw
	WHERE w.fdwname OPERATOR(pg_catalog.=) 'weir';
GRANT SELECT ON weir.streams TO PUBLIC;
COMMENT ON VIEW weir.streams IS 'streams: foreign tables of the weir wrapper, fed by INSERT or from Kafka';

/* ------------------------------------------------------------------------
 * Windows of time
 * ------------------------------------------------------------------------ */

CREATE TYPE weir.time_window AS (window_start timestamptz, window_end timestamptz);
COMMENT ON TYPE weir.time_window IS 'a window of time: from window_start on, up to and without window_end';
CREATE TYPE weir.local_window AS (window_start timestamp, window_end timestamp);
COMMENT ON TYPE weir.local_window IS 'the same without time zone';

/* What days and months are depends on the time zone: those with one are stable. */
CREATE FUNCTION weir.tumble(ts timestamptz, size interval, "offset" interval DEFAULT '0', zone text DEFAULT NULL) RETURNS weir.time_window
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tumble';
COMMENT ON FUNCTION weir.tumble(timestamptz, interval, interval, text) IS 'the window of this size that holds a time';
CREATE FUNCTION weir.tumble(ts timestamp, size interval, "offset" interval DEFAULT '0') RETURNS weir.local_window
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tumble';
COMMENT ON FUNCTION weir.tumble(timestamp, interval, interval) IS 'the window of this size that holds a time';

CREATE FUNCTION weir.hop(ts timestamptz, slide interval, size interval, "offset" interval DEFAULT '0', zone text DEFAULT NULL) RETURNS SETOF weir.time_window
	LANGUAGE c STABLE PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'weir_hop';
COMMENT ON FUNCTION weir.hop(timestamptz, interval, interval, interval, text) IS 'the windows of this size, one beginning each slide, that hold a time; no row for NULL';
CREATE FUNCTION weir.hop(ts timestamp, slide interval, size interval, "offset" interval DEFAULT '0') RETURNS SETOF weir.local_window
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'weir_hop';
COMMENT ON FUNCTION weir.hop(timestamp, interval, interval, interval) IS 'the windows of this size, one beginning each slide, that hold a time; no row for NULL';

CREATE FUNCTION weir.cumulate(ts timestamptz, step interval, max interval, "offset" interval DEFAULT '0', zone text DEFAULT NULL) RETURNS SETOF weir.time_window
	LANGUAGE c STABLE PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'weir_cumulate';
COMMENT ON FUNCTION weir.cumulate(timestamptz, interval, interval, interval, text) IS 'the windows that begin each max, and end each step after that, and hold a time; no row for NULL';
CREATE FUNCTION weir.cumulate(ts timestamp, step interval, max interval, "offset" interval DEFAULT '0') RETURNS SETOF weir.local_window
	LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'weir_cumulate';
COMMENT ON FUNCTION weir.cumulate(timestamp, interval, interval, interval) IS 'the windows that begin each max, and end each step after that, and hold a time; no row for NULL';

CREATE FUNCTION weir.session(ts timestamptz, gap interval) RETURNS SETOF weir.time_window
	LANGUAGE c STABLE PARALLEL SAFE ROWS 1 AS 'MODULE_PATHNAME', 'weir_session';
COMMENT ON FUNCTION weir.session(timestamptz, interval) IS 'in a continuous view: the session that a row is part of: rows of a group with less than the gap between one and the next; window_end is a gap after the last';
CREATE FUNCTION weir.session(ts timestamp, gap interval) RETURNS SETOF weir.local_window
	LANGUAGE c STABLE PARALLEL SAFE ROWS 1 AS 'MODULE_PATHNAME', 'weir_session';
COMMENT ON FUNCTION weir.session(timestamp, interval) IS 'in a continuous view: the session that a row is part of: rows of a group with less than the gap between one and the next; window_end is a gap after the last';

CREATE FUNCTION weir.session_start(earliest timestamptz, latest timestamptz, gap interval) RETURNS timestamptz
	LANGUAGE c WINDOW IMMUTABLE AS 'MODULE_PATHNAME', 'weir_session_start';
COMMENT ON FUNCTION weir.session_start(timestamptz, timestamptz, interval) IS 'window function: where the session begins that the current row''s times are part of';
CREATE FUNCTION weir.session_start(earliest timestamp, latest timestamp, gap interval) RETURNS timestamp
	LANGUAGE c WINDOW IMMUTABLE AS 'MODULE_PATHNAME', 'weir_session_start';
COMMENT ON FUNCTION weir.session_start(timestamp, timestamp, interval) IS 'window function: where the session begins that the current row''s times are part of';

CREATE FUNCTION weir.time_bucket(size interval, ts timestamptz, "offset" interval DEFAULT '0', zone text DEFAULT NULL) RETURNS timestamptz
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_time_bucket';
COMMENT ON FUNCTION weir.time_bucket(interval, timestamptz, interval, text) IS 'where the window of this size that holds a time begins';
CREATE FUNCTION weir.time_bucket(size interval, ts timestamp, "offset" interval DEFAULT '0') RETURNS timestamp
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_time_bucket';
COMMENT ON FUNCTION weir.time_bucket(interval, timestamp, interval) IS 'where the window of this size that holds a time begins';

CREATE FUNCTION weir.bucket_end(ts timestamptz, size interval, "offset" interval, zone text) RETURNS timestamptz
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_end';
COMMENT ON FUNCTION weir.bucket_end(timestamptz, interval, interval, text) IS 'where the window of this size that holds a time ends';
CREATE FUNCTION weir.bucket_end(ts timestamp, size interval, "offset" interval) RETURNS timestamp
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_end';
COMMENT ON FUNCTION weir.bucket_end(timestamp, interval, interval) IS 'where the window of this size that holds a time ends';

/* ------------------------------------------------------------------------
 * Aggregates in the place of those that PostgreSQL cannot combine
 *
 * CREATE VIEW chooses them where a query names array_agg, string_agg ...
 * States are values that a dump restores by their types' own input functions.
 * ------------------------------------------------------------------------ */

/* -- section: agg -- */

/* Of another name: beside pg_catalog.array_agg no call would be unique where weir is in search_path. */
CREATE AGGREGATE weir.array_agg_elements(anycompatible) (
	SFUNC = pg_catalog.array_append, STYPE = anycompatiblearray, COMBINEFUNC = pg_catalog.array_cat, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.array_agg_elements(anycompatible) IS 'array_agg in continuous views';

CREATE FUNCTION weir.array_agg_trans(anyarray, anyarray) RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_array_agg_trans';
COMMENT ON FUNCTION weir.array_agg_trans(anyarray, anyarray) IS 'transition function of weir.array_agg(anyarray)';

CREATE FUNCTION weir.array_agg_combine(anyarray, anyarray) RETURNS anyarray
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_array_agg_combine';
COMMENT ON FUNCTION weir.array_agg_combine(anyarray, anyarray) IS 'combine function of weir.array_agg(anyarray)';

CREATE AGGREGATE weir.array_agg(anyarray) (
	SFUNC = weir.array_agg_trans, STYPE = anyarray, COMBINEFUNC = weir.array_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.array_agg(anyarray) IS 'array_agg of arrays in continuous views';

CREATE FUNCTION weir.string_agg_trans(text, text, text) RETURNS text
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_string_agg_trans';
COMMENT ON FUNCTION weir.string_agg_trans(text, text, text) IS 'transition function of weir.string_agg(text, text)';

CREATE FUNCTION weir.string_agg_combine(text, text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_string_agg_combine';
COMMENT ON FUNCTION weir.string_agg_combine(text, text) IS 'combine function of weir.string_agg(text, text)';

CREATE FUNCTION weir.string_agg_final(text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_string_agg_final';
COMMENT ON FUNCTION weir.string_agg_final(text) IS 'final function of weir.string_agg(text, text)';

CREATE AGGREGATE weir.string_agg(text, text) (
	SFUNC = weir.string_agg_trans, STYPE = text, FINALFUNC = weir.string_agg_final, COMBINEFUNC = weir.string_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.string_agg(text, text) IS 'string_agg in continuous views';

CREATE FUNCTION weir.string_agg_trans(bytea, bytea, bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bytea_agg_trans';
COMMENT ON FUNCTION weir.string_agg_trans(bytea, bytea, bytea) IS 'transition function of weir.string_agg(bytea, bytea)';

CREATE FUNCTION weir.string_agg_combine(bytea, bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bytea_agg_combine';
COMMENT ON FUNCTION weir.string_agg_combine(bytea, bytea) IS 'combine function of weir.string_agg(bytea, bytea)';

CREATE FUNCTION weir.string_agg_final(bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bytea_agg_final';
COMMENT ON FUNCTION weir.string_agg_final(bytea) IS 'final function of weir.string_agg(bytea, bytea)';

CREATE AGGREGATE weir.string_agg(bytea, bytea) (
	SFUNC = weir.string_agg_trans, STYPE = bytea, FINALFUNC = weir.string_agg_final, COMBINEFUNC = weir.string_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.string_agg(bytea, bytea) IS 'string_agg in continuous views';

CREATE FUNCTION weir.json_agg_trans(json, anyelement) RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_agg_trans';
COMMENT ON FUNCTION weir.json_agg_trans(json, anyelement) IS 'transition function of weir.json_agg';

CREATE FUNCTION weir.json_agg_combine(json, json) RETURNS json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_agg_combine';
COMMENT ON FUNCTION weir.json_agg_combine(json, json) IS 'combine function of weir.json_agg';

CREATE AGGREGATE weir.json_agg(anyelement) (
	SFUNC = weir.json_agg_trans, STYPE = json, COMBINEFUNC = weir.json_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_agg(anyelement) IS 'json_agg in continuous views, of values that are neither composite nor arrays';

CREATE FUNCTION weir.json_agg_strict_trans(json, anyelement) RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_agg_strict_trans';
COMMENT ON FUNCTION weir.json_agg_strict_trans(json, anyelement) IS 'transition function of weir.json_agg_strict';

CREATE AGGREGATE weir.json_agg_strict(anyelement) (
	SFUNC = weir.json_agg_strict_trans, STYPE = json, COMBINEFUNC = weir.json_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_agg_strict(anyelement) IS 'json_agg_strict in continuous views, of values that are neither composite nor arrays';

CREATE FUNCTION weir.json_agg_lines_trans(json, anyelement) RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_lines_trans';
COMMENT ON FUNCTION weir.json_agg_lines_trans(json, anyelement) IS 'transition function of weir.json_agg_lines';

CREATE FUNCTION weir.json_agg_lines_combine(json, json) RETURNS json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_lines_combine';
COMMENT ON FUNCTION weir.json_agg_lines_combine(json, json) IS 'combine function of weir.json_agg_lines';

CREATE AGGREGATE weir.json_agg_lines(anyelement) (
	SFUNC = weir.json_agg_lines_trans, STYPE = json, COMBINEFUNC = weir.json_agg_lines_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_agg_lines(anyelement) IS 'json_agg in continuous views, of composite values and arrays';

CREATE FUNCTION weir.json_agg_lines_strict_trans(json, anyelement) RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_lines_strict_trans';
COMMENT ON FUNCTION weir.json_agg_lines_strict_trans(json, anyelement) IS 'transition function of weir.json_agg_lines_strict';

CREATE AGGREGATE weir.json_agg_lines_strict(anyelement) (
	SFUNC = weir.json_agg_lines_strict_trans, STYPE = json, COMBINEFUNC = weir.json_agg_lines_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_agg_lines_strict(anyelement) IS 'json_agg_strict in continuous views, of composite values and arrays';

CREATE FUNCTION weir.jsonb_agg_trans(jsonb, anyelement) RETURNS jsonb
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_agg_trans';
COMMENT ON FUNCTION weir.jsonb_agg_trans(jsonb, anyelement) IS 'transition function of weir.jsonb_agg';

CREATE FUNCTION weir.jsonb_agg_combine(jsonb, jsonb) RETURNS jsonb
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_agg_combine';
COMMENT ON FUNCTION weir.jsonb_agg_combine(jsonb, jsonb) IS 'combine function of weir.jsonb_agg';

CREATE AGGREGATE weir.jsonb_agg(anyelement) (
	SFUNC = weir.jsonb_agg_trans, STYPE = jsonb, COMBINEFUNC = weir.jsonb_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.jsonb_agg(anyelement) IS 'jsonb_agg in continuous views';

CREATE FUNCTION weir.jsonb_agg_strict_trans(jsonb, anyelement) RETURNS jsonb
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_agg_strict_trans';
COMMENT ON FUNCTION weir.jsonb_agg_strict_trans(jsonb, anyelement) IS 'transition function of weir.jsonb_agg_strict';

CREATE AGGREGATE weir.jsonb_agg_strict(anyelement) (
	SFUNC = weir.jsonb_agg_strict_trans, STYPE = jsonb, COMBINEFUNC = weir.jsonb_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.jsonb_agg_strict(anyelement) IS 'jsonb_agg_strict in continuous views';

CREATE FUNCTION weir.json_object_agg_trans(json, "any", "any") RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_object_trans';
COMMENT ON FUNCTION weir.json_object_agg_trans(json, "any", "any") IS 'transition function of weir.json_object_agg';

CREATE FUNCTION weir.json_object_agg_combine(json, json) RETURNS json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_object_combine';
COMMENT ON FUNCTION weir.json_object_agg_combine(json, json) IS 'combine function of weir.json_object_agg';

CREATE AGGREGATE weir.json_object_agg("any", "any") (
	SFUNC = weir.json_object_agg_trans, STYPE = json, COMBINEFUNC = weir.json_object_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_object_agg("any", "any") IS 'json_object_agg in continuous views';

CREATE FUNCTION weir.json_object_agg_strict_trans(json, "any", "any") RETURNS json
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_object_strict_trans';
COMMENT ON FUNCTION weir.json_object_agg_strict_trans(json, "any", "any") IS 'transition function of weir.json_object_agg_strict';

CREATE AGGREGATE weir.json_object_agg_strict("any", "any") (
	SFUNC = weir.json_object_agg_strict_trans, STYPE = json, COMBINEFUNC = weir.json_object_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_object_agg_strict("any", "any") IS 'json_object_agg_strict in continuous views';

CREATE FUNCTION weir.jsonb_object_agg_trans(jsonb, "any", "any") RETURNS jsonb
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_object_trans';
COMMENT ON FUNCTION weir.jsonb_object_agg_trans(jsonb, "any", "any") IS 'transition function of weir.jsonb_object_agg';

CREATE FUNCTION weir.jsonb_object_agg_combine(jsonb, jsonb) RETURNS jsonb
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_object_combine';
COMMENT ON FUNCTION weir.jsonb_object_agg_combine(jsonb, jsonb) IS 'combine function of weir.jsonb_object_agg';

CREATE AGGREGATE weir.jsonb_object_agg("any", "any") (
	SFUNC = weir.jsonb_object_agg_trans, STYPE = jsonb, COMBINEFUNC = weir.jsonb_object_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.jsonb_object_agg("any", "any") IS 'jsonb_object_agg in continuous views';

CREATE FUNCTION weir.jsonb_object_agg_strict_trans(jsonb, "any", "any") RETURNS jsonb
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_jsonb_object_strict_trans';
COMMENT ON FUNCTION weir.jsonb_object_agg_strict_trans(jsonb, "any", "any") IS 'transition function of weir.jsonb_object_agg_strict';

CREATE AGGREGATE weir.jsonb_object_agg_strict("any", "any") (
	SFUNC = weir.jsonb_object_agg_strict_trans, STYPE = jsonb, COMBINEFUNC = weir.jsonb_object_agg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.jsonb_object_agg_strict("any", "any") IS 'jsonb_object_agg_strict in continuous views';

CREATE FUNCTION weir.xmlagg_trans(xml, xml) RETURNS xml
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_xml_agg_trans';
COMMENT ON FUNCTION weir.xmlagg_trans(xml, xml) IS 'transition function of weir.xmlagg';

CREATE FUNCTION weir.xmlagg_combine(xml, xml) RETURNS xml
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_xml_agg_combine';
COMMENT ON FUNCTION weir.xmlagg_combine(xml, xml) IS 'combine function of weir.xmlagg';

CREATE AGGREGATE weir.xmlagg(xml) (
	SFUNC = weir.xmlagg_trans, STYPE = xml, COMBINEFUNC = weir.xmlagg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.xmlagg(xml) IS 'xmlagg in continuous views';

CREATE FUNCTION weir.interval_trans(interval[], interval) RETURNS interval[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_interval_trans';
COMMENT ON FUNCTION weir.interval_trans(interval[], interval) IS 'transition function of weir.avg(interval) and weir.sum(interval)';

CREATE FUNCTION weir.interval_combine(interval[], interval[]) RETURNS interval[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_interval_combine';
COMMENT ON FUNCTION weir.interval_combine(interval[], interval[]) IS 'combine function of weir.avg(interval) and weir.sum(interval)';

CREATE FUNCTION weir.interval_avg_final(interval[]) RETURNS interval
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_interval_avg';
COMMENT ON FUNCTION weir.interval_avg_final(interval[]) IS 'final function of weir.avg(interval)';

CREATE FUNCTION weir.interval_sum_final(interval[]) RETURNS interval
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_interval_sum';
COMMENT ON FUNCTION weir.interval_sum_final(interval[]) IS 'final function of weir.sum(interval)';

CREATE AGGREGATE weir.avg(interval) (
	SFUNC = weir.interval_trans, STYPE = interval[], INITCOND = '{0,0}', FINALFUNC = weir.interval_avg_final,
	COMBINEFUNC = weir.interval_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.avg(interval) IS 'avg of intervals in continuous views';

CREATE AGGREGATE weir.sum(interval) (
	SFUNC = weir.interval_trans, STYPE = interval[], INITCOND = '{0,0}', FINALFUNC = weir.interval_sum_final,
	COMBINEFUNC = weir.interval_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.sum(interval) IS 'sum of intervals in continuous views';

-- The state is the result.  A range comes as a multirange of one.
CREATE AGGREGATE weir.range_agg(anymultirange) (
	SFUNC = pg_catalog.multirange_union, STYPE = anymultirange, COMBINEFUNC = pg_catalog.multirange_union, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.range_agg(anymultirange) IS 'range_agg in continuous views';

/* ------------------------------------------------------------------------
 * Aggregates of Weir's own
 * ------------------------------------------------------------------------ */

CREATE FUNCTION weir.top_serialize(internal) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_serialize';
COMMENT ON FUNCTION weir.top_serialize(internal) IS 'serial function of weir.first, weir.last, weir.keyed_min, weir.keyed_max, weir.first_values, weir.top_n';

CREATE FUNCTION weir.first_trans(internal, anyelement, "any") RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_trans';
COMMENT ON FUNCTION weir.first_trans(internal, anyelement, "any") IS 'transition function of weir.first(anyelement, "any")';

CREATE FUNCTION weir.first_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_combine';
COMMENT ON FUNCTION weir.first_combine(internal, internal) IS 'combine function of weir.first(anyelement, "any")';

CREATE FUNCTION weir.first_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_deserialize';
COMMENT ON FUNCTION weir.first_deserialize(bytea, internal) IS 'deserial function of weir.first(anyelement, "any")';

CREATE FUNCTION weir.top_value_final(internal, anyelement, "any") RETURNS anyelement
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_value';
COMMENT ON FUNCTION weir.top_value_final(internal, anyelement, "any") IS 'final function of weir.first and others';

CREATE AGGREGATE weir.first(value anyelement, by "any") (
	SFUNC = weir.first_trans, STYPE = internal, FINALFUNC = weir.top_value_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.first_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.first_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.first(anyelement, "any") IS 'the value of the row with the smallest by; of several, the one that arrived first';

CREATE FUNCTION weir.last_trans(internal, anyelement, "any") RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_last_trans';
COMMENT ON FUNCTION weir.last_trans(internal, anyelement, "any") IS 'transition function of weir.last(anyelement, "any")';

CREATE FUNCTION weir.last_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_last_combine';
COMMENT ON FUNCTION weir.last_combine(internal, internal) IS 'combine function of weir.last(anyelement, "any")';

CREATE FUNCTION weir.last_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_last_deserialize';
COMMENT ON FUNCTION weir.last_deserialize(bytea, internal) IS 'deserial function of weir.last(anyelement, "any")';

CREATE AGGREGATE weir.last(value anyelement, by "any") (
	SFUNC = weir.last_trans, STYPE = internal, FINALFUNC = weir.top_value_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.last_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.last_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.last(anyelement, "any") IS 'the value of the row with the greatest by; of several, the one that arrived last';

CREATE FUNCTION weir.keyed_min_trans(internal, "any", anyelement) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_min_trans';
COMMENT ON FUNCTION weir.keyed_min_trans(internal, "any", anyelement) IS 'transition function of weir.keyed_min("any", anyelement)';

CREATE FUNCTION weir.keyed_min_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_min_combine';
COMMENT ON FUNCTION weir.keyed_min_combine(internal, internal) IS 'combine function of weir.keyed_min("any", anyelement)';

CREATE FUNCTION weir.keyed_min_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_min_deserialize';
COMMENT ON FUNCTION weir.keyed_min_deserialize(bytea, internal) IS 'deserial function of weir.keyed_min("any", anyelement)';

CREATE FUNCTION weir.top_value_final(internal, "any", anyelement) RETURNS anyelement
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_value';
COMMENT ON FUNCTION weir.top_value_final(internal, "any", anyelement) IS 'final function of weir.keyed_min and others';

CREATE AGGREGATE weir.keyed_min(key "any", value anyelement) (
	SFUNC = weir.keyed_min_trans, STYPE = internal, FINALFUNC = weir.top_value_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.keyed_min_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.keyed_min_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.keyed_min("any", anyelement) IS 'the value of the row with the smallest key; of several, the one that arrived first';

CREATE FUNCTION weir.keyed_max_trans(internal, "any", anyelement) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_max_trans';
COMMENT ON FUNCTION weir.keyed_max_trans(internal, "any", anyelement) IS 'transition function of weir.keyed_max("any", anyelement)';

CREATE FUNCTION weir.keyed_max_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_max_combine';
COMMENT ON FUNCTION weir.keyed_max_combine(internal, internal) IS 'combine function of weir.keyed_max("any", anyelement)';

CREATE FUNCTION weir.keyed_max_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_keyed_max_deserialize';
COMMENT ON FUNCTION weir.keyed_max_deserialize(bytea, internal) IS 'deserial function of weir.keyed_max("any", anyelement)';

CREATE AGGREGATE weir.keyed_max(key "any", value anyelement) (
	SFUNC = weir.keyed_max_trans, STYPE = internal, FINALFUNC = weir.top_value_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.keyed_max_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.keyed_max_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.keyed_max("any", anyelement) IS 'the value of the row with the greatest key; of several, the one that arrived last';

CREATE FUNCTION weir.first_values_trans(internal, integer, anyelement, "any") RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_trans';
COMMENT ON FUNCTION weir.first_values_trans(internal, integer, anyelement, "any") IS 'transition function of weir.first_values(integer, anyelement, "any")';

CREATE FUNCTION weir.first_values_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_combine';
COMMENT ON FUNCTION weir.first_values_combine(internal, internal) IS 'combine function of weir.first_values(integer, anyelement, "any")';

CREATE FUNCTION weir.first_values_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_deserialize';
COMMENT ON FUNCTION weir.first_values_deserialize(bytea, internal) IS 'deserial function of weir.first_values(integer, anyelement, "any")';

CREATE FUNCTION weir.top_values_final(internal, integer, anyelement, "any") RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_values';
COMMENT ON FUNCTION weir.top_values_final(internal, integer, anyelement, "any") IS 'final function of weir.first_values and others';

CREATE AGGREGATE weir.first_values(n integer, value anyelement, by "any") (
	SFUNC = weir.first_values_trans, STYPE = internal, FINALFUNC = weir.top_values_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.first_values_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.first_values_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.first_values(integer, anyelement, "any") IS 'array of the values of the n rows with the smallest by, in its order';

CREATE FUNCTION weir.first_values_self_trans(internal, integer, anyelement) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_self_trans';
COMMENT ON FUNCTION weir.first_values_self_trans(internal, integer, anyelement) IS 'transition function of weir.first_values(integer, anyelement)';

CREATE FUNCTION weir.first_values_self_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_self_combine';
COMMENT ON FUNCTION weir.first_values_self_combine(internal, internal) IS 'combine function of weir.first_values(integer, anyelement)';

CREATE FUNCTION weir.first_values_self_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_first_values_self_deserialize';
COMMENT ON FUNCTION weir.first_values_self_deserialize(bytea, internal) IS 'deserial function of weir.first_values(integer, anyelement)';

CREATE FUNCTION weir.top_values_final(internal, integer, anyelement) RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_values';
COMMENT ON FUNCTION weir.top_values_final(internal, integer, anyelement) IS 'final function of weir.first_values and others';

CREATE AGGREGATE weir.first_values(n integer, value anyelement) (
	SFUNC = weir.first_values_self_trans, STYPE = internal, FINALFUNC = weir.top_values_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.first_values_self_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.first_values_self_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.first_values(integer, anyelement) IS 'array of the n smallest values, in their order';

CREATE FUNCTION weir.top_n_trans(internal, integer, anyelement, "any") RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_trans';
COMMENT ON FUNCTION weir.top_n_trans(internal, integer, anyelement, "any") IS 'transition function of weir.top_n(integer, anyelement, "any")';

CREATE FUNCTION weir.top_n_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_combine';
COMMENT ON FUNCTION weir.top_n_combine(internal, internal) IS 'combine function of weir.top_n(integer, anyelement, "any")';

CREATE FUNCTION weir.top_n_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_deserialize';
COMMENT ON FUNCTION weir.top_n_deserialize(bytea, internal) IS 'deserial function of weir.top_n(integer, anyelement, "any")';

CREATE AGGREGATE weir.top_n(n integer, value anyelement, by "any") (
	SFUNC = weir.top_n_trans, STYPE = internal, FINALFUNC = weir.top_values_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.top_n_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.top_n_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.top_n(integer, anyelement, "any") IS 'array of the values of the n rows with the greatest by, greatest first';

CREATE FUNCTION weir.top_n_self_trans(internal, integer, anyelement) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_self_trans';
COMMENT ON FUNCTION weir.top_n_self_trans(internal, integer, anyelement) IS 'transition function of weir.top_n(integer, anyelement)';

CREATE FUNCTION weir.top_n_self_combine(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_self_combine';
COMMENT ON FUNCTION weir.top_n_self_combine(internal, internal) IS 'combine function of weir.top_n(integer, anyelement)';

CREATE FUNCTION weir.top_n_self_deserialize(bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_top_n_self_deserialize';
COMMENT ON FUNCTION weir.top_n_self_deserialize(bytea, internal) IS 'deserial function of weir.top_n(integer, anyelement)';

CREATE AGGREGATE weir.top_n(n integer, value anyelement) (
	SFUNC = weir.top_n_self_trans, STYPE = internal, FINALFUNC = weir.top_values_final, FINALFUNC_EXTRA, COMBINEFUNC = weir.top_n_self_combine,
	SERIALFUNC = weir.top_serialize, DESERIALFUNC = weir.top_n_self_deserialize, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.top_n(integer, anyelement) IS 'array of the n greatest values, greatest first';

/* ------------------------------------------------------------------------
 * Sketches: answers about many values from little memory
 * ------------------------------------------------------------------------ */

/* -- section: sketch -- */


CREATE TYPE weir.hyperloglog;

CREATE FUNCTION weir.hyperloglog_in(cstring) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_in';
COMMENT ON FUNCTION weir.hyperloglog_in(cstring) IS 'I/O';

CREATE FUNCTION weir.hyperloglog_out(weir.hyperloglog) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_out';
COMMENT ON FUNCTION weir.hyperloglog_out(weir.hyperloglog) IS 'I/O';

CREATE FUNCTION weir.hyperloglog_recv(internal) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_recv';
COMMENT ON FUNCTION weir.hyperloglog_recv(internal) IS 'I/O';

CREATE FUNCTION weir.hyperloglog_send(weir.hyperloglog) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_send';
COMMENT ON FUNCTION weir.hyperloglog_send(weir.hyperloglog) IS 'I/O';

CREATE TYPE weir.hyperloglog (
	INPUT = weir.hyperloglog_in, OUTPUT = weir.hyperloglog_out, RECEIVE = weir.hyperloglog_recv, SEND = weir.hyperloglog_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.hyperloglog IS 'HyperLogLog sketch: how many different values there are';

CREATE FUNCTION weir.hll_empty() RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_empty';
COMMENT ON FUNCTION weir.hll_empty() IS 'a sketch of no values, with p = 14';

CREATE FUNCTION weir.hll_empty(p integer) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_empty';
COMMENT ON FUNCTION weir.hll_empty(p integer) IS 'a sketch of no values; 2^p registers, p from 4 to 18';

CREATE FUNCTION weir.hll_add(sketch weir.hyperloglog, value "any") RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_add';
COMMENT ON FUNCTION weir.hll_add(sketch weir.hyperloglog, value "any") IS 'the sketch with a value more';

CREATE FUNCTION weir.hll_union(VARIADIC sketches weir.hyperloglog[]) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_union';
COMMENT ON FUNCTION weir.hll_union(VARIADIC sketches weir.hyperloglog[]) IS 'the sketch of the values of all; they must have the same p';

CREATE FUNCTION weir.hll_cardinality(sketch weir.hyperloglog) RETURNS bigint
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_cardinality';
COMMENT ON FUNCTION weir.hll_cardinality(sketch weir.hyperloglog) IS 'how many different values a sketch has seen, about; of NULL 0';

CREATE FUNCTION weir.hll_trans(weir.hyperloglog, anyelement) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_trans';
COMMENT ON FUNCTION weir.hll_trans(weir.hyperloglog, anyelement) IS 'transition function of weir.hll_agg';

CREATE FUNCTION weir.hll_trans(weir.hyperloglog, anyelement, integer) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_trans';
COMMENT ON FUNCTION weir.hll_trans(weir.hyperloglog, anyelement, integer) IS 'transition function of weir.hll_agg';

CREATE FUNCTION weir.hll_combine(weir.hyperloglog, weir.hyperloglog) RETURNS weir.hyperloglog
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_hll_combine';
COMMENT ON FUNCTION weir.hll_combine(weir.hyperloglog, weir.hyperloglog) IS 'combine function of weir.hll_agg';

CREATE AGGREGATE weir.hll_agg(anyelement) (
	SFUNC = weir.hll_trans, STYPE = weir.hyperloglog, COMBINEFUNC = weir.hll_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.hll_agg(anyelement) IS 'HyperLogLog sketch of the values, with p = 14';

CREATE AGGREGATE weir.hll_agg(anyelement, integer) (
	SFUNC = weir.hll_trans, STYPE = weir.hyperloglog, COMBINEFUNC = weir.hll_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.hll_agg(anyelement, integer) IS 'HyperLogLog sketch of the values with 2^p registers';

CREATE AGGREGATE weir.hll_union_agg(weir.hyperloglog) (
	SFUNC = weir.hll_combine, STYPE = weir.hyperloglog, COMBINEFUNC = weir.hll_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.hll_union_agg(weir.hyperloglog) IS 'the sketch of the values of all';

CREATE AGGREGATE weir.approx_count_distinct(anyelement) (
	SFUNC = weir.hll_trans, STYPE = weir.hyperloglog, FINALFUNC = weir.hll_cardinality, COMBINEFUNC = weir.hll_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.approx_count_distinct(anyelement) IS 'how many different values, with a standard error of 0.81 percent';

CREATE AGGREGATE weir.hll_count_distinct(anyelement) (
	SFUNC = weir.hll_trans, STYPE = weir.hyperloglog, FINALFUNC = weir.hll_cardinality, COMBINEFUNC = weir.hll_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.hll_count_distinct(anyelement) IS 'weir.approx_count_distinct under the name that PipelineDB has for it';

CREATE TYPE weir.bloom;

CREATE FUNCTION weir.bloom_in(cstring) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_in';
COMMENT ON FUNCTION weir.bloom_in(cstring) IS 'I/O';

CREATE FUNCTION weir.bloom_out(weir.bloom) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_sketch_out';
COMMENT ON FUNCTION weir.bloom_out(weir.bloom) IS 'I/O';

CREATE FUNCTION weir.bloom_recv(internal) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_recv';
COMMENT ON FUNCTION weir.bloom_recv(internal) IS 'I/O';

CREATE FUNCTION weir.bloom_send(weir.bloom) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_sketch_send';
COMMENT ON FUNCTION weir.bloom_send(weir.bloom) IS 'I/O';

CREATE TYPE weir.bloom (
	INPUT = weir.bloom_in, OUTPUT = weir.bloom_out, RECEIVE = weir.bloom_recv, SEND = weir.bloom_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.bloom IS 'Bloom filter: has a value been seen';

CREATE FUNCTION weir.bloom_empty() RETURNS weir.bloom
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_empty';
COMMENT ON FUNCTION weir.bloom_empty() IS 'a filter of no values, with p = 0.02 and n = 32768';

CREATE FUNCTION weir.bloom_empty(p double precision, n bigint) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_empty';
COMMENT ON FUNCTION weir.bloom_empty(p double precision, n bigint) IS 'a filter of no values; with n of them the probability of a false yes is p';

CREATE FUNCTION weir.bloom_add(filter weir.bloom, value "any") RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_add';
COMMENT ON FUNCTION weir.bloom_add(filter weir.bloom, value "any") IS 'the filter with a value more';

CREATE FUNCTION weir.bloom_contains(filter weir.bloom, value "any") RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_contains';
COMMENT ON FUNCTION weir.bloom_contains(filter weir.bloom, value "any") IS 'may the filter have seen the value; false is certain';

CREATE FUNCTION weir.bloom_cardinality(filter weir.bloom) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_cardinality';
COMMENT ON FUNCTION weir.bloom_cardinality(filter weir.bloom) IS 'how many different values a filter has seen, about';

CREATE FUNCTION weir.bloom_union(VARIADIC filters weir.bloom[]) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_union';
COMMENT ON FUNCTION weir.bloom_union(VARIADIC filters weir.bloom[]) IS 'the filter of the values of all; they must have the same p and n';

CREATE FUNCTION weir.bloom_intersection(VARIADIC filters weir.bloom[]) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_intersection';
COMMENT ON FUNCTION weir.bloom_intersection(VARIADIC filters weir.bloom[]) IS 'a filter of what is in all; they must have the same p and n';

CREATE FUNCTION weir.bloom_trans(weir.bloom, anyelement) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_trans';
COMMENT ON FUNCTION weir.bloom_trans(weir.bloom, anyelement) IS 'transition function of weir.bloom_agg';

CREATE FUNCTION weir.bloom_trans(weir.bloom, anyelement, double precision, bigint) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_trans';
COMMENT ON FUNCTION weir.bloom_trans(weir.bloom, anyelement, double precision, bigint) IS 'transition function of weir.bloom_agg';

CREATE FUNCTION weir.bloom_combine(weir.bloom, weir.bloom) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_combine';
COMMENT ON FUNCTION weir.bloom_combine(weir.bloom, weir.bloom) IS 'combine function of weir.bloom_agg';

CREATE FUNCTION weir.bloom_intersect_combine(weir.bloom, weir.bloom) RETURNS weir.bloom
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bloom_intersect';
COMMENT ON FUNCTION weir.bloom_intersect_combine(weir.bloom, weir.bloom) IS 'combine function of weir.bloom_intersection_agg';

CREATE AGGREGATE weir.bloom_agg(anyelement) (
	SFUNC = weir.bloom_trans, STYPE = weir.bloom, COMBINEFUNC = weir.bloom_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bloom_agg(anyelement) IS 'Bloom filter of the values, with p = 0.02 and n = 32768';

CREATE AGGREGATE weir.bloom_agg(anyelement, double precision, bigint) (
	SFUNC = weir.bloom_trans, STYPE = weir.bloom, COMBINEFUNC = weir.bloom_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bloom_agg(anyelement, double precision, bigint) IS 'Bloom filter of the values; with n of them the probability of a false yes is p';

CREATE AGGREGATE weir.bloom_union_agg(weir.bloom) (
	SFUNC = weir.bloom_combine, STYPE = weir.bloom, COMBINEFUNC = weir.bloom_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bloom_union_agg(weir.bloom) IS 'the filter of the values of all';

CREATE AGGREGATE weir.bloom_intersection_agg(weir.bloom) (
	SFUNC = weir.bloom_intersect_combine, STYPE = weir.bloom, COMBINEFUNC = weir.bloom_intersect_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bloom_intersection_agg(weir.bloom) IS 'a filter of what is in all';

CREATE TYPE weir.cmsketch;

CREATE FUNCTION weir.cmsketch_in(cstring) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_in';
COMMENT ON FUNCTION weir.cmsketch_in(cstring) IS 'I/O';

CREATE FUNCTION weir.cmsketch_out(weir.cmsketch) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_sketch_out';
COMMENT ON FUNCTION weir.cmsketch_out(weir.cmsketch) IS 'I/O';

CREATE FUNCTION weir.cmsketch_recv(internal) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_recv';
COMMENT ON FUNCTION weir.cmsketch_recv(internal) IS 'I/O';

CREATE FUNCTION weir.cmsketch_send(weir.cmsketch) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_sketch_send';
COMMENT ON FUNCTION weir.cmsketch_send(weir.cmsketch) IS 'I/O';

CREATE TYPE weir.cmsketch (
	INPUT = weir.cmsketch_in, OUTPUT = weir.cmsketch_out, RECEIVE = weir.cmsketch_recv, SEND = weir.cmsketch_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.cmsketch IS 'count-min sketch: how often did a value come';

CREATE FUNCTION weir.cmsketch_empty() RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_empty';
COMMENT ON FUNCTION weir.cmsketch_empty() IS 'a sketch of no values, with eps = 0.002 and p = 0.995';

CREATE FUNCTION weir.cmsketch_empty(eps double precision, p double precision) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_empty';
COMMENT ON FUNCTION weir.cmsketch_empty(eps double precision, p double precision) IS 'a sketch of no values; with probability p a count is at most eps of the total too large';

CREATE FUNCTION weir.freq_add(sketch weir.cmsketch, value "any") RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_add';
COMMENT ON FUNCTION weir.freq_add(sketch weir.cmsketch, value "any") IS 'the sketch with a value more';

CREATE FUNCTION weir.freq_add(sketch weir.cmsketch, value "any", n bigint) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_add';
COMMENT ON FUNCTION weir.freq_add(sketch weir.cmsketch, value "any", n bigint) IS 'the sketch with a value n times more';

CREATE FUNCTION weir.freq(sketch weir.cmsketch, value "any") RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_freq';
COMMENT ON FUNCTION weir.freq(sketch weir.cmsketch, value "any") IS 'how often the value came; never too small';

CREATE FUNCTION weir.freq_norm(sketch weir.cmsketch, value "any") RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_norm';
COMMENT ON FUNCTION weir.freq_norm(sketch weir.cmsketch, value "any") IS 'weir.freq as a part of the total';

CREATE FUNCTION weir.freq_total(sketch weir.cmsketch) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_total';
COMMENT ON FUNCTION weir.freq_total(sketch weir.cmsketch) IS 'how many values came';

CREATE FUNCTION weir.freq_trans(weir.cmsketch, anyelement) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_trans';
COMMENT ON FUNCTION weir.freq_trans(weir.cmsketch, anyelement) IS 'transition function of weir.freq_agg';

CREATE FUNCTION weir.freq_trans(weir.cmsketch, anyelement, double precision, double precision) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_trans';
COMMENT ON FUNCTION weir.freq_trans(weir.cmsketch, anyelement, double precision, double precision) IS 'transition function of weir.freq_agg';

CREATE FUNCTION weir.freq_combine(weir.cmsketch, weir.cmsketch) RETURNS weir.cmsketch
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_cms_combine';
COMMENT ON FUNCTION weir.freq_combine(weir.cmsketch, weir.cmsketch) IS 'combine function of weir.freq_agg';

CREATE AGGREGATE weir.freq_agg(anyelement) (
	SFUNC = weir.freq_trans, STYPE = weir.cmsketch, COMBINEFUNC = weir.freq_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.freq_agg(anyelement) IS 'count-min sketch of the values, with eps = 0.002 and p = 0.995';

CREATE AGGREGATE weir.freq_agg(anyelement, double precision, double precision) (
	SFUNC = weir.freq_trans, STYPE = weir.cmsketch, COMBINEFUNC = weir.freq_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.freq_agg(anyelement, double precision, double precision) IS 'count-min sketch of the values; with probability p a count is at most eps of the total too large';

CREATE AGGREGATE weir.freq_merge_agg(weir.cmsketch) (
	SFUNC = weir.freq_combine, STYPE = weir.cmsketch, COMBINEFUNC = weir.freq_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.freq_merge_agg(weir.cmsketch) IS 'the sketch of the values of all';

CREATE TYPE weir.topk;

CREATE FUNCTION weir.topk_in(cstring) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_in';
COMMENT ON FUNCTION weir.topk_in(cstring) IS 'I/O';

CREATE FUNCTION weir.topk_out(weir.topk) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_out';
COMMENT ON FUNCTION weir.topk_out(weir.topk) IS 'I/O';

CREATE FUNCTION weir.topk_recv(internal) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_recv';
COMMENT ON FUNCTION weir.topk_recv(internal) IS 'I/O';

CREATE FUNCTION weir.topk_send(weir.topk) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_send';
COMMENT ON FUNCTION weir.topk_send(weir.topk) IS 'I/O';

CREATE TYPE weir.topk (
	INPUT = weir.topk_in, OUTPUT = weir.topk_out, RECEIVE = weir.topk_recv, SEND = weir.topk_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.topk IS 'filtered space-saving sketch: the most frequent values';

CREATE FUNCTION weir.topk_empty(type regtype, k integer) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_empty';
COMMENT ON FUNCTION weir.topk_empty(type regtype, k integer) IS 'a sketch of no values of this type';

CREATE FUNCTION weir.topk_empty(type regtype, k integer, m integer, h integer) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_empty';
COMMENT ON FUNCTION weir.topk_empty(type regtype, k integer, m integer, h integer) IS 'a sketch of no values of this type, with m counters and h cells';

CREATE FUNCTION weir.topk_increment(sketch weir.topk, value "any") RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_increment';
COMMENT ON FUNCTION weir.topk_increment(sketch weir.topk, value "any") IS 'the sketch with a value more';

CREATE FUNCTION weir.topk_increment(sketch weir.topk, value "any", weight bigint) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_increment';
COMMENT ON FUNCTION weir.topk_increment(sketch weir.topk, value "any", weight bigint) IS 'the sketch with a value so many times more';

CREATE FUNCTION weir.topk(sketch weir.topk) RETURNS TABLE (value text, frequency bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 10 AS 'MODULE_PATHNAME', 'weir_topk';
COMMENT ON FUNCTION weir.topk(weir.topk) IS 'the k most frequent values, as text, and how often they came; never too small';

CREATE FUNCTION weir.topk_values(sketch weir.topk, type anyarray) RETURNS anyarray
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_values';
COMMENT ON FUNCTION weir.topk_values(sketch weir.topk, type anyarray) IS 'the k most frequent values, most frequent first; the second argument is there for its type, NULL::integer[]';

CREATE FUNCTION weir.topk_freqs(sketch weir.topk) RETURNS bigint[]
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_freqs';
COMMENT ON FUNCTION weir.topk_freqs(sketch weir.topk) IS 'how often the values of weir.topk_values came; never too small';

CREATE FUNCTION weir.topk_errors(sketch weir.topk) RETURNS bigint[]
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_errors';
COMMENT ON FUNCTION weir.topk_errors(sketch weir.topk) IS 'by how much each of weir.topk_freqs is too large at most';

CREATE FUNCTION weir.topk_trans(weir.topk, anyelement, integer) RETURNS weir.topk
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_trans';
COMMENT ON FUNCTION weir.topk_trans(weir.topk, anyelement, integer) IS 'transition function of weir.topk_agg';

CREATE FUNCTION weir.topk_trans(weir.topk, anyelement, integer, bigint) RETURNS weir.topk
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_trans_weight';
COMMENT ON FUNCTION weir.topk_trans(weir.topk, anyelement, integer, bigint) IS 'transition function of weir.topk_agg';

CREATE FUNCTION weir.topk_trans(weir.topk, anyelement, integer, integer, integer) RETURNS weir.topk
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_trans_sizes';
COMMENT ON FUNCTION weir.topk_trans(weir.topk, anyelement, integer, integer, integer) IS 'transition function of weir.topk_agg';

CREATE FUNCTION weir.topk_combine(weir.topk, weir.topk) RETURNS weir.topk
	LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_topk_combine';
COMMENT ON FUNCTION weir.topk_combine(weir.topk, weir.topk) IS 'combine function of weir.topk_agg';

CREATE AGGREGATE weir.topk_agg(anyelement, integer) (
	SFUNC = weir.topk_trans, STYPE = weir.topk, COMBINEFUNC = weir.topk_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.topk_agg(anyelement, integer) IS 'sketch of the k most frequent values';

CREATE AGGREGATE weir.topk_agg(anyelement, integer, bigint) (
	SFUNC = weir.topk_trans, STYPE = weir.topk, COMBINEFUNC = weir.topk_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.topk_agg(anyelement, integer, bigint) IS 'the same, each value with a weight';

CREATE AGGREGATE weir.topk_agg(anyelement, integer, integer, integer) (
	SFUNC = weir.topk_trans, STYPE = weir.topk, COMBINEFUNC = weir.topk_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.topk_agg(anyelement, integer, integer, integer) IS 'the same with m counters and h cells';

CREATE AGGREGATE weir.topk_merge_agg(weir.topk) (
	SFUNC = weir.topk_combine, STYPE = weir.topk, COMBINEFUNC = weir.topk_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.topk_merge_agg(weir.topk) IS 'the sketch of the values of all';

CREATE TYPE weir.tdigest;

CREATE FUNCTION weir.tdigest_in(cstring) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_in';
COMMENT ON FUNCTION weir.tdigest_in(cstring) IS 'I/O';

CREATE FUNCTION weir.tdigest_out(weir.tdigest) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_out';
COMMENT ON FUNCTION weir.tdigest_out(weir.tdigest) IS 'I/O';

CREATE FUNCTION weir.tdigest_recv(internal) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_recv';
COMMENT ON FUNCTION weir.tdigest_recv(internal) IS 'I/O';

CREATE FUNCTION weir.tdigest_send(weir.tdigest) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_send';
COMMENT ON FUNCTION weir.tdigest_send(weir.tdigest) IS 'I/O';

CREATE TYPE weir.tdigest (
	INPUT = weir.tdigest_in, OUTPUT = weir.tdigest_out, RECEIVE = weir.tdigest_recv, SEND = weir.tdigest_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.tdigest IS 't-digest: how values are distributed';

CREATE FUNCTION weir.tdigest_empty() RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_empty';
COMMENT ON FUNCTION weir.tdigest_empty() IS 'a t-digest of no values, with compression 200';

CREATE FUNCTION weir.tdigest_empty(compression integer) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_empty';
COMMENT ON FUNCTION weir.tdigest_empty(compression integer) IS 'a t-digest of no values; compression from 1 to 1000, about the number of centroids; less than 20 counts as 20';

CREATE FUNCTION weir.tdigest_compress(digest weir.tdigest) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_compress';
COMMENT ON FUNCTION weir.tdigest_compress(digest weir.tdigest) IS 'the t-digest with as few centroids as its compression says';

CREATE FUNCTION weir.tdigest_count(digest weir.tdigest) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_tdigest_count';
COMMENT ON FUNCTION weir.tdigest_count(digest weir.tdigest) IS 'how many values a t-digest has seen';

CREATE FUNCTION weir.dist_add(digest weir.tdigest, value double precision) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_add';
COMMENT ON FUNCTION weir.dist_add(digest weir.tdigest, value double precision) IS 'the t-digest with a value more';

CREATE FUNCTION weir.dist_add(digest weir.tdigest, value double precision, n integer) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_add';
COMMENT ON FUNCTION weir.dist_add(digest weir.tdigest, value double precision, n integer) IS 'the t-digest with a value n times more';

CREATE FUNCTION weir.dist_quantile(digest weir.tdigest, q double precision) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_quantile';
COMMENT ON FUNCTION weir.dist_quantile(digest weir.tdigest, q double precision) IS 'the value below which the part q of the values is, about; NULL of no values; error unless q is in [0, 1]';

CREATE FUNCTION weir.dist_cdf(digest weir.tdigest, x double precision) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_cdf';
COMMENT ON FUNCTION weir.dist_cdf(digest weir.tdigest, x double precision) IS 'the part of the values that are at most x, about; NULL of no values';

CREATE FUNCTION weir.dist_trans(weir.tdigest, double precision) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_trans';
COMMENT ON FUNCTION weir.dist_trans(weir.tdigest, double precision) IS 'transition function of weir.dist_agg';

CREATE FUNCTION weir.dist_trans(weir.tdigest, double precision, integer) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_trans';
COMMENT ON FUNCTION weir.dist_trans(weir.tdigest, double precision, integer) IS 'transition function of weir.dist_agg';

CREATE FUNCTION weir.dist_combine(weir.tdigest, weir.tdigest) RETURNS weir.tdigest
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_dist_combine';
COMMENT ON FUNCTION weir.dist_combine(weir.tdigest, weir.tdigest) IS 'combine function of weir.dist_agg';

CREATE AGGREGATE weir.dist_agg(double precision) (
	SFUNC = weir.dist_trans, STYPE = weir.tdigest, COMBINEFUNC = weir.dist_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.dist_agg(double precision) IS 't-digest of the values, with compression 200; error for NaN and infinity';

CREATE AGGREGATE weir.dist_agg(double precision, integer) (
	SFUNC = weir.dist_trans, STYPE = weir.tdigest, COMBINEFUNC = weir.dist_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.dist_agg(double precision, integer) IS 't-digest of the values with this compression';

CREATE AGGREGATE weir.dist_merge_agg(weir.tdigest) (
	SFUNC = weir.dist_combine, STYPE = weir.tdigest, COMBINEFUNC = weir.dist_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.dist_merge_agg(weir.tdigest) IS 'the t-digest of the values of all';

CREATE TYPE weir.buckets;

CREATE FUNCTION weir.buckets_in(cstring) RETURNS weir.buckets
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_buckets_in';
COMMENT ON FUNCTION weir.buckets_in(cstring) IS 'I/O';

CREATE FUNCTION weir.buckets_out(weir.buckets) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_buckets_out';
COMMENT ON FUNCTION weir.buckets_out(weir.buckets) IS 'I/O';

CREATE FUNCTION weir.buckets_recv(internal) RETURNS weir.buckets
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_buckets_recv';
COMMENT ON FUNCTION weir.buckets_recv(internal) IS 'I/O';

CREATE FUNCTION weir.buckets_send(weir.buckets) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_buckets_send';
COMMENT ON FUNCTION weir.buckets_send(weir.buckets) IS 'I/O';

CREATE TYPE weir.buckets (
	INPUT = weir.buckets_in, OUTPUT = weir.buckets_out, RECEIVE = weir.buckets_recv, SEND = weir.buckets_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE weir.buckets IS 'values in buckets, each in the one that it was put into last';

CREATE FUNCTION weir.bucket_trans(weir.buckets, anyelement, integer) RETURNS weir.buckets
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_trans';
COMMENT ON FUNCTION weir.bucket_trans(weir.buckets, anyelement, integer) IS 'transition function of weir.bucket_agg';

CREATE FUNCTION weir.bucket_trans(weir.buckets, anyelement, integer, timestamptz) RETURNS weir.buckets
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_trans';
COMMENT ON FUNCTION weir.bucket_trans(weir.buckets, anyelement, integer, timestamptz) IS 'transition function of weir.bucket_agg';

CREATE FUNCTION weir.bucket_combine(weir.buckets, weir.buckets) RETURNS weir.buckets
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_combine';
COMMENT ON FUNCTION weir.bucket_combine(weir.buckets, weir.buckets) IS 'combine function of weir.bucket_agg';

CREATE AGGREGATE weir.bucket_agg(anyelement, integer) (
	SFUNC = weir.bucket_trans, STYPE = weir.buckets, COMBINEFUNC = weir.bucket_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bucket_agg(anyelement, integer) IS 'the values in buckets, each in that of the row that arrived last; error for a NULL bucket';

CREATE AGGREGATE weir.bucket_agg(anyelement, integer, timestamptz) (
	SFUNC = weir.bucket_trans, STYPE = weir.buckets, COMBINEFUNC = weir.bucket_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bucket_agg(anyelement, integer, timestamptz) IS 'the values in buckets, each in that of the row with the latest time; error for a NULL bucket';

CREATE AGGREGATE weir.bucket_merge_agg(weir.buckets) (
	SFUNC = weir.bucket_combine, STYPE = weir.buckets, COMBINEFUNC = weir.bucket_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.bucket_merge_agg(weir.buckets) IS 'the buckets of all';

CREATE FUNCTION weir.bucket_ids(buckets weir.buckets) RETURNS integer[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_ids';
COMMENT ON FUNCTION weir.bucket_ids(buckets weir.buckets) IS 'the buckets that have values, in order';

CREATE FUNCTION weir.bucket_cardinalities(buckets weir.buckets) RETURNS bigint[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_cardinalities';
COMMENT ON FUNCTION weir.bucket_cardinalities(buckets weir.buckets) IS 'how many different values each of weir.bucket_ids has';

CREATE FUNCTION weir.bucket_cardinality(buckets weir.buckets, bucket integer) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_cardinality';
COMMENT ON FUNCTION weir.bucket_cardinality(buckets weir.buckets, bucket integer) IS 'how many different values a bucket has';

CREATE FUNCTION weir.bucket_cardinality(buckets weir.buckets) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_bucket_cardinality';
COMMENT ON FUNCTION weir.bucket_cardinality(buckets weir.buckets) IS 'how many different values there are in all buckets';

/*
 * Equality, by the bytes.  Logical replication compares rows of tables that have no primary key
 * (REPLICA IDENTITY FULL, as matrels are) column by column, with the hash or btree equality of their types.
 */
DO $do$
DECLARE
	type text;
BEGIN
	FOREACH type IN ARRAY ARRAY['state', 'hyperloglog', 'bloom', 'cmsketch', 'topk', 'tdigest', 'buckets'] LOOP
		EXECUTE pg_catalog.format($sql$
			CREATE FUNCTION weir.same_bytes(a weir.%1$s, b weir.%1$s) RETURNS boolean
				LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteaeq';
			COMMENT ON FUNCTION weir.same_bytes(weir.%1$s, weir.%1$s) IS 'are they the same byte by byte?  The operator =';
			CREATE FUNCTION weir.hash_bytes(value weir.%1$s) RETURNS integer
				LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
			COMMENT ON FUNCTION weir.hash_bytes(weir.%1$s) IS 'hash function that goes with =';
			CREATE FUNCTION weir.hash_bytes(value weir.%1$s, seed bigint) RETURNS bigint
				LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlenaextended';
			COMMENT ON FUNCTION weir.hash_bytes(weir.%1$s, bigint) IS 'hash function that goes with =, of 64 bits';
			CREATE OPERATOR weir.= (LEFTARG = weir.%1$s, RIGHTARG = weir.%1$s, FUNCTION = weir.same_bytes,
				COMMUTATOR = OPERATOR(weir.=), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES);
			COMMENT ON OPERATOR weir.= (weir.%1$s, weir.%1$s) IS 'the same byte by byte';
			CREATE OPERATOR CLASS weir.%1$s_ops DEFAULT FOR TYPE weir.%1$s USING hash AS
				OPERATOR 1 weir.= (weir.%1$s, weir.%1$s),
				FUNCTION 1 weir.hash_bytes(weir.%1$s), FUNCTION 2 weir.hash_bytes(weir.%1$s, bigint);
		$sql$, type);
	END LOOP;
END $do$;

/* -- section: pipelinedb (small functions under PipelineDB's names) -- */

CREATE FUNCTION weir.date_round(ts timestamptz, step interval) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN step IS NULL OR NOT pg_catalog.isfinite(ts) THEN ts ELSE
		pg_catalog.date_bin((('2000-01-01'::timestamp OPERATOR(pg_catalog.+) step) OPERATOR(pg_catalog.-) '2000-01-01'::timestamp), ts, '2000-01-01 00:00+00'::timestamptz) END;
COMMENT ON FUNCTION weir.date_round(timestamptz, interval) IS 'the time cut to a multiple of the step since 2000-01-01 UTC; months and years have the length that they had from then on';

CREATE FUNCTION weir.year(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('year'::text, ts);
COMMENT ON FUNCTION weir.year(timestamptz) IS 'date_trunc(''year'', ts)';

CREATE FUNCTION weir.month(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('month'::text, ts);
COMMENT ON FUNCTION weir.month(timestamptz) IS 'date_trunc(''month'', ts)';

CREATE FUNCTION weir.day(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('day'::text, ts);
COMMENT ON FUNCTION weir.day(timestamptz) IS 'date_trunc(''day'', ts)';

CREATE FUNCTION weir.hour(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('hour'::text, ts);
COMMENT ON FUNCTION weir.hour(timestamptz) IS 'date_trunc(''hour'', ts)';

CREATE FUNCTION weir.minute(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('minute'::text, ts);
COMMENT ON FUNCTION weir.minute(timestamptz) IS 'date_trunc(''minute'', ts)';

CREATE FUNCTION weir.second(ts timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.date_trunc('second'::text, ts);
COMMENT ON FUNCTION weir.second(timestamptz) IS 'date_trunc(''second'', ts)';

/*
 * In a continuous view these are array_agg(DISTINCT x) and count(DISTINCT x), whose values are
 * rows of a table (src/query/counterpart.c); elsewhere the values are an array.
 */
CREATE FUNCTION weir.set_agg_final(anycompatiblearray) RETURNS anycompatiblearray
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS 'SELECT pg_catalog.array_agg(DISTINCT u) FROM pg_catalog.unnest($1) u';
COMMENT ON FUNCTION weir.set_agg_final(anycompatiblearray) IS 'final function of weir.set_agg';

CREATE AGGREGATE weir.set_agg(anycompatible) (
	SFUNC = pg_catalog.array_append, STYPE = anycompatiblearray, FINALFUNC = weir.set_agg_final,
	COMBINEFUNC = pg_catalog.array_cat, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.set_agg(anycompatible) IS 'array_agg(DISTINCT x)';

CREATE FUNCTION weir.exact_count_distinct_final(anycompatiblearray) RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS 'SELECT pg_catalog.count(DISTINCT u) FROM pg_catalog.unnest($1) u';
COMMENT ON FUNCTION weir.exact_count_distinct_final(anycompatiblearray) IS 'final function of weir.exact_count_distinct';

CREATE AGGREGATE weir.exact_count_distinct(anycompatible) (
	SFUNC = pg_catalog.array_append, STYPE = anycompatiblearray, FINALFUNC = weir.exact_count_distinct_final,
	COMBINEFUNC = pg_catalog.array_cat, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.exact_count_distinct(anycompatible) IS 'count(DISTINCT x)';

CREATE FUNCTION weir.set_cardinality("set" anyarray) RETURNS bigint
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	AS 'SELECT pg_catalog.cardinality($1)::bigint';
COMMENT ON FUNCTION weir.set_cardinality(anyarray) IS 'how many elements an array has, as of weir.set_agg';

CREATE FUNCTION weir.json_object_int_sum_trans(jsonb, text) RETURNS jsonb
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_sum_trans';
COMMENT ON FUNCTION weir.json_object_int_sum_trans(jsonb, text) IS 'transition function of weir.json_object_int_sum(text)';

CREATE FUNCTION weir.json_object_int_sum_trans(jsonb, jsonb) RETURNS jsonb
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_sum_trans';
COMMENT ON FUNCTION weir.json_object_int_sum_trans(jsonb, jsonb) IS 'transition function of weir.json_object_int_sum(jsonb)';

CREATE FUNCTION weir.json_object_int_sum_combine(jsonb, jsonb) RETURNS jsonb
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'weir_json_sum_combine';
COMMENT ON FUNCTION weir.json_object_int_sum_combine(jsonb, jsonb) IS 'combine function of weir.json_object_int_sum';

CREATE FUNCTION weir.json_object_int_sum_final(jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN $1::text;
COMMENT ON FUNCTION weir.json_object_int_sum_final(jsonb) IS 'final function of weir.json_object_int_sum(text)';

CREATE AGGREGATE weir.json_object_int_sum(text) (
	SFUNC = weir.json_object_int_sum_trans, STYPE = jsonb, FINALFUNC = weir.json_object_int_sum_final,
	COMBINEFUNC = weir.json_object_int_sum_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_object_int_sum(text) IS 'a JSON object with the sum of each key of JSON objects of integers, as text';

CREATE AGGREGATE weir.json_object_int_sum(jsonb) (
	SFUNC = weir.json_object_int_sum_trans, STYPE = jsonb,
	COMBINEFUNC = weir.json_object_int_sum_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE weir.json_object_int_sum(jsonb) IS 'a JSON object with the sum of each key of JSON objects of integers';

CREATE FUNCTION weir.hll_cache_cardinality(sketch weir.hyperloglog) RETURNS weir.hyperloglog
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN sketch;
COMMENT ON FUNCTION weir.hll_cache_cardinality(weir.hyperloglog) IS 'the sketch as it is: there is nothing to cache';

CREATE FUNCTION weir.hll_print(sketch weir.hyperloglog) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.format('{ cardinality = %s, bytes = %s }', weir.hll_cardinality(sketch), pg_catalog.pg_column_size(sketch));
COMMENT ON FUNCTION weir.hll_print(weir.hyperloglog) IS 'what is to be said of a sketch';

CREATE FUNCTION weir.bloom_print(filter weir.bloom) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.format('{ cardinality = %s, bytes = %s }', weir.bloom_cardinality(filter), pg_catalog.pg_column_size(filter));
COMMENT ON FUNCTION weir.bloom_print(weir.bloom) IS 'what is to be said of a filter';

CREATE FUNCTION weir.cmsketch_print(sketch weir.cmsketch) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.format('{ total = %s, bytes = %s }', weir.freq_total(sketch), pg_catalog.pg_column_size(sketch));
COMMENT ON FUNCTION weir.cmsketch_print(weir.cmsketch) IS 'what is to be said of a sketch';

CREATE FUNCTION weir.topk_print(sketch weir.topk) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS 'SELECT pg_catalog.format(''{ %s }'', pg_catalog.string_agg(pg_catalog.format(''%s = %s'', value, frequency), '', '' ORDER BY frequency DESC, value)) FROM weir.topk($1)';
COMMENT ON FUNCTION weir.topk_print(weir.topk) IS 'the most frequent values, and how often they came';

/* ------------------------------------------------------------------------
 * Kafka
 * ------------------------------------------------------------------------ */

/*
 * Written by the flush worker alone.  Offsets are those of a topic, which is one of a cluster; of a topic that the stream
 * does not read any more they stay, should it be read again.  The last message read tells
 * whether the topic is still the same one.
 */
CREATE TABLE weir.source_offsets (
	stream weir.relation NOT NULL,
	topic text NOT NULL,
	partition integer NOT NULL,
	next_offset bigint NOT NULL,
	cluster text,
	topic_id text,
	last_offset bigint,
	last_timestamp bigint,
	last_checksum bigint,
	resumed timestamptz,
	unread_since timestamptz,
	PRIMARY KEY (stream, topic, partition)
);
SELECT pg_catalog.pg_extension_config_dump('weir.source_offsets', '');
GRANT SELECT ON weir.source_offsets TO PUBLIC;
COMMENT ON TABLE weir.source_offsets IS 'next offset to read per stream, topic and partition; written in the transaction that writes the views';

CREATE TABLE weir.dead_letters (
	id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000) PRIMARY KEY,
	stream weir.relation NOT NULL,
	view weir.relation,
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

/* They come in order of time: to find the latest ones costs next to nothing. */
CREATE INDEX dead_letters_time ON weir.dead_letters USING brin ("time") WITH (pages_per_range = 32);

/* Payloads and messages may be private; how many there are is not. */
CREATE VIEW weir.dead_letter_counts AS
	SELECT stream::pg_catalog.regclass AS stream, view::pg_catalog.regclass AS view, topic, sqlstate, pg_catalog.count(*) AS letters,
		pg_catalog.min("time") AS first, pg_catalog.max("time") AS last
	FROM weir.dead_letters GROUP BY stream, view, topic, sqlstate;
GRANT SELECT ON weir.dead_letter_counts TO pg_monitor;
COMMENT ON VIEW weir.dead_letter_counts IS 'how many dead letters there are per stream, view (NULL: not decoded), topic and SQLSTATE, without what is in them; for pg_monitor';

/*
 * Partition -1 is the stream itself.  Of a stream whose event_time is a
 * timestamp without time zone, the time is that at UTC.
 */
CREATE TABLE weir.watermarks (
	stream weir.relation NOT NULL,
	partition integer NOT NULL,
	watermark timestamptz NOT NULL,
	PRIMARY KEY (stream, partition)
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('weir.watermarks', '');
GRANT SELECT ON weir.watermarks TO PUBLIC;
COMMENT ON TABLE weir.watermarks IS 'event time up to which a stream''s rows, and those of its partitions, are taken to be complete; written in the transaction that writes the views';

CREATE FUNCTION weir.watermark(stream regclass) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS 'SELECT w.watermark FROM weir.watermarks w WHERE w.stream::pg_catalog.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND w.partition OPERATOR(pg_catalog.=) -1';
COMMENT ON FUNCTION weir.watermark(regclass) IS 'the watermark of a stream as of the last flush; NULL before its first row with a time';

CREATE FUNCTION weir.watermark(stream regclass, VARIADIC others regclass[]) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS 'SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) (SELECT pg_catalog.count(DISTINCT s) FROM pg_catalog.unnest(pg_catalog.array_append($2, $1)::pg_catalog.oid[]) s)
		THEN pg_catalog.min(w.watermark) END
		FROM weir.watermarks w WHERE w.stream::pg_catalog.oid OPERATOR(pg_catalog.=) ANY (pg_catalog.array_append($2, $1)::pg_catalog.oid[]) AND w.partition OPERATOR(pg_catalog.=) -1';
COMMENT ON FUNCTION weir.watermark(regclass, regclass[]) IS 'the least watermark of these streams, which their UNION ALL has, as of the last flush; NULL before each has had a row with a time';

CREATE FUNCTION weir.on_time(window_end timestamptz) RETURNS boolean
	LANGUAGE c VOLATILE COST 10000 AS 'MODULE_PATHNAME', 'weir_on_time';
CREATE FUNCTION weir.on_time(window_end timestamp) RETURNS boolean
	LANGUAGE c VOLATILE COST 10000 AS 'MODULE_PATHNAME', 'weir_on_time';
COMMENT ON FUNCTION weir.on_time(timestamptz) IS 'in a worker: is a window with this end open for the row it looks at; else true';
COMMENT ON FUNCTION weir.on_time(timestamp) IS 'in a worker: is a window with this end open for the row it looks at; else true';

CREATE TABLE weir.late_counts (
	view weir.relation PRIMARY KEY,
	dropped bigint NOT NULL,
	diverted bigint NOT NULL
) WITH (fillfactor = 50);
SELECT pg_catalog.pg_extension_config_dump('weir.late_counts', '');
GRANT SELECT ON weir.late_counts TO PUBLIC;
COMMENT ON TABLE weir.late_counts IS 'how many rows came after their window in a view was closed';

CREATE TABLE weir.late_rows (
	id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000) PRIMARY KEY,
	view weir.relation NOT NULL,
	stream weir.relation NOT NULL,
	partition integer,
	"offset" bigint,
	"row" text,
	"time" timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('weir.late_rows', '');
SELECT pg_catalog.pg_extension_config_dump('weir.late_rows_id_seq', '');
COMMENT ON TABLE weir.late_rows IS 'rows that came after their window in a view with late = divert, and without late_stream, was closed: JSON, or the message as it came from Kafka';

/*
 * Groups of views that could not be written, in order, a row as many as fit on a page; and the views, each with the watermark that it
 * shows meanwhile (that of its streams when it was set aside).
 */
CREATE TABLE weir.set_aside (
	view weir.relation NOT NULL,
	n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000),
	epoch bigint NOT NULL,
	part smallint NOT NULL,
	groups bytea NOT NULL,
	PRIMARY KEY (view, n)
) WITH (toast_tuple_target = 8160);
ALTER TABLE weir.set_aside ALTER groups SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('weir.set_aside', '');
SELECT pg_catalog.pg_extension_config_dump('weir.set_aside_n_seq', '');
COMMENT ON TABLE weir.set_aside IS 'groups of continuous views that wait for a lock or the like, until they can be written; view is the definition';

CREATE TABLE weir.waiting (
	view weir.relation PRIMARY KEY,
	matrel weir.relation NOT NULL,
	since timestamptz NOT NULL,
	watermark timestamptz
);
SELECT pg_catalog.pg_extension_config_dump('weir.waiting', '');
GRANT SELECT ON weir.waiting TO PUBLIC;
COMMENT ON TABLE weir.waiting IS 'continuous views (definitions) of which groups are in weir.set_aside; see weir.views';

CREATE FUNCTION weir.view_watermark(matrel regclass, stream regclass) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS 'SELECT CASE WHEN EXISTS (SELECT FROM weir.waiting w WHERE w.matrel::pg_catalog.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid)
		THEN (SELECT w.watermark FROM weir.waiting w WHERE w.matrel::pg_catalog.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid)
		ELSE (SELECT w.watermark FROM weir.watermarks w WHERE w.stream::pg_catalog.oid OPERATOR(pg_catalog.=) $2::pg_catalog.oid AND w.partition OPERATOR(pg_catalog.=) -1) END';
COMMENT ON FUNCTION weir.view_watermark(regclass, regclass) IS 'the watermark that a view shows: that of its stream, or what it was when groups of the view were set aside';

CREATE FUNCTION weir.view_watermark(matrel regclass, stream regclass, VARIADIC others regclass[]) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS 'SELECT CASE WHEN EXISTS (SELECT FROM weir.waiting w WHERE w.matrel::pg_catalog.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid)
		THEN (SELECT w.watermark FROM weir.waiting w WHERE w.matrel::pg_catalog.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid)
		ELSE weir.watermark($2, VARIADIC $3) END';
COMMENT ON FUNCTION weir.view_watermark(regclass, regclass, regclass[]) IS 'the same of a UNION ALL of streams';

/* -- section: kafka -- */

CREATE TABLE weir.source_stopped (
	stream weir.relation PRIMARY KEY,
	reason text NOT NULL,
	at timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('weir.source_stopped', '');
GRANT SELECT (stream, at) ON weir.source_stopped TO PUBLIC;
GRANT SELECT ON weir.source_stopped TO pg_read_all_stats;
COMMENT ON TABLE weir.source_stopped IS 'Kafka streams that are consumed no more, with the reason; weir.resume(stream) goes on';

CREATE TABLE weir.source_resumed (
	stream weir.relation PRIMARY KEY,
	topic text NOT NULL,
	start text CHECK (start IN ('earliest', 'latest', 'stored')),
	at timestamptz NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('weir.source_resumed', '');
GRANT SELECT ON weir.source_resumed TO PUBLIC;
COMMENT ON TABLE weir.source_resumed IS 'the last weir.resume of a stream, or change of its topic (start NULL), and where it said that partitions go on whose offset is lost; obeyed by those whose weir.source_offsets.resumed says so';

CREATE FUNCTION weir.resume(stream regclass) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_source_resume';
COMMENT ON FUNCTION weir.resume(regclass) IS 'consume a stopped Kafka stream again, from where it stands; false if it was not stopped; for the owner of the stream';

CREATE FUNCTION weir.resume(stream regclass, "from" text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'weir_source_resume';
COMMENT ON FUNCTION weir.resume(regclass, text) IS 'the same; partitions whose offset is lost go on at the ''earliest'' or ''latest'' message, or, on a topic made anew or another cluster, at the ''stored'' offset';

CREATE FUNCTION weir.kafka_stat(
	OUT stream oid, OUT partition integer, OUT pid integer, OUT state text,
	OUT "position" bigint, OUT high_watermark bigint, OUT messages bigint, OUT bytes bigint,
	OUT errors bigint, OUT last_error text, OUT last_error_time timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_kafka_stat';
COMMENT ON FUNCTION weir.kafka_stat() IS 'what Kafka workers of this database show, a row per partition and (partition NULL) per worker; see weir.stat_kafka';

/*
 * A partition is as its worker is, unless the stream is stopped.  lag counts
 * messages on the broker that the views do not show yet.
 */
CREATE VIEW weir.stat_kafka AS
	SELECT s.stream::regclass AS stream,
		s.partition,
		s.pid,
		CASE WHEN t.stream IS NOT NULL THEN 'stopped' ELSE coalesce(w.state, s.state) END AS state,
		o.next_offset AS committed_offset,
		s."position",
		s.high_watermark,
		CASE WHEN s.high_watermark >= o.next_offset THEN s.high_watermark - o.next_offset END AS lag,
		s.messages,
		s.bytes,
		s.errors,
		CASE WHEN t.reason IS NULL THEN s.last_error
			WHEN pg_has_role('pg_read_all_stats', 'USAGE') OR pg_has_role(c.relowner, 'USAGE') THEN t.reason
			ELSE '<insufficient privilege>' END AS last_error,
		coalesce(t.at, s.last_error_time) AS last_error_time
	FROM weir.kafka_stat() s
		JOIN pg_catalog.pg_class c ON c.oid = s.stream
		LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = s.stream
		LEFT JOIN weir.source_offsets o ON o.stream::oid = s.stream AND o.partition = s.partition
			AND o.topic = (SELECT p.option_value FROM pg_catalog.pg_options_to_table(f.ftoptions) p WHERE p.option_name = 'topic')
		LEFT JOIN weir.source_stopped t ON t.stream::oid = s.stream
		LEFT JOIN weir.kafka_stat() w ON w.stream = s.stream AND w.partition IS NULL AND w.pid = s.pid
			AND s.partition IS NOT NULL;
GRANT SELECT ON weir.stat_kafka TO PUBLIC;
COMMENT ON VIEW weir.stat_kafka IS 'Kafka streams: a row per partition, and one per worker (partition NULL) that tells of its connection; last_error is for pg_read_all_stats and the stream''s owner';

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
	OUT last_flush timestamptz, OUT stats_reset timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_view';
CREATE FUNCTION weir.stat_waiting_raw(OUT stream oid, OUT since timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_waiting';
CREATE FUNCTION weir.stat_worker_raw(
	OUT pid integer, OUT kind text, OUT "index" integer, OUT stream oid,
	OUT state text, OUT since timestamptz, OUT started timestamptz, OUT batches bigint, OUT rows bigint, OUT errors bigint,
	OUT last_error_time timestamptz, OUT last_error text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_worker';
CREATE FUNCTION weir.stat_memory_raw(
	OUT area text, OUT "limit" bigint, OUT used bigint, OUT peak bigint)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_stat_memory';
COMMENT ON FUNCTION weir.stat_stream_raw() IS 'counters of this database''s streams; see weir.stat_stream';
COMMENT ON FUNCTION weir.stat_view_raw() IS 'counters of this database''s continuous views; see weir.stat_view';
COMMENT ON FUNCTION weir.stat_waiting_raw() IS 'when the oldest rows of streams were committed that no view shows yet (stream NULL: of any), or since when a topic is not read; see weir.stat_view';
COMMENT ON FUNCTION weir.stat_worker_raw() IS 'workers of this database; see weir.stat_worker';
COMMENT ON FUNCTION weir.stat_memory_raw() IS 'shared memory of the server, bytes; see weir.stat_memory';

CREATE VIEW weir.stat_stream AS
	SELECT n.nspname AS schema, c.relname AS name, c.oid::regclass AS stream,
		coalesce(s.rows, 0) AS rows, coalesce(s.bytes, 0) AS bytes,
		coalesce(s.batches, 0) AS batches, s.last_arrival, s.stats_reset,
		weir.watermark(c.oid::regclass) AS watermark
	FROM pg_catalog.pg_foreign_table f
	JOIN pg_catalog.pg_foreign_server v ON v.oid = f.ftserver
	JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = v.srvfdw AND w.fdwname = 'weir'
	JOIN pg_catalog.pg_class c ON c.oid = f.ftrelid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN weir.stat_stream_raw() s ON s.stream = c.oid;
COMMENT ON VIEW weir.stat_stream IS 'rows, bytes and batches taken in per stream since the last reset';

/*
 * A view is as fresh as the oldest row of its streams that it does not show.  A
 * suspended one shows none since it was suspended; one that its owner has
 * deactivated, or that was restored and is not whole, is not meant to.
 */
CREATE VIEW weir.stat_view AS
	WITH waiting AS MATERIALIZED (SELECT stream, since FROM weir.stat_waiting_raw())
	SELECT n.nspname AS schema, c.relname AS name, v.view,
		coalesce(s.rows_in, 0) AS rows_in, coalesce(s.groups_merged, 0) AS groups_merged,
		coalesce(s.rows_written, 0) AS rows_written, coalesce(s.flushes, 0) AS flushes,
		coalesce(s.flush_time, 0) AS flush_time, coalesce(s.errors, 0) AS errors,
		s.last_flush,
		CASE WHEN v.state = 'inactive' OR a.def IS NULL OR a.missing IS NOT NULL THEN NULL
			ELSE coalesce(1000 * extract(epoch FROM greatest(clock_timestamp() - CASE v.state
				WHEN 'suspended' THEN v.since
				ELSE (SELECT min(w.since) FROM waiting w WHERE w.stream IS NULL
						OR w.stream = ANY (v.streams::oid[]))
				END, '0')), 0)::double precision
			END AS freshness, s.stats_reset,
		coalesce(l.dropped, 0) AS late_dropped, coalesce(l.diverted, 0) AS late_diverted
	FROM weir.continuous_view v
	JOIN pg_catalog.pg_class c ON c.oid = v.view
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN weir.adopted a ON a.def = v.def
	LEFT JOIN weir.stat_view_raw() s ON s.def = v.def
	LEFT JOIN weir.late_counts l ON l.view = v.view;
COMMENT ON VIEW weir.stat_view IS 'per continuous view: rows in, groups merged, matrel rows written, flush_time (ms), errors, last flush that has committed, freshness (ms since the oldest committed row came that the view does not show; 0: all is visible; NULL: inactive, or restored and not whole)';

CREATE VIEW weir.stat_worker AS
	SELECT pid, kind, "index", stream::regclass AS stream, state, since, started, batches, rows, errors,
		last_error_time, last_error
	FROM weir.stat_worker_raw();
COMMENT ON VIEW weir.stat_worker IS 'workers of this database, those that should be there and are not included: running, failing, starting, ended (to be started again), no slot; last_error is for pg_read_all_stats';

CREATE VIEW weir.stat_memory AS
	SELECT area, "limit", used, peak FROM weir.stat_memory_raw();
COMMENT ON VIEW weir.stat_memory IS 'memory in bytes, for the whole server: queued rows, group tables, statistics and their total, all in shared memory under weir.memory; and what messages take that Kafka workers have fetched, about, which is memory of their own';

GRANT SELECT ON weir.stat_stream, weir.stat_view, weir.stat_worker, weir.stat_memory TO PUBLIC;

/* Works without workers, and on a server where Weir is not preloaded; waits for no lock that users can hold. */
CREATE FUNCTION weir.health_raw(OUT object text, OUT problem text, OUT reason text, OUT since timestamptz, OUT remedy text)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'weir_health';
REVOKE ALL ON FUNCTION weir.health_raw() FROM PUBLIC;
COMMENT ON FUNCTION weir.health_raw() IS 'what shared memory tells of problems; see weir.health()';

CREATE FUNCTION weir.health(OUT object text, OUT problem text, OUT reason text, OUT since timestamptz, OUT remedy text)
	RETURNS SETOF record
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT object, problem, reason, since, remedy FROM weir.health_raw()
	UNION ALL
	SELECT v.view::oid::regclass::text, 'view_suspended', v.reason, v.since,
		format('Remove the cause, then call weir.activate(%L), from which on it counts again. Rows since then are not in it.', v.view::oid::regclass)
	FROM weir.continuous_view v WHERE v.state = 'suspended'
	UNION ALL
	SELECT coalesce(c.oid, v.def::oid, a.def)::regclass::text,
		CASE WHEN a.def IS NULL THEN 'view_restoring' ELSE 'view_incomplete' END,
		coalesce(a.missing, 'it was restored, and the restore has not said that it is through'), v.since,
		'Restore what is missing, then call weir.adopt(); or drop the view.'
	FROM weir.continuous_view v FULL JOIN weir.adopted a ON a.def = v.def::oid LEFT JOIN pg_class c ON c.oid = v.view::oid
	WHERE a.def IS NULL OR a.missing IS NOT NULL
	UNION ALL
	SELECT t.stream::oid::regclass::text, 'stream_stopped', t.reason, t.at,
		format('Remove the cause or change the stream''s option on_error, then call weir.resume(%1$L); where an offset is lost, weir.resume(%1$L, ''earliest'') or weir.resume(%1$L, ''latest'').', t.stream::oid::regclass)
	FROM weir.source_stopped t
	UNION ALL
	SELECT coalesce(d.view, d.stream)::oid::regclass::text, 'dead_letters',
		format('rows that %s in the last hour: %s, with SQLSTATE %s',
			CASE WHEN d.view IS NULL THEN 'could not be decoded' ELSE 'failed in its query' END,
			count(*), string_agg(DISTINCT d.sqlstate, ', ')),
		min(d."time"), 'weir.dead_letters has the rows and what is wrong with them.'
	FROM weir.dead_letters d WHERE d."time" > clock_timestamp() - interval '1 hour'
	GROUP BY d.view, d.stream
	$$;
REVOKE ALL ON FUNCTION weir.health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION weir.health() TO pg_monitor;
COMMENT ON FUNCTION weir.health() IS 'what is wrong in this database, a row a problem, none when all is well: object, problem (a short code that stays), reason, since when, and what to do; for pg_monitor';

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
