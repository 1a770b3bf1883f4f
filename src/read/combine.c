/*
 * combine.c
 *	  weir.combine(v.col): the aggregate that a continuous view's column is, over
 *	  the rows of all its groups.
 *
 * The user writes weir.combine of a column of a view, and so it is stored in
 * views and functions, deparsed and dumped.  When a query is planned, the
 * rewriter has put the view's own query over its matrel in the view's place.
 * Then each call is replaced by an aggregate over the column's states
 * (query/state_expr.h), and the states are handed up to it: each query between
 * the matrel and the call gets another, hidden column.  Hidden columns are
 * marked as junk, as what ORDER BY needs is: no row as a whole has them; what the
 * planner is to make of them is in combine_hidden.c.
 *
 * So it is PostgreSQL that checks the caller's right to read the column of the
 * view, and the view owner's to read the matrel; plans are made anew when it
 * says so; and what the view leaves out (HAVING, a window that has moved on) is
 * left out here.
 *
 * An aggregate that has values in the place of a state (DISTINCT and the like) is
 * run over those of all groups: see combine_values.c.
 *
 * Where a query between groups by something, its own column must be a call of
 * weir.combine: that column's states are combined to states.
 *
 * Runs in the planner hook of every backend; chains to the planner or another hook.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "optimizer/tlist.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/cont_view.h"
#include "query/def.h"
#include "query/prepare.h"
#include "query/split.h"
#include "query/state_expr.h"
#include "query/values.h"
#include "query/view_query.h"
#include "read/combine.h"
#include "read/combine_hidden.h"
#include "read/combine_inline.h"
#include "read/combine_values.h"

#define COLUMN_HINT "Name a column of a continuous view that is an aggregate call by itself."

WEIR_FUNCTION(weir_combine_unresolved);

/* A query, and the one whose part it is. */
typedef struct Level
{
	Query	   *query;
	struct Level *parent;
} Level;

/*
 * What is behind a column.  Of an aggregate with values instead of a state it is
 * an array with a row of arguments for each value: see query/values.h.
 */
typedef struct Source
{
	ContState  *state;
	Aggref	   *values;			/* the aggregate as the view's query has it over its values, or NULL */
	const char *name;			/* of the column */
} Source;

typedef struct CombineContext
{
	ParseState *pstate;			/* has the text */
	Level	   *level;			/* where the mutator is */
	int			location;		/* of the call that is being replaced */
} CombineContext;

static planner_hook_type next_planner = NULL;

static PlannedStmt *plan(Query *query, const char *query_string, int options, ParamListInfo params);
static PlannedStmt *plan_next(Query *query, const char *query_string, int options, ParamListInfo params);
static bool find_call_walker(Node *node, bool *inlines);
static bool is_combine(Oid fn);
static void resolve(Query *query, const char *query_string);
static void resolve_query(CombineContext *cxt, Query *query, Level *parent);
static Node *resolve_mutator(Node *node, CombineContext *cxt);
static Node *replace_aggregate(CombineContext *cxt, Aggref *call);
static Node *replace_window_call(CombineContext *cxt, WindowFunc *call);
static void check_filter(CombineContext *cxt, Expr *filter);
static void check_result_type(CombineContext *cxt, Expr *arg);
static WindowFunc *as_window_call(Aggref *aggref, WindowFunc *call, Expr *filter);
static Var *state_of_argument(CombineContext *cxt, Expr *arg, Oid type, Source *source);
static void check_type(CombineContext *cxt, const Source *source, Oid type);
static Var *state_of_var(CombineContext *cxt, Level *level, Var *var, Source *source);
static AttrNumber state_in_relation(CombineContext *cxt, Query *query, RangeTblEntry *rte,
									AttrNumber attno, Source *source);
static AttrNumber state_in_subquery(CombineContext *cxt, Level *owner, RangeTblEntry *rte,
									AttrNumber attno, Source *source);
static AttrNumber state_in_with(CombineContext *cxt, Level *owner, RangeTblEntry *rte,
								AttrNumber attno, Source *source);
