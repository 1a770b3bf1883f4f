/*
 * partitioning.c
 *	  The flush worker's work on views in partitions.
 *
 * Partitions are made before the flush that needs them, in portions, each in a
 * transaction of its own, so that their locks are held for a moment only.
 *
 * To drop one takes the view for itself.  The worker asks for that lock for a
 * moment, during which new readers wait; when it does not get it, because
 * somebody reads for long, it asks again later, more rarely and for a little
 * longer each time.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/attempt.h"
#include "base/clock.h"
#include "base/settings.h"
#include "flush/aside_list.h"
#include "flush/partitioning.h"
#include "flush/tend.h"
#include "groups/visit.h"
#include "matrel/partition.h"
#include "matrel/partition_drop.h"
#include "meta/view_changes.h"
#include "process/worker.h"
#include "runtime/execute.h"

/* Partitions dropped in one call. */
#define DROP_PORTION 20

/* How long making a partition waits for a lock. */
#define MAKE_WAIT_MS 100

/*
 * How long a flush spends on making partitions; views that need more are set
 * aside.
 */
#define MAKE_MS 50
/* the same between flushes, for views that are set aside */
#define MAKE_BETWEEN_MS 1000

/*
 * Timeout of the lock to drop a partition, and pause until the next attempt.
 */
#define DROP_WAIT_MS 20
#define DROP_WAIT_MOST_MS 500
#define DROP_PAUSE_MS 1000
#define DROP_PAUSE_MOST_MS 30000
/* pause as a multiple of what looking took: sessions have to be read */
#define DROP_PAUSE_FACTOR 20

typedef struct DropDue
{
	Oid			defid;
	int			failures;		/* in a row */
	TimestampTz next;			/* weir_clock_steady */
} DropDue;

typedef struct Making
{
	Epoch	   *epoch;
	TimestampTz until;			/* weir_clock_steady */
	bool		between;		/* make partitions only until a flush is due */
	bool		more;
} Making;

typedef struct Dropping
{
	ContView   *view;
	bool		more;
} Dropping;

static HTAB *dues = NULL;

/*
 * The DDL is Weir's own and runs no code of users, so event triggers are
 * disabled.
 */
static void
begin_ddl(int lock_ms)
{
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	(void) set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	weir_tend_hurry(lock_ms);
}

/* ---------------------------------------------------------------------
 * Making
 * --------------------------------------------------------------------- */

static void
note_group(TupleTableSlot *row, void *arg)
{
	weir_partition_wants_note(arg, row);
}

static bool
is_enough(void *arg)
{
	Making	   *making = arg;

	return weir_clock_steady() >= making->until || (making->between && weir_epoch_due(weir_worker_self->slot) == 0);
}

/* Works for the matrel and (view NULL) for a values relation. */
static bool
make_for_part(ViewRuntime *part, Making *making, const ContView *view)
{
	Relation	rel = try_table_open(part->view.matrelid, AccessShareLock);
	PartitionWants *wants;

	if (rel == NULL)
		return false;
	wants = weir_partition_wants(weir_partition_router(rel, &part->view, part->query));
	weir_epoch_visit(making->epoch, &part->spec, note_group, wants);
	table_close(rel, NoLock);
	return weir_partition_wants_make(wants, is_enough, making, view) > 0;
}

static void
make_partitions(ContView *view, void *arg)
{
	Making	   *making = arg;
	ViewRuntime *runtime = weir_runtime_get(view);
	ViewRuntime *part;

	making->more = false;
	for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
		making->more |= make_for_part(part, making, i == 0 ? view : NULL);
}

/* Partitioned views of which the epoch has groups: OIDs of def views. */
static List *
partitioned_views(Epoch *epoch, List *except)
{
	/* generation of views at which none is in partitions */
	static uint64 none_at = 0;
	uint64		generation = weir_cont_views_generation();
	List	   *result = NIL;
	bool		any = false;
	ListCell   *lc;

	if (none_at == generation)
		return NIL;
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	foreach(lc, weir_cont_views_whole())
	{
		ContView   *view = lfirst(lc);

		any |= view->options.partitioned;
		if (view->options.partitioned && !list_member_oid(except, view->defid) &&
			weir_epoch_has_view(epoch, view->defid))
			result = lappend_oid(result, view->defid);
	}
	weir_worker_commit();
	if (!any)
		none_at = generation;
	return result;
}

/*
 * Make a portion of the partitions of one view, in a transaction of its own,
 * so that no lock of another view is held. Returns true when there is more to
 * make. When a lock is not free for a moment, or making fails, the groups go
 * to the default partition.
 */
