/*
 * flush.c
 *	  The flush worker: cuts an epoch and writes it in one transaction.
 *
 * One a database.  It writes the frozen epoch's groups into the matrels, view
 * by view and as each view's owner, with its dead letters and Kafka offsets,
 * deletes a portion of what has expired, and commits.  The commit callback
 * frees the epoch and wakes the inserters that wait, so that this happens
 * exactly when the transaction has become visible.  Now and then it looks
 * after its database (tick.c).
 *
 * Failure: an error aborts the transaction; the frozen epoch is untouched and
 * is written again, whole.  The second time each view is written in a
 * subtransaction: one that fails is suspended, one that cannot be written for
 * now is set aside (set_aside.c), as is one whose lock is not free.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/stats.h"
#include "flush/aside_list.h"
#include "flush/expiry.h"
#include "flush/flush.h"
#include "flush/housekeeping.h"
#include "flush/notes.h"
#include "flush/partitioning.h"
#include "flush/set_aside.h"
#include "flush/tend.h"
#include "flush/write_view.h"
#include "groups/epoch.h"
#include "matrel/lock.h"
#include "meta/cont_view.h"
#include "meta/view_changes.h"
#include "process/worker.h"
#include "runtime/execute.h"
#include "stream/queue_wait.h"

#define TICK_MS 1000
/* at the latest, while one flush follows another */
#define TICK_LATEST_MS 5000

/* Expired rows deleted with each flush, or twice as many as it wrote. */
#define EXPIRE_WITH_FLUSH 2000
#define EXPIRE_MOST 1000000

/*
 * Pause between deletions while there is more to delete and nothing to flush.
 */
#define EXPIRE_PAUSE_MS 100

/* How long a flush waits for locks of views before it sets these aside. */
#define LOCK_GRACE_MS 50

/*
 * Locks that writing a table takes: the table, its index, and one index of a
 * user.
 */
#define LOCKS_PER_TABLE 3

/*
 * How often the list of views is read again when it changes meanwhile (with
 * debug_discard_caches it always does).
 */
#define MAX_READS 10

/* Each sleep takes about 50 us longer than asked (timer slack). */
#define GATHER_SLEEPS 4
#define GATHER_USECS 10

/*
 * Views that this worker failed to write and suspended: their unflushed groups
 * are discarded. Groups of a view that an ingest worker suspended are written,
 * for they are of rows before the one that failed.
 */
static List *unwritable = NIL;

/* The current transaction writes the frozen epoch. */
static bool writing = false;

/* by weir_clock_steady; 0: housekeeping is due */
static TimestampTz last_tick = 0;

/* generation of the list of views at the last housekeeping */
static uint64 tended_generation = 0;
static int64 rows_written = 0;	/* by the current flush */

/*
 * A flush may take one in lock_share entries of the server's lock table, which
 * all sessions share.
 */
static int	lock_share = 2;

/* ---------------------------------------------------------------------
 * One view
 * --------------------------------------------------------------------- */

static void
note_unwritable(Oid defid)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	unwritable = list_append_unique_oid(unwritable, defid);
	MemoryContextSwitchTo(old);
}

/* Does nothing when the view has been dropped. */
static void
suspend_view(ContView *view, ErrorData *error)
{
	if (!weir_cont_view_suspend(view->defid, error->message, true))
		return;
	note_unwritable(view->defid);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("continuous view %s is suspended: %s", view->name, error->message),
			 errhint("Fix the cause, then call weir.activate('%s').", view->name)));
}

static void
suspend_it(ContView *view, void *arg)
{
	suspend_view(view, arg);
}

/*
 * Write a view on the slow path. Groups that fail become dead letters; a view
 * that fails as a whole is suspended, or set aside if the error may pass.
 * Never fails for the view's sake.
 */
