/*
 * kind_hop.c
 *	  Hopping and cumulating windows: panes that the view query joins with
 *	  windows.
 *
 * A row is in several windows; to keep each of them would cost size / slide
 * times as much.  Here a row is counted in its pane, once: the cell of the
 * grid on which all windows begin and end.  The view query joins each pane
 * with the window function of its start, which gives exactly the windows of
 * its rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "query/expr.h"
#include "query/kind_hop.h"
#include "query/view_expr.h"
#include "query/window_call.h"
#include "time/window_functions.h"

static Expr *pane(const QueryWindow *window);
static Expr *hop_first_end(const QueryWindow *window);
static Expr *cumulate_first_end(const QueryWindow *window);
static Expr *first_end(const QueryWindow *window, const Interval *offset);
static Interval *length(const QueryWindow *window);
static void join(ViewQuery *vq);
static Node *column(ViewQuery *vq, Var *var);
static Node *end(ViewQuery *vq);
static Node *expiry(ViewQuery *vq);

const WindowKind weir_hop_kind = {
	.cells = true,
	.start_tells = true,
	.pane = pane,
	.first_end = hop_first_end,
	.length = length,
	.cell = weir_pane_cell,
	.cell_name = weir_pane_cell_name,
	.has_cell = weir_pane_has_cell,
	.join = join,
	.column = column,
	.end = end,
	.expiry = expiry,
};

/* Several of its windows begin at once. */
const WindowKind weir_cumulate_kind = {
	.cells = true,
	.pane = pane,
	.first_end = cumulate_first_end,
	.length = length,
	.cell = weir_pane_cell,
	.cell_name = weir_pane_cell_name,
	.has_cell = weir_pane_has_cell,
	.join = join,
	.column = column,
	.end = end,
	.expiry = expiry,
};

Expr *
weir_pane_cell(const ContQuery *cq)
{
	return cq->panes->pane;
}

const char *
weir_pane_cell_name(const ContQuery *cq, Query *def)
{
	return "pane";
}

/* A time that is NULL is in no window. */
Node *
weir_pane_has_cell(const ContQuery *cq)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = copyObject(linitial(cq->panes->call->args));
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

static Expr *
pane(const QueryWindow *window)
{
	GridUnit	unit;
	int64		usecs = weir_window_pane_length(window->call, &unit);

	return weir_window_bucket_of(window->call, weir_grid_interval(unit, usecs));
}

/*
 * Windows end at the boundaries of the grid of their slides, moved by the
 * size.
 */
static Expr *
hop_first_end(const QueryWindow *window)
{
	Interval   *offset = weir_window_interval(window->call, 3);
	Interval   *size = weir_window_interval(window->call, 2);

	return first_end(window, DatumGetIntervalP(DirectFunctionCall2(interval_pl, IntervalPGetDatum(offset),
																   IntervalPGetDatum(size))));
}

/* At the boundaries of the grid of their steps. */
static Expr *
cumulate_first_end(const QueryWindow *window)
{
	return first_end(window, weir_window_interval(window->call, 3));
}

/* bucket_end(time, step, offset [, zone]) */
static Expr *
first_end(const QueryWindow *window, const Interval *offset)
{
	List	   *args = copyObject(window->call->args);

	args = list_delete_nth_cell(args, 2);
	lthird(args) = weir_make_interval(offset);
	return weir_make_call("bucket_end", exprType(linitial(args)), args);
}

static Interval *
length(const QueryWindow *window)
{
	return weir_window_interval(window->call, 2);
}

/*
 * The function of the pane's start: all the windows that the pane is part of.
 */
static void
join(ViewQuery *vq)
{
	QueryWindow *window = vq->cq->panes;
	RangeTblEntry *entry = copyObject(rt_fetch(window->rti, vq->def->rtable));
	RangeTblRef *ref = makeNode(RangeTblRef);
	FuncExpr   *call = copyObject(window->call);

	linitial(call->args) = weir_view_column(vq->cq, vq->cq->cell_key);
	linitial_node(RangeTblFunction, entry->functions)->funcexpr = (Node *) call;
	entry->lateral = true;
	vq->query->rtable = lappend(vq->query->rtable, entry);
	ref->rtindex = WEIR_WINDOW_RTI;
	vq->query->jointree->fromlist = lappend(vq->query->jointree->fromlist, ref);
}

static Node *
column(ViewQuery *vq, Var *var)
{
	var = copyObject(var);
	var->varno = WEIR_WINDOW_RTI;
	var->varnosyn = 0;			/* the place in the query as written would be
								 * deparsed */
	return (Node *) var;
}

static Node *
end(ViewQuery *vq)
{
	return (Node *) makeVar(WEIR_WINDOW_RTI, 2, vq->cq->keys[vq->cq->cell_key].type, -1, InvalidOid, 0);
}

/*
 * A window whose first pane may be gone would show what is left of it: its
 * start.
 */
static Node *
expiry(ViewQuery *vq)
{
	return (Node *) makeVar(WEIR_WINDOW_RTI, 1, vq->cq->keys[vq->cq->cell_key].type, -1, InvalidOid, 0);
}
