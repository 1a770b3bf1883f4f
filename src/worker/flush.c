/*
 * flush.c
 *	  The flush worker: cuts an epoch and writes it in one transaction.
 *
 * One a database.  It writes the frozen epoch's groups into the matrels, view
 * by view and as each view's owner, with its dead letters and Kafka offsets,
 * deletes expired steps, and commits.  The commit callback frees the epoch and
 * wakes the inserters that wait, so that this happens exactly when the
 * transaction has become visible.
 *
 * It also looks after its database: is the extension still there, which Kafka
 * streams want workers.
 *
 * Failure: an error aborts the transaction; the frozen epoch is untouched and
 * is written again, whole.  If the error is a view's own, the second time each
 * view is written in a subtransaction and the one that fails is suspended.
 */
#include "worker/flush.h"

#include "access/xact.h"
#include "base/attempt.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "catalog/cont_view.h"
#include "catalog/suspended.h"
#include "groups/epoch.h"
#include "worker/kafka.h"
#include "matrel/lock.h"
#include "matrel/whole.h"
#include "miscadmin.h"
#include "base/stats.h"
#include "query/execute.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "stream/queue.h"
#include "time/watermark.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/event_time.h"
#include "worker/expire.h"
#include "worker/notes.h"
#include "worker/partitions.h"
#include "worker/worker.h"
#include "worker/write_view.h"

#define TICK_MS 1000
#define TICK_LATEST_MS 5000		/* while flush follows flush */
#define PURGE_USECS (10 * USECS_PER_SEC)

/* How long making a partition waits for a lock. */
#define PARTITION_LOCK_MS 100

/* Rows deleted with a flush, or more if that many were written; and when there is nothing to flush. */
#define EXPIRE_WITH_FLUSH 2000
#define EXPIRE_MOST 1000000
#define EXPIRE_IDLE 10000
#define EXPIRE_PAUSE_MS 100

/* How often the list of views is read again while it changes; debug_discard_caches never lets it be. */
#define MAX_READS 10

/* The kernel makes some fifty microseconds more of each. */
#define GATHER_SLEEPS 4
#define GATHER_USECS 10

WEIR_FUNCTION(weir_flush);

/*
 * Views this worker could not write and suspended.  What of them is still in memory
 * is thrown away.  Groups of a view that an ingest worker suspended
 * are written: they are of rows before the one that failed.
 */
static List *unwritable = NIL;

/* The current transaction writes the frozen epoch. */
static bool writing = false;
static TimestampTz flush_started = 0;
static TimestampTz last_tick = 0;	/* 0: one is due */
static uint64 tended_generation = 0;	/* of the views that the last tick saw */
static uint64 adopted_version = 0;	/* of the list of views */
static int64 rows_written = 0;	/* by the current flush */

static bool tend(void (*work) (ContView *view, void *arg), ContView *view, void *arg,
				 LOCKMODE lock, const char *what);

/* ---------------------------------------------------------------------
 * One view
 * --------------------------------------------------------------------- */

static bool
run_has_view(Run *run, Oid defid)
{
	for (GroupTable *table = run->tables; table; table = table->next)
		if (table->defid == defid)
			return true;
	return run->nfiles > 0;
}

static bool
epoch_has_view(Epoch *epoch, Oid defid)
{
	if (run_has_view(&epoch->main, defid))
		return true;
	for (Run *run = epoch->adopted; run; run = run->next)
		if (run_has_view(run, defid))
			return true;
	return false;
}

static void
write_view(ContView *view, void *arg)
{
	rows_written += weir_write_view(view, arg);
}

static void
note_unwritable(Oid defid)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	unwritable = list_append_unique_oid(unwritable, defid);
	MemoryContextSwitchTo(old);
}

typedef struct ViewWork
{
	void		(*work) (ContView *view, void *arg);
	ContView   *view;
	void	   *arg;
} ViewWork;

static void
do_view_work(void *arg)
{
	ViewWork   *work = arg;

	work->work(work->view, work->arg);
}

/*
 * Do something for one view in a subtransaction.  NULL when that went well,
 * else the error, in CurrentMemoryContext.  What is worth trying again as a
 * whole is thrown.
 */
