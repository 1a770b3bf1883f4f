/*
 * partition_bound.c
 *	  The bounds of a matrel's partitions, and rows of a range.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"

#include "matrel/guard.h"
#include "matrel/partition_bound.h"

Timestamp
weir_partition_time(Oid type, Datum value)
{
	int			overflow;

	if (type == DATEOID)
		return date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	return DatumGetTimestamp(value);
}

Datum
weir_partition_value(Oid type, Timestamp time)
{
	if (type == DATEOID)
		return DirectFunctionCall1(timestamp_date, TimestampGetDatum(time));
	return TimestampGetDatum(time);
}

List *
weir_partitions_bound(Oid relid)
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

Oid
weir_partition_default(Relation matrel)
{
	PartitionDesc desc = RelationGetPartitionDesc(matrel, true);

	return get_default_oid_from_partdesc(desc);
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
									   weir_partition_name(relid), name, name),
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look into a partition");
	result = SPI_processed > 0;
	SPI_finish();
	return result;
}

void
weir_partition_delete_range(const ContView *view, Oid relid, int column, const PartitionRange *range)
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
										   weir_partition_name(relid), name, name),
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

void
weir_partition_clear_values(const ContView *view, int column, const PartitionRange *range)
{
	for (int i = 0; i < view->nvalues; i++)
		weir_partition_delete_range(view, view->values[i], column, range);
}

char *
weir_partition_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}
