/*
 * problems.c
 *	  What keeps rows of this database from becoming visible, or its workers
 *	  from working, as shared memory tells.
 *
 * Asked by weir.health(), and by backends whose rows are not flushed for
 * long.  The latter do so in the midst of their commit, when an error would
 * be fatal: so nothing here allocates memory, looks into a catalog or takes a
 * lock but LWLocks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "base/clock.h"
#include "base/shmem.h"
#include "monitor/problems.h"
#include "process/missing.h"
#include "process/view_trouble.h"
#include "stream/queue.h"
#include "stream/queue_warn.h"

/*
 * Less than that is nothing to speak of: processes come up, launchers are
 * started again.
 */
#define STARTING_MS 5000
#define LAUNCHER_GONE_MS 3000
#define LAUNCHER_SILENT_MS 90000
#define LOCK_WAIT_MS 1000
#define MEMORY_FULL_MS 5000

/* Who takes rows in or writes them, as opposed to who reads topics. */
static bool
is_on_the_way(WorkerKind kind)
{
	return kind == WORKER_FLUSH || kind == WORKER_INGEST;
}

static void
check_launcher(weir_problem_callback report, void *arg)
{
	TimestampTz since = weir_registry_launcher_gone();
	TimestampTz last = weir_missing_last_round();
	Problem		problem = {"no_launcher"};

	if (since == 0 && last != 0 && weir_clock_passed(last, LAUNCHER_SILENT_MS))
	{
		problem.code = "launcher_hangs";
		problem.object = "launcher";
		problem.since = last;
		strlcpy(problem.reason, "the weir launcher, which starts all workers, has not looked for them since", sizeof(problem.reason));
		problem.remedy = "See in pg_stat_activity and pg_locks what it waits for, and in the server's log.";
		report(&problem, arg);
	}
	if (since == 0 || !weir_clock_passed(since, LAUNCHER_GONE_MS))
		return;
	problem.delays = !weir_registry_running(MyDatabaseId, WORKER_FLUSH) ||
		!weir_registry_running(MyDatabaseId, WORKER_INGEST);
	problem.object = "launcher";
	problem.since = since;
	strlcpy(problem.reason, "the weir launcher, which starts all workers, is not running", sizeof(problem.reason));
	problem.remedy = weir_missing_remedy();
	report(&problem, arg);
}

static void
check_missing(weir_problem_callback report, void *arg)
{
	MissingWorker worker;

	for (int i = 0; weir_missing_get(MyDatabaseId, i, &worker); i++)
	{
		Problem		problem = {worker.no_slot ? "no_worker_slot" : "worker_ends"};

		if (!weir_missing_stays_away(&worker))
			continue;
		problem.delays = is_on_the_way(worker.task.kind) &&
			!weir_registry_running(MyDatabaseId, worker.task.kind);
		problem.of_worker = true;
		problem.task = worker.task;
		problem.since = worker.since;
		if (worker.no_slot)
		{
			snprintf(problem.reason, sizeof(problem.reason), "a %s could not be started: %s",
					 weir_worker_kind_name(worker.task.kind), worker.reason);
			problem.remedy = weir_missing_remedy();
		}
		else
		{
			snprintf(problem.reason, sizeof(problem.reason), "a %s ends soon after each start",
					 weir_worker_kind_name(worker.task.kind));
			strlcpy(problem.error, worker.reason, sizeof(problem.error));
			problem.remedy = "See the server's log for why it ends.";
		}
		report(&problem, arg);
	}
}

/* When the process began to wait for a lock; 0: it does not. */
static TimestampTz
waits_for_lock_since(int pid)
{
	PGPROC	   *proc = BackendPidGetProc(pid);

	return proc ? (TimestampTz) pg_atomic_read_u64(&proc->waitStart) : 0;
}

static void
check_worker(const WorkerEntry *worker, weir_problem_callback report, void *arg)
{
	Problem		problem = {NULL};
	const char *kind = weir_worker_kind_name(worker->task.kind);
	TimestampTz waits = worker->pid != 0 ? waits_for_lock_since(worker->pid) : 0;

	problem.delays = is_on_the_way(worker->task.kind);
	problem.of_worker = true;
	problem.task = worker->task;
	problem.pid = worker->pid;
	if (worker->pid == 0 && weir_clock_passed(worker->added, STARTING_MS))
	{
		problem.code = "worker_does_not_start";
		problem.since = worker->added;
		snprintf(problem.reason, sizeof(problem.reason), "a %s has been asked for and does not come up", kind);
		problem.remedy = "See the server's log for what keeps the postmaster from starting processes.";
	}
	else if (worker->failing_since != 0)
	{
		problem.code = worker->task.kind == WORKER_FLUSH ? "flush_fails" : "worker_fails";
		problem.since = worker->failing_since;
		snprintf(problem.reason, sizeof(problem.reason), "the %s (process %d) fails and tries again", kind, worker->pid);
		strlcpy(problem.error, worker->last_error, sizeof(problem.error));
		problem.remedy = "Remove the cause of the error; nothing is lost meanwhile.";
	}
	else if (waits != 0 && weir_clock_passed(waits, LOCK_WAIT_MS))
	{
		problem.code = "worker_waits";
		problem.since = waits;
		snprintf(problem.reason, sizeof(problem.reason), "the %s (process %d) waits for a lock", kind, worker->pid);
		problem.remedy = "End the transaction that holds the lock: pg_blocking_pids tells which.";
	}
	if (problem.code)
		report(&problem, arg);
}

