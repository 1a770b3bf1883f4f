/*
 * stat.c
 *	  What Kafka workers show of themselves, in shared memory.
 *
 * A fixed array of entries, one a partition of a stream and one a worker.
 * Workers attach entries and write to them; weir.stat_kafka reads them.
 * Entries keep their counters while no worker is attached; those are given to
 * others when the array is full.
 *
 * Locking: one LWLock, exclusive to write (once a batch and partition), shared
 * to read.
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/stats.h"
#include "kafka/stat.h"

#define MAX_ENTRIES 512
#define ERROR_LENGTH 200

typedef struct Entry
{
	Oid			dboid;			/* InvalidOid: unused */
	Oid			streamid;
	int32		partition;
	int			pid;			/* 0: no worker */
	KafkaState	state;
	TimestampTz away_since;		/* when it was running last; 0: it is */
	int64		position;		/* next offset to read; -1: unknown */
	int64		high;			/* high watermark; -1: unknown */
	int64		messages;
	int64		bytes;
	int64		errors;
	TimestampTz error_time;		/* 0: none */
	char		error[ERROR_LENGTH];
} Entry;

typedef struct KafkaStats
{
	LWLock		lock;
	pg_atomic_uint32 stop_count;
	Entry		entries[MAX_ENTRIES];
} KafkaStats;

static KafkaStats *stats = NULL;

static const char *const state_names[] = {
	"idle", "starting", "running", "unreachable", "retrying", "stopped"
};

PG_FUNCTION_INFO_V1(weir_kafka_stat);

static Size
stat_size(void)
{
	return sizeof(KafkaStats);
}

static void
stat_init(void *address, bool found)
{
	stats = address;
	if (found)
		return;
	memset(stats, 0, sizeof(KafkaStats));
	weir_lwlock_init(&stats->lock);
	pg_atomic_init_u32(&stats->stop_count, 0);
}

const WeirShmemPart weir_kafka_stat_part = {
	.name = "weir kafka",
	.size = stat_size,
	.init = stat_init
};

/* ----------------------------------------------------------------
 * Entries
 * ----------------------------------------------------------------
 */

static void
set_state(Entry *e, KafkaState state)
{
	if (state == KAFKA_STATE_RUNNING)
		e->away_since = 0;
	else if (e->away_since == 0)
		e->away_since = GetCurrentTimestamp();
	e->state = state;
}

int
weir_kafka_stat_attach(Oid streamid, int32 partition)
{
	int			found = -1;
	int			spare = -1;

	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_ENTRIES && found < 0; i++)
	{
		Entry	   *e = &stats->entries[i];

		if (e->dboid == MyDatabaseId && e->streamid == streamid && e->partition == partition)
			found = i;
		else if (!OidIsValid(e->dboid) ? (spare < 0 || OidIsValid(stats->entries[spare].dboid)) :
				 (spare < 0 && e->pid == 0))
			spare = i;
	}
	if (found < 0 && spare >= 0)
	{
		memset(&stats->entries[spare], 0, sizeof(Entry));
		stats->entries[spare].dboid = MyDatabaseId;
		stats->entries[spare].streamid = streamid;
		stats->entries[spare].partition = partition;
		found = spare;
	}
	if (found >= 0)
	{
		stats->entries[found].pid = MyProcPid;
		set_state(&stats->entries[found], KAFKA_STATE_STARTING);
		stats->entries[found].position = -1;
		stats->entries[found].high = -1;
	}
	LWLockRelease(&stats->lock);
	return found;
}

void
weir_kafka_stat_detach(void)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		Entry	   *e = &stats->entries[i];

		if (e->pid != MyProcPid)
			continue;
		e->pid = 0;
		if (e->state != KAFKA_STATE_STOPPED)
			set_state(e, KAFKA_STATE_IDLE);
	}
	LWLockRelease(&stats->lock);
}

static void
set_error(Entry *e, const char *error)
{
	e->error_time = GetCurrentTimestamp();
	strlcpy(e->error, error, pg_mbcliplen(error, strlen(error), ERROR_LENGTH - 1) + 1);
}

