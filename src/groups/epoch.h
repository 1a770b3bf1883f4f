/*
 * epoch.h
 *	  Epochs: what was taken in between two cuts, until its flush has
 *	  committed.
 */
#ifndef WEIR_GROUPS_EPOCH_H
#define WEIR_GROUPS_EPOCH_H

#include "postgres.h"

#include "storage/latch.h"
#include "utils/timestamp.h"

#include "groups/merge.h"
#include "groups/offset.h"
#include "groups/run.h"
#include "stream/batch.h"

typedef struct Epoch
{
	int64		number;
	Run			main;
	Run		   *adopted;		/* in the order in which they came */
	Run		   *last_adopted;
	EpochOffset *offsets;
	bool		sync;			/* somebody waits */

	/* when the first thing came in (weir_clock_steady); 0: empty */
	TimestampTz first;

	/* frozen: all publications up to here are in or before it */
	int64		cut_seq;
} Epoch;

extern void weir_epoch_init(void);

/* --- mergers --- */

/*
 * Merge into the active epoch, all or nothing.  False when memory is full.
 * Errors from combine functions leave the epoch as it was.  done is called at
 * the point of no return; see stream/batch.h.
 */
extern bool weir_epoch_merge(int slot, MergeInput *input, weir_merge_callback done, void *arg);

/*
 * Stage one view's result against the active epoch, to see whether that fails.
 */
extern void weir_epoch_try_stage(int slot, ViewResult *result);

/* The epoch takes a run over, and another one with it (or NULL). */
extern void weir_epoch_adopt(int slot, Run *run, Run *more, bool sync, SourceOffset *offsets,
							 int noffsets, weir_merge_callback done, void *arg);

/*
 * The latest offset of a partition of a stream of this database that is merged
 * and not flushed yet, with palloc'd names.  False when there is none.
 */
extern bool weir_epoch_source_offset(Oid streamid, const char *topic, int32 partition, SourceOffset *offset);

/* Which of the two epochs is active; for the done callback of a merge. */
extern int	weir_epoch_active(int slot);

extern int64 weir_epoch_active_number(int slot);

/* How many notes the active epoch holds, and its number. */
extern int64 weir_epoch_notes(int slot, int64 *number);

/* Ask for a cut as soon as possible. */
extern void weir_epoch_request_cut(int slot);

/* Is nothing in memory that a cut could free (so waiting is in vain)? */
extern bool weir_epoch_idle(int slot);

/* --- the flush worker --- */

extern void weir_epoch_attach_flusher(int slot, Latch *latch);
extern void weir_epoch_detach_flusher(int slot);

/*
 * When the active epoch shall be cut: ms from now, 0 = now, -1 = it is empty.
 */
extern long weir_epoch_due(int slot);

/*
 * The frozen epoch, cutting the active one if there is none; NULL when there
 * is nothing to write (then *cut_seq, and epochs up to *number, can be
 * reported as flushed).
 */
extern Epoch *weir_epoch_cut(int slot, int64 *cut_seq, int64 *number);

/*
 * Can the epoch have groups of this view (or values relation)?  True whenever
 * it has files, which are not looked into.
 */
extern bool weir_epoch_has_view(Epoch *epoch, Oid defid);

/*
 * Fix watermarks as a cut does, if no epoch holds anything; false if one does.
 */
extern bool weir_epoch_cut_watermarks(int slot);

/*
 * Count an error for each view of the frozen epoch, which could not be
 * written.
 */
extern void weir_epoch_count_error(int slot);

/* The frozen epoch is on disk: free it, wake who waits.  Cannot fail. */
extern void weir_epoch_release(int slot);

/* Throw both epochs away: the extension is gone. */
extern void weir_epoch_discard(int slot);

/* --- anybody --- */

/*
 * Number of the active epoch if it or the frozen one holds something, else 0.
 */
extern int64 weir_epoch_pending(int slot);
extern int64 weir_epoch_flushed(int slot);

/* Wait until that epoch is flushed; false on timeout.  Handles interrupts. */
extern bool weir_epoch_wait(int slot, int64 number, long timeout_ms);

#endif
