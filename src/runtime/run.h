/*
 * run.h
 *	  Run a plan over a batch, once or for batch after batch.
 */
#ifndef WEIR_RUNTIME_RUN_H
#define WEIR_RUNTIME_RUN_H

#include "postgres.h"

#include "access/htup.h"
#include "nodes/plannodes.h"

/*
 * What rows of a batch give to a view is in local memory until it is merged.
 * Where that is more rows than the batch has, this is the most that it may be,
 * in bytes; more is an error (ERRCODE_WEIR_TOO_LARGE).
 */
#define WEIR_MAX_RESULTS ((Size) 64 * 1024 * 1024)

/* A plan that has been started; in memory of the current transaction. */
typedef struct StartedPlan StartedPlan;

/*
 * Run a plan; the batch, of nrows rows, is where its scans find it.  The rows
 * that it gives are allocated in CurrentMemoryContext.  text is what hooks are
 * told.
 */
extern void weir_run_once(PlannedStmt *plan, const char *text, int nrows,
						  MinimalTuple **tuples, int *ntuples);

/*
 * The same for a plan that stays started until weir_run_end, or until the
 * transaction is aborted.
 */
extern StartedPlan *weir_run_start(PlannedStmt *plan, const char *text);
extern void weir_run_again(StartedPlan *started, int nrows, MinimalTuple **tuples, int *ntuples);
extern void weir_run_end(StartedPlan *started);

#endif
