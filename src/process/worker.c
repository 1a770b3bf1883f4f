/*
 * worker.c
 *	  The skeleton of every worker of a database: signals, connection,
 *	  settings, the loop, errors, leaving.
 *
 * SIGTERM asks a worker to leave after its step; a second SIGTERM ends it
 * within whatever it runs.  When the server shuts down, clients go as well; a
 * worker that sees none of them left first drains what is committed, so that a
 * clean shutdown loses nothing.
 *
 * A worker runs as the bootstrap superuser with a fixed search path; code of
 * users runs as its owner (base/owner.h).  Triggers and foreign keys hold for
 * what such code writes.  Matrels are written below the level of triggers.
 */
#include "postgres.h"

#include "process/worker.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "base/attempt.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/owner.h"
#include "base/shmem.h"
#include "base/time_limit.h"
#include "meta/cont_view.h"
#include "stream/queue.h"
#include "process/renew.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000

/* How long a leaving worker waits to see whether clients leave, too. */
#define SHUTDOWN_LOOK_MS 1000
#define DRAIN_MAX_MS 60000

#define WORK_MEM_KB (64 * 1024)

#define KEEP_MEMORY_BYTES (128 * 1024 * 1024)

#define SECOND_SIGTERM_USECS (1 * USECS_PER_SEC)

/*
 * Limits of the time that a transaction stays open over small batches: in all,
 * and while nothing comes.
 */
#define OPEN_MAX_USECS (100 * USECS_PER_SEC / 1000)
#define OPEN_IDLE_USECS (10 * USECS_PER_SEC / 1000)

WorkerSelf *weir_worker_self = NULL;

static const WorkerKindOps *ops = NULL;
static const WorkerKindOps *kinds[WORKER_KINDS];
static uint32 wait_event = 0;
static emit_log_hook_type next_log_hook = NULL;

/* Per database: views whose code a worker could not stop. */
typedef struct Culprits
{
	Oid			defid;			/* to be suspended */

	/* noted by flush workers since the last flush; the latest ones */
	Oid			unwritable[8];
	int			nunwritable;
} Culprits;

static Culprits *culprits = NULL;

static bool left_open = false;	/* a transaction is open and idle */
static volatile sig_atomic_t committing = false;
static TimestampTz opened = 0;
static TimestampTz last_used = 0;

extern PGDLLEXPORT void weir_worker_main(Datum arg);

void
weir_worker_begin(void)
{
	if (left_open)
	{
		weir_worker_commit();
		pgstat_report_stat(false);
	}
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	opened = weir_clock_steady();
}

void
weir_worker_commit(void)
{
	left_open = false;
	PopActiveSnapshot();
	committing = true;
	if (ShutdownRequestPending && synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	CommitTransactionCommand();
	committing = false;
	if (ShutdownRequestPending)
		QueryCancelPending = false;
}

void
weir_worker_abort(void)
{
	left_open = false;
	committing = false;
	weir_mutex_release_held();
	AbortOutOfAnyTransaction();
}

void
weir_worker_commit_to_disk(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
}

bool
weir_worker_resume(void)
{
	TimestampTz now = weir_clock_steady();

	if (!left_open || now >= opened + OPEN_MAX_USECS)
	{
		weir_worker_begin();
		return false;
	}

	/* Process invalidations, as a new transaction would. */
	left_open = false;
	SetCurrentStatementStartTimestamp();
	AcceptInvalidationMessages();
	InvalidateCatalogSnapshot();
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());
	return true;
}

void
weir_worker_leave_open(void)
{
	left_open = true;
	last_used = weir_clock_steady();
}

long
weir_worker_close_idle(void)
{
	TimestampTz now;
	TimestampTz until;

	if (!left_open)
		return -1;
	now = weir_clock_steady();
	until = Min(last_used + OPEN_IDLE_USECS, opened + OPEN_MAX_USECS);
	if (now < until)
		return TimestampDifferenceMilliseconds(now, until);
	weir_worker_commit();
	return -1;
}

void
weir_worker_report(const char *activity)
{
	pgstat_report_activity(activity ? STATE_RUNNING : STATE_IDLE, activity);
}

