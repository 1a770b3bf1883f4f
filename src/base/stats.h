/*
 * stats.h
 *	  Counters of streams and views in shared memory, of as many as there is
 *	  room for.
 */
#ifndef WEIR_BASE_STATS_H
#define WEIR_BASE_STATS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/stat_table.h"

typedef struct StreamStat
{
	/* of the stream; InvalidOid: rows that may be of any */
	StatEntry	entry;
	int64		rows;
	int64		bytes;
	int64		batches;
	TimestampTz last_arrival;

	/*
	 * since when rows wait in this epoch of two for their flush; 0: none does
	 */
	TimestampTz waiting[2];
} StreamStat;

typedef struct ViewStat
{
	StatEntry	entry;			/* of the def view */
	int64		rows_in;
	int64		groups_merged;
	int64		rows_written;
	int64		flushes;
	int64		flush_usecs;
	int64		errors;
	TimestampTz last_flush;
} ViewStat;

extern void weir_stats_init(void);

/* A batch of this stream's rows was taken in. */
extern void weir_stats_stream_batch(Oid streamid, int64 rows, int64 bytes);

/* Rows of a batch went through this view's query and gave so many groups. */
extern void weir_stats_view_batch(Oid defid, int64 rows, int64 groups);

/*
 * Rows of a stream, the oldest of that time, are in this epoch and wait for
 * its flush (InvalidOid: they may be of any stream); then that it has
 * committed.
 */
extern void weir_stats_stream_waits(Oid streamid, int epoch, TimestampTz oldest);
extern void weir_stats_flushed(Oid dboid, int epoch);

/*
 * The current transaction, a flush, has written this view: rows of the matrel,
 * time in microseconds.  Counted when it commits.
 */
extern void weir_stats_view_flush(Oid defid, int64 rows_written, int64 usecs);
extern void weir_stats_view_error(Oid defid);

/*
 * Copies of what this database has, of StreamStat and of ViewStat; and when it
 * was last reset.
 */
extern List *weir_stats_streams(void);
extern List *weir_stats_views(void);
extern TimestampTz weir_stats_reset_time(void);

/*
 * May the current user read texts of errors, which may quote values of rows:
 * as a member of pg_read_all_stats, or the owner of the relation that they are
 * about (InvalidOid: of none)?  And what is shown of one.
 */
extern bool weir_stats_may_read_errors(Oid relid);
extern const char *weir_stats_error_text(const char *text, Oid relid);

/* Set the counters of this database to zero. */
extern void weir_stats_reset(void);

#endif
