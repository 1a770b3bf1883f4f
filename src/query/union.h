/*
 * union.h
 *	  UNION ALL of streams: their rows as those of one.
 */
#ifndef WEIR_UNION_H
#define WEIR_UNION_H

#include "postgres.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * A query that is itself a UNION of branches over streams, as a query that
 * selects from it: SELECT [DISTINCT] * FROM (... UNION ALL ...) ORDER BY, LIMIT.
 * Another query is returned as it is; other set operations are refused.
 */
extern Query *weir_union_wrap(ParseState *pstate, Query *query);

/* Is this subquery in FROM a UNION ALL, and nothing else? */
extern bool weir_is_union(Query *subquery);

/* Flatten the branches of a UNION ALL over streams, and check each. */
extern void weir_union_prepare(ParseState *pstate, RangeTblEntry *rte);

#endif
