/*
 * adopted.c
 *	  Which continuous views are whole in this database, and what becomes of
 *	  rows for those that are not.
 *
 * A restore makes streams first, then definitions and matrels, then it loads
 * data in some order, then indexes and triggers.  A row that is inserted
 * meanwhile would not count, or be counted twice.  So it is refused, from the
 * definition's creation on: an error loses nothing.  When the restore has
 * ended, and a definition is still not whole because the dump left something
 * out, rows must flow for the sake of other views, with a warning.
 *
 * Whether there are such definitions is looked up in the system catalogs by
 * the first session that inserts after the list of views has changed
 * (view_changes.h counts these changes). If all are whole, shared memory says
 * so to the others; else each looks at its streams. Before a commit this is
 * done once more, for the restore may have begun after the rows were inserted.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_rewrite.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "base/shmem.h"
#include "base/weir.h"
#include "meta/adopted.h"
#include "meta/extension.h"
#include "meta/view_changes.h"

enum
{
	ANUM_ADOPTED_DEF = 1,
	ANUM_ADOPTED_MISSING,
	NADOPTED = ANUM_ADOPTED_MISSING
};

/* A stream that this session inserts into. */
typedef struct CheckedStream
{
	Oid			streamid;
	uint64		generation;		/* of the list of views when it was looked up */
	uint64		version;
} CheckedStream;

/*
 * Of each database slot, the database, and the number of the list of views at
 * which all its definitions were whole.
 */
static pg_atomic_uint64 *whole_at = NULL;

static List *checked = NIL;		/* in TopMemoryContext */

/* OIDs, by the current transaction; in TopTransactionContext */
static List *inserted = NIL;

static Size whole_at_size(void);
static void whole_at_init(void *address, bool found);
static bool all_are_whole(uint64 generation);
static void xact_callback(XactEvent event, void *arg);
static HeapTuple find_row(Relation rel, Oid defid, SysScanDesc *scan);
static CheckedStream *find_checked(Oid streamid);
static void look_up(CheckedStream *stream);
static Oid	view_of_rule(Oid ruleid);
static void refuse_or_warn(Oid streamid, Oid defid);

