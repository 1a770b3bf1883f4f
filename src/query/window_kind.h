/*
 * window_kind.h
 *	  What differs between kinds of windows.
 *
 * A row is in a cell of a window: a step of a sliding one, a pane of a hopping
 * or cumulating one or of a session.  The continuous query groups by the cell,
 * as one more key, and the view query makes windows of cells.  A view's query
 * has one such kind of window, or none (weir_no_window): groups of tumble,
 * time_bucket or date_trunc are as any others.
 *
 * Operations that are NULL have nothing to do.  See README for how to add a
 * kind.
 */
#ifndef WEIR_QUERY_WINDOW_KIND_H
#define WEIR_QUERY_WINDOW_KIND_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

struct ContQuery;
struct ViewQuery;
struct WindowKind;

/*
 * A hop, cumulate or session over which a view groups.  Its windows are unions
 * of panes, the cells of a finer grid: the continuous query groups by the
 * pane, and the view query puts panes into windows.
 */
typedef struct QueryWindow
{
	const struct WindowKind *kind;
	Index		rti;			/* of the function in FROM, in the prepared
								 * query */
	FuncExpr   *call;			/* all arguments in place, constants but for
								 * the first */
	Expr	   *pane;			/* where the pane of a row begins */
	List	   *quals;			/* conditions on the window alone, of WHERE */
	Interval   *gap;			/* of a session; NULL: it is none */
	bool		one_each;		/* a group is of one window, so its panes
								 * follow one another, each once */
	bool		by_expression;	/* a session, and what is grouped by is made of
								 * its start and end */
	int			first_state;	/* of a session: indexes in states[] of a
								 * pane's earliest and latest time */
	int			last_state;
} QueryWindow;

typedef struct WindowKind
{
	/* May rows of one window be in several cells? */
	bool		cells;

	/* Do the cells of a window expire together, when the window has ended? */
	bool		expires_whole;

	/* Does the start of a window tell it from others? */
	bool		start_tells;

	/* ---- the function in FROM (query/panes.c) ---- */

	/* Where the cell of a row begins. */
	Expr	   *(*pane) (const QueryWindow *window);

	/*
	 * End of the window of a row that closes first, and how long after its
	 * cell's start its last window may end.
	 */
	Expr	   *(*first_end) (const QueryWindow *window);
	Interval   *(*length) (const QueryWindow *window);

	/* ---- the continuous query (query/split.c) ---- */

	/*
	 * Refuse, with its position, what the prepared query does that cannot be
	 * done with such a window.
	 */
	void		(*check) (ParseState *pstate, struct ContQuery *cq, Query *def);

	/*
	 * The key beside the user's: the cell of a row.  And the name of its
	 * column, NULL: any.
	 */
	Expr	   *(*cell) (const struct ContQuery *cq);
	const char *(*cell_name) (const struct ContQuery *cq, Query *def);

	/* Add aggregates to be kept of each cell to those of the query. */
	List	   *(*add_states) (struct ContQuery *cq, List *aggrefs);

	/* Condition that a row has a cell, for WHERE. */
	Node	   *(*has_cell) (const struct ContQuery *cq);

	/* ---- the view query (query/view_query.c) ---- */

	/* What is read in the place of the matrel; NULL: the matrel. */
	Query	   *(*source) (struct ViewQuery *vq);

	/* Join cells with the windows that they are part of. */
	void		(*join) (struct ViewQuery *vq);

	/* A column of the function in FROM; attribute 0: the whole row. */
	Node	   *(*column) (struct ViewQuery *vq, Var *var);

	/*
	 * GROUP BY for the clauses of the user's that are of the function's
	 * columns.
	 */
	List	   *(*group) (struct ViewQuery *vq, List *clauses);

	/* Condition that a cell is in the window. */
	Node	   *(*in_window) (struct ViewQuery *vq);

	/* End of the window; NULL: the closing key tells.  Is it an aggregate? */
	Node	   *(*end) (struct ViewQuery *vq);
	bool		(*end_is_aggregate) (struct ViewQuery *vq);

	/* The time of a window that is past when cells of it may have expired. */
	Node	   *(*expiry) (struct ViewQuery *vq);
} WindowKind;

/* No cells: a group is a row of the matrel. */
extern const WindowKind weir_no_window;

#endif