void
weir_kafka_stat_state(int entry, KafkaState state, const char *error)
{
	if (entry < 0)
		return;
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	set_state(&stats->entries[entry], state);
	if (error)
		set_error(&stats->entries[entry], error);
	LWLockRelease(&stats->lock);
}

void
weir_kafka_stat_error(int entry, int64 count, const char *error)
{
	if (entry < 0)
		return;
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	stats->entries[entry].errors += count;
	if (error)
		set_error(&stats->entries[entry], error);
	LWLockRelease(&stats->lock);
}

void
weir_kafka_stat_progress(int entry, int64 position, int64 messages, int64 bytes)
{
	if (entry < 0)
		return;
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	set_state(&stats->entries[entry], KAFKA_STATE_RUNNING);
	stats->entries[entry].position = position;
	stats->entries[entry].messages += messages;
	stats->entries[entry].bytes += bytes;
	LWLockRelease(&stats->lock);
}

void
weir_kafka_stat_high_watermark(int entry, int64 high)
{
	if (entry < 0 || high < 0)
		return;
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	stats->entries[entry].high = high;
	LWLockRelease(&stats->lock);
}

bool
weir_kafka_stat_get(int n, KafkaStatus *status)
{
	bool		found = false;

	LWLockAcquire(&stats->lock, LW_SHARED);
	for (int i = 0; i < MAX_ENTRIES && !found; i++)
	{
		Entry	   *e = &stats->entries[i];

		if (e->dboid != MyDatabaseId || n-- > 0)
			continue;
		status->streamid = e->streamid;
		status->partition = e->partition;
		status->state = e->state;
		status->away_since = e->away_since;
		status->error_time = e->error_time;
		strlcpy(status->error, e->error, sizeof(status->error));
		found = true;
	}
	LWLockRelease(&stats->lock);
	return found;
}

const char *
weir_kafka_state_name(KafkaState state)
{
	return state_names[state];
}

void
weir_kafka_stat_reset(void)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_ENTRIES; i++)
	{
		Entry	   *e = &stats->entries[i];

		if (e->dboid != MyDatabaseId)
			continue;
		e->messages = e->bytes = e->errors = 0;
		e->error_time = 0;
		e->error[0] = '\0';
	}
	LWLockRelease(&stats->lock);
}

uint32
weir_kafka_stop_count(void)
{
	return pg_atomic_read_u32(&stats->stop_count);
}

void
weir_kafka_stop_count_advance(void)
{
	pg_atomic_fetch_add_u32(&stats->stop_count, 1);
}

/* ----------------------------------------------------------------
 * weir.kafka_stat()
 * ----------------------------------------------------------------
 */

static void
put_entry(ReturnSetInfo *rsinfo, const Entry *e)
{
	Datum		values[11];
	bool		nulls[11] = {false};

	values[0] = ObjectIdGetDatum(e->streamid);
	values[1] = Int32GetDatum(e->partition);
	nulls[1] = e->partition < 0;
	values[2] = Int32GetDatum(e->pid);
	nulls[2] = e->pid == 0;
	values[3] = CStringGetTextDatum(state_names[e->state]);
	values[4] = Int64GetDatum(e->position);
	nulls[4] = e->position < 0;
	values[5] = Int64GetDatum(e->high);
	nulls[5] = e->high < 0;
	values[6] = Int64GetDatum(e->messages);
	values[7] = Int64GetDatum(e->bytes);
	values[8] = Int64GetDatum(e->errors);
	values[9] = CStringGetTextDatum(weir_stats_error_text(e->error, e->streamid));
	values[10] = TimestampTzGetDatum(e->error_time);
	nulls[9] = nulls[10] = e->error_time == 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PGDLLEXPORT Datum
weir_kafka_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Entry	   *copy = palloc(sizeof(stats->entries));

	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	LWLockAcquire(&stats->lock, LW_SHARED);
	memcpy(copy, stats->entries, sizeof(stats->entries));
	LWLockRelease(&stats->lock);
	for (int i = 0; i < MAX_ENTRIES; i++)
		if (copy[i].dboid == MyDatabaseId)
			put_entry(rsinfo, &copy[i]);
	return (Datum) 0;
}