ErrorData *
weir_worker_attempt(void (*work) (void *arg), void *arg, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	ErrorData  *error = weir_attempt(work, arg);

	MemoryContextSwitchTo(old);
	if (error && weir_errors_kind(error) == ERROR_RETRY)
		ReThrowError(error);
	return error;
}

/* ---------------------------------------------------------------------
 * Signals and leaving
 * --------------------------------------------------------------------- */

static volatile sig_atomic_t draining = false;
static TimestampTz first_sigterm = 0;

/*
 * The postmaster sends each signal to the process and to its group, so one
 * SIGTERM may arrive twice.  Only one that comes later is a second one.
 *
 * A commit that waits for a synchronous standby waits no longer, as that of a
 * session which is terminated: the standby may be gone for good.  Later
 * commits do not wait (weir_worker_commit).
 */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;
	TimestampTz now = weir_clock_steady();

	if (!ShutdownRequestPending)
	{
		first_sigterm = now;
		if (committing || (MyProc && MyProc->syncRepState == SYNC_REP_WAITING))
		{
			QueryCancelPending = true;
			InterruptPending = true;
		}
		SignalHandlerForShutdownRequest(postgres_signal_arg);
	}
	else if (!draining && now - first_sigterm > SECOND_SIGTERM_USECS)
		die(postgres_signal_arg);
	errno = save_errno;
}

/*
 * Note the culprit for the next worker, which begins at once and without that
 * code; of a batch of several streams it takes one at a time.
 */
static void
note_culprit(Oid defid)
{
	Culprits   *c = culprits ? &culprits[weir_worker_self->slot] : NULL;

	weir_registry_set_renewed(weir_worker_self->entry);
	if (c == NULL || weir_time_limit_hurried())
		return;
	c->defid = defid;
	if (weir_worker_self->task.kind == WORKER_FLUSH)
		c->unwritable[c->nunwritable++ % lengthof(c->unwritable)] = defid;
}

List *
weir_worker_unwritable(void)
{
	Culprits   *c = &culprits[weir_worker_self->slot];
	List	   *result = NIL;

	for (int i = 0; i < Min(c->nunwritable, lengthof(c->unwritable)); i++)
		result = list_append_unique_oid(result, c->unwritable[i]);
	return result;
}

void
weir_worker_flushed(void)
{
	culprits[weir_worker_self->slot].nunwritable = 0;
}

static void
leave(int code, Datum arg)
{
	if (ops && ops->stop)
		ops->stop();
	if (weir_worker_self == NULL)
		return;
	if (weir_time_limit_is_unstoppable())
		note_culprit(weir_errors_whose());
	weir_registry_detach(weir_worker_self->entry);
}

/* ---------------------------------------------------------------------
 * Code that cannot be stopped
 * --------------------------------------------------------------------- */

static Size
culprits_size(void)
{
	return sizeof(Culprits) * WEIR_MAX_DATABASES;
}

static void
culprits_init(void *address, bool found)
{
	culprits = address;
	if (!found)
		memset(culprits, 0, culprits_size());
}

void
weir_worker_init(void)
{
	static const WeirShmemStruct shmem = {"weir culprits", culprits_size, culprits_init};

	weir_shmem_register(&shmem);
}

void
weir_worker_register(WorkerKind kind, const WorkerKindOps *kind_ops)
{
	kinds[kind] = kind_ops;
}

/*
 * Suspend the view whose code made an earlier worker end, since it took no
 * interruption.
 */
static void
suspend_culprit(void)
{
	Oid			defid = culprits[weir_worker_self->slot].defid;
	ContView   *view;

	if (!OidIsValid(defid))
		return;
	culprits[weir_worker_self->slot].defid = InvalidOid;
	weir_worker_begin();
	view = weir_cont_view_by_def(defid);
	if (view != NULL && view->state == CONT_VIEW_ACTIVE)
	{
		const char *reason = "functions took too long and could not be interrupted";

		ereport(WARNING,
				(errmsg("continuous view %s is suspended: %s", view->name, reason),
				 errhint("Fix the cause, then call weir.activate('%s').", view->name)));
		(void) weir_cont_view_suspend(defid, reason, false);
	}
	weir_worker_commit();
}

