/*
 * drop.c
 *	  Dropping a continuous view, by whatever statement.
 *
 * PostgreSQL follows dependencies from the stream over def view and matrel to
 * the user's view, never back: a dependency both ways would be a loop for
 * pg_dump.  So DROP VIEW, DROP SCHEMA or DROP OWNED may drop the user's view,
 * or it and the matrel, and leave the rest.  The drop hook sees each relation
 * go, removes the row of weir.continuous_view, and remembers the view; when
 * the statement is done, what is left of it is dropped.
 *
 * Failure: the list is only a hint.  After a rollback (of a subtransaction)
 * the relations are all there again, and nothing is done.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/own_table.h"
#include "base/weir.h"
#include "matrel/shape.h"
#include "meta/cont_view.h"
#include "view/drop.h"

static object_access_hook_type next_hook = NULL;

/* ContViews, their relations only; in TopTransactionContext */
static List *dropped = NIL;

static void object_access(ObjectAccessType access, Oid classid, Oid objectid,
						  int subid, void *arg);
static void forget_list(XactEvent event, void *arg);
static bool relation_exists(Oid relid);
static void forget(Oid objectid, const char *table);

void
weir_drop_init(void)
{
	next_hook = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(forget_list, NULL);
}

void
weir_drop_finish(DropBehavior behavior)
{
	while (dropped != NIL)
	{
		ContView	view = *(ContView *) linitial(dropped);

		dropped = list_delete_first(dropped);
		if (relation_exists(view.defid) &&
			!(relation_exists(view.viewid) && relation_exists(view.matrelid)))
		{
			ObjectAddress def;

			/* A restored view may not be adopted yet. */
			if (relation_exists(view.matrelid))
				weir_depend_on(view.matrelid, view.defid, DEPENDENCY_AUTO);
			for (int i = 0; i < view.nvalues; i++)
				if (relation_exists(view.values[i]))
					weir_depend_on(view.values[i], view.defid, DEPENDENCY_AUTO);
			CommandCounterIncrement();
			ObjectAddressSet(def, RelationRelationId, view.defid);
			performDeletion(&def, behavior, PERFORM_DELETION_INTERNAL);
		}
	}
}

static void
object_access(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	MemoryContext caller;
	ContView   *view;
	char		relkind;

	if (next_hook)
		next_hook(access, classid, objectid, subid, arg);
	if (access != OAT_DROP || classid != RelationRelationId || subid != 0)
		return;
	relkind = get_rel_relkind(objectid);

	/* What the flush worker writes of it is its to delete (flush/notes.h). */
	if (relkind == RELKIND_FOREIGN_TABLE)
	{
		forget(objectid, "source_stopped");
		forget(objectid, "source_resumed");
	}
	if (relkind != RELKIND_VIEW && relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		return;
	if (relkind == RELKIND_VIEW)
		forget(objectid, "adopted");

	caller = MemoryContextSwitchTo(TopTransactionContext);
	view = palloc0(sizeof(ContView));
	if (weir_cont_view_forget(objectid, view))
		dropped = lappend(dropped, view);
	else
		pfree(view);
	MemoryContextSwitchTo(caller);
}

/*
 * Delete the rows of a dropped stream or view; it is the first column of these
 * tables.
 */
static void
forget(Oid objectid, const char *table)
{
	Oid			schema = get_namespace_oid(WEIR_SCHEMA, true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid(table, schema) : InvalidOid;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* DROP EXTENSION may have dropped the table before the streams. */
	if (!OidIsValid(relid))
		return;
	rel = table_open(relid, RowExclusiveLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		first = heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull);

		if (!isnull && DatumGetObjectId(first) == objectid)
			weir_own_delete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}

static void
forget_list(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		dropped = NIL;
}

static bool
relation_exists(Oid relid)
{
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid));
}
