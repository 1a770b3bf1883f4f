/*
 * housekeeping.c
 *	  What the flush worker does now and then: it looks after its database.
 *
 * Is the extension still there; which Kafka streams want workers, and which
 * ones nobody reads on; dependencies that pg_upgrade leaves out; what has
 * expired; watermarks of partitions that have become idle; what dropped
 * streams and views left; partitions to drop.  Each of these is a stage of
 * its own: one that fails does not keep the others from being done.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "flush/expiry.h"
#include "flush/housekeeping.h"
#include "flush/notes.h"
#include "flush/partitioning.h"
#include "flush/tend.h"
#include "flush/watermarks.h"
#include "groups/epoch.h"
#include "matrel/whole.h"
#include "meta/cont_view.h"
#include "meta/suspended.h"
#include "meta/view_changes.h"
#include "process/view_trouble.h"
#include "process/worker.h"
#include "source/source.h"
#include "stream/feed.h"
#include "stream/queue.h"
#include "time/watermark.h"

/* Rows deleted when there is nothing to flush. */
#define EXPIRE_IDLE 10000

/* Between looks for rows of dropped objects while nothing has changed. */
#define PURGE_USECS (10 * USECS_PER_SEC)

/* Pause after a stage has failed, doubled each time. */
#define PAUSE_MS 1000
#define PAUSE_MOST_MS 60000

typedef struct Stage
{
	bool		(*work) (void);	/* true: there is more to do */
	int			failures;		/* in a row */
	TimestampTz next;			/* weir_clock_steady */
} Stage;

typedef struct NotesWork
{
	void		(*work) (void);
	TimestampTz done;			/* 0: not yet */
	uint64		generation;		/* of the list of views */
} NotesWork;

static bool publish_wants(void);
static bool look_after_views(void);
static bool move_watermarks(void);
static bool purge_notes(void);
static bool mark_unread(void);
static bool run_stage(Stage *stage);

static Stage stages[] = {
	{publish_wants}, {mark_unread}, {look_after_views}, {move_watermarks}, {purge_notes}, {weir_partitions_drop}
};

static uint64 adopted_version = 0;	/* of the list of views */

/* End this process, unless the extension has been created again meanwhile. */
static void
extension_is_gone(uint32 created)
{
	if (!weir_registry_set_database_absent(MyDatabaseId, created))
		return;
	weir_feed_free_messages(weir_queue_discard(weir_worker_self->slot));
	weir_epoch_discard(weir_worker_self->slot);
	weir_view_trouble_discard(weir_worker_self->slot);
	weir_registry_wake_launcher();
	proc_exit(0);
}

/*
 * Which workers of sources there shall be: those of streams that an active
 * view reads. First workers of all streams come before second ones, should
 * there be too many.
 */
static int
source_wants(List *views, WorkerTask *wants)
{
	List	   *streams = weir_cont_views_streams(views, true);
	int			nstreams = list_length(streams);
	int		   *workers = palloc(sizeof(int) * Max(nstreams, 1));
	WorkerKind *kinds = palloc(sizeof(WorkerKind) * Max(nstreams, 1));
	int			most = 0;
	int			n = 0;

	for (int s = 0; s < nstreams; s++)
	{
		workers[s] = weir_source_workers_wanted(list_nth_oid(streams, s), &kinds[s]);
		most = Max(most, workers[s]);
	}
	memset(wants, 0, sizeof(WorkerTask) * WEIR_MAX_WANTS);
	for (int i = 0; i < most; i++)
		for (int s = 0; s < nstreams && n < WEIR_MAX_WANTS; s++)
		{
			if (i >= workers[s])
				continue;
			wants[n].dboid = MyDatabaseId;
			wants[n].kind = kinds[s];
			wants[n].index = i;
			wants[n++].streamid = list_nth_oid(streams, s);
		}
	return n;
}

/* Begin the transaction of a stage. */
static void
begin(void)
{
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
}

/*
 * Look again after an invalidation: CREATE EXTENSION tells the registry a
 * moment before its invalidation messages arrive.
 */
static bool
extension_is_there(void)
{
	if (weir_extension_exists())
		return true;
	InvalidateSystemCaches();
	return weir_extension_exists();
}

bool
weir_tick(void)
{
	uint32		created = weir_registry_database_created(MyDatabaseId);
	bool		exists;
	bool		more = false;

	weir_worker_begin();
	exists = extension_is_there();
	weir_worker_commit();
	if (!exists)
	{
		extension_is_gone(created);
		return false;
	}
	for (int i = 0; i < lengthof(stages); i++)
		more |= run_stage(&stages[i]);
	return more;
}

static bool
run_stage(Stage *stage)
{
	TimestampTz now = weir_clock_steady();
	volatile bool more = false;

	if (stage->failures > 0 && now < stage->next)
		return false;
	PG_TRY();
	{
		more = stage->work();
		stage->failures = 0;
	}
	PG_CATCH();
	{
		weir_worker_recover();
		stage->next = TimestampTzPlusMilliseconds(weir_clock_steady(), Min(PAUSE_MS << Min(stage->failures, 10), PAUSE_MOST_MS));
		stage->failures++;
	}
	PG_END_TRY();
	return more;
}

static bool
publish_wants(void)
{
	WorkerTask	wants[WEIR_MAX_WANTS];
	int			n;

	begin();
	n = source_wants(weir_cont_views_whole(), wants);
	weir_worker_commit();
	weir_registry_set_wants(wants, n);
	return false;
}

static void
adopt_view(ContView *view, void *arg)
{
	weir_matrel_adopt(view);
}

/* Create the dependencies that pg_upgrade leaves out. */
static void
adopt_views(List *views)
{
	uint64		version = weir_cont_views_version();
	bool		all = true;
	ListCell   *lc;

	if (version == adopted_version)
		return;
	foreach(lc, views)
		all &= weir_view_tend(TEND_ADOPT, lfirst(lc), AccessShareLock, adopt_view, NULL);
	if (all)
		adopted_version = version;
}

static bool
look_after_views(void)
{
	List	   *views;
	bool		more;

	begin();
	views = weir_cont_views_whole();
	weir_suspended_sync(views);
	weir_tend_purge(views);
	weir_view_trouble_purge(views);
	adopt_views(views);
	more = weir_expire_views(views, EXPIRE_IDLE, false);
	more |= weir_watermarks_expire(views, EXPIRE_IDLE);
	weir_worker_commit();
	return more;
}

static bool
move_watermarks(void)
{
	bool		moved;

	begin();
	moved = weir_watermarks_tick(weir_cont_views_whole());
	weir_worker_commit();
	if (moved)
		weir_watermark_stored(weir_worker_self->slot);
	return false;
}

/*
 * Delete rows of dropped streams and views: when the list of views has
 * changed, and now and then, for what a worker that ended has left since.
 */
static bool
look_after_notes(NotesWork *work)
{
	TimestampTz now = weir_clock_steady();
	uint64		generation = weir_cont_views_generation();

	if (work->done != 0 && work->generation == generation && now - work->done < PURGE_USECS)
		return false;
	begin();
	work->work();
	weir_worker_commit();
	work->generation = generation;
	work->done = now;
	return false;
}

/* Runs after publish_wants has seen that nobody wants the streams. */
static bool
mark_unread(void)
{
	static NotesWork work = {weir_notes_mark_unread};

	return look_after_notes(&work);
}

/* Streams and views are dropped seldom. */
static bool
purge_notes(void)
{
	static NotesWork work = {weir_notes_purge};

	return look_after_notes(&work);
}
