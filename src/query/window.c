/*
 * window.c
 *	  Window functions of a view's query, in the form that is split.
 *
 * Works on the copy of a query that is split (split.c), for the continuous
 * query and the view query alike, so it depends on nothing but the query.
 *
 * tumble is a way to write time_bucket: window_start is the bucket, a group
 * key as any other, and window_end follows from it when the view is read.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/def.h"
#include "query/window.h"
#include "query/window_call.h"

typedef struct PrepareContext
{
	ParseState *pstate;
	Query	   *query;
	int			sublevels_up;
} PrepareContext;

typedef struct LiftContext
{
	FuncExpr   *call;			/* found, or to be replaced */
	Var		   *replacement;
} LiftContext;

static void replace_tumble_in_from(PrepareContext *cxt);
static Node *tumble_mutator(Node *node, PrepareContext *cxt);
static void lift_calls(PrepareContext *cxt);
static bool find_call_walker(Node *node, LiftContext *cxt);
static Node *lift_mutator(Node *node, LiftContext *cxt);
static Var *add_to_from(Query *query, FuncExpr *call);

void
weir_window_prepare(ParseState *pstate, Query *query)
{
	PrepareContext cxt = {pstate, query, 0};

	replace_tumble_in_from(&cxt);
	query_tree_mutator(query, tumble_mutator, &cxt, QTW_DONT_COPY_QUERY | QTW_IGNORE_RANGE_TABLE);
	lift_calls(&cxt);
}

bool
weir_query_may_null(Node *node, Index rti, bool always, bool nullable)
{
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rti && nullable;
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		on_true = join->quals == NULL ||
			(IsA(join->quals, Const) && DatumGetBool(((Const *) join->quals)->constvalue));

		return weir_query_may_null(join->larg, rti, always, nullable ||
								   join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL) ||
			weir_query_may_null(join->rarg, rti, always, nullable ||
								(join->jointype == JOIN_LEFT && !(on_true && always)) ||
								join->jointype == JOIN_FULL);
	}
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			if (weir_query_may_null(lfirst(lc), rti, always, nullable))
				return true;
	}
	return false;
}

void
weir_query_drop_entry(RangeTblEntry *rte)
{
	rte->rtekind = RTE_RESULT;
	rte->functions = NIL;
	rte->lateral = false;
}

/* ---------------------------------------------------------------------
 * tumble
 * --------------------------------------------------------------------- */

/* Its columns become expressions, wherever they are used. */
static void
replace_tumble_in_from(PrepareContext *cxt)
{
	Query	   *query = cxt->query;

	for (Index rti = 1; rti <= list_length(query->rtable); rti++)
	{
		RangeTblEntry *rte = rt_fetch(rti, query->rtable);
		FuncExpr   *call = weir_window_in_from(rte);
		List	   *columns;

		if (call == NULL || weir_window_function(call->funcid) != FUNCTION_TUMBLE)
			continue;
		if (weir_query_may_null((Node *) query->jointree, rti, true, false))
			weir_query_refuse(cxt->pstate, call->location, "an outer join with a window function",
							  "Write FROM stream, weir.tumble(...) or JOIN weir.tumble(...) ON true.");
		call = weir_window_check_call(cxt->pstate, call);
		columns = list_make2(makeTargetEntry(weir_window_bucket_of(call, NULL), 1, pstrdup("window_start"), false),
							 makeTargetEntry(weir_window_end_of(call), 2, pstrdup("window_end"), false));
		*query = *(Query *) weir_replace_vars((Node *) query, rti, rte, columns);

		/* The entry stays, so that others keep their numbers. */
		weir_query_drop_entry(rt_fetch(rti, query->rtable));
	}
}

/* A call in an expression: (tumble(...)).window_start and the like. */
static Node *
tumble_mutator(Node *node, PrepareContext *cxt)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FieldSelect) && cxt->sublevels_up == 0)
	{
		FieldSelect *field = (FieldSelect *) node;
		FuncExpr   *call = (FuncExpr *) field->arg;

		if (IsA(call, FuncExpr) && weir_window_function(call->funcid) == FUNCTION_TUMBLE)
		{
			call = weir_window_check_call(cxt->pstate, call);
			return (Node *) (field->fieldnum == 1 ? weir_window_bucket_of(call, NULL) : weir_window_end_of(call));
		}
	}
	if (IsA(node, FuncExpr) && cxt->sublevels_up == 0 &&
		weir_window_function(((FuncExpr *) node)->funcid) == FUNCTION_TUMBLE)
	{
		FuncExpr   *call = weir_window_check_call(cxt->pstate, (FuncExpr *) node);

		linitial(call->args) = weir_window_bucket_of(call, NULL);
		return (Node *) call;
	}
	if (IsA(node, Query))
	{
		Query	   *query;

		cxt->sublevels_up++;
		query = query_tree_mutator((Query *) node, tumble_mutator, cxt, 0);
		cxt->sublevels_up--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, tumble_mutator, cxt);
}

/* ---------------------------------------------------------------------
 * hop and cumulate
 * --------------------------------------------------------------------- */

/*
 * GROUP BY hop(...): a set-returning function in the select list becomes one
 * in FROM.
 */
static void
lift_calls(PrepareContext *cxt)
{
	Query	   *query = cxt->query;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		LiftContext lift = {NULL, NULL};

		if (get_sortgroupref_clause_noerr(tle->ressortgroupref, query->groupClause) == NULL &&
			(query->groupClause || get_sortgroupref_clause_noerr(tle->ressortgroupref,
																 query->distinctClause) == NULL))
			continue;
		if (!find_call_walker((Node *) tle->expr, &lift))
			continue;
		lift.call = copyObject(lift.call);
		lift.replacement = add_to_from(query, lift.call);
		query->targetList = (List *) lift_mutator((Node *) query->targetList, &lift);
		query->hasTargetSRFs = expression_returns_set((Node *) query->targetList);
		lift_calls(cxt);
		return;
	}
}

static bool
find_call_walker(Node *node, LiftContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		WindowFunction fn = weir_window_function(((FuncExpr *) node)->funcid);

		if (fn >= FUNCTION_HOP)
		{
			cxt->call = (FuncExpr *) node;
			return true;
		}
	}
	return expression_tree_walker(node, find_call_walker, cxt);
}

static Node *
lift_mutator(Node *node, LiftContext *cxt)
{
	if (node == NULL)
		return NULL;
	if (equal(node, cxt->call))
		return (Node *) copyObject(cxt->replacement);
	if (IsA(node, FieldSelect) && equal(((FieldSelect *) node)->arg, cxt->call))
	{
		FieldSelect *field = (FieldSelect *) node;

		return (Node *) makeVar(cxt->replacement->varno, field->fieldnum, field->resulttype, field->resulttypmod,
								field->resultcollid, 0);
	}
	return expression_tree_mutator(node, lift_mutator, cxt);
}

/* Returns the whole row. */
static Var *
add_to_from(Query *query, FuncExpr *call)
{
	ParseState *pstate = make_parsestate(NULL);
	RangeFunction *range = makeNode(RangeFunction);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ParseNamespaceItem *item;

	range->lateral = true;
	pstate->p_rtable = query->rtable;
	item = addRangeTableEntryForFunction(pstate, list_make1(pstrdup("time_window")),
										 list_make1(call), list_make1(NIL), range, true, true);
	query->rtable = pstate->p_rtable;
	ref->rtindex = list_length(query->rtable);
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	return makeWholeRowVar(item->p_rte, ref->rtindex, 0, true);
}
