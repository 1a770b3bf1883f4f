/*
 * partitioning.h
 *	  Making the partitions that an epoch needs, and dropping those that have expired.
 */
#ifndef WEIR_FLUSH_PARTITIONING_H
#define WEIR_FLUSH_PARTITIONING_H

#include "postgres.h"

#include "groups/epoch.h"
#include "meta/cont_view.h"

/*
 * Make the partitions that an epoch needs, but for these views (OIDs of def views), as far as it takes no time.  Returns
 * those views that lack some still, in the caller's memory.  Called outside of a transaction.
 */
extern List *weir_partitions_prepare(Epoch *epoch, List *except);

/* The same for one view, if it is kept in partitions, until a flush is due; true when it lacks some still. */
extern bool weir_partitions_make(Oid defid, Epoch *epoch);

/*
 * Drop partitions that have expired, one a transaction of its own, for views whose
 * turn it is.  Called outside of a transaction; true when there are more.
 */
extern bool weir_partitions_drop(void);

#endif
