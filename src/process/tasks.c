/*
 * tasks.c
 *	  Which workers there shall be: the launcher's list of tasks.
 *
 * Databases are looked at from outside: what is in them, their workers say
 * (registry.h).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "base/shmem.h"
#include "groups/epoch.h"
#include "process/registry.h"
#include "process/tasks.h"
#include "process/view_trouble.h"
#include "stream/feed.h"
#include "stream/queue.h"
#include "stream/queue_park.h"

#define MIN_FREE_SLOTS 8
/* spare ingest workers, when none is stuck any more */
#define SPARE_KEPT_MS 60000

/*
 * As of the last look: OIDs of all databases, and of those that clients can
 * connect to; which database had which slot before that.
 */
static List *databases = NIL;
static List *connectable = NIL;
static Oid	slots[WEIR_MAX_DATABASES];

static List *probed_absent = NIL;	/* databases found without the extension */

void
weir_tasks_note_absent(Oid dboid)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	probed_absent = list_append_unique_oid(probed_absent, dboid);
	MemoryContextSwitchTo(old);
}

static WorkerTask *
make_task(Oid dboid, WorkerKind kind, int index, Oid streamid)
{
	WorkerTask *task = palloc0(sizeof(WorkerTask));

	task->dboid = dboid;
	task->kind = kind;
	task->index = index;
	task->streamid = streamid;
	return task;
}

void
weir_tasks_look(void)
{
	MemoryContext cxt = CurrentMemoryContext;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	databases = connectable = NIL;
	for (int i = 0; i < WEIR_MAX_DATABASES; i++)
		slots[i] = weir_database_of_slot(i);
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old = MemoryContextSwitchTo(cxt);

		databases = lappend_oid(databases, database->oid);
		if (database->datallowconn)
			connectable = lappend_oid(connectable, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(cxt);
}

/*
 * Databases that are gone: nobody will ever take their rows.  One that came
 * since they were looked at is not in the list, and in no slot of then.
 * Those that only dropped the extension keep theirs until slots are scarce.
 */
static void
forget_dropped(void)
{
	ListCell   *lc;
	int			nfree = 0;

	for (int slot = 0; slot < WEIR_MAX_DATABASES; slot++)
		nfree += !OidIsValid(slots[slot]);
	for (int slot = 0; slot < WEIR_MAX_DATABASES; slot++)
	{
		Oid			dboid = slots[slot];
		bool		absent = nfree < MIN_FREE_SLOTS &&
			weir_registry_database_state(dboid) == DATABASE_ABSENT;

		if (!OidIsValid(dboid) || weir_database_of_slot(slot) != dboid ||
			(list_member_oid(databases, dboid) && !absent) ||
			weir_registry_signal(dboid, 0) > 0 || weir_registry_database_held(dboid))
			continue;
		if (absent)
			weir_tasks_note_absent(dboid);
		weir_feed_free_messages(weir_queue_discard(slot));
		weir_epoch_discard(slot);
		weir_view_trouble_discard(slot);
		weir_registry_set_database_state(dboid, DATABASE_ABSENT);
		weir_database_slot_release(slot);
	}
	foreach(lc, probed_absent)
		if (!list_member_oid(databases, lfirst_oid(lc)))
			probed_absent = foreach_delete_current(probed_absent, lc);
}

/*
 * Ranks of tasks: what a database cannot do without comes before second
 * workers of others.
 */
typedef enum TaskRank
{
	RANK_FLUSH,
	RANK_INGEST,
	RANK_SOURCE,
	RANK_MORE,
	TASK_RANKS
} TaskRank;

/* By slot of the database. */
static struct
{
	int			n;
	TimestampTz since;
}			spares[WEIR_MAX_DATABASES];

/* A database that has needed spare ingest workers keeps them for a while. */
static int
spare_workers(Oid dboid)
{
	int			slot = weir_database_slot(dboid, false);
	TimestampTz now = GetCurrentTimestamp();
	int			stuck;

	if (slot < 0)
		return 0;
	stuck = weir_queue_stuck(slot);
	if (stuck >= spares[slot].n || now < spares[slot].since || now > TimestampTzPlusMilliseconds(spares[slot].since, SPARE_KEPT_MS))
	{
		spares[slot].n = stuck;
		spares[slot].since = now;
	}
	return spares[slot].n;
}

static void
add_tasks(List **tasks, Oid dboid)
{
	WorkerTask	wants[WEIR_MAX_WANTS];
	int			nwants = weir_registry_wants(dboid, wants);
	int			ningest = Min(weir_ingest_workers + spare_workers(dboid), WEIR_MAX_INGEST_WORKERS);

	for (int i = 0; i < ningest; i++)
	{
		TaskRank	rank = i == 0 ? RANK_INGEST : RANK_MORE;

		tasks[rank] = lappend(tasks[rank], make_task(dboid, WORKER_INGEST, i, InvalidOid));
	}
	for (int i = 0; i < nwants; i++)
	{
		TaskRank	rank = wants[i].index == 0 ? RANK_SOURCE : RANK_MORE;

		tasks[rank] = lappend(tasks[rank], make_task(dboid, wants[i].kind, wants[i].index, wants[i].streamid));
	}
}

List *
weir_tasks_wanted(void)
{
	List	   *tasks[TASK_RANKS] = {NIL};
	List	   *result = NIL;
	ListCell   *lc;

	forget_dropped();
	foreach(lc, databases)
	{
		Oid			dboid = lfirst_oid(lc);
		DatabaseState state = weir_registry_database_state(dboid);

		if (weir_registry_database_held(dboid))
			continue;
		if (state == DATABASE_ABSENT ||
			(state == DATABASE_UNKNOWN &&
			 (!list_member_oid(connectable, dboid) || list_member_oid(probed_absent, dboid))))
			continue;
		tasks[RANK_FLUSH] = lappend(tasks[RANK_FLUSH], make_task(dboid, WORKER_FLUSH, 0, InvalidOid));
		if (state == DATABASE_PRESENT)
			add_tasks(tasks, dboid);
	}
	for (int rank = 0; rank < TASK_RANKS; rank++)
		result = list_concat(result, tasks[rank]);
	return result;
}
