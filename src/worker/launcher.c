/*
 * launcher.c
 *	  The launcher: keeps every database with the extension in workers.
 *
 * One process for the server.  It cannot see into databases, so the first
 * worker it starts in each is the flush worker, which says whether the
 * extension is there; CREATE EXTENSION says so itself at its commit.  From
 * then on the launcher compares the workers there shall be with those there
 * are, and starts or ends the difference.  A worker that ended is started
 * again with a delay that doubles up to ten seconds while it keeps failing.
 *
 * A launcher that is started again after an error or a SIGTERM first makes the
 * workers of its predecessor leave: it could not see them end.
 *
 * It starts when recovery has ended, so a standby has no workers until it is
 * promoted, and does not run in pg_upgrade.
 */
#include "worker/launcher.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "catalog/pg_database.h"
#include "groups/epoch.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "stream/queue.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker/registry.h"

#define SCAN_INTERVAL_MS 30000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define MIN_FREE_SLOTS 8
#define EVICT_AGAIN_MS 3000		/* between requests to leave */
#define HEALTHY_MS 10000		/* ran this long: forget earlier failures */

/* A worker this launcher started. */
typedef struct Started
{
	WorkerTask	task;
	int			entry;
	BackgroundWorkerHandle *handle;
	TimestampTz started;
	bool		wanted;
	bool		terminating;
} Started;

/* What is remembered of a task that ended. */
typedef struct Ended
{
	WorkerTask	task;			/* hash key */
	long		backoff_ms;
	TimestampTz not_before;
} Ended;

static List *started = NIL;
static HTAB *ended = NULL;
static List *probed_absent = NIL;	/* databases found without the extension */
static bool slots_warned = false;
static bool created_pending = false;
static bool changed_pending = false;
static uint32 wait_event = 0;

extern PGDLLEXPORT void weir_launcher_main(Datum arg);

static void
pending_callback(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event == XACT_EVENT_COMMIT && created_pending)
	{
		weir_registry_set_database_state(MyDatabaseId, DATABASE_PRESENT);
		weir_registry_wake_launcher();
	}
	if (event == XACT_EVENT_COMMIT && changed_pending)
		weir_registry_wake(MyDatabaseId, WORKER_FLUSH);
	created_pending = false;
	changed_pending = false;
}

void
weir_launcher_register(void)
{
	BackgroundWorker worker = {0};

	RegisterXactCallback(pending_callback, NULL);
	if (IsBinaryUpgrade)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "weir", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "weir_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "weir launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "weir launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

void
weir_launcher_created_at_commit(void)
{
	weir_shmem_require();
	(void) weir_my_database_slot();
	created_pending = true;
}

void
weir_launcher_changed_at_commit(void)
{
	changed_pending = true;
}

/* ---------------------------------------------------------------------
 * Hold and release
 * --------------------------------------------------------------------- */

void
weir_launcher_hold_database(Oid dboid)
{
	int			waited = 0;

	if (!weir_shmem_ready() || !OidIsValid(dboid))
		return;
	weir_registry_hold(dboid, MyProcPid);

	/* Again after a while: the second SIGTERM ends a worker inside a query. */
	while (weir_registry_signal(dboid, waited % EVICT_AGAIN_MS == 0 ? SIGTERM : 0) > 0 &&
		   waited < 10000)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		waited += 10;
	}
}

void
weir_launcher_release_database(Oid dboid)
{
	if (!weir_shmem_ready() || !OidIsValid(dboid))
		return;
	weir_registry_hold(dboid, 0);
	weir_registry_wake_launcher();
}

/* ---------------------------------------------------------------------
 * What shall be
 * --------------------------------------------------------------------- */

static bool
same_task(const WorkerTask *a, const WorkerTask *b)
{
	return a->dboid == b->dboid && a->kind == b->kind &&
		a->index == b->index && a->streamid == b->streamid;
}

static WorkerTask *
make_task(Oid dboid, WorkerKind kind, int index, Oid streamid)
{
	WorkerTask *task = palloc0(sizeof(WorkerTask));

	task->dboid = dboid;
	task->kind = kind;
	task->index = index;
	task->streamid = streamid;
	return task;
}

/*
 * OIDs of all databases; those that clients can connect to, and so may have the
 * extension without our knowing, also in *open.
 */