void
weir_adopted_init(void)
{
	static const WeirShmemStruct shmem = {"weir whole views", whole_at_size, whole_at_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(xact_callback, NULL);
}

static Size
whole_at_size(void)
{
	return sizeof(pg_atomic_uint64) * WEIR_MAX_DATABASES;
}

static void
whole_at_init(void *address, bool found)
{
	whole_at = address;
	for (int i = 0; !found && i < WEIR_MAX_DATABASES; i++)
		pg_atomic_init_u64(&whole_at[i], 0);
}

/* ---------------------------------------------------------------------
 * The table
 * --------------------------------------------------------------------- */

List *
weir_adopted_list(void)
{
	Relation	rel = table_open(weir_catalog_relid("adopted"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *list = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[NADOPTED];
		bool		nulls[NADOPTED];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		if (nulls[ANUM_ADOPTED_MISSING - 1])
			list = lappend_oid(list, DatumGetObjectId(values[ANUM_ADOPTED_DEF - 1]));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(list, list_oid_cmp);
	return list;
}

bool
weir_adopted_in(List *adopted, Oid defid)
{
	int			low = 0;
	int			high = list_length(adopted);

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (list_nth_oid(adopted, middle) < defid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list_length(adopted) && list_nth_oid(adopted, low) == defid;
}

void
weir_adopted_prune(void)
{
	Relation	views = table_open(weir_catalog_relid("continuous_view"), AccessShareLock);
	Relation	rel = table_open(weir_catalog_relid("adopted"), RowExclusiveLock);
	List	   *rows = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull;

	CommandCounterIncrement();	/* see what was deleted */
	scan = systable_beginscan(views, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		rows = lappend_oid(rows, DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(views), &isnull)));
	systable_endscan(scan);
	list_sort(rows, list_oid_cmp);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			defid = DatumGetObjectId(heap_getattr(tuple, ANUM_ADOPTED_DEF, RelationGetDescr(rel), &isnull));

		if (!weir_adopted_in(rows, defid))
			weir_own_delete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
	table_close(views, AccessShareLock);
}

Adoption
weir_adopted_get(Oid defid, char **missing)
{
	Relation	rel = table_open(weir_catalog_relid("adopted"), AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple = find_row(rel, defid, &scan);
	Adoption	result = ADOPTION_NONE;

	if (missing)
		*missing = NULL;
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		reason = heap_getattr(tuple, ANUM_ADOPTED_MISSING, RelationGetDescr(rel), &isnull);

		result = isnull ? ADOPTION_WHOLE : ADOPTION_INCOMPLETE;
		if (!isnull && missing)
			*missing = TextDatumGetCString(reason);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

void
weir_adopted_set(Oid defid, const char *missing)
{
	Relation	rel = table_open(weir_catalog_relid("adopted"), RowExclusiveLock);
	Datum		values[NADOPTED] = {ObjectIdGetDatum(defid)};
	bool		nulls[NADOPTED] = {false};
	SysScanDesc scan;
	HeapTuple	old = find_row(rel, defid, &scan);
	HeapTuple	tuple;

	nulls[ANUM_ADOPTED_MISSING - 1] = missing == NULL;
	if (missing)
		values[ANUM_ADOPTED_MISSING - 1] = CStringGetTextDatum(missing);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	if (HeapTupleIsValid(old))
		CatalogTupleUpdate(rel, &old->t_self, tuple);
	else
		CatalogTupleInsert(rel, tuple);
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
	weir_cont_views_touch();
	CommandCounterIncrement();
}

/* The row of a definition, good until the scan, which is begun here, ends. */
static HeapTuple
find_row(Relation rel, Oid defid, SysScanDesc *scan)
{
	HeapTuple	tuple;

	*scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(*scan)))
	{
		bool		isnull;

		if (DatumGetObjectId(heap_getattr(tuple, ANUM_ADOPTED_DEF, RelationGetDescr(rel), &isnull)) == defid)
			break;
	}
	return tuple;
}

/* ---------------------------------------------------------------------
 * Inserting
 * --------------------------------------------------------------------- */

void
weir_adopted_check_insert(Oid streamid)
{
	CheckedStream *stream;
	MemoryContext caller;

	caller = MemoryContextSwitchTo(TopTransactionContext);
	inserted = list_append_unique_oid(inserted, streamid);
	MemoryContextSwitchTo(caller);
	if (all_are_whole(weir_cont_views_generation()))
		return;
	stream = find_checked(streamid);
	if (stream->generation != weir_cont_views_generation() || stream->version != weir_cont_views_version())
		look_up(stream);
}

/*
 * Are all definitions whole, at this number of the list of views?  What the
 * own transaction has done is not said to others.
 */
static bool
all_are_whole(uint64 generation)
{
	pg_atomic_uint64 *known = &whole_at[weir_my_database_slot()];
	uint64		mark = generation << 32 | MyDatabaseId;

	if (weir_cont_views_changed_here())
		return false;
	if (pg_atomic_read_u64(known) == mark)
		return true;
	if (weir_adopted_others() != NIL)
		return false;
	pg_atomic_write_u64(known, mark);
	return true;
}

/*
 * Rows that were inserted before their stream's definitions were restored must
 * not be committed after it.
 */
static void
xact_callback(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event == XACT_EVENT_PRE_COMMIT && inserted != NIL && !all_are_whole(weir_cont_views_generation()))
	{
		foreach(lc, inserted)
		{
			CheckedStream *stream = find_checked(lfirst_oid(lc));

			if (stream->generation != weir_cont_views_generation())
				look_up(stream);
		}
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		inserted = NIL;
}

static CheckedStream *
find_checked(Oid streamid)
{
	MemoryContext caller;
	CheckedStream *stream;
	ListCell   *lc;

	foreach(lc, checked)
		if (((CheckedStream *) lfirst(lc))->streamid == streamid)
			return lfirst(lc);
	caller = MemoryContextSwitchTo(TopMemoryContext);
	stream = palloc0(sizeof(CheckedStream));
	stream->streamid = streamid;
	checked = lappend(checked, stream);
	MemoryContextSwitchTo(caller);
	return stream;
}

static void
look_up(CheckedStream *stream)
{
	uint64		generation = weir_cont_views_generation();
	uint64		version = weir_cont_views_version();
	Oid			schema = weir_schema_oid();
	List	   *whole = weir_adopted_list();
	ListCell   *lc;

	stream->generation = 0;
	foreach(lc, weir_views_over(stream->streamid))
		if (get_rel_namespace(lfirst_oid(lc)) == schema && !weir_adopted_in(whole, lfirst_oid(lc)))
			refuse_or_warn(stream->streamid, lfirst_oid(lc));
	stream->generation = generation;
	stream->version = version;
}

static void
refuse_or_warn(Oid streamid, Oid defid)
{
	char	   *missing;
	Adoption	adoption = weir_adopted_get(defid, &missing);
	char	   *name = get_rel_name(defid);

	if (adoption == ADOPTION_WHOLE || name == NULL)
		return;

	/*
	 * Dropped between the two looks, it has lost its row along with the rest;
	 * caches may not know yet.
	 */
	if (adoption == ADOPTION_NONE)
	{
		InvalidateCatalogSnapshot();
		if (!list_member_oid(weir_views_over(streamid), defid))
			return;
	}
	name = quote_qualified_identifier(WEIR_SCHEMA, name);
	if (adoption == ADOPTION_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot insert into stream \"%s\" while its continuous views are being restored",
						get_rel_name(streamid)),
				 errdetail("The view defined by %s would not count the rows.", name),
				 errhint("A restore ends with REFRESH MATERIALIZED VIEW weir.restored. If it ended without, run SELECT * FROM weir.adopt().")));
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a continuous view over stream \"%s\" does not count rows", get_rel_name(streamid)),
			 errdetail("The view defined by %s was not restored as a whole: %s.", name, missing),
			 errhint("Restore the rest and run SELECT * FROM weir.adopt(), or DROP VIEW %s.", name)));
}

