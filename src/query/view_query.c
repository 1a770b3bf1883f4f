/*
 * view_query.c
 *	  The query of the user's view over the matrel.
 *
 * Takes the defining query and puts columns of the matrel in the place of
 * group keys, and results made of state columns in the place of aggregates;
 * what surrounds them (expressions, HAVING, window functions, DISTINCT, ORDER
 * BY, LIMIT) stays.  Used once, at CREATE VIEW: the result is deparsed and
 * stored as an ordinary view, which dumps and restores by itself.
 *
 * Results are made of states as state_expr.c says; a sliding window combines the
 * states of its steps.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/blocks.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/grouping.h"
#include "query/late.h"
#include "query/prepare.h"
#include "query/session.h"
#include "query/state_expr.h"
#include "query/values.h"
#include "query/view_query.h"
#include "query/window.h"

/* Range table: the matrel, then a window function. */
#define WINDOW_RTI 2

typedef struct ViewQueryContext
{
	ContQuery  *cq;
	const ContView *view;
	Query	   *def;			/* prepared */
	bool		combine;		/* several rows of the matrel make one group */
	int			sublevels_up;	/* of the node that replace_mutator is at */
	AttrNumber	session_column; /* of the first range table entry: start of the session */
	AttrNumber	end_column;		/* and its end; 0: it is an aggregate of the group */
} ViewQueryContext;

static Node *replace_mutator(Node *node, ViewQueryContext *cxt);
static Node *result_of_values(ViewQueryContext *cxt, Aggref *aggref);
static Node *replace_var(Var *var, ViewQueryContext *cxt);
static void replace_append_columns(Query *query, ContQuery *cq);
static List *window_clauses(Query *query, ContQuery *cq);
static void add_window(Query *query, ViewQueryContext *cxt, RangeTblEntry *window);
static Query *session_panes(ContQuery *cq, Oid matrelid);
static Node *session_end(ViewQueryContext *cxt);
static Node *session_start(ViewQueryContext *cxt);
static Node *session_column_of(ViewQueryContext *cxt, Var *var);
static List *group_by_session(Query *query, ViewQueryContext *cxt, List *clauses);
static List *group_by_user_keys(Query *query, ContQuery *cq);
static Node *in_window(ContQuery *cq);
static Query *window_rows(ContQuery *cq, Oid matrelid, CommonTableExpr **cte);
static void add_final(Query *query, ViewQueryContext *cxt, const ContViewOptions *options);
static void add_window_condition(Query *query, ViewQueryContext *cxt, Node *condition);
static Node *is_final(ViewQueryContext *cxt, const ContViewOptions *options, Node *end);
static Node *is_whole(ViewQueryContext *cxt, const ContViewOptions *options);
static Node *watermark_of(ViewQueryContext *cxt, Oid type);
static Const *relation_const(Oid relid);
static Node *weir_call(const char *name, Oid result, List *args);
static Node *minus(Node *time, const Interval *interval);
static Node *run_once(Node *expr, Oid type);
static Node *as_type(Node *expr, Oid type);
static Node *before(Node *bound, int64 usecs);
static Var *matrel_var(const ContQuery *cq, int column);
static Node *result_of_combined(ViewQueryContext *cxt, ContState *state, Var *column);

