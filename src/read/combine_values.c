/*
 * combine_values.c
 *	  weir.combine over aggregates that are computed from values.
 *
 * An aggregate with DISTINCT, ORDER BY or WITHIN GROUP has no states, but the
 * values of each group (query/values.h).  What is handed up in the place of a
 * state is an array of the values of a group; the arrays of several groups are
 * put together, and the aggregate is run over their elements:
 *
 *	(SELECT count(DISTINCT u.c1) FROM unnest(weir.collect(v.values)) AS u (c1
 *	int))
 *
 * So what a query combines has to fit into memory, and an array into 1 GB.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "rewrite/rewriteManip.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "agg/buffer.h"
#include "base/compat.h"
#include "base/weir.h"
#include "query/state_expr.h"
#include "read/combine_values.h"

WEIR_FUNCTION(weir_collect_trans);
WEIR_FUNCTION(weir_collect_final);

static Expr *values_of_case(CaseExpr *result, Aggref **aggref);
static RangeTblEntry *values_entry(List *args, Expr *arrays);

Expr *
weir_combine_values_of(Expr *result, Aggref **aggref)
{
	SubLink    *sublink = (SubLink *) result;
	Query	   *query;
	RowExpr    *row;
	Oid			record = RECORDOID;
	ListCell   *lc;

	if (IsA(result, CaseExpr))
		return values_of_case((CaseExpr *) result, aggref);
	if (!IsA(result, SubLink) || sublink->subLinkType != EXPR_SUBLINK)
		return NULL;
	sublink = copyObject(sublink);
	query = castNode(Query, sublink->subselect);
	if (list_length(query->targetList) != 1 ||
		!IsA(linitial_node(TargetEntry, query->targetList)->expr, Aggref))
		return NULL;
	*aggref = (Aggref *) linitial_node(TargetEntry, query->targetList)->expr;

	row = makeNode(RowExpr);
	row->row_typeid = RECORDOID;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	foreach(lc, (*aggref)->args)
	{
		row->args = lappend(row->args, copyObject(lfirst_node(TargetEntry, lc)->expr));
		row->colnames = lappend(row->colnames, makeString(psprintf("c%d", foreach_current_index(lc) + 1)));
	}
	linitial_node(TargetEntry, query->targetList)->expr = (Expr *)
		weir_make_aggregate(F_ARRAY_AGG_ANYNONARRAY, RECORDARRAYOID, InvalidOid, list_make1(row), &record);
	return (Expr *) sublink;
}

/* Of grouping sets: a subquery for each. */
static Expr *
values_of_case(CaseExpr *result, Aggref **aggref)
{
	ListCell   *lc;

	result = copyObject(result);
	foreach(lc, result->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		when->result = weir_combine_values_of(when->result, aggref);
		if (when->result == NULL)
			return NULL;
	}
	result->casetype = RECORDARRAYOID;
	result->casecollid = InvalidOid;
	result->defresult = (Expr *) makeNullConst(RECORDARRAYOID, -1, InvalidOid);
	return (Expr *) result;
}

Aggref *
weir_combine_values_merged(Expr *column, Expr *filter, Index levelsup)
{
	static const Oid declared[] = {ANYARRAYOID};
	Oid			type = RECORDARRAYOID;
	Aggref	   *result =
		weir_make_aggregate(LookupFuncName(list_make2(makeString(pstrdup(WEIR_SCHEMA)),
													  makeString(pstrdup("collect"))), 1, declared, false),
							RECORDARRAYOID, InvalidOid, list_make1(column), &type);

	result->aggfilter = filter;
	result->agglevelsup = levelsup;
	return result;
}

Expr *
weir_combine_values_result(Aggref *aggref, Expr *column, Expr *filter, Index levelsup)
{
	Query	   *query = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Aggref	   *arrays;
	ListCell   *lc;

	if (contain_vars_of_level((Node *) aggref->aggdirectargs, 1))
		return NULL;

	/* One query further down. */
	arrays = weir_combine_values_merged(copyObject(column), copyObject(filter), levelsup);
	IncrementVarSublevelsUp((Node *) arrays, 1, 0);

	aggref = copyObject(aggref);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->hasAggs = true;
	query->rtable = list_make1(values_entry(aggref->args, (Expr *) arrays));
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	foreach(lc, aggref->args)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;

		if (!IsA(expr, Const))
			tle->expr = (Expr *) makeVar(1, foreach_current_index(lc) + 1, exprType(expr), exprTypmod(expr),
										 exprCollation(expr), 0);
	}
	query->targetList = list_make1(makeTargetEntry((Expr *) aggref, 1, pstrdup("result"), false));

	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return (Expr *) sublink;
}

/* unnest(arrays) AS u (c1 ..., c2 ...) */
static RangeTblEntry *
values_entry(List *args, Expr *arrays)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblFunction *function = makeNode(RangeTblFunction);
	FuncExpr   *unnest = makeFuncExpr(F_UNNEST_ANYARRAY, RECORDOID, list_make1(arrays),
									  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	List	   *names = NIL;
	ListCell   *lc;

	unnest->funcretset = true;
	function->funcexpr = (Node *) unnest;
	foreach(lc, args)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		names = lappend(names, makeString(psprintf("c%d", foreach_current_index(lc) + 1)));
		function->funccoltypes = lappend_oid(function->funccoltypes, exprType(expr));
		function->funccoltypmods = lappend_int(function->funccoltypmods, exprTypmod(expr));
		function->funccolcollations = lappend_oid(function->funccolcollations, exprCollation(expr));
	}
	function->funccolnames = names;
	function->funccolcount = list_length(args);
	rte->rtekind = RTE_FUNCTION;
	rte->functions = list_make1(function);
	rte->alias = makeAlias("u", NIL);
	rte->eref = makeAlias("u", copyObject(names));
	rte->inFromCl = true;
	return rte;
}

/* weir.collect(array): the elements of all arrays in one. */
Datum
weir_collect_trans(PG_FUNCTION_ARGS)
{
	ArrayBuildState *state = PG_ARGISNULL(0) ? NULL : (ArrayBuildState *) PG_GETARG_POINTER(0);
	MemoryContext cxt = weir_agg_context(fcinfo);
	ArrayType  *array;
	ArrayIterator iterator;
	Datum		value;
	bool		isnull;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	array = PG_GETARG_ARRAYTYPE_P(1);
	iterator = array_create_iterator(array, 0, NULL);
	while (array_iterate(iterator, &value, &isnull))
		state = accumArrayResult(state, value, isnull, ARR_ELEMTYPE(array), cxt);
	array_free_iterator(iterator);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

Datum
weir_collect_final(PG_FUNCTION_ARGS)
{
	ArrayBuildState *state = PG_ARGISNULL(0) ? NULL : (ArrayBuildState *) PG_GETARG_POINTER(0);
	int			dims[1];
	int			lbs[1] = {1};

	if (state == NULL)
		PG_RETURN_NULL();
	dims[0] = state->nelems;
	PG_RETURN_DATUM(makeMdArrayResult(state, 1, dims, lbs, CurrentMemoryContext, false));
}
