/*
 * ingest.c
 *	  Run the continuous queries over a batch and merge what they give; the
 *	  ingest worker's step.
 *
 * A batch goes through two phases.  First the continuous query of each view of
 * each of its streams runs over its rows; then all results, dead letters and
 * offsets are merged into the active epoch at once.  The fast way (intake.c)
 * does this for the batch as a whole.  When it fails, the careful way
 * (careful.c) finds out what failed, and the rest counts.
 *
 * A batch whose groups do not fit into memory even when everything else has
 * been flushed goes to a file that the epoch adopts; a transaction too large
 * for the queue has its own way (large.c).
 *
 * Memory: an attempt's memory is a child of the batch's context.
 *
 * Locks: rows whose views need a lock that is not free are left in the queue, and with them all rows of
 * their streams; rows of other streams go on, and who waits for these does not wait for the former
 * (stream/queue.c).
 *
 * Failure: an error leaves the batch as it was (queue messages stay with the
 * worker, Kafka offsets unmoved) and is thrown to the caller, which tries
 * again.  An error after the merge is logged and goes no further.
 */
#include "worker/ingest.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/owner.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "groups/epoch.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "stream/feed.h"
#include "stream/queue.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/event_time.h"
#include "worker/intake.h"
#include "worker/large.h"
#include "worker/worker.h"

/* Flushes that a batch waits for memory before its groups go to a file. */
#define MAX_FLUSHES_WAITED 3

/* After how long a merge that waits for memory is tried in any case; doubled each time. */
#define MEMORY_PATIENCE_MIN_MS 1000
#define MEMORY_PATIENCE_MAX_MS 10000

/* A batch after which the transaction is left open for the next one. */
#define SMALL_BATCH_ROWS 1000

/* How long rows wait for a lock, at first and when they have; and how often that is looked for again. */
#define LOCK_TIMEOUT "200ms"
#define PARKED_LOCK_TIMEOUT "10ms"
#define PARK_MS 500

/* How long code may take with rows of one stream while rows of others are in the same batch. */
#define MIXED_MS 300

/* ---------------------------------------------------------------------
 * Into the epoch
 * --------------------------------------------------------------------- */

typedef struct Handover
{
	weir_merge_callback done;
	void	   *arg;
	Intake	   *intake;			/* of the attempt under way */
	Run		   *run;			/* of a batch taken in in parts */
	bool		keep;			/* the transaction may stay open for the next batch */
	bool		merged;			/* from here on the batch counts, whatever happens */
} Handover;

/* Counted here, so that no flush of these rows can come before. */
static void
handed_over(void *arg)
{
	Handover   *handover = arg;

	handover->merged = true;
	weir_intake_note_statistics(handover->intake);
	weir_intake_note_waiting(handover->intake);
	weir_event_merged(handover->intake, NULL);
	if (handover->done)
		handover->done(handover->arg);
}

/* Groups that do not fit in memory by themselves: into a file of their own. */
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

	handover->merged = true;
	weir_large_parts_adopted(handover->run);
	if (handover->done)
		handover->done(handover->arg);
}