static ErrorData *
try_for_view(void (*work) (ContView *view, void *arg), ContView *view, void *arg)
{
	ViewWork	view_work = {work, view, arg};
	ErrorData  *error = weir_attempt(do_view_work, &view_work);

	if (error && weir_errors_kind(error) == ERROR_RETRY)
		ReThrowError(error);
	return error;
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

/* As write_view; a view that fails is suspended, others go on. */
static void
write_view_carefully(Epoch *epoch, ContView *view)
{
	ErrorData  *error = try_for_view(write_view, view, epoch);

	if (error != NULL)
		suspend_view(view, error);
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
		if (!list_member_oid(unwritable, view->defid) && epoch_has_view(epoch, view->defid))
			result = lappend(result, view);
	}
	return result;
}

/*
 * The views to write, with all locks for it; or false, and one that is not free.  The list
 * is read again with the locks: what they were waited for may have changed it.
 */
static bool
lock_views(Epoch *epoch, List **views, List **written, MatrelBlocker *blocker)
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
	return !weir_notes_any(epoch) || weir_notes_try_lock(blocker);
}

static void
wait_for_lock(void *arg)
{
	MatrelBlocker *blocker = arg;

	LockRelationOid(blocker->relid, blocker->mode);
}

/* In a transaction that holds no other lock; no longer than this, 0: without a limit. */
static void
wait_alone(MatrelBlocker *blocker, int ms)
{
	ErrorData  *error;

	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	weir_partitions_hurry(ms);
	error = weir_attempt(wait_for_lock, blocker);
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	weir_worker_commit();
}

/*
 * Begins the transaction, with the locks on what is written in it: see
 * matrel/lock.c.  What is not free is waited for in a transaction that has no other lock.
 */
static List *
begin_writing(Epoch *epoch, List **views)
{
	MatrelBlocker blocker = weir_matrel_blocked_by();
	List	   *written;

	for (;;)
	{
		if (OidIsValid(blocker.relid))
			wait_alone(&blocker, 0);
		weir_worker_begin();
		MemoryContextSwitchTo(weir_worker_self->cxt);
		if (lock_views(epoch, views, &written, &blocker))
			return written;
		weir_worker_commit();
	}
}

static void
write_epoch(Epoch *epoch, bool careful)
{
	List	   *views;
	List	   *written;
	ListCell   *lc;

	flush_started = GetCurrentTimestamp();
	rows_written = 0;
	written = begin_writing(epoch, &views);
	commit_to_disk();
	weir_runtime_purge(views);
	foreach(lc, written)
	{
		ContView   *view = lfirst(lc);

		if (careful || view->state == CONT_VIEW_SUSPENDED)
			write_view_carefully(epoch, view);
		else
			write_view(view, epoch);
	}
	if (weir_notes_any(epoch))
		weir_notes_write(epoch);
	(void) weir_expire_views(views, Max(EXPIRE_WITH_FLUSH, Min(rows_written * 2, EXPIRE_MOST)),
							 rows_written > EXPIRE_WITH_FLUSH / 2, tend);
	writing = true;
	weir_worker_commit();
	weir_stats_flush(GetCurrentTimestamp() - flush_started);
}

typedef struct PartitionMaking
{
	Epoch	   *epoch;
	bool		more;
} PartitionMaking;

static void
make_partitions(ContView *view, void *arg)
{
	PartitionMaking *making = arg;

	making->more |= weir_partitions_make(view, making->epoch);
}

/* Views that are kept in partitions and of which the epoch has something: def views. */
static List *
partitioned_views(Epoch *epoch)
{
	static uint64 none_at = 0;	/* generation of views at which none is in partitions */
	uint64		generation = weir_cont_views_generation();
	List	   *result = NIL;
	bool		any = false;
	ListCell   *lc;

	if (none_at == generation)
		return NIL;
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	foreach(lc, weir_cont_views_whole())
	{
		ContView   *view = lfirst(lc);

		any |= view->options.partitioned;
		if (view->options.partitioned && !list_member_oid(unwritable, view->defid) &&
			epoch_has_view(epoch, view->defid))
			result = lappend_oid(result, view->defid);
	}
	weir_worker_commit();
	if (!any)
		none_at = generation;
	return result;
}

/*
 * A portion, in a transaction of its own, so that it holds no lock of another view; true when there is more to
 * make.  Without the lock on the view, what needs a partition goes to the default one.
 */