static List *
list_databases(MemoryContext cxt, List **open)
{
	List	   *result = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old = MemoryContextSwitchTo(cxt);

		result = lappend_oid(result, database->oid);
		if (database->datallowconn)
			*open = lappend_oid(*open, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return result;
}

/*
 * Databases that are gone: nobody will ever take their rows.  slots is who had
 * them before the list was made: one that came since is not in it.  Those that
 * only dropped the extension keep theirs until slots are scarce.
 */
static void
forget_dropped(List *databases, const Oid *slots)
{
	ListCell   *lc;
	int			nfree = 0;

	for (int slot = 0; slot < WEIR_MAX_DATABASES; slot++)
		nfree += !OidIsValid(slots[slot]);
	for (int slot = 0; slot < WEIR_MAX_DATABASES; slot++)
	{
		Oid			dboid = slots[slot];
		bool		absent = nfree < MIN_FREE_SLOTS &&
			weir_registry_database_state(dboid) == DATABASE_ABSENT;

		if (!OidIsValid(dboid) || weir_database_of_slot(slot) != dboid ||
			(list_member_oid(databases, dboid) && !absent) ||
			weir_registry_signal(dboid, 0) > 0 || weir_registry_database_held(dboid))
			continue;
		if (absent)
		{
			MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

			probed_absent = list_append_unique_oid(probed_absent, dboid);
			MemoryContextSwitchTo(old);
		}
		weir_queue_discard(slot);
		weir_epoch_discard(slot);
		weir_registry_set_database_state(dboid, DATABASE_ABSENT);
		weir_database_slot_release(slot);
	}
	foreach(lc, probed_absent)
		if (!list_member_oid(databases, lfirst_oid(lc)))
			probed_absent = foreach_delete_current(probed_absent, lc);
}

static List *
wanted_tasks(List *databases, List *open)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, databases)
	{
		Oid			dboid = lfirst_oid(lc);
		DatabaseState state = weir_registry_database_state(dboid);
		WorkerTask	kafka[WEIR_MAX_KAFKA_WANTS];
		int			nkafka;

		if (weir_registry_database_held(dboid))
			continue;
		if (state == DATABASE_ABSENT ||
			(state == DATABASE_UNKNOWN &&
			 (!list_member_oid(open, dboid) || list_member_oid(probed_absent, dboid))))
			continue;
		result = lappend(result, make_task(dboid, WORKER_FLUSH, 0, InvalidOid));
		if (state != DATABASE_PRESENT)
			continue;
		for (int i = 0; i < weir_ingest_workers; i++)
			result = lappend(result, make_task(dboid, WORKER_INGEST, i, InvalidOid));
		nkafka = weir_registry_kafka_wants(dboid, kafka);
		for (int i = 0; i < nkafka; i++)
			result = lappend(result, make_task(dboid, WORKER_KAFKA, kafka[i].index,
											   kafka[i].streamid));
	}
	return result;
}

/* ---------------------------------------------------------------------
 * What is
 * --------------------------------------------------------------------- */

static const char *
kind_name(WorkerKind kind)
{
	switch (kind)
	{
		case WORKER_FLUSH:
			return "weir flush worker";
		case WORKER_INGEST:
			return "weir ingest worker";
		case WORKER_KAFKA:
			return "weir kafka worker";
	}
	return "weir worker";
}

static void
start_worker(WorkerTask *task)
{
	BackgroundWorker worker = {0};
	Started    *s = MemoryContextAllocZero(TopMemoryContext, sizeof(Started));
	uint32		generation;
	MemoryContext old;

	s->task = *task;
	s->wanted = true;
	s->entry = weir_registry_add(task, &generation);
	if (s->entry < 0)
	{
		pfree(s);
		return;
	}
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "weir", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "weir_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_type, kind_name(task->kind), sizeof(worker.bgw_type));
	if (task->kind == WORKER_KAFKA)
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s %u/%d for database %u",
				 kind_name(task->kind), task->streamid, task->index, task->dboid);
	else
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s %d for database %u",
				 kind_name(task->kind), task->index, task->dboid);
	worker.bgw_main_arg = Int32GetDatum(s->entry);
	memcpy(worker.bgw_extra, &generation, sizeof(generation));
	worker.bgw_notify_pid = MyProcPid;

	old = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &s->handle))
	{
		weir_registry_remove(s->entry);
		pfree(s);
		if (!slots_warned)
			ereport(WARNING,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no free slot for a %s", kind_name(task->kind)),
					 errhint("Increase max_worker_processes; Weir will try again.")));
		slots_warned = true;
	}
	else
	{
		s->started = GetCurrentTimestamp();
		started = lappend(started, s);
		slots_warned = false;
	}
	MemoryContextSwitchTo(old);
}

