/*
 * stats.c
 *	  Counters of streams and views in shared memory.
 *
 * Fixed arrays, an entry per stream or view that a worker has met since the
 * server started; the entry least recently used gives way when one is full.
 *
 * Locking: one LWLock, held for an update or for copying all out.
 */
#include "base/stats.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/memutils.h"

/* A view that the current transaction has written. */
typedef struct Written
{
	Oid			defid;
	int64		rows;
	int64		usecs;
} Written;

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
	if (!found)
	{
		weir_lwlock_init(&stats->lock);
		stats->reset = GetCurrentTimestamp();
	}
}

void
weir_stats_init(void)
{
	static const WeirShmemPart part = {"weir statistics", stats_shmem_size, stats_shmem_init};

	weir_shmem_register(&part);
	RegisterXactCallback(count_written, NULL);
}

/* ---------------------------------------------------------------------
 * Counting
 * --------------------------------------------------------------------- */

/* Rather than the other: that rows wait is to be forgotten last. */
static bool
gives_way(const StreamStat *s, const StreamStat *other)
{
	bool		waits = s->waiting[0] != 0 || s->waiting[1] != 0;
	bool		other_waits = other->waiting[0] != 0 || other->waiting[1] != 0;

	return waits == other_waits ? s->used < other->used : !waits;
}

static StreamStat *
stream_stat(Oid streamid)
{
	StreamStat *oldest = &stats->streams[0];

	for (int i = 0; i < MAX_STREAM_STATS; i++)
	{
		StreamStat *s = &stats->streams[i];

		if (s->dboid == MyDatabaseId && s->streamid == streamid)
			return s;
		if (gives_way(s, oldest))
			oldest = s;
	}
	memset(oldest, 0, sizeof(StreamStat));
	oldest->dboid = MyDatabaseId;
	oldest->streamid = streamid;
	return oldest;
}

static ViewStat *
view_stat(Oid defid)
{
	ViewStat   *oldest = &stats->views[0];

	for (int i = 0; i < MAX_VIEW_STATS; i++)
	{
		ViewStat   *v = &stats->views[i];

		if (v->dboid == MyDatabaseId && v->defid == defid)
			return v;
		if (v->used < oldest->used)
			oldest = v;
	}
	memset(oldest, 0, sizeof(ViewStat));
	oldest->dboid = MyDatabaseId;
	oldest->defid = defid;
	return oldest;
}

void
weir_stats_stream_batch(Oid streamid, int64 rows, int64 bytes)
{
	StreamStat *s;

	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	s = stream_stat(streamid);
	s->used = s->last_arrival = GetCurrentTimestamp();
	s->rows += rows;
	s->bytes += bytes;
	s->batches++;
	LWLockRelease(&stats->lock);
}

void
weir_stats_view_batch(Oid defid, int64 rows, int64 groups)
{
	ViewStat   *v;

	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	v = view_stat(defid);
	v->used = GetCurrentTimestamp();
	v->rows_in += rows;
	v->groups_merged += groups;
	LWLockRelease(&stats->lock);
}

void
weir_stats_stream_waits(Oid streamid, int epoch, TimestampTz oldest)
{
	StreamStat *s;

	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	s = stream_stat(streamid);
	s->used = GetCurrentTimestamp();
	if (s->waiting[epoch] == 0 || s->waiting[epoch] > oldest)
		s->waiting[epoch] = oldest;
	LWLockRelease(&stats->lock);
}

void
weir_stats_flushed(Oid dboid, int epoch)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_STREAM_STATS; i++)
		if (stats->streams[i].dboid == dboid)
			stats->streams[i].waiting[epoch] = 0;
	LWLockRelease(&stats->lock);
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

/* What an aborted transaction has written counts for nothing. */
static void
count_written(XactEvent event, void *arg)
{
	TimestampTz now;
	ListCell   *lc;

	if (written == NIL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	now = GetCurrentTimestamp();
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	foreach(lc, event == XACT_EVENT_COMMIT ? written : NIL)
	{
		Written    *w = lfirst(lc);
		ViewStat   *v = view_stat(w->defid);

		v->used = v->last_flush = now;
		v->rows_written += w->rows;
		v->flushes++;
		v->flush_usecs += w->usecs;
	}
	LWLockRelease(&stats->lock);
	written = NIL;
}

void
weir_stats_view_error(Oid defid)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	view_stat(defid)->errors++;
	LWLockRelease(&stats->lock);
}

void
weir_stats_flush(int64 usecs)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	stats->flushes++;
	stats->flush_usecs += usecs;
	LWLockRelease(&stats->lock);
}

/* ---------------------------------------------------------------------
 * Reading
 * --------------------------------------------------------------------- */

Stats *
weir_stats_copy(void)
{
	Stats	   *copy = palloc(sizeof(Stats));

	LWLockAcquire(&stats->lock, LW_SHARED);
	memcpy(copy, stats, sizeof(Stats));
	LWLockRelease(&stats->lock);
	return copy;
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
static void
reset_stream(StreamStat *s)
{
	s->rows = s->bytes = s->batches = 0;
	s->last_arrival = 0;
}

void
weir_stats_reset(void)
{
	LWLockAcquire(&stats->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_STREAM_STATS; i++)
		if (stats->streams[i].dboid == MyDatabaseId)
			reset_stream(&stats->streams[i]);
	for (int i = 0; i < MAX_VIEW_STATS; i++)
		if (stats->views[i].dboid == MyDatabaseId)
			memset(&stats->views[i], 0, sizeof(ViewStat));
	stats->reset = GetCurrentTimestamp();
	LWLockRelease(&stats->lock);
}
