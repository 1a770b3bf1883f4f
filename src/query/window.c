/*
 * window.c
 *	  The windows of time in a view's query.
 *
 * Works on the copy of a query that is split (split.c), for the continuous
 * query and the view query alike, so it depends on nothing but the query.
 *
 * tumble is a way to write time_bucket: window_start is the bucket, a group key
 * as any other, and window_end follows from it when the view is read.  A row is
 * in several windows of hop and cumulate; to keep each of them would cost size /
 * slide times as much.  Here a row is counted in its pane, once.  Sessions are
 * kept in panes for another reason: see session.c.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/window.h"
#include "time/window_functions.h"

typedef enum WindowFunction
{
	NO_WINDOW_FUNCTION,
	FUNCTION_TUMBLE,
	FUNCTION_BUCKET_END,
	FUNCTION_TIME_BUCKET,
	FUNCTION_HOP,
	FUNCTION_CUMULATE,
	FUNCTION_SESSION
} WindowFunction;

static const char *const function_names[] = {
	NULL, "tumble", "bucket_end", "time_bucket", "hop", "cumulate", "session"
};

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

static WindowFunction window_function(Oid fn);
static void replace_tumble_in_from(PrepareContext *cxt);
static void drop_function(RangeTblEntry *rte);
static Node *tumble_mutator(Node *node, PrepareContext *cxt);
static FuncExpr *check_call(ParseState *pstate, FuncExpr *call);
static void check_lengths(ParseState *pstate, FuncExpr *call, WindowFunction fn);
static List *complete_arguments(FuncExpr *call);
static Expr *bucket_of(FuncExpr *call, Interval *size);
static Expr *end_of(FuncExpr *call);
static List *grid_arguments(FuncExpr *call, int first);
static Expr *call_function(const char *name, Oid result, List *args);
static void lift_calls(PrepareContext *cxt);
static bool find_call_walker(Node *node, LiftContext *cxt);
static Node *lift_mutator(Node *node, LiftContext *cxt);
static Var *add_to_from(Query *query, FuncExpr *call);
static FuncExpr *call_in_from(RangeTblEntry *rte);
static void refuse_other_sessions(ParseState *pstate, Query *query, Index rti);
static bool find_session_walker(Node *node, FuncExpr **call);
static bool is_nullable(Node *node, Index rti, bool always, bool nullable);
static bool window_in_aggregate(Node *node, Index *rti);
static void drop_alias_vars(Query *query, Index rti);
static int64 pane_length(FuncExpr *call, GridUnit *unit);
static Expr *session_pane(FuncExpr *call);

void
weir_window_prepare(ParseState *pstate, Query *query)
{
	PrepareContext cxt = {pstate, query, 0};

	replace_tumble_in_from(&cxt);
	query_tree_mutator(query, tumble_mutator, &cxt, QTW_DONT_COPY_QUERY | QTW_IGNORE_RANGE_TABLE);
	lift_calls(&cxt);
}

static WindowFunction
window_function(Oid fn)
{
	const char *name;

	if (fn < FirstNormalObjectId || get_func_namespace(fn) != get_namespace_oid(WEIR_SCHEMA, true))
		return NO_WINDOW_FUNCTION;
	name = get_func_name(fn);
	for (int i = FUNCTION_TUMBLE; i < lengthof(function_names); i++)
		if (strcmp(name, function_names[i]) == 0)
			return (WindowFunction) i;
	return NO_WINDOW_FUNCTION;
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
		FuncExpr   *call = call_in_from(rte);
		List	   *columns;

		if (call == NULL || window_function(call->funcid) != FUNCTION_TUMBLE)
			continue;
		if (is_nullable((Node *) query->jointree, rti, true, false))
			weir_query_refuse(cxt->pstate, call->location, "an outer join with a window function",
							  "Write FROM stream, weir.tumble(...) or JOIN weir.tumble(...) ON true.");
		call = check_call(cxt->pstate, call);
		columns = list_make2(makeTargetEntry(bucket_of(call, NULL), 1, pstrdup("window_start"), false),
							 makeTargetEntry(end_of(call), 2, pstrdup("window_end"), false));
		*query = *(Query *) weir_replace_vars((Node *) query, rti, rte, columns);

		/* The entry stays, so that others keep their numbers. */
		drop_function(rt_fetch(rti, query->rtable));
	}
}

