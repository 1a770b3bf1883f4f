/*
 * visit.h
 *	  Every row that an epoch has of a view, in no order, groups more than
 *	  once.
 */
#ifndef WEIR_GROUPS_VISIT_H
#define WEIR_GROUPS_VISIT_H

#include "postgres.h"

#include "groups/epoch.h"

/* The slot has a row of the view; it is the spec's own. */
extern void weir_epoch_visit(Epoch *epoch, GroupSpec *spec,
							 void (*visit) (TupleTableSlot *row, void *arg), void *arg);

/*
 * Calls visit for every row that an epoch has of a view or values relation, as
 * it is there.  Nothing need be known of the view.  new_source: none of the
 * rows that follow, up to the next one, are of the same group.
 */
extern void weir_epoch_visit_raw(Epoch *epoch, Oid defid,
								 void (*visit) (MinimalTuple row, bool new_source, void *arg), void *arg);

#endif