static void
check_workers(weir_problem_callback report, void *arg)
{
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry entry;

		weir_registry_get(i, &entry);
		if (entry.used && entry.task.dboid == MyDatabaseId)
			check_worker(&entry, report, arg);
	}
}

static void
check_memory(weir_problem_callback report, void *arg)
{
	static const char *const names[] = {"queue", "groups"};	/* nobody waits for that of statistics */

	for (int kind = 0; kind < lengthof(names); kind++)
	{
		Problem		problem = {"memory_full"};

		problem.since = weir_memory_full_since(kind);
		if (problem.since == 0 || !weir_clock_passed(problem.since, MEMORY_FULL_MS) ||
			weir_memory_used(kind) < weir_memory_limit(kind) / 4 * 3)
			continue;
		problem.delays = true;
		problem.object = names[kind];
		snprintf(problem.reason, sizeof(problem.reason), "%zu of %zu kB of shared memory for %s are in use",
				 weir_memory_used(kind) / 1024, weir_memory_limit(kind) / 1024,
				 kind == WEIR_MEMORY_QUEUE ? "queued rows" : "groups");
		problem.remedy = "If it lasts and nothing else is wrong, increase weir.memory, or weir.ingest_workers.";
		report(&problem, arg);
	}
}

void
weir_problems_each(weir_problem_callback report, void *arg)
{
	check_launcher(report, arg);
	check_missing(report, arg);
	check_workers(report, arg);
	check_memory(report, arg);
}

/* ---------------------------------------------------------------------
 * For those who wait for a flush
 * --------------------------------------------------------------------- */

typedef struct Explanation
{
	FlushDelay *delay;
	bool		found;
} Explanation;

static void
explain(const Problem *problem, void *arg)
{
	Explanation *e = arg;

	if (e->found || !problem->delays)
		return;
	e->found = true;
	strlcpy(e->delay->reason, problem->reason, sizeof(e->delay->reason));
	strlcpy(e->delay->error, problem->error, sizeof(e->delay->error));
	strlcpy(e->delay->remedy, problem->remedy, sizeof(e->delay->remedy));
}

static int
pid_of(WorkerKind kind)
{
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry entry;

		weir_registry_get(i, &entry);
		if (entry.used && entry.pid != 0 && entry.task.dboid == MyDatabaseId && entry.task.kind == kind)
			return entry.pid;
	}
	return 0;
}

/* Nothing is known to be wrong: then who is at it. */
static void
explain_busy(int64 seq, FlushDelay *delay)
{
	int			slot = weir_my_database_slot();
	int64		messages;
	int64		rows;
	int64		bytes;

	weir_queue_depth(slot, &messages, &rows, &bytes);
	if (weir_queue_merged_seq(slot) < seq)
		snprintf(delay->reason, sizeof(delay->reason),
				 "the ingest workers (process %d) have not taken the rows in yet; " INT64_FORMAT " rows are queued",
				 pid_of(WORKER_INGEST), rows);
	else
		snprintf(delay->reason, sizeof(delay->reason),
				 "the flush worker (process %d) has not written the rows yet", pid_of(WORKER_FLUSH));
	delay->error[0] = '\0';
	strlcpy(delay->remedy, "weir.health() tells more.", sizeof(delay->remedy));
}

/*
 * Views may wait whose rows these are not: nothing else is known to be wrong.
 */
static bool
explain_aside(FlushDelay *delay)
{
	ViewTrouble	view;

	for (int i = 0; weir_view_trouble_get(i, &view); i++)
	{
		if (view.since == 0)
			continue;
		snprintf(delay->reason, sizeof(delay->reason), "a view cannot be written%s%s", view.is_error ? "" : ": ",
				 view.is_error ? "" : view.reason);
		if (view.npids > 0 && view.pids[0] != 0)
			snprintf(delay->reason + strlen(delay->reason), sizeof(delay->reason) - strlen(delay->reason),
					 " by process %d", view.pids[0]);
		strlcpy(delay->error, view.is_error ? view.reason : "", sizeof(delay->error));
		strlcpy(delay->remedy, "weir.views shows which views wait, and for whom.", sizeof(delay->remedy));
		return true;
	}
	return false;
}

static void
explain_delay(int64 seq, FlushDelay *delay)
{
	Explanation e = {delay, false};

	weir_problems_each(explain, &e);
	if (!e.found && !explain_aside(delay))
		explain_busy(seq, delay);
}

void
weir_problems_init(void)
{
	weir_queue_explain = explain_delay;
}