static void
drop_function(RangeTblEntry *rte)
{
	rte->rtekind = RTE_RESULT;
	rte->functions = NIL;
	rte->lateral = false;
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

		if (IsA(call, FuncExpr) && window_function(call->funcid) == FUNCTION_TUMBLE)
		{
			call = check_call(cxt->pstate, call);
			return (Node *) (field->fieldnum == 1 ? bucket_of(call, NULL) : end_of(call));
		}
	}
	if (IsA(node, FuncExpr) && cxt->sublevels_up == 0 &&
		window_function(((FuncExpr *) node)->funcid) == FUNCTION_TUMBLE)
	{
		FuncExpr   *call = check_call(cxt->pstate, (FuncExpr *) node);

		linitial(call->args) = bucket_of(call, NULL);
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

/* A copy with all arguments, constants but for the time. */
static FuncExpr *
check_call(ParseState *pstate, FuncExpr *call)
{
	FuncExpr   *result = copyObject(call);
	WindowFunction fn = window_function(call->funcid);
	ListCell   *lc;

	result->args = complete_arguments(call);
	foreach(lc, result->args)
	{
		Node	   *arg = lfirst(lc);
		int			i = foreach_current_index(lc);

		if (i == 0)
			continue;
		arg = eval_const_expressions(NULL, arg);
		lfirst(lc) = arg;
		if (!IsA(arg, Const) ||
			(((Const *) arg)->constisnull && exprType(arg) == INTERVALOID))
			weir_query_refuse(pstate, call->location,
							  psprintf("arguments of %s that are not constants", function_names[fn]),
							  "Only the first argument may depend on the row.");
	}
	check_lengths(pstate, result, fn);
	return result;
}

static Const *
argument(FuncExpr *call, int n)
{
	return list_nth_node(Const, call->args, n);
}

static Interval *
interval_argument(FuncExpr *call, int n)
{
	return DatumGetIntervalP(argument(call, n)->constvalue);
}

/* What the function would say of each row is said at once. */
static void
check_lengths(ParseState *pstate, FuncExpr *call, WindowFunction fn)
{
	bool		zoned = exprType(linitial(call->args)) == TIMESTAMPTZOID;
	ParseCallbackState position;
	GridUnit	unit;
	TimeGrid	grid;

	if (pstate)
		setup_parser_errposition_callback(&position, pstate, call->location);
	if (fn == FUNCTION_SESSION)
	{
		(void) weir_grid_length(interval_argument(call, 1), &unit, "gap");
		if (unit != GRID_USECS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("gap of a session is not of fixed length"),
					 errhint("Use '24 hours' instead of '1 day'.")));
	}
	else if (fn == FUNCTION_TUMBLE)
	{
		int64		size = weir_grid_length(interval_argument(call, 1), &unit, "size");

		weir_grid_init(&grid, unit, size, interval_argument(call, 2), NULL);
	}
	else
	{
		int64		pane = pane_length(call, &unit);

		weir_grid_init(&grid, unit, pane, interval_argument(call, 3), NULL);
	}
	if (pstate)
		cancel_parser_errposition_callback(&position);

	if (zoned && fn != FUNCTION_SESSION && unit != GRID_USECS && ((Const *) llast(call->args))->constisnull)
		weir_query_refuse(pstate, call->location, "windows of days or months in the session's time zone",
						  "Name the zone: weir.tumble(ts, '1 day', zone => 'Europe/Berlin').");
}

static List *
complete_arguments(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));
	List	   *args = expand_function_arguments(copyObject(call->args), false, call->funcresulttype, tuple);

	ReleaseSysCache(tuple);
	return args;
}

/* time_bucket(size, time, offset [, zone]) for a call's time, of the call's size or another. */
static Expr *
bucket_of(FuncExpr *call, Interval *size)
{
	Node	   *time = linitial(call->args);
	Const	   *width = size == NULL ? copyObject(argument(call, 1)) :
		makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval), IntervalPGetDatum(size), false, false);
	int			offset = size == NULL ? 2 : 3;

	return call_function("time_bucket", exprType(time),
						 lcons(width, lcons(copyObject(time), grid_arguments(call, offset))));
}

/* bucket_end(time_bucket(...), size, offset [, zone]) for a call of tumble. */
static Expr *
end_of(FuncExpr *call)
{
	return call_function("bucket_end", exprType(linitial(call->args)),
						 lcons(bucket_of(call, NULL), grid_arguments(call, 1)));
}

static List *
grid_arguments(FuncExpr *call, int first)
{
	return copyObject(list_copy_tail(call->args, first));
}

