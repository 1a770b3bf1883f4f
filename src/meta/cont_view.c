/*
 * cont_view.c
 *	  The catalog of continuous views, weir.continuous_view.
 *
 * Reads and writes the rows, and keeps the list of views of this database for
 * any process that asks: backends (DDL), ingest and flush workers.  What the
 * rows mean is left to query/ and view/.
 *
 * Reading uses the catalog snapshot, as system catalogs do: what the cache
 * holds does not depend on the age of the transaction that filled it.  It is
 * read again after an invalidation, and after any commit that changed it
 * (view_changes.h).
 *
 * Memory: the list lives in a context of its own.  When it is replaced, the
 * old one is handed to the current transaction, so that pointers taken earlier
 * in it stay good until its end.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/stats.h"
#include "base/weir.h"
#include "meta/adopted.h"
#include "meta/cont_view.h"
#include "meta/suspended.h"
#include "meta/view_changes.h"
#include "meta/view_row.h"

#define MAX_READS 10

static MemoryContext cache_cxt = NULL;
static List *cache_list = NIL;
static bool cache_valid = false;
static Oid	cache_catalog = InvalidOid;
static uint64 cache_generation = 0;


static bool callbacks_registered = false;

WEIR_FUNCTION(weir_catalog_changed);

static void register_callbacks(void);
static void relcache_changed(Datum arg, Oid relid);
static void namespace_changed(Datum arg, int cacheid, uint32 hashvalue);
static List *load_views(Oid catalog);
static List *load_rows(Oid catalog);
static bool find_relations(ContView *view);
static void mark_restored(List *views);
static int	compare_views(const ListCell *a, const ListCell *b);
static uint64 update_row(const char *sql, int nargs, Oid *types, Datum *values,
						 const char *nulls);

List *
weir_cont_views(void)
{
	for (int i = 0; i < MAX_READS && (!cache_valid || cache_generation != weir_cont_views_generation()); i++)
	{
		MemoryContext old_cxt = cache_cxt;
		MemoryContext new_cxt;
		MemoryContext caller;
		uint64		version;
		List	   *list;

		register_callbacks();
		if (!weir_extension_exists())
			return NIL;
		cache_catalog = weir_catalog_relid("continuous_view");
		version = weir_cont_views_version();
		cache_generation = weir_cont_views_generation();

		new_cxt = AllocSetContextCreate(CurrentMemoryContext,
										"weir continuous views",
										ALLOCSET_SMALL_SIZES);
		caller = MemoryContextSwitchTo(new_cxt);
		list = load_views(cache_catalog);
		MemoryContextSwitchTo(caller);

		MemoryContextSetParent(new_cxt, CacheMemoryContext);
		cache_cxt = new_cxt;
		cache_list = list;
		if (old_cxt)
			MemoryContextSetParent(old_cxt, TopTransactionContext);

		/*
		 * An invalidation accepted while reading: read again, though not for
		 * ever (debug_discard_caches sends one with every table opened).  The
		 * list is then as of the snapshot it was read with.
		 */
		cache_valid = (version == weir_cont_views_version());
	}
	return cache_list;
}

bool
weir_cont_view_reads(const ContView *view, Oid streamid)
{
	return list_member_oid(view->streams, streamid);
}

List *
weir_cont_views_streams(List *views, bool active_only)
{
	List	   *streams = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);

		if (active_only && view->state != CONT_VIEW_ACTIVE)
			continue;
		streams = list_concat_unique_oid(streams, view->streams);
	}
	return streams;
}

ContView *
weir_cont_views_find(List *views, Oid defid)
{
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);

		if (view->defid == defid)
			return view;
	}
	return NULL;
}

void
weir_cont_views_purge(HTAB *table, List *views)
{
	HASH_SEQ_STATUS status;
	Oid		   *defid;

	if (table == NULL || hash_get_num_entries(table) == 0)
		return;
	hash_seq_init(&status, table);
	while ((defid = hash_seq_search(&status)) != NULL)
		if (weir_cont_views_find(views, *defid) == NULL)
			(void) hash_search(table, defid, HASH_REMOVE, NULL);
}

ContView *
weir_cont_view_by_def(Oid defid)
{
	return weir_cont_views_find(weir_cont_views(), defid);
}

ContView *
weir_cont_view_by_view(Oid viewid)
{
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (view->viewid == viewid)
			return view;
	}
	return NULL;
}

ContView *
weir_cont_view_by_matrel(Oid matrelid)
{
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (view->matrelid == matrelid)
			return view;
		for (int i = 0; i < view->nvalues; i++)
			if (view->values[i] == matrelid)
				return view;
	}
	return NULL;
}

