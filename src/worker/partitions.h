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
 * Make the partitions that an epoch needs, but for these views (OIDs of def views).  Called outside of a
 * transaction.
 */
extern void weir_partitions_prepare(Epoch *epoch, List *except);

/* The same for one view, if it is kept in partitions. */
extern void weir_partitions_make(Oid defid, Epoch *epoch);

/*
 * Drop partitions that have expired, one a transaction of its own, for views whose
 * turn it is.  Called outside of a transaction; true when there are more.
 */
extern bool weir_partitions_drop(void);

#endif
