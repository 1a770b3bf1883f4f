/*
 * wait.c
 *	  Waiting for a flush, in a session.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "flush/wait.h"
#include "groups/epoch.h"
#include "meta/extension.h"
#include "process/view_trouble.h"
#include "process/worker.h"
#include "stream/queue.h"
#include "stream/queue_park.h"
#include "stream/queue_wait.h"
#include "stream/queue_warn.h"

/* Interval of looking whether what is set aside has been written. */
#define ASIDE_PAUSE_MS 10

WEIR_FUNCTION(weir_flush);

pg_noreturn static void
refuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
			 errmsg("cannot wait for a flush in a transaction whose locks the flush needs"),
			 errhint("Call weir.flush() before the DDL, or in a transaction of its own.")));
}

/*
 * Add the processes that pid waits for in the lock manager. Returns true when
 * this process is one of them.
 */
static bool
add_blockers(List **pids, int pid)
{
	ArrayType  *blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
	int32	   *values = (int32 *) ARR_DATA_PTR(blockers);
	int			count = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));

	for (int i = 0; i < count; i++)
	{
		if (values[i] == MyProcPid)
			return true;
		if (values[i] != 0)		/* a prepared transaction waits for nobody */
			*pids = list_append_unique_int(*pids, values[i]);
	}
	return false;
}

/*
 * Does a worker of this database wait for a lock that we hold, or for another
 * process that waits, directly or not, for one?
 */
static void
check_not_blocking(void)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "weir blockers", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			workers[WEIR_MAX_WORKERS];
	int			n = weir_registry_pids(MyDatabaseId, workers);
	List	   *pids = NIL;

	for (int i = 0; i < n; i++)
		pids = lappend_int(pids, workers[i]);
	for (int i = 0; i < list_length(pids); i++)
		if (add_blockers(&pids, list_nth_int(pids, i)))
			refuse();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/*
 * Wait for what is set aside. After weir.flush_warning the wait is for the
 * blocking lock in the lock manager, so that a deadlock is found whoever is
 * part of it. A lock that code of the view needs is known only while the
 * worker tries.
 */
static void
wait_for_aside(Oid defid, int64 seq, TimestampTz begun, FlushWait *wait)
{
	ViewTroubleWait	aside;
	TimestampTz start = weir_clock_steady();
	int			patience_ms = Max(DeadlockTimeout, weir_flush_warning);

	while (weir_view_trouble_waits(defid, seq, begun, &aside))
	{
		if (aside.by_me)
			refuse();
		(void) weir_queue_wait_warn(wait);
		if (!OidIsValid(aside.blocker.relid))
			check_not_blocking();
		else if (TimestampDifferenceExceeds(start, weir_clock_steady(), patience_ms))
			weir_matrel_wait(&aside.blocker);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ASIDE_PAUSE_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
weir_flush_wait(Oid defid)
{
	int			slot = weir_my_database_slot();
	int64		boot;
	int64		seq;
	int64		epoch;
	TimestampTz begun = weir_clock_steady();
	FlushWait	wait;
	ParkedStream parked[MAX_PARKED_STREAMS];

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
			break;

		/*
		 * Parked rows ask for their lock for a moment at a time, so look
		 * repeatedly.
		 */
		if (round % 100 == 0 || weir_queue_parked(slot, parked) > 0)
			check_not_blocking();
		(void) weir_queue_wait_warn(&wait);
	}
	wait_for_aside(defid, seq, begun, &wait);
}

Datum
weir_flush(PG_FUNCTION_ARGS)
{
	weir_shmem_require();
	if (!weir_extension_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"weir\" is not created in this database")));
	weir_flush_wait(InvalidOid);
	PG_RETURN_VOID();
}
