/*
 * values_kept.c
 *	  Aggregates with DISTINCT whose result is kept with their group.
 *
 * count(DISTINCT x) of a group changes when a value comes that the group did
 * not have.  It is the flush that finds out, when it inserts the value into
 * the values relation; so it can count it then, in a state in the group's row
 * (matrel/distinct_state.c).  Values go only together with their group's row
 * (matrel/remove.c), so nothing ever has to be taken off.
 *
 * That state is an ordinary one.  What the continuous query gives for it is
 * the state of no rows, agg(x) FILTER (WHERE false); what the flush makes of
 * new values is combined with what is there as any partial state is.
 *
 * It has to be the same in whatever order values come, so it is kept for
 * aggregates that are exact: count, and of integers and numeric sum, avg,
 * variance and the like.  Not where several rows of the matrel make one
 * group: they may have a value in common.  Nor where equal values that look
 * different are kept apart.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "query/values.h"

static bool is_exact(const Aggref *aggref);
static Expr *only_argument(const Aggref *aggref);
static bool is_row(const Expr *expr);

bool
weir_values_is_kept(const ContQuery *cq, const Aggref *aggref)
{
	int			n;

	if (cq->kind->cells || aggref->aggdistinct == NIL || aggref->aggkind != AGGKIND_NORMAL ||
		!is_exact(aggref))
		return false;
	n = weir_values_find(cq, aggref);
	return n >= 0 && ((ValuesRel *) list_nth(cq->values, n))->images == NIL &&
		(is_row(only_argument(aggref)) || weir_values_kept_argument(cq, aggref) >= 0);
}

Aggref *
weir_values_kept_state(const Aggref *written)
{
	Aggref	   *aggref = copyObject(unconstify(Aggref *, written));

	aggref->args = list_make1(makeTargetEntry(copyObject(only_argument(written)), 1, NULL, false));
	aggref->aggdistinct = NIL;
	aggref->aggorder = NIL;
	aggref->aggfilter = (Expr *) makeBoolConst(false, false);
	return aggref;
}

int
weir_values_kept_argument(const ContQuery *cq, const Aggref *written)
{
	ValuesRel  *rel = list_nth(cq->values, weir_values_find(cq, written));
	Expr	   *arg = only_argument(written);
	ListCell   *lc;

	foreach(lc, rel->exprs)
		if (equal(lfirst(lc), arg) && !IsA(arg, Const))
			return cq->nkeys + foreach_current_index(lc);
	return -1;
}

static bool
is_exact(const Aggref *aggref)
{
	static const char *const names[] = {"sum", "avg", "stddev", "stddev_pop", "stddev_samp",
	"variance", "var_pop", "var_samp"};
	const char *name;
	Oid			type;

	if (aggref->aggfnoid == F_COUNT_ANY)
		return true;
	if (aggref->aggfnoid >= FirstNormalObjectId || list_length(aggref->aggargtypes) != 1)
		return false;
	type = linitial_oid(aggref->aggargtypes);
	if (type != INT2OID && type != INT4OID && type != INT8OID && type != NUMERICOID)
		return false;
	name = get_func_name(aggref->aggfnoid);
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* With DISTINCT, what ORDER BY sorts by is an argument. */
static Expr *
only_argument(const Aggref *aggref)
{
	return linitial_node(TargetEntry, aggref->args)->expr;
}

/* A row of fields, which is taken apart: it is never NULL as a whole. */
static bool
is_row(const Expr *expr)
{
	return IsA(expr, RowExpr) && ((const RowExpr *) expr)->row_typeid == RECORDOID;
}