static Expr *state_of_column(CombineContext *cxt, Level *level, AttrNumber attno, Source *source);
static ContView *narrowed_view(Query *query, AttrNumber attno);
static ContView *sliding_view_of(Query *query);
static Expr *state_of_view_column(CombineContext *cxt, const ContView *view, Query *query,
								  AttrNumber attno, Source *source);
static Expr *values_of_kept(ContQuery *cq, ContState *state, Query *query, const ContView *view);
static Var *matrel_column(Query *query, Oid matrelid, const ContState *state);
static AttrNumber expose(RangeTblEntry *rte, Query *query, Expr *expr);
static bool is_grouped(Query *query);
pg_noreturn static void refuse(CombineContext *cxt, const char *detail);

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

/* True if there is one.  *inlines: until then, is there a function whose query the planner may put in its place? */
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
	if (IsA(node, Aggref) && is_combine(((Aggref *) node)->aggfnoid))
		return true;
	if (IsA(node, WindowFunc) && is_combine(((WindowFunc *) node)->winfnoid))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_call_walker, inlines, 0);
	return expression_tree_walker(node, find_call_walker, inlines);
}

/* What users call; the aggregates that calls are replaced by have more arguments. */
static bool
is_combine(Oid fn)
{
	char	   *name;

	if (fn < FirstNormalObjectId || get_func_nargs(fn) > 2)
		return false;
	name = get_func_name(fn);
	return name != NULL && strcmp(name, "combine") == 0 &&
		get_func_namespace(fn) == get_namespace_oid(WEIR_SCHEMA, true);
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
resolve_query(CombineContext *cxt, Query *query, Level *parent)
{
	Level		level = {query, parent};
	Level	   *outer = cxt->level;
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
	if (IsA(node, Aggref) && is_combine(((Aggref *) node)->aggfnoid))
		return replace_aggregate(cxt, (Aggref *) node);
	if (IsA(node, WindowFunc) && is_combine(((WindowFunc *) node)->winfnoid))
		return replace_window_call(cxt, (WindowFunc *) node);
	return expression_tree_mutator(node, resolve_mutator, cxt);
}

static Node *
replace_aggregate(CombineContext *cxt, Aggref *call)
{
	Expr	   *filter = (Expr *) resolve_mutator((Node *) call->aggfilter, cxt);
	Source		source = {0};
	ContState  *state;
	Var		   *column;
	Aggref	   *combined;
	Aggref	   *count;

	cxt->location = call->location;
	check_filter(cxt, call->aggfilter);
	if (call->aggdistinct || call->aggorder)
		refuse(cxt, "DISTINCT and ORDER BY mean nothing to states.");
	if (list_length(call->args) > 1)
		check_result_type(cxt, lsecond_node(TargetEntry, call->args)->expr);
	column = state_of_argument(cxt, linitial_node(TargetEntry, call->args)->expr, call->aggtype, &source);
	if (source.values)
	{
		Expr	   *result = weir_combine_values_result(source.values, (Expr *) column, filter, call->agglevelsup);

		if (result == NULL)
			refuse(cxt, psprintf("Direct arguments of %s depend on the group.", get_func_name(source.values->aggfnoid)));
		cxt->level->query->hasSubLinks = true;
		return (Node *) result;
	}
	state = source.state;
	combined = weir_state_combined(state, (Expr *) column);
	combined->aggfilter = filter;
	combined->agglevelsup = call->agglevelsup;
	combined->location = call->location;

	/* No rows, or only such without a match in an outer join: what the aggregate gives for no rows. */
	count = weir_make_aggregate(F_COUNT_ANY, INT8OID, InvalidOid, list_make1(copyObject(column)), &state->statetype);
	count->aggfilter = copyObject(filter);
	count->agglevelsup = call->agglevelsup;
	return (Node *) weir_state_unless_none(state, (Expr *) count, (Expr *) combined);
}

static Node *
replace_window_call(CombineContext *cxt, WindowFunc *call)
{
	Expr	   *filter = (Expr *) resolve_mutator((Node *) call->aggfilter, cxt);
	Source		source = {0};
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
		refuse(cxt, "An aggregate with DISTINCT, ORDER BY or WITHIN GROUP cannot be combined as a window function.");
	state = source.state;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(state->aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", state->aggref->aggfnoid);
	read_only = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggfinalmodify == AGGMODIFY_READ_ONLY;
	ReleaseSysCache(tuple);
	if (!read_only)
		refuse(cxt, psprintf("The result of %s can be made of a state only once, so it is no window function.",
							 get_func_name(state->aggref->aggfnoid)));
	return (Node *)
		weir_state_unless_none(state,
							   (Expr *) as_window_call(weir_make_aggregate(F_COUNT_ANY, INT8OID, InvalidOid,
																		  list_make1(copyObject(column)),
																		  &state->statetype),
													   call, copyObject(filter)),
							   (Expr *) as_window_call(weir_state_combined(state, (Expr *) column), call, filter));
}

/* It decides which states are combined, and whether there are any: it is looked at twice. */
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

/* Of a second argument nothing but the type counts: a value would be misleading. */
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
state_of_argument(CombineContext *cxt, Expr *arg, Oid type, Source *source)
{
	Var		   *column;

	if (!IsA(arg, Var))
		refuse(cxt, "The argument is an expression.");
	column = state_of_var(cxt, cxt->level, (Var *) arg, source);
	check_type(cxt, source, type);
	return column;
}

/* Of a column of the view the type is right; of the matrel it has to be said. */
static void
check_type(CombineContext *cxt, const Source *source, Oid type)
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

/*
 * The state behind a column, in terms of the query that the column is in
 * (level, and varlevelsup from there).
 */
static Var *
state_of_var(CombineContext *cxt, Level *level, Var *var, Source *source)
{
	Level	   *owner = level;
	RangeTblEntry *rte;
	AttrNumber	attno;
	Var		   *result;

	for (Index up = 0; up < var->varlevelsup; up++)
		owner = owner->parent;
	if (var->varattno <= 0)
		refuse(cxt, "The argument is a whole row or a system column.");
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
			refuse(cxt, psprintf("Column \"%s\" is no column of one relation.",
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

/* A matrel, or a partition of one: the state itself, or the result kept beside it. */
static AttrNumber
state_in_relation(CombineContext *cxt, Query *query, RangeTblEntry *rte,
				  AttrNumber attno, Source *source)
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
		refuse(cxt, psprintf("\"%s\" is not a continuous view.", get_rel_name(rte->relid)));
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
			refuse(cxt, psprintf("Column \"%s\" of \"%s\" has what the different values of a group give, and groups may share values.",
								 name, get_rel_name(rte->relid)));
		source->state = candidate;
		source->name = candidate->colname;
		column = get_attnum(rte->relid, candidate->colname);
		weir_add_selected_column(query, rte, column);
		return column;
	}
	refuse(cxt, psprintf("Column \"%s\" of \"%s\" is a group key.", name, get_rel_name(rte->relid)));
}

/* A subquery in FROM, or the query of a view. */
static AttrNumber
state_in_subquery(CombineContext *cxt, Level *owner, RangeTblEntry *rte,
				  AttrNumber attno, Source *source)
{
	Oid			viewid = weir_rte_view(rte);
	ContView   *view = OidIsValid(viewid) ? weir_cont_view_by_view(viewid) : NULL;
	Level		level = {rte->subquery, owner};
	Expr	   *expr;

	if (view == NULL)
		view = narrowed_view(rte->subquery, attno);
	expr = view ? state_of_view_column(cxt, view, rte->subquery, attno, source) :
		state_of_column(cxt, &level, attno, source);
	return expose(rte, rte->subquery, expr);
}

static AttrNumber
state_in_with(CombineContext *cxt, Level *owner, RangeTblEntry *rte,
			  AttrNumber attno, Source *source)
{
	ListCell   *lc;

	for (Index up = 0; up < rte->ctelevelsup; up++)
		owner = owner->parent;
	foreach(lc, owner->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		Query	   *query;
		Level		level;

		if (strcmp(cte->ctename, rte->ctename) != 0)
			continue;
		if (cte->cterecursive)
			refuse(cxt, psprintf("WITH query \"%s\" is recursive.", cte->ctename));
		query = castNode(Query, cte->ctequery);
		level.query = query;
		level.parent = owner;
		return expose(rte, query, state_of_column(cxt, &level, attno, source));
	}
	elog(ERROR, "WITH query \"%s\" is not there", rte->ctename);
}

/* The state behind an output column of a query, in terms of that query. */
static Expr *
state_of_column(CombineContext *cxt, Level *level, AttrNumber attno, Source *source)
{
	Query	   *query = level->query;
	TargetEntry *tle = get_tle_by_resno(query->targetList, attno);

	if (query->setOperations)
		refuse(cxt, psprintf("Column \"%s\" comes through UNION, INTERSECT or EXCEPT.", tle->resname));
	if (query->distinctClause && !query->hasDistinctOn)
		refuse(cxt, psprintf("Column \"%s\" comes through SELECT DISTINCT.", tle->resname));
	if (IsA(tle->expr, Var) && !is_grouped(query))
		return (Expr *) state_of_var(cxt, level, (Var *) tle->expr, source);
	if (IsA(tle->expr, Aggref) && is_combine(((Aggref *) tle->expr)->aggfnoid))
	{
		Aggref	   *call = (Aggref *) tle->expr;
		Expr	   *arg = linitial_node(TargetEntry, call->args)->expr;
		Aggref	   *merged;
		Var		   *column;

		if (!IsA(arg, Var) || call->agglevelsup > 0)
			refuse(cxt, psprintf("Column \"%s\" is an expression.", tle->resname));
		column = state_of_var(cxt, level, (Var *) arg, source);
		if (source->values)
			return (Expr *) weir_combine_values_merged((Expr *) column, copyObject(call->aggfilter), 0);
		merged = weir_state_merged(source->state, (Expr *) column);
		merged->aggfilter = copyObject(call->aggfilter);
		return (Expr *) merged;
	}
	refuse(cxt, psprintf(is_grouped(query) ? "Column \"%s\" comes through GROUP BY, and is not combined there." :
						 "Column \"%s\" is an expression.", tle->resname));
}

/*
 * The sliding-window view that a subquery narrows (narrow.c): its query, but for the
 * window.  NULL if it is none.
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

/* The sliding-window view whose matrel a query reads; NULL if there is none. */
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
					 AttrNumber attno, Source *source)
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
		refuse(cxt, psprintf(!cq->append && weir_cont_query_find_key(cq, (Node *) tle->expr) >= 0 ?
							 "Column \"%s\" of continuous view %s is a group key." :
							 "Column \"%s\" of continuous view %s is no aggregate call by itself.", column, name));
	if (query->distinctClause && !query->hasDistinctOn)
		refuse(cxt, psprintf("Continuous view %s shows each row once (DISTINCT), so its groups are not told apart.", name));
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
 * that keeps none.  The values are read with the rights that the matrel is read with.
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

/* Blocks and steps of a sliding window (query/blocks.c) have their states side by side already. */
static AttrNumber
column_named(Query *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (strcmp(lfirst_node(TargetEntry, lc)->resname, name) == 0)
			return lfirst_node(TargetEntry, lc)->resno;
	return InvalidAttrNumber;
}

/* The matrel's column of a state, in a query over the matrel; NULL if it is not there. */
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

/* Make a query, which the entry reads, show an expression; returns its column. */
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

static void
refuse(CombineContext *cxt, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s.combine needs an aggregate column of a continuous view", WEIR_SCHEMA),
			 errdetail("%s", detail),
			 errhint(COLUMN_HINT),
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
