/*
 * partition_drop.c
 *	  Dropping partitions of a matrel, and what its values relations have in the same range.
 *
 * Values relations are partitioned as the matrel is, and their partitions go with
 * its in one transaction.  They need not have the same boundaries: one may have
 * been attached where the other could not be for want of a lock, and so have its
 * rows in the default partition.  So of a values relation go the partitions inside the range,
 * and rows of the range that are elsewhere.  Rows of the matrel's
 * default partition are never in the range of another one, so nothing that is
 * still shown loses its values.
 *
 * The lock on the matrel, which every reader of the view takes first, keeps readers away meanwhile.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "matrel/closed.h"
#include "matrel/expire.h"
#include "matrel/guard.h"
#include "matrel/partition.h"
#include "query/window.h"

typedef struct BoundPartition
{
	Oid			relid;
	PartitionRange range;
} BoundPartition;

static List *partitions_until(Oid relid, Timestamp until);
static List *bound_partitions(Oid relid);
static void drop_table(Oid relid);
static void drop_values(const ContView *view, Oid relid, int column, const PartitionRange *range);
static void delete_range(const ContView *view, Oid relid, int column, const PartitionRange *range);
static char *relation_name(Oid relid);

List *
weir_partition_expired(const ContView *view, const ContQuery *query)
{
	List	   *result = NIL;
	Timestamp	expired;

	if (!weir_matrel_expired_until(view, query, weir_clock_now(), &expired))
		return NIL;
	result = partitions_until(view->matrelid, expired);
	if (result == NIL || !query->partition_panes || query->panes->gap == NULL)
		return result;
	weir_matrel_spare_sessions(view, query, &expired);
	return partitions_until(view->matrelid, expired);
}

static List *
partitions_until(Oid relid, Timestamp until)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, bound_partitions(relid))
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

	foreach(lc, bound_partitions(view->matrelid))
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
	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", relation_name(partition)), true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not count the rows of a partition");
	rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return rows;
}

bool
weir_partition_has(Oid relid, int column, const PartitionRange *range)
{
	const char *name = quote_identifier(get_attname(relid, column + 1, false));
	Oid			type = get_atttype(relid, column + 1);
	Oid			types[2] = {type, type};
	Datum		values[2] = {weir_partition_value(type, range->lower), weir_partition_value(type, range->upper)};
	bool		result;

	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT FROM %s WHERE %s OPERATOR(pg_catalog.>=) $1 AND %s OPERATOR(pg_catalog.<) $2 LIMIT 1",
									   relation_name(relid), name, name),
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look into a partition");
	result = SPI_processed > 0;
	SPI_finish();
	return result;
}

void
weir_partition_clear_values(const ContView *view, int column, const PartitionRange *range)
{
	for (int i = 0; i < view->nvalues; i++)
		delete_range(view, view->values[i], column, range);
}

/* All but the default one, oldest first. */
static List *
bound_partitions(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	Oid			type = RelationGetPartitionKey(rel)->parttypid[0];
	List	   *result = NIL;

	for (int i = 1; desc->nparts > 0 && i < bounds->ndatums; i++)
	{
		BoundPartition *part;

		if (bounds->indexes[i] < 0)
			continue;
		part = palloc(sizeof(BoundPartition));
		part->relid = desc->oids[bounds->indexes[i]];
		part->range.lower = bounds->kind[i - 1][0] == PARTITION_RANGE_DATUM_VALUE ?
			weir_partition_time(type, bounds->datums[i - 1][0]) : DT_NOBEGIN;
		part->range.upper = bounds->kind[i][0] == PARTITION_RANGE_DATUM_VALUE ?
			weir_partition_time(type, bounds->datums[i][0]) : DT_NOEND;
		result = lappend(result, part);
	}
	table_close(rel, NoLock);
	return result;
}

static void
drop_table(Oid relid)
{
	ObjectAddress object;

	ObjectAddressSet(object, RelationRelationId, relid);
	performDeletion(&object, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	CommandCounterIncrement();
}

/* Partitions before the range that are empty were emptied piece by piece. */
static void
drop_values(const ContView *view, Oid relid, int column, const PartitionRange *range)
{
	ListCell   *lc;

	LockRelationOid(relid, AccessExclusiveLock);
	foreach(lc, bound_partitions(relid))
	{
		BoundPartition *part = lfirst(lc);

		if (part->range.upper <= range->upper &&
			(part->range.lower >= range->lower || !weir_partition_has(part->relid, column, &part->range)))
			drop_table(part->relid);
	}
	delete_range(view, relid, column, range);
}

static void
delete_range(const ContView *view, Oid relid, int column, const PartitionRange *range)
{
	const char *name = quote_identifier(get_attname(relid, column + 1, false));
	Oid			type = get_atttype(relid, column + 1);
	Oid			types[2] = {type, type};
	Datum		values[2] = {weir_partition_value(type, range->lower), weir_partition_value(type, range->upper)};

	SPI_connect();
	weir_matrel_writable = view->defid;
	PG_TRY();
	{
		if (SPI_execute_with_args(psprintf("DELETE FROM %s WHERE %s OPERATOR(pg_catalog.>=) $1 AND %s OPERATOR(pg_catalog.<) $2",
										   relation_name(relid), name, name),
								  2, types, values, NULL, false, 0) != SPI_OK_DELETE)
			elog(ERROR, "could not delete from a values relation");
	}
	PG_FINALLY();
	{
		weir_matrel_writable = InvalidOid;
	}
	PG_END_TRY();
	SPI_finish();
}

static char *
relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}