static bool
make_portion(Oid defid, Epoch *epoch)
{
	PartitionMaking making = {epoch, false};
	MatrelBlocker blocker = {InvalidOid, NoLock};

	for (int round = 0; round < 2; round++)
	{
		ContView   *view;
		ErrorData  *error = NULL;

		if (round > 0)
			wait_alone(&blocker, PARTITION_LOCK_MS);
		weir_worker_begin();
		MemoryContextSwitchTo(weir_worker_self->cxt);
		weir_partitions_hurry(PARTITION_LOCK_MS);
		view = weir_cont_view_by_def(defid);
		blocker.relid = InvalidOid;
		if (view && weir_matrel_try_lock(view, ShareUpdateExclusiveLock, &blocker))
			error = try_for_view(make_partitions, view, &making);
		if (error)
			suspend_view(view, error);
		weir_worker_commit();
		if (!OidIsValid(blocker.relid))
			break;
	}
	return making.more;
}

static void
flush_epoch(Epoch *epoch)
{
	volatile bool careful = false;
	ListCell   *lc;

	foreach(lc, partitioned_views(epoch))
		while (make_portion(lfirst_oid(lc), epoch))
			CHECK_FOR_INTERRUPTS();

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
 * Looking after the database
 * --------------------------------------------------------------------- */

/* Unless it has been created again meanwhile. */
static void
extension_is_gone(uint32 created)
{
	if (!weir_registry_set_database_absent(MyDatabaseId, created))
		return;
	weir_queue_discard(weir_worker_self->slot);
	weir_epoch_discard(weir_worker_self->slot);
	weir_registry_wake_launcher();
	proc_exit(0);
}

/* A Kafka stream wants its workers while an active view reads it.  First ones come first, should there be too many. */
static int
kafka_wants(List *views, WorkerTask *wants)
{
	List	   *streams = weir_cont_views_streams(views, true);
	int			nstreams = list_length(streams);
	int		   *workers = palloc(sizeof(int) * Max(nstreams, 1));
	int			most = 0;
	int			n = 0;

	for (int s = 0; s < nstreams; s++)
	{
		workers[s] = weir_kafka_workers_wanted(list_nth_oid(streams, s));
		most = Max(most, workers[s]);
	}
	memset(wants, 0, sizeof(WorkerTask) * WEIR_MAX_KAFKA_WANTS);
	for (int i = 0; i < most; i++)
		for (int s = 0; s < nstreams && n < WEIR_MAX_KAFKA_WANTS; s++)
		{
			if (i >= workers[s])
				continue;
			wants[n].dboid = MyDatabaseId;
			wants[n].kind = WORKER_KAFKA;
			wants[n].index = i;
			wants[n++].streamid = list_nth_oid(streams, s);
		}
	return n;
}

static void
adopt_view(ContView *view, void *arg)
{
	weir_matrel_adopt(view);
}

/*
 * Housekeeping of one view.  Its lock is taken only if it is free: a user's
 * DDL must not make the others wait.  False when it was not.
 */
static bool
tend(void (*work) (ContView *view, void *arg), ContView *view, void *arg,
	 LOCKMODE lock, const char *what)
{
	ErrorData  *error;
	MatrelBlocker blocker;

	CHECK_FOR_INTERRUPTS();
	if (!weir_matrel_try_lock(view, lock, &blocker))
		return false;
	if (get_rel_name(view->matrelid) == NULL || get_rel_name(view->defid) == NULL)
		return true;
	error = try_for_view(work, view, arg);
	if (error != NULL)
		ereport(WARNING,
				(errmsg("could not %s continuous view %s: %s", what, view->name, error->message)));
	return true;
}

/* The dependencies that pg_upgrade leaves out. */
static void
adopt_views(List *views)
{
	uint64		version = weir_cont_views_version();
	bool		all = true;
	ListCell   *lc;

	if (version == adopted_version)
		return;
	foreach(lc, views)
		all &= tend(adopt_view, lfirst(lc), NULL, AccessShareLock, "adopt");
	if (all)
		adopted_version = version;
}

/* What streams and views leave is of those that were dropped: seldom. */
static void
purge_notes(void)
{
	static TimestampTz purged = 0;
	static uint64 generation = 0;	/* of the list of views */

	if (generation == weir_cont_views_generation() && last_tick - purged < PURGE_USECS)
		return;
	generation = weir_cont_views_generation();
	purged = last_tick;
	weir_notes_purge();
}

static void
tick(void)
{
	WorkerTask	wants[WEIR_MAX_KAFKA_WANTS];
	int			nwants = 0;
	List	   *views;
	bool		more;
	bool		moved;
	uint32		created = weir_registry_database_created(MyDatabaseId);

	last_tick = GetCurrentTimestamp();
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	if (!weir_extension_exists())
	{
		weir_worker_commit();
		extension_is_gone(created);
		return;
	}
	views = weir_cont_views_whole();
	weir_suspended_sync(views);
	nwants = kafka_wants(views, wants);
	weir_registry_set_kafka_wants(wants, nwants);
	adopt_views(views);
	more = weir_expire_views(views, EXPIRE_IDLE, false, tend);
	more |= weir_event_expire(views, EXPIRE_IDLE, tend);
	moved = weir_event_tick(views);
	purge_notes();
	weir_worker_commit();
	if (moved)
		weir_watermark_stored(weir_worker_self->slot);
	more |= weir_partitions_drop();
	if (more)
		last_tick -= (TICK_MS - EXPIRE_PAUSE_MS) * (int64) 1000;
}

static void
flush_start(void)
{
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

	if (due != 0 && !now)
		return due;
	if (!now)
		gather(slot);
	epoch = weir_epoch_cut(slot, &cut_seq);
	if (epoch == NULL)
	{
		weir_queue_set_flushed(slot, cut_seq);
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
	long		since = TimestampDifferenceMilliseconds(last_tick, GetCurrentTimestamp());
	uint64		generation;

	if (due == 0 && since < TICK_LATEST_MS)
		return 0;
	generation = weir_cont_views_generation();
	if (since >= TICK_MS || last_tick == 0 || generation != tended_generation)
	{
		tick();
		tended_generation = generation;
		if (last_tick == 0)
			return 0;
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

/* ---------------------------------------------------------------------
 * Waiting for a flush
 * --------------------------------------------------------------------- */

/* Does a worker of this database wait for a lock that we hold? */
static void
check_not_blocking(void)
{
	int			pids[WEIR_MAX_WORKERS];
	int			n = weir_registry_pids(MyDatabaseId, pids);

	for (int i = 0; i < n; i++)
	{
		ArrayType  *blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids,
																	  Int32GetDatum(pids[i])));
		int32	   *values = (int32 *) ARR_DATA_PTR(blockers);
		int			count = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));

		for (int j = 0; j < count; j++)
			if (values[j] == MyProcPid)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
						 errmsg("cannot wait for a flush in a transaction whose locks the flush needs"),
						 errhint("Call weir.flush() before the DDL, or in a transaction of its own.")));
	}
}

