/*
 * partition_drop.h
 *	  Dropping partitions of a matrel in which all has expired.
 */
#ifndef WEIR_MATREL_PARTITION_DROP_H
#define WEIR_MATREL_PARTITION_DROP_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "meta/cont_view.h"
#include "query/cont_query.h"

/*
 * The partitions of the matrel that hold nothing but what has expired, oldest
 * first (list of OIDs); and dropping one, with its groups' values, in the
 * current transaction. Dropping waits for locks as long as lock_timeout says.
 */
extern List *weir_partition_expired(const ContView *view, const ContQuery *query);
extern void weir_partition_drop(const ContView *view, const ContQuery *query, Oid partition);

/* How many rows a partition has. */
extern int64 weir_partition_rows(Oid partition);

#endif
