/*
 * options.c
 *	  Options of servers, streams, columns and user mappings.
 *
 * Owns the list of options, their validation and their lookup.  librdkafka's
 * properties pass through as "kafka.<property>"; which of them are allowed is
 * said by meta/property.h.
 *
 * Called by backends (the wrapper's validator, DDL) and by Kafka workers.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/event_options.h"
#include "meta/extension.h"
#include "meta/options.h"
#include "meta/property.h"
#include "source/format/formats.h"

/*
 * The kinds of object that take options, by the catalog the validator is told.
 */
typedef struct OptionKind
{
	Oid			catalog;
	const char *name;			/* for messages, with article */
} OptionKind;

static const OptionKind kinds[] = {
	{ForeignServerRelationId, "a server"},
	{ForeignTableRelationId, "a stream"},
	{AttributeRelationId, "a column of a stream"},
	{UserMappingRelationId, "a user mapping"}
};

/*
 * values lists what may be said, NULL-terminated; unsupported, what will be.
 */
typedef struct OptionSpec
{
	const char *name;
	Oid			catalog;
	const char *const *values;
	const char *const *unsupported;
} OptionSpec;

static const char *const format_later[] = {"avro", "protobuf", NULL};
static const char *const startup_values[] = {"earliest", "latest", NULL};
static const char *const on_error_values[] = {"dead_letter", "skip", "stop", NULL};

/* In the order of KafkaMetadata, from KAFKA_METADATA_TOPIC on. */
static const char *const metadata_values[] = {
	"topic", "partition", "offset", "timestamp", "key", "headers", NULL
};

static const OptionSpec specs[] = {
	{"bootstrap_servers", ForeignServerRelationId},
	{"topic", ForeignTableRelationId},
	{"format", ForeignTableRelationId, NULL, format_later}, /* weir_format_names() */
	{"startup", ForeignTableRelationId, startup_values},
	{"on_error", ForeignTableRelationId, on_error_values},
	{"workers", ForeignTableRelationId},
	{"event_time", ForeignTableRelationId},
	{"watermark", ForeignTableRelationId},
	{"idle_timeout", ForeignTableRelationId},
	{"max_future", ForeignTableRelationId},
	{"metadata", AttributeRelationId, metadata_values},
	{"user", UserMappingRelationId},
	{"password", UserMappingRelationId}
};

#define KAFKA_PREFIX "kafka."
#define MAX_KAFKA_WORKERS 16
#define MAX_TOPIC_LENGTH 249	/* Kafka's own limit */

static void check_option(DefElem *def, Oid catalog);
pg_noreturn static void unknown_option(const char *name, Oid catalog);
static void check_value(const OptionSpec *spec, const char *value);
static void check_format_options(List *options);
static int	parse_workers(const char *value);
static void check_topic(const char *topic);
static const char *option_string(List *options, const char *name);
static const Format *option_format(List *options);
static List *add_properties(List *properties, List *options);
static void check_metadata_type(Relation rel, Form_pg_attribute att, KafkaMetadata metadata);

WEIR_FUNCTION(weir_fdw_validator);

/*
 * Check all options of one object.  Errors name the option, with the closest
 * one there is as a hint.
 */
PGDLLEXPORT Datum
weir_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	bool		kafka_property = false;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		check_option(def, catalog);
		if (strncmp(def->defname, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0)
			kafka_property = true;
	}
	if (catalog == ForeignTableRelationId)
		check_format_options(options);
	if (catalog == ForeignServerRelationId && kafka_property &&
		option_string(options, "bootstrap_servers") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"bootstrap_servers\" is required with options \"kafka.*\"")));
	PG_RETURN_VOID();
}

static void
check_option(DefElem *def, Oid catalog)
{
	const char *value = defGetString(def);

	if (strncmp(def->defname, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0 &&
		(catalog == ForeignServerRelationId || catalog == ForeignTableRelationId ||
		 catalog == UserMappingRelationId))
	{
		weir_kafka_property_check(def->defname + strlen(KAFKA_PREFIX), value,
								  catalog == ForeignServerRelationId ? KAFKA_ON_SERVER :
								  catalog == UserMappingRelationId ? KAFKA_ON_MAPPING : KAFKA_ON_STREAM);
		return;
	}
	for (int i = 0; i < lengthof(specs); i++)
	{
		if (specs[i].catalog == catalog && strcmp(specs[i].name, def->defname) == 0)
		{
			check_value(&specs[i], value);
			return;
		}
	}
	if (catalog != ForeignTableRelationId || weir_format_with_option(def->defname) == NULL)
		unknown_option(def->defname, catalog);
}

/* Options of formats: are they those of the stream's, and what it takes? */
static void
check_format_options(List *options)
{
	const Format *format = option_format(options);
	List	   *own = weir_format_own_options(format, options);
	ListCell   *lc;

	foreach(lc, options)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;
		const Format *owner = weir_format_with_option(name);

		if (owner && !list_member_ptr(own, lfirst(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("format \"%s\" has no option \"%s\"", format->name, name),
					 errhint("It is an option of format \"%s\".", owner->name)));
	}
	if (format->check_options)
		format->check_options(own);
}

static const char *
kind_name(Oid catalog)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (kinds[i].catalog == catalog)
			return kinds[i].name;
	return "the foreign-data wrapper";
}