static Expr *
call_function(const char *name, Oid result, List *args)
{
	Oid			types[4];
	Oid			fn;
	ListCell   *lc;

	foreach(lc, args)
		types[foreach_current_index(lc)] = exprType(lfirst(lc));
	fn = LookupFuncName(list_make2(makeString(pstrdup(WEIR_SCHEMA)), makeString(pstrdup(name))),
						list_length(args), types, false);
	return (Expr *) makeFuncExpr(fn, result, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

Expr *
weir_window_bucket(Expr *expr)
{
	FuncExpr   *call = (FuncExpr *) expr;
	WindowFunction fn;

	if (!IsA(expr, FuncExpr))
		return expr;
	fn = window_function(call->funcid);
	return fn == FUNCTION_TUMBLE || fn == FUNCTION_BUCKET_END ? linitial(call->args) : expr;
}

/* ---------------------------------------------------------------------
 * hop and cumulate
 * --------------------------------------------------------------------- */

/* GROUP BY hop(...): a set-returning function in the select list becomes one in FROM. */
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
		WindowFunction fn = window_function(((FuncExpr *) node)->funcid);

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

/* The window function that a range table entry is; NULL if it is none. */
static FuncExpr *
call_in_from(RangeTblEntry *rte)
{
	FuncExpr   *call;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 || rte->funcordinality)
		return NULL;
	call = (FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	if (!IsA(call, FuncExpr) || window_function(call->funcid) == NO_WINDOW_FUNCTION)
		return NULL;
	return call;
}

/*
 * May a join put NULLs in the place of an entry's columns?  LEFT JOIN ... ON
 * true does not, if the entry has a row for each row of the left (always).
 */
static bool
is_nullable(Node *node, Index rti, bool always, bool nullable)
{
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rti && nullable;
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		on_true = join->quals == NULL ||
			(IsA(join->quals, Const) && DatumGetBool(((Const *) join->quals)->constvalue));

		return is_nullable(join->larg, rti, always, nullable ||
						   join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL) ||
			is_nullable(join->rarg, rti, always, nullable ||
						(join->jointype == JOIN_LEFT && !(on_true && always)) ||
						join->jointype == JOIN_FULL);
	}
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			if (is_nullable(lfirst(lc), rti, always, nullable))
				return true;
	}
	return false;
}

static bool
uses(Index rti, Node *node)
{
	return bms_is_member(rti, pull_varnos(NULL, node));
}

bool
weir_window_used(const QueryWindow *window, Node *expr)
{
	return window != NULL && uses(window->rti, expr);
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

/* Conditions on the window alone, taken out of WHERE; false when one has other columns as well. */
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

/* A session is none of a row: but for the one that the query groups by, calls mean nothing. */
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
	if (IsA(node, FuncExpr) && window_function(((FuncExpr *) node)->funcid) == FUNCTION_SESSION)
	{
		*call = (FuncExpr *) node;
		return true;
	}
	return expression_tree_walker(node, find_session_walker, call);
}

/*
 * Is each group of a single window?  The start of one that hops tells it, of a session too, and the
 * end; of those that cumulate several begin at once.
 */
static bool
groups_by_window(Query *query, QueryWindow *window)
{
	bool		starts_once = window_function(window->call->funcid) != FUNCTION_CUMULATE;
	ListCell   *lc;

	/* Where it matters values.c refuses sets without a window. */
	if (query->groupingSets)
		return true;
	foreach(lc, query->groupClause)
	{
		Var		   *var = (Var *) get_sortgroupclause_expr(lfirst(lc), query->targetList);

		if (IsA(var, Var) && var->varno == window->rti && var->varlevelsup == 0 &&
			(starts_once || var->varattno != 1))
			return true;
	}
	return false;
}

