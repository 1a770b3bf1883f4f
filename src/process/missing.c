/*
 * missing.c
 *	  Workers that shall be there and are not, with the reason.
 *
 * Without them rows are committed and wait, so whoever creates something,
 * waits or looks is told.  The launcher writes the list after each of its
 * rounds; others copy from it.
 *
 * A round is numbered when it begins.  Who has asked for something and sees a
 * round end that began later knows what came of it.
 *
 * Locking: one LWLock, held to copy.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/resowner.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "process/missing.h"

/*
 * There is no launcher for a moment at server start, and after one has ended.
 */
#define LAUNCHER_GONE_MS 3000

/*
 * A worker may be ended by an administrator and come back; a slot may be taken
 * for a moment by one that leaves.
 */
#define MANY_ATTEMPTS 3
#define SETTLE_MS 1000

#define CHECK_MS 3000
/* a worker may find that its stream is not wanted at all */
#define CHECK_STREAM_MS 1000
#define CHECK_PAUSE_MS 5
#define CHECK_AGAIN_MS 100

typedef struct Missing
{
	LWLock		lock;
	uint32		begun;			/* rounds of the launcher */
	uint32		ended;			/* number of the last round that is over */
	TimestampTz ended_at;

	/* workers needed in all databases, including the launcher */
	int			needed;
	int			n;
	MissingWorker workers[WEIR_MAX_WORKERS];
} Missing;

static Missing *shared = NULL;

/* State of the current transaction. */
static bool check_wanted = false;
static Oid	check_stream = InvalidOid;

static void xact_callback(XactEvent event, void *arg);
static void release_callback(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg);

static Size
missing_shmem_size(void)
{
	return sizeof(Missing);
}

static void
missing_shmem_init(void *address, bool found)
{
	shared = address;
	if (!found)
		weir_lwlock_init(&shared->lock);
}

void
weir_missing_init(void)
{
	static const WeirShmemStruct shmem = {"weir missing workers", missing_shmem_size, missing_shmem_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(xact_callback, NULL);
	RegisterResourceReleaseCallback(release_callback, NULL);
}

/* ---------------------------------------------------------------------
 * The launcher
 * --------------------------------------------------------------------- */

void
weir_missing_begin_round(void)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->begun++;
	LWLockRelease(&shared->lock);
}

void
weir_missing_end_round(const MissingWorker *missing, int n, int needed)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->ended = shared->begun;
	shared->ended_at = GetCurrentTimestamp();
	shared->needed = needed;
	shared->n = Min(n, WEIR_MAX_WORKERS);
	if (n > 0)
		memcpy(shared->workers, missing, sizeof(MissingWorker) * shared->n);
	LWLockRelease(&shared->lock);
}

/* ---------------------------------------------------------------------
 * Looking
 * --------------------------------------------------------------------- */

TimestampTz
weir_missing_last_round(void)
{
	TimestampTz at;

	LWLockAcquire(&shared->lock, LW_SHARED);
	at = shared->ended_at;
	LWLockRelease(&shared->lock);
	return at;
}

bool
weir_missing_stays_away(const MissingWorker *worker)
{
	return (worker->no_slot || worker->attempts >= MANY_ATTEMPTS) &&
		weir_clock_passed(worker->since, SETTLE_MS);
}

bool
weir_missing_get(Oid dboid, int n, MissingWorker *copy)
{
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < shared->n && !found; i++)
		if (shared->workers[i].task.dboid == dboid && n-- == 0)
		{
			*copy = shared->workers[i];
			found = true;
		}
	LWLockRelease(&shared->lock);
	return found;
}

bool
weir_missing_first(Oid dboid, MissingWorker *copy)
{
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < shared->n; i++)
	{
		MissingWorker *worker = &shared->workers[i];

		if (worker->task.dboid != dboid || !weir_missing_stays_away(worker) ||
			(found && (copy->no_slot || !worker->no_slot)))
			continue;
		*copy = *worker;
		found = true;
	}
	LWLockRelease(&shared->lock);
	return found;
}

const char *
weir_missing_remedy(void)
{
	static char text[256];

	snprintf(text, sizeof(text),
			 "Increase max_worker_processes, which is %d: Weir needs %d now, 1 + databases x (1 + weir.ingest_workers) + Kafka workers, beside other extensions and parallel queries.",
			 max_worker_processes, Max(shared->needed, 2 + weir_ingest_workers));
	return text;
}

