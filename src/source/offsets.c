/*
 * offsets.c
 *	  Where a source stands with a stream: next offsets, whether it was
 *	  stopped, and how it was resumed.
 *
 * weir.source_offsets is written by the flush worker only (flush/notes.h),
 * together with the views; what is merged and not yet flushed is known to the
 * epochs.  weir.source_stopped and weir.source_resumed are written here; the
 * flush waits for nobody who does.
 *
 * Called by workers of sources, the flush worker and (weir.resume) backends.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "groups/epoch.h"
#include "meta/extension.h"
#include "meta/options.h"
#include "source/offsets.h"

PG_FUNCTION_INFO_V1(weir_source_resume);

static Oid
relation_owner(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, AccessShareLock);
	return owner;
}

/* One statement about a stream; text is its second parameter when not NULL. */
static uint64
run(const char *sql, Oid streamid, const char *text, int expected)
{
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(streamid), (Datum) 0};
	int			result;

	if (text)
		values[1] = CStringGetTextDatum(text);
	result = SPI_execute_with_args(sql, text ? 2 : 1, types, values, NULL, false, 0);
	if (result != expected)
		elog(ERROR, "statement gave %s: %s", SPI_result_code_string(result), sql);
	return SPI_processed;
}

static void
begin_spi(void)
{
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_spi(void)
{
	PopActiveSnapshot();
	SPI_finish();
}

static int64
int_of(HeapTuple row, int column, int64 if_null)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? if_null : DatumGetInt64(value);
}

static void
unknown_offset(SourceOffset *offset, Oid streamid, const char *topic, int32 partition)
{
	memset(offset, 0, sizeof(SourceOffset));
	offset->streamid = streamid;
	offset->topic = topic;
	offset->partition = partition;
	offset->next_offset = offset->last.offset = SOURCE_OFFSET_UNKNOWN;
}

/* A row of the result of SPI, in cxt. */
static SourceOffset *
offset_of(HeapTuple row, Oid streamid, const char *topic, MemoryContext cxt)
{
	SourceOffset *result = MemoryContextAlloc(cxt, sizeof(SourceOffset));
	char	   *cluster = SPI_getvalue(row, SPI_tuptable->tupdesc, 3);
	char	   *topic_id = SPI_getvalue(row, SPI_tuptable->tupdesc, 4);
	bool		isnull;

	unknown_offset(result, streamid, topic,
				   DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull)));
	result->next_offset = int_of(row, 2, SOURCE_OFFSET_UNKNOWN);
	result->cluster = cluster ? MemoryContextStrdup(cxt, cluster) : NULL;
	result->topic_id = topic_id ? MemoryContextStrdup(cxt, topic_id) : NULL;
	result->last.offset = int_of(row, 5, SOURCE_OFFSET_UNKNOWN);
	result->last.timestamp = int_of(row, 6, -1);
	result->last.checksum = int_of(row, 7, 0);
	result->resumed = int_of(row, 8, 0);
	result->unread_since = int_of(row, 9, 0);
	return result;
}

/* Returns SourceOffset pointers, in the current context. */
static List *
load_stored(Oid streamid, const char *topic)
{
	MemoryContext cxt = CurrentMemoryContext;
	List	   *result = NIL;
	uint64		nrows;

	begin_spi();
	nrows = run("SELECT partition, next_offset, cluster, topic_id, last_offset, last_timestamp, last_checksum,"
				" resumed, unread_since FROM weir.source_offsets"
				" WHERE stream OPERATOR(pg_catalog.=) $1 AND topic OPERATOR(pg_catalog.=) $2",
				streamid, topic, SPI_OK_SELECT);
	for (uint64 i = 0; i < nrows; i++)
	{
		SourceOffset *offset = offset_of(SPI_tuptable->vals[i], streamid, topic, cxt);
		MemoryContext old = MemoryContextSwitchTo(cxt);

		result = lappend(result, offset);
		MemoryContextSwitchTo(old);
	}
	end_spi();
	return result;
}

static const char *const resume_names[] = {NULL, "earliest", "latest", "stored"};

static SourceResume
resume_of_name(const char *name)
{
	for (int i = 1; name && i < lengthof(resume_names); i++)
		if (strcmp(name, resume_names[i]) == 0)
			return (SourceResume) i;
	return SOURCE_RESUME_STRICT;
}

