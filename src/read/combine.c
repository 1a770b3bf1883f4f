/*
 * combine.c
 *	  weir.combine(v.col): the aggregate that a continuous view's column is,
 *	  over the rows of all its groups.
 *
 * The user writes weir.combine of a column of a view, and so it is stored in
 * views and functions, deparsed and dumped.  When a query is planned, the
 * rewriter has put the view's own query over its matrel in the view's place.
 * Then each call is replaced by an aggregate over the column's states
 * (query/state_expr.h), and the states are handed up to it: each query between
 * the matrel and the call gets another, hidden column (combine_state.c).
 * These are marked as junk, as what ORDER BY needs is: no row as a whole has
 * them; what the planner is to make of them is in combine_hidden.c.
 *
 * So it is PostgreSQL that checks the caller's right to read the column of the
 * view, and the view owner's to read the matrel; plans are made anew when it
 * says so; and what the view leaves out (HAVING, a window that has moved on)
 * is left out here.
 *
 * An aggregate that has values in the place of a state (DISTINCT and the like)
 * is run over those of all groups: see combine_values.c.
 *
 * Where a query between groups by something, its own column must be a call of
 * weir.combine: that column's states are combined to states.
 *
 * Runs in the planner hook of every backend; chains to the planner or another
 * hook.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/state_expr.h"
#include "read/combine.h"
#include "read/combine_hidden.h"
#include "read/combine_inline.h"
#include "read/combine_state.h"
#include "read/combine_values.h"

WEIR_FUNCTION(weir_combine_unresolved);

static planner_hook_type next_planner = NULL;

static PlannedStmt *plan(Query *query, const char *query_string, int options, ParamListInfo params);
static PlannedStmt *plan_next(Query *query, const char *query_string, int options, ParamListInfo params);
static bool find_call_walker(Node *node, bool *inlines);
static void resolve(Query *query, const char *query_string);
static void resolve_query(CombineContext *cxt, Query *query, CombineLevel *parent);
static Node *resolve_mutator(Node *node, CombineContext *cxt);
static Node *replace_aggregate(CombineContext *cxt, Aggref *call);
static Node *replace_window_call(CombineContext *cxt, WindowFunc *call);
static void check_filter(CombineContext *cxt, Expr *filter);
static void check_result_type(CombineContext *cxt, Expr *arg);
static WindowFunc *as_window_call(Aggref *aggref, WindowFunc *call, Expr *filter);
static Var *state_of_argument(CombineContext *cxt, Expr *arg, Oid type, CombineSource *source);
static void check_type(CombineContext *cxt, const CombineSource *source, Oid type);

void
weir_combine_init(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
	weir_combine_inline_init();
}

void
weir_combine_check(Query *query, const char *source_text)
{
	Query	   *copy;
	bool		inlines = false;
	ListCell   *lc;

	if (!check_function_bodies || !find_call_walker((Node *) query, &inlines))
		return;
	copy = copyObject(query);
	AcquireRewriteLocks(copy, true, false);
	foreach(lc, QueryRewrite(copy))
		resolve(lfirst_node(Query, lc), source_text);
}

static PlannedStmt *
plan(Query *query, const char *query_string, int options, ParamListInfo params)
{
	bool		inlines = false;
	PlannedStmt *result;

	if (find_call_walker((Node *) query, &inlines))
	{
		resolve(query, query_string);
		inlines = true;			/* not looked for */
	}
	if (!inlines)
		return plan_next(query, query_string, options, params);
	weir_combine_inline_begin();
	PG_TRY();
	{
		result = plan_next(query, query_string, options, params);
	}
	PG_FINALLY();
	{
		weir_combine_inline_end();
	}
	PG_END_TRY();
	return result;
}

static PlannedStmt *
plan_next(Query *query, const char *query_string, int options, ParamListInfo params)
{
	return next_planner ? next_planner(query, query_string, options, params) :
		standard_planner(query, query_string, options, params);
}

/*
 * True if there is one.  *inlines: until then, is there a function whose query
 * the planner may put in its place?
 */
