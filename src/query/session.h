/*
 * session.h
 *	  Session windows: rows of a group that follow one another within a gap.
 */
#ifndef WEIR_QUERY_SESSION_H
#define WEIR_QUERY_SESSION_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "query/cont_query.h"
#include "query/window.h"

/* What a session view keeps of each pane beside its states: earliest and latest time. */
extern List *weir_session_aggregates(const QueryWindow *window);

/*
 * Notes (by_expression) whether the query groups by expressions of a session's window.  Errors for
 * those that cannot be made of its start and end alone.
 */
extern void weir_session_check(ParseState *pstate, ContQuery *cq, Query *def);

/*
 * The matrel with one column more: where the session begins that a pane is part
 * of.  As a statement's text.
 */
extern char *weir_session_panes(const ContQuery *cq, Oid matrelid, const char *columns, const char *where);

/* All columns, and then where that session begins, and where it ends. */
extern char *weir_session_bounds(ContQuery *cq, Oid matrelid);

#endif
