/*
 * renew.c
 *	  The settings that workers run with are those of their database.
 *
 * What a continuous query gives may depend on them (TimeZone, for instance),
 * so they are what ALTER DATABASE SET, ALTER ROLE ALL SET and the
 * configuration files say.  What is set for the role that workers happen to
 * run as is undone.
 *
 * A setting cannot be taken back to what it was without ALTER DATABASE in a
 * process that has it, so a worker whose database's settings have changed
 * ends, between two steps, and the launcher starts another.  It finds out by
 * a number in shared memory, which who changes settings advances before his
 * COMMIT returns: rows that are inserted after that meet the new settings.
 *
 * Failure: as when any worker ends.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc_tables.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "process/renew.h"

/* The value that a setting had before the worker connected. */
typedef struct Before
{
	char		name[NAMEDATALEN];	/* hash key */
	char	   *value;
} Before;

/* number of changes of settings, in any database */
static pg_atomic_uint64 *shared = NULL;

static bool pending = false;

/* value of the shared counter when settings was read */
static uint64 seen = 0;
static char *settings = NULL;	/* settings of this database, as text */
static bool undone = false;		/* some setting of the role was in effect */
static HTAB *before = NULL;

static void xact_callback(XactEvent event, void *arg);
static ArrayType *read_settings(Oid database, Oid role);
static char *settings_as_text(void);
static void be_superuser(void);
static void undo(ArrayType *of_role, ArrayType *of_database, ArrayType *of_all);
static char *find_value(ArrayType *array, const char *name);

static Size
renew_size(void)
{
	return sizeof(pg_atomic_uint64);
}

static void
renew_shmem_init(void *address, bool found)
{
	shared = address;
	if (!found)
		pg_atomic_init_u64(shared, 0);
}

void
weir_renew_init(void)
{
	static const WeirShmemStruct shmem = {"weir settings of databases", renew_size, renew_shmem_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(xact_callback, NULL);
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (pending && event == XACT_EVENT_COMMIT)
		weir_renew_now();
	pending = false;
}

void
weir_renew_at_commit(void)
{
	pending = true;
}

void
weir_renew_now(void)
{
	(void) pg_atomic_fetch_add_u64(shared, 1);
}

/*
 * What the configuration files, and the command line, say is known only until
 * the connection has its own settings.
 */
void
weir_renew_begin(void)
{
	HASHCTL		ctl;
	struct config_generic **all;
	int			n;

	seen = pg_atomic_read_u64(shared);
	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(Before);
	before = hash_create("weir settings", 512, &ctl, HASH_ELEM | HASH_STRINGS);
	all = weir_guc_variables(&n);
	for (int i = 0; i < n; i++)
	{
		const char *value = GetConfigOption(all[i]->name, true, false);
		Before	   *entry;

		if (value == NULL || strlen(all[i]->name) >= NAMEDATALEN)
			continue;
		entry = hash_search(before, all[i]->name, HASH_ENTER, NULL);
		entry->value = MemoryContextStrdup(TopMemoryContext, value);
	}
}

void
weir_renew_connected(void)
{
	HASH_SEQ_STATUS status;
	Before	   *entry;
	ArrayType  *of_database;
	ArrayType  *of_all;

	StartTransactionCommand();
	be_superuser();
	settings = settings_as_text();
	of_database = read_settings(MyDatabaseId, InvalidOid);
	of_all = read_settings(InvalidOid, InvalidOid);
	undo(read_settings(MyDatabaseId, GetSessionUserId()), of_database, of_all);
	undo(read_settings(InvalidOid, GetSessionUserId()), of_database, of_all);
	CommitTransactionCommand();

	hash_seq_init(&status, before);
	while ((entry = hash_seq_search(&status)) != NULL)
		pfree(entry->value);
	hash_destroy(before);
	before = NULL;
}

bool
weir_renew_looks_due(void)
{
	return pg_atomic_read_u64(shared) != seen;
}

bool
weir_renew_is_due(void)
{
	char	   *text;
	bool		result;

	seen = pg_atomic_read_u64(shared);
	StartTransactionCommand();
	text = settings_as_text();
	result = strcmp(text, settings) != 0;
	CommitTransactionCommand();
	pfree(text);
	return result;
}

bool
weir_renew_is_due_at_reload(void)
{
	return undone;
}

/* Allocated in the caller's context; NULL: none. */
static ArrayType *
read_settings(Oid database, Oid role)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	ArrayType  *result = NULL;

	ScanKeyInit(&key[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	ScanKeyInit(&key[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL, 2, key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(rel), &isnull);

		if (!isnull)
			result = DatumGetArrayTypePCopy(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* In TopMemoryContext. */
static char *
settings_as_text(void)
{
	Oid			databases[2] = {MyDatabaseId, InvalidOid};
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < 2; i++)
	{
		ArrayType  *array = read_settings(databases[i], InvalidOid);

		appendStringInfo(&text, "%s;", array ? OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array)) : "");
	}
	return MemoryContextStrdup(TopMemoryContext, text.data);
}

/*
 * ALTER DATABASE SET role, or session_authorization, is for those who connect:
 * workers stay who they are.
 */
static void
be_superuser(void)
{
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("session_authorization", GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false),
					PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * Give settings of the role the value that they have in the database, or had
 * before the worker connected.
 */
static void
undo(ArrayType *of_role, ArrayType *of_database, ArrayType *of_all)
{
	Datum	   *items;
	int			n;

	if (of_role == NULL)
		return;
	deconstruct_array(of_role, TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name;
		char	   *value;
		Before	   *entry;

		ParseLongOption(TextDatumGetCString(items[i]), &name, &value);
		value = find_value(of_database, name);
		if (value == NULL)
			value = find_value(of_all, name);
		entry = hash_search(before, name, HASH_FIND, NULL);
		if (value == NULL)
			value = entry ? entry->value : "";
		undone = true;

		/* Some settings take effect with the connection, or not at all. */
		(void) set_config_option(name, value, PGC_SUSET, PGC_S_OVERRIDE, GUC_ACTION_SET, true, DEBUG1, false);
	}
}

static char *
find_value(ArrayType *array, const char *wanted)
{
	Datum	   *items;
	int			n;

	if (array == NULL)
		return NULL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name;
		char	   *value;

		ParseLongOption(TextDatumGetCString(items[i]), &name, &value);
		if (value && pg_strcasecmp(name, wanted) == 0)
			return value;
	}
	return NULL;
}
