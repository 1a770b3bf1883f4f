/*
 * late.c
 *	  The window by which rows are late, and groups final.
 *
 * A view with late = drop or divert, or emit = final, takes no row into a
 * window that the watermark has closed.  Its continuous query has the
 * condition weir.on_time(end of the window), which the planner puts behind the
 * view's own WHERE: its cost is said to be high.  A row of several windows is
 * late when the first of them to end is closed: it is counted in all of its
 * windows or in none.
 *
 * weir.on_time itself is in runtime/on_time.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/event_options.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/late.h"
#include "query/union.h"
#include "query/window_call.h"
#include "time/window_functions.h"

static void check_event_time(Oid streamid);
static bool find_key(ContQuery *cq, Query *def, Index stream, ClosingWindow *closing);
static void no_window(ContQuery *cq, Query *def, Index stream);
static bool window_of(Node *expr, Node **time, Expr **end, Interval *length);
static Const *constant(Node *node, Oid type);
static Expr *plus(Node *time, Const *length);
static bool bin_window(FuncExpr *call, Node **time, Expr **end, Interval *length);
static bool trunc_window(FuncExpr *call, Node **time, Expr **end, Interval *length);
static bool is_event_time(Node *time, Query *def, Index stream);
static Expr *cell_end(ContQuery *cq, Node *expr);
static void check_groups(ParseState *pstate, ContQuery *cq, Query *def, bool retained);

void
weir_late_find_window(ParseState *pstate, ContQuery *cq, Query *def, Index stream, const ContViewOptions *view)
{
	ClosingWindow *closing = palloc0(sizeof(ClosingWindow));
	bool		found;
	ListCell   *lc;

	foreach(lc, cq->streams)
		check_event_time(lfirst_oid(lc));
	if (cq->panes)
	{
		closing->key = cq->cell_key;
		closing->row_end = cq->kind->first_end(cq->panes);
		closing->length = *cq->kind->length(cq->panes);
		found = is_event_time(linitial(cq->panes->call->args), def, stream);
	}
	else
		found = find_key(cq, def, stream, closing);
	if (!found)
		no_window(cq, def, stream);
	cq->closing = closing;
	if (cq->panes && !cq->panes->one_each && (view->final || view->retained))
		check_groups(pstate, cq, def, view->retained);
}

Interval
weir_late_longest(const ContQuery *cq)
{
	Interval	length = cq->closing->length;

	/* A day of the calendar may be longer. */
	if (length.day != 0 || length.month != 0)
		length.day++;
	if (cq->kind->expires_whole)
		length.time = 0;
	return length;
}

int64
weir_late_zone_margin(const Interval *interval)
{
	return interval->month != 0 ? 2 * USECS_PER_DAY : interval->day != 0 ? 2 * USECS_PER_HOUR : 0;
}

Node *
weir_late_condition(const ClosingWindow *closing)
{
	return (Node *) weir_make_call("on_time", BOOLOID, list_make1(copyObject(closing->row_end)));
}

static void
check_event_time(Oid streamid)
{
	const char *name = get_rel_name(streamid);

	if (weir_event_options(streamid)->column == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream \"%s\" has no event time", name),
				 errhint("ALTER FOREIGN TABLE %s OPTIONS (ADD event_time 'column', ADD watermark '5 seconds').",
						 quote_identifier(name))));
}

/* The group key that is a window of the event time. */
static bool
find_key(ContQuery *cq, Query *def, Index stream, ClosingWindow *closing)
{
	for (int i = 0; !cq->append && i < cq->nkeys; i++)
	{
		Node	   *key = (Node *) list_nth_node(TargetEntry, cq->query->targetList, i)->expr;
		Node	   *time;
		Expr	   *end;

		if (!window_of(key, &time, &end, &closing->length) || !is_event_time(time, def, stream))
			continue;
		closing->key = i;
		closing->row_end = closing->key_end = end;
		return true;
	}
	return false;
}

static void
no_window(ContQuery *cq, Query *def, Index stream)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options \"emit\", \"late\", \"allowed_lateness\" and \"retention\" need a window over the stream's event time"),
			 rt_fetch(stream, def->rtable)->rtekind == RTE_RELATION ?
			 errdetail("Column \"%s\" is the event time of stream \"%s\".",
					   get_attname(cq->streamid, weir_event_options(cq->streamid)->column, false),
					   get_rel_name(cq->streamid)) :
			 errdetail("A column of UNION ALL is its event time if it is that of each branch's stream, as it is."),
			 errhint("Group by the columns of weir.tumble, weir.hop or weir.cumulate, by date_bin, or by date_trunc with a time zone, of that column.")));
}

/*
 * Is this a function of a time that gives the window that the time is in?  Its
 * end, and how long after its start that is at most.
 */
static bool
window_of(Node *expr, Node **time, Expr **end, Interval *length)
{
	FuncExpr   *call = (FuncExpr *) expr;

	return IsA(expr, FuncExpr) &&
		(bin_window(call, time, end, length) || trunc_window(call, time, end, length) ||
		 weir_window_of_bucket(call, time, end, length));
}

static Const *
constant(Node *node, Oid type)
{
	node = eval_const_expressions(NULL, node);
	if (!IsA(node, Const) || ((Const *) node)->consttype != type || ((Const *) node)->constisnull)
		return NULL;
	return (Const *) node;
}

