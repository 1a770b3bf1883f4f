/*
 * partitions.h
 *	  Making the partitions that an epoch needs, and dropping those that have expired.
 */
#ifndef WEIR_PARTITIONS_H
#define WEIR_PARTITIONS_H

#include "postgres.h"
#include "catalog/cont_view.h"
#include "groups/epoch.h"

/*
 * Make partitions of a view for what an epoch has of it, a portion, in the
 * current transaction; true when there are more to make.
 */
extern bool weir_partitions_make(ContView *view, Epoch *epoch);

/*
 * Drop partitions that have expired, one a transaction of its own, for views whose
 * turn it is.  Called outside of a transaction; true when there are more.
 */
extern bool weir_partitions_drop(void);

/* Wait in this transaction no longer than a moment for locks. */
extern void weir_partitions_hurry(int ms);

#endif