static void
write_view_carefully(Epoch *epoch, ContView *view)
{
	MatrelBlocker blocker;
	ErrorData  *error;

	/* discard what an earlier error noted */
	(void) weir_matrel_blocked_by();
	error = weir_write_view_carefully(view, epoch, &rows_written);
	if (error == NULL)
		return;
	blocker = weir_matrel_blocked_by();
	if (weir_view_error_kind(view->defid, error) == ERROR_RETRY ||
		weir_view_try(suspend_it, view, error) != NULL)
		weir_set_aside(view, epoch, &blocker, error->message);
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

/* Views of which the epoch has groups to write. */
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

/* A view whose locks are not free. */
typedef struct BlockedView
{
	Oid			defid;
	MatrelBlocker blocker;		/* of none: */
	const char *reason;
} BlockedView;

/* What one flush writes, as its transaction finds it. */
typedef struct Writing
{
	/* views whose partitions are not made yet: OIDs of def views */
	List	   *lacking;
	List	   *views;			/* all there are */
	List	   *written;		/* views of which the epoch has groups */

	/* BlockedView: those of them that cannot be written now */
	List	   *blocked;
} Writing;

static int64
lock_room(void)
{
	return (int64) max_locks_per_xact * (MaxBackends + max_prepared_xacts) / lock_share;
}

/*
 * Adapt the share of the lock table: less after an error that says it is full
 * (others use it, or partitions took more than estimated), more after a
 * success.
 */
static void
note_locks(const ErrorData *error)
{
	if (error == NULL)
		lock_share = Max(2, lock_share / 2);
	else if (weir_errors_is_lock_table_full(error))
		lock_share = Min(lock_share * 4, 1 << 20);
}

/*
 * Are there views of other streams, whose inserters a slow view would hold up?
 */
static bool
others_wait(Writing *w, const ContView *view)
{
	ListCell   *lc;

	foreach(lc, w->views)
		if (!weir_cont_view_reads(view, linitial_oid(((ContView *) lfirst(lc))->streams)))
			return true;
	return false;
}

/*
 * Reason, other than a lock, for not writing the view now; NULL if there is
 * none.
 */
static const char *
reason_to_wait(Writing *w, const ContView *view, int64 room)
{
	TimestampTz next;
	int			ms;

	if (list_member_oid(w->lacking, view->defid))
		return "its partitions are being made";
	if (weir_write_view_is_slow(view->defid, &next, &ms) && weir_clock_steady() < next && others_wait(w, view))
		return psprintf("to write a few groups of it takes %d ms, for which all views wait; others have their turn", ms);
	if (room < 0)
		return "the server's lock table has no room for more views in one flush (max_locks_per_transaction)";
	return NULL;
}

static void
lock_view(Writing *w, ContView *view, int64 *room)
{
	BlockedView *blocked = palloc0(sizeof(BlockedView));

	blocked->defid = view->defid;
	*room -= 1 + LOCKS_PER_TABLE * (1 + view->nvalues);
	blocked->reason = reason_to_wait(w, view, *room);
	if (blocked->reason || !weir_matrel_try_lock(view, RowExclusiveLock, &blocked->blocker))
		w->blocked = lappend(w->blocked, blocked);
}

/*
 * The first lock that could not be taken; relid is InvalidOid if there is
 * none.
 */
static MatrelBlocker
first_blocker(Writing *w)
{
	MatrelBlocker none = {InvalidOid, NoLock, InvalidTransactionId};
	ListCell   *lc;

	foreach(lc, w->blocked)
		if (OidIsValid(((BlockedView *) lfirst(lc))->blocker.relid))
			return ((BlockedView *) lfirst(lc))->blocker;
	return none;
}

static BlockedView *
find_blocked(Writing *w, const ContView *view)
{
	ListCell   *lc;

	foreach(lc, w->blocked)
		if (((BlockedView *) lfirst(lc))->defid == view->defid)
			return lfirst(lc);
	return NULL;
}

/*
 * Find the views to write and take the locks for them that are free. The list
 * of views is read again once the locks are held, since their former holders
 * may have changed it.
 */
static void
lock_views(Epoch *epoch, Writing *w)
{
	uint64		version;

	for (int i = 0; i < MAX_READS; i++)
	{
		int64		room = lock_room();
		ListCell   *lc;

		w->views = weir_cont_views_whole();
		version = weir_cont_views_version();
		w->written = views_to_write(epoch, w->views);
		w->blocked = NIL;
		foreach(lc, w->written)
			if (!weir_aside_list_has(((ContView *) lfirst(lc))->defid))
				lock_view(w, lfirst(lc), &room);
		(void) weir_cont_views();
		if (version == weir_cont_views_version())
			break;
	}
}

/*
 * Begin the transaction with the locks on what it writes (matrel/lock.c). A
 * lock that is not free is waited for in a transaction that holds no other
 * lock, LOCK_GRACE_MS in all; then its view is set aside. Weir's own tables
 * cannot be done without: they are waited for without limit. The slow path may
 * produce dead letters, so it locks their table, too.
 */
static void
begin_writing(Epoch *epoch, Writing *w, bool careful)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), LOCK_GRACE_MS);

	for (;;)
	{
		MatrelBlocker blocker;
		long		left = TimestampDifferenceMilliseconds(weir_clock_steady(), deadline);

		weir_worker_begin();
		MemoryContextSwitchTo(weir_worker_self->cxt);
		weir_tend_hurry(TEND_WRITE_WAIT_MS);
		lock_views(epoch, w);
		blocker = first_blocker(w);
		if ((careful || weir_notes_any(epoch)) && !weir_notes_try_lock(&blocker))
			left = 0;
		else if (!OidIsValid(blocker.relid) || left <= 0)
			return;
		weir_worker_commit();
		weir_tend_wait(&blocker, left);
	}
}

