/*
 * union.h
 *	  UNION ALL of streams: their rows as those of one.
 */
#ifndef WEIR_QUERY_UNION_H
#define WEIR_QUERY_UNION_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * A query that is itself a UNION of branches over streams, as a query that
 * selects from it: SELECT [DISTINCT] * FROM (... UNION ALL ...) ORDER BY,
 * LIMIT.  Another query is returned as it is; other set operations are
 * refused.
 */
extern Query *weir_union_wrap(ParseState *pstate, Query *query);

/* Is this subquery in FROM a UNION ALL, and nothing else? */
extern bool weir_is_union(Query *subquery);

/*
 * Is a column of a UNION ALL (its branches flattened) the event time of each
 * branch's stream?
 */
extern bool weir_union_is_event_time(Query *subquery, AttrNumber attno);

/*
 * The column of a UNION ALL, an entry of the query's FROM, that has this name;
 * when none has, one that is added, of the columns of this name that the
 * branches' streams have, all of one type.  InvalidAttrNumber when some stream
 * has none.  Modifies the query.
 */
extern AttrNumber weir_union_time_column(Query *query, Index rti, const char *name, Oid *type, int32 *typmod);

#endif