static bool
make_portion(Oid defid, Epoch *epoch, TimestampTz until, bool between)
{
	Making		making = {epoch, until, between, false};
	MatrelBlocker blocker = {InvalidOid, NoLock};

	for (int round = 0; round < 2; round++)
	{
		ContView   *view;

		if (round > 0)
			weir_tend_wait(&blocker, MAKE_WAIT_MS);
		begin_ddl(MAKE_WAIT_MS);
		view = weir_cont_view_by_def(defid);
		blocker.relid = InvalidOid;
		if (view && weir_tend_is_due(TEND_MAKE_PARTITIONS, defid) &&
			weir_matrel_try_lock(view, ShareUpdateExclusiveLock, &blocker))
		{
			ErrorData  *error = weir_view_try(make_partitions, view, &making);

			weir_tend_note(TEND_MAKE_PARTITIONS, view, error);
			making.more &= error == NULL;
		}
		weir_worker_commit();
		if (!OidIsValid(blocker.relid))
			break;
	}
	return making.more;
}

bool
weir_partitions_make(Oid defid, Epoch *epoch)
{
	return make_portion(defid, epoch, TimestampTzPlusMilliseconds(weir_clock_steady(), MAKE_BETWEEN_MS), true);
}

/*
 * Keeps what is set aside for want of partitions well below
 * weir.set_aside_limit.
 */
static bool
is_small(Epoch *epoch)
{
	Size		total = epoch->main.arena.total;
	bool		have_files = epoch->main.have_files;

	for (Run *run = epoch->adopted; run; run = run->next)
	{
		total += run->arena.total;
		have_files |= run->have_files;
	}
	return !have_files && total < (Size) weir_set_aside_limit_kb * 1024 / 4;
}

List *
weir_partitions_prepare(Epoch *epoch, List *except)
{
	TimestampTz until = is_small(epoch) ? TimestampTzPlusMilliseconds(weir_clock_steady(), MAKE_MS) : DT_NOEND;
	List	   *lacking = NIL;
	ListCell   *lc;

	foreach(lc, partitioned_views(epoch, except))
		if (make_portion(lfirst_oid(lc), epoch, until, false))
			lacking = lappend_oid(lacking, lfirst_oid(lc));
	return lacking;
}

/* ---------------------------------------------------------------------
 * Dropping
 * --------------------------------------------------------------------- */

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

/*
 * Drop one partition of a view in a transaction of its own. Returns true when
 * the view has another one to drop; sets *waited when it was given up because
 * of a lock.
 */
static bool
drop_one(Oid defid, bool *waited)
{
	DropDue    *due = due_of(defid);
	Dropping	dropping = {NULL, false};
	TimestampTz started = weir_clock_steady();
	TimestampTz ended;
	ErrorData  *error;

	begin_ddl(Min(DROP_WAIT_MS << Min(due->failures, 10), DROP_WAIT_MOST_MS));
	dropping.view = weir_cont_view_by_def(defid);
	if (dropping.view == NULL)
	{
		weir_worker_commit();
		hash_search(dues, &defid, HASH_REMOVE, NULL);
		return false;
	}
	error = weir_attempt(drop_oldest, &dropping);
	*waited = error && error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	if (!*waited)
		weir_tend_note(TEND_DROP_PARTITIONS, dropping.view, error);
	weir_worker_commit();

	due->failures = error ? due->failures + 1 : 0;
	ended = weir_clock_steady();
	due->next = ended + Max(Min(DROP_PAUSE_MS << Min(due->failures, 10), DROP_PAUSE_MOST_MS) * (int64) 1000,
							(ended - started) * DROP_PAUSE_FACTOR);
	return error == NULL && dropping.more;
}

bool
weir_partitions_drop(void)
{
	List	   *views = NIL;
	TimestampTz now = weir_clock_steady();
	int			left = DROP_PORTION;
	bool		waited = false;
	ListCell   *lc;

	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	foreach(lc, weir_cont_views_whole())
	{
		ContView   *view = lfirst(lc);

		if (view->options.partitioned && now >= due_of(view->defid)->next &&
			weir_tend_is_due(TEND_DROP_PARTITIONS, view->defid) && !weir_aside_list_has(view->defid))
			views = lappend_oid(views, view->defid);
	}
	weir_worker_commit();

	/*
	 * After one lock timeout the other views have to wait for the next round,
	 * because flushes are held up meanwhile.
	 */
	foreach(lc, views)
	{
		while (left > 0 && drop_one(lfirst_oid(lc), &waited))
			left--;
		if (left == 0)
		{
			due_of(lfirst_oid(lc))->next = 0;
			return true;
		}
		if (waited)
			break;
	}
	return false;
}