static const char *
reason_of(const BlockedView *blocked)
{
	return blocked->reason ? blocked->reason : weir_matrel_blocker_text(&blocked->blocker);
}

static void
write_views(Epoch *epoch, Writing *w, bool careful)
{
	ListCell   *lc;

	foreach(lc, w->written)
	{
		ContView   *view = lfirst(lc);
		BlockedView *blocked = find_blocked(w, view);

		if (blocked)
			weir_set_aside(view, epoch, &blocked->blocker, reason_of(blocked));
		else if (weir_aside_list_has(view->defid))
			weir_set_aside(view, epoch, NULL, NULL);
		else if (careful || view->state == CONT_VIEW_SUSPENDED)
			write_view_carefully(epoch, view);
		else
		{
			rows_written += weir_write_view(view, epoch, NULL);
			weir_faulty_none(view->defid);
		}
	}
	weir_set_aside_finish(w->views);
}

static void
write_epoch(Epoch *epoch, List *lacking, bool careful)
{
	Writing		w = {lacking};

	rows_written = 0;
	weir_notes_begin();
	begin_writing(epoch, &w, careful);
	weir_worker_commit_to_disk();
	weir_runtime_purge(w.views);
	weir_write_view_purge(w.views);
	write_views(epoch, &w, careful);
	if (weir_notes_any(epoch))
		weir_notes_write(epoch);
	(void) weir_expire_views(w.views, Max(EXPIRE_WITH_FLUSH, Min(rows_written * 2, EXPIRE_MOST)),
							 rows_written > EXPIRE_WITH_FLUSH / 2);
	writing = true;
	weir_worker_commit();
	note_locks(NULL);
}

/*
 * Write the epoch. If that fails, again with each view in a subtransaction:
 * the error may be of one view, which need not hold up the others.
 */
static void
flush_epoch(Epoch *epoch)
{
	List	   *lacking = weir_partitions_prepare(epoch, list_concat(list_copy(unwritable), weir_aside_list_views()));
	volatile bool careful = false;

	PG_TRY();
	{
		write_epoch(epoch, lacking, false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(weir_worker_self->cxt);
		note_locks(CopyErrorData());
		FlushErrorState();
		AbortOutOfAnyTransaction();
		weir_errors_end(InvalidOid);
		careful = true;
	}
	PG_END_TRY();
	if (careful)
		write_epoch(epoch, lacking, true);
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
	weir_set_aside_start();		/* registers its callback before ours */
	weir_epoch_attach_flusher(weir_worker_self->slot, MyLatch);
	weir_errors_endure();
}

static void
flush_stop(void)
{
	weir_set_aside_stop();
	if (weir_worker_self)
		weir_epoch_detach_flusher(weir_worker_self->slot);
}

/*
 * Backends released by the last flush are likely to commit again soon. Wait
 * for them for a small fraction of a flush, so that one flush serves them all
 * (group commit).
 */
static void
gather(int slot)
{
	for (int i = 0; i < GATHER_SLEEPS && weir_queue_gathering(slot); i++)
		pg_usleep(GATHER_USECS);
}

/*
 * Flush if it is due, or now. Returns the milliseconds until a flush is due,
 * -1 if there is nothing to flush.
 */
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
	long		aside = weir_set_aside_write_back();
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
	due = due < 0 ? TICK_MS - since : Min(due, TICK_MS - since);
	return aside < 0 ? due : Min(due, aside);
}

/*
 * At a shutdown: wait for the workers that fill the epochs, then write these.
 */
static bool
flush_drain(void)
{
	bool		others = weir_registry_running(MyDatabaseId, WORKER_INGEST) ||
		weir_registry_running(MyDatabaseId, WORKER_KAFKA);

	while (flush_if_due(true) == 0)
		;
	(void) weir_set_aside_write_back();
	return !others && weir_epoch_idle(weir_worker_self->slot);
}

static const WorkerKindOps flush_ops = {flush_start, flush_step, flush_drain, flush_stop};

void
weir_flush_init(void)
{
	weir_worker_register(WORKER_FLUSH, &flush_ops);
}