/*
 * Take over a candidate that is closer to the name than the closest one so
 * far.
 */
static void
consider(const char *name, const char *candidate, const char **closest, int *distance)
{
	int			d = weir_option_distance(name, candidate, *distance);

	if (d < *distance)
	{
		*distance = d;
		*closest = candidate;
	}
}

/* Say where an option belongs, or which one may have been meant. */
static void
unknown_option(const char *name, Oid catalog)
{
	const char *closest = NULL;
	int			distance = 4;
	Oid			belongs = weir_format_with_option(name) ? ForeignTableRelationId : InvalidOid;

	for (int i = 0; i < lengthof(specs); i++)
	{
		if (strcmp(specs[i].name, name) == 0)
			belongs = specs[i].catalog;
		if (specs[i].catalog == catalog)
			consider(name, specs[i].name, &closest, &distance);
	}
	if (catalog == ForeignTableRelationId)
		for (const char *const *format = weir_format_names(); *format; format++)
			for (const char *const *own = weir_format_find(*format)->options; own && *own; own++)
				consider(name, *own, &closest, &distance);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("%s has no option \"%s\"", kind_name(catalog), name),
			 OidIsValid(belongs) ? errhint("It is an option of %s.", kind_name(belongs)) :
			 closest ? errhint("Perhaps you meant the option \"%s\".", closest) : 0));
}

static bool
is_one_of(const char *value, const char *const *values)
{
	for (; values && *values; values++)
		if (strcmp(value, *values) == 0)
			return true;
	return false;
}

static void
check_value(const OptionSpec *spec, const char *value)
{
	const char *const *values = strcmp(spec->name, "format") == 0 ? weir_format_names() : spec->values;

	if (is_one_of(value, spec->unsupported))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s \"%s\" is not supported yet", spec->name, value),
				 errhint("Use %s \"%s\".", spec->name, values[0])));
	if (values && !is_one_of(value, values))
	{
		StringInfoData list;

		initStringInfo(&list);
		for (const char *const *v = values; *v; v++)
			appendStringInfo(&list, "%s\"%s\"", v == values ? "" : ", ", *v);
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", spec->name, value),
				 errhint("Valid values are %s.", list.data)));
	}
	if (spec->catalog == ForeignTableRelationId && weir_event_option_check(spec->name, value))
		return;
	if (strcmp(spec->name, "topic") == 0)
		check_topic(value);
	else if (strcmp(spec->name, "workers") == 0)
		(void) parse_workers(value);
	else if (value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"%s\" must not be empty", spec->name)));
}

/* Kafka's rule for topic names. */
static void
check_topic(const char *topic)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (topic[0] == '\0' || strlen(topic) > MAX_TOPIC_LENGTH ||
		topic[strspn(topic, allowed)] != '\0' ||
		strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid topic name \"%s\"", topic),
				 errdetail("A topic name has 1 to %d letters, digits, dots, underscores and hyphens.",
						   MAX_TOPIC_LENGTH)));
}

static int
parse_workers(const char *value)
{
	char	   *end;
	long		n = strtol(value, &end, 10);

	if (end == value || *end != '\0' || n < 1 || n > MAX_KAFKA_WORKERS)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"workers\": \"%s\"", value),
				 errhint("Valid values are 1 to %d.", MAX_KAFKA_WORKERS)));
	return (int) n;
}

/* ----------------------------------------------------------------
 * Lookup
 * ----------------------------------------------------------------
 */

