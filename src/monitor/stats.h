/*
 * stats.h
 *	  Counters of streams and views in shared memory.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include "postgres.h"
#include "utils/timestamp.h"

extern void weir_stats_init(void);

/* A batch of this stream's rows was taken in. */
extern void weir_stats_stream_batch(Oid streamid, int64 rows, int64 bytes);

/* Rows of a batch went through this view's query and gave so many groups. */
extern void weir_stats_view_batch(Oid defid, int64 rows, int64 groups);

/* A flush wrote this view: rows of the matrel, time in microseconds. */
extern void weir_stats_view_flush(Oid defid, int64 rows_written, int64 usecs);
extern void weir_stats_view_error(Oid defid);

/* The flush of an epoch has committed. */
extern void weir_stats_flush(int64 usecs);

#endif
