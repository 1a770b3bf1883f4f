/*
 * plan.h
 *	  Plan a continuous query so that it gives partial states.
 */
#ifndef WEIR_RUNTIME_PLAN_H
#define WEIR_RUNTIME_PLAN_H

#include "postgres.h"

#include "nodes/plannodes.h"

#include "query/cont_query.h"

/*
 * Plan with the stock planner, the Agg node made partial
 * (AGGSPLIT_INITIAL_SERIAL): executing it returns rows of nkeys + nstates
 * columns of the matrel's types.  Runs with the current user and settings.
 * text is what hooks are told in place of a query's text.
 */
extern PlannedStmt *weir_cont_query_plan(ContQuery *cq, const char *text);

/*
 * Errors unless the current user may run it.  The rights are those that
 * running it asks for: on relations, columns and functions.
 */
extern void weir_cont_query_check_rights(PlannedStmt *plan, const char *text);

#endif
