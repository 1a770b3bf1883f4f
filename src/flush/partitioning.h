/*
 * partitioning.h
 *	  Making the partitions that an epoch needs, and dropping those that have
 *	  expired.
 */
#ifndef WEIR_FLUSH_PARTITIONING_H
#define WEIR_FLUSH_PARTITIONING_H

#include "postgres.h"

#include "groups/epoch.h"
#include "meta/cont_view.h"

/*
 * Make the partitions that an epoch needs, except for the views given (OIDs of
 * def views), for as long as MAKE_MS. Returns the views that still lack some,
 * in the caller's memory context. Call outside of a transaction.
 */
extern List *weir_partitions_prepare(Epoch *epoch, List *except);

/*
 * The same for one view, until a flush is due. Returns true when it still
 * lacks some.
 */
extern bool weir_partitions_make(Oid defid, Epoch *epoch);

/*
 * Drop expired partitions of the views that are due, each in a transaction of
 * its own. Returns true when there are more. Call outside of a transaction.
 */
extern bool weir_partitions_drop(void);

#endif
