/*
 * run.c
 *	  Run a plan over a batch, once or for batch after batch.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "runtime/run.h"

/* What a result takes besides its own bytes, about. */
#define RESULT_OVERHEAD 32

typedef struct CollectReceiver
{
	DestReceiver pub;
	MemoryContext cxt;
	MinimalTuple *tuples;
	int			n;
	int			max;
	int			nrows;			/* of the batch */
	Size		bytes;
} CollectReceiver;

struct StartedPlan
{
	QueryDesc  *desc;
	CollectReceiver receiver;
	bool		fresh;			/* it has not run yet */
};

static void collect_begin(CollectReceiver *receiver, int nrows);
static bool collect_row(TupleTableSlot *slot, DestReceiver *self);
static void collect_nothing(DestReceiver *self, int operation, TupleDesc desc);
static void collect_end(DestReceiver *self);
static bool tell_changed(PlanState *node, void *context);
static void rewind_plan(QueryDesc *desc);

void
weir_run_once(PlannedStmt *plan, const char *text, int nrows, MinimalTuple **tuples, int *ntuples)
{
	CollectReceiver receiver;
	QueryDesc  *desc;

	collect_begin(&receiver, nrows);
	desc = CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot, &receiver.pub, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	weir_executor_run(desc, true);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	*tuples = receiver.tuples;
	*ntuples = receiver.n;
}

StartedPlan *
weir_run_start(PlannedStmt *plan, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	StartedPlan *started = palloc(sizeof(StartedPlan));

	started->desc = CreateQueryDesc(plan, text, GetActiveSnapshot(),
									InvalidSnapshot, &started->receiver.pub, NULL, NULL, 0);
	started->fresh = true;
	ExecutorStart(started->desc, EXEC_FLAG_REWIND);
	MemoryContextSwitchTo(old);
	return started;
}

void
weir_run_again(StartedPlan *started, int nrows, MinimalTuple **tuples, int *ntuples)
{
	if (!started->fresh)
		rewind_plan(started->desc);
	started->fresh = false;
	collect_begin(&started->receiver, nrows);
	PushActiveSnapshot(started->desc->snapshot);
	weir_executor_run(started->desc, false);
	PopActiveSnapshot();
	*tuples = started->receiver.tuples;
	*ntuples = started->receiver.n;
}

void
weir_run_end(StartedPlan *started)
{
	ExecutorFinish(started->desc);
	ExecutorEnd(started->desc);
	FreeQueryDesc(started->desc);
	pfree(started);
}

static void
collect_begin(CollectReceiver *receiver, int nrows)
{
	memset(receiver, 0, sizeof(CollectReceiver));
	receiver->pub.receiveSlot = collect_row;
	receiver->pub.rStartup = collect_nothing;
	receiver->pub.rShutdown = collect_end;
	receiver->pub.rDestroy = collect_end;
	receiver->pub.mydest = DestNone;
	receiver->cxt = CurrentMemoryContext;
	receiver->max = 64;
	receiver->tuples = palloc(sizeof(MinimalTuple) * receiver->max);
	receiver->nrows = nrows;
}

static bool
collect_row(TupleTableSlot *slot, DestReceiver *self)
{
	CollectReceiver *receiver = (CollectReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->cxt);

	if (receiver->n == receiver->max)
	{
		receiver->max *= 2;
		receiver->tuples = repalloc_huge(receiver->tuples, sizeof(MinimalTuple) * receiver->max);
	}
	receiver->tuples[receiver->n] = ExecCopySlotMinimalTuple(slot);
	receiver->bytes += receiver->tuples[receiver->n++]->t_len + RESULT_OVERHEAD;
	MemoryContextSwitchTo(old);
	if (receiver->bytes > WEIR_MAX_RESULTS && receiver->n > receiver->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_WEIR_TOO_LARGE),
				 errmsg("a row of the stream gives too many rows"),
				 errdetail("The result of a row can be %zu MB large.", WEIR_MAX_RESULTS / 1024 / 1024)));
	return true;
}

static void
collect_nothing(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
collect_end(DestReceiver *self)
{
}

/*
 * Every node is told that its input has changed: else one may return what it
 * has.
 */
static bool
tell_changed(PlanState *node, void *context)
{
	node->chgParam = bms_add_member(node->chgParam, 0);
	return planstate_tree_walker(node, tell_changed, context);
}

static void
rewind_plan(QueryDesc *desc)
{
	MemoryContext old = MemoryContextSwitchTo(desc->estate->es_query_cxt);

	(void) tell_changed(desc->planstate, NULL);
	MemoryContextSwitchTo(old);
	ExecutorRewind(desc);
}
