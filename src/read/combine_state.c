/*
 * combine_state.c
 *	  The states behind a column that weir.combine is called of.
 *
 * Follows the column down through subqueries, views and WITH queries to the
 * matrel, and hands its states up again: each query on the way gets another
 * output column, which is marked as junk.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/cont_view.h"
#include "query/def.h"
#include "query/prepare.h"
#include "query/split.h"
#include "query/state_expr.h"
#include "query/values.h"
#include "query/view_query.h"
#include "read/combine_state.h"
#include "read/combine_values.h"

#define COLUMN_HINT "Name a column of a continuous view that is an aggregate call by itself."

static AttrNumber state_in_relation(CombineContext *cxt, Query *query, RangeTblEntry *rte,
									AttrNumber attno, CombineSource *source);
static AttrNumber state_in_subquery(CombineContext *cxt, CombineLevel *owner, RangeTblEntry *rte,
									AttrNumber attno, CombineSource *source);
static AttrNumber state_in_with(CombineContext *cxt, CombineLevel *owner, RangeTblEntry *rte,
								AttrNumber attno, CombineSource *source);
static Expr *state_of_column(CombineContext *cxt, CombineLevel *level, AttrNumber attno, CombineSource *source);
static ContView *narrowed_view(Query *query, AttrNumber attno);
static ContView *sliding_view_of(Query *query);
static Expr *state_of_view_column(CombineContext *cxt, const ContView *view, Query *query,
								  AttrNumber attno, CombineSource *source);
static Expr *values_of_kept(ContQuery *cq, ContState *state, Query *query, const ContView *view);
static Var *matrel_column(Query *query, Oid matrelid, const ContState *state);
static AttrNumber expose(RangeTblEntry *rte, Query *query, Expr *expr);
static bool is_grouped(Query *query);

Var *
weir_combine_state_of_var(CombineContext *cxt, CombineLevel *level, Var *var, CombineSource *source)
{
	CombineLevel *owner = level;
	RangeTblEntry *rte;
	AttrNumber	attno;
	Var		   *result;

	for (Index up = 0; up < var->varlevelsup; up++)
		owner = owner->parent;
	if (var->varattno <= 0)
		weir_combine_refuse(cxt, "The argument is a whole row or a system column.");
	rte = rt_fetch(var->varno, owner->query->rtable);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			attno = state_in_relation(cxt, owner->query, rte, var->varattno, source);
			break;
		case RTE_SUBQUERY:
			attno = state_in_subquery(cxt, owner, rte, var->varattno, source);
			break;
		case RTE_CTE:
			attno = state_in_with(cxt, owner, rte, var->varattno, source);
			break;
		default:
			weir_combine_refuse(cxt, psprintf("Column \"%s\" is no column of one relation.",
								 get_rte_attribute_name(rte, var->varattno)));
	}
	result = copyObject(var);
	result->varattno = attno;
	result->vartype = source->values ? RECORDARRAYOID : source->state->statetype;
	result->vartypmod = -1;
	result->varcollid = source->values ? InvalidOid : weir_state_collation(source->state);
	result->varnosyn = 0;
	result->varattnosyn = 0;
	return result;
}

/*
 * A matrel, or a partition of one: the state itself, or the result kept beside
 * it.
 */
static AttrNumber
state_in_relation(CombineContext *cxt, Query *query, RangeTblEntry *rte,
				  AttrNumber attno, CombineSource *source)
{
	ContView   *view = weir_cont_view_by_matrel(rte->relid);
	const char *name = get_attname(rte->relid, attno, false);
	ContViewOptions options;
	ContQuery  *cq;

	if (view == NULL && get_rel_relispartition(rte->relid))
	{
		ListCell   *lc;

		foreach(lc, get_partition_ancestors(rte->relid))
			if (view == NULL)
				view = weir_cont_view_by_matrel(lfirst_oid(lc));
	}
	if (view == NULL)
		weir_combine_refuse(cxt, psprintf("\"%s\" is not a continuous view.", get_rel_name(rte->relid)));
	options = view->options;
	cq = weir_cont_query_build(weir_def_query(view->defid), &options, NULL);
	for (int i = 0; i < cq->nstates; i++)
	{
		ContState  *candidate = &cq->states[i];
		AttrNumber	column;

		if (strcmp(candidate->colname, name) != 0 &&
			(candidate->value_name == NULL || strcmp(candidate->value_name, name) != 0))
			continue;
		if (candidate->written)
			weir_combine_refuse(cxt, psprintf("Column \"%s\" of \"%s\" has what the different values of a group give, and groups may share values.",
								 name, get_rel_name(rte->relid)));
		source->state = candidate;
		source->name = candidate->colname;
		column = get_attnum(rte->relid, candidate->colname);
		weir_add_selected_column(query, rte, column);
		return column;
	}
	weir_combine_refuse(cxt, psprintf("Column \"%s\" of \"%s\" is a group key.", name, get_rel_name(rte->relid)));
}

