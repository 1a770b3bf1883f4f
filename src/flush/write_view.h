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
 * Write the view's groups and values into its matrel and values relations, as
 * its owner, in the flush worker's transaction, leaving out faulty groups
 * (NULL: none). Returns the number of rows written, 0 when the relations are
 * gone. Errors are a group's or the view's fault, or worth a retry: see
 * base/errors.h.
 */
extern int64 weir_write_view(ContView *view, Epoch *epoch, FaultyGroups *faulty);

/*
 * The same in a subtransaction, with failing groups left out and turned into
 * dead letters (flush/notes.h). Adds to *written. Returns NULL, or the error
 * for which the view could not be written.
 */
extern ErrorData *weir_write_view_carefully(ContView *view, Epoch *epoch, int64 *written);

/*
 * Does the view have groups that take long to write (large states, slow
 * functions)?  Then it must not be written before *next (by
 * weir_clock_steady), so that others have their turn; *ms is how long it took.
 */
extern bool weir_write_view_is_slow(Oid defid, TimestampTz *next, int *ms);

/* Forget all views but these. */
extern void weir_write_view_purge(List *views);

/* Note that a view was written just now, in work that began at start. */
extern void weir_write_view_began(Oid defid, TimestampTz start);

#endif
