/*
 * flush.c
 *	  The flush worker: cuts an epoch and writes it in one transaction.
 *
 * One a database.  It writes the frozen epoch's groups into the matrels, view
 * by view and as each view's owner, with its dead letters and Kafka offsets,
 * deletes a portion of what has expired, and commits.  The commit callback frees the epoch and
 * wakes the inserters that wait, so that this happens exactly when the
 * transaction has become visible.  Now and then it looks after its database (tick.c).
 *
 * Failure: an error aborts the transaction; the frozen epoch is untouched and
 * is written again, whole.  If the error is a view's own, the second time each
 * view is written in a subtransaction and the one that fails is suspended.
 */
#include "worker/flush.h"

#include "access/xact.h"
#include "base/clock.h"
#include "catalog/cont_view.h"
#include "groups/epoch.h"
#include "matrel/lock.h"
#include "matrel/whole.h"
#include "miscadmin.h"
#include "base/stats.h"
#include "query/execute.h"
#include "stream/queue.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "worker/expire.h"
#include "worker/notes.h"
#include "worker/partitions.h"
#include "worker/tend.h"
#include "worker/tick.h"
#include "worker/worker.h"
#include "worker/write_view.h"

#define TICK_MS 1000
#define TICK_LATEST_MS 5000		/* while flush follows flush */

/* Rows deleted with a flush, or more if that many were written. */
#define EXPIRE_WITH_FLUSH 2000
#define EXPIRE_MOST 1000000

/* While there is more to delete and nothing to flush. */
#define EXPIRE_PAUSE_MS 100

/* How often the list of views is read again while it changes; debug_discard_caches never lets it be. */
#define MAX_READS 10

/* The kernel makes some fifty microseconds more of each. */
#define GATHER_SLEEPS 4
#define GATHER_USECS 10

/*
 * Views this worker could not write and suspended.  What of them is still in memory
 * is thrown away.  Groups of a view that an ingest worker suspended
 * are written: they are of rows before the one that failed.
 */
static List *unwritable = NIL;

/* The current transaction writes the frozen epoch. */
static bool writing = false;
static TimestampTz last_tick = 0;	/* weir_clock_steady; 0: one is due */
static uint64 tended_generation = 0;	/* of the views that the last tick saw */
static int64 rows_written = 0;	/* by the current flush */

/* ---------------------------------------------------------------------
 * One view
 * --------------------------------------------------------------------- */

/* What to write of a view. */
typedef struct WriteWork
{
	Epoch	   *epoch;
	FaultyGroups *faulty;		/* but for these */
} WriteWork;

static void
write_view(ContView *view, void *arg)
{
	WriteWork  *work = arg;

	rows_written += weir_write_view(view, work->epoch, work->faulty);
	if (work->faulty == NULL)
		weir_faulty_none(view->defid);
}

static void
note_unwritable(Oid defid)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	unwritable = list_append_unique_oid(unwritable, defid);
	MemoryContextSwitchTo(old);
}

/* Unless it has been dropped. */
static void
suspend_view(ContView *view, ErrorData *error)
{
	if (!weir_cont_view_suspend(view->defid, error->message, true))
		return;
	note_unwritable(view->defid);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("continuous view %s is suspended: %s", view->name, error->message),
			 errhint("Mend the cause, then call weir.activate('%s').", view->name)));
}

/* As write_view; groups that fail become dead letters, and a view that does is suspended.  Others go on. */
static void
write_view_carefully(Epoch *epoch, ContView *view)
{
	WriteWork	work = {epoch, NULL};
	ErrorData  *error = weir_view_try(write_view, view, &work);

	if (error && weir_errors_kind(error) == ERROR_ROW)
		work.faulty = weir_faulty_find(view, epoch, &error);
	if (work.faulty)
		error = weir_view_try(write_view, view, &work);
	if (error && weir_errors_kind(error) == ERROR_RETRY)
		ReThrowError(error);
	if (error)
		suspend_view(view, error);
	else if (work.faulty)
		weir_faulty_bury(work.faulty);
}

/* ---------------------------------------------------------------------
 * One epoch
 * --------------------------------------------------------------------- */

static void
commit_callback(XactEvent event, void *arg)
{
	if (!writing)
		return;
	if (event == XACT_EVENT_COMMIT)
	{
		writing = false;
		weir_epoch_release(weir_worker_self->slot);
		weir_worker_flushed();
	}
	else if (event == XACT_EVENT_ABORT)
		writing = false;
}

/*
 * This transaction is durable when it returns, whatever the settings say, now
 * or after a reload: inserters are told so.
 */
static void
commit_to_disk(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

/* Views of which the epoch has something to write. */
static List *
views_to_write(Epoch *epoch, List *views)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);

		if (view->state != CONT_VIEW_SUSPENDED)
			unwritable = list_delete_oid(unwritable, view->defid);
		if (!list_member_oid(unwritable, view->defid) && weir_epoch_has_view(epoch, view->defid))
			result = lappend(result, view);
	}
	return result;
}

/*
 * The views to write, with all locks for it; or false, and one that is not free.  The list
 * is read again with the locks: what they were waited for may have changed it.  Who writes carefully may have dead letters.
 */
