/*
 * window_call.c
 *	  Calls of window functions: tumble, hop, cumulate, session, time_bucket.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/weir.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/window_call.h"

static const char *const function_names[] = {
	NULL, "tumble", "bucket_end", "time_bucket", "hop", "cumulate", "session"
};

static void check_lengths(ParseState *pstate, FuncExpr *call, WindowFunction fn);
static List *complete_arguments(FuncExpr *call);
static Const *argument(FuncExpr *call, int n);
static List *grid_arguments(FuncExpr *call, int first);

WindowFunction
weir_window_function(Oid fn)
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

FuncExpr *
weir_window_in_from(RangeTblEntry *rte)
{
	FuncExpr   *call;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 || rte->funcordinality)
		return NULL;
	call = (FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	if (!IsA(call, FuncExpr) || weir_window_function(call->funcid) == NO_WINDOW_FUNCTION)
		return NULL;
	return call;
}

FuncExpr *
weir_window_check_call(ParseState *pstate, FuncExpr *call)
{
	FuncExpr   *result = copyObject(call);
	WindowFunction fn = weir_window_function(call->funcid);
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

Interval *
weir_window_interval(FuncExpr *call, int n)
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
		(void) weir_grid_length(weir_window_interval(call, 1), &unit, "gap");
		if (unit != GRID_USECS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("gap of a session is not of fixed length"),
					 errhint("Use '24 hours' instead of '1 day'.")));
	}
	else if (fn == FUNCTION_TUMBLE)
	{
		int64		size = weir_grid_length(weir_window_interval(call, 1), &unit, "size");

		weir_grid_init(&grid, unit, size, weir_window_interval(call, 2), NULL);
	}
	else
	{
		int64		pane = weir_window_pane_length(call, &unit);

		weir_grid_init(&grid, unit, pane, weir_window_interval(call, 3), NULL);
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

/* time_bucket(size, time, offset [, zone]) */
Expr *
weir_window_bucket_of(FuncExpr *call, Interval *size)
{
	Node	   *time = linitial(call->args);
	Const	   *width = size == NULL ? copyObject(argument(call, 1)) : weir_make_interval(size);
	int			offset = size == NULL ? 2 : 3;

	return weir_make_call("time_bucket", exprType(time),
						  lcons(width, lcons(copyObject(time), grid_arguments(call, offset))));
}

/* bucket_end(time_bucket(...), size, offset [, zone]) for a call of tumble. */
Expr *
weir_window_end_of(FuncExpr *call)
{
	return weir_make_call("bucket_end", exprType(linitial(call->args)),
						  lcons(weir_window_bucket_of(call, NULL), grid_arguments(call, 1)));
}

static List *
grid_arguments(FuncExpr *call, int first)
{
	return copyObject(list_copy_tail(call->args, first));
}

Expr *
weir_window_bucket(Expr *expr)
{
	FuncExpr   *call = (FuncExpr *) expr;
	WindowFunction fn;

	if (!IsA(expr, FuncExpr))
		return expr;
	fn = weir_window_function(call->funcid);
	return fn == FUNCTION_TUMBLE || fn == FUNCTION_BUCKET_END ? linitial(call->args) : expr;
}

bool
weir_window_of_bucket(FuncExpr *call, Node **time, Expr **end, Interval *length)
{
	List	   *args;
	ListCell   *lc;

	if (weir_window_function(call->funcid) != FUNCTION_TIME_BUCKET)
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
	*end = weir_make_call("bucket_end", exprType(*time),
						  lcons(copyObject(call), lcons(linitial(args), list_copy_tail(args, 2))));
	return true;
}

int64
weir_window_pane_length(FuncExpr *call, GridUnit *unit)
{
	const Interval *step = weir_window_interval(call, 1);
	const Interval *size = weir_window_interval(call, 2);

	if (weir_window_function(call->funcid) == FUNCTION_CUMULATE)
		return weir_cumulate_panes(step, size, unit, NULL);
	return weir_hop_panes(step, size, unit, NULL);
}
