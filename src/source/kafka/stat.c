/*
 * stat.c
 *	  What Kafka workers show of themselves, in shared memory.
 *
 * One entry a partition of a stream and one a worker.  Workers attach entries
 * and write to them; weir.stat_kafka reads them.  Entries keep their counters
 * while no worker is attached, as long as there is room.
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

#include "base/stat_table.h"
#include "base/stats.h"
#include "source/kafka/stat.h"

typedef struct KafkaStats
{
	StatTable	table;
	Size		memory;			/* sums of the workers' */
	Size		memory_limit;
	Size		memory_peak;
	pg_atomic_uint32 stop_count;
} KafkaStats;

static KafkaStats *stats = NULL;

static const char *const state_names[] = {
	"idle", "starting", "running", "unreachable", "no topic", "retrying", "stopped"
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
	weir_stat_table_init(&stats->table, sizeof(KafkaStat));
	pg_atomic_init_u32(&stats->stop_count, 0);
}

const WeirShmemStruct weir_kafka_stat_shmem = {
	.name = "weir kafka",
	.size = stat_size,
	.init = stat_init
};

/* ----------------------------------------------------------------
 * Entries
 * ----------------------------------------------------------------
 */

static void
set_state(KafkaStat *stat, KafkaState state)
{
	if (state == KAFKA_STATE_RUNNING)
		stat->away_since = 0;
	else if (stat->away_since == 0)
		stat->away_since = GetCurrentTimestamp();
	stat->state = state;
}

/* The next entry of this database. */
static KafkaStat *
next_stat(StatScan *scan)
{
	return (KafkaStat *) weir_stat_next(&stats->table, scan, MyDatabaseId);
}

static void
take(KafkaStat *stat)
{
	stat->entry.held = true;
	stat->pid = MyProcPid;
	set_state(stat, KAFKA_STATE_STARTING);
	stat->position = -1;
	stat->high = -1;
}

/* The sums are of those that are attached. */
static void
set_memory(KafkaStat *stat, Size used, Size limit)
{
	stats->memory += used - stat->memory;
	stats->memory_limit += limit - stat->memory_limit;
	stats->memory_peak = Max(stats->memory_peak, stats->memory);
	stat->memory = used;
	stat->memory_limit = limit;
}

KafkaStat *
weir_kafka_stat_attach(Oid streamid, int32 partition)
{
	static bool warned = false;
	KafkaStat  *stat;

	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	stat = (KafkaStat *) weir_stat_enter(&stats->table, streamid, partition);
	if (stat)
		take(stat);
	LWLockRelease(&stats->table.lock);
	if (stat == NULL && !warned)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("weir.stat_kafka has no room for all partitions"),
				 errhint("Increase weir.memory; statistics may take a sixty-fourth of it.")));
	warned |= stat == NULL;
	return stat;
}

void
weir_kafka_stat_inherit(Oid streamid, int index, int workers)
{
	StatScan	scan = {0};
	KafkaStat  *stat;

	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	while ((stat = next_stat(&scan)) != NULL)
		if (stat->entry.relid == streamid && stat->pid == 0 &&
			stat->entry.subid >= 0 && stat->entry.subid % workers == index)
			take(stat);
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_stat_detach(void)
{
	StatScan	scan = {0};
	KafkaStat  *stat;

	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	while ((stat = next_stat(&scan)) != NULL)
	{
		if (stat->pid != MyProcPid)
			continue;
		stat->pid = 0;
		stat->entry.held = false;
		set_memory(stat, 0, 0);
		if (stat->state != KAFKA_STATE_STOPPED)
			set_state(stat, KAFKA_STATE_IDLE);
	}
	LWLockRelease(&stats->table.lock);
}

static void
set_error(KafkaStat *stat, const char *error)
{
	stat->error_time = GetCurrentTimestamp();
	strlcpy(stat->error, error, pg_mbcliplen(error, strlen(error), KAFKA_ERROR_LENGTH - 1) + 1);
}

void
weir_kafka_stat_state(KafkaStat *stat, KafkaState state, const char *error)
{
	if (stat == NULL)
		return;
	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	set_state(stat, state);
	if (error)
		set_error(stat, error);
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_stat_error(KafkaStat *stat, int64 count, const char *error)
{
	if (stat == NULL)
		return;
	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	stat->errors += count;
	if (error)
		set_error(stat, error);
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_stat_progress(KafkaStat *stat, int64 position, int64 messages, int64 bytes)
{
	if (stat == NULL)
		return;
	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	set_state(stat, KAFKA_STATE_RUNNING);
	stat->position = position;
	stat->messages += messages;
	stat->bytes += bytes;
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_stat_high_watermark(KafkaStat *stat, int64 high)
{
	if (stat == NULL || high < 0)
		return;
	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	stat->high = high;
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_stat_memory(KafkaStat *stat, Size used, Size limit)
{
	if (stat == NULL)
		return;
	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	set_memory(stat, used, limit);
	LWLockRelease(&stats->table.lock);
}

void
weir_kafka_memory(Size *limit, Size *used, Size *peak)
{
	LWLockAcquire(&stats->table.lock, LW_SHARED);
	*limit = stats->memory_limit;
	*used = stats->memory;
	*peak = stats->memory_peak;
	LWLockRelease(&stats->table.lock);
}

List *
weir_kafka_stat_list(void)
{
	List	   *result = NIL;
	StatScan	scan = {0};
	KafkaStat  *stat;

	LWLockAcquire(&stats->table.lock, LW_SHARED);
	while ((stat = next_stat(&scan)) != NULL)
		result = lappend(result, memcpy(palloc(sizeof(KafkaStat)), stat, sizeof(KafkaStat)));
	LWLockRelease(&stats->table.lock);
	return result;
}

const char *
weir_kafka_state_name(KafkaState state)
{
	return state_names[state];
}

void
weir_kafka_stat_reset(void)
{
	StatScan	scan = {0};
	KafkaStat  *stat;

	LWLockAcquire(&stats->table.lock, LW_EXCLUSIVE);
	while ((stat = next_stat(&scan)) != NULL)
	{
		stat->messages = stat->bytes = stat->errors = 0;
		stat->error_time = 0;
		stat->error[0] = '\0';
	}
	stats->memory_peak = stats->memory;
	LWLockRelease(&stats->table.lock);
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
put_stat(ReturnSetInfo *rsinfo, const KafkaStat *stat)
{
	Datum		values[11];
	bool		nulls[11] = {false};

	values[0] = ObjectIdGetDatum(stat->entry.relid);
	values[1] = Int32GetDatum(stat->entry.subid);
	nulls[1] = stat->entry.subid < 0;
	values[2] = Int32GetDatum(stat->pid);
	nulls[2] = stat->pid == 0;
	values[3] = CStringGetTextDatum(state_names[stat->state]);
	values[4] = Int64GetDatum(stat->position);
	nulls[4] = stat->position < 0;
	values[5] = Int64GetDatum(stat->high);
	nulls[5] = stat->high < 0;
	values[6] = Int64GetDatum(stat->messages);
	values[7] = Int64GetDatum(stat->bytes);
	values[8] = Int64GetDatum(stat->errors);
	values[9] = CStringGetTextDatum(weir_stats_error_text(stat->error, stat->entry.relid));
	values[10] = TimestampTzGetDatum(stat->error_time);
	nulls[9] = nulls[10] = stat->error_time == 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PGDLLEXPORT Datum
weir_kafka_stat(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, weir_kafka_stat_list())
		put_stat((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc));
	return (Datum) 0;
}