Query *
weir_view_query_build(ContQuery *cq, Query *def, const ContView *view)
{
	const ContViewOptions *options = &view->options;
	Oid			matrelid = view->matrelid;
	Query	   *prepared = weir_query_prepare(NULL, def);
	bool		sets = prepared->groupingSets != NIL;
	ViewQueryContext cxt = {cq, view, prepared, (cq->window && !cq->append) || cq->panes || sets};
	Relation	matrel = table_open(matrelid, AccessShareLock);
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query = copyObject(prepared);
	ParseNamespaceItem *nsitem;
	CommonTableExpr *bounds = NULL;
	RangeTblRef *rtref = makeNode(RangeTblRef);
	Node	   *having = query->havingQual;
	List	   *window_groups = window_clauses(query, cq);
	RangeTblEntry *window = cq->panes ? copyObject(rt_fetch(cq->panes->rti, query->rtable)) : NULL;
	bool		distinct = !query->hasDistinctOn && !def->hasAggs && !def->groupClause;

	if (cq->panes && cq->panes->gap)
	{
		/* In the matrel's place, the same with the sessions' starts as last column. */
		nsitem = addRangeTableEntryForSubquery(pstate, session_panes(cq, matrelid),
											   makeAlias("panes", NIL), false, true);
		cxt.session_column = RelationGetDescr(matrel)->natts + 1;
		if (cq->panes->by_expression)
			cxt.end_column = cxt.session_column + 1;
	}
	else if (cq->block_usecs)
		nsitem = addRangeTableEntryForSubquery(pstate, window_rows(cq, matrelid, &bounds),
											   makeAlias("steps", NIL), false, true);
	else
		nsitem = addRangeTableEntryForRelation(pstate, matrel, AccessShareLock, NULL, true, true);
	table_close(matrel, NoLock);
	rtref->rtindex = nsitem->p_rtindex;
	query->rtable = pstate->p_rtable;
	weir_take_perminfos(query, pstate);
	query->jointree = makeFromExpr(list_make1(rtref), NULL);
	query->constraintDeps = NIL;
	query->havingQual = NULL;

	if (cq->append)
		replace_append_columns(query, cq);
	else
	{
		query->targetList = (List *)
			replace_mutator((Node *) query->targetList, &cxt);
		having = replace_mutator(having, &cxt);
	}
	if (window && cq->panes->by_expression)
	{
		if (cq->panes->quals != NIL)
			query->jointree->quals = replace_mutator((Node *) make_ands_explicit(copyObject(cq->panes->quals)), &cxt);
	}
	else if (window && cq->panes->gap)
	{
		if (window_groups == NIL && cq->panes->quals)
			weir_query_refuse(NULL, -1, "a condition on sessions that are not grouped by",
							  "Group by window_start too, and take the groups together in an ordinary view.");
		if (cq->panes->quals != NIL)
			having = make_and_qual(having, replace_mutator((Node *) make_ands_explicit(copyObject(cq->panes->quals)), &cxt));
		window_groups = group_by_session(query, &cxt, window_groups);
	}
	else if (window)
		add_window(query, &cxt, window);
	if (distinct && cq->panes == NULL)
		query->distinctClause = NIL;	/* keys of the matrel are distinct */
	if (distinct && cq->panes)
		cxt.combine = false;

	if (sets)
		weir_grouping_add_dependent(cq, prepared, query);
	else
		query->groupClause = cxt.combine ? list_concat(group_by_user_keys(query, cq), window_groups) : NIL;
	query->groupDistinct = sets && query->groupDistinct;
	if (cxt.combine)
		query->havingQual = having;
	else
		query->jointree->quals = make_and_qual(query->jointree->quals, having);
	if (cq->window && !cq->block_usecs)
		query->jointree->quals = make_and_qual(query->jointree->quals, in_window(cq));
	if (options->final)
		add_final(query, &cxt, options);
	if (options->retained && cq->panes && (cq->partition_panes || (cq->closing && !cq->panes->gap)))
		add_window_condition(query, &cxt, is_whole(&cxt, options));
	query->hasAggs = contain_aggs_of_level((Node *) query->targetList, 0) ||
		contain_aggs_of_level(query->havingQual, 0);
	query->hasTargetSRFs = expression_returns_set((Node *) query->targetList);
	query->hasSubLinks = checkExprHasSubLink((Node *) query->targetList) ||
		checkExprHasSubLink(having);
	if (!query->hasSubLinks)
		query->cteList = NIL;
	if (bounds)
		query->cteList = lappend(query->cteList, bounds);
	query->hasSubLinks |= cq->window != NULL || options->final || options->retained;
	return query;
}

static Node *
replace_mutator(Node *node, ViewQueryContext *cxt)
{
	int			n;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref) && cxt->sublevels_up == 0)
	{
		ContState  *state;
		Var		   *column;

		n = weir_cont_query_find_state(cxt->cq, (Aggref *) node);
		if (n < 0 && weir_values_needed((Aggref *) node))
			return result_of_values(cxt, (Aggref *) node);
		if (n < 0)
			elog(ERROR, "aggregate has no state");
		state = &cxt->cq->states[n];
		column = matrel_var(cxt->cq, cxt->cq->nkeys + n);
		return cxt->combine ? result_of_combined(cxt, state, column) :
			weir_state_result(state, column);
	}
	if (IsA(node, Var) && cxt->cq->panes && ((Var *) node)->varno == cxt->cq->panes->rti &&
		((Var *) node)->varlevelsup == cxt->sublevels_up)
	{
		Var		   *var = copyObject((Var *) node);

		if (cxt->cq->panes->gap)
			return session_column_of(cxt, var);
		var->varno = WINDOW_RTI;
		var->varnosyn = 0;		/* the place in the query as written would be deparsed */
		return (Node *) var;
	}
	if (IsA(node, GroupingFunc) && cxt->def->groupingSets == NIL &&
		((GroupingFunc *) node)->agglevelsup == cxt->sublevels_up)
		return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true);
	n = cxt->sublevels_up == 0 ? weir_cont_query_find_key(cxt->cq, node) : -1;
	if (n >= 0)
		return (Node *) matrel_var(cxt->cq, n);
	if (IsA(node, Var))
		return replace_var((Var *) node, cxt);
	if (IsA(node, Query))
	{
		Query	   *query;

		cxt->sublevels_up++;
		query = query_tree_mutator((Query *) node, replace_mutator, cxt, 0);
		cxt->sublevels_up--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, replace_mutator, cxt);
}

