/*
 * faulty_groups.h
 *	  Groups of a view that cannot be written, while others can.
 */
#ifndef WEIR_FLUSH_FAULTY_GROUPS_H
#define WEIR_FLUSH_FAULTY_GROUPS_H

#include "postgres.h"

#include "groups/epoch.h"
#include "meta/cont_view.h"
#include "runtime/execute.h"

typedef struct FaultyGroups FaultyGroups;

/*
 * Find the groups of a view that cannot be written, after writing it failed
 * for the sake of a row. Finds them by writing, which is undone, in the flush
 * worker's transaction. Returns NULL and sets *error when the view as a whole
 * is at fault, or the error may pass. Allocated in CurrentMemoryContext.
 */
extern FaultyGroups *weir_faulty_find(ContView *view, Epoch *epoch, ErrorData **error);

/*
 * Remove the faulty groups from an array of rows of one part of the view (0:
 * groups, n: the n-th values relation), in place. Returns how many rows are
 * left. All rows of the part must be passed, in the order of weir_sorted_next.
 */
extern int	weir_faulty_leave_out(FaultyGroups *faulty, int part, MinimalTuple *tuples, int ntuples);

/*
 * After the other groups have been written: make the faulty ones dead letters
 * of this flush.
 */
extern void weir_faulty_bury(FaultyGroups *faulty);

/*
 * Note that all groups of a view have been written: forget earlier failures.
 */
extern void weir_faulty_none(Oid defid);

/* Forget all views but these. */
extern void weir_faulty_purge(List *views);

#endif