/* A subquery in FROM, or the query of a view. */
static AttrNumber
state_in_subquery(CombineContext *cxt, CombineLevel *owner, RangeTblEntry *rte,
				  AttrNumber attno, CombineSource *source)
{
	Oid			viewid = weir_rte_view(rte);
	ContView   *view = OidIsValid(viewid) ? weir_cont_view_by_view(viewid) : NULL;
	CombineLevel level = {rte->subquery, owner};
	Expr	   *expr;

	if (view == NULL)
		view = narrowed_view(rte->subquery, attno);
	expr = view ? state_of_view_column(cxt, view, rte->subquery, attno, source) :
		state_of_column(cxt, &level, attno, source);
	return expose(rte, rte->subquery, expr);
}

static AttrNumber
state_in_with(CombineContext *cxt, CombineLevel *owner, RangeTblEntry *rte,
			  AttrNumber attno, CombineSource *source)
{
	ListCell   *lc;

	for (Index up = 0; up < rte->ctelevelsup; up++)
		owner = owner->parent;
	foreach(lc, owner->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		Query	   *query;
		CombineLevel level;

		if (strcmp(cte->ctename, rte->ctename) != 0)
			continue;
		if (cte->cterecursive)
			weir_combine_refuse(cxt, psprintf("WITH query \"%s\" is recursive.", cte->ctename));
		query = castNode(Query, cte->ctequery);
		level.query = query;
		level.parent = owner;
		return expose(rte, query, state_of_column(cxt, &level, attno, source));
	}
	elog(ERROR, "WITH query \"%s\" is not there", rte->ctename);
}

/* The state behind an output column of a query, in terms of that query. */
static Expr *
state_of_column(CombineContext *cxt, CombineLevel *level, AttrNumber attno, CombineSource *source)
{
	Query	   *query = level->query;
	TargetEntry *tle = get_tle_by_resno(query->targetList, attno);

	if (query->setOperations)
		weir_combine_refuse(cxt, psprintf("Column \"%s\" comes through UNION, INTERSECT or EXCEPT.", tle->resname));
	if (query->distinctClause && !query->hasDistinctOn)
		weir_combine_refuse(cxt, psprintf("Column \"%s\" comes through SELECT DISTINCT.", tle->resname));
	if (IsA(tle->expr, Var) && !is_grouped(query))
		return (Expr *) weir_combine_state_of_var(cxt, level, (Var *) tle->expr, source);
	if (IsA(tle->expr, Aggref) && weir_combine_is_call(((Aggref *) tle->expr)->aggfnoid))
	{
		Aggref	   *call = (Aggref *) tle->expr;
		Expr	   *arg = linitial_node(TargetEntry, call->args)->expr;
		Aggref	   *merged;
		Var		   *column;

		if (!IsA(arg, Var) || call->agglevelsup > 0)
			weir_combine_refuse(cxt, psprintf("Column \"%s\" is an expression.", tle->resname));
		column = weir_combine_state_of_var(cxt, level, (Var *) arg, source);
		if (source->values)
			return (Expr *) weir_combine_values_merged((Expr *) column, copyObject(call->aggfilter), 0);
		merged = weir_state_merged(source->state, (Expr *) column);
		merged->aggfilter = copyObject(call->aggfilter);
		return (Expr *) merged;
	}
	weir_combine_refuse(cxt, psprintf(is_grouped(query) ? "Column \"%s\" comes through GROUP BY, and is not combined there." :
						 "Column \"%s\" is an expression.", tle->resname));
}

