/*
 * analyze.h
 *	  Which queries can be maintained continuously.
 */
#ifndef WEIR_QUERY_ANALYZE_H
#define WEIR_QUERY_ANALYZE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * Refuse what cannot be maintained, by name and position (pstate carries the
 * source text, or none): first clauses of the query as it was written, then,
 * when it has been flattened, the rest.  Returns the range table index of the
 * stream.
 */
extern void weir_query_check_clauses(ParseState *pstate, Query *query);
extern Index weir_query_check(ParseState *pstate, Query *query);

/*
 * Refuse what does not give its rows from single rows of the stream, each by
 * itself: where names what the subquery is.  in_place: it is run as it is, not
 * pulled up.
 */
extern void weir_query_check_row_wise(ParseState *pstate, Query *subquery, const char *where,
									  bool in_place);

/* Refuse an aggregate call or a group key that cannot be maintained. */
extern void weir_check_aggref(ParseState *pstate, Aggref *aggref);
extern void weir_check_key(ParseState *pstate, Node *expr, Oid eqop, bool hashable);

#endif
