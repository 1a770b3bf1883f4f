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
 * What it could not start it tells (missing.h) and tries again.
 *
 * Slots for workers are PostgreSQL's max_worker_processes, and may be scarce.
 * So every database gets what it cannot do without before any gets a second
 * worker of a kind.
 *
 * A launcher that is started again after an error or a SIGTERM first makes the
 * workers of its predecessor leave: it could not see them end.
 *
 * It starts when recovery has ended, so a standby has no workers until it is
 * promoted, and does not run in pg_upgrade.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "process/launcher.h"
#include "process/missing.h"
#include "process/registry.h"
#include "process/tasks.h"

#define SCAN_INTERVAL_MS 30000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define EVICT_AGAIN_MS 3000		/* interval between requests to leave */
/* a worker that ran this long has its earlier failures forgotten */
#define HEALTHY_MS 10000
#define SLOT_RETRY_MS 1000
/* interval between warnings while no more workers are missing than before */
#define SLOT_WARNING_MS 600000
#define SLOT_WARNING_MIN_MS 10000
/*
 * a worker that may find no extension counts as missing only after this time
 */
#define PROBE_WARNING_MS 10000

/* A worker that this launcher started. */
typedef struct Started
{
	WorkerTask	task;
	int			entry;
	BackgroundWorkerHandle *handle;
	TimestampTz started;		/* weir_clock_steady */
	bool		wanted;
	bool		terminating;
} Started;

/* History of a task whose worker ended or could not be started. */
typedef struct Trouble
{
	WorkerTask	task;			/* hash key */
	long		backoff_ms;
	TimestampTz not_before;		/* weir_clock_steady */
	bool		no_slot;
	TimestampTz since;			/* as it is shown */
	int64		attempts;
	char		reason[WEIR_ERROR_LENGTH];
} Trouble;

static List *started = NIL;
static HTAB *troubles = NULL;
static MissingWorker *missing = NULL;	/* in this round */
static int	nmissing = 0;

/* how many workers had no slot at the last warning */
static int	slots_warned = 0;
static TimestampTz slots_warned_at = 0;
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
	weir_missing_check_at_commit(InvalidOid);
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

	/*
	 * Signal again after a while: the second SIGTERM ends a worker inside a
	 * query.
	 */
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
 * Troubles
 * --------------------------------------------------------------------- */

/* Find or create the history of a task. */
static Trouble *
trouble_of(const WorkerTask *task)
{
	bool		found;
	Trouble    *trouble = hash_search(troubles, task, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) trouble + sizeof(WorkerTask), 0, sizeof(Trouble) - sizeof(WorkerTask));
		trouble->since = GetCurrentTimestamp();
	}
	return trouble;
}

static void
note_no_slot(const WorkerTask *task, const char *reason)
{
	Trouble    *trouble = trouble_of(task);

	if (!trouble->no_slot)
		trouble->since = GetCurrentTimestamp();
	trouble->no_slot = true;
	trouble->not_before = weir_clock_steady();
	trouble->attempts++;
	strlcpy(trouble->reason, reason, sizeof(trouble->reason));
}

