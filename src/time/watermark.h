/*
 * watermark.h
 *	  Watermarks of streams, in shared memory.
 *
 * A watermark is a time of the stream's event_time column, as its int64: rows
 * before it are taken to have come.  It never goes back.
 */
#ifndef WEIR_TIME_WATERMARK_H
#define WEIR_TIME_WATERMARK_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "meta/event_options.h"

#define NO_WATERMARK PG_INT64_MIN

/* Partition number of the stream itself in what is stored. */
#define WHOLE_STREAM (-1)

typedef struct StoredWatermark
{
	Oid			streamid;
	int32		partition;
	int64		watermark;
} StoredWatermark;

extern void weir_watermark_init(void);

/* --- who takes in rows --- */

/*
 * What was stored of a stream; no change when it is known already.  Errors
 * when memory is full.
 */
extern void weir_watermark_load(int slot, Oid streamid, const StoredWatermark *stored, int nstored);

/*
 * These partitions, from 0, may bring rows and are read by somebody, others
 * are no more: the watermark waits for each until it is idle.  It can be only
 * while its reader says, more than once a second, that all there is has been
 * read and taken in (still: it has said so without a break since a row came
 * last); not after it says that there may be more.  Errors when memory is
 * full.
 */
extern void weir_watermark_expect(int slot, Oid streamid, int npartitions);
extern void weir_watermark_caught_up(int slot, Oid streamid, int32 partition, bool still);
extern void weir_watermark_behind(int slot, Oid streamid, int32 partition);

/* A partition begins anew: what it brought so far was something else's. */
extern void weir_watermark_restart(int slot, Oid streamid, int32 partition);

/*
 * The watermark that batches of the owner's are judged by: that of its first
 * call.  Until the owner releases it, no cut goes beyond it.  False when the
 * stream is to be loaded first.  Errors when memory is full.
 */
extern bool weir_watermark_hold(int slot, const EventOptions *options, void *owner, int64 *watermark);
extern void weir_watermark_release(void *owner);

/*
 * Another owner's rows are to be judged like this one's.  Errors when memory
 * is full.
 */
extern void weir_watermark_share(int slot, void *owner, void *other);

/*
 * Newest time of a batch that the owner keeps to itself for now; then all that
 * it kept.
 */
extern void weir_watermark_keep(int slot, Oid streamid, void *owner, int64 newest);
extern void weir_watermark_release_kept(void *owner);

/* A partition has brought rows, newest the latest of their times. */
extern void weir_watermark_advance(int slot, Oid streamid, int32 partition, int64 newest);

/* --- the flush worker --- */

/*
 * Fix what the flush of the epoch that is cut now stores: no batch that comes
 * into a later epoch was judged by an older watermark.  Under the merge mutex.
 */
extern void weir_watermark_cut(int slot);

/*
 * What is to be stored as of the last cut, palloc'd, NO_WATERMARK to delete
 * what is stored; and that it is.
 */
extern StoredWatermark *weir_watermark_changes(int slot, int *n);
extern void weir_watermark_stored(int slot);

/*
 * What keeps a stream's watermark back: a partition that brings nothing while
 * others of its stream do, or rows of a transaction that has not ended.
 */
typedef struct WatermarkHeld
{
	Oid			streamid;
	int32		partition;		/* WHOLE_STREAM: by a transaction */
	TimestampTz since;			/* a partition's by weir_clock_now */
} WatermarkHeld;

/*
 * Copies the nth that has lasted for so long; false if there are not so many.
 */
extern bool weir_watermark_held(int slot, int n, int64 usecs, WatermarkHeld *held);

/* Forget streams that are none of these any more. */
extern void weir_watermark_purge(int slot, List *streams);
extern void weir_watermark_discard(int slot);

#endif
