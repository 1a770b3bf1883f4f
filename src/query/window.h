/*
 * window.h
 *	  Window functions of a view's query, in the form that is split.
 */
#ifndef WEIR_QUERY_WINDOW_H
#define WEIR_QUERY_WINDOW_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * Bring calls of window functions into the form that is split, in a query that
 * has been flattened; modifies it.  tumble becomes time_bucket and bucket_end
 * of that; hop, cumulate and session in GROUP BY or DISTINCT go to FROM.
 */
extern void weir_window_prepare(ParseState *pstate, Query *query);

/*
 * May a join put NULLs in the place of an entry's columns?  node is of the
 * join tree; nullable: joins above it do.  LEFT JOIN ... ON true does not, if
 * the entry has a row for each row of the left (always).
 */
extern bool weir_query_may_null(Node *node, Index rti, bool always, bool nullable);

/*
 * Take a function out of the range table; the entry stays, so that others keep
 * their numbers.
 */
extern void weir_query_drop_entry(RangeTblEntry *rte);

#endif
