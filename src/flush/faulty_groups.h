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
 * When writing what an epoch has of a view has failed for a row's sake: which groups are at fault?  Finds them by writing, which is
 * undone, in the flush worker's transaction.  NULL, and *error: the view is, or that may pass.  In CurrentMemoryContext.
 */
extern FaultyGroups *weir_faulty_find(ContView *view, Epoch *epoch, ErrorData **error);

/*
 * Take these groups out of rows of the view's part (0: its groups, else values of groups); returns how many are left.  All rows
 * of the part pass here, in the order in which weir_sorted_next gives them.
 */
extern int	weir_faulty_leave_out(FaultyGroups *faulty, int part, MinimalTuple *tuples, int ntuples);

/* The others have been written: these become dead letters of the flush. */
extern void weir_faulty_bury(FaultyGroups *faulty);

/* All groups of a view have been written. */
extern void weir_faulty_none(Oid defid);

/* Forget other views than these. */
extern void weir_faulty_purge(List *views);

#endif
