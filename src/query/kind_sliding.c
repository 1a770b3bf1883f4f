/*
 * kind_sliding.c
 *	  Sliding windows: steps of time that the view query combines.
 *
 * The window is a condition in WHERE (sliding.c).  The continuous query is
 * without it and has the step, date_bin of the time, as a further key; of rows
 * kept singly, their time.  The view query combines the steps that reach into
 * the window at the moment of reading.  Of many steps, whole blocks are read
 * in their place (blocks.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "query/blocks.h"
#include "query/expr.h"
#include "query/kind_sliding.h"
#include "query/sliding.h"
#include "query/view_expr.h"

static Expr *cell(const ContQuery *cq);
static const char *cell_name(const ContQuery *cq, Query *def);
static Node *has_cell(const ContQuery *cq);
static Query *source(ViewQuery *vq);
static Node *in_window(ViewQuery *vq);
static Node *before(Node *bound, int64 usecs);

const WindowKind weir_sliding_kind = {
	.cells = true,
	.cell = cell,
	.cell_name = cell_name,
	.has_cell = has_cell,
	.source = source,
	.in_window = in_window,
};

/* date_bin(step, time, epoch), or the time */
static Expr *
cell(const ContQuery *cq)
{
	Node	   *time = copyObject(cq->window->time);
	Oid			type = exprType(time);
	Interval	step = {cq->step_usecs, 0, 0};
	Const	   *origin;

	if (cq->append)
		return (Expr *) time;
	origin = makeConst(type, -1, InvalidOid, sizeof(Timestamp),
					   TimestampGetDatum(WEIR_STEP_ORIGIN), false, FLOAT8PASSBYVAL);
	return (Expr *) makeFuncExpr(type == TIMESTAMPOID ?
								 F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP :
								 F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ,
								 type, list_make3(weir_make_interval(&step), time, origin),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* That of the column that the window slides over, if it is one. */
static const char *
cell_name(const ContQuery *cq, Query *def)
{
	Var		   *var = (Var *) cq->window->time;

	return IsA(var, Var) ? get_rte_attribute_name(rt_fetch(var->varno, def->rtable), var->varattno) : NULL;
}

/*
 * A row without time is never inside the window, nor ever expires.  One at the
 * beginning of time (4714 BC), or before, is not inside it either: the window
 * is known to begin more than its length later, and such a time has no step or
 * block.
 */
static Node *
has_cell(const ContQuery *cq)
{
	Node	   *time = cq->window->time;
	Timestamp	first = MIN_TIMESTAMP + Max(cq->step_usecs, cq->block_usecs);

	return weir_make_op(">=", copyObject(time),
						(Node *) makeConst(exprType(time), -1, InvalidOid, sizeof(Timestamp),
										   TimestampGetDatum(first), false, FLOAT8PASSBYVAL));
}

static Query *
source(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	SlidingWindow *window = cq->window;
	Oid			type = cq->keys[cq->cell_key].type;

	if (cq->block_usecs == 0)
		return NULL;
	return weir_blocks_rows(cq, vq->view->matrelid,
							weir_view_as_type(before(copyObject(window->lower), cq->step_usecs), type),
							window->upper ? weir_view_as_type(copyObject(window->upper), type) : NULL,
							&vq->bounds);
}

/*
 * step > (SELECT lower - step length), and if the window ends before the last
 * row, step <= (SELECT upper): steps that may have rows inside the window.  Of
 * rows kept singly the time itself is compared.
 */
static Node *
in_window(ViewQuery *vq)
{
	ContQuery  *cq = vq->cq;
	SlidingWindow *window = cq->window;
	Var		   *step = weir_view_column(cq, cq->cell_key);
	Node	   *lower = copyObject(window->lower);
	const char *op = cq->append && window->lower_inclusive ? ">=" : ">";
	Node	   *result;

	if (cq->block_usecs)
		return NULL;
	if (!cq->append)
		lower = before(lower, cq->step_usecs);
	result = weir_make_op(op, (Node *) step, weir_view_run_once(lower, step->vartype));
	if (window->upper == NULL)
		return result;
	op = window->upper_inclusive ? "<=" : "<";
	return make_and_qual(result, weir_make_op(op, (Node *) copyObject(step),
											  weir_view_run_once(copyObject(window->upper), step->vartype)));
}

/* bound - usecs; one interval when it has one already. */
static Node *
before(Node *bound, int64 usecs)
{
	Interval	interval = {usecs, 0, 0};

	if (IsA(bound, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) bound;
		Const	   *length = (Const *) eval_const_expressions(NULL, lsecond(op->args));

		set_opfuncid(op);
		if ((op->opfuncid == F_TIMESTAMPTZ_MI_INTERVAL || op->opfuncid == F_TIMESTAMP_MI_INTERVAL) &&
			IsA(length, Const))
		{
			Interval   *old = DatumGetIntervalP(length->constvalue);

			interval.time += old->time;
			interval.day = old->day;
			interval.month = old->month;
			bound = linitial(op->args);
		}
	}
	return weir_make_op("-", bound, (Node *) weir_make_interval(&interval));
}
