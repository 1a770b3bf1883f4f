/*
 * values.h
 *	  Aggregates that need the values of a group one by one.
 *
 * An aggregate with DISTINCT or ORDER BY, and an ordered-set aggregate, has no
 * partial state that two batches could be combined from.  What it needs is the
 * multiset of its arguments.  That is kept in a values relation: a table
 * beside the matrel whose rows are the different argument lists of each group.
 * It is filled as a matrel is, by a continuous query of its own that groups by
 * the view's keys and the arguments; the view query runs the aggregate, as
 * PostgreSQL has it, over the rows of a group (values_view.c).
 *
 * weir.combine runs the aggregate over the values of several groups: see
 * read/combine_values.c.
 *
 * Of some aggregates with DISTINCT the result can be kept up to date in the
 * matrel besides (values_kept.c): then reading a group costs what reading a
 * row costs.
 */
#ifndef WEIR_QUERY_VALUES_H
#define WEIR_QUERY_VALUES_H

#include "query/cont_query.h"

typedef struct ValuesRel
{
	List	   *exprs;			/* of the arguments: columns after the view's
								 * keys, but for images */
	List	   *images;			/* those of exprs of which equal values may
								 * look different: a column each, after them */
	Expr	   *filter;			/* FILTER of the aggregates, or NULL */

	/* equal rows count: column "n" tells how many */
	bool		counted;
	ContQuery  *query;			/* that fills it; its keys and state are the
								 * columns */
} ValuesRel;

/*
 * Column of the number, or with a filter that of whether any row passed it; 0:
 * none.
 */
#define weir_values_state_column(rel) \
	((rel)->query->nstates > 0 ? (rel)->query->nkeys + 1 : 0)

/* Must this aggregate be computed from values? */
extern bool weir_values_needed(const Aggref *aggref);

/*
 * Note an aggregate of the query that is being split.  Arguments and FILTER
 * are checked; errors name the construct with its position.
 */
extern void weir_values_add(ParseState *pstate, ContQuery *cq, Aggref *aggref);

/*
 * Make the queries of the values relations, when cq->query is complete but for
 * what late rows need (check) or complete (build).
 */
extern void weir_values_check(ParseState *pstate, ContQuery *cq, Query *def);
extern void weir_values_build(ContQuery *cq);

/*
 * Index in cq->values of the relation that has the aggregate's arguments; -1:
 * it is none of values.
 */
extern int	weir_values_find(const ContQuery *cq, const Aggref *aggref);

/*
 * Keys of the view (indexes) whose hash leads the index that finds the values
 * of a group: all that the user groups by.  *then: the key that follows, or
 * -1.  Grouping sets have an index each.
 */
extern List *weir_values_index_keys(const ContQuery *cq, int *then);

/* ---- kept results (values_kept.c) ---- */

/*
 * Can the state of this aggregate over the different values of a group be kept
 * in the group's row?  Asked when all aggregates of the query are known.
 */
extern bool weir_values_is_kept(const ContQuery *cq, const Aggref *aggref);

/* The aggregate of no rows: what the continuous query gives for a kept one. */
extern Aggref *weir_values_kept_state(const Aggref *written);

/*
 * What a kept aggregate takes of a row of its values relation: the column's
 * index; -1: nothing, each row counts.
 */
extern int	weir_values_kept_argument(const ContQuery *cq, const Aggref *written);

/* ---- reading (values_view.c) ---- */

/*
 * The aggregate over the values of the group that the view query is at, as a
 * subquery of it.  relid is the values relation; direct arguments of the
 * aggregate are in terms of the view query already.  keys: those (indexes)
 * that tell the group, each a column of the matrel, which is range table entry
 * 1.  combined: several rows of the matrel make the group, and hidden keys of
 * the values are those of any of them.
 */
extern Node *weir_values_result(const ContQuery *cq, int n, Oid relid, Aggref *aggref,
								List *keys, bool combined);

#endif