QueryWindow *
weir_window_take(ParseState *pstate, Query *query)
{
	QueryWindow *window = NULL;
	Index		rti = 0;
	ListCell   *lc;
	NullTest   *test;
	bool		session;
	GridUnit	unit;
	int64		length;

	foreach(lc, query->rtable)
	{
		FuncExpr   *call = call_in_from(lfirst_node(RangeTblEntry, lc));

		if (call == NULL || window_function(call->funcid) < FUNCTION_HOP)
			continue;
		if (window != NULL)
			weir_query_refuse(pstate, call->location, "two hopping, cumulating or session windows in one query",
							  "Create a view for each of them.");
		window = palloc0(sizeof(QueryWindow));
		window->call = check_call(pstate, call);
		window->rti = rti = foreach_current_index(lc) + 1;
	}
	refuse_other_sessions(pstate, query, rti);
	if (window == NULL)
		return NULL;
	session = window_function(window->call->funcid) == FUNCTION_SESSION;
	if ((!query->groupClause && !query->hasAggs && (!query->distinctClause || query->hasDistinctOn)) ||
		is_nullable((Node *) query->jointree, rti, false, false) ||
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

	/* A time that is NULL is in no window. */
	if (session)
	{
		window->gap = interval_argument(window->call, 1);
		window->pane = session_pane(window->call);
	}
	else
	{
		length = pane_length(window->call, &unit);
		window->pane = bucket_of(window->call, weir_grid_interval(unit, length));
	}
	test = makeNode(NullTest);
	test->arg = copyObject(linitial(window->call->args));
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	query->jointree->quals = make_and_qual(query->jointree->quals, (Node *) test);

	drop_function(rt_fetch(rti, query->rtable));
	drop_alias_vars(query, rti);
	return window;
}

/* Cells as wide as the gap: see session.c. */
static Expr *
session_pane(FuncExpr *call)
{
	Node	   *time = linitial(call->args);
	Interval   *none = palloc0(sizeof(Interval));
	List	   *args = list_make3(copyObject(argument(call, 1)), copyObject(time),
								  makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
											IntervalPGetDatum(none), false, false));

	if (exprType(time) == TIMESTAMPTZOID)
		args = lappend(args, makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
	return call_function("time_bucket", exprType(time), args);
}

/*
 * Windows end where a window does that ends first: at the boundaries of a grid
 * of slides (or steps), moved by the size.
 */
Expr *
weir_window_first_end(const QueryWindow *window)
{
	FuncExpr   *call = window->call;
	List	   *args;
	Interval   *offset = palloc0(sizeof(Interval));

	/*
	 * A session is as long as on-time rows may extend it.  When a row is late as
	 * soon as its time is before the watermark, none can reach a session that is closed.
	 */
	if (window->gap)
	{
		offset->time = 1;
		return (Expr *) weir_make_op("+", copyObject(linitial(call->args)), (Node *) weir_make_interval(offset));
	}
	args = grid_arguments(call, 3);
	*offset = *interval_argument(call, 3);
	if (window_function(call->funcid) == FUNCTION_HOP)
		offset = DatumGetIntervalP(DirectFunctionCall2(interval_pl, IntervalPGetDatum(offset),
													   IntervalPGetDatum(interval_argument(call, 2))));
	linitial(args) = makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
							   IntervalPGetDatum(offset), false, false);
	return call_function("bucket_end", exprType(linitial(call->args)),
						 lcons(copyObject(linitial(call->args)), lcons(copyObject(argument(call, 1)), args)));
}

Interval *
weir_window_length(const QueryWindow *window)
{
	if (window->gap)
		return window->gap;
	return interval_argument(window->call, 2);
}

bool
weir_window_of_bucket(FuncExpr *call, Node **time, Expr **end, Interval *length)
{
	List	   *args;
	ListCell   *lc;

	if (window_function(call->funcid) != FUNCTION_TIME_BUCKET)
		return false;
	args = complete_arguments(call);
	foreach(lc, args)
	{
		if (foreach_current_index(lc) == 1)
			continue;
		lfirst(lc) = eval_const_expressions(NULL, lfirst(lc));
		if (!IsA(lfirst(lc), Const) || (foreach_current_index(lc) < 3 && ((Const *) lfirst(lc))->constisnull))
			return false;
	}
	*length = *DatumGetIntervalP(linitial_node(Const, args)->constvalue);
	*time = lsecond(args);

	/* Days and months in any reader's zone are nothing to go by. */
	if (list_length(args) > 3 && lfourth_node(Const, args)->constisnull &&
		(length->day != 0 || length->month != 0))
		return false;
	*end = call_function("bucket_end", exprType(*time),
						 lcons(copyObject(call), lcons(linitial(args), list_copy_tail(args, 2))));
	return true;
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

/* Of the grid on which all windows of a call begin and end. */
static int64
pane_length(FuncExpr *call, GridUnit *unit)
{
	const Interval *step = interval_argument(call, 1);
	const Interval *size = interval_argument(call, 2);

	if (window_function(call->funcid) == FUNCTION_CUMULATE)
		return weir_cumulate_panes(step, size, unit, NULL);
	return weir_hop_panes(step, size, unit, NULL);
}