void
weir_cont_view_insert(const ContView *view)
{
	Relation	rel = table_open(weir_catalog_relid("continuous_view"), RowExclusiveLock);

	CatalogTupleInsert(rel, weir_view_row_form(view, RelationGetDescr(rel)));
	weir_cont_views_mark_changed(rel);
	table_close(rel, RowExclusiveLock);
	weir_adopted_set(view->defid, NULL);
}

bool
weir_cont_view_forget(Oid relid, ContView *view)
{
	Oid			schema = get_namespace_oid(WEIR_SCHEMA, true);
	Oid			catalog = OidIsValid(schema) ?
		get_relname_relid("continuous_view", schema) : InvalidOid;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	/* DROP EXTENSION may have dropped the catalog before the views. */
	if (!OidIsValid(catalog) || relid == catalog)
		return false;
	rel = table_open(catalog, RowExclusiveLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		weir_view_row_relations(view, tuple, RelationGetDescr(rel));
		if (relid == view->defid || relid == view->viewid || relid == view->matrelid)
		{
			weir_own_delete(rel, &tuple->t_self);
			weir_cont_views_mark_changed(rel);
			found = true;
		}
	}
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
	return found;
}

bool
weir_cont_view_set_state(Oid defid, ContViewState state, const char *reason)
{
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[3];

	values[0] = ObjectIdGetDatum(defid);
	values[1] = CStringGetTextDatum(weir_view_state_name(state));
	values[2] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
	weir_suspended_remove_at_commit(defid);
	return update_row("UPDATE weir.continuous_view SET state = $2, reason = $3, since = pg_catalog.clock_timestamp()"
					  " WHERE def OPERATOR(pg_catalog.=) $1",
					  3, types, values, reason ? "   " : "  n") > 0;
}

bool
weir_cont_view_suspend(Oid defid, const char *reason, bool nowait)
{
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(defid), CStringGetTextDatum(reason)};

	ContView   *view = weir_cont_view_by_def(defid);

	weir_stats_view_error(defid);
	if (view)
		weir_suspended_add_at_commit(view);
	return update_row(psprintf("UPDATE weir.continuous_view SET state = 'suspended', reason = $2, since = pg_catalog.clock_timestamp()"
							   " WHERE def OPERATOR(pg_catalog.=)"
							   " (SELECT v.def FROM weir.continuous_view v WHERE v.def OPERATOR(pg_catalog.=) $1 FOR UPDATE%s)",
							   nowait ? " NOWAIT" : ""),
					  2, types, values, NULL) > 0;
}

bool
weir_cont_view_set_view(Oid defid, Oid viewid)
{
	Oid			types[] = {OIDOID, OIDOID};
	Datum		values[] = {ObjectIdGetDatum(defid), ObjectIdGetDatum(viewid)};

	return update_row("UPDATE weir.continuous_view SET view = $2 WHERE def OPERATOR(pg_catalog.=) $1",
					  2, types, values, NULL) > 0;
}

bool
weir_cont_view_set_position(Oid defid, int64 boot, int64 seq)
{
	Oid			types[] = {OIDOID, INT8OID, INT8OID};
	Datum		values[3];

	values[0] = ObjectIdGetDatum(defid);
	values[1] = Int64GetDatum(weir_view_row_boot(boot));
	values[2] = Int64GetDatum(seq);
	return update_row("UPDATE weir.continuous_view SET start_boot = $2, start_seq = $3"
					  " WHERE def OPERATOR(pg_catalog.=) $1",
					  3, types, values, NULL) > 0;
}

bool
weir_cont_view_add_generation(Oid defid, int columns)
{
	Oid			types[] = {OIDOID, INT2OID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(defid);
	values[1] = Int16GetDatum(columns);
	return update_row("UPDATE weir.continuous_view SET generations = pg_catalog.array_append(generations, $2),"
					  " replaced = pg_catalog.array_append(replaced, pg_catalog.now())"
					  " WHERE def OPERATOR(pg_catalog.=) $1",
					  2, types, values, NULL) > 0;
}

bool
weir_cont_view_set_ttl(Oid defid, const Interval *ttl, const char *column)
{
	Oid			types[] = {OIDOID, INTERVALOID, TEXTOID};
	Datum		values[3];

	values[0] = ObjectIdGetDatum(defid);
	values[1] = ttl ? IntervalPGetDatum(ttl) : (Datum) 0;
	values[2] = ttl ? CStringGetTextDatum(column) : (Datum) 0;
	return update_row("UPDATE weir.continuous_view SET ttl = $2, ttl_column = $3"
					  " WHERE def OPERATOR(pg_catalog.=) $1",
					  3, types, values, ttl ? "   " : " nn") > 0;
}

/* Statement trigger on weir.continuous_view: tell every process. */
Datum
weir_catalog_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("weir.catalog_changed must be called as a trigger")));
	weir_cont_views_mark_changed(((TriggerData *) fcinfo->context)->tg_relation);
	if (TRIGGER_FIRED_BY_DELETE(((TriggerData *) fcinfo->context)->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(((TriggerData *) fcinfo->context)->tg_event))
		weir_adopted_prune();
	PG_RETURN_POINTER(NULL);
}

