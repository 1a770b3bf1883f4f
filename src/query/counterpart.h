/*
 * counterpart.h
 *	  Aggregates that PostgreSQL cannot combine, or not on every version in the
 *	  same way, and those that take their place.
 */
#ifndef WEIR_QUERY_COUNTERPART_H
#define WEIR_QUERY_COUNTERPART_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * Puts weir.array_agg, weir.string_agg ... in the place of array_agg,
 * string_agg ... in the target list and HAVING of a query that is to be split;
 * modifies it.  Calls with DISTINCT or ORDER BY stay: their states are not of
 * this kind.
 */
extern void weir_counterparts_put(Query *query);

/*
 * Does the result of the aggregate depend on the order in which states are
 * combined?
 */
extern bool weir_counterpart_is_ordered(Oid aggfnoid);

#endif
