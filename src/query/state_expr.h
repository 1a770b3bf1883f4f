/*
 * state_expr.h
 *	  Expressions over a column of partial states: the result of one, the
 *	  result of several, the state of several.
 */
#ifndef WEIR_QUERY_STATE_EXPR_H
#define WEIR_QUERY_STATE_EXPR_H

#include "query/cont_query.h"

/* Collation of a state's column in the matrel; InvalidOid if it has none. */
extern Oid	weir_state_collation(const ContState *state);

/*
 * The aggregate's result of one state; column is of the matrel, range table
 * entry 1.
 */
extern Node *weir_state_result(ContState *state, Var *column);

/* An aggregate: the result of the states of several rows. */
extern Aggref *weir_state_combined(ContState *state, Expr *column);

/* An aggregate: the one state of the states of several rows. */
extern Aggref *weir_state_merged(ContState *state, Expr *column);

/*
 * Have an aggregate made by the above take the states in the order of time (a
 * step or a pane; of the same range table entry), if its result depends on
 * their order.
 */
extern void weir_state_order(ContState *state, Aggref *aggregate, Expr *time);

/*
 * CASE WHEN count = 0 THEN <the aggregate's result of no rows> ELSE combined
 * END; combined itself if that result is NULL, which it gives by itself.
 */
extern Expr *weir_state_unless_none(ContState *state, Expr *count, Expr *combined);

/* A plain call of an aggregate. */
extern Aggref *weir_make_aggregate(Oid fn, Oid type, Oid collation, List *args, Oid *argtypes);

#endif
