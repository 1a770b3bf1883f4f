/*
 * guard.c
 *	  The statement trigger of matrels and values relations.
 *
 * It refuses writes by users.  The flush worker writes below the level of
 * triggers; a dump loads a table before it makes the table's triggers.
 *
 * Its arguments are what dumps would lose of a view: one of a schema alone has
 * neither its definition, which is in schema weir, nor its row of
 * weir.continuous_view; one without data has not the latter.  v_mrel: 'v',
 * 'v_def', options, query; v_vals1: 'v', '1'.  They follow all changes of
 * names.  In a database nothing but the end of a restore reads them
 * (view/adopt.c).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/owner.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "meta/cont_view.h"
#include "meta/view_options.h"
#include "query/def.h"

Oid			weir_matrel_writable = InvalidOid;

WEIR_FUNCTION(weir_refuse_write);

static bool lock_walker(Node *node, void *context);
static char *options_of(const ContView *view);
static List *strings(List *texts);
static void set_arguments(Oid relid, List *args);
static HeapTuple find_guard(Relation triggers, Oid relid, SysScanDesc *scan);
static List *arguments_of(HeapTuple trigger, TupleDesc desc);
static Guard *read_guard(Oid relid, List *args);
static Oid	guard_function(void);

void
weir_guard_create(Oid matrelid)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);

	stmt->trigname = "weir_refuse_write";
	stmt->relation = makeRangeVar(get_namespace_name(get_rel_namespace(matrelid)),
								  get_rel_name(matrelid), -1);
	stmt->funcname = list_make2(makeString(WEIR_SCHEMA), makeString("refuse_write"));
	stmt->row = false;
	stmt->timing = TRIGGER_TYPE_BEFORE;
	stmt->events = TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE |
		TRIGGER_TYPE_DELETE | TRIGGER_TYPE_TRUNCATE;
	CreateTrigger(stmt, NULL, matrelid, InvalidOid, InvalidOid, InvalidOid,
				  InvalidOid, InvalidOid, NULL, false, false);
	CommandCounterIncrement();
}

void
weir_guard_describe(const ContView *view)
{
	char	   *name = get_rel_name(view->viewid);
	OwnerSwitch saved;
	List	   *args;

	/* All names with their schemas. */
	weir_owner_enter(&saved, weir_catalog_owner(), "pg_catalog, pg_temp", InvalidOid);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	args = list_make4(name, get_rel_name(view->defid), options_of(view), pg_get_querydef(weir_def_query(view->defid), false));
	weir_owner_leave(&saved);
	set_arguments(view->matrelid, args);
	for (int i = 0; i < view->nvalues; i++)
		set_arguments(view->values[i], list_make2(name, psprintf("%d", i + 1)));
}

void
weir_guard_describe_all(void)
{
	ListCell   *lc;

	foreach(lc, weir_cont_views_whole())
	{
		ContView	view = *(ContView *) lfirst(lc);

		if (ConditionalLockRelationOid(view.defid, AccessShareLock) &&
			!lock_walker((Node *) weir_def_query(view.defid), NULL))
			weir_guard_describe(&view);
	}
}

/* True when one of the query's relations is locked by another. */
static bool
lock_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->rtekind == RTE_RELATION && !ConditionalLockRelationOid(rte->relid, AccessShareLock);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, lock_walker, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, lock_walker, context);
}

void
weir_guard_set_definition(const Guard *guard, const char *def)
{
	set_arguments(guard->relid, list_make4(guard->view, pstrdup(def), guard->options, guard->query));
}

/*
 * Columns of the view's row, but for what the other arguments say, its state
 * here (not that its owner has deactivated it), and defaults.
 */
