/*
 * utility.c
 *	  The ProcessUtility hook: which statements concern Weir.
 *
 * Only looks at the kind of statement and whether this database has the
 * extension; the rest is in create.c, alter.c, drop.c and stream_ddl.c.
 * Statements about whole databases are different: they name another database,
 * whose workers have to leave it first, and are recognised everywhere.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/user.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "meta/extension.h"
#include "meta/view_changes.h"
#include "process/launcher.h"
#include "process/renew.h"
#include "view/adopt.h"
#include "view/alter.h"
#include "view/create.h"
#include "view/define.h"
#include "view/drop.h"
#include "view/orphan.h"
#include "view/refuse.h"
#include "view/statement.h"
#include "view/stream_ddl.h"
#include "view/type_ddl.h"
#include "view/utility.h"

static Oid	held_database = InvalidOid; /* until the transaction ends */

static void process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
							ProcessUtilityContext context, ParamListInfo params,
							QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc);
static void run_on_database(UtilityCall *call, Oid dbid);
static void release_held_database(XactEvent event, void *arg);
static Oid	database_of(Node *stmt);
static Oid	template_of(CreatedbStmt *stmt);
static bool changes_settings(Node *stmt);
static bool may_create_databases(void);
static void run_with_extension(UtilityCall *call);
static bool changes_names(Node *stmt);
static bool handle_statement(UtilityCall *call);

void
weir_utility_init(void)
{
	weir_statement_hook(process_utility);
	RegisterXactCallback(release_held_database, NULL);
	weir_view_define_init();
	weir_drop_init();
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	UtilityCall call = {pstmt, queryString, readOnlyTree, context, params,
	queryEnv, dest, qc};
	Node	   *stmt = pstmt->utilityStmt;
	Oid			dbid = database_of(stmt);

	if (OidIsValid(dbid))
		run_on_database(&call, dbid);
	else if (IsA(stmt, TransactionStmt) || !IsTransactionState() ||
			 IsAbortedTransactionBlockState())
	{
		weir_statement_next(&call);

		/* Whatever was prepared. */
		if (IsA(stmt, TransactionStmt) && ((TransactionStmt *) stmt)->kind == TRANS_STMT_COMMIT_PREPARED)
			weir_renew_now();
	}
	else if (changes_settings(stmt))
	{
		weir_statement_next(&call);
		weir_renew_at_commit();
	}
	else if (IsA(stmt, CreateExtensionStmt))
	{
		weir_statement_next(&call);
		if (weir_extension_exists())
			weir_launcher_created_at_commit();
	}
	else if (weir_extension_exists())
		run_with_extension(&call);
	else
		weir_statement_next(&call);
}

/*
 * Without workers in it, as they would be in the way.  They stay away until
 * the transaction has ended: before, they could not see what became of it.
 */
static void
run_on_database(UtilityCall *call, Oid dbid)
{
	release_held_database(XACT_EVENT_ABORT, NULL);
	held_database = dbid;
	weir_launcher_hold_database(dbid);
	weir_statement_next(call);
}

