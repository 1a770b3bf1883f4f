/*
 * event_options.c
 *	  A stream's options for event time: event_time, watermark, idle_timeout,
 *	  max_future.
 *
 * Checked with the wrapper's other options (options.c).  Workers ask for them
 * with each batch, so what they say is kept per process until the stream
 * changes.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/weir.h"
#include "meta/event_options.h"
#include "meta/extension.h"

/* A time this far ahead is taken for an error of its clock. */
#define DEFAULT_MAX_FUTURE USECS_PER_DAY

static const char *const names[] = {"event_time", "watermark", "idle_timeout", "max_future"};

static HTAB *cache = NULL;

static int64 parse_length(const char *name, const char *value);
static void read_options(EventOptions *result);
static void stream_changed(Datum arg, Oid relid);
static void options_changed(Datum arg, int cacheid, uint32 hashvalue);

bool
weir_event_option_is(const char *name)
{
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool
weir_event_option_check(const char *name, const char *value)
{
	if (!weir_event_option_is(name))
		return false;
	if (strcmp(name, "event_time") == 0)
	{
		if (value[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("option \"%s\" must not be empty", name)));
	}
	else
		(void) parse_length(name, value);
	return true;
}

void
weir_event_options_check_stream(Oid streamid, List *options)
{
	const char *column = NULL;
	const char *other = NULL;
	AttrNumber	attno;
	Oid			type;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "event_time") == 0)
			column = defGetString(def);
		else if (weir_event_option_is(def->defname))
			other = def->defname;
	}
	if (column == NULL && other)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"%s\" needs option \"event_time\"", other),
				 errhint("Name the column that says when a row happened: event_time 'ts'.")));
	if (column == NULL)
		return;
	attno = get_attnum(streamid, column);
	if (attno <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of option \"event_time\" does not exist in stream \"%s\"",
						column, get_rel_name(streamid))));
	type = get_atttype(streamid, attno);
	if (type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" of option \"event_time\" has type %s", column, format_type_be(type)),
				 errhint("Use a column of type timestamp with time zone or timestamp without time zone.")));
}

static int64
parse_length(const char *name, const char *value)
{
	int64		usecs;

	if (strcmp(name, "max_future") == 0 && strcmp(value, "none") == 0)
		return -1;
	usecs = weir_interval_usecs(DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(value),
																	  ObjectIdGetDatum(InvalidOid),
																	  Int32GetDatum(-1))));
	if (usecs < 0 || (usecs == 0 && strcmp(name, "idle_timeout") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errhint("Give a length of time, such as '5 seconds'.")));
	return usecs;
}

/* ---------------------------------------------------------------------
 * The cache
 * --------------------------------------------------------------------- */

const EventOptions *
weir_event_options(Oid streamid)
{
	EventOptions *entry;
	bool		found;

	if (cache == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(EventOptions);
		cache = hash_create("weir event options", 64, &ctl, HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(stream_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNTABLEREL, options_changed, (Datum) 0);
	}
	entry = hash_search(cache, &streamid, HASH_ENTER, &found);
	if (!found || !entry->valid)
	{
		/* An invalidation that arrives while reading counts. */
		entry->valid = true;
		read_options(entry);
	}
	return entry;
}

static void
read_options(EventOptions *result)
{
	HeapTuple	tuple = SearchSysCache1(FOREIGNTABLEREL, ObjectIdGetDatum(result->streamid));
	ListCell   *lc;

	result->column = 0;
	result->type = InvalidOid;
	result->watermark = result->idle_timeout = 0;
	result->max_future = DEFAULT_MAX_FUTURE;
	if (!HeapTupleIsValid(tuple))
		return;
	ReleaseSysCache(tuple);
	foreach(lc, GetForeignTable(result->streamid)->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		char	   *value = defGetString(def);

		if (strcmp(def->defname, "event_time") == 0)
			result->column = get_attnum(result->streamid, value);
		else if (strcmp(def->defname, "watermark") == 0)
			result->watermark = parse_length(def->defname, value);
		else if (strcmp(def->defname, "idle_timeout") == 0)
			result->idle_timeout = parse_length(def->defname, value);
		else if (strcmp(def->defname, "max_future") == 0)
			result->max_future = parse_length(def->defname, value);
	}
	if (result->column > 0)
		result->type = get_atttype(result->streamid, result->column);
}

static void
stream_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	EventOptions *entry;

	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || relid == entry->streamid)
			entry->valid = false;
}

static void
options_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	stream_changed(arg, InvalidOid);
}
