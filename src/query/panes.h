/*
 * panes.h
 *	  Windows of a function in FROM that are kept in panes.
 */
#ifndef WEIR_QUERY_PANES_H
#define WEIR_QUERY_PANES_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "query/window_kind.h"

/*
 * The window whose panes the continuous query can group by: takes it out of
 * the prepared query's FROM and WHERE.  NULL if there is none, or its columns
 * are used where only single rows have them (an aggregate's argument, a
 * condition with other columns): then it stays a function in FROM, or, a
 * session, is refused.
 */
extern QueryWindow *weir_panes_take(ParseState *pstate, Query *query);

#endif
