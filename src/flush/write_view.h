/*
 * write_view.h
 *	  Writing what an epoch has of one view.
 */
#ifndef WEIR_FLUSH_WRITE_VIEW_H
#define WEIR_FLUSH_WRITE_VIEW_H

#include "flush/faulty_groups.h"
#include "groups/epoch.h"
#include "meta/cont_view.h"

/*
 * Write the view's groups and values into its matrel and values relations, as its
 * owner, in the flush worker's transaction, but for those that are faulty (NULL: none).  Returns how many rows were
 * written; none when the relations are gone.  Errors are a group's, the view's own, or worth a retry.
 */
extern int64 weir_write_view(ContView *view, Epoch *epoch, FaultyGroups *faulty);

/*
 * The same in a subtransaction, and without the groups that fail, which become dead letters (flush/notes.h).
 * Adds to *written.  NULL, or the error that it could not be written for.
 */
extern ErrorData *weir_write_view_carefully(ContView *view, Epoch *epoch, int64 *written);

/*
 * Has the view groups which take long to write (large states, slow functions)?  Then others have their turn: it is not to be
 * written before *next (weir_clock_steady), for it took so many ms.
 */
extern bool weir_write_view_is_slow(Oid defid, TimestampTz *next, int *ms);

/* Forget other views than these. */
extern void weir_write_view_purge(List *views);

/* It was written just now, and what was done for that began then. */
extern void weir_write_view_began(Oid defid, TimestampTz start);

#endif
