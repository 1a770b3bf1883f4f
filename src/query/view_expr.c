/*
 * view_expr.c
 *	  Expressions of a view query.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "utils/fmgroids.h"

#include "query/expr.h"
#include "query/state_expr.h"
#include "query/view_expr.h"

Var *
weir_view_column(const ContQuery *cq, int column)
{
	if (column < cq->nkeys)
	{
		ContKey    *key = &cq->keys[column];

		return makeVar(WEIR_MATREL_RTI, column + 1, key->type, key->typmod, key->collation, 0);
	}
	else
	{
		ContState  *state = &cq->states[column - cq->nkeys];

		/* Of blocks and steps, states follow the keys. */
		return makeVar(WEIR_MATREL_RTI, (cq->block_usecs ? column : state->column) + 1, state->statetype, -1,
					   weir_state_collation(state), 0);
	}
}

Node *
weir_view_latest(Node *time)
{
	Oid			type = exprType(time);

	return (Node *) weir_make_aggregate(type == TIMESTAMPTZOID ? F_MAX_TIMESTAMPTZ : F_MAX_TIMESTAMP,
										type, InvalidOid, list_make1(time), &type);
}

Node *
weir_view_as_type(Node *expr, Oid type)
{
	if (exprType(expr) == type)
		return expr;
	return coerce_to_target_type(NULL, expr, exprType(expr), type, -1,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

Node *
weir_view_minus(Node *time, const Interval *interval)
{
	if (weir_interval_usecs(interval) == 0)
		return time;
	return weir_make_op("-", time, (Node *) weir_make_interval(interval));
}

Node *
weir_view_run_once(Node *expr, Oid type)
{
	Query	   *subquery = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);

	subquery->commandType = CMD_SELECT;
	subquery->canSetTag = true;
	subquery->jointree = makeFromExpr(NIL, NULL);
	subquery->targetList = list_make1(makeTargetEntry((Expr *) weir_view_as_type(expr, type), 1,
													  pstrdup("bound"), false));
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) subquery;
	sublink->location = -1;
	return (Node *) sublink;
}

SortGroupClause *
weir_view_group_by(Query *query, Expr *expr, const SortGroupClause *like)
{
	SortGroupClause *clause;
	TargetEntry *found = NULL;
	Index		maxref = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		maxref = Max(maxref, tle->ressortgroupref);
		if (equal(tle->expr, expr) && (found == NULL || found->ressortgroupref == 0))
			found = tle;
	}
	if (found == NULL)
	{
		found = makeTargetEntry(expr, list_length(query->targetList) + 1, NULL, true);
		query->targetList = lappend(query->targetList, found);
	}
	if (found->ressortgroupref == 0)
		found->ressortgroupref = maxref + 1;
	if (like)
		clause = copyObject(unconstify(SortGroupClause *, like));
	else
	{
		clause = makeNode(SortGroupClause);
		get_sort_group_operators(exprType((Node *) expr), false, true, false,
								 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	}
	clause->tleSortGroupRef = found->ressortgroupref;
	return clause;
}
