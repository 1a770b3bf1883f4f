/*
 * execute.h
 *	  What a worker keeps of each view, and running its continuous query.
 */
#ifndef WEIR_RUNTIME_EXECUTE_H
#define WEIR_RUNTIME_EXECUTE_H

#include "postgres.h"

#include "base/owner.h"
#include "meta/cont_view.h"
#include "query/cont_query.h"
#include "runtime/run.h"
#include "runtime/spec.h"
#include "stream/batch.h"

typedef struct ViewRuntime
{
	Oid			defid;			/* hash key */
	MemoryContext cxt;			/* owns everything below */
	bool		valid;			/* false: rebuild before use */
	ContView	view;			/* as of the last weir_runtime_get, without name
								 * and lists; path is in cxt */
	char	   *text;			/* what other extensions log in place of a
								 * statement's text */
	ContQuery  *query;
	GroupSpec	spec;
	bool		plan_valid;
	MemoryContext plan_cxt;
	PlannedStmt *plan;
	bool		keepable;		/* the plan may stay started over several
								 * batches */
	StartedPlan *started;		/* in this transaction; or NULL */
	int			nvalues;
	int			maxvalues;
	struct ViewRuntime **values;	/* of its values relations; they stay where
									 * they are when the view's is built anew */
} ViewRuntime;

/*
 * The queries that a view consists of: 0 is its own, then come those of its
 * values relations; NULL at the end.  A row counts in all of them or in none.
 */
extern ViewRuntime *weir_runtime_part(ViewRuntime *runtime, int part);

/*
 * The runtime of a view of the current catalog, built when needed.  Needs a
 * transaction and a snapshot.  Errors when the definition cannot be used.
 */
extern ViewRuntime *weir_runtime_get(ContView *view);

/*
 * The spec of a view's or values relation's groups that this process knows and
 * that is still valid, or NULL.
 */
extern GroupSpec *weir_runtime_known_spec(Oid defid);

/* Forget those of views that are not in the list any more. */
extern void weir_runtime_purge(List *views);

/*
 * Run the continuous query over rows [first, last), as the view's owner.  The
 * result rows (matrel columns) are allocated in CurrentMemoryContext.
 *
 * keep: leave the plan started until the transaction ends, for the batches
 * that follow in it, if that makes no difference to what it gives; not in a
 * subtransaction.  Returns whether that was done.
 */
extern bool weir_runtime_execute(ViewRuntime *runtime, StreamRows *rows, int first, int last,
								 bool keep, MinimalTuple **tuples, int *ntuples);

/* Is the plan of this view started, and still good? */
extern bool weir_runtime_is_started(Oid defid);

/*
 * Rows that came too late for the view, of the last execution: indexes in the
 * batch, in order.
 */
extern int *weir_runtime_late(int *n);

#endif