static bool
find_call_walker(Node *node, bool *inlines)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblFunction))
	{
		FuncExpr   *call = (FuncExpr *) ((RangeTblFunction *) node)->funcexpr;

		if (!*inlines && IsA(call, FuncExpr) && call->funcretset)
			*inlines = weir_combine_may_inline(call->funcid);
	}
	if (IsA(node, Aggref) && weir_combine_is_call(((Aggref *) node)->aggfnoid))
		return true;
	if (IsA(node, WindowFunc) && weir_combine_is_call(((WindowFunc *) node)->winfnoid))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_call_walker, inlines, 0);
	return expression_tree_walker(node, find_call_walker, inlines);
}

static void
resolve(Query *query, const char *query_string)
{
	CombineContext cxt = {make_parsestate(NULL), NULL, -1};

	cxt.pstate->p_sourcetext = query_string;
	resolve_query(&cxt, query, NULL);
	weir_combine_show_hidden(query);
	free_parsestate(cxt.pstate);
}

/*
 * From the top down, and later WITH queries before those they may read: states
 * are looked for behind calls that are still as written.
 */
static void
resolve_query(CombineContext *cxt, Query *query, CombineLevel *parent)
{
	CombineLevel level = {query, parent};
	CombineLevel *outer = cxt->level;
	ListCell   *lc;

	cxt->level = &level;
	query_tree_mutator(query, resolve_mutator, cxt,
					   QTW_DONT_COPY_QUERY | QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			resolve_query(cxt, rte->subquery, &level);
	}
	for (int i = list_length(query->cteList) - 1; i >= 0; i--)
		resolve_query(cxt, castNode(Query, list_nth_node(CommonTableExpr, query->cteList, i)->ctequery), &level);
	cxt->level = outer;
}

static Node *
resolve_mutator(Node *node, CombineContext *cxt)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		resolve_query(cxt, (Query *) node, cxt->level);
		return node;
	}
	if (IsA(node, Aggref) && weir_combine_is_call(((Aggref *) node)->aggfnoid))
		return replace_aggregate(cxt, (Aggref *) node);
	if (IsA(node, WindowFunc) && weir_combine_is_call(((WindowFunc *) node)->winfnoid))
		return replace_window_call(cxt, (WindowFunc *) node);
	return expression_tree_mutator(node, resolve_mutator, cxt);
}

static Node *
replace_aggregate(CombineContext *cxt, Aggref *call)
{
	Expr	   *filter = (Expr *) resolve_mutator((Node *) call->aggfilter, cxt);
	CombineSource source = {0};
	ContState  *state;
	Var		   *column;
	Aggref	   *combined;
	Aggref	   *count;

	cxt->location = call->location;
	check_filter(cxt, call->aggfilter);
	if (call->aggdistinct || call->aggorder)
		weir_combine_refuse(cxt, "DISTINCT and ORDER BY mean nothing to states.");
	if (list_length(call->args) > 1)
		check_result_type(cxt, lsecond_node(TargetEntry, call->args)->expr);
	column = state_of_argument(cxt, linitial_node(TargetEntry, call->args)->expr, call->aggtype, &source);
	if (source.values)
	{
		Expr	   *result = weir_combine_values_result(source.values, (Expr *) column, filter, call->agglevelsup);

		if (result == NULL)
			weir_combine_refuse(cxt, psprintf("Direct arguments of %s depend on the group.", get_func_name(source.values->aggfnoid)));
		cxt->level->query->hasSubLinks = true;
		return (Node *) result;
	}
	state = source.state;
	combined = weir_state_combined(state, (Expr *) column);
	combined->aggfilter = filter;
	combined->agglevelsup = call->agglevelsup;
	combined->location = call->location;

	/*
	 * No rows, or only such without a match in an outer join: what the
	 * aggregate gives for no rows.
	 */
	count = weir_make_aggregate(F_COUNT_ANY, INT8OID, InvalidOid, list_make1(copyObject(column)), &state->statetype);
	count->aggfilter = copyObject(filter);
	count->agglevelsup = call->agglevelsup;
	return (Node *) weir_state_unless_none(state, (Expr *) count, (Expr *) combined);
}

