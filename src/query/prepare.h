/*
 * prepare.h
 *	  The form of a defining query that is split.
 */
#ifndef WEIR_QUERY_PREPARE_H
#define WEIR_QUERY_PREPARE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * A copy of an analysed query in the form that is split and in which
 * expressions are compared.  Refuses, by name and position, subqueries over a
 * stream and branches of a UNION ALL that are more than projections, filters
 * and joins, and calls of window functions that cannot be.
 */
extern Query *weir_query_prepare(ParseState *pstate, Query *def);

#endif
