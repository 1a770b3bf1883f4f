/*
 * extension.c
 *	  Is the extension here, and what of it: its schema, tables, servers and
 *	  streams.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_table.h"
#include "commands/extension.h"
#include "common/int.h"
#include "foreign/foreign.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/extension.h"

static Oid	known_schema = InvalidOid;	/* weir exists here; InvalidOid: look */
static bool callback_registered = false;

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	known_schema = InvalidOid;
}

bool
weir_extension_exists(void)
{
	Oid			schema;

	if (OidIsValid(known_schema))
		return true;
	if (!callback_registered)
		CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
	callback_registered = true;

	/* A negative answer comes from the catalog cache as well. */
	schema = get_namespace_oid(WEIR_SCHEMA, true);
	if (!OidIsValid(schema) ||
		!OidIsValid(get_extension_oid(WEIR_EXTENSION, true)) ||
		!OidIsValid(get_relname_relid("adopted", schema)) ||
		!OidIsValid(get_relname_relid("continuous_view", schema)))
		return false;
	known_schema = schema;
	return true;
}

Oid
weir_schema_oid(void)
{
	return get_namespace_oid(WEIR_SCHEMA, false);
}

Oid
weir_catalog_relid(const char *relname)
{
	Oid			relid = get_relname_relid(relname, weir_schema_oid());

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", WEIR_SCHEMA, relname),
				 errhint("Run CREATE EXTENSION weir.")));
	return relid;
}

Oid
weir_catalog_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(weir_catalog_relid("continuous_view")));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for weir.continuous_view");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

bool
weir_server_is_weir(Oid serverid)
{
	ForeignServer *server = GetForeignServerExtended(serverid, FSV_MISSING_OK);
	ForeignDataWrapper *fdw = server == NULL ? NULL :
		GetForeignDataWrapperExtended(server->fdwid, FDW_MISSING_OK);

	return fdw != NULL && strcmp(fdw->fdwname, WEIR_FDW) == 0;
}

bool
weir_relation_is_stream(Oid relid)
{
	HeapTuple	tuple;
	bool		isnull;
	Datum		serverid;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return false;
	tuple = SearchSysCache1(FOREIGNTABLEREL, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;
	serverid = SysCacheGetAttr(FOREIGNTABLEREL, tuple,
							   Anum_pg_foreign_table_ftserver, &isnull);
	ReleaseSysCache(tuple);
	return weir_server_is_weir(DatumGetObjectId(serverid));
}

int
weir_stream_arrival(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->atttypid == TIMESTAMPTZOID &&
			strcmp(NameStr(att->attname), WEIR_ARRIVAL_COLUMN) == 0)
			return i;
	}
	return -1;
}

int64
weir_interval_usecs(const Interval *interval)
{
	int64		days = interval->day + (int64) interval->month * DAYS_PER_MONTH;
	int64		result;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &result) ||
		pg_add_s64_overflow(result, interval->time, &result))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	return result;
}
