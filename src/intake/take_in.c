/*
 * take_in.c
 *	  One try to take a batch in: queries, merge, and what becomes of an error.
 *
 * The frame that small batches (intake/ingest.c) and batches of large
 * transactions (source/transaction.c) share.  They differ in where the
 * results are merged.
 *
 * In ingest and Kafka workers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"

#include "base/errors.h"
#include "base/shmem.h"
#include "intake/event_time.h"
#include "intake/paths.h"
#include "intake/take_in.h"
#include "process/worker.h"

/* Largest batch after which the transaction is left open for the next one. */
#define SMALL_BATCH_ROWS 1000

/* Lock timeout for rows of a transaction that still runs. */
#define OPEN_LOCK_TIMEOUT "1s"

/* Starting a plan costs as much as some hundred rows. */
static bool
is_small(WeirBatch *batch)
{
	int64		rows = 0;

	for (int i = 0; i < batch->nstreams; i++)
		rows += batch->streams[i].nrows;
	return rows <= SMALL_BATCH_ROWS;
}

/* Resume the transaction of the last batch if all plans are started in it. */
static void
begin_small(TakeIn *take)
{
	bool		resumed = weir_worker_resume();

	MemoryContextSwitchTo(take->cxt);
	if (resumed && !weir_intake_all_kept(take->batch))
	{
		weir_worker_commit();
		weir_worker_begin();
	}
}

static void
begin(TakeIn *take, Intake *intake)
{
	if (intake->keep)
		begin_small(take);
	else
		weir_worker_begin();
	if (take->open)
		(void) set_config_option("lock_timeout", OPEN_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	MemoryContextSwitchTo(take->cxt);
}

static void
take_in(TakeIn *take, bool slow)
{
	Intake		intake;

	weir_intake_begin(&intake, take->batch, take->cxt, take->sync);
	intake.open = take->open;
	intake.divisible = take->divisible;
	intake.keep = take->keep && !slow && is_small(take->batch);
	begin(take, &intake);
	weir_event_begin(&intake, take->run);
	if (slow)
	{
		weir_slow_path(&intake, take->run);

		/*
		 * Suspensions must be on disk before anything that lacks the view's
		 * part is merged.
		 */
		weir_worker_commit();
		weir_worker_begin();
		MemoryContextSwitchTo(take->cxt);
	}
	else
		weir_fast_path(&intake);
	take->merge(take, &intake);
	if (intake.keep)
		weir_worker_leave_open();
	else
		weir_worker_commit();
	MemoryContextSwitchTo(take->cxt);
}

static void
clean_up(MemoryContext cxt)
{
	FlushErrorState();
	weir_mutex_release_held();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(cxt);
}

/*
 * In a PG_CATCH: is the error worth the slow path?  Then its transaction is
 * aborted.
 */
static bool
recover(MemoryContext cxt)
{
	ErrorData  *error;

	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	if (weir_errors_kind(error) == ERROR_RETRY)
		return false;
	clean_up(cxt);
	return true;
}

/* In a PG_CATCH: does the batch give more than can be merged at once? */
static bool
recover_too_large(MemoryContext cxt)
{
	MemoryContextSwitchTo(cxt);
	if (!weir_errors_is_too_large(CopyErrorData()))
		return false;
	clean_up(cxt);
	return true;
}

/*
 * In a PG_CATCH, when the batch is merged: only side effects of functions in
 * the queries are lost with the transaction.  To throw would take the batch in
 * again, so the error is logged and the transaction aborted.
 */
static void
recover_merged(MemoryContext cxt)
{
	EmitErrorReport();
	clean_up(cxt);
}

TakeInResult
weir_take_in(TakeIn *take, bool slow)
{
	volatile TakeInResult result = TAKEN_IN;

	PG_TRY();
	{
		take_in(take, slow);
	}
	PG_CATCH();
	{
		if (take->merged)
			recover_merged(take->cxt);
		else if (take->divisible && recover_too_large(take->cxt))
			result = TAKE_IN_PARTS;
		else if (!slow && recover(take->cxt))
			result = TAKE_IN_SLOWLY;
		else
			PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}