static Node *
result_of_values(ViewQueryContext *cxt, Aggref *aggref)
{
	ContQuery  *cq = cxt->cq;
	int			n = weir_values_find(cq, aggref);
	List	   *clause_exprs = NIL;
	List	   *results = NIL;
	ListCell   *lc;
	int			then;

	if (n < 0 || n >= cxt->view->nvalues)
		elog(ERROR, "aggregate has no values");
	aggref = copyObject(aggref);
	aggref->aggdirectargs = (List *) replace_mutator((Node *) aggref->aggdirectargs, cxt);
	if (cq->sets == NIL)
		return weir_values_result(cq, n, cxt->view->values[n], aggref,
								  weir_values_index_keys(cq, &then), cxt->combine);
	foreach(lc, cq->sets)
		results = lappend(results, weir_values_result(cq, n, cxt->view->values[n], aggref, lfirst(lc), true));
	foreach(lc, cxt->def->groupClause)
		clause_exprs = lappend(clause_exprs,
							   replace_mutator(get_sortgroupclause_expr(lfirst(lc), cxt->def->targetList), cxt));
	return weir_grouping_choose(cq, cxt->def, clause_exprs, results);
}

/* A column of a subquery's own, or a key of the query around it. */
static Node *
replace_var(Var *var, ViewQueryContext *cxt)
{
	Var		   *key;
	int			n;

	if (var->varlevelsup != cxt->sublevels_up)
		return (Node *) copyObject(var);
	key = copyObject(var);
	key->varlevelsup = 0;
	n = weir_cont_query_find_key(cxt->cq, (Node *) key);
	if (n < 0)
		elog(ERROR, "column is not grouped");
	key = matrel_var(cxt->cq, n);
	key->varlevelsup = cxt->sublevels_up;
	return (Node *) key;
}

/* Each output column is a column of the matrel, in the same order. */
static void
replace_append_columns(Query *query, ContQuery *cq)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		lfirst_node(TargetEntry, lc)->expr =
			(Expr *) matrel_var(cq, foreach_current_index(lc));
}

/* The clauses of GROUP BY that are of a window's columns. */
static List *
window_clauses(Query *query, ContQuery *cq)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (weir_window_used(cq->panes, get_sortgroupclause_expr(clause, query->targetList)))
			result = lappend(result, clause);
	}
	return result;
}

/*
 * The windows that a pane is part of: the window function of the pane's start.
 * Conditions on them are as they were.
 */
static void
add_window(Query *query, ViewQueryContext *cxt, RangeTblEntry *window)
{
	QueryWindow *w = cxt->cq->panes;
	RangeTblRef *ref = makeNode(RangeTblRef);
	FuncExpr   *call = copyObject(w->call);

	linitial(call->args) = matrel_var(cxt->cq, cxt->cq->pane_key);
	linitial_node(RangeTblFunction, window->functions)->funcexpr = (Node *) call;
	window->lateral = true;
	query->rtable = lappend(query->rtable, window);
	ref->rtindex = WINDOW_RTI;
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	if (w->quals != NIL)
		query->jointree->quals = replace_mutator((Node *) make_ands_explicit(copyObject(w->quals)), cxt);
}

static Query *
session_panes(ContQuery *cq, Oid matrelid)
{
	return weir_analyze_sql(cq->panes->by_expression ? weir_session_bounds(cq, matrelid) :
							weir_session_panes(cq, matrelid, "*", ""));
}

static Node *
latest_of(Var *time)
{
	Oid			type = time->vartype;

	return (Node *) weir_make_aggregate(type == TIMESTAMPTZOID ? F_MAX_TIMESTAMPTZ : F_MAX_TIMESTAMP,
										type, InvalidOid, list_make1(time), &type);
}

