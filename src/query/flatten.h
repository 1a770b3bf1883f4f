/*
 * flatten.h
 *	  Subqueries that only project and filter a stream, pulled up.
 */
#ifndef WEIR_QUERY_FLATTEN_H
#define WEIR_QUERY_FLATTEN_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * Put subqueries in FROM, and WITH queries, that read a stream into the query
 * itself; modifies it.  A UNION ALL of streams stays a subquery, as it is.
 * Refuses those that do more than project, filter and join, by name.
 */
extern void weir_query_flatten(ParseState *pstate, Query *query);

#endif
