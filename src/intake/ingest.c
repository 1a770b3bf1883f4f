/*
 * ingest.c
 *	  Take batches into the active epoch.
 *
 * First the continuous query of each view of each of the batch's streams runs
 * over its rows; then all results, dead letters and offsets are merged into
 * the active epoch at once.  The fast path (fast_path.c) runs the queries over
 * the batch as a whole.  When that fails, the slow path (slow_path.c) finds
 * out what failed, and the rest counts.
 *
 * A batch whose groups do not fit into memory even when everything else has
 * been flushed goes to a file that the epoch adopts.
 *
 * In ingest and Kafka workers.
 *
 * Memory: an attempt's memory is a child of the batch's context.
 *
 * Failure: an error leaves the batch as it was and is thrown to the caller,
 * which tries again.  An error after the merge is logged and goes no further.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/shmem.h"
#include "groups/epoch.h"
#include "groups/spill.h"
#include "intake/event_time.h"
#include "intake/ingest.h"
#include "intake/parts.h"
#include "intake/take_in.h"
#include "process/worker.h"

/*
 * Number of flushes that a batch waits for memory before its groups go to a
 * file.
 */
#define MAX_FLUSHES_WAITED 3

/*
 * Longest wait for memory before a merge is tried again in any case; doubled
 * each time.
 */
#define MEMORY_PATIENCE_MIN_MS 1000
#define MEMORY_PATIENCE_MAX_MS 10000

typedef struct Handover
{
	weir_merge_callback done;
	void	   *arg;
	TakeIn	   *take;
	Intake	   *intake;			/* of the attempt under way */
	Run		   *run;			/* of a batch taken in in parts */
} Handover;

/*
 * Statistics are counted here, at the point of no return, so that no flush of
 * these rows can come before.
 */
static void
handed_over(void *arg)
{
	Handover   *handover = arg;

	handover->take->merged = true;
	weir_intake_note_statistics(handover->intake);
	weir_intake_note_waiting(handover->intake);
	weir_event_merged(handover->intake, NULL);
	if (handover->done)
		handover->done(handover->arg);
}

/*
 * Write groups that do not fit into memory even alone to a file, which the
 * epoch adopts.
 */
static void
adopt_as_file(Intake *intake, Handover *handover)
{
	Run		   *run = weir_run_create();

	PG_TRY();
	{
		weir_run_spill(run, &intake->input);
		weir_epoch_adopt(weir_worker_self->slot, run, NULL, intake->sync,
						 intake->input.offsets, intake->input.noffsets,
						 handed_over, handover);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
parts_adopted(void *arg)
{
	Handover   *handover = arg;

	handover->take->merged = true;
	weir_event_adopted(handover->run);
	if (handover->done)
		handover->done(handover->arg);
}

/*
 * Take a batch that gives too much for one merge in in parts, into a private
 * run that the epoch adopts as a whole.
 */
static void
take_in_parts(TakeIn *take, Handover *handover)
{
	WeirBatch  *batch = take->batch;

	handover->run = weir_run_create();
	weir_event_begin_parts();
	PG_TRY();
	{
		weir_parts_take_in(batch, handover->run);
		weir_epoch_adopt(weir_worker_self->slot, handover->run, NULL, take->sync,
						 batch->offsets, batch->noffsets, parts_adopted, handover);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Merge once. The memory it uses is as large as the batch and useless after a
 * failure, so it has a context of its own.
 */
static bool
try_merge(Intake *intake, Handover *handover)
{
	MemoryContext cxt = AllocSetContextCreate(intake->cxt, "weir merge", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	bool		merged = weir_epoch_merge(weir_worker_self->slot, &intake->input,
										  handed_over, handover);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return merged;
}

/*
 * Wait until it is worth trying again: a flush has ended, or much was freed.
 * To try costs as much as the batch is large.
 *
 * Whoever frees memory may wait for somebody who waits for a lock of ours, and
 * nobody would see that as a deadlock.  So the transaction with the batch's
 * locks ends before; in the one to wait in nothing is locked.  Its abort lets
 * the held watermarks go.
 */
static void
wait_for_memory(Size used, int64 flushed, long patience_ms)
{
	int			slot = weir_worker_self->slot;
	TimestampTz start = weir_clock_steady();

	weir_worker_commit();
	weir_worker_begin();
	PopActiveSnapshot();
	weir_worker_report("waiting for memory");
	weir_memory_wait_prepare();
	while (weir_epoch_flushed(slot) == flushed && !weir_epoch_idle(slot) &&
		   weir_memory_used(WEIR_MEMORY_GROUPS) + weir_memory_limit(WEIR_MEMORY_GROUPS) / 8 > used &&
		   !TimestampDifferenceExceeds(start, weir_clock_steady(), patience_ms))
	{
		weir_epoch_request_cut(slot);
		weir_memory_wait(100);
	}
	weir_memory_wait_cancel();
	weir_worker_report("taking rows in");
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * Merge as soon as the groups fit. When they do not although nothing else is
 * in memory, or others fill the memory again after each flush, they go to a
 * file.
 */
static void
merge_waiting(Intake *intake, Handover *handover)
{
	int			slot = weir_worker_self->slot;
	int64		flushed = weir_epoch_flushed(slot);
	int64		enough = flushed + MAX_FLUSHES_WAITED;
	bool		idle = false;
	long		patience_ms = MEMORY_PATIENCE_MIN_MS;

	handover->intake = intake;
	while (!try_merge(intake, handover))
	{
		if (idle)
		{
			adopt_as_file(intake, handover);
			return;
		}
		intake->keep = false;
		wait_for_memory(weir_memory_used(WEIR_MEMORY_GROUPS), flushed, patience_ms);
		MemoryContextSwitchTo(intake->cxt);
		patience_ms = Min(patience_ms * 2, MEMORY_PATIENCE_MAX_MS);
		flushed = weir_epoch_flushed(slot);
		idle = weir_epoch_idle(slot) || flushed >= enough;
	}
}

static void
merge_into_epoch(TakeIn *take, Intake *intake)
{
	merge_waiting(intake, take->arg);
}

bool
weir_ingest(WeirBatch *batch, int flags, weir_merge_callback done, void *arg)
{
	volatile bool taken = true;
	TakeIn		take = {.batch = batch,.divisible = true,.merge = merge_into_epoch};
	Handover	handover = {done, arg, &take};
	MemoryContext caller = CurrentMemoryContext;

	/*
	 * The context belongs to this attempt: the caller may try the same batch
	 * again.
	 */
	take.cxt = AllocSetContextCreate(batch->cxt, "weir intake", ALLOCSET_DEFAULT_SIZES);
	take.sync = (flags & INGEST_SYNC) != 0;
	take.keep = (flags & INGEST_KEEP) != 0;
	take.arg = &handover;
	PG_TRY();
	{
		TakeInResult result = weir_take_in(&take, false);

		if ((flags & INGEST_MIXED) && result != TAKEN_IN)
		{
			taken = false;
			result = TAKEN_IN;
		}
		if (result == TAKE_IN_SLOWLY)
			result = weir_take_in(&take, true);
		if (result == TAKE_IN_PARTS)
			take_in_parts(&take, &handover);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(take.cxt);
	}
	PG_END_TRY();
	return taken;
}
