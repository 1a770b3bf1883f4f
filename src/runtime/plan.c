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

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "query/counterpart.h"
#include "runtime/plan.h"

static bool is_ordered(ContQuery *cq);
static Query *without_text(Query *query);
static Query *rewrite(Query *query);
static bool streams_only_walker(Node *node, void *context);
static bool keep_aggregates_walker(Node *node, void *context);
static void make_partial(Plan *plan);
static bool mark_walker(Node *node, void *context);
static void follow_types(Plan *plan);

PlannedStmt *
weir_cont_query_plan(ContQuery *cq, const char *text)
{
	PlannedStmt *stmt;
	Query	   *query;
	int			nest = NewGUCNestLevel();

	/* Rows with equal keys come out of a sort in any order. */
	if (is_ordered(cq))
		(void) set_config_option("enable_sort", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);

	/* No parallel plans: the batch is in this process's memory. */
	query = rewrite(without_text(cq->query));
	(void) streams_only_walker((Node *) query, NULL);
	if (query->groupClause == NIL)
		keep_aggregates_walker((Node *) query->targetList, NULL);
	stmt = pg_plan_query(query, text, 0, NULL);
	AtEOXact_GUC(true, nest);
	if (cq->nstates > 0)
		make_partial(stmt->planTree);
	return stmt;
}

void
weir_cont_query_check_rights(PlannedStmt *plan, const char *text)
{
	QueryDesc  *desc = CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, NULL, NULL, 0);

	/* Not by the hooks: nothing is run. */
	standard_ExecutorStart(desc, EXEC_FLAG_EXPLAIN_ONLY);
	standard_ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

static bool
is_ordered(ContQuery *cq)
{
	for (int i = 0; i < cq->nstates; i++)
		if (weir_counterpart_is_ordered(cq->states[i].aggref->aggfnoid))
			return true;
	return false;
}

/*
 * What other hooks count and cut by its place in a text has none: at CREATE
 * VIEW it is made of the user's.
 */
static Query *
without_text(Query *query)
{
	query = copyObject(query);
	query->queryId = 0;
	query->stmt_location = -1;
	query->stmt_len = 0;
	return query;
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

/*
 * A batch has rows of the stream alone.  What tables that inherit from it keep
 * is not new with each batch, and streams that do have rows of their own.
 */
static bool
streams_only_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION && weir_relation_is_stream(rte->relid))
			rte->inh = false;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, streams_only_walker, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, streams_only_walker, context);
}

/*
 * min, max or bool_or of a constant would be planned as the first row of a
 * scan, without aggregation; not so with FILTER.
 */
static bool
keep_aggregates_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		if (aggref->aggfilter == NULL &&
			!contain_var_clause(eval_const_expressions(NULL, copyObject((Node *) aggref->args))))
			aggref->aggfilter = (Expr *) makeBoolConst(true, false);
		return false;
	}
	return expression_tree_walker(node, keep_aggregates_walker, context);
}

/*
 * From the top down to the Agg node; what is above it only passes on columns.
 */
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
