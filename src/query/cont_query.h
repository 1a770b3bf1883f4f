/*
 * cont_query.h
 *	  A continuous view's query, split in two.
 *
 * The defining query is stored as the rule of the def view.  From it and the
 * view's options are derived, always in the same way,
 *
 *   (a) the continuous query (query/split.h): its target list is exactly the
 *       matrel's columns in order: first the group keys, then one partial
 *       aggregate each, so that a result row of the partial plan is a row for
 *       the group table;
 *   (b) the view query over the matrel (query/view_query.h).
 *
 * The matrel has more columns, with the results of states that are costly to
 * finalize, and with those of whole blocks of a sliding window; the flush
 * fills them.  Nothing else of the split is stored anywhere.
 */
#ifndef WEIR_QUERY_CONT_QUERY_H
#define WEIR_QUERY_CONT_QUERY_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "agg/partial.h"
#include "meta/cont_view.h"
#include "query/sliding.h"
#include "query/window_kind.h"

typedef struct ContKey
{
	Oid			type;
	int32		typmod;
	Oid			collation;
	Oid			eqop;			/* equality operator of the GROUP BY clause */
	char	   *colname;		/* column in the matrel */
} ContKey;

typedef struct ContState
{
	Aggref	   *aggref;			/* as written, Vars of the continuous query; of
								 * a kept one as weir_values_kept_state makes
								 * it */
	Aggref	   *written;		/* kept by the flush over different values
								 * (query/values.h): as written; else NULL */
	Oid			statetype;		/* column type in the matrel */
	char	   *colname;
	int			column;			/* index of its column in the matrel */
	int			value_column;	/* index of the matrel's column with the
								 * result, or -1: made at reading */
	char	   *value_name;
	int			block_column;	/* index of the matrel's column with the state
								 * of a whole block, if there are blocks */
	char	   *block_name;
} ContState;

/* The window that decides whether a row is late, and a group final. */
typedef struct ClosingWindow
{
	/* index in keys[] of its start, or of the pane */
	int			key;
	Expr	   *row_end;		/* where the row's first window to end does; of
								 * the stream's columns */
	Expr	   *key_end;		/* where the group's window ends, of a key;
								 * NULL: of panes, each window knows its end */
	List	   *group_ends;		/* of groups of several sessions: expressions
								 * of the window, up to which sessions that
								 * begin or end are the group's */
	Interval	length;			/* the longest that a window may end after the
								 * key */
} ClosingWindow;

typedef struct ContQuery
{
	Query	   *query;			/* (a) before planning: plain Aggrefs */
	bool		append;			/* no grouping and no aggregates: each result row is
								 * a row of the matrel; all columns are in keys[] */

	/* aggregates without GROUP BY: always one row */
	bool		ungrouped;
	int			nkeys;
	ContKey    *keys;			/* includes hidden keys (step of a sliding
								 * window) */
	bool		primary_key;	/* the keys are the matrel's primary key: never
								 * NULL (query/primary_key.h) */
	bool		plain_keys;		/* the matrel's lookup index has the keys
								 * themselves, not their hash */
	const WindowKind *kind;		/* of the window that it has; else
								 * weir_no_window */
	SlidingWindow *window;		/* as written, or NULL; its condition is not
								 * part of (a) */
	QueryWindow *panes;		/* hop, cumulate or session that is kept in panes;
							 * or NULL */
	int			cell_key;		/* index in keys[] of the window's step or pane (append: of the time
								 * column), or -1 */
	bool		cell_hidden;	/* it is not among the columns the user asked
								 * for */
	int64		step_usecs;		/* of a sliding window's steps */
	int64		block_usecs;	/* of a sliding window's blocks
								 * (query/blocks.h); 0: it has none */
	int			block_column;	/* index of the matrel's column with the block
								 * that a row carries */
	char	   *block_name;
	ClosingWindow *closing;		/* late rows are not taken, or only final
								 * groups are shown; else NULL */
	int			partition_key;	/* index in keys[] of what the matrel is
								 * partitioned by, or -1 */
	bool		partition_panes;	/* and that is the pane, so that a window
									 * may be in several partitions */
	int			nstates;
	ContState  *states;			/* those of columns that the view got later
								 * come last */
	int			nvalues;		/* columns of results, after the states of
								 * their generation */
	List	   *sets;			/* grouping sets: the keys (IntList) of each
								 * different one; NIL: GROUP BY all
								 * (query/grouping.h) */
	List	   *values;			/* ValuesRel: of aggregates that have no state
								 * (query/values.h) */
	Oid			streamid;		/* the first of */
	List	   *streams;		/* those it reads; several are branches of
								 * UNION ALL */
} ContQuery;

/*
 * Index of the group key or state that an expression of the prepared query is;
 * -1 if none.
 */
extern int	weir_cont_query_find_key(const ContQuery *cq, Node *expr);
extern int	weir_cont_query_find_state(const ContQuery *cq, Aggref *aggref);

/* Is a key none of the user's, but the step or pane of a window? */
extern bool weir_cont_query_key_is_hidden(const ContQuery *cq, int key);

/* Is an expression of the prepared query of the window's columns? */
extern bool weir_cont_query_uses_window(const ContQuery *cq, Node *expr);

/* Do several rows of the matrel make one group: cells of a window? */
extern bool weir_cont_query_has_cells(const ContQuery *cq);

/*
 * Is a btree's idea of equal that of GROUP BY for all keys, and are they few
 * and of fixed length?
 */
extern bool weir_cont_query_keys_fit_btree(const ContQuery *cq);

/*
 * Is a column of the matrel named so: a key, or what there is of the first
 * nstates states?
 */
extern bool weir_cont_query_has_column(const ContQuery *cq, int nstates, const char *name);

#endif
