/*
 * session.h
 *	  Session windows: rows of a group that follow one another within a gap.
 */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H

#include "postgres.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "query/cont_query.h"
#include "query/window.h"

/* What a session view keeps of each pane beside its states: earliest and latest time. */
extern List *weir_session_aggregates(const QueryWindow *window);

/* Errors unless the query groups by a session's start, end or whole, or by no part of it. */
extern void weir_session_check(ParseState *pstate, ContQuery *cq, Query *def);

/*
 * The matrel with one column more: where the session begins that a pane is part
 * of.  As a statement's text.
 */
extern char *weir_session_panes(const ContQuery *cq, Oid matrelid, const char *columns, const char *where);

#endif
