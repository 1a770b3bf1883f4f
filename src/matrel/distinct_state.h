/*
 * distinct_state.h
 *	  Incremental DISTINCT states: states over the different values of a group
 *	  that a flush keeps up to date (query/values_kept.c).
 *
 * In three steps: the writers of a view's values relations tell of each value
 * that is new to its group; what that changes is put together group by group;
 * the writer of the matrel takes it, group by group, into the rows that it
 * writes anyway.  Process-local, in the flush worker, within one transaction.
 */
#ifndef WEIR_MATREL_DISTINCT_STATE_H
#define WEIR_MATREL_DISTINCT_STATE_H

#include "postgres.h"

#include "matrel/change.h"
#include "runtime/execute.h"

typedef struct DistinctStates DistinctStates;

/* For one view, in CurrentMemoryContext; NULL: it has no such states. */
extern DistinctStates *weir_distinct_begin(ViewRuntime *runtime);

/* The listener for the writer of the n-th values relation. */
extern ChangeListener *weir_distinct_of_values(DistinctStates *distinct, int n);

/*
 * Is there as much as one should have in memory?  Then it is time to finish,
 * write the rest, end, and begin again.
 */
extern bool weir_distinct_is_full(DistinctStates *distinct);

/* No more values come: turn what there is into partial states. */
extern void weir_distinct_finish(DistinctStates *distinct);

/*
 * The listener for the writer of the matrel: each group's states are given
 * once.
 */
extern ChangeListener *weir_distinct_of_matrel(DistinctStates *distinct);

/*
 * Rows of the group table's type with the states that have not been given, in
 * the order of the lookup index; returns how many.  They are valid until the
 * end.
 */
extern int	weir_distinct_rest(DistinctStates *distinct, MinimalTuple **tuples);

extern void weir_distinct_end(DistinctStates *distinct);

#endif
