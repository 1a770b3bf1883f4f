/*
 * partition_drop.c
 *	  Dropping partitions of a matrel, and what its values relations have in
 *	  the same range.
 *
 * Values relations are partitioned as the matrel is, and their partitions go
 * with its in one transaction.  They need not have the same boundaries: one
 * may have been attached where the other could not be for want of a lock, and
 * so have its rows in the default partition.  So of a values relation go the
 * partitions inside the range, and rows of the range that are elsewhere.  Rows
 * of the matrel's default partition are never in the range of another one, so
 * nothing that is still shown loses its values.
 *
 * The lock on the matrel, which every reader of the view takes first, keeps
 * readers away meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "matrel/closed.h"
#include "matrel/expire.h"
#include "matrel/partition_bound.h"
#include "matrel/partition_drop.h"

static List *partitions_until(Oid relid, Timestamp until);
static void drop_table(Oid relid);
static void drop_values(const ContView *view, Oid relid, int column, const PartitionRange *range);

List *
weir_partition_expired(const ContView *view, const ContQuery *query)
{
	List	   *result = NIL;
	Timestamp	expired;

	if (!weir_matrel_expired_until(view, query, weir_clock_now(), &expired))
		return NIL;
	result = partitions_until(view->matrelid, expired);
	if (result == NIL || !query->partition_panes || !query->kind->expires_whole)
		return result;
	weir_matrel_spare_sessions(view, query, &expired);
	return partitions_until(view->matrelid, expired);
}

static List *
partitions_until(Oid relid, Timestamp until)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, weir_partitions_bound(relid))
	{
		BoundPartition *part = lfirst(lc);

		if (part->range.upper <= until)
			result = lappend_oid(result, part->relid);
	}
	return result;
}

void
weir_partition_drop(const ContView *view, const ContQuery *query, Oid partition)
{
	PartitionRange range = {0, 0};
	ListCell   *lc;

	foreach(lc, weir_partitions_bound(view->matrelid))
	{
		BoundPartition *part = lfirst(lc);

		if (part->relid == partition)
			range = part->range;
	}
	drop_table(partition);
	for (int i = 0; i < view->nvalues; i++)
		drop_values(view, view->values[i], query->partition_key, &range);
}

int64
weir_partition_rows(Oid partition)
{
	int64		rows;
	bool		isnull;

	SPI_connect();
	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", weir_partition_name(partition)), true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of a partition");
	rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return rows;
}

static void
drop_table(Oid relid)
{
	ObjectAddress object;

	ObjectAddressSet(object, RelationRelationId, relid);
	performDeletion(&object, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	CommandCounterIncrement();
}

/*
 * Drop the values relation's partitions inside the range, and those before it
 * that are empty; delete the range from the others.
 */
static void
drop_values(const ContView *view, Oid relid, int column, const PartitionRange *range)
{
	ListCell   *lc;

	LockRelationOid(relid, AccessExclusiveLock);
	foreach(lc, weir_partitions_bound(relid))
	{
		BoundPartition *part = lfirst(lc);

		if (part->range.upper <= range->upper &&
			(part->range.lower >= range->lower || !weir_partition_has(part->relid, column, &part->range)))
			drop_table(part->relid);
	}
	weir_partition_delete_range(view, relid, column, range);
}