/* ---------------------------------------------------------------------
 * Views in the system catalogs
 * --------------------------------------------------------------------- */

List *
weir_views_over(Oid relid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	List	   *rules = NIL;
	List	   *result = NIL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RewriteRelationId)
			rules = lappend_oid(rules, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	/* A rule depends on each column that it reads. */
	list_sort(rules, list_oid_cmp);
	list_deduplicate_oid(rules);
	foreach(lc, rules)
	{
		Oid			viewid = view_of_rule(lfirst_oid(lc));

		if (OidIsValid(viewid) && get_rel_relkind(viewid) == RELKIND_VIEW)
			result = list_append_unique_oid(result, viewid);
	}
	return result;
}

static Oid
view_of_rule(Oid ruleid)
{
	Relation	rel = table_open(RewriteRelationId, AccessShareLock);
	Oid			result = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(ruleid));
	scan = systable_beginscan(rel, RewriteOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

List *
weir_adopted_others(void)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	Oid			extension = get_extension_oid(WEIR_EXTENSION, false);
	List	   *whole = weir_adopted_list();
	List	   *result = NIL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(weir_schema_oid()));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RelationRelationId && !weir_adopted_in(whole, form->objid) && get_rel_relkind(form->objid) == RELKIND_VIEW &&
			getExtensionOfObject(RelationRelationId, form->objid) != extension)
			result = lappend_oid(result, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	list_sort(result, list_oid_cmp);
	return result;
}