static void
note_ended(Started *s)
{
	WorkerEntry entry;
	Trouble    *trouble;
	TimestampTz now = weir_clock_steady();

	weir_registry_get(s->entry, &entry);
	weir_registry_remove(s->entry);
	if (entry.absent && weir_registry_database_state(s->task.dboid) != DATABASE_PRESENT)
		weir_tasks_note_absent(s->task.dboid);

	if (entry.renewed)
		return;
	trouble = trouble_of(&s->task);
	if (TimestampDifferenceMilliseconds(s->started, now) > HEALTHY_MS)
	{
		trouble->backoff_ms = 0;
		trouble->attempts = 0;
		trouble->since = GetCurrentTimestamp();
	}
	trouble->attempts++;
	trouble->no_slot = false;
	strlcpy(trouble->reason, entry.last_error[0] ? entry.last_error : "The worker ended; the server's log says more.",
			sizeof(trouble->reason));
	trouble->not_before = TimestampTzPlusMilliseconds(now, trouble->backoff_ms);
	trouble->backoff_ms = Min(Max(trouble->backoff_ms * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
}

static void
note_missing(const Trouble *trouble)
{
	MissingWorker *m;

	if (nmissing >= WEIR_MAX_WORKERS)
		return;
	m = &missing[nmissing++];
	m->task = trouble->task;
	m->no_slot = trouble->no_slot;
	m->attempts = trouble->attempts;
	m->since = trouble->since;
	strlcpy(m->reason, trouble->reason, sizeof(m->reason));
}

/*
 * Log a warning when more workers have no slot than before, else from time to
 * time.
 */
static void
warn_no_slot(void)
{
	TimestampTz now = weir_clock_steady();
	const MissingWorker *first = NULL;
	int			n = 0;

	for (int i = 0; i < nmissing; i++)
	{
		MissingWorker *m = &missing[i];

		if (!m->no_slot || !weir_missing_stays_away(m) ||
			(weir_registry_database_state(m->task.dboid) != DATABASE_PRESENT &&
			 !weir_clock_passed(m->since, PROBE_WARNING_MS)))
			continue;
		first = first ? first : m;
		n++;
	}
	if (n == 0)
	{
		slots_warned = 0;
		return;
	}
	if (slots_warned_at != 0 &&
		!TimestampDifferenceExceeds(slots_warned_at, now, n > slots_warned ? SLOT_WARNING_MIN_MS : SLOT_WARNING_MS))
		return;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no free slot for a %s of database %u: %s",
					weir_worker_kind_name(first->task.kind), first->task.dboid, first->reason),
			 errdetail_plural("%d worker cannot be started; Weir goes on trying.",
							  "%d workers cannot be started; Weir goes on trying.", n, n),
			 errhint("%s", weir_missing_remedy())));
	slots_warned = n;
	slots_warned_at = now;
}

/* ---------------------------------------------------------------------
 * What is
 * --------------------------------------------------------------------- */

/* Start a worker.  Returns NULL, or the reason why it could not be started. */
static const char *
start_worker(WorkerTask *task)
{
	BackgroundWorker worker = {0};
	Started    *s = MemoryContextAllocZero(TopMemoryContext, sizeof(Started));
	const char *kind = weir_worker_kind_name(task->kind);
	uint32		generation;
	bool		registered;
	MemoryContext old;

	s->task = *task;
	s->wanted = true;
	s->entry = weir_registry_add(task, &generation);
	if (s->entry < 0)
	{
		pfree(s);
		return psprintf("there are %d workers, the most that Weir can have", WEIR_MAX_WORKERS);
	}
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "weir", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "weir_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_type, kind, sizeof(worker.bgw_type));
	if (OidIsValid(task->streamid))
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s %u/%d for database %u",
				 kind, task->streamid, task->index, task->dboid);
	else
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s %d for database %u",
				 kind, task->index, task->dboid);
	worker.bgw_main_arg = Int32GetDatum(s->entry);
	memcpy(worker.bgw_extra, &generation, sizeof(generation));
	worker.bgw_notify_pid = MyProcPid;

	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &s->handle);
	if (registered)
	{
		s->started = weir_clock_steady();
		started = lappend(started, s);
	}
	else
	{
		weir_registry_remove(s->entry);
		pfree(s);
	}
	MemoryContextSwitchTo(old);
	return registered ? NULL : psprintf("all %d of max_worker_processes are in use", max_worker_processes);
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

