/*
 * stats.h
 *	  Counters of streams and views in shared memory.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include "postgres.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#define MAX_STREAM_STATS 512
#define MAX_VIEW_STATS 1024

typedef struct StreamStat
{
	Oid			dboid;
	Oid			streamid;
	TimestampTz used;
	int64		rows;
	int64		bytes;
	int64		batches;
	TimestampTz last_arrival;
	TimestampTz waiting[2];		/* since when rows wait in this epoch of two for their flush; 0: none does */
} StreamStat;

typedef struct ViewStat
{
	Oid			dboid;
	Oid			defid;
	TimestampTz used;
	int64		rows_in;
	int64		groups_merged;
	int64		rows_written;
	int64		flushes;
	int64		flush_usecs;
	int64		errors;
	TimestampTz last_flush;
} ViewStat;

typedef struct Stats
{
	LWLock		lock;
	TimestampTz reset;
	int64		flushes;
	int64		flush_usecs;
	StreamStat	streams[MAX_STREAM_STATS];
	ViewStat	views[MAX_VIEW_STATS];
} Stats;

extern void weir_stats_init(void);

/* A batch of this stream's rows was taken in. */
extern void weir_stats_stream_batch(Oid streamid, int64 rows, int64 bytes);

/* Rows of a batch went through this view's query and gave so many groups. */
extern void weir_stats_view_batch(Oid defid, int64 rows, int64 groups);

/*
 * Rows of a stream, the oldest of that time, are in this epoch and wait for its flush
 * (InvalidOid: they may be of any stream); then that it has committed.
 */
extern void weir_stats_stream_waits(Oid streamid, int epoch, TimestampTz oldest);
extern void weir_stats_flushed(Oid dboid, int epoch);

/*
 * The current transaction, a flush, has written this view: rows of the matrel, time
 * in microseconds.  Counted when it commits.
 */
extern void weir_stats_view_flush(Oid defid, int64 rows_written, int64 usecs);
extern void weir_stats_view_error(Oid defid);

/* The flush of an epoch has committed. */
extern void weir_stats_flush(int64 usecs);

/* A palloc'd copy of all counters. */
extern Stats *weir_stats_copy(void);

/*
 * May the current user read texts of errors, which may quote values of rows: as a
 * member of pg_read_all_stats, or the owner of the relation that they are about
 * (InvalidOid: of none)?  And what is shown of one.
 */
extern bool weir_stats_may_read_errors(Oid relid);
extern const char *weir_stats_error_text(const char *text, Oid relid);

/* Set the counters of this database to zero. */
extern void weir_stats_reset(void);

#endif
