/*
 * window.h
 *	  The windows of time in a view's query.
 */
#ifndef WEIR_QUERY_WINDOW_H
#define WEIR_QUERY_WINDOW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * A hop, cumulate or session over which a view groups.  Its windows are unions of
 * panes, the cells of a finer grid: the continuous query groups by the pane, and
 * the view query puts panes into windows.
 */
typedef struct QueryWindow
{
	Index		rti;			/* of the function in FROM, in the prepared query */
	FuncExpr   *call;			/* all arguments in place, constants but for the first */
	Expr	   *pane;			/* where the pane of a row begins */
	List	   *quals;			/* conditions on the window alone, of WHERE */
	Interval   *gap;			/* of a session; NULL: it is none */
	bool		one_each;		/* a group is of one window, so its panes follow one another, each once */
	bool		by_expression;	/* a session, and what is grouped by is made of its start and end */
	int			first_state;	/* of a session: indexes in states[] of a pane's earliest and latest time */
	int			last_state;
} QueryWindow;

/*
 * Bring calls of window functions into the form that is split, in a query that
 * has been flattened; modifies it.  tumble becomes time_bucket and bucket_end
 * of that; hop, cumulate and session in GROUP BY or DISTINCT go to FROM.
 */
extern void weir_window_prepare(ParseState *pstate, Query *query);

/*
 * The window whose panes the continuous query can group by: takes it out of the
 * prepared query's FROM and WHERE.  NULL if there is none, or its columns are
 * used where only single rows have them (an aggregate's argument, a
 * condition with other columns): then it stays a function in FROM, or, a
 * session, is refused.
 */
extern QueryWindow *weir_window_take(ParseState *pstate, Query *query);

/* For a row: where the first of its windows to end does.  And how long after a pane's start its last window may end. */
extern Expr *weir_window_first_end(const QueryWindow *window);
extern Interval *weir_window_length(const QueryWindow *window);

/* A call of time_bucket over a time: its end, and how long after its start that is at most; false if it is none. */
extern bool weir_window_of_bucket(FuncExpr *call, Node **time, Expr **end, Interval *length);

/* Does an expression use the window? */
extern bool weir_window_used(const QueryWindow *window, Node *expr);

/* The bucket of which this is the end or the whole window; the expression itself if it is neither. */
extern Expr *weir_window_bucket(Expr *expr);

#endif
