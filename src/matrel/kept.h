/*
 * kept.h
 *	  States over different values that a flush keeps up to date (query/values_kept.c).
 *
 * In three steps: the writers of a view's values relations tell of each value
 * that is new to its group; what that changes is put together group by group;
 * the writer of the matrel takes it, group by group, into the rows that it
 * writes anyway.  Process-local, in the flush worker, within one transaction.
 */
#ifndef WEIR_MATREL_KEPT_H
#define WEIR_MATREL_KEPT_H

#include "postgres.h"

#include "runtime/execute.h"

typedef struct KeptValues KeptValues;

/* For one view, in CurrentMemoryContext; NULL: it keeps no such states. */
extern KeptValues *weir_kept_begin(ViewRuntime *runtime);

/* Does a row of the n-th values relation count, with this state?  Without a state it does. */
extern bool weir_kept_counts(KeptValues *kept, int n, Datum state, bool null);

/* A row of the n-th values relation counts now that did not. */
extern void weir_kept_note(KeptValues *kept, int n, TupleTableSlot *row);

/* Is there as much as one should have in memory?  Then it is time to finish, write the rest, and begin again. */
extern bool weir_kept_is_full(KeptValues *kept);

/* No more notes come: turn what there is into partial states. */
extern void weir_kept_finish(KeptValues *kept);

/* Put the group's states into a row of the matrel's type, if it has any; each is given once. */
extern void weir_kept_take(KeptValues *kept, TupleTableSlot *group);

/*
 * Rows of the matrel's type with all that has not been taken, in the order of
 * the lookup index; returns how many.  They are valid until the end.
 */
extern int	weir_kept_rest(KeptValues *kept, MinimalTuple **tuples);

extern void weir_kept_end(KeptValues *kept);

#endif