static bool
launcher_is_gone(void)
{
	TimestampTz since = weir_registry_launcher_gone();

	return since != 0 && weir_clock_passed(since, LAUNCHER_GONE_MS);
}

static void
warn_missing(const MissingWorker *worker)
{
	if (worker->no_slot)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("a %s of this database could not be started: %s",
						weir_worker_kind_name(worker->task.kind), worker->reason),
				 errdetail("Rows that are committed wait until it is there; Weir goes on trying."),
				 errhint("%s", weir_missing_remedy())));
	else
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a %s of this database keeps ending",
						weir_worker_kind_name(worker->task.kind)),
				 errdetail("Rows that are committed wait until it does; Weir goes on trying."),
				 errhint("See weir.stat_worker and the server's log.")));
}

static void
warn_launcher(void)
{
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("the weir launcher is not running"),
			 errdetail("Rows that are committed wait until it has started workers."),
			 errhint("%s", weir_missing_remedy())));
}

static void
warn_failing(void)
{
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry worker;

		weir_registry_get(i, &worker);
		if (!worker.used || worker.task.dboid != MyDatabaseId || worker.failing_since == 0 ||
			!weir_clock_passed(worker.failing_since, SETTLE_MS))
			continue;
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a %s of this database fails and tries again: %s", weir_worker_kind_name(worker.task.kind),
						weir_stats_error_text(worker.last_error, InvalidOid)),
				 errdetail("Rows that are committed may wait until it succeeds."),
				 errhint("weir.health() tells more.")));
	}
}

void
weir_missing_warn(void)
{
	MissingWorker worker;

	if (launcher_is_gone())
		warn_launcher();
	else if (weir_missing_first(MyDatabaseId, &worker))
		warn_missing(&worker);
	warn_failing();
}

/* ---------------------------------------------------------------------
 * At commit
 * --------------------------------------------------------------------- */

void
weir_missing_check_at_commit(Oid source_stream)
{
	check_wanted = true;
	check_stream = source_stream;
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		check_wanted = false;
}

/*
 * Wait until done returns true. Interrupts are held at a commit; a request to
 * end or cancel this process ends the wait.
 */
static bool
wait_until(bool (*done) (uint32 arg), uint32 arg, int timeout_ms)
{
	TimestampTz start = weir_clock_steady();

	while (!done(arg))
	{
		if (ProcDiePending || QueryCancelPending ||
			TimestampDifferenceExceeds(start, weir_clock_steady(), timeout_ms))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 CHECK_PAUSE_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	return true;
}

static bool
round_is_over(uint32 begun)
{
	bool		over;

	LWLockAcquire(&shared->lock, LW_SHARED);
	over = (int32) (shared->ended - begun) > 0;
	LWLockRelease(&shared->lock);
	return over;
}

static bool
stream_is_wanted(uint32 streamid)
{
	return weir_registry_wanted(MyDatabaseId, streamid, 0);
}

/* Returns false when the launcher does not look. */
static bool
have_launcher_look(void)
{
	uint32		begun;

	LWLockAcquire(&shared->lock, LW_SHARED);
	begun = shared->begun;
	LWLockRelease(&shared->lock);
	weir_registry_wake_launcher();
	return wait_until(round_is_over, begun, CHECK_MS);
}

/* Warn about workers that the check is about and that had no slot. */
static bool
any_without_slot(MissingWorker *missing)
{
	for (int i = 0; weir_missing_get(MyDatabaseId, i, missing); i++)
		if (missing->no_slot &&
			(!OidIsValid(check_stream) ||
			 (OidIsValid(check_stream) && missing->task.streamid == check_stream)))
			return true;
	return false;
}

static bool
never(uint32 arg)
{
	return false;
}

/* Are workers missing, and not just for a moment? */
static bool
have_verdict(MissingWorker *missing)
{
	while (have_launcher_look() && any_without_slot(missing))
	{
		if (weir_missing_stays_away(missing))
			return true;
		(void) wait_until(never, 0, CHECK_AGAIN_MS);
	}
	return false;
}

static void
release_callback(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg)
{
	MissingWorker worker;

	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !isCommit || !isTopLevel || !check_wanted)
		return;
	check_wanted = false;
	if (OidIsValid(check_stream) &&
		(!weir_registry_running(MyDatabaseId, WORKER_FLUSH) ||
		 !wait_until(stream_is_wanted, check_stream, CHECK_STREAM_MS)))
		return;
	if (have_verdict(&worker))
		warn_missing(&worker);
	else if (launcher_is_gone())
		warn_launcher();
}