static void
release_held_database(XactEvent event, void *arg)
{
	Oid			dbid = held_database;

	if (!OidIsValid(dbid) || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	held_database = InvalidOid;
	weir_launcher_release_database(dbid);
}

/*
 * The database that has to be without connections for the statement, if any.
 */
static Oid
database_of(Node *stmt)
{
	const char *name = NULL;
	Oid			dbid;

	if (IsA(stmt, CreatedbStmt))
		return template_of((CreatedbStmt *) stmt);
	if (IsA(stmt, DropdbStmt))
		name = ((DropdbStmt *) stmt)->dbname;
	else if (IsA(stmt, RenameStmt) && ((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) stmt)->subname;
	else if (IsA(stmt, AlterDatabaseStmt))
	{
		ListCell   *lc;

		foreach(lc, ((AlterDatabaseStmt *) stmt)->options)
			if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
				name = ((AlterDatabaseStmt *) stmt)->dbname;
	}
	if (name == NULL || !IsTransactionState())
		return InvalidOid;
	dbid = get_database_oid(name, true);
	if (!OidIsValid(dbid) || dbid == MyDatabaseId ||
		!object_ownercheck(DatabaseRelationId, dbid, GetUserId()))
		return InvalidOid;
	return dbid;
}

static Oid
template_of(CreatedbStmt *stmt)
{
	const char *name = "template1";
	ListCell   *lc;

	if (!IsTransactionState() || !may_create_databases())
		return InvalidOid;
	foreach(lc, stmt->options)
	{
		DefElem    *defel = lfirst_node(DefElem, lc);

		if (strcmp(defel->defname, "template") == 0 && defel->arg)
			name = defGetString(defel);
	}
	return get_database_oid(name, true);
}

/*
 * Those that hold for workers: of a database, or of all roles in one or in
 * all.
 */
static bool
changes_settings(Node *stmt)
{
	return IsA(stmt, AlterDatabaseSetStmt) ||
		(IsA(stmt, AlterRoleSetStmt) && ((AlterRoleSetStmt *) stmt)->role == NULL);
}

static bool
may_create_databases(void)
{
	HeapTuple	tuple;
	bool		result;

	if (superuser())
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	return result;
}

static void
run_with_extension(UtilityCall *call)
{
	uint64		version = weir_cont_views_version();
	Node	   *stmt = call->pstmt->utilityStmt;
	DropBehavior behavior = IsA(stmt, DropStmt) ?
		((DropStmt *) stmt)->behavior : DROP_CASCADE;

	if (!handle_statement(call))
		weir_statement_next(call);
	if (!IsTransactionState())
		return;					/* VACUUM and the like end theirs */
	/*
	 * CREATE FOREIGN TABLE gives columns their options one by one; only the
	 * whole is to fit.
	 */
	if (call->context != PROCESS_UTILITY_SUBCOMMAND)
		weir_stream_check_options(stmt);
	weir_drop_finish(behavior);
	if (changes_names(stmt))
	{
		CommandCounterIncrement();
		weir_guard_describe_all();
	}
	if (version != weir_cont_views_version() ||
		IsA(stmt, CreateForeignTableStmt) || IsA(stmt, AlterForeignServerStmt) ||
		IsA(stmt, CreateUserMappingStmt) || IsA(stmt, AlterUserMappingStmt) ||
		(IsA(stmt, AlterTableStmt) &&
		 ((AlterTableStmt *) stmt)->objtype == OBJECT_FOREIGN_TABLE))
		weir_launcher_changed_at_commit();
}

/* Of anything that a view's query may name. */
static bool
changes_names(Node *stmt)
{
	return IsA(stmt, RenameStmt) || IsA(stmt, AlterObjectSchemaStmt) ||
		(IsA(stmt, AlterEnumStmt) && ((AlterEnumStmt *) stmt)->oldVal);
}

/* True when the statement has been carried out. */
static bool
handle_statement(UtilityCall *call)
{
	Node	   *stmt = call->pstmt->utilityStmt;

	weir_refuse_statement(stmt);
	switch (nodeTag(stmt))
	{
		case T_ViewStmt:
			return weir_create_view(call);
		case T_CreateTableAsStmt:
			weir_refuse_table_as((CreateTableAsStmt *) stmt);
			return false;
		case T_RenameStmt:
			weir_stream_check_rename((RenameStmt *) stmt);
			return weir_alter_rename(call);
		case T_AlterObjectSchemaStmt:
			return weir_alter_schema(call);
		case T_AlterTableStmt:
			weir_stream_check_alter((AlterTableStmt *) stmt);
			weir_type_check_alter((AlterTableStmt *) stmt);
			return weir_alter_table(call);
		case T_AlterForeignServerStmt:
			weir_stream_check_server((AlterForeignServerStmt *) stmt);
			return false;
		case T_CreateTrigStmt:
			weir_stream_check_trigger((CreateTrigStmt *) stmt);
			return weir_orphan_guard(call);
		case T_IndexStmt:
			weir_redirect_index(call);
			return false;
		case T_VacuumStmt:
			weir_redirect_vacuum(call);
			return false;
		case T_CreateForeignTableStmt:
			weir_stream_create(call);
			return false;
		case T_RefreshMatViewStmt:
			return weir_adopt_refresh(call);
		case T_CopyStmt:
			weir_stream_copy(call);
			return false;
		default:
			return false;
	}
}