/*
 * The sliding-window view that a subquery narrows (narrow.c): its query, but
 * for the window.  NULL if it is none.
 */
static ContView *
narrowed_view(Query *query, AttrNumber attno)
{
	ContView   *found = is_grouped(query) ? sliding_view_of(query) : NULL;
	TargetEntry *tle = get_tle_by_resno(query->targetList, attno);
	TargetEntry *view_tle;
	ContView   *view;
	Query	   *def;
	Aggref	   *values;

	if (found == NULL)
		return NULL;
	view = palloc(sizeof(ContView));
	*view = *found;
	view->name = pstrdup(found->name);
	def = weir_def_query(view->defid);
	view_tle = get_tle_by_resno(weir_view_query_build(weir_cont_query_build(def, &view->options, NULL), def, view)->targetList, attno);
	if (view_tle == NULL || view_tle->resjunk)
		return NULL;
	return equal(view_tle->expr, tle->expr) ||
		(IsA(view_tle->expr, SubLink) && weir_combine_values_of(tle->expr, &values) != NULL) ? view : NULL;
}

/*
 * The sliding-window view whose matrel a query reads; NULL if there is none.
 */
static ContView *
sliding_view_of(Query *query)
{
	ContView   *view = NULL;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION)
			view = weir_cont_view_by_matrel(rte->relid);
		else if (rte->rtekind == RTE_SUBQUERY)
			view = sliding_view_of(rte->subquery);
		if (view != NULL)
			return view->options.sliding ? view : NULL;
	}
	return NULL;
}

/* The same for the query of a continuous view over its matrel. */
static Expr *
state_of_view_column(CombineContext *cxt, const ContView *view, Query *query,
					 AttrNumber attno, CombineSource *source)
{
	ContView	copy = *view;
	Oid			matrelid = view->matrelid;
	char	   *name = pstrdup(view->name);
	Query	   *def = weir_def_query(copy.defid);
	ContQuery  *cq = weir_cont_query_build(def, &copy.options, NULL);
	TargetEntry *tle = get_tle_by_resno(weir_query_prepare(NULL, def)->targetList, attno);
	const char *column = get_tle_by_resno(query->targetList, attno)->resname;
	int			n = IsA(tle->expr, Aggref) ? weir_cont_query_find_state(cq, (Aggref *) tle->expr) : -1;
	Var		   *var;

	if (!IsA(tle->expr, Aggref))
		weir_combine_refuse(cxt, psprintf(!cq->append && weir_cont_query_find_key(cq, (Node *) tle->expr) >= 0 ?
							 "Column \"%s\" of continuous view %s is a group key." :
							 "Column \"%s\" of continuous view %s is no aggregate call by itself.", column, name));
	if (query->distinctClause && !query->hasDistinctOn)
		weir_combine_refuse(cxt, psprintf("Continuous view %s shows each row once (DISTINCT), so its groups are not told apart.", name));
	source->name = column;
	if (n < 0 || cq->states[n].written)
	{
		Expr	   *values = n < 0 ?
			weir_combine_values_of(get_tle_by_resno(query->targetList, attno)->expr, &source->values) :
			weir_combine_values_of(values_of_kept(cq, &cq->states[n], query, &copy), &source->values);

		if (values == NULL)
			elog(ERROR, "column \"%s\" of continuous view %s is not computed from values", column, name);
		return values;
	}
	source->state = &cq->states[n];
	var = matrel_column(query, matrelid, source->state);
	if (var == NULL)
		elog(ERROR, "continuous view %s does not read its materialization table", name);
	return is_grouped(query) ? (Expr *) weir_state_merged(source->state, (Expr *) var) : (Expr *) var;
}

/*
 * The aggregate over its values, of one that is kept: as a view's query has it
 * that keeps none.  The values are read with the rights that the matrel is
 * read with.
 */
