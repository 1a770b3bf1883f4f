/*
 * panes.c
 *	  Windows of a function in FROM that are kept in panes.
 *
 * The function is taken out of FROM, and conditions on its windows out of
 * WHERE; the continuous query groups by the pane in its place.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"

#include "query/def.h"
#include "query/kind_hop.h"
#include "query/kind_session.h"
#include "query/panes.h"
#include "query/window.h"
#include "query/window_call.h"

static const WindowKind *kind_of(FuncExpr *call);
static bool uses(Index rti, Node *node);
static bool window_in_aggregate(Node *node, Index *rti);
static bool used_in_joins(Node *node, Index rti);
static bool used_by_other_entries(Query *query, Index rti);
static bool take_quals(Query *query, Index rti, List **taken);
static void refuse_other_sessions(ParseState *pstate, Query *query, Index rti);
static bool find_session_walker(Node *node, FuncExpr **call);
static bool groups_by_window(Query *query, QueryWindow *window);
static void drop_alias_vars(Query *query, Index rti);

QueryWindow *
weir_panes_take(ParseState *pstate, Query *query)
{
	QueryWindow *window = NULL;
	Index		rti = 0;
	ListCell   *lc;
	bool		session;

	foreach(lc, query->rtable)
	{
		FuncExpr   *call = weir_window_in_from(lfirst_node(RangeTblEntry, lc));

		if (call == NULL || weir_window_function(call->funcid) < FUNCTION_HOP)
			continue;
		if (window != NULL)
			weir_query_refuse(pstate, call->location, "two hopping, cumulating or session windows in one query",
							  "Create a view for each of them.");
		window = palloc0(sizeof(QueryWindow));
		window->call = weir_window_check_call(pstate, call);
		window->kind = kind_of(window->call);
		window->rti = rti = foreach_current_index(lc) + 1;
	}
	refuse_other_sessions(pstate, query, rti);
	if (window == NULL)
		return NULL;
	session = window->kind == &weir_session_kind;
	if ((!query->groupClause && !query->hasAggs && (!query->distinctClause || query->hasDistinctOn)) ||
		weir_query_may_null((Node *) query->jointree, rti, false, false) ||
		used_in_joins((Node *) query->jointree, rti) ||
		used_by_other_entries(query, rti) ||
		window_in_aggregate((Node *) query->targetList, &rti) ||
		window_in_aggregate(query->havingQual, &rti) ||
		!take_quals(query, rti, &window->quals))
	{
		if (session)
			weir_query_refuse(pstate, window->call->location,
							  "a session's window in an aggregate, in WHERE together with other columns, in an outer join, or without GROUP BY",
							  "Group by window_start and window_end, and use an ordinary view over this one for the rest.");
		return NULL;
	}

	window->one_each = groups_by_window(query, window);
	if (session)
		window->gap = weir_window_interval(window->call, 1);
	window->pane = window->kind->pane(window);
	weir_query_drop_entry(rt_fetch(rti, query->rtable));
	drop_alias_vars(query, rti);
	return window;
}

static const WindowKind *
kind_of(FuncExpr *call)
{
	switch (weir_window_function(call->funcid))
	{
		case FUNCTION_HOP:
			return &weir_hop_kind;
		case FUNCTION_CUMULATE:
			return &weir_cumulate_kind;
		default:
			return &weir_session_kind;
	}
}

static bool
uses(Index rti, Node *node)
{
	return bms_is_member(rti, pull_varnos(NULL, node));
}

static bool
window_in_aggregate(Node *node, Index *rti)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
		return uses(*rti, node);
	return expression_tree_walker(node, window_in_aggregate, rti);
}

static bool
used_in_joins(Node *node, Index rti)
{
	ListCell   *lc;

	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		return uses(rti, join->quals) || used_in_joins(join->larg, rti) || used_in_joins(join->rarg, rti);
	}
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (used_in_joins(lfirst(lc), rti) ||
				(IsA(lfirst(lc), FromExpr) && uses(rti, ((FromExpr *) lfirst(lc))->quals)))
				return true;
	}
	return false;
}

static bool
used_by_other_entries(Query *query, Index rti)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (foreach_current_index(lc) + 1 == rti || rte->rtekind == RTE_JOIN)
			continue;
		if (rte->rtekind == RTE_SUBQUERY ?
			rte->lateral && contain_vars_of_level((Node *) rte->subquery, 1) :
			uses(rti, (Node *) rte->functions) || uses(rti, (Node *) rte->values_lists))
			return true;
	}
	return false;
}

/*
 * Conditions on the window alone, taken out of WHERE; false when one has other
 * columns as well.
 */
static bool
take_quals(Query *query, Index rti, List **taken)
{
	List	   *quals = make_ands_implicit((Expr *) query->jointree->quals);
	List	   *rest = NIL;
	ListCell   *lc;

	*taken = NIL;
	foreach(lc, quals)
	{
		Node	   *qual = lfirst(lc);

		if (!uses(rti, qual))
			rest = lappend(rest, qual);
		else if (bms_membership(pull_varnos(NULL, qual)) == BMS_SINGLETON &&
				 !contain_subplans(qual) && !contain_volatile_functions(qual))
			*taken = lappend(*taken, qual);
		else
			return false;
	}
	if (*taken != NIL)
		query->jointree->quals = rest == NIL ? NULL : (Node *) make_ands_explicit(rest);
	return true;
}

/*
 * A session is none of a row: but for the one that the query groups by, calls
 * mean nothing.
 */
static void
refuse_other_sessions(ParseState *pstate, Query *query, Index rti)
{
	FuncExpr   *call = NULL;
	ListCell   *lc;

	foreach(lc, query->rtable)
		if (foreach_current_index(lc) + 1 != rti)
			find_session_walker((Node *) lfirst_node(RangeTblEntry, lc)->functions, &call);
	if (find_session_walker((Node *) query->targetList, &call) ||
		find_session_walker((Node *) query->jointree, &call) ||
		find_session_walker(query->havingQual, &call) || call != NULL)
		weir_query_refuse(pstate, call->location, "a session's window that is not grouped by",
						  "Write FROM stream, weir.session(...) AS w and GROUP BY w.window_start, w.window_end.");
}

static bool
find_session_walker(Node *node, FuncExpr **call)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && weir_window_function(((FuncExpr *) node)->funcid) == FUNCTION_SESSION)
	{
		*call = (FuncExpr *) node;
		return true;
	}
	return expression_tree_walker(node, find_session_walker, call);
}

/*
 * Is each group of a single window?  Its end tells it, and mostly its start;
 * of those that cumulate several begin at once.
 */
static bool
groups_by_window(Query *query, QueryWindow *window)
{
	ListCell   *lc;

	/* Where it matters values.c refuses sets without a window. */
	if (query->groupingSets)
		return true;
	foreach(lc, query->groupClause)
	{
		Var		   *var = (Var *) get_sortgroupclause_expr(lfirst(lc), query->targetList);

		if (IsA(var, Var) && var->varno == window->rti && var->varlevelsup == 0 &&
			(window->kind->start_tells || var->varattno != 1))
			return true;
	}
	return false;
}

/* Joins name the columns of what they join; NULL is one that is gone. */
static void
drop_alias_vars(Query *query, Index rti)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		ListCell   *column;

		foreach(column, lfirst_node(RangeTblEntry, lc)->joinaliasvars)
			if (lfirst(column) && uses(rti, lfirst(column)))
				lfirst(column) = NULL;
	}
}
