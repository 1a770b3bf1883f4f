/*
 * partition_bound.h
 *	  The bounds of a matrel's partitions, and rows of a range.
 */
#ifndef WEIR_MATREL_PARTITION_BOUND_H
#define WEIR_MATREL_PARTITION_BOUND_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "meta/cont_view.h"

/*
 * Times of a partition, in terms of the key's type, a date as its midnight:
 * from lower to before upper.
 */
typedef struct PartitionRange
{
	Timestamp	lower;
	Timestamp	upper;
} PartitionRange;

typedef struct BoundPartition
{
	Oid			relid;
	PartitionRange range;
} BoundPartition;

/* A value of the key as such a time, and back. */
extern Timestamp weir_partition_time(Oid type, Datum value);
extern Datum weir_partition_value(Oid type, Timestamp time);

/*
 * All partitions (BoundPartition *) of a matrel or values relation but the
 * default one, oldest first.
 */
extern List *weir_partitions_bound(Oid relid);

/* The default partition, or InvalidOid. */
extern Oid	weir_partition_default(Relation matrel);

/*
 * Has a relation any row in a range of the key, which is this column (index)?
 */
extern bool weir_partition_has(Oid relid, int column, const PartitionRange *range);

/*
 * Delete what a values relation of the view has in a range of the key, or all
 * of them have.
 */
extern void weir_partition_delete_range(const ContView *view, Oid relid, int column, const PartitionRange *range);
extern void weir_partition_clear_values(const ContView *view, int column, const PartitionRange *range);

/* Its qualified name, quoted; palloc'd. */
extern char *weir_partition_name(Oid relid);

#endif
