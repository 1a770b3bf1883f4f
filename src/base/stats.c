/*
 * stats.c
 *	  Counters of streams and views in shared memory.
 *
 * An entry per stream or view that a worker has met since the server started
 * (base/stat_table.h).  That of a stream whose rows wait for a flush keeps its
 * place.
 *
 * Locking: a table's lock is held for an update or for copying out; never
 * both.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"

/* A view that the current transaction has written. */
typedef struct Written
{
	Oid			defid;
	int64		rows;
	int64		usecs;
} Written;

typedef struct Stats
{
	StatTable	streams;
	StatTable	views;
	TimestampTz started;
	TimestampTz resets[WEIR_MAX_DATABASES];
} Stats;

static Stats *stats = NULL;
static List *written = NIL;		/* in TopTransactionContext */

static void count_written(XactEvent event, void *arg);

static Size
stats_shmem_size(void)
{
	return sizeof(Stats);
}

static void
stats_shmem_init(void *address, bool found)
{
	stats = address;
	if (found)
		return;
	weir_stat_table_init(&stats->streams, sizeof(StreamStat));
	weir_stat_table_init(&stats->views, sizeof(ViewStat));
	stats->started = GetCurrentTimestamp();
}

void
weir_stats_init(void)
{
	static const WeirShmemStruct shmem = {"weir statistics", stats_shmem_size, stats_shmem_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(count_written, NULL);
}

/* ---------------------------------------------------------------------
 * Counting
 * --------------------------------------------------------------------- */

void
weir_stats_stream_batch(Oid streamid, int64 rows, int64 bytes)
{
	StreamStat *s;

	LWLockAcquire(&stats->streams.lock, LW_EXCLUSIVE);
	s = (StreamStat *) weir_stat_enter(&stats->streams, streamid, 0);
	if (s != NULL)
	{
		s->last_arrival = s->entry.used;
		s->rows += rows;
		s->bytes += bytes;
		s->batches++;
	}
	LWLockRelease(&stats->streams.lock);
}

void
weir_stats_stream_waits(Oid streamid, int epoch, TimestampTz oldest)
{
	StreamStat *s;

	LWLockAcquire(&stats->streams.lock, LW_EXCLUSIVE);
	s = (StreamStat *) weir_stat_enter(&stats->streams, streamid, 0);
	if (s != NULL)
	{
		if (s->waiting[epoch] == 0 || s->waiting[epoch] > oldest)
			s->waiting[epoch] = oldest;
		s->entry.held = true;
	}
	LWLockRelease(&stats->streams.lock);
}

void
weir_stats_flushed(Oid dboid, int epoch)
{
	StatScan	scan = {0};
	StreamStat *s;

	LWLockAcquire(&stats->streams.lock, LW_EXCLUSIVE);
	while ((s = (StreamStat *) weir_stat_next(&stats->streams, &scan, dboid)) != NULL)
	{
		s->waiting[epoch] = 0;
		s->entry.held = s->waiting[1 - epoch] != 0;
	}
	LWLockRelease(&stats->streams.lock);
}

void
weir_stats_view_batch(Oid defid, int64 rows, int64 groups)
{
	ViewStat   *v;

	LWLockAcquire(&stats->views.lock, LW_EXCLUSIVE);
	v = (ViewStat *) weir_stat_enter(&stats->views, defid, 0);
	if (v != NULL)
	{
		v->rows_in += rows;
		v->groups_merged += groups;
	}
	LWLockRelease(&stats->views.lock);
}

void
weir_stats_view_flush(Oid defid, int64 rows_written, int64 usecs)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Written    *w = palloc(sizeof(Written));

	w->defid = defid;
	w->rows = rows_written;
	w->usecs = usecs;
	written = lappend(written, w);
	MemoryContextSwitchTo(old);
}

static void
count_view(const Written *w)
{
	ViewStat   *v = (ViewStat *) weir_stat_enter(&stats->views, w->defid, 0);

	if (v == NULL)
		return;
	v->last_flush = v->entry.used;
	v->rows_written += w->rows;
	v->flushes++;
	v->flush_usecs += w->usecs;
}

/* What an aborted transaction has written counts for nothing. */
static void
count_written(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (written == NIL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	LWLockAcquire(&stats->views.lock, LW_EXCLUSIVE);
	foreach(lc, event == XACT_EVENT_COMMIT ? written : NIL)
		count_view(lfirst(lc));
	LWLockRelease(&stats->views.lock);
	written = NIL;
}

void
weir_stats_view_error(Oid defid)
{
	ViewStat   *v;

	LWLockAcquire(&stats->views.lock, LW_EXCLUSIVE);
	v = (ViewStat *) weir_stat_enter(&stats->views, defid, 0);
	if (v != NULL)
		v->errors++;
	LWLockRelease(&stats->views.lock);
}

/* ---------------------------------------------------------------------
 * Reading
 * --------------------------------------------------------------------- */

static List *
copy_entries(StatTable *table)
{
	List	   *result = NIL;
	StatScan	scan = {0};
	StatEntry  *entry;

	LWLockAcquire(&table->lock, LW_SHARED);
	while ((entry = weir_stat_next(table, &scan, MyDatabaseId)) != NULL)
		result = lappend(result, memcpy(palloc(table->entry_size), entry, table->entry_size));
	LWLockRelease(&table->lock);
	return result;
}

List *
weir_stats_streams(void)
{
	return copy_entries(&stats->streams);
}

List *
weir_stats_views(void)
{
	return copy_entries(&stats->views);
}

TimestampTz
weir_stats_reset_time(void)
{
	int			slot = weir_database_slot(MyDatabaseId, false);

	return slot >= 0 && stats->resets[slot] != 0 ? stats->resets[slot] : stats->started;
}

bool
weir_stats_may_read_errors(Oid relid)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		(OidIsValid(relid) && get_rel_name(relid) != NULL &&
		 object_ownercheck(RelationRelationId, relid, GetUserId()));
}

const char *
weir_stats_error_text(const char *text, Oid relid)
{
	if (text == NULL || text[0] == '\0' || weir_stats_may_read_errors(relid))
		return text;
	return "<insufficient privilege>";
}

/* Counters alone: rows that wait go on waiting. */
void
weir_stats_reset(void)
{
	StatScan	streams = {0};
	StatScan	views = {0};
	StreamStat *s;
	ViewStat   *v;

	LWLockAcquire(&stats->streams.lock, LW_EXCLUSIVE);
	while ((s = (StreamStat *) weir_stat_next(&stats->streams, &streams, MyDatabaseId)) != NULL)
	{
		s->rows = s->bytes = s->batches = 0;
		s->last_arrival = 0;
	}
	LWLockRelease(&stats->streams.lock);
	LWLockAcquire(&stats->views.lock, LW_EXCLUSIVE);
	while ((v = (ViewStat *) weir_stat_next(&stats->views, &views, MyDatabaseId)) != NULL)
		memset((char *) v + sizeof(StatEntry), 0, sizeof(ViewStat) - sizeof(StatEntry));
	LWLockRelease(&stats->views.lock);
	stats->resets[weir_my_database_slot()] = GetCurrentTimestamp();
}
