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
 * Results are made of states as state_expr.c says.  What a kind of window has
 * to do with it says its WindowKind.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/expr.h"
#include "query/grouping.h"
#include "query/late.h"
#include "query/prepare.h"
#include "query/state_expr.h"
#include "query/values.h"
#include "query/view_expr.h"
#include "query/view_query.h"

static void read_matrel(ViewQuery *vq);
static void add_conditions(ViewQuery *vq, Node *having);
static void set_flags(ViewQuery *vq, Node *having);
static Node *replace_mutator(Node *node, ViewQuery *vq);
static Node *result_of_values(ViewQuery *vq, Aggref *aggref);
static Node *replace_var(Var *var, ViewQuery *vq);
static void replace_append_columns(Query *query, ContQuery *cq);
static List *window_clauses(Query *query, ContQuery *cq);
static List *group_by_user_keys(Query *query, ContQuery *cq);
static void add_final(ViewQuery *vq);
static void add_window_condition(ViewQuery *vq, Node *condition);
static Node *is_final(ViewQuery *vq, Node *end);
static Node *is_whole(ViewQuery *vq);
static Node *watermark_of(ViewQuery *vq, Oid type);
static Const *relation_const(Oid relid);
static Node *result_of_combined(ViewQuery *vq, ContState *state, Var *column);

Query *
weir_view_query_build(ContQuery *cq, Query *def, const ContView *view)
{
	Query	   *prepared = weir_query_prepare(NULL, def);
	Query	   *query = copyObject(prepared);
	ViewQuery	vq = {cq, view, prepared, query};
	List	   *window_groups = window_clauses(query, cq);
	Node	   *having = query->havingQual;
	bool		sets = prepared->groupingSets != NIL;
	bool		distinct = !query->hasDistinctOn && !def->hasAggs && !def->groupClause;

	/*
	 * Keys of the matrel are distinct, but a pane may be in several windows.
	 */
	vq.combine = (weir_cont_query_has_cells(cq) || sets) && !(distinct && cq->kind->join);
	if (distinct && !cq->kind->join)
		query->distinctClause = NIL;
	read_matrel(&vq);
	if (cq->append)
		replace_append_columns(query, cq);
	else
	{
		query->targetList = (List *) replace_mutator((Node *) query->targetList, &vq);
		having = replace_mutator(having, &vq);
	}
	if (cq->kind->join)
		cq->kind->join(&vq);
	if (cq->kind->group)
		window_groups = cq->kind->group(&vq, window_groups);
	if (sets)
		weir_grouping_add_dependent(cq, prepared, query);
	else
		query->groupClause = vq.combine ? list_concat(group_by_user_keys(query, cq), window_groups) : NIL;
	query->groupDistinct = sets && query->groupDistinct;
	add_conditions(&vq, having);
	set_flags(&vq, having);
	return query;
}

/* FROM: the matrel, or what the window has in its place. */
static void
read_matrel(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	ParseState *pstate = make_parsestate(NULL);
	Query	   *source = cq->kind->source ? cq->kind->source(vq) : NULL;
	RangeTblRef *rtref = makeNode(RangeTblRef);
	ParseNamespaceItem *nsitem;

	if (source)
		nsitem = addRangeTableEntryForSubquery(pstate, source, makeAlias(cq->panes ? "panes" : "steps", NIL),
											   false, true);
	else
	{
		Relation	matrel = table_open(vq->view->matrelid, AccessShareLock);

		nsitem = addRangeTableEntryForRelation(pstate, matrel, AccessShareLock, NULL, true, true);
		table_close(matrel, NoLock);
	}
	rtref->rtindex = nsitem->p_rtindex;
	vq->query->rtable = pstate->p_rtable;
	weir_take_perminfos(vq->query, pstate);
	vq->query->jointree = makeFromExpr(list_make1(rtref), NULL);
	vq->query->constraintDeps = NIL;
}

/* HAVING as written, and what windows are shown. */
static void
add_conditions(ViewQuery *vq, Node *having)
{
	ContQuery  *cq = vq->cq;
	Query	   *query = vq->query;
	const ContViewOptions *options = &vq->view->options;

	query->havingQual = vq->combine ? having : NULL;
	if (!vq->combine)
		query->jointree->quals = having;
	if (cq->panes && cq->panes->quals)
		add_window_condition(vq, replace_mutator((Node *) make_ands_explicit(copyObject(cq->panes->quals)), vq));
	if (cq->kind->in_window)
		query->jointree->quals = make_and_qual(query->jointree->quals, cq->kind->in_window(vq));
	if (options->final)
		add_final(vq);
	if (options->retained && cq->kind->expiry &&
		(cq->partition_panes || (cq->closing && !cq->kind->expires_whole)))
		add_window_condition(vq, is_whole(vq));
}

