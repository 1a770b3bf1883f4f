/*
 * insert.c
 *	  The source of inserted rows: ingest workers, which take them from the
 *	  queue.
 *
 * Messages of the queue become batches (intake/ingest.h).  A transaction too
 * large for the queue has its own way (transaction.c).
 *
 * Locks: rows whose views need a lock that is not free are left in the queue,
 * and with them all rows of their streams; rows of other streams go on, and
 * who waits for these does not wait for the former (stream/queue.c).
 *
 * Failure: after an error the messages go back into the queue, at their place,
 * unless they have been merged.
 */
#include "postgres.h"

#include "postmaster/interrupt.h"
#include "utils/guc.h"

#include "base/errors.h"
#include "base/time_limit.h"
#include "groups/epoch.h"
#include "intake/ingest.h"
#include "meta/cont_view.h"
#include "process/worker.h"
#include "source/insert.h"
#include "source/source.h"
#include "source/transaction.h"
#include "stream/feed.h"
#include "stream/queue.h"

/*
 * How long rows wait for a lock, at first and when they have; and how often
 * that is looked for again.
 */
#define LOCK_TIMEOUT "200ms"
#define PARKED_LOCK_TIMEOUT "10ms"
#define PARK_MS 500

/*
 * How long code may take with rows of one stream while rows of others are in
 * the same batch.
 */
#define MIXED_MS 300

/* ---------------------------------------------------------------------
 * Queue messages as batches
 * --------------------------------------------------------------------- */

static void
messages_merged(void *arg)
{
	int			slot = weir_worker_self->slot;

	weir_queue_taken_merged(slot, weir_worker_self->task.index, weir_epoch_active_number(slot));
}

static bool
ingest_messages(QueueMessage *list, bool mixed)
{
	WeirBatch  *batch = weir_batch_create(CurrentMemoryContext);
	int			flags = (mixed ? INGEST_MIXED : 0) | (ShutdownRequestPending ? 0 : INGEST_KEEP);

	batch->arrived = list->published;
	for (QueueMessage *message = list; message; message = message->next)
	{
		weir_batch_add_pieces(batch, message->pieces, NULL, message->seq);
		if (message->sync)
			flags |= INGEST_SYNC;
	}
	if (!weir_ingest(batch, flags, messages_merged, NULL))
		return false;
	weir_feed_free_messages(list);
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
								 weir_time_limit_is_unstoppable() && weir_time_limit_hurried());
}

/*
 * In a PG_CATCH: did a lock stand in the way, or took code long beside rows of
 * other streams (hurried)?  Then its transaction is aborted, and *whose is
 * whose code it was, if known.
 */
static bool
recover_to_leave(Oid *whose, bool *hurried)
{
	MemoryContext cxt = weir_worker_self->cxt;
	ErrorData  *error;

	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	*hurried = error->sqlerrcode == ERRCODE_QUERY_CANCELED && weir_time_limit_hurried();
	if (!*hurried && !weir_errors_is_lock_timeout(error))
		return false;
	*whose = weir_errors_whose();
	weir_errors_end(InvalidOid);
	FlushErrorState();
	weir_worker_abort();
	MemoryContextSwitchTo(cxt);
	return true;
}

/*
 * The streams that wait for a lock: those of the view that needs it, if it is
 * known; else all that were taken.
 */
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
		foreach(lc, view->streams)
			weir_stream_set_add(streams, lfirst_oid(lc));
	}
	weir_worker_commit();
}

/*
 * A lock that the rows need is not free.  When it is known whose rows these
 * are, their streams are parked, and others go on; else rows are taken stream
 * by stream, until it is known.
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
		weir_transaction_ingest(list, messages_merged);
		weir_feed_free_messages(list);
	}
	else if (!ingest_messages(list, mixed))
		weir_queue_put_back(weir_worker_self->slot, weir_worker_self->task.index, true);
}

/*
 * Take one batch of committed rows; 0, or when there was none the ms to wait.
 */
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
	weir_time_limit_hurry(take.mixed ? MIXED_MS : 0);
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
	weir_time_limit_hurry(0);
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

	wait_ms = sooner(wait_ms, weir_transaction_ingest_open());
	return wait_ms == 0 ? 0 : sooner(wait_ms, weir_worker_close_idle());
}

static bool
ingest_drain(void)
{
	return ingest_committed(false) == -1;
}

static const Source insert_source = {
	.kind = WORKER_INGEST,
	.ops = {ingest_start, ingest_step, ingest_drain, ingest_stop}
};

void
weir_insert_init(void)
{
	weir_source_register(&insert_source);
}