static Expr *
values_of_kept(ContQuery *cq, ContState *state, Query *query, const ContView *view)
{
	int			n = weir_values_find(cq, state->written);
	int			then;
	Node	   *result = weir_values_result(cq, n, view->values[n], state->written,
											weir_values_index_keys(cq, &then), false);
	Query	   *subquery = castNode(Query, castNode(SubLink, result)->subselect);
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION || rte->relid != view->matrelid)
			continue;
		weir_check_as(subquery, linitial(subquery->rtable), query, rte);
		ChangeVarNodes(result, 1, foreach_current_index(lc) + 1, 0);
		query->hasSubLinks = true;
		return (Expr *) result;
	}
	elog(ERROR, "the query of a continuous view does not read its materialization table %u", view->matrelid);
}

/*
 * Blocks and steps of a sliding window (query/blocks.c) have their states side
 * by side already.
 */
static AttrNumber
column_named(Query *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (strcmp(lfirst_node(TargetEntry, lc)->resname, name) == 0)
			return lfirst_node(TargetEntry, lc)->resno;
	return InvalidAttrNumber;
}

/*
 * The matrel's column of a state, in a query over the matrel; NULL if it is
 * not there.
 */
static Var *
matrel_column(Query *query, Oid matrelid, const ContState *state)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		AttrNumber	attno = InvalidAttrNumber;

		if (rte->rtekind == RTE_RELATION && rte->relid == matrelid)
		{
			attno = get_attnum(matrelid, state->colname);
			weir_add_selected_column(query, rte, attno);
		}
		else if (rte->rtekind == RTE_SUBQUERY && rte->subquery->setOperations)
			attno = column_named(rte->subquery, state->colname);
		else if (rte->rtekind == RTE_SUBQUERY && !is_grouped(rte->subquery))
		{
			Var		   *inner = matrel_column(rte->subquery, matrelid, state);

			if (inner != NULL)
				attno = expose(rte, rte->subquery, (Expr *) inner);
		}
		if (attno != InvalidAttrNumber)
			return makeVar(foreach_current_index(lc) + 1, attno, state->statetype, -1,
						   weir_state_collation(state), 0);
	}
	return NULL;
}

/*
 * Make a query, which the entry reads, show an expression; returns its column.
 */
static AttrNumber
expose(RangeTblEntry *rte, Query *query, Expr *expr)
{
	AttrNumber	attno = InvalidAttrNumber;
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (equal(lfirst_node(TargetEntry, lc)->expr, expr))
			attno = lfirst_node(TargetEntry, lc)->resno;
	if (attno == InvalidAttrNumber)
	{
		attno = list_length(query->targetList) + 1;
		query->targetList = lappend(query->targetList,
									makeTargetEntry(expr, attno, psprintf("state%d", attno), true));
		query->hasAggs |= IsA(expr, Aggref);
	}

	/* The entry has to know it, and so all before it. */
	while (list_length(rte->eref->colnames) < attno)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, query->targetList, list_length(rte->eref->colnames));

		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(tle->resname ? tle->resname : "")));
		if (rte->rtekind != RTE_CTE)
			continue;
		rte->coltypes = lappend_oid(rte->coltypes, exprType((Node *) tle->expr));
		rte->coltypmods = lappend_int(rte->coltypmods, exprTypmod((Node *) tle->expr));
		rte->colcollations = lappend_oid(rte->colcollations, exprCollation((Node *) tle->expr));
	}
	return attno;
}

static bool
is_grouped(Query *query)
{
	return query->groupClause || query->groupingSets || query->hasAggs || query->havingQual;
}

void
weir_combine_refuse(CombineContext *cxt, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s.combine needs an aggregate column of a continuous view", WEIR_SCHEMA),
			 errdetail("%s", detail),
			 errhint(COLUMN_HINT),
			 parser_errposition(cxt->pstate, cxt->location)));
}

/* The aggregates that calls are replaced by have more arguments. */
bool
weir_combine_is_call(Oid fn)
{
	char	   *name;

	if (fn < FirstNormalObjectId || get_func_nargs(fn) > 2)
		return false;
	name = get_func_name(fn);
	return name != NULL && strcmp(name, "combine") == 0 &&
		get_func_namespace(fn) == get_namespace_oid(WEIR_SCHEMA, true);
}