static void
set_flags(ViewQuery *vq, Node *having)
{
	Query	   *query = vq->query;
	const ContViewOptions *options = &vq->view->options;

	query->hasAggs = contain_aggs_of_level((Node *) query->targetList, 0) ||
		contain_aggs_of_level(query->havingQual, 0);
	query->hasTargetSRFs = expression_returns_set((Node *) query->targetList);
	query->hasSubLinks = checkExprHasSubLink((Node *) query->targetList) ||
		checkExprHasSubLink(having);
	if (!query->hasSubLinks)
		query->cteList = NIL;
	if (vq->bounds)
		query->cteList = lappend(query->cteList, vq->bounds);
	query->hasSubLinks |= vq->cq->window != NULL || options->final || options->retained;
}

static Node *
replace_mutator(Node *node, ViewQuery *vq)
{
	int			n;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref) && vq->sublevels_up == 0)
	{
		ContState  *state;
		Var		   *column;

		n = weir_cont_query_find_state(vq->cq, (Aggref *) node);
		if (n < 0 && weir_values_needed((Aggref *) node))
			return result_of_values(vq, (Aggref *) node);
		if (n < 0)
			elog(ERROR, "aggregate has no state");
		state = &vq->cq->states[n];
		column = weir_view_column(vq->cq, vq->cq->nkeys + n);
		return vq->combine ? result_of_combined(vq, state, column) :
			weir_state_result(state, column);
	}
	if (IsA(node, Var) && vq->cq->panes && ((Var *) node)->varno == vq->cq->panes->rti &&
		((Var *) node)->varlevelsup == vq->sublevels_up)
		return vq->cq->kind->column(vq, (Var *) node);
	if (IsA(node, GroupingFunc) && vq->def->groupingSets == NIL &&
		((GroupingFunc *) node)->agglevelsup == vq->sublevels_up)
		return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true);
	n = vq->sublevels_up == 0 ? weir_cont_query_find_key(vq->cq, node) : -1;
	if (n >= 0)
		return (Node *) weir_view_column(vq->cq, n);
	if (IsA(node, Var))
		return replace_var((Var *) node, vq);
	if (IsA(node, Query))
	{
		Query	   *query;

		vq->sublevels_up++;
		query = query_tree_mutator((Query *) node, replace_mutator, vq, 0);
		vq->sublevels_up--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, replace_mutator, vq);
}

static Node *
result_of_values(ViewQuery *vq, Aggref *aggref)
{
	ContQuery  *cq = vq->cq;
	int			n = weir_values_find(cq, aggref);
	List	   *clause_exprs = NIL;
	List	   *results = NIL;
	ListCell   *lc;
	int			then;

	if (n < 0 || n >= vq->view->nvalues)
		elog(ERROR, "aggregate has no values");
	aggref = copyObject(aggref);
	aggref->aggdirectargs = (List *) replace_mutator((Node *) aggref->aggdirectargs, vq);
	if (cq->sets == NIL)
		return weir_values_result(cq, n, vq->view->values[n], aggref,
								  weir_values_index_keys(cq, &then), vq->combine);
	foreach(lc, cq->sets)
		results = lappend(results, weir_values_result(cq, n, vq->view->values[n], aggref, lfirst(lc), true));
	foreach(lc, vq->def->groupClause)
		clause_exprs = lappend(clause_exprs,
							   replace_mutator(get_sortgroupclause_expr(lfirst(lc), vq->def->targetList), vq));
	return weir_grouping_choose(cq, vq->def, clause_exprs, results);
}

/* A column of a subquery's own, or a key of the query around it. */
static Node *
replace_var(Var *var, ViewQuery *vq)
{
	Var		   *key;
	int			n;

	if (var->varlevelsup != vq->sublevels_up)
		return (Node *) copyObject(var);
	key = copyObject(var);
	key->varlevelsup = 0;
	n = weir_cont_query_find_key(vq->cq, (Node *) key);
	if (n < 0)
		elog(ERROR, "column is not grouped");
	key = weir_view_column(vq->cq, n);
	key->varlevelsup = vq->sublevels_up;
	return (Node *) key;
}

/* Each output column is a column of the matrel, in the same order. */
static void
replace_append_columns(Query *query, ContQuery *cq)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		lfirst_node(TargetEntry, lc)->expr =
			(Expr *) weir_view_column(cq, foreach_current_index(lc));
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

		if (weir_cont_query_uses_window(cq, get_sortgroupclause_expr(clause, query->targetList)))
			result = lappend(result, clause);
	}
	return result;
}