static Expr *
plus(Node *time, Const *length)
{
	return (Expr *) weir_make_op("+", copyObject(time), (Node *) copyObject(length));
}

/* date_bin(stride, time, origin) */
static bool
bin_window(FuncExpr *call, Node **time, Expr **end, Interval *length)
{
	Const	   *stride;

	if (call->funcid != F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP &&
		call->funcid != F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ)
		return false;
	stride = constant(linitial(call->args), INTERVALOID);
	if (stride == NULL)
		return false;

	/* A day is 24 hours to date_bin. */
	memset(length, 0, sizeof(Interval));
	length->time = weir_interval_usecs(DatumGetIntervalP(stride->constvalue));
	*time = lsecond(call->args);
	*end = plus((Node *) call, weir_make_interval(length));
	return true;
}

/*
 * date_trunc(unit, time [, zone]); of a timestamptz only with the zone, which
 * else is any reader's.
 */
static bool
trunc_window(FuncExpr *call, Node **time, Expr **end, Interval *length)
{
	static const char *const units[][2] = {
		{"microseconds", "1 microsecond"}, {"milliseconds", "1 millisecond"}, {"second", "1 second"},
		{"minute", "1 minute"}, {"hour", "1 hour"}, {"day", "1 day"}, {"week", "7 days"},
		{"month", "1 month"}, {"quarter", "3 months"}, {"year", "1 year"}, {"decade", "10 years"},
		{"century", "100 years"}, {"millennium", "1000 years"}
	};
	bool		zoned = call->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT;
	Const	   *unit;
	Const	   *step = NULL;
	char	   *name;
	Node	   *local = (Node *) call;
	Node	   *zone = NULL;

	if (call->funcid != F_DATE_TRUNC_TEXT_TIMESTAMP && !zoned)
		return false;
	unit = constant(linitial(call->args), TEXTOID);
	if (unit == NULL)
		return false;
	name = TextDatumGetCString(unit->constvalue);
	for (int i = 0; i < lengthof(units) && step == NULL; i++)
		if (pg_strcasecmp(name, units[i][0]) == 0 ||
			(strlen(name) + 1 == strlen(units[i][0]) && pg_strncasecmp(name, units[i][0], strlen(name)) == 0))
			step = weir_make_interval(DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(units[i][1]),
																			ObjectIdGetDatum(InvalidOid),
																			Int32GetDatum(-1))));
	if (step == NULL)
		return false;
	*length = *DatumGetIntervalP(step->constvalue);
	*time = lsecond(call->args);
	if (zoned)
	{
		zone = (Node *) constant(lthird(call->args), TEXTOID);
		if (zone == NULL)
			return false;
		local = (Node *) makeFuncExpr(F_TIMEZONE_TEXT_TIMESTAMPTZ, TIMESTAMPOID,
									  list_make2(copyObject(zone), call), InvalidOid, InvalidOid,
									  COERCE_EXPLICIT_CALL);
	}
	*end = plus(local, step);
	if (zoned)
		*end = (Expr *) makeFuncExpr(F_TIMEZONE_TEXT_TIMESTAMP, TIMESTAMPTZOID,
									 list_make2(copyObject(zone), *end), InvalidOid, InvalidOid,
									 COERCE_EXPLICIT_CALL);
	return true;
}

/* Of a UNION ALL, each branch's column is the event time of its stream. */
static bool
is_event_time(Node *time, Query *def, Index stream)
{
	Var		   *var = (Var *) time;
	RangeTblEntry *rte = rt_fetch(stream, def->rtable);

	if (!IsA(time, Var) || var->varno != stream || var->varlevelsup != 0)
		return false;
	if (rte->rtekind == RTE_RELATION)
		return var->varattno == weir_event_options(rte->relid)->column;
	return weir_union_is_event_time(rte->subquery, var->varattno);
}

/*
 * The cell of a grid in which a session begins or ends: its end.  NULL if the
 * expression is none.
 */
static Expr *
cell_end(ContQuery *cq, Node *expr)
{
	Node	   *time;
	Expr	   *end;
	Interval	length;

	if (!window_of(expr, &time, &end, &length) || !IsA(time, Var) || ((Var *) time)->varno != cq->panes->rti)
		return NULL;
	return end;
}

/*
 * What is final, or goes when it is old, is a window.  A group of several
 * would grow from window to window.  But sessions that begin, or end, in one
 * cell of a fixed grid are all there when the watermark has passed the cell
 * and each of them is closed.  By any other expression, or a condition in
 * WHERE, one that is still open may come to the group later.
 */
static void
check_groups(ParseState *pstate, ContQuery *cq, Query *def, bool retained)
{
	bool		fixed = cq->kind->expires_whole && cq->panes->quals == NIL && !retained;
	ListCell   *lc;

	foreach(lc, def->groupClause)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), def->targetList);
		Expr	   *end;

		if (!weir_cont_query_uses_window(cq, expr))
			continue;
		end = cell_end(cq, expr);
		fixed = fixed && end;
		cq->closing->group_ends = lappend(cq->closing->group_ends, end);
	}
	if (!fixed || cq->closing->group_ends == NIL)
		weir_query_refuse(pstate, cq->panes->call->location,
						  retained ? "option \"retention\" with groups of several windows" :
						  "emit = final with groups of several windows",
						  "Group by window_start and window_end too; an ordinary view over this one can put windows together.");
}
