/*
 * kind_session.c
 *	  Session windows: panes that the view query puts into sessions.
 *
 * Rows of one cell of a grid as wide as the gap are less than the gap apart,
 * so they are in one session whatever comes between.  So a cell is a pane of a
 * session: the continuous query groups by it and keeps, beside the states, the
 * earliest and the latest time in it.  Which panes make a session is found
 * when the view is read (session.c).  The start of a session is a column of
 * what is read in the matrel's place; the end is an aggregate of its panes,
 * or, where the view groups by expressions of the window, a column as well.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "query/def.h"
#include "query/expr.h"
#include "query/kind_hop.h"
#include "query/kind_session.h"
#include "query/session.h"
#include "query/state_expr.h"
#include "query/view_expr.h"

#define GROUP_HINT "Group by window_start and window_end, and use an ordinary view over this one for the rest."

static Expr *pane(const QueryWindow *window);
static Expr *first_end(const QueryWindow *window);
static Interval *length(const QueryWindow *window);
static void check(ParseState *pstate, ContQuery *cq, Query *def);
static List *add_states(ContQuery *cq, List *aggrefs);
static int	add_state(Oid fn, Node *time, List **aggrefs);
static Query *source(ViewQuery *vq);
static Node *column(ViewQuery *vq, Var *var);
static List *group(ViewQuery *vq, List *clauses);
static Node *start(ViewQuery *vq);
static Node *end(ViewQuery *vq);
static bool end_is_aggregate(ViewQuery *vq);

const WindowKind weir_session_kind = {
	.cells = true,
	.expires_whole = true,
	.start_tells = true,
	.pane = pane,
	.first_end = first_end,
	.length = length,
	.check = check,
	.cell = weir_pane_cell,
	.cell_name = weir_pane_cell_name,
	.add_states = add_states,
	.has_cell = weir_pane_has_cell,
	.source = source,
	.column = column,
	.group = group,
	.end = end,
	.end_is_aggregate = end_is_aggregate,
	.expiry = end,
};

/* time_bucket(gap, time, no offset [, no zone]) */
static Expr *
pane(const QueryWindow *window)
{
	Node	   *time = linitial(window->call->args);
	Interval	none = {0};
	List	   *args = list_make3(weir_make_interval(window->gap), copyObject(time), weir_make_interval(&none));

	if (exprType(time) == TIMESTAMPTZOID)
		args = lappend(args, makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
	return weir_make_call("time_bucket", exprType(time), args);
}

/*
 * A session is as long as on-time rows may extend it.  When a row is late as
 * soon as its time is before the watermark, none can reach a session that is
 * closed.
 */
static Expr *
first_end(const QueryWindow *window)
{
	Interval	least = {1, 0, 0};

	return (Expr *) weir_make_op("+", copyObject(linitial(window->call->args)), (Node *) weir_make_interval(&least));
}

static Interval *
length(const QueryWindow *window)
{
	return window->gap;
}

/*
 * Notes (by_expression) whether the query groups by expressions of the window.
 */
static void
check(ParseState *pstate, ContQuery *cq, Query *def)
{
	ListCell   *lc;

	if (def->groupingSets)
		weir_query_refuse(pstate, exprLocation(linitial(def->groupingSets)), "GROUPING SETS, ROLLUP or CUBE over session windows",
						  "Which rows make a session depends on the columns grouped by: create a continuous view for each grouping.");
	if (!def->groupClause && def->distinctClause)
		weir_query_refuse(pstate, cq->panes->call->location, "SELECT DISTINCT over session windows", GROUP_HINT);
	foreach(lc, def->groupClause)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), def->targetList);
		int			location = exprLocation(expr);

		if (!weir_cont_query_uses_window(cq, expr) || IsA(expr, Var))
			continue;
		cq->panes->by_expression = true;
		if (bms_membership(pull_varnos(NULL, expr)) != BMS_SINGLETON)
			weir_query_refuse(pstate, location, "GROUP BY an expression of a session's window and other columns", GROUP_HINT);
		if (contain_volatile_functions(expr))
			weir_query_refuse(pstate, location, "a volatile function of a session's window in GROUP BY", GROUP_HINT);
		if (contain_subplans(expr))
			weir_query_refuse(pstate, location, "GROUP BY a subquery with a session's window", GROUP_HINT);
	}
}

