/*
 * columns.h
 *	  The matrel's columns: their types, names and places.
 */
#ifndef WEIR_QUERY_COLUMNS_H
#define WEIR_QUERY_COLUMNS_H

#include "postgres.h"

#include "query/cont_query.h"

/* What a split query has found that has to be kept. */
typedef struct ColumnList
{
	List	   *tlist;			/* target list of the continuous query: the
								 * keys */
	List	   *group;			/* its GROUP BY, a clause a key; NIL for rows
								 * kept singly */
	List	   *aggrefs;		/* the states, as the query has them */
	int			generations[MAX_VIEW_GENERATIONS + 1];	/* states of each and
														 * those before it */
} ColumnList;

/*
 * Fill keys and states of cq, and add the states to the list's tlist.  cq
 * knows its window and which key is a step or pane; def is the prepared query.
 */
extern void weir_columns_describe(ColumnList *list, ContQuery *cq, Query *def,
								  const ContViewOptions *options);

/*
 * How many columns the view had in a generation (CREATE OR REPLACE VIEW adds
 * some).
 */
extern int	weir_columns_of_generation(const ContViewOptions *options, int generation);

#endif