/* max(latest time of the panes) + gap, or the column that has it. */
static Node *
session_end(ViewQueryContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	Var		   *latest = matrel_var(cq, cq->nkeys + cq->panes->last_state);

	if (cxt->end_column)
		return (Node *) makeVar(1, cxt->end_column, latest->vartype, -1, InvalidOid, 0);
	return weir_make_op("+", latest_of(latest), (Node *) weir_make_interval(cq->panes->gap));
}

static Node *
session_start(ViewQueryContext *cxt)
{
	ContQuery  *cq = cxt->cq;

	return (Node *) makeVar(1, cxt->session_column, cq->keys[cq->pane_key].type, -1, InvalidOid, 0);
}

/* A column of the window, or (attribute 0) all of it. */
static Node *
session_column_of(ViewQueryContext *cxt, Var *var)
{
	RowExpr    *row;

	if (var->varlevelsup > 0)
		weir_query_refuse(NULL, -1, "a session's window inside a subquery",
						  "Use the subquery in an ordinary view over this one.");
	if (var->varattno == 1)
		return session_start(cxt);
	if (var->varattno == 2)
		return session_end(cxt);
	row = makeNode(RowExpr);
	row->args = list_make2(session_start(cxt), session_end(cxt));
	row->row_typeid = var->vartype;
	row->row_format = COERCE_EXPLICIT_CAST;
	row->location = -1;
	return (Node *) row;
}

/*
 * The start alone tells the sessions of a group apart, and the end is an
 * aggregate: where the query groups by any part of the window, group by the start.
 */
static List *
group_by_session(Query *query, ViewQueryContext *cxt, List *clauses)
{
	SortGroupClause *clause;
	TargetEntry *tle = NULL;
	Node	   *start = session_start(cxt);
	Index		maxref = 0;
	ListCell   *lc;

	if (clauses == NIL)
		return NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		maxref = Max(maxref, entry->ressortgroupref);
		if (equal(entry->expr, start) && (tle == NULL || tle->ressortgroupref == 0))
			tle = entry;
	}
	if (tle == NULL)
	{
		tle = makeTargetEntry((Expr *) start, list_length(query->targetList) + 1, NULL, true);
		query->targetList = lappend(query->targetList, tle);
	}
	if (tle->ressortgroupref == 0)
		tle->ressortgroupref = maxref + 1;
	clause = makeNode(SortGroupClause);
	clause->tleSortGroupRef = tle->ressortgroupref;
	get_sort_group_operators(exprType(start), false, true, false,
							 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	return list_make1(clause);
}

/* GROUP BY all keys but the step; adds those that are not in the target list. */
static List *
group_by_user_keys(Query *query, ContQuery *cq)
{
	List	   *group = NIL;

	for (int i = 0; i < cq->nkeys; i++)
	{
		Var		   *key = matrel_var(cq, i);
		SortGroupClause *clause;
		TargetEntry *found = NULL;
		Index		maxref = 0;
		ListCell   *lc;

		if (weir_cont_query_key_is_hidden(cq, i))
			continue;
		foreach(lc, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			maxref = Max(maxref, tle->ressortgroupref);
			if (equal(tle->expr, key) && (found == NULL || found->ressortgroupref == 0))
				found = tle;
		}
		if (found == NULL)
		{
			found = makeTargetEntry((Expr *) key, list_length(query->targetList) + 1,
									NULL, true);
			query->targetList = lappend(query->targetList, found);
		}
		if (found->ressortgroupref == 0)
			found->ressortgroupref = maxref + 1;

		clause = copyObject(list_nth_node(SortGroupClause, cq->query->groupClause, i));
		clause->tleSortGroupRef = found->ressortgroupref;
		group = lappend(group, clause);
	}
	return group;
}

/*
 * step > (SELECT lower - step length), and if the window ends before the last row,
 * step <= (SELECT upper): steps that may have rows inside the window.  Of rows
 * kept singly the time itself is compared.
 *
 * A subquery without columns from outside is run once a query: an index can
 * serve it, all rows meet the same window, parallel workers included, and yet
 * it sees the clock move within a transaction, a function, and between
 * executions of a cached plan.  (A stable function in its place would be called
 * for each row of a table scan.)
 */