static void
sleep_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Logical replication from a database stays until the shutdown's checkpoint;
 * it changes nothing.
 */
static int
count_walsenders(void)
{
	int			n = 0;

	for (int i = 0; i < max_wal_senders; i++)
	{
		WalSnd	   *sender = &WalSndCtl->walsnds[i];
		PGPROC	   *proc;
		pid_t		pid;

		SpinLockAcquire(&sender->mutex);
		pid = sender->pid;
		SpinLockRelease(&sender->mutex);
		proc = pid != 0 ? BackendPidGetProc(pid) : NULL;
		n += proc != NULL && proc->databaseId == MyDatabaseId;
	}
	return n;
}

/*
 * Are we leaving with the server, rather than alone?  When the clients are
 * gone nobody adds to what there is to drain.  One that is slow to go is
 * waited for if the launcher is leaving, too.
 */
static bool
server_is_leaving(void)
{
	TimestampTz start = weir_clock_steady();

	for (;;)
	{
		bool		leaving = weir_registry_leaving();

		if (weir_registry_database_held(MyDatabaseId))
			return false;
		if (CountDBConnections(MyDatabaseId) <= count_walsenders())
			return true;
		if (TimestampDifferenceExceeds(start, weir_clock_steady(), leaving ? DRAIN_MAX_MS : SHUTDOWN_LOOK_MS))
			return leaving;
		sleep_ms(20);
	}
}

/* ---------------------------------------------------------------------
 * The loop
 * --------------------------------------------------------------------- */

void
weir_worker_recover(void)
{
	MemoryContext cxt = weir_worker_self->cxt;
	ErrorData  *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	EmitErrorReport();
	FlushErrorState();
	weir_worker_abort();
	MemoryContextSwitchTo(cxt);
	weir_registry_note_error(weir_worker_self->entry, error->message);
	weir_errors_note_retry();
	RESUME_INTERRUPTS();
}

/* Do one step.  Returns the time to the next, or -2 after an error. */
static long
guarded_step(void)
{
	long		result;
	MemoryContext cxt = weir_worker_self->cxt;

	MemoryContextReset(cxt);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		result = ops->step();
	}
	PG_CATCH();
	{
		weir_worker_recover();
		result = -2;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return result;
}

static void
guarded_close(void)
{
	PG_TRY();
	{
		if (left_open)
			weir_worker_commit();
	}
	PG_CATCH();
	{
		weir_worker_recover();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(weir_worker_self->cxt);
}

static bool
guarded_drain(void)
{
	bool		result;

	MemoryContextReset(weir_worker_self->cxt);
	MemoryContextSwitchTo(weir_worker_self->cxt);
	PG_TRY();
	{
		result = ops->drain();
	}
	PG_CATCH();
	{
		weir_worker_recover();
		result = false;
	}
	PG_END_TRY();
	return result;
}

/*
 * Pause after an error. A new message, or the same one put back, sets the
 * latch but does not end the pause, or work that fails again and again would
 * be tried as fast as it fails.
 */
static void
back_off(long ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(weir_clock_steady(), ms);

	weir_worker_report(NULL);
	while (!ShutdownRequestPending && !ConfigReloadPending)
	{
		TimestampTz now = weir_clock_steady();

		if (now >= until)
			return;
		sleep_ms(TimestampDifferenceMilliseconds(now, until));
	}
}

/* The next worker starts with the settings of then. */
static void
make_room_for_another(void)
{
	weir_registry_set_renewed(weir_worker_self->entry);
	proc_exit(0);
}

static void
worker_loop(void)
{
	long		backoff = 0;

	while (!ShutdownRequestPending)
	{
		long		next;

		if (weir_renew_looks_due())
		{
			guarded_close();
			if (weir_renew_is_due())
				make_room_for_another();
		}
		next = guarded_step();

		backoff = next == -2 ? Min(Max(backoff * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS) : 0;
		if (next != -2)
			weir_registry_note_success(weir_worker_self->entry);

		/* Report statistics: autovacuum depends on them. */
		if (!left_open)
			pgstat_report_stat(false);
		if (backoff > 0)
			back_off(backoff);
		else if (next != 0 && !ShutdownRequestPending)
		{
			weir_worker_report(NULL);
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
							 (next > 0 ? WL_TIMEOUT : 0), next, wait_event);
		}
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			guarded_close();
			if (weir_renew_is_due_at_reload())
				make_room_for_another();
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	guarded_close();
}

static void
drain_loop(void)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), DRAIN_MAX_MS);

	if (ops->drain == NULL || !server_is_leaving())
		return;
	draining = true;
	while (!guarded_drain() && weir_clock_steady() < deadline)
		sleep_ms(5);
}

