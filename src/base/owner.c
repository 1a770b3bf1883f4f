/*
 * owner.c
 *	  Running code of users as its owner, so that it leaves no trace.
 *
 * Workers run queries, functions and operators of anybody who may create a
 * view or stream, one after the other in one process.  So each runs as its
 * owner, in a security-restricted operation (no SET ROLE, no temporary
 * objects, no cursor or prepared statement that stays), and what it sets is
 * undone behind it: neither the next owner's code nor the worker's own SQL
 * finds a setting changed.
 *
 * Names in the bodies of functions are looked for in the search_path that the
 * view was created with, as if the functions had it in a SET clause, but for
 * schemas in which others could put something that is found instead.
 *
 * In any process.  An error leaves user and settings to the abort of the
 * (sub)transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/errors.h"
#include "base/owner.h"
#include "base/time_limit.h"

/*
 * The search_path that sessions of this database begin with; NULL: not noted.
 */
static char *database_path = NULL;

/* Advisory locks of a session would be held by the worker for ever. */
static void
release_session_locks(void)
{
	if (weir_time_limit_applies())
		LockReleaseSession(USER_LOCKMETHOD);
}

void
weir_owner_enter(OwnerSwitch *saved, Oid owner, const char *path, Oid whose)
{
	saved->whose = weir_errors_begin(whose);
	GetUserIdAndSecContext(&saved->userid, &saved->context);
	SetUserIdAndSecContext(owner, saved->context | SECURITY_RESTRICTED_OPERATION |
						   SECURITY_LOCAL_USERID_CHANGE);
	saved->guc_level = NewGUCNestLevel();
	if ((saved->context & SECURITY_RESTRICTED_OPERATION) == 0)
	{
		/* Also what code left behind that failed. */
		release_session_locks();
		weir_time_limit_begin();
	}
	if (path && strcmp(path, namespace_search_path) != 0)
		(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

void
weir_owner_leave(const OwnerSwitch *saved)
{
	if ((saved->context & SECURITY_RESTRICTED_OPERATION) == 0)
	{
		weir_time_limit_end();
		release_session_locks();
	}
	AtEOXact_GUC(false, saved->guc_level);
	SetUserIdAndSecContext(saved->userid, saved->context);
	weir_errors_end(saved->whose);
}

bool
weir_owner_inside(void)
{
	return InSecurityRestrictedOperation();
}

static Oid
database_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	ReleaseSysCache(tuple);
	return owner;
}

/* May what this role creates be called with the rights of the owner? */
static bool
is_trusted(Oid role, Oid owner)
{
	if (role == ROLE_PG_DATABASE_OWNER)
		role = database_owner();
	if (role == owner || superuser_arg(role))
		return true;
	if (superuser_arg(owner))
		return false;
	return role == database_owner() || is_member_of_role_nosuper(owner, role);
}

/* Does the owner trust all who may create objects in the schema? */
static bool
is_trusted_schema(Oid schema, Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	bool		isnull;
	Datum		datum;
	bool		trusted;

	if (!HeapTupleIsValid(tuple))
		return false;
	trusted = is_trusted(((Form_pg_namespace) GETSTRUCT(tuple))->nspowner, owner);
	datum = SysCacheGetAttr(NAMESPACEOID, tuple, Anum_pg_namespace_nspacl, &isnull);
	if (!isnull)
	{
		Acl		   *acl = DatumGetAclPCopy(datum);
		AclItem    *items = ACL_DAT(acl);

		for (int i = 0; trusted && i < ACL_NUM(acl); i++)
			if (ACLITEM_GET_PRIVS(items[i]) & ACL_CREATE)
				trusted = items[i].ai_grantee != ACL_ID_PUBLIC && is_trusted(items[i].ai_grantee, owner);
	}
	ReleaseSysCache(tuple);
	return trusted;
}

/* As a value of search_path; temporary objects are found last. */
static char *
path_of_schemas(List *schemas, Oid owner, List **left_out)
{
	StringInfoData path;
	ListCell   *lc;

	initStringInfo(&path);
	foreach(lc, schemas)
	{
		char	   *name = get_namespace_name(lfirst_oid(lc));

		if (name == NULL || isAnyTempNamespace(lfirst_oid(lc)))
			continue;
		if (is_trusted_schema(lfirst_oid(lc), owner))
			appendStringInfo(&path, "%s, ", quote_identifier(name));
		else if (left_out)
			*left_out = lappend(*left_out, name);
	}
	if (path.len == 0)
		appendStringInfoString(&path, "pg_catalog, ");
	appendStringInfoString(&path, "pg_temp");
	return path.data;
}

char *
weir_owner_path(Oid owner, List **left_out)
{
	if (left_out)
		*left_out = NIL;
	return path_of_schemas(fetch_search_path(false), owner, left_out);
}

void
weir_owner_note_path(void)
{
	database_path = MemoryContextStrdup(TopMemoryContext, namespace_search_path);
}

char *
weir_owner_default_path(Oid owner)
{
	List	   *names;
	List	   *schemas = NIL;
	ListCell   *lc;

	if (!SplitIdentifierString(pstrdup(database_path ? database_path : namespace_search_path), ',', &names))
		names = NIL;
	foreach(lc, names)
	{
		char	   *name = lfirst(lc);
		Oid			schema;

		if (strcmp(name, "$user") == 0)
			name = GetUserNameFromId(owner, true);
		schema = name ? get_namespace_oid(name, true) : InvalidOid;
		if (OidIsValid(schema))
			schemas = lappend_oid(schemas, schema);
	}
	return path_of_schemas(schemas, owner, NULL);
}