/* A batch that gives more than is kept in memory: part by part, into a run that appears as a whole. */
static void
take_in_parts(WeirBatch *batch, bool sync, Handover *handover)
{
	handover->run = weir_run_create();
	weir_event_begin_parts();
	PG_TRY();
	{
		weir_large_take_in_parts(batch, handover->run);
		weir_epoch_adopt(weir_worker_self->slot, handover->run, NULL, sync,
						 batch->offsets, batch->noffsets, parts_adopted, handover);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* What a merge computes is as large as the batch, and of no use when it fails. */
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
 * nobody would see that as a deadlock.  So the transaction with the batch's locks
 * ends before; in the one to wait in nothing is locked.  Its abort lets the held
 * watermarks go.
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
 * Merge, when the groups fit.  When they do not although nothing else is in
 * memory, or what others bring fills it again after each flush, they go to a file.
 */
static void
merge_waiting(Intake *intake, Handover *handover)
{
	int			slot = weir_worker_self->slot;
	int64		flushed = weir_epoch_flushed(slot);
	int64		enough = flushed + MAX_FLUSHES_WAITED;
	bool		idle = false;
	long		patience_ms = MEMORY_PATIENCE_MIN_MS;

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

/* To start a plan costs as much as some hundred rows. */
static bool
is_small(WeirBatch *batch)
{
	int64		rows = 0;

	for (int i = 0; i < batch->nstreams; i++)
		rows += batch->streams[i].nrows;
	return rows <= SMALL_BATCH_ROWS;
}

/* The transaction before may go on if all plans are started in it. */
static void
begin_small(WeirBatch *batch, MemoryContext cxt)
{
	bool		resumed = weir_worker_resume();

	MemoryContextSwitchTo(cxt);
	if (resumed && !weir_intake_all_kept(batch))
	{
		weir_worker_commit();
		weir_worker_begin();
	}
}

static void
take_in(WeirBatch *batch, MemoryContext cxt, bool sync, bool careful, Handover *handover)
{
	Intake		intake;

	weir_intake_begin(&intake, batch, cxt, sync);
	handover->intake = &intake;
	intake.divisible = true;
	intake.keep = handover->keep && !careful && is_small(batch);
	if (intake.keep)
		begin_small(batch, cxt);
	else
		weir_worker_begin();
	MemoryContextSwitchTo(cxt);
	weir_event_begin(&intake, NULL);
	if (careful)
	{
		weir_intake_run_carefully(&intake, NULL);

		/* Who waits for these rows shall see the suspensions when they are flushed. */
		weir_worker_commit();
		weir_worker_begin();
		MemoryContextSwitchTo(cxt);
	}
	else
		weir_intake_run(&intake);
	merge_waiting(&intake, handover);
	if (intake.keep)
		weir_worker_leave_open();
	else
		weir_worker_commit();
	MemoryContextSwitchTo(cxt);
}

/* What there is to do after an attempt: nothing, or to try carefully, or in parts. */
typedef enum NextTry
{
	TRY_DONE,
	TRY_CAREFULLY,
	TRY_IN_PARTS
} NextTry;

static NextTry
try_take_in(WeirBatch *batch, MemoryContext cxt, bool sync, bool careful, Handover *handover)
{
	volatile NextTry next = TRY_DONE;

	PG_TRY();
	{
		take_in(batch, cxt, sync, careful, handover);
	}
	PG_CATCH();
	{
		if (handover->merged)
			weir_intake_recover_merged(cxt);
		else if (weir_intake_recover_too_large(cxt))
			next = TRY_IN_PARTS;
		else if (!careful && weir_intake_recover(cxt))
			next = TRY_CAREFULLY;
		else
			PG_RE_THROW();
	}
	PG_END_TRY();
	return next;
}

/* False: a batch of rows of several streams needs a closer look, and is to be taken stream by stream for that. */
static bool
ingest(WeirBatch *batch, bool sync, bool keep, bool mixed, weir_merge_callback done, void *arg)
{
	volatile bool taken = true;
	Handover	handover = {done, arg, NULL, NULL, keep, false};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext cxt;

	/* Of this attempt alone: the caller may try the same batch again. */
	cxt = AllocSetContextCreate(batch->cxt, "weir intake", ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		NextTry		next = try_take_in(batch, cxt, sync, false, &handover);

		if (mixed && next != TRY_DONE)
		{
			taken = false;
			next = TRY_DONE;
		}
		if (next == TRY_CAREFULLY)
			next = try_take_in(batch, cxt, sync, true, &handover);
		if (next == TRY_IN_PARTS)
			take_in_parts(batch, sync, &handover);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(cxt);
	}
	PG_END_TRY();
	return taken;
}

void
weir_ingest_batch(WeirBatch *batch, weir_merge_callback on_merge, void *arg)
{
	(void) ingest(batch, false, false, false, on_merge, arg);
}

/* ---------------------------------------------------------------------
 * Queue messages as batches
 * --------------------------------------------------------------------- */

static void
messages_merged(void *arg)
{
	int			slot = weir_worker_self->slot;

	weir_queue_taken_merged(slot, weir_worker_self->task.index, weir_epoch_active_number(slot));
}

static void
free_messages(QueueMessage *list)
{
	while (list != NULL)
	{
		QueueMessage *next = list->next;

		weir_queue_message_free(list, true);
		list = next;
	}
}

static bool
ingest_messages(QueueMessage *list, bool mixed)
{
	WeirBatch  *batch = weir_batch_create(CurrentMemoryContext);
	bool		sync = false;

	batch->arrived = list->published;
	for (QueueMessage *message = list; message; message = message->next)
	{
		weir_batch_add_pieces(batch, message->pieces, NULL, message->seq);
		sync = sync || message->sync;
	}
	if (!ingest(batch, sync, !ShutdownRequestPending, mixed, messages_merged, NULL))
		return false;
	free_messages(list);
	return true;
}

/* ---------------------------------------------------------------------
 * The ingest worker
 * --------------------------------------------------------------------- */

static void
set_lock_timeout(const char *value)
{
	SetConfigOption("lock_timeout", value, PGC_SUSET, PGC_S_OVERRIDE);
}

static void
ingest_start(void)
{
	set_lock_timeout(LOCK_TIMEOUT);
	weir_queue_attach_worker(weir_worker_self->slot, weir_worker_self->task.index);
}

static void
ingest_stop(void)
{
	weir_feed_release_held();
	if (weir_worker_self)
		weir_queue_detach_worker(weir_worker_self->slot, weir_worker_self->task.index,
								 weir_owner_is_unstoppable() && weir_owner_hurried());
}

/*
 * In a PG_CATCH: did a lock stand in the way, or took code long beside rows of other streams (hurried)?  Then its transaction is
 * aborted, and *whose is whose code it was, if known.
 */
static bool
recover_to_leave(Oid *whose, bool *hurried)
{
	MemoryContext cxt = weir_worker_self->cxt;
	ErrorData  *error;

	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	*hurried = error->sqlerrcode == ERRCODE_QUERY_CANCELED && weir_owner_hurried();
	if (!*hurried && !weir_errors_is_lock_timeout(error))
		return false;
	*whose = weir_errors_whose();
	weir_errors_end(InvalidOid);
	FlushErrorState();
	weir_worker_abort();
	MemoryContextSwitchTo(cxt);
	return true;
}

/* The streams that wait for a lock: those of the view that needs it, if it is known; else all that were taken. */
static void
streams_to_park(Oid whose, StreamSet *streams)
{
	ContView   *view;
	ListCell   *lc;

	weir_queue_taken_streams(weir_worker_self->slot, weir_worker_self->task.index, streams);
	if (!OidIsValid(whose))
		return;
	weir_worker_begin();
	view = weir_cont_view_by_def(whose);
	if (view != NULL)
	{
		memset(streams, 0, sizeof(StreamSet));
		weir_stream_set_add(streams, view->streamid);
		foreach(lc, view->more_streams)
			weir_stream_set_add(streams, lfirst_oid(lc));
	}
	weir_worker_commit();
}

/*
 * A lock that the rows need is not free.  When it is known whose rows these are, their streams are parked, and others
 * go on; else rows are taken stream by stream, until it is known.
 */
static void
leave_locked(QueueMessage *list, const QueueTake *take, Oid whose)
{
	int			slot = weir_worker_self->slot;
	int			index = weir_worker_self->task.index;
	bool		known = OidIsValid(whose) || take->alone || list->next == NULL;
	StreamSet	streams;

	if (known)
	{
		streams_to_park(whose, &streams);
		if (!take->parked)
			ereport(LOG,
					(errmsg("rows of a stream wait for a lock that its views need"),
					 errdetail("Rows of other streams go on meanwhile; weir.health() shows the stream.")));
		(void) weir_queue_park(slot, index, &streams, PARK_MS);
	}
	else
		weir_queue_put_back(slot, index, true);
}

static void
ingest_list(QueueMessage *list, bool mixed)
{
	if (list->spooled || list->feed)
	{
		weir_large_ingest(list, messages_merged);
		free_messages(list);
	}
	else if (!ingest_messages(list, mixed))
		weir_queue_put_back(weir_worker_self->slot, weir_worker_self->task.index, true);
}

/* Take one batch of committed rows; 0, or when there was none the ms to wait. */
static long
ingest_committed(bool linger)
{
	int			slot = weir_worker_self->slot;
	int			index = weir_worker_self->task.index;
	QueueTake	take = {linger};
	QueueMessage *list = weir_queue_take(slot, index, &take);

	if (list == NULL)
		return take.wait_ms;
	weir_worker_report("taking rows in");
	if (take.parked)
		set_lock_timeout(PARKED_LOCK_TIMEOUT);
	weir_owner_hurry(take.mixed ? MIXED_MS : 0);
	PG_TRY();
	{
		ingest_list(list, take.mixed);
	}
	PG_CATCH();
	{
		Oid			whose;
		bool		hurried;

		set_lock_timeout(LOCK_TIMEOUT);
		if (!recover_to_leave(&whose, &hurried))
		{
			/* Back into the queue, unless they are merged already. */
			weir_queue_put_back(slot, index, false);
			PG_RE_THROW();
		}
		if (hurried)
			weir_queue_put_back(slot, index, true);
		else
			leave_locked(list, &take, whose);
	}
	PG_END_TRY();
	weir_owner_hurry(0);
	if (take.parked)
		set_lock_timeout(LOCK_TIMEOUT);
	return 0;
}

/* Of two times to wait, in ms; -1 is for ever. */
static long
sooner(long a, long b)
{
	return a < 0 || b < 0 ? Max(a, b) : Min(a, b);
}

/* Both kinds in turn: a large transaction keeps nobody waiting for long. */
static long
ingest_step(void)
{
	long		wait_ms = ingest_committed(true);

	wait_ms = sooner(wait_ms, weir_large_ingest_open());
	return wait_ms == 0 ? 0 : sooner(wait_ms, weir_worker_close_idle());
}

static bool
ingest_drain(void)
{
	return ingest_committed(false) == -1;
}

const WorkerKindOps weir_ingest_ops = {ingest_start, ingest_step, ingest_drain, ingest_stop};