static const char *
option_string(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/*
 * What a stream's messages are in; of a name that is none, and that has been
 * refused, the default.
 */
static const Format *
option_format(List *options)
{
	const char *name = option_string(options, "format");
	const Format *format = name ? weir_format_find(name) : NULL;

	return format ? format : weir_format_find(WEIR_DEFAULT_FORMAT);
}

static List *
add_property(List *properties, const char *name, const char *value)
{
	KafkaProperty *property = palloc(sizeof(KafkaProperty));

	property->name = pstrdup(name);
	property->value = pstrdup(value);
	return lappend(properties, property);
}

static List *
add_properties(List *properties, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strncmp(def->defname, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0)
			properties = add_property(properties, def->defname + strlen(KAFKA_PREFIX),
									  defGetString(def));
		else if (strcmp(def->defname, "user") == 0)
			properties = add_property(properties, "sasl.username", defGetString(def));
		else if (strcmp(def->defname, "password") == 0)
			properties = add_property(properties, "sasl.password", defGetString(def));
	}
	return properties;
}

/*
 * Options of the owner's user mapping, or of PUBLIC's; NIL when there is none.
 */
static List *
user_mapping_options(Oid owner, Oid serverid)
{
	HeapTuple	tuple;
	Datum		datum;
	bool		isnull;
	List	   *options = NIL;

	tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(owner),
							ObjectIdGetDatum(serverid));
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(serverid));
	if (!HeapTupleIsValid(tuple))
		return NIL;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
							Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		options = untransformRelOptions(datum);
	ReleaseSysCache(tuple);
	return options;
}

/* Of a stream: its server and options; false if it does not exist. */
static bool
stream_options(Oid streamid, Oid *serverid, List **options)
{
	HeapTuple	tuple = SearchSysCache1(FOREIGNTABLEREL, ObjectIdGetDatum(streamid));
	Datum		datum;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	*serverid = ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftserver;
	datum = SysCacheGetAttr(FOREIGNTABLEREL, tuple, Anum_pg_foreign_table_ftoptions, &isnull);
	*options = isnull ? NIL : untransformRelOptions(datum);
	ReleaseSysCache(tuple);
	return true;
}

/*
 * From the catalogs alone: a lock on the stream, which its users can hold,
 * must not keep the flush worker waiting.
 */
KafkaStreamOptions *
weir_options_kafka(Oid streamid)
{
	Oid			serverid;
	List	   *options;
	ForeignServer *server;
	HeapTuple	tuple;
	const char *bootstrap;
	const char *topic;
	const char *startup;
	const char *on_error;
	const char *workers;
	KafkaStreamOptions *result;
	ListCell   *lc;

	if (!stream_options(streamid, &serverid, &options) ||
		(server = GetForeignServerExtended(serverid, FSV_MISSING_OK)) == NULL)
		return NULL;
	bootstrap = option_string(server->options, "bootstrap_servers");
	topic = option_string(options, "topic");
	startup = option_string(options, "startup");
	on_error = option_string(options, "on_error");
	workers = option_string(options, "workers");
	if (bootstrap == NULL || topic == NULL)
		return NULL;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(streamid));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	result = palloc0(sizeof(KafkaStreamOptions));
	result->streamid = streamid;
	result->owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	result->name = quote_qualified_identifier(get_namespace_name(((Form_pg_class) GETSTRUCT(tuple))->relnamespace),
											  NameStr(((Form_pg_class) GETSTRUCT(tuple))->relname));
	ReleaseSysCache(tuple);
	result->bootstrap_servers = pstrdup(bootstrap);
	result->topic = pstrdup(topic);
	result->format = option_format(options);
	result->format_options = weir_format_own_options(result->format, options);
	result->from_latest = startup && strcmp(startup, "latest") == 0;
	result->on_error = on_error == NULL ? KAFKA_DEAD_LETTER :
		strcmp(on_error, "skip") == 0 ? KAFKA_SKIP :
		strcmp(on_error, "stop") == 0 ? KAFKA_STOP : KAFKA_DEAD_LETTER;
	result->workers = workers ? parse_workers(workers) : 1;
	result->properties = add_properties(NIL, server->options);
	result->properties = add_properties(result->properties, options);
	result->properties = add_properties(result->properties,
										user_mapping_options(result->owner, serverid));
	foreach(lc, result->properties)
		result->has_group |= strcmp(((KafkaProperty *) lfirst(lc))->name, "group.id") == 0;
	return result;
}

static bool
same_options(List *a, List *b)
{
	ListCell   *la,
			   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(la, a, lb, b)
	{
		DefElem    *da = lfirst_node(DefElem, la);
		DefElem    *db = lfirst_node(DefElem, lb);

		if (strcmp(da->defname, db->defname) != 0 || strcmp(defGetString(da), defGetString(db)) != 0)
			return false;
	}
	return true;
}