/* Earliest and latest time. */
static List *
add_states(ContQuery *cq, List *aggrefs)
{
	Node	   *time = linitial(cq->panes->call->args);
	bool		zoned = exprType(time) == TIMESTAMPTZOID;

	cq->panes->first_state = add_state(zoned ? F_MIN_TIMESTAMPTZ : F_MIN_TIMESTAMP, time, &aggrefs);
	cq->panes->last_state = add_state(zoned ? F_MAX_TIMESTAMPTZ : F_MAX_TIMESTAMP, time, &aggrefs);
	return aggrefs;
}

/* The index of a state that may be the user's. */
static int
add_state(Oid fn, Node *time, List **aggrefs)
{
	Oid			type = exprType(time);
	Aggref	   *aggref = weir_make_aggregate(fn, type, InvalidOid, list_make1(copyObject(time)), &type);
	int			n = 0;

	while (n < list_length(*aggrefs) && !equal(list_nth(*aggrefs, n), aggref))
		n++;
	if (n == list_length(*aggrefs))
		*aggrefs = lappend(*aggrefs, aggref);
	return n;
}

/*
 * The matrel with the start of the session as a further column, and the end if
 * it is needed.
 */
static Query *
source(ViewQuery *vq)
{
	bool		ends = vq->cq->panes->by_expression;
	Query	   *query = weir_analyze_sql(ends ? weir_session_bounds(vq->cq, vq->view->matrelid) :
										 weir_session_panes(vq->cq, vq->view->matrelid, "*", ""));

	vq->session_column = list_length(query->targetList) - (ends ? 1 : 0);
	vq->end_column = ends ? vq->session_column + 1 : InvalidAttrNumber;
	return query;
}

static Node *
column(ViewQuery *vq, Var *var)
{
	RowExpr    *row;

	if (var->varlevelsup > 0)
		weir_query_refuse(NULL, -1, "a session's window inside a subquery",
						  "Use the subquery in an ordinary view over this one.");
	if (var->varattno == 1)
		return start(vq);
	if (var->varattno == 2)
		return end(vq);
	row = makeNode(RowExpr);
	row->args = list_make2(start(vq), end(vq));
	row->row_typeid = var->vartype;
	row->row_format = COERCE_EXPLICIT_CAST;
	row->location = -1;
	return (Node *) row;
}

/*
 * The start alone tells the sessions of a group apart, and the end is an
 * aggregate: where the query groups by any part of the window, group by the
 * start.
 */
static List *
group(ViewQuery *vq, List *clauses)
{
	if (vq->end_column)
		return clauses;
	if (clauses == NIL && vq->cq->panes->quals)
		weir_query_refuse(NULL, -1, "a condition on sessions that are not grouped by",
						  "Group by window_start too, and take the groups together in an ordinary view.");
	if (clauses == NIL)
		return NIL;
	return list_make1(weir_view_group_by(vq->query, (Expr *) start(vq), NULL));
}

static Node *
start(ViewQuery *vq)
{
	return (Node *) makeVar(WEIR_MATREL_RTI, vq->session_column, vq->cq->keys[vq->cq->cell_key].type, -1,
							InvalidOid, 0);
}

/* max(latest time of the panes) + gap, or the column that has it. */
static Node *
end(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	Var		   *latest = weir_view_column(cq, cq->nkeys + cq->panes->last_state);

	if (vq->end_column)
		return (Node *) makeVar(WEIR_MATREL_RTI, vq->end_column, latest->vartype, -1, InvalidOid, 0);
	return weir_make_op("+", weir_view_latest((Node *) latest), (Node *) weir_make_interval(cq->panes->gap));
}

static bool
end_is_aggregate(ViewQuery *vq)
{
	return vq->end_column == InvalidAttrNumber;
}