/*
 * GROUP BY all keys but those of cells; adds those that are not in the target
 * list.
 */
static List *
group_by_user_keys(Query *query, ContQuery *cq)
{
	List	   *group = NIL;

	for (int i = 0; i < cq->nkeys; i++)
		if (!weir_cont_query_key_is_hidden(cq, i))
			group = lappend(group, weir_view_group_by(query, (Expr *) weir_view_column(cq, i),
													  list_nth_node(SortGroupClause, cq->query->groupClause, i)));
	return group;
}

/*
 * Only windows that are closed.  A group of several sessions is shown when all
 * are there and closed; see weir_late_find_window.
 */
static void
add_final(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	Query	   *query = vq->query;
	Node	   *end = cq->kind->end ? cq->kind->end(vq) : replace_mutator((Node *) cq->closing->key_end, vq);
	ListCell   *lc;

	foreach(lc, cq->closing->group_ends)
		query->havingQual = make_and_qual(query->havingQual,
										  is_final(vq, replace_mutator(lfirst(lc), vq)));
	if (cq->closing->group_ends)
		query->havingQual = make_and_qual(query->havingQual, is_final(vq, weir_view_latest(end)));
	else
		add_window_condition(vq, is_final(vq, end));
}

/* About the window: a condition on an aggregate is one of HAVING. */
static void
add_window_condition(ViewQuery *vq, Node *condition)
{
	const WindowKind *kind = vq->cq->kind;
	Query	   *query = vq->query;

	if (kind->end_is_aggregate && kind->end_is_aggregate(vq))
		query->havingQual = make_and_qual(query->havingQual, condition);
	else
		query->jointree->quals = make_and_qual(query->jointree->quals, condition);
}

/* end of the window <= (SELECT weir.watermark(stream) - lateness) */
static Node *
is_final(ViewQuery *vq, Node *end)
{
	Oid			type = exprType((Node *) vq->cq->closing->row_end);

	return weir_make_op("<=", end, weir_view_run_once(weir_view_minus(watermark_of(vq, type),
																	  &vq->view->options.lateness), type));
}

/* The window's time > (SELECT what is old enough to be deleted). */
static Node *
is_whole(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	const ContViewOptions *options = &vq->view->options;
	Oid			type = cq->keys[cq->cell_key].type;
	Node	   *bound;

	if (cq->closing)
	{
		Interval	length = weir_late_longest(cq);
		CoalesceExpr *coalesce = makeNode(CoalesceExpr);

		bound = weir_view_minus(watermark_of(vq, type), &options->lateness);
		bound = weir_view_minus(weir_view_minus(bound, &options->retention), &length);
		coalesce->coalescetype = type;
		coalesce->args = list_make2(bound, makeConst(type, -1, InvalidOid, sizeof(Timestamp),
													 TimestampGetDatum(DT_NOBEGIN), false, FLOAT8PASSBYVAL));
		coalesce->location = -1;
		bound = (Node *) coalesce;
	}
	else
		bound = weir_view_minus((Node *) weir_make_call("clock", TIMESTAMPTZOID, NIL), &options->retention);
	return weir_make_op(">", cq->kind->expiry(vq), weir_view_run_once(bound, type));
}

/*
 * weir.view_watermark(matrel, stream, VARIADIC others), as a time of this type
 */
static Node *
watermark_of(ViewQuery *vq, Oid type)
{
	ContQuery  *cq = vq->cq;
	ArrayExpr  *others = makeNode(ArrayExpr);
	List	   *args = list_make2(relation_const(vq->view->matrelid), relation_const(cq->streamid));
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
	result = (Node *) weir_make_call("view_watermark", TIMESTAMPTZOID, args);
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

/* One row even of an empty window: what batch says of no rows. */
static Node *
result_of_combined(ViewQuery *vq, ContState *state, Var *column)
{
	ContQuery  *cq = vq->cq;
	Expr	   *combined = (Expr *) weir_state_combined(state, (Expr *) column);

	if (cq->cell_key >= 0)
		weir_state_order(state, (Aggref *) combined, (Expr *) weir_view_column(cq, cq->cell_key));
	if (!cq->ungrouped && cq->sets == NIL)
		return (Node *) combined;
	return (Node *) weir_state_unless_none(state, (Expr *) weir_make_aggregate(F_COUNT_, INT8OID, InvalidOid, NIL, NULL),
										   combined);
}
