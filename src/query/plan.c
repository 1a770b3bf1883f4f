/*
 * plan.c
 *	  Plan a continuous query so that it gives partial states.
 *
 * PostgreSQL plans partial aggregation only below a Gather or an Append.  Its
 * executor does it anywhere: an Agg node told to leave out the final function
 * gives states.  So the query is planned as any other, and the Agg node that
 * computes its aggregates is changed afterwards.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "query/cont_query.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"

static Query *rewrite(Query *query);
static void make_partial(Plan *plan);
static bool mark_walker(Node *node, void *context);
static void follow_types(Plan *plan);

PlannedStmt *
weir_cont_query_plan(ContQuery *cq)
{
	PlannedStmt *stmt;

	/* No parallel plans: the batch is in this process's memory. */
	stmt = pg_plan_query(rewrite(copyObject(cq->query)), "", 0, NULL);
	if (cq->nstates > 0)
		make_partial(stmt->planTree);
	return stmt;
}

/* Expand the ordinary views that the query joins. */
static Query *
rewrite(Query *query)
{
	List	   *queries;

	AcquireRewriteLocks(query, true, false);
	queries = QueryRewrite(query);
	if (list_length(queries) != 1)
		elog(ERROR, "a continuous query was rewritten into %d queries",
			 list_length(queries));
	return linitial_node(Query, queries);
}

/* From the top down to the Agg node; what is above it only passes on columns. */
static void
make_partial(Plan *plan)
{
	if (plan == NULL)
		elog(ERROR, "plan of a continuous query has no aggregation");
	if (!IsA(plan, Agg))
	{
		make_partial(plan->lefttree);
		follow_types(plan);
		return;
	}
	((Agg *) plan)->aggsplit = AGGSPLIT_INITIAL_SERIAL;
	mark_walker((Node *) plan->targetlist, NULL);
	if (plan->qual != NIL)
		elog(ERROR, "plan of a continuous query filters groups");
}

static bool
mark_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		mark_partial_aggref((Aggref *) node, AGGSPLIT_INITIAL_SERIAL);
		return false;
	}
	return expression_tree_walker(node, mark_walker, context);
}

static void
follow_types(Plan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		Var		   *var = (Var *) lfirst_node(TargetEntry, lc)->expr;
		Node	   *source;

		if (!IsA(var, Var) || var->varno != OUTER_VAR)
			continue;
		source = (Node *) list_nth_node(TargetEntry, plan->lefttree->targetlist,
										var->varattno - 1)->expr;
		var->vartype = exprType(source);
		var->vartypmod = exprTypmod(source);
		var->varcollid = exprCollation(source);
	}
}
