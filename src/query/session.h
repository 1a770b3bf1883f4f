/*
 * session.h
 *	  Which panes make a session.
 */
#ifndef WEIR_QUERY_SESSION_H
#define WEIR_QUERY_SESSION_H

#include "postgres.h"

#include "query/cont_query.h"

/*
 * As a statement's text: columns of the matrel, for rows for which where is
 * true (" WHERE ..."; or empty), and then "?session": where the session begins
 * that a pane is part of.
 */
extern char *weir_session_panes(const ContQuery *cq, Oid matrelid, const char *columns, const char *where);

/*
 * All columns, and then where that session begins, and ("?ends") where it
 * ends.
 */
extern char *weir_session_bounds(const ContQuery *cq, Oid matrelid);

/*
 * The same of panes that begin at or before bound, an expression, as if there
 * were no others: columns "?row" (what, an expression), "?session" and
 * "?ends".
 */
extern char *weir_session_bounds_until(const ContQuery *cq, Oid matrelid, const char *what, const char *bound);

/* The gap, as input of type interval. */
extern char *weir_session_gap(const ContQuery *cq);

#endif