static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	CacheRegisterRelcacheCallback(relcache_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
	callbacks_registered = true;
}

static void
relcache_changed(Datum arg, Oid relid)
{
	bool		ours = (relid == InvalidOid || relid == cache_catalog);
	ListCell   *lc;

	/* Name and owner are part of the list. */
	foreach(lc, cache_list)
	{
		ContView   *view = lfirst(lc);

		if (ours)
			break;
		ours = (relid == view->viewid || relid == view->matrelid);
	}
	if (ours)
	{
		cache_valid = false;
		weir_cont_views_count_change();
	}
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_valid = false;
	weir_cont_views_count_change();
}

/* Those whose relations are there. */
static List *
load_views(Oid catalog)
{
	List	   *views = load_rows(catalog);
	ListCell   *lc;

	foreach(lc, views)
		if (!find_relations(lfirst(lc)))
			views = foreach_delete_current(views, lc);
	return views;
}

static List *
load_rows(Oid catalog)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *list = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		list = lappend(list, weir_view_row_read(tuple, RelationGetDescr(rel)));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(list, compare_views);
	mark_restored(list);
	return list;
}

static void
mark_restored(List *views)
{
	List	   *whole = weir_adopted_list();
	ListCell   *lc;

	foreach(lc, views)
		if (!weir_adopted_in(whole, ((ContView *) lfirst(lc))->defid))
			((ContView *) lfirst(lc))->state = CONT_VIEW_RESTORED;
}

List *
weir_cont_views_whole(void)
{
	List	   *whole = NIL;
	ListCell   *lc;

	foreach(lc, weir_cont_views())
		if (((ContView *) lfirst(lc))->state != CONT_VIEW_RESTORED)
			whole = lappend(whole, lfirst(lc));
	return whole;
}

List *
weir_cont_views_restored(void)
{
	List	   *restored = NIL;
	ListCell   *lc;

	foreach(lc, load_rows(weir_catalog_relid("continuous_view")))
		if (((ContView *) lfirst(lc))->state == CONT_VIEW_RESTORED)
		{
			(void) find_relations(lfirst(lc));
			restored = lappend(restored, lfirst(lc));
		}
	return restored;
}

/* Name and owner are those of the relations; false when these are gone. */
static bool
find_relations(ContView *view)
{
	char	   *name;
	HeapTuple	matrel;

	name = get_rel_name(view->viewid);
	matrel = SearchSysCache1(RELOID, ObjectIdGetDatum(view->matrelid));
	if (!HeapTupleIsValid(matrel))
		return false;
	view->owner = ((Form_pg_class) GETSTRUCT(matrel))->relowner;
	ReleaseSysCache(matrel);
	if (name == NULL || get_rel_name(view->defid) == NULL)
		return false;
	view->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(view->viewid)),
											name);
	return true;
}

static int
compare_views(const ListCell *a, const ListCell *b)
{
	Oid			x = ((ContView *) lfirst(a))->defid;
	Oid			y = ((ContView *) lfirst(b))->defid;

	return x < y ? -1 : x > y ? 1 : 0;
}

/*
 * An UPDATE of the catalog as its owner: callers have checked that the user
 * may.  The statement's own row locking settles races with other writers.
 */
static uint64
update_row(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Relation	rel;
	Oid			save_user;
	int			save_sec;
	uint64		rows;

	GetUserIdAndSecContext(&save_user, &save_sec);
	SetUserIdAndSecContext(weir_catalog_owner(), save_sec | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not update weir.continuous_view");
	rows = SPI_processed;
	SPI_finish();
	SetUserIdAndSecContext(save_user, save_sec);

	/* Whatever triggers fire. */
	rel = table_open(weir_catalog_relid("continuous_view"), NoLock);
	weir_cont_views_mark_changed(rel);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	return rows;
}