static Node *
in_window(ContQuery *cq)
{
	SlidingWindow *window = cq->window;
	Var		   *step = matrel_var(cq, cq->step_key);
	Node	   *lower = copyObject(window->lower);
	const char *op = cq->append && window->lower_inclusive ? ">=" : ">";
	Node	   *result;

	if (!cq->append)
		lower = before(lower, cq->step_usecs);
	result = weir_make_op(op, (Node *) step, run_once(lower, step->vartype));
	if (window->upper == NULL)
		return result;
	op = window->upper_inclusive ? "<=" : "<";
	return make_and_qual(result, weir_make_op(op, (Node *) copyObject(step),
											  run_once(copyObject(window->upper), step->vartype)));
}

/* The same for a window with blocks: see query/blocks.c. */
static Query *
window_rows(ContQuery *cq, Oid matrelid, CommonTableExpr **cte)
{
	SlidingWindow *window = cq->window;
	Oid			type = cq->keys[cq->step_key].type;

	return weir_blocks_rows(cq, matrelid, as_type(before(copyObject(window->lower), cq->step_usecs), type),
							window->upper ? as_type(copyObject(window->upper), type) : NULL, cte);
}

/*
 * Only windows that are closed.  A group of several sessions is shown when all are
 * there and closed; see weir_late_find_window.
 */
static void
add_final(Query *query, ViewQueryContext *cxt, const ContViewOptions *options)
{
	ContQuery  *cq = cxt->cq;
	bool		session = cq->panes && cq->panes->gap;
	Node	   *end = session ? session_end(cxt) :
		cq->panes ? (Node *) makeVar(WINDOW_RTI, 2, exprType((Node *) cq->closing->row_end), -1, InvalidOid, 0) :
		replace_mutator((Node *) cq->closing->key_end, cxt);
	ListCell   *lc;

	foreach(lc, cq->closing->group_ends)
		query->havingQual = make_and_qual(query->havingQual,
										  is_final(cxt, options, replace_mutator(lfirst(lc), cxt)));
	if (cq->closing->group_ends)
		query->havingQual = make_and_qual(query->havingQual, is_final(cxt, options, latest_of((Var *) end)));
	else
		add_window_condition(query, cxt, is_final(cxt, options, end));
}

/* The end of a session is an aggregate, unless it is a column. */
static void
add_window_condition(Query *query, ViewQueryContext *cxt, Node *condition)
{
	QueryWindow *panes = cxt->cq->panes;

	if (panes && panes->gap && !cxt->end_column)
		query->havingQual = make_and_qual(query->havingQual, condition);
	else
		query->jointree->quals = make_and_qual(query->jointree->quals, condition);
}

/* end of the window <= (SELECT weir.watermark(stream) - lateness) */
static Node *
is_final(ViewQueryContext *cxt, const ContViewOptions *options, Node *end)
{
	ContQuery  *cq = cxt->cq;
	Oid			type = exprType((Node *) cq->closing->row_end);

	return weir_make_op("<=", end, run_once(minus(watermark_of(cxt, type), &options->lateness), type));
}

/*
 * start of the window > (SELECT what is old enough to be deleted).  A hopping or
 * cumulating window whose first pane may be gone would show what is left of it.
 * A session keeps its panes until its end is so old.
 */
static Node *
is_whole(ViewQueryContext *cxt, const ContViewOptions *options)
{
	ContQuery  *cq = cxt->cq;
	Oid			type = cq->keys[cq->pane_key].type;
	Node	   *bound;

	if (cq->closing)
	{
		Interval	length = weir_late_longest(cq);
		CoalesceExpr *coalesce = makeNode(CoalesceExpr);

		bound = minus(minus(minus(watermark_of(cxt, type), &options->lateness), &options->retention), &length);
		coalesce->coalescetype = type;
		coalesce->args = list_make2(bound, makeConst(type, -1, InvalidOid, sizeof(Timestamp),
													 TimestampGetDatum(DT_NOBEGIN), false, FLOAT8PASSBYVAL));
		coalesce->location = -1;
		bound = (Node *) coalesce;
	}
	else
		bound = minus(weir_call("clock", TIMESTAMPTZOID, NIL), &options->retention);
	return weir_make_op(">", cq->panes->gap ? session_end(cxt) : (Node *) makeVar(WINDOW_RTI, 1, type, -1, InvalidOid, 0),
						run_once(bound, type));
}

