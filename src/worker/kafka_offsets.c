/*
 * kafka_offsets.c
 *	  Where a Kafka stream stands: next offsets, and whether it was stopped.
 *
 * weir.kafka_offsets is written by flushes only (worker/flush.h), together with
 * the views; what is merged and not yet flushed is known to the epochs.
 * weir.kafka_stopped is written here.
 *
 * Called by Kafka workers, the launcher and (weir.resume) backends.
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
#include "catalog/cont_view.h"
#include "groups/epoch.h"
#include "worker/kafka_offsets.h"
#include "kafka/stat.h"

PG_FUNCTION_INFO_V1(weir_kafka_resume);

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

static bool
load_stored(Oid streamid, int n, int64 *offsets)
{
	uint64		nrows;
	bool		isnull;

	begin_spi();
	nrows = run("SELECT partition, next_offset FROM weir.kafka_offsets WHERE stream OPERATOR(pg_catalog.=) $1",
				streamid, NULL, SPI_OK_SELECT);
	for (uint64 i = 0; i < nrows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		int32		partition = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		int64		offset = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		if (partition >= 0 && partition < n)
			offsets[partition] = Max(offsets[partition], offset);
	}
	end_spi();
	return nrows > 0;
}

/*
 * The epochs are looked at before the snapshot is taken: a flush in between
 * moves an offset from the former to the table, where it is then seen.
 */
void
weir_offsets_load(Oid streamid, int n, int64 *offsets, bool *stored, bool *merged)
{
	*merged = false;
	for (int i = 0; i < n; i++)
	{
		if (weir_epoch_kafka_offset(streamid, i, &offsets[i]))
			*merged = true;
		else
			offsets[i] = KAFKA_OFFSET_UNKNOWN;
	}
	*stored = load_stored(streamid, n, offsets);
}

void
weir_offsets_load_stored(Oid streamid, int n, int64 *offsets)
{
	for (int i = 0; i < n; i++)
		offsets[i] = KAFKA_OFFSET_UNKNOWN;
	(void) load_stored(streamid, n, offsets);
}

bool
weir_kafka_is_stopped(Oid streamid)
{
	bool		stopped;

	begin_spi();
	stopped = run("SELECT 1 FROM weir.kafka_stopped WHERE stream OPERATOR(pg_catalog.=) $1",
				  streamid, NULL, SPI_OK_SELECT) > 0;
	end_spi();
	return stopped;
}

void
weir_kafka_set_stopped(Oid streamid, const char *reason)
{
	begin_spi();
	(void) run("INSERT INTO weir.kafka_stopped (stream, reason, at) VALUES ($1, $2, pg_catalog.now())"
			   " ON CONFLICT (stream) DO NOTHING", streamid, reason, SPI_OK_INSERT);
	end_spi();
}

/*
 * weir.resume(stream): consume a stopped stream again, from where it stands.
 * The launcher starts its workers once this has committed.
 */
PGDLLEXPORT Datum
weir_kafka_resume(PG_FUNCTION_ARGS)
{
	Oid			streamid = PG_GETARG_OID(0);
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

	GetUserIdAndSecContext(&user, &sec);
	SetUserIdAndSecContext(relation_owner(weir_catalog_relid("kafka_stopped")),
						   sec | SECURITY_LOCAL_USERID_CHANGE);
	begin_spi();
	was_stopped = run("DELETE FROM weir.kafka_stopped WHERE stream OPERATOR(pg_catalog.=) $1",
					  streamid, NULL, SPI_OK_DELETE) > 0;
	end_spi();
	SetUserIdAndSecContext(user, sec);
	PG_RETURN_BOOL(was_stopped);
}