bool
weir_options_kafka_equal(const KafkaStreamOptions *a, const KafkaStreamOptions *b)
{
	ListCell   *la,
			   *lb;

	if (a->streamid != b->streamid || a->owner != b->owner ||
		a->from_latest != b->from_latest || a->on_error != b->on_error ||
		a->workers != b->workers || a->format != b->format ||
		!same_options(a->format_options, b->format_options) ||
		strcmp(a->name, b->name) != 0 ||
		strcmp(a->bootstrap_servers, b->bootstrap_servers) != 0 ||
		strcmp(a->topic, b->topic) != 0 ||
		list_length(a->properties) != list_length(b->properties))
		return false;
	forboth(la, a->properties, lb, b->properties)
	{
		KafkaProperty *pa = lfirst(la);
		KafkaProperty *pb = lfirst(lb);

		if (strcmp(pa->name, pb->name) != 0 || strcmp(pa->value, pb->value) != 0)
			return false;
	}
	return true;
}

bool
weir_options_is_kafka_server(Oid serverid)
{
	return option_string(GetForeignServer(serverid)->options, "bootstrap_servers") != NULL;
}

KafkaMetadata
weir_options_metadata(Oid streamid, AttrNumber attnum)
{
	const char *value = option_string(GetForeignColumnOptions(streamid, attnum), "metadata");

	for (int i = 0; value && metadata_values[i]; i++)
		if (strcmp(value, metadata_values[i]) == 0)
			return (KafkaMetadata) (KAFKA_METADATA_TOPIC + i);
	return KAFKA_METADATA_NONE;
}

bool *
weir_options_not_in_payload(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	bool	   *result = palloc0(sizeof(bool) * Max(desc->natts, 1));
	int			arrival = weir_stream_arrival(desc);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		result[i] = att->attisdropped || att->attgenerated || i == arrival ||
			weir_options_metadata(RelationGetRelid(rel), att->attnum) != KAFKA_METADATA_NONE;
	}
	return result;
}

/* ----------------------------------------------------------------
 * What the validator cannot see
 * ----------------------------------------------------------------
 */

void
weir_options_check_stream(Oid streamid)
{
	ForeignTable *table = GetForeignTable(streamid);
	bool		kafka = weir_options_is_kafka_server(table->serverid);
	ForeignServer *server = GetForeignServer(table->serverid);
	Relation	rel;
	ListCell   *lc;

	if (kafka && option_string(table->options, "topic") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"topic\" is required for a stream of Kafka server \"%s\"",
						server->servername)));
	foreach(lc, table->options)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (!kafka && !weir_event_option_is(name))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" needs a Kafka server", name),
					 errdetail("Rows of a stream of server \"%s\" come by INSERT and COPY.",
							   server->servername),
					 errhint("Use a server with option \"bootstrap_servers\".")));
	}
	weir_event_options_check_stream(streamid, table->options);

	rel = table_open(streamid, AccessShareLock);
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		KafkaMetadata metadata;

		if (att->attisdropped)
			continue;
		metadata = weir_options_metadata(streamid, att->attnum);
		if (metadata == KAFKA_METADATA_NONE)
			continue;
		if (!kafka)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("column option \"metadata\" needs a Kafka server")));
		check_metadata_type(rel, att, metadata);
	}
	if (kafka && option_format(table->options)->check_columns)
		option_format(table->options)->check_columns(rel, weir_options_not_in_payload(rel));
	table_close(rel, NoLock);
}

static void
check_metadata_type(Relation rel, Form_pg_attribute att, KafkaMetadata metadata)
{
	/* By KafkaMetadata; zero-terminated, the first is what the hint names. */
	static const Oid types[][5] = {
		{InvalidOid},
		{TEXTOID, VARCHAROID, InvalidOid},
		{INT4OID, INT8OID, NUMERICOID, InvalidOid},
		{INT8OID, NUMERICOID, InvalidOid},
		{TIMESTAMPTZOID, InvalidOid},
		{TEXTOID, VARCHAROID, BYTEAOID, JSONOID, JSONBOID},
		{JSONBOID, JSONOID, TEXTOID, InvalidOid}
	};

	for (int i = 0; i < 5 && OidIsValid(types[metadata][i]); i++)
		if (att->atttypid == types[metadata][i])
			return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
			 errmsg("column \"%s\" of stream \"%s\" cannot take metadata \"%s\"",
					NameStr(att->attname), RelationGetRelationName(rel),
					metadata_values[metadata - KAFKA_METADATA_TOPIC]),
			 errdetail("Its type is %s.", format_type_be(att->atttypid)),
			 errhint("Use type %s.", format_type_be(types[metadata][0]))));
}