static Node *
replace_window_call(CombineContext *cxt, WindowFunc *call)
{
	Expr	   *filter = (Expr *) resolve_mutator((Node *) call->aggfilter, cxt);
	CombineSource source = {0};
	ContState  *state;
	Var		   *column;
	HeapTuple	tuple;
	bool		read_only;

	cxt->location = call->location;
	check_filter(cxt, call->aggfilter);
	if (list_length(call->args) > 1)
		check_result_type(cxt, lsecond(call->args));
	column = state_of_argument(cxt, linitial(call->args), call->wintype, &source);
	if (source.values)
		weir_combine_refuse(cxt, "An aggregate with DISTINCT, ORDER BY or WITHIN GROUP cannot be combined as a window function.");
	state = source.state;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(state->aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", state->aggref->aggfnoid);
	read_only = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggfinalmodify == AGGMODIFY_READ_ONLY;
	ReleaseSysCache(tuple);
	if (!read_only)
		weir_combine_refuse(cxt, psprintf("The result of %s can be made of a state only once, so it is no window function.",
							 get_func_name(state->aggref->aggfnoid)));
	return (Node *)
		weir_state_unless_none(state,
							   (Expr *) as_window_call(weir_make_aggregate(F_COUNT_ANY, INT8OID, InvalidOid,
																		  list_make1(copyObject(column)),
																		  &state->statetype),
													   call, copyObject(filter)),
							   (Expr *) as_window_call(weir_state_combined(state, (Expr *) column), call, filter));
}

/*
 * It decides which states are combined, and whether there are any: it is
 * looked at twice.
 */
static void
check_filter(CombineContext *cxt, Expr *filter)
{
	if (contain_volatile_functions((Node *) filter))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("FILTER of %s.combine cannot have a volatile function", WEIR_SCHEMA),
				 errhint("Write it into WHERE, or compute it in a subquery with OFFSET 0."),
				 parser_errposition(cxt->pstate, cxt->location)));
}

/*
 * Of a second argument nothing but the type counts: a value would be
 * misleading.
 */
static void
check_result_type(CombineContext *cxt, Expr *arg)
{
	Const	   *value = (Const *) eval_const_expressions(NULL, (Node *) arg);

	if (!IsA(value, Const) || !value->constisnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the second argument of %s.combine must be a NULL of the result's type", WEIR_SCHEMA),
				 errhint("A column of a continuous view is the only argument: %s.combine(column).", WEIR_SCHEMA),
				 parser_errposition(cxt->pstate, exprLocation((Node *) arg))));
}

static WindowFunc *
as_window_call(Aggref *aggref, WindowFunc *call, Expr *filter)
{
	WindowFunc *result = copyObject(call);
	ListCell   *lc;

	result->winfnoid = aggref->aggfnoid;
	result->wintype = aggref->aggtype;
	result->wincollid = aggref->aggcollid;
	result->inputcollid = aggref->inputcollid;
	result->aggfilter = filter;
	result->args = NIL;
	foreach(lc, aggref->args)
		result->args = lappend(result->args, lfirst_node(TargetEntry, lc)->expr);
	return result;
}

/* The state behind the column that a call of the given type names. */
static Var *
state_of_argument(CombineContext *cxt, Expr *arg, Oid type, CombineSource *source)
{
	Var		   *column;

	if (!IsA(arg, Var))
		weir_combine_refuse(cxt, "The argument is an expression.");
	column = weir_combine_state_of_var(cxt, cxt->level, (Var *) arg, source);
	check_type(cxt, source, type);
	return column;
}

/*
 * Of a column of the view the type is right; of the matrel it has to be said.
 */
static void
check_type(CombineContext *cxt, const CombineSource *source, Oid type)
{
	Aggref	   *aggref = source->values ? source->values : source->state->aggref;

	if (type == aggref->aggtype)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s.combine gives %s here, not %s", WEIR_SCHEMA,
					format_type_be(aggref->aggtype), format_type_be(type)),
			 errdetail("Column \"%s\" has states of %s, which gives %s.", source->name,
					   get_func_name(aggref->aggfnoid), format_type_be(aggref->aggtype)),
			 errhint("Write %s.combine(%s, NULL::%s).", WEIR_SCHEMA,
					 quote_identifier(source->name), format_type_be(aggref->aggtype)),
			 parser_errposition(cxt->pstate, cxt->location)));
}

/* What weir.combine runs where the planner hook has not seen it. */
Datum
weir_combine_unresolved(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s.combine cannot be used here", WEIR_SCHEMA),
			 errhint("Call it in a query over a continuous view.")));
}