/* Note why this worker ends, for the launcher to tell. */
static void
note_fatal(ErrorData *error)
{
	if (error->elevel >= FATAL && weir_worker_self)
		weir_registry_note_error(weir_worker_self->entry, error->message);
	if (next_log_hook)
		next_log_hook(error);
}

/*
 * Batches allocate and free memory again and again. Keep it, rather than give
 * it back to the kernel and have it cleared again for the next one.
 */
static void
keep_freed_memory(void)
{
#ifdef __GLIBC__
	(void) mallopt(M_MMAP_THRESHOLD, KEEP_MEMORY_BYTES / 4);
	(void) mallopt(M_TRIM_THRESHOLD, KEEP_MEMORY_BYTES);
#endif
}

static void
worker_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"session_replication_role", "origin"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		WEIR_TRANSACTION_TIMEOUT("0")
		{"row_security", "on"},
		{"jit", "off"},
		{"temp_file_limit", "-1"},
	};

	weir_owner_note_path();
	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);

	/*
	 * The groups of a batch are few enough to be kept in memory, whatever
	 * work_mem suits users' queries.
	 */
	if (work_mem < WORK_MEM_KB)
		SetConfigOption("work_mem", psprintf("%d", WORK_MEM_KB), PGC_SUSET, PGC_S_OVERRIDE);
}

/* ---------------------------------------------------------------------
 * The process
 * --------------------------------------------------------------------- */

void
weir_worker_main(Datum arg)
{
	static WorkerSelf self;
	int			entry = DatumGetInt32(arg);
	uint32		generation;
	uint32		created;
	bool		exists;

	pqsignal(SIGTERM, handle_sigterm);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, StatementCancelHandler);
	BackgroundWorkerUnblockSignals();

	self.entry = entry;
	memcpy(&generation, MyBgworkerEntry->bgw_extra, sizeof(generation));
	if (!weir_registry_attach(entry, generation, &self.task))
		proc_exit(0);
	weir_worker_self = &self;
	next_log_hook = emit_log_hook;
	emit_log_hook = note_fatal;
	before_shmem_exit(leave, (Datum) 0);
	weir_renew_begin();
	BackgroundWorkerInitializeConnectionByOid(self.task.dboid, InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	weir_renew_connected();
	worker_settings();
	weir_queue_never_wait();
	keep_freed_memory();
	wait_event = weir_wait_event_new("WeirWorkerMain");
	self.cxt = AllocSetContextCreate(TopMemoryContext, "weir worker", ALLOCSET_DEFAULT_SIZES);

	created = weir_registry_database_created(self.task.dboid);
	weir_worker_begin();
	exists = weir_extension_exists();
	weir_worker_commit();
	if (!exists)
	{
		weir_registry_set_absent(entry);
		(void) weir_registry_set_database_absent(self.task.dboid, created);
		proc_exit(0);
	}
	self.slot = weir_my_database_slot();
	weir_time_limit_init();
	suspend_culprit();
	if (weir_registry_database_state(self.task.dboid) != DATABASE_PRESENT)
	{
		weir_registry_set_database_state(self.task.dboid, DATABASE_PRESENT);
		weir_registry_wake_launcher();
	}

	ops = kinds[self.task.kind];
	MemoryContextSwitchTo(self.cxt);
	if (ops->start)
		ops->start();
	worker_loop();
	drain_loop();
	proc_exit(0);
}
