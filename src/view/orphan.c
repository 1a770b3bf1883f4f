/*
 * orphan.c
 *	  Restored views that have no row of weir.continuous_view, or no
 *	  definition.
 *
 * A dump without data has no rows; a dump of a user's schema has neither rows
 * nor the definitions, which are in schema weir.  The triggers of matrels and
 * values relations say what the row and the definition were (matrel/guard.h),
 * and they go with the tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/own_table.h"
#include "base/owner.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "meta/adopted.h"
#include "meta/cont_view.h"
#include "meta/view_changes.h"
#include "meta/view_options.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/split.h"
#include "query/view_query.h"
#include "view/def_view.h"
#include "view/orphan.h"

typedef struct Orphan
{
	Oid			defid;
	List	   *guards;			/* of all relations */
} Orphan;

static void insert_row(void *arg);
static Guard *find_guards(const Orphan *orphan, List **values);
static Oid	view_named(Oid matrelid, const char *name);
static void make_view(void *arg);
static void restore_definition(Guard *guard);
static bool has_definition(const Guard *guard);
static void make_definition(void *arg);
static Oid	owner_of(Oid relid);
static char *name_of(const Guard *guard);

List *
weir_orphans(void)
{
	List	   *defids = weir_adopted_others();
	ListCell   *lc;

	foreach(lc, weir_cont_views_restored())
		defids = list_delete_oid(defids, ((ContView *) lfirst(lc))->defid);
	return defids;
}

ErrorData *
weir_orphan_make_row(Oid defid, List *guards)
{
	Orphan		orphan = {defid, guards};

	return weir_attempt(insert_row, &orphan);
}

