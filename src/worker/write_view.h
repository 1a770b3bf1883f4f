/*
 * write_view.h
 *	  Writing what an epoch has of one view.
 */
#ifndef WEIR_WRITE_VIEW_H
#define WEIR_WRITE_VIEW_H

#include "catalog/cont_view.h"
#include "groups/epoch.h"
#include "worker/faulty.h"

/*
 * Write the view's groups and values into its matrel and values relations, as its
 * owner, in the flush worker's transaction, but for those that are faulty (NULL: none).  Returns how many rows were
 * written; none when the relations are gone.  Errors are a group's, the view's own, or worth a retry.
 */
extern int64 weir_write_view(ContView *view, Epoch *epoch, FaultyGroups *faulty);

#endif