static char *
options_of(const ContView *view)
{
	static const char *sql =
		"SELECT coalesce(pg_catalog.jsonb_object_agg(o.key, o.value), '{}')"
		" FROM weir.continuous_view v, LATERAL pg_catalog.jsonb_each(pg_catalog.to_jsonb(v)) o"
		" WHERE v.def OPERATOR(pg_catalog.=) $1 AND o.value OPERATOR(pg_catalog.<>) 'null'"
		" AND o.key OPERATOR(pg_catalog.<>) ALL ('{def,view,matrel,values,streams,reason,since,start_boot,start_seq,created}')"
		" AND (o.key OPERATOR(pg_catalog.<>) 'state' OR o.value OPERATOR(pg_catalog.=) '\"inactive\"')"
		" AND NOT $2::pg_catalog.jsonb OPERATOR(pg_catalog.@>) pg_catalog.jsonb_build_object(o.key, o.value)";
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(view->defid), CStringGetTextDatum(weir_view_options_defaults())};
	MemoryContext caller = CurrentMemoryContext;
	char	   *result;

	SPI_connect();
	if (SPI_execute_with_args(sql, 2, types, values, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the options of a continuous view");
	result = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	return result;
}

/*
 * As CREATE OR REPLACE TRIGGER would, without its lock: nothing that runs
 * depends on them.
 */
static void
set_arguments(Oid relid, List *args)
{
	Relation	triggers = table_open(TriggerRelationId, RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(triggers);
	SysScanDesc scan;
	HeapTuple	old = find_guard(triggers, relid, &scan);
	StringInfoData bytes;
	ListCell   *lc;

	initStringInfo(&bytes);
	foreach(lc, args)
		appendBinaryStringInfo(&bytes, lfirst(lc), strlen(lfirst(lc)) + 1);
	if (HeapTupleIsValid(old) && !equal(strings(args), strings(arguments_of(old, desc))))
	{
		Datum		values[Natts_pg_trigger] = {0};
		bool		nulls[Natts_pg_trigger] = {false};
		bool		replace[Natts_pg_trigger] = {false};

		values[Anum_pg_trigger_tgnargs - 1] = Int16GetDatum(list_length(args));
		values[Anum_pg_trigger_tgargs - 1] = PointerGetDatum(cstring_to_text_with_len(bytes.data, bytes.len));
		replace[Anum_pg_trigger_tgnargs - 1] = replace[Anum_pg_trigger_tgargs - 1] = true;
		CatalogTupleUpdate(triggers, &old->t_self, heap_modify_tuple(old, desc, values, nulls, replace));
		CacheInvalidateRelcacheByRelid(relid);
	}
	systable_endscan(scan);
	table_close(triggers, RowExclusiveLock);
	CommandCounterIncrement();
}

/* The row of its trigger, good until the scan, which is begun here, ends. */
static HeapTuple
find_guard(Relation triggers, Oid relid, SysScanDesc *scan)
{
	Oid			function = guard_function();
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	*scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(*scan)))
		if (((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == function)
			break;
	return tuple;
}

List *
weir_guards(void)
{
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(triggers, InvalidOid, false, NULL, 0, NULL);
	Oid			function = guard_function();
	List	   *result = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (form->tgfoid == function && (form->tgnargs == 2 || form->tgnargs == 4))
			result = lappend(result, read_guard(form->tgrelid, arguments_of(tuple, RelationGetDescr(triggers))));
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return result;
}

static Guard *
read_guard(Oid relid, List *args)
{
	Guard	   *guard = palloc0(sizeof(Guard));

	guard->relid = relid;
	guard->view = linitial(args);
	if (list_length(args) == 2)
		guard->n = atoi(lsecond(args));
	else
	{
		guard->def = lsecond(args);
		guard->options = lthird(args);
		guard->query = lfourth(args);
	}
	return guard;
}

static List *
arguments_of(HeapTuple trigger, TupleDesc desc)
{
	int			n = ((Form_pg_trigger) GETSTRUCT(trigger))->tgnargs;
	bool		isnull;
	bytea	   *bytes = DatumGetByteaPP(fastgetattr(trigger, Anum_pg_trigger_tgargs, desc, &isnull));
	char	   *next = VARDATA_ANY(bytes);
	List	   *args = NIL;

	for (int i = 0; i < n; i++)
	{
		args = lappend(args, pstrdup(next));
		next += strlen(next) + 1;
	}
	return args;
}

static List *
strings(List *texts)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, texts)
		result = lappend(result, makeString(lfirst(lc)));
	return result;
}

static Oid
guard_function(void)
{
	oidvector  *types = buildoidvector(NULL, 0);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("refuse_write"),
						   PointerGetDatum(types), ObjectIdGetDatum(weir_schema_oid()));
}

/* Statement trigger of every matrel. */
Datum
weir_refuse_write(PG_FUNCTION_ARGS)
{
	Relation	rel;
	ContView   *view;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("weir.refuse_write must be called as a trigger")));
	rel = ((TriggerData *) fcinfo->context)->tg_relation;
	view = weir_cont_view_by_matrel(rel->rd_rel->relispartition ?
									get_partition_parent(RelationGetRelid(rel), true) :
									RelationGetRelid(rel));

	/* It is being restored; or a partition was detached. */
	if (view == NULL || view->state == CONT_VIEW_RESTORED ||
		view->defid == weir_matrel_writable)
		PG_RETURN_POINTER(NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot change materialization table \"%s\" of continuous view \"%s\"",
					RelationGetRelationName(rel), view->name),
			 errhint("Insert into the view's stream, or call weir.truncate to start the view over.")));
}