static void
load_resumed(Oid streamid, const char *topic, SourceStanding *result)
{
	begin_spi();
	if (run("SELECT start, at FROM weir.source_resumed"
			" WHERE stream OPERATOR(pg_catalog.=) $1 AND topic OPERATOR(pg_catalog.=) $2",
			streamid, topic, SPI_OK_SELECT) > 0)
	{
		result->resume = resume_of_name(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
		result->resumed = int_of(SPI_tuptable->vals[0], 2, 0);
	}
	end_spi();
}

/*
 * The epochs are looked at before the snapshot is taken: a flush in between
 * moves an offset from the former to the table, where it is then seen.
 */
void
weir_offsets_load(Oid streamid, const char *topic, int n, SourceStanding *result)
{
	bool	   *merged = palloc0(sizeof(bool) * n);
	TimestampTz *passed = palloc0(sizeof(TimestampTz) * n);
	ListCell   *lc;

	memset(result, 0, sizeof(SourceStanding));
	result->offsets = palloc(sizeof(SourceOffset) * n);
	for (int i = 0; i < n; i++)
	{
		merged[i] = weir_epoch_source_offset(streamid, topic, i, &result->offsets[i]);
		result->merged |= merged[i];
		if (!merged[i] || result->offsets[i].next_offset == SOURCE_OFFSET_FORGET)
			unknown_offset(&result->offsets[i], streamid, topic, i);
		passed[i] = result->offsets[i].unread_since;
		result->offsets[i].unread_since = 0;
	}
	foreach(lc, load_stored(streamid, topic))
	{
		SourceOffset *stored = lfirst(lc);
		SourceOffset newer;

		result->stored = true;
		result->unread |= stored->unread_since != 0;
		if (stored->partition >= 0 && stored->partition < n)
		{
			if (!merged[stored->partition])
				result->offsets[stored->partition] = *stored;
			else if (stored->unread_since != passed[stored->partition])
				result->offsets[stored->partition].unread_since = stored->unread_since;
		}
		else if (!weir_epoch_source_offset(streamid, topic, stored->partition, &newer) ||
				 newer.next_offset != SOURCE_OFFSET_FORGET)
			result->beyond = lappend(result->beyond, stored);
	}
	load_resumed(streamid, topic, result);
}

void
weir_offsets_load_stored(Oid streamid, const char *topic, int n, int64 *offsets)
{
	ListCell   *lc;

	for (int i = 0; i < n; i++)
		offsets[i] = SOURCE_OFFSET_UNKNOWN;
	foreach(lc, load_stored(streamid, topic))
	{
		SourceOffset *stored = lfirst(lc);

		if (stored->partition >= 0 && stored->partition < n)
			offsets[stored->partition] = stored->next_offset;
	}
}

bool
weir_source_is_stopped(Oid streamid)
{
	bool		stopped;

	begin_spi();
	stopped = run("SELECT 1 FROM weir.source_stopped WHERE stream OPERATOR(pg_catalog.=) $1",
				  streamid, NULL, SPI_OK_SELECT) > 0;
	end_spi();
	return stopped;
}

void
weir_source_set_stopped(Oid streamid, const char *reason)
{
	begin_spi();
	(void) run("INSERT INTO weir.source_stopped (stream, reason, at) VALUES ($1, $2, pg_catalog.now())"
			   " ON CONFLICT (stream) DO NOTHING", streamid, reason, SPI_OK_INSERT);
	end_spi();
}

/* What weir.resume's second argument says, checked. */
static const char *
resume_argument(FunctionCallInfo fcinfo)
{
	const char *start = PG_NARGS() > 1 ? text_to_cstring(PG_GETARG_TEXT_PP(1)) : NULL;

	if (start && resume_of_name(start) == SOURCE_RESUME_STRICT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot resume a stream from \"%s\"", start),
				 errhint("Use 'earliest', 'latest' or 'stored'.")));
	return start;
}

static void
note_resumed(Oid streamid, const char *start)
{
	KafkaStreamOptions *options = weir_options_kafka(streamid);

	/* Its server has become one for inserted rows. */
	if (options == NULL)
		return;
	(void) run("INSERT INTO weir.source_resumed (stream, topic, start, at)"
			   " VALUES ($1, $2, NULL, pg_catalog.clock_timestamp())"
			   " ON CONFLICT (stream) DO UPDATE SET topic = excluded.topic, start = NULL, at = excluded.at",
			   streamid, options->topic, SPI_OK_INSERT);
	if (start)
		(void) run("UPDATE weir.source_resumed SET start = $2 WHERE stream OPERATOR(pg_catalog.=) $1",
				   streamid, start, SPI_OK_UPDATE);
}

/* As the owner of these tables. */
static void
begin_as_owner(Oid *user, int *sec)
{
	GetUserIdAndSecContext(user, sec);
	SetUserIdAndSecContext(relation_owner(weir_catalog_relid("source_stopped")),
						   *sec | SECURITY_LOCAL_USERID_CHANGE);
	begin_spi();
}

void
weir_source_topic_changed(Oid streamid)
{
	Oid			user;
	int			sec;

	begin_as_owner(&user, &sec);
	note_resumed(streamid, NULL);
	end_spi();
	SetUserIdAndSecContext(user, sec);
}

/*
 * weir.resume(stream [, from]): consume a stopped stream again, from where it
 * stands.  The launcher starts its workers once this has committed.
 */
PGDLLEXPORT Datum
weir_source_resume(PG_FUNCTION_ARGS)
{
	Oid			streamid = PG_GETARG_OID(0);
	const char *start = resume_argument(fcinfo);
	Oid			user;
	int			sec;
	bool		was_stopped;

	weir_shmem_require();
	if (!weir_relation_is_stream(streamid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(streamid))));
	if (!object_ownercheck(RelationRelationId, streamid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, get_rel_name(streamid));

	begin_as_owner(&user, &sec);
	was_stopped = run("DELETE FROM weir.source_stopped WHERE stream OPERATOR(pg_catalog.=) $1",
					  streamid, NULL, SPI_OK_DELETE) > 0;
	if (was_stopped)
		note_resumed(streamid, start);
	end_spi();
	SetUserIdAndSecContext(user, sec);
	PG_RETURN_BOOL(was_stopped);
}
