/*
 * constants.h
 *	  Constants that would make each row a dead letter.
 */
#ifndef WEIR_QUERY_CONSTANTS_H
#define WEIR_QUERY_CONSTANTS_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "parser/parse_node.h"

#include "agg/partial.h"

/*
 * A constant of a call (FuncExpr or OpExpr) that is no time zone, unit, stride
 * or regular expression.  Errors as the function would, with the position.
 */
extern void weir_constants_check(ParseState *pstate, Node *call);

/*
 * The same for parameters of Weir's own aggregates; the position is the
 * caller's.
 */
extern void weir_constants_check_aggregate(PartialAgg *agg, Aggref *aggref);

#endif