static bool
same_task(const WorkerTask *a, const WorkerTask *b)
{
	return a->dboid == b->dboid && a->kind == b->kind &&
		a->index == b->index && a->streamid == b->streamid;
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

/*
 * Forget tasks that were not started again: streams and databases come and go.
 */
static void
forget_troubles(void)
{
	HASH_SEQ_STATUS status;
	Trouble    *trouble;
	TimestampTz now = weir_clock_steady();

	hash_seq_init(&status, troubles);
	while ((trouble = hash_seq_search(&status)) != NULL)
		if (TimestampDifferenceExceeds(trouble->not_before, now, HEALTHY_MS) &&
			find_started(&trouble->task) == NULL)
			(void) hash_search(troubles, &trouble->task, HASH_REMOVE, NULL);
}

/*
 * Start a worker for a task that has none, unless it has to wait. Returns
 * after how many milliseconds to look at it again.
 */
static long
start_task(WorkerTask *task)
{
	TimestampTz now = weir_clock_steady();
	Trouble    *trouble = hash_search(troubles, task, HASH_FIND, NULL);
	const char *reason;

	if (trouble != NULL && trouble->not_before > now)
	{
		note_missing(trouble);
		return 1 + TimestampDifferenceMilliseconds(now, trouble->not_before);
	}
	reason = start_worker(task);
	if (reason == NULL)
		return SCAN_INTERVAL_MS;
	note_no_slot(task, reason);
	note_missing(trouble_of(task));
	return SLOT_RETRY_MS;
}

/*
 * Start what is missing, end what is not wanted. Returns the milliseconds
 * until the next start is due, at most the scan interval.
 */
static long
start_missing(List *tasks)
{
	long		timeout = SCAN_INTERVAL_MS;

	/*
	 * the launcher; workers that only look for the extension are not counted
	 */
	int			needed = 1;
	ListCell   *lc;

	foreach(lc, started)
		((Started *) lfirst(lc))->wanted = false;
	nmissing = 0;
	foreach(lc, tasks)
	{
		WorkerTask *task = lfirst(lc);
		Started    *running = find_started(task);

		needed += weir_registry_database_state(task->dboid) == DATABASE_PRESENT;
		if (running)
			running->wanted = true;
		else
		{
			long		again = start_task(task);

			timeout = Min(timeout, again);
		}
	}
	foreach(lc, started)
	{
		Started    *s = lfirst(lc);

		if (!s->wanted && !s->terminating)
		{
			TerminateBackgroundWorker(s->handle);
			s->terminating = true;
		}
	}
	weir_missing_end_round(missing, nmissing, needed);
	warn_no_slot();
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

/* Returns the milliseconds until the next round. */
static long
launcher_round(void)
{
	weir_missing_begin_round();
	weir_tasks_look();
	reap();
	forget_troubles();
	return start_missing(weir_tasks_wanted());
}

/*
 * A round that fails is tried again after a pause that doubles; workers go on
 * meanwhile.
 */
static long
guarded_round(MemoryContext cxt)
{
	static long backoff = 0;
	long		timeout;

	MemoryContextReset(cxt);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		timeout = launcher_round();
		backoff = 0;
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		EmitErrorReport();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		RESUME_INTERRUPTS();
		timeout = backoff = Min(Max(backoff * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return timeout;
}

static void
launcher_loop(void)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "weir launcher",
											  ALLOCSET_DEFAULT_SIZES);

	while (!ShutdownRequestPending)
	{
		long		timeout = guarded_round(cxt);

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

static void
launcher_leave(int code, Datum arg)
{
	weir_registry_attach_launcher(NULL);
}

void
weir_launcher_main(Datum arg)
{
	HASHCTL		ctl;

	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(launcher_leave, (Datum) 0);
	weir_registry_attach_launcher(MyLatch);
	wait_event = weir_wait_event_new("WeirLauncherMain");

	ctl.keysize = sizeof(WorkerTask);
	ctl.entrysize = sizeof(Trouble);
	troubles = hash_create("weir troubles", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	missing = MemoryContextAlloc(TopMemoryContext, sizeof(MissingWorker) * WEIR_MAX_WORKERS);
	evict_predecessors();
	launcher_loop();

	/*
	 * An exit status other than 0 makes the postmaster start it again if it
	 * was ended alone.
	 */
	proc_exit(1);
}
