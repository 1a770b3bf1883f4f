/*
 * owner.c
 *	  Running code of users as its owner, so that it leaves no trace.
 *
 * Workers run queries, functions and operators of anybody who may create a view or stream, one after the
 * other in one process.  So each runs as its owner, in a security-restricted operation (no
 * SET ROLE, no temporary objects, no cursor or prepared statement that stays), and what it sets is undone behind it: neither
 * the next owner's code nor the worker's own SQL finds a setting changed.
 *
 * Names in the bodies of functions are looked for in the search_path that the view was created with, as if the
 * functions had it in a SET clause, but for schemas in which others could put something that is found
 * instead.
 *
 * In any process.  An error leaves user and settings to the abort of the (sub)transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/owner.h"
#include "base/settings.h"

/* How often code is interrupted that has taken too long, and how many ms apart at most, before its process ends. */
#define MAX_STRIKES 2
#define STRIKE_MS 1000

/*
 * Time is told by the ticks of a timer, so many to a limit. When the process or the machine stands still for a while, one is missed or two,
 * and nobody is blamed.
 *
 * Calls for which all wait are so many that a tick says little about the one in which it falls.  So a tick counts when it is not
 * the only one in its call: what does is the time of calls that last longer than a tick.
 */
#define TICKS 8
#define CALL_TICKS 250

typedef struct TimeLimit
{
	TimeoutId	timer;
	int			most;			/* ticks */
	volatile sig_atomic_t ticks;
	int			ms;
} TimeLimit;

/* In workers: of all that is done with a batch of rows or a view's groups, and of the calls for which all wait. */
static bool limited = false;
static TimeLimit whole = {.most = TICKS};
static TimeLimit call;
static volatile sig_atomic_t in_call = false;
static volatile sig_atomic_t ticks_in_call = 0;
static bool call_timer_runs = false;
static volatile sig_atomic_t strikes = 0;
static const TimeLimit *volatile struck = NULL;	/* which limit it was */
static int	hurry_ms = 0;
static bool ending = false;

/* The search_path that sessions of this database begin with; NULL: not noted. */
static char *database_path = NULL;

static void start_timer(void);
static void stop_timer(void);
static void stop_call_timer(void);
static void release_session_locks(void);

/* Is it not the code that takes the time? Advisory locks and sleeping are its own affair. */
static bool
waits_for_others(void)
{
	uint32		class = *my_wait_event_info & 0xFF000000;

	return class == PG_WAIT_IO || class == PG_WAIT_LWLOCK || class == PG_WAIT_BUFFER_PIN || class == PG_WAIT_IPC ||
		(MyProc->waitLock && MyProc->waitLock->tag.locktag_lockmethodid != USER_LOCKMETHOD);
}

/* In a signal handler.  An error may have left the code behind, and the timer running. */
static void
tick(TimeLimit *limit)
{
	int			over;

	if (!weir_owner_inside() || waits_for_others())
		return;
	over = ++limit->ticks - limit->most;
	if (over < 0 || over % Max(1, limit->most * Min(STRIKE_MS, limit->ms) / limit->ms) != 0)
		return;
	struck = limit;
	if (++strikes > MAX_STRIKES)
	{
		ending = true;
		ProcDiePending = true;
	}
	else
		QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
tick_whole(void)
{
	tick(&whole);
}

static void
tick_call(void)
{
	if (!in_call)
		return;
	if (++ticks_in_call == 2)
		tick(&call);
	if (ticks_in_call >= 2)
		tick(&call);
}

void
weir_owner_limit_time(void)
{
	whole.timer = RegisterTimeout(USER_TIMEOUT, tick_whole);
	call.timer = RegisterTimeout(USER_TIMEOUT, tick_call);
	limited = true;
}

static void
start(TimeLimit *limit, int ms)
{
	int			tick_ms = Max(1, ms / limit->most);

	limit->ticks = 0;
	limit->ms = Max(1, ms);
	enable_timeout_every(limit->timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), tick_ms), tick_ms);
}

static void
start_timer(void)
{
	strikes = 0;
	in_call = false;
	if (limited && weir_query_timeout > 0)
		start(&whole, hurry_ms > 0 ? Min(weir_query_timeout, hurry_ms) : weir_query_timeout);
}

/* What came too late to interrupt the code must not interrupt what follows. */
static void
forget_strikes(void)
{
	if (strikes > 0)
		QueryCancelPending = false;
	strikes = 0;
}

static void
stop_timer(void)
{
	if (!limited)
		return;
	disable_timeout(whole.timer, false);
	stop_call_timer();
	forget_strikes();
}

/* An error leaves it running, to no effect. */
static void
stop_call_timer(void)
{
	in_call = false;
	if (call_timer_runs)
		disable_timeout(call.timer, false);
	call_timer_runs = false;
}

void
weir_owner_begin_call(void)
{
	if (!limited || weir_call_timeout <= 0 || !weir_owner_inside())
		return;
	call.most = Min(CALL_TICKS, weir_call_timeout);
	if (!call_timer_runs)
		start(&call, weir_call_timeout);
	call_timer_runs = true;
	ticks_in_call = 0;
	in_call = true;
}

void
weir_owner_end_call(void)
{
	if (!in_call)
		return;
	in_call = false;
	if (strikes > 0)
		CHECK_FOR_INTERRUPTS();
}

void
weir_owner_progress(void)
{
	start_timer();
}

void
weir_owner_unlimited(void)
{
	stop_timer();
}

/* Advisory locks of a session would be held by the worker for ever. */
static void
release_session_locks(void)
{
	if (limited)
		LockReleaseSession(USER_LOCKMETHOD);
}

void
weir_owner_hurry(int ms)
{
	hurry_ms = ms;
}

bool
weir_owner_hurried(void)
{
	return strikes > 0 && struck == &whole && whole.ms < weir_query_timeout;
}

bool
weir_owner_timed_out(void)
{
	return strikes > 0;
}

char *
weir_owner_exceeded(void)
{
	return struck == &call ?
		psprintf("functions took longer than %d ms (weir.call_timeout) where all views wait for them", call.ms) :
		psprintf("functions took longer than %d ms (weir.query_timeout)", whole.ms);
}

bool
weir_owner_is_unstoppable(void)
{
	return ending;
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
		stop_call_timer();
		start_timer();
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
		stop_timer();
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