/* The row as it was when the dump was made, but for the view's state. */
static void
insert_row(void *arg)
{
	static const char *sql =
		"INSERT INTO weir.continuous_view"
		" SELECT r.* FROM pg_catalog.jsonb_populate_record(NULL::weir.continuous_view,"
		" '{\"state\": \"active\", \"start_boot\": 0, \"start_seq\": 0, \"search_path\": \"pg_catalog, pg_temp\"}'"
		" OPERATOR(pg_catalog.||) $7::jsonb OPERATOR(pg_catalog.||) $1::jsonb OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object("
		" 'def', $2::weir.relation, 'view', $3::weir.relation, 'matrel', $4::weir.relation,"
		" 'values', $5::weir.relation[], 'streams', $6::weir.relation[],"
		" 'since', pg_catalog.now(), 'created', pg_catalog.now())) r";
	Oid			types[7] = {TEXTOID, OIDOID, OIDOID, OIDOID, OIDARRAYOID, OIDARRAYOID, TEXTOID};
	Datum		args[7];
	Orphan	   *orphan = arg;
	Guard	   *matrel;
	List	   *values;
	List	   *streams;
	OwnerSwitch saved;

	matrel = find_guards(orphan, &values);
	streams = weir_query_streams(weir_def_query(orphan->defid));
	if (matrel == NULL || streams == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 matrel ? errmsg("it reads no stream") :
				 errmsg("its materialization table, or the trigger weir_refuse_write of it, is not there")));
	args[0] = CStringGetTextDatum(matrel->options);
	args[1] = ObjectIdGetDatum(orphan->defid);
	args[2] = ObjectIdGetDatum(view_named(matrel->relid, matrel->view));
	args[3] = ObjectIdGetDatum(matrel->relid);
	args[4] = weir_own_oids(values, OIDOID);
	args[5] = weir_own_oids(streams, OIDOID);
	args[6] = CStringGetTextDatum(weir_view_options_defaults());

	weir_owner_enter(&saved, weir_catalog_owner(), "pg_catalog, pg_temp", InvalidOid);
	SPI_connect();
	if (SPI_execute_with_args(sql, 7, types, args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write weir.continuous_view");
	SPI_finish();
	weir_owner_leave(&saved);
	weir_cont_views_touch();
	CommandCounterIncrement();
}

/*
 * That of the definition's matrel, or NULL; *values: OIDs of its values
 * relations, in their order.
 */
static Guard *
find_guards(const Orphan *orphan, List **values)
{
	char	   *def = get_rel_name(orphan->defid);
	Oid			ids[MAX_VIEW_VALUES] = {0};
	Guard	   *matrel = NULL;
	ListCell   *lc;

	*values = NIL;
	foreach(lc, orphan->guards)
		if (((Guard *) lfirst(lc))->def && strcmp(((Guard *) lfirst(lc))->def, def) == 0)
			matrel = lfirst(lc);
	if (matrel == NULL)
		return NULL;
	foreach(lc, orphan->guards)
	{
		Guard	   *guard = lfirst(lc);

		if (guard->n > 0 && guard->n <= MAX_VIEW_VALUES && strcmp(guard->view, matrel->view) == 0 &&
			get_rel_namespace(guard->relid) == get_rel_namespace(matrel->relid))
			ids[guard->n - 1] = guard->relid;
	}
	for (int i = 0; i < MAX_VIEW_VALUES && OidIsValid(ids[i]); i++)
		*values = lappend_oid(*values, ids[i]);
	return matrel;
}

/* The view of this name beside the matrel, if it reads it. */
static Oid
view_named(Oid matrelid, const char *name)
{
	Oid			viewid = get_relname_relid(name, get_rel_namespace(matrelid));

	return list_member_oid(weir_views_over(matrelid), viewid) ? viewid : InvalidOid;
}

/* ---------------------------------------------------------------------
 * Views that are not there
 * --------------------------------------------------------------------- */

typedef struct MissingView
{
	ContView   *view;
	List	   *guards;
} MissingView;

ErrorData *
weir_orphan_make_view(ContView *view, List *guards)
{
	MissingView missing = {view, guards};

	return weir_attempt(make_view, &missing);
}

static void
make_view(void *arg)
{
	MissingView *missing = arg;
	ContView   *view = missing->view;
	char	   *name = NULL;
	OwnerSwitch saved;
	Query	   *def;
	ContQuery  *cq;
	ListCell   *lc;

	foreach(lc, missing->guards)
		if (((Guard *) lfirst(lc))->relid == view->matrelid && ((Guard *) lfirst(lc))->def)
			name = name_of(lfirst(lc));
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the view is not there")));
	weir_owner_enter(&saved, view->owner, "pg_catalog, pg_temp", view->defid);
	def = weir_def_query(view->defid);
	cq = weir_cont_query_build(def, &view->options, NULL);
	SPI_connect();
	if (SPI_execute(psprintf("CREATE VIEW %s AS %s", name,
							 pg_get_querydef(weir_view_query_build(cq, def, view), false)),
					false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create a view");
	SPI_finish();
	weir_owner_leave(&saved);
	view->viewid = RangeVarGetRelid(makeRangeVarFromNameList(weir_qualified_name_list(name)), NoLock, false);
	view->name = name;
	weir_cont_view_set_view(view->defid, view->viewid);
}

/* ---------------------------------------------------------------------
 * Definitions that are not there
 * --------------------------------------------------------------------- */

bool
weir_orphan_guard(UtilityCall *call)
{
	CreateTrigStmt *stmt = castNode(CreateTrigStmt, call->pstmt->utilityStmt);
	Oid			relid;
	ListCell   *lc;

	if (list_length(stmt->args) != 4 || list_length(stmt->funcname) != 2 ||
		strcmp(strVal(linitial(stmt->funcname)), WEIR_SCHEMA) != 0 ||
		strcmp(strVal(lsecond(stmt->funcname)), "refuse_write") != 0 || IsBinaryUpgrade)
		return false;
	weir_statement_next(call);
	CommandCounterIncrement();
	relid = RangeVarGetRelid(stmt->relation, NoLock, false);
	foreach(lc, weir_guards())
		if (((Guard *) lfirst(lc))->relid == relid)
			restore_definition(lfirst(lc));
	return true;
}

/*
 * For who may create in schema weir: others could have any stream of this
 * database refuse rows with it.
 */
static void
restore_definition(Guard *guard)
{
	ErrorData  *error;

	if (weir_cont_view_by_matrel(guard->relid) || has_definition(guard))
		return;
	if (!has_privs_of_role(GetUserId(), weir_catalog_owner()))
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("continuous view %s does not count rows: its definition was not restored", name_of(guard)),
				 errhint("A superuser can restore it.")));
	else if ((error = weir_attempt(make_definition, guard)) != NULL)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("continuous view %s does not count rows: its definition was not restored: %s",
						name_of(guard), error->message)));
	else
		ereport(NOTICE,
				(errmsg("continuous view %s was restored and does not count rows yet", name_of(guard)),
				 errhint("When the restore has ended, run SELECT * FROM weir.adopt().")));
}

/*
 * The definition that it names may be that of another view, which was here
 * before.
 */
static bool
has_definition(const Guard *guard)
{
	Oid			defid = get_relname_relid(guard->def, weir_schema_oid());

	return OidIsValid(defid) && weir_adopted_get(defid, NULL) == ADOPTION_NONE;
}

static void
make_definition(void *arg)
{
	Guard	   *guard = arg;
	OwnerSwitch saved;
	Query	   *query;
	Oid			defid;

	LockRelationOid(weir_catalog_relid("adopted"), ShareRowExclusiveLock);
	weir_owner_enter(&saved, owner_of(guard->relid), "pg_catalog, pg_temp", InvalidOid);
	query = weir_analyze_sql(guard->query);
	defid = weir_def_view_create(guard->view, query);
	weir_owner_leave(&saved);
	weir_guard_set_definition(guard, get_rel_name(defid));
	weir_cont_views_touch();
}

static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static char *
name_of(const Guard *guard)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(guard->relid)), guard->view);
}