static bool
lock_views(Epoch *epoch, bool careful, List **views, List **written, MatrelBlocker *blocker)
{
	uint64		version;

	for (int i = 0; i < MAX_READS; i++)
	{
		ListCell   *lc;

		*views = weir_cont_views_whole();
		version = weir_cont_views_version();
		*written = views_to_write(epoch, *views);
		foreach(lc, *written)
			if (!weir_matrel_try_lock(lfirst(lc), RowExclusiveLock, blocker))
				return false;
		(void) weir_cont_views();
		if (version == weir_cont_views_version())
			break;
	}
	return (!careful && !weir_notes_any(epoch)) || weir_notes_try_lock(blocker);
}

/*
 * Begins the transaction, with the locks on what is written in it: see
 * matrel/lock.c.  What is not free is waited for in a transaction that has no other lock.
 */
static List *
begin_writing(Epoch *epoch, bool careful, List **views)
{
	MatrelBlocker blocker = weir_matrel_blocked_by();
	List	   *written;

	for (;;)
	{
		if (OidIsValid(blocker.relid))
			weir_tend_wait(&blocker, 0);
		weir_worker_begin();
		MemoryContextSwitchTo(weir_worker_self->cxt);
		if (lock_views(epoch, careful, views, &written, &blocker))
			return written;
		weir_worker_commit();
	}
}

static void
write_epoch(Epoch *epoch, bool careful)
{
	WriteWork	work = {epoch, NULL};
	List	   *views;
	List	   *written;
	ListCell   *lc;

	rows_written = 0;
	weir_notes_begin();
	written = begin_writing(epoch, careful, &views);
	commit_to_disk();
	weir_runtime_purge(views);
	foreach(lc, written)
	{
		ContView   *view = lfirst(lc);

		if (careful || view->state == CONT_VIEW_SUSPENDED)
			write_view_carefully(epoch, view);
		else
			write_view(view, &work);
	}
	if (weir_notes_any(epoch))
		weir_notes_write(epoch);
	(void) weir_expire_views(views, Max(EXPIRE_WITH_FLUSH, Min(rows_written * 2, EXPIRE_MOST)),
							 rows_written > EXPIRE_WITH_FLUSH / 2);
	writing = true;
	weir_worker_commit();
}

static void
flush_epoch(Epoch *epoch)
{
	volatile bool careful = false;

	weir_partitions_prepare(epoch, unwritable);
	PG_TRY();
	{
		write_epoch(epoch, false);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(weir_worker_self->cxt);
		error = CopyErrorData();
		if (weir_errors_kind(error) == ERROR_RETRY)
			PG_RE_THROW();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		careful = true;
	}
	PG_END_TRY();
	if (careful)
		write_epoch(epoch, true);
}

/* ---------------------------------------------------------------------
 * The worker
 * --------------------------------------------------------------------- */

static void
flush_start(void)
{
	ListCell   *lc;

	foreach(lc, weir_worker_unwritable())
		note_unwritable(lfirst_oid(lc));
	RegisterXactCallback(commit_callback, NULL);
	weir_epoch_attach_flusher(weir_worker_self->slot, MyLatch);
	weir_errors_endure();
}

static void
flush_stop(void)
{
	if (weir_worker_self)
		weir_epoch_detach_flusher(weir_worker_self->slot);
}

/*
 * Those whom the last flush woke are likely to come again soon.  One flush for
 * all costs less than two in turn, so wait for them, a small part of a flush.
 */
static void
gather(int slot)
{
	for (int i = 0; i < GATHER_SLEEPS && weir_queue_gathering(slot); i++)
		pg_usleep(GATHER_USECS);
}

/* Flush if it is time; returns ms until it will be, -1 if nothing is there. */
static long
flush_if_due(bool now)
{
	int			slot = weir_worker_self->slot;
	long		due = weir_epoch_due(slot);
	Epoch	   *epoch;
	int64		cut_seq;
	int64		number;

	if (due != 0 && !now)
		return due;
	if (!now)
		gather(slot);
	epoch = weir_epoch_cut(slot, &cut_seq, &number);
	if (epoch == NULL)
	{
		weir_queue_set_flushed(slot, cut_seq, number);
		return -1;
	}
	weir_worker_report("flushing");
	PG_TRY();
	{
		flush_epoch(epoch);
	}
	PG_CATCH();
	{
		weir_epoch_count_error(slot);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return 0;
}

static long
flush_step(void)
{
	long		due = flush_if_due(false);
	long		since = TimestampDifferenceMilliseconds(last_tick, weir_clock_steady());
	uint64		generation;

	if (due == 0 && since < TICK_LATEST_MS)
		return 0;
	generation = weir_cont_views_generation();
	if (since >= TICK_MS || last_tick == 0 || generation != tended_generation)
	{
		last_tick = weir_clock_steady();
		if (weir_tick())
			last_tick -= (TICK_MS - EXPIRE_PAUSE_MS) * (int64) 1000;
		tended_generation = generation;
		since = 0;
	}
	return due < 0 ? TICK_MS - since : Min(due, TICK_MS - since);
}

/* Those who fill the epochs first, then what they filled. */
static bool
flush_drain(void)
{
	bool		others = weir_registry_running(MyDatabaseId, WORKER_INGEST) ||
		weir_registry_running(MyDatabaseId, WORKER_KAFKA);

	while (flush_if_due(true) == 0)
		;
	return !others && weir_epoch_idle(weir_worker_self->slot);
}

const WorkerKindOps weir_flush_ops = {flush_start, flush_step, flush_drain, flush_stop};
