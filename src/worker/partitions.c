/*
 * partitions.c
 *	  The flush worker's work on views in partitions.
 *
 * Partitions are made before the flush that needs them, in portions, each in a transaction
 * of its own, so that their locks are held for a moment only.
 *
 * To drop one takes the view for itself.  The worker asks for that lock for a
 * moment, during which new readers wait; when it does not get it, because somebody reads
 * for long, it asks again later, more rarely and for a little longer each time.
 */
#include "worker/partitions.h"

#include "access/table.h"
#include "base/attempt.h"
#include "groups/visit.h"
#include "matrel/partition.h"
#include "miscadmin.h"
#include "query/execute.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "worker/worker.h"

/* Partitions made in one transaction, and dropped in one call. */
#define MAKE_PORTION 50
#define DROP_PORTION 20

/* How long to wait for the lock to drop one, and until the next attempt. */
#define DROP_WAIT_MS 20
#define DROP_WAIT_MOST_MS 500
#define DROP_PAUSE_MS 1000
#define DROP_PAUSE_MOST_MS 30000
#define DROP_PAUSE_FACTOR 20	/* of what looking took: sessions have to be looked through */

typedef struct DropDue
{
	Oid			defid;
	int			failures;		/* in a row */
	TimestampTz next;
} DropDue;

typedef struct Dropping
{
	ContView   *view;
	bool		more;
} Dropping;

static HTAB *dues = NULL;

/* Its DDL is Weir's own and runs no code of users: event triggers are not asked. */
void
weir_partitions_hurry(int ms)
{
	(void) set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	(void) set_config_option("lock_timeout", psprintf("%d", ms), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

static void
note_group(TupleTableSlot *row, void *arg)
{
	weir_partition_wants_note(arg, row);
}

/* Of the matrel or (view NULL) a values relation. */
static bool
make_for_part(ViewRuntime *part, Epoch *epoch, const ContView *view)
{
	Relation	rel = try_table_open(part->view.matrelid, AccessShareLock);
	PartitionWants *wants;

	if (rel == NULL)
		return false;
	wants = weir_partition_wants(weir_partition_router(rel, &part->view, part->query));
	weir_epoch_visit(epoch, &part->spec, note_group, wants);
	table_close(rel, NoLock);
	return weir_partition_wants_make(wants, MAKE_PORTION, view) > 0;
}

bool
weir_partitions_make(ContView *view, Epoch *epoch)
{
	ViewRuntime *runtime = weir_runtime_get(view);
	ViewRuntime *part;
	bool		more = false;

	for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
		more |= make_for_part(part, epoch, i == 0 ? view : NULL);
	return more;
}

static DropDue *
due_of(Oid defid)
{
	DropDue    *due;
	bool		found;

	if (dues == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(DropDue);
		dues = hash_create("weir partitions to drop", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	due = hash_search(dues, &defid, HASH_ENTER, &found);
	if (!found)
	{
		due->failures = 0;
		due->next = 0;
	}
	return due;
}

static void
drop_oldest(void *arg)
{
	Dropping   *dropping = arg;
	ContView   *view = dropping->view;
	ContQuery  *query = weir_runtime_get(view)->query;
	Relation	matrel = try_table_open(view->matrelid, AccessShareLock);
	List	   *expired;

	if (matrel == NULL)
		return;
	expired = weir_partition_expired(view, query);
	table_close(matrel, AccessShareLock);
	if (expired == NIL)
		return;
	LockRelationOid(view->matrelid, AccessExclusiveLock);
	weir_partition_drop(view, query, linitial_oid(expired));
	dropping->more = list_length(expired) > 1;
}

/* One transaction; true when this view has another one to drop. */
static bool
drop_one(Oid defid)
{
	DropDue    *due = due_of(defid);
	Dropping	dropping = {NULL, false};
	TimestampTz started = GetCurrentTimestamp();
	TimestampTz ended;
	ErrorData  *error;

	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	dropping.view = weir_cont_view_by_def(defid);
	if (dropping.view == NULL)
	{
		weir_worker_commit();
		hash_search(dues, &defid, HASH_REMOVE, NULL);
		return false;
	}
	weir_partitions_hurry(Min(DROP_WAIT_MS << Min(due->failures, 10), DROP_WAIT_MOST_MS));
	error = weir_attempt(drop_oldest, &dropping);
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ereport(WARNING,
				(errmsg("could not drop a partition of continuous view %s: %s",
						dropping.view->name, error->message),
				 error->detail ? errdetail("%s", error->detail) : 0));
	weir_worker_commit();

	due->failures = error ? due->failures + 1 : 0;
	ended = GetCurrentTimestamp();
	due->next = ended + Max(Min(DROP_PAUSE_MS << Min(due->failures, 10), DROP_PAUSE_MOST_MS) * (int64) 1000,
							(ended - started) * DROP_PAUSE_FACTOR);
	return error == NULL && dropping.more;
}

bool
weir_partitions_drop(void)
{
	List	   *views = NIL;
	TimestampTz now = GetCurrentTimestamp();
	int			left = DROP_PORTION;
	ListCell   *lc;

	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	foreach(lc, weir_cont_views_whole())
	{
		ContView   *view = lfirst(lc);

		if (view->options.partitioned && now >= due_of(view->defid)->next)
			views = lappend_oid(views, view->defid);
	}
	weir_worker_commit();
	foreach(lc, views)
	{
		while (left > 0 && drop_one(lfirst_oid(lc)))
			left--;
		if (left == 0)
		{
			due_of(lfirst_oid(lc))->next = 0;
			return true;
		}
	}
	return false;
}
