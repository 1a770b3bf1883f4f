/*
 * partition.h
 *	  Matrels in partitions: which one a row belongs to, and making them.
 */
#ifndef WEIR_MATREL_PARTITION_H
#define WEIR_MATREL_PARTITION_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "meta/cont_view.h"
#include "query/cont_query.h"

/*
 * How many partitions Weir makes for one view; rows of further ranges go to
 * the default partition.
 */
#define WEIR_MAX_PARTITIONS 1000

/*
 * The partitions of a matrel, or values relation, as they are now, in
 * CurrentMemoryContext; good while the matrel is open and locked.
 */
typedef struct PartitionRouter PartitionRouter;

extern PartitionRouter *weir_partition_router(Relation matrel, const ContView *view, const ContQuery *query);
extern int	weir_partition_count(PartitionRouter *router);
extern Oid	weir_partition_oid(PartitionRouter *router, int n);

/*
 * The partition of a group (its row, all columns fetched), or -1 when the
 * group has expired.  Errors when there is none (ERRCODE_LOCK_NOT_AVAILABLE:
 * to be made first).
 */
extern int	weir_partition_route(PartitionRouter *router, TupleTableSlot *group);

/*
 * Partitions that groups need and that are not there.  wants_note looks at one
 * group; weir_partition_wants_make makes them until it is enough, but at least
 * one, in the current transaction, and returns how many are left; the matrel
 * must not be open then.  What cannot be made for want of a lock goes to the
 * default partition. view: where groups of its matrel get a partition, its
 * values relations have nothing that they are to find (NULL: these are of a
 * values relation).
 */
typedef struct PartitionWants PartitionWants;

extern PartitionWants *weir_partition_wants(PartitionRouter *router);
extern void weir_partition_wants_note(PartitionWants *wants, TupleTableSlot *group);
extern int	weir_partition_wants_make(PartitionWants *wants, bool (*enough) (void *arg), void *arg, const ContView *view);

/*
 * The column of the matrel that a view shall be partitioned by: a group key of
 * type timestamp, timestamptz or date, or (without grouping) a column; of a
 * hopping, cumulating or session window its pane.  name is a column of the
 * view.  Errors when there is none, or the interval is not of one kind.
 */
extern int	weir_partition_find_key(const ContQuery *cq, Query *def, const char *name,
									const Interval *interval);

#endif