static void
note_ended(Started *s)
{
	WorkerEntry entry;
	bool		found;
	Ended	   *e;
	TimestampTz now = GetCurrentTimestamp();

	weir_registry_get(s->entry, &entry);
	weir_registry_remove(s->entry);
	if (entry.absent && weir_registry_database_state(s->task.dboid) != DATABASE_PRESENT)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		probed_absent = list_append_unique_oid(probed_absent, s->task.dboid);
		MemoryContextSwitchTo(old);
	}

	e = hash_search(ended, &s->task, HASH_ENTER, &found);
	if (!found || TimestampDifferenceMilliseconds(s->started, now) > HEALTHY_MS)
		e->backoff_ms = 0;
	e->not_before = TimestampTzPlusMilliseconds(now, e->backoff_ms);
	e->backoff_ms = Min(Max(e->backoff_ms * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
}

static void
reap(void)
{
	ListCell   *lc;

	foreach(lc, started)
	{
		Started    *s = lfirst(lc);
		pid_t		pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(s->handle, &pid);

		if (status != BGWH_STOPPED)
			continue;
		note_ended(s);
		pfree(s->handle);
		pfree(s);
		started = foreach_delete_current(started, lc);
	}
}

static Started *
find_started(const WorkerTask *task)
{
	ListCell   *lc;

	foreach(lc, started)
		if (same_task(&((Started *) lfirst(lc))->task, task))
			return lfirst(lc);
	return NULL;
}

/* Streams and databases come and go: tasks that were not started again are forgotten. */
static void
forget_ended(void)
{
	HASH_SEQ_STATUS status;
	Ended	   *e;
	TimestampTz now = GetCurrentTimestamp();

	hash_seq_init(&status, ended);
	while ((e = hash_seq_search(&status)) != NULL)
		if (TimestampDifferenceExceeds(e->not_before, now, HEALTHY_MS) &&
			find_started(&e->task) == NULL)
			(void) hash_search(ended, &e->task, HASH_REMOVE, NULL);
}

/* Returns ms until something is to be started, or the scan interval. */
static long
start_missing(List *tasks)
{
	long		timeout = SCAN_INTERVAL_MS;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc2, started)
		((Started *) lfirst(lc2))->wanted = false;

	foreach(lc, tasks)
	{
		WorkerTask *task = lfirst(lc);
		Started    *running = find_started(task);
		Ended	   *e;

		if (running)
		{
			running->wanted = true;
			continue;
		}
		e = hash_search(ended, task, HASH_FIND, NULL);
		if (e != NULL && e->not_before > GetCurrentTimestamp())
		{
			timeout = Min(timeout, 1 + TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
																	   e->not_before));
			continue;
		}
		start_worker(task);
		if (slots_warned)
			timeout = Min(timeout, 5000);
	}

	foreach(lc2, started)
	{
		Started    *s = lfirst(lc2);

		if (!s->wanted && !s->terminating)
		{
			TerminateBackgroundWorker(s->handle);
			s->terminating = true;
		}
	}
	return timeout;
}

/* ---------------------------------------------------------------------
 * The process
 * --------------------------------------------------------------------- */

static void
evict_predecessors(void)
{
	int			waited = 0;

	while (!ShutdownRequestPending &&
		   weir_registry_evict(waited % EVICT_AGAIN_MS == 0 ? SIGTERM : 0) > 0)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 wait_event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		waited += 10;
	}
}

static void
launcher_loop(void)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "weir launcher",
											  ALLOCSET_DEFAULT_SIZES);

	while (!ShutdownRequestPending)
	{
		List	   *databases;
		List	   *open = NIL;
		Oid			slots[WEIR_MAX_DATABASES];
		long		timeout;

		MemoryContextReset(cxt);
		for (int i = 0; i < WEIR_MAX_DATABASES; i++)
			slots[i] = weir_database_of_slot(i);
		databases = list_databases(cxt, &open);
		MemoryContextSwitchTo(cxt);
		reap();
		forget_ended();
		forget_dropped(databases, slots);
		timeout = start_missing(wanted_tasks(databases, open));

		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout, wait_event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

static void
handle_sigterm(SIGNAL_ARGS)
{
	weir_registry_note_leaving();
	SignalHandlerForShutdownRequest(postgres_signal_arg);
}

void
weir_launcher_main(Datum arg)
{
	HASHCTL		ctl;

	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	weir_registry_attach_launcher(MyLatch);
	wait_event = weir_wait_event_new("WeirLauncherMain");

	ctl.keysize = sizeof(WorkerTask);
	ctl.entrysize = sizeof(Ended);
	ended = hash_create("weir ended workers", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	evict_predecessors();
	launcher_loop();
	weir_registry_attach_launcher(NULL);

	/* Not 0: the postmaster shall start it again if it was ended alone. */
	proc_exit(1);
}