void
weir_flush_wait(void)
{
	int			slot = weir_my_database_slot();
	int64		boot;
	int64		seq;
	int64		epoch;
	FlushWait	wait;

	if (weir_worker_self)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a function of a continuous view cannot wait for a flush"),
				 errdetail("The worker that runs the function would wait for itself.")));
	weir_queue_position(&boot, &seq);
	weir_queue_wait_begin(&wait, seq, weir_stats_may_read_errors(InvalidOid), false);
	weir_queue_hurry(slot, seq);
	epoch = weir_epoch_pending(slot);
	for (int round = 1;; round++)
	{
		bool		merged = weir_queue_merged_seq(slot) >= seq;

		CHECK_FOR_INTERRUPTS();
		if (merged && weir_queue_flushed_seq(slot) < seq)
			weir_epoch_request_cut(slot);
		else if (epoch > 0 && weir_epoch_flushed(slot) < epoch)
			weir_epoch_request_cut(slot);
		if (weir_queue_wait(seq, merged ? 100 : 5) &&
			(epoch == 0 || weir_epoch_wait(slot, epoch, 100)))
			return;
		if (round % 100 == 0)
			check_not_blocking();
		(void) weir_queue_wait_warn(&wait);
	}
}

Datum
weir_flush(PG_FUNCTION_ARGS)
{
	weir_shmem_require();
	if (!weir_extension_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"weir\" is not created in this database")));
	weir_flush_wait();
	PG_RETURN_VOID();
}