/* weir.view_watermark(matrel, stream, VARIADIC others), as a time of this type */
static Node *
watermark_of(ViewQueryContext *cxt, Oid type)
{
	ContQuery  *cq = cxt->cq;
	ArrayExpr  *others = makeNode(ArrayExpr);
	List	   *args = list_make2(relation_const(cxt->view->matrelid), relation_const(cq->streamid));
	Node	   *result;
	ListCell   *lc;

	for_each_from(lc, cq->streams, 1)
		others->elements = lappend(others->elements, relation_const(lfirst_oid(lc)));
	if (others->elements != NIL)
	{
		others->array_typeid = REGCLASSARRAYOID;
		others->element_typeid = REGCLASSOID;
		others->location = -1;
		args = lappend(args, others);
	}
	result = weir_call("view_watermark", TIMESTAMPTZOID, args);
	castNode(FuncExpr, result)->funcvariadic = others->elements != NIL;
	if (type == TIMESTAMPOID)
		result = (Node *) makeFuncExpr(F_TIMEZONE_TEXT_TIMESTAMPTZ, TIMESTAMPOID,
									   list_make2(makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
															CStringGetTextDatum("UTC"), false, false), result),
									   InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	return result;
}

static Const *
relation_const(Oid relid)
{
	return makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(relid), false, true);
}

/* A function of schema weir */
static Node *
weir_call(const char *name, Oid result, List *args)
{
	Oid			types[3];
	ListCell   *lc;

	foreach(lc, args)
		types[foreach_current_index(lc)] = exprType(lfirst(lc));
	return (Node *) makeFuncExpr(LookupFuncName(list_make2(makeString(pstrdup(WEIR_SCHEMA)), makeString(pstrdup(name))),
												list_length(args), types, false),
								 result, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* time - interval */
static Node *
minus(Node *time, const Interval *interval)
{
	if (weir_interval_usecs(interval) == 0)
		return time;
	return weir_make_op("-", time, (Node *) weir_make_interval(interval));
}

/* (SELECT expr::type) */
static Node *
run_once(Node *expr, Oid type)
{
	Query	   *subquery = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);

	subquery->commandType = CMD_SELECT;
	subquery->canSetTag = true;
	subquery->jointree = makeFromExpr(NIL, NULL);
	subquery->targetList = list_make1(makeTargetEntry((Expr *) as_type(expr, type), 1, pstrdup("bound"), false));
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) subquery;
	sublink->location = -1;
	return (Node *) sublink;
}

static Node *
as_type(Node *expr, Oid type)
{
	if (exprType(expr) == type)
		return expr;
	return coerce_to_target_type(NULL, expr, exprType(expr), type, -1,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

/* bound - usecs; one interval when it has one already. */
static Node *
before(Node *bound, int64 usecs)
{
	Interval	interval = {usecs, 0, 0};

	if (IsA(bound, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) bound;
		Const	   *length = (Const *) eval_const_expressions(NULL, lsecond(op->args));

		set_opfuncid(op);
		if ((op->opfuncid == F_TIMESTAMPTZ_MI_INTERVAL || op->opfuncid == F_TIMESTAMP_MI_INTERVAL) &&
			IsA(length, Const))
		{
			Interval   *old = DatumGetIntervalP(length->constvalue);

			interval.time += old->time;
			interval.day = old->day;
			interval.month = old->month;
			bound = linitial(op->args);
		}
	}
	return weir_make_op("-", bound, (Node *) weir_make_interval(&interval));
}

static Var *
matrel_var(const ContQuery *cq, int column)
{
	if (column < cq->nkeys)
	{
		ContKey    *key = &cq->keys[column];

		return makeVar(1, column + 1, key->type, key->typmod, key->collation, 0);
	}
	else
	{
		ContState  *state = &cq->states[column - cq->nkeys];

		/* Of blocks and steps, states follow the keys. */
		return makeVar(1, (cq->block_usecs ? column : state->column) + 1, state->statetype, -1,
					   weir_state_collation(state), 0);
	}
}

/* One row even of an empty window: what batch says of no rows. */
static Node *
result_of_combined(ViewQueryContext *cxt, ContState *state, Var *column)
{
	ContQuery  *cq = cxt->cq;
	Expr	   *combined = (Expr *) weir_state_combined(state, (Expr *) column);
	int			time = cq->window ? cq->step_key : cq->pane_key;

	if (time >= 0)
		weir_state_order(state, (Aggref *) combined, (Expr *) matrel_var(cq, time));
	if (!cxt->cq->ungrouped && cxt->cq->sets == NIL)
		return (Node *) combined;
	return (Node *) weir_state_unless_none(state, (Expr *) weir_make_aggregate(F_COUNT_, INT8OID, InvalidOid, NIL, NULL),
										   combined);
}
