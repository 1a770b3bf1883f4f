/*
 * epoch.c
 *	  Epochs: what was taken in between two cuts, until its flush has
 *	  committed.
 *
 * Each database has two epochs.  Ingest and Kafka workers merge into the
 * active one; the flush worker cuts: the active epoch becomes the frozen one
 * and an empty one takes its place.  The frozen epoch is read by the flush
 * worker alone, as often as it has to (a failed flush is tried again), and
 * freed when its transaction has committed.
 *
 * Locking: the merge mutex of the database is held by a merger from looking up
 * its first group to the end of its merge, and by the cut.  The frozen epoch
 * needs no lock.  "frozen" itself changes under the mutex or by the flush
 * worker alone.
 *
 * Failure: from the first assignment of a merge (merge.c) to the done callback
 * interrupts are held.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "groups/epoch.h"
#include "meta/view_changes.h"
#include "stream/feed.h"
#include "stream/queue.h"
#include "stream/queue_wait.h"
#include "time/watermark.h"

/* How long a merge waits for a lock that code of users needs. */
#define MERGE_LOCK_TIMEOUT "200ms"

typedef struct EpochDatabase
{
	WeirMutex	merge;
	Epoch		epochs[2];
	int			active;
	bool		frozen;			/* the other one waits for its flush */
	bool		cut_wanted;
	int64		flushed;		/* number of the last flushed epoch */

	/* the frozen epoch's list, against its release */
	slock_t		offsets_lock;
	Latch	   *flusher;
	ConditionVariable flushed_cv;
} EpochDatabase;

static EpochDatabase *databases = NULL;
static uint32 wait_event = 0;

static Size
epoch_shmem_size(void)
{
	return sizeof(EpochDatabase) * WEIR_MAX_DATABASES;
}

static void
epoch_shmem_init(void *address, bool found)
{
	databases = address;
	if (found)
		return;
	for (int i = 0; i < WEIR_MAX_DATABASES; i++)
	{
		weir_mutex_init(&databases[i].merge);
		SpinLockInit(&databases[i].offsets_lock);
		ConditionVariableInit(&databases[i].flushed_cv);
		databases[i].epochs[0].number = 1;
	}
}

/*
 * At the commit of a change of the list of views: the flush worker looks after
 * them.
 */
static void
wake_flusher(void)
{
	int			slot = weir_database_slot(MyDatabaseId, false);
	Latch	   *latch = slot >= 0 ? databases[slot].flusher : NULL;

	if (latch)
		SetLatch(latch);
}

void
weir_epoch_init(void)
{
	static const WeirShmemStruct shmem = {"weir epochs", epoch_shmem_size, epoch_shmem_init};

	weir_shmem_register(&shmem);
	weir_cont_views_changed = wake_flusher;
}

/*
 * Something has been merged, or taken note of without bringing anything.  The
 * waiters for rows that were flushed long ago may have waited just for this: a
 * cut reports numbers in order, and ours may have been the missing one.
 */
static void
note_arrival(EpochDatabase *db, Epoch *epoch, bool brings, bool sync)
{
	bool		first = brings && epoch->first == 0;

	sync = sync || weir_queue_sync_wanted(db - databases);
	if (first)
		epoch->first = weir_clock_steady();
	if (sync && brings)
		epoch->sync = true;
	else if (sync)
		db->cut_wanted = true;
	if ((first || sync) && db->flusher)
		SetLatch(db->flusher);
}

/*
 * Under the mutex code of users may meet a lock that somebody holds for long,
 * and all others wait for the mutex. Those who have set no limit have one
 * here; an error leaves it to the abort.
 */
static int
limit_lock_waits(void)
{
	int			level;

	if (LockTimeout != 0)
		return 0;
	level = NewGUCNestLevel();
	(void) set_config_option("lock_timeout", MERGE_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
end_limit(int level)
{
	if (level != 0)
		AtEOXact_GUC(false, level);
}

bool
weir_epoch_merge(int slot, MergeInput *input, weir_merge_callback done, void *arg)
{
	EpochDatabase *db = &databases[slot];
	Reservation r;
	Epoch	   *epoch;
	bool		ok;

	weir_mutex_lock(&db->merge);
	epoch = &db->epochs[db->active];
	PG_TRY();
	{
		int			level = limit_lock_waits();

		weir_merge_stage(&r, &epoch->main, input);
		end_limit(level);
		HOLD_INTERRUPTS();
		ok = weir_merge_reserve(&r, &epoch->main, &epoch->offsets, input);
		if (ok)
		{
			weir_merge_apply(&r, &epoch->main, &epoch->offsets, input);
			if (done)
				done(arg);
			note_arrival(db, epoch, input->nviews > 0 || input->nnotes > 0 || input->noffsets > 0,
						 input->sync);
		}
		RESUME_INTERRUPTS();
	}
	PG_CATCH();
	{
		weir_mutex_release_held();
		PG_RE_THROW();
	}
	PG_END_TRY();
	weir_mutex_unlock(&db->merge);
	return ok;
}

void
weir_epoch_try_stage(int slot, ViewResult *result)
{
	EpochDatabase *db = &databases[slot];

	weir_mutex_lock(&db->merge);
	PG_TRY();
	{
		int			level = limit_lock_waits();

		weir_merge_try(&db->epochs[db->active].main, result);
		end_limit(level);
	}
	PG_FINALLY();
	{
		weir_mutex_release_held();
	}
	PG_END_TRY();
}

/* Runs stay in the order in which they came. */
static void
adopt(Epoch *epoch, Run *run)
{
	run->next = NULL;
	*(epoch->adopted ? &epoch->last_adopted->next : &epoch->adopted) = run;
	epoch->last_adopted = run;
}

void
weir_epoch_adopt(int slot, Run *run, Run *more, bool sync, SourceOffset *offsets, int noffsets,
				 weir_merge_callback done, void *arg)
{
	EpochDatabase *db = &databases[slot];
	MergeInput	input = {0};
	Reservation r;
	Epoch	   *epoch;

	input.noffsets = noffsets;
	input.offsets = offsets;
	weir_mutex_lock(&db->merge);
	epoch = &db->epochs[db->active];
	PG_TRY();
	{
		weir_merge_stage(&r, run, &input);
		HOLD_INTERRUPTS();

		/* its groups went to a file because memory is full */
		run->note_arena.reserve = true;
		if (!weir_merge_reserve_notes(&r, run, &epoch->offsets, &input))
		{
			RESUME_INTERRUPTS();
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("weir.memory is too small for the offsets of a batch")));
		}
		weir_merge_apply(&r, run, &epoch->offsets, &input);
		if (more != NULL)
			adopt(epoch, more);
		adopt(epoch, run);
		weir_run_release(run);
		if (done)
			done(arg);
		note_arrival(db, epoch, true, sync);
		RESUME_INTERRUPTS();
	}
	PG_CATCH();
	{
		weir_mutex_release_held();
		PG_RE_THROW();
	}
	PG_END_TRY();
	weir_mutex_unlock(&db->merge);
}

/* ---------------------------------------------------------------------
 * Cut and release
 * --------------------------------------------------------------------- */

void
weir_epoch_attach_flusher(int slot, Latch *latch)
{
	EpochDatabase *db = &databases[slot];

	weir_mutex_lock(&db->merge);
	db->flusher = latch;
	weir_mutex_unlock(&db->merge);
}

void
weir_epoch_detach_flusher(int slot)
{
	databases[slot].flusher = NULL;
}

void
weir_epoch_request_cut(int slot)
{
	EpochDatabase *db = &databases[slot];
	Latch	   *latch = db->flusher;

	db->cut_wanted = true;
	pg_memory_barrier();
	if (latch)
		SetLatch(latch);
}

int
weir_epoch_active(int slot)
{
	return databases[slot].active;
}

bool
weir_epoch_idle(int slot)
{
	EpochDatabase *db = &databases[slot];

	return !db->frozen && db->epochs[db->active].first == 0;
}

long
weir_epoch_due(int slot)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *epoch = &db->epochs[db->active];
	TimestampTz first = epoch->first;

	if (db->frozen || db->cut_wanted || epoch->sync)
		return 0;
	if (first == 0)
		return -1;
	return TimestampDifferenceMilliseconds(weir_clock_steady(), TimestampTzPlusMilliseconds(first, weir_flush_interval));
}

Epoch *
weir_epoch_cut(int slot, int64 *cut_seq, int64 *number)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *frozen = &db->epochs[1 - db->active];
	Epoch	   *active = &db->epochs[db->active];

	if (db->frozen)
		return frozen;
	weir_mutex_lock(&db->merge);
	db->cut_wanted = false;
	*cut_seq = weir_queue_merged_seq(slot);
	*number = active->number;
	if (active->first == 0)
	{
		/*
		 * What was merged gave nothing; it must not be taken for a part of
		 * what comes.
		 */
		active->number++;
		weir_mutex_unlock(&db->merge);
		return NULL;
	}
	active->cut_seq = *cut_seq;
	memset(frozen, 0, sizeof(Epoch));
	frozen->number = active->number + 1;
	db->active = 1 - db->active;
	db->frozen = true;
	weir_watermark_cut(slot);
	weir_mutex_unlock(&db->merge);
	return active;
}

bool
weir_epoch_cut_watermarks(int slot)
{
	EpochDatabase *db = &databases[slot];
	bool		empty;

	weir_mutex_lock(&db->merge);
	empty = weir_epoch_idle(slot);
	if (empty)
		weir_watermark_cut(slot);
	weir_mutex_unlock(&db->merge);
	return empty;
}

bool
weir_epoch_has_view(Epoch *epoch, Oid defid)
{
	if (weir_run_has_view(&epoch->main, defid))
		return true;
	for (Run *run = epoch->adopted; run; run = run->next)
		if (weir_run_has_view(run, defid))
			return true;
	return false;
}

static void
free_epoch(Epoch *epoch)
{
	Run		   *run = epoch->adopted;

	weir_run_clear(&epoch->main);
	while (run != NULL)
	{
		Run		   *next = run->next;

		weir_run_destroy(run);
		run = next;
	}
	epoch->adopted = NULL;
	epoch->offsets = NULL;
	epoch->sync = false;
	epoch->first = 0;
}

void
weir_epoch_count_error(int slot)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *epoch = &db->epochs[1 - db->active];

	for (GroupTable *table = epoch->main.tables; table; table = table->next)
		weir_stats_view_error(table->defid);
	for (Run *run = epoch->adopted; run; run = run->next)
		for (GroupTable *table = run->tables; table; table = table->next)
			weir_stats_view_error(table->defid);
}

void
weir_epoch_release(int slot)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *epoch = &db->epochs[1 - db->active];

	weir_watermark_stored(slot);
	weir_stats_flushed(MyDatabaseId, 1 - db->active);
	weir_queue_set_flushed(slot, epoch->cut_seq, epoch->number);
	db->flushed = epoch->number;
	SpinLockAcquire(&db->offsets_lock);
	epoch->offsets = NULL;
	SpinLockRelease(&db->offsets_lock);
	free_epoch(epoch);
	pg_memory_barrier();
	db->frozen = false;
	ConditionVariableBroadcast(&db->flushed_cv);
}

void
weir_epoch_discard(int slot)
{
	EpochDatabase *db = &databases[slot];

	weir_feeds_clear_dead(slot);
	weir_watermark_discard(slot);
	weir_mutex_lock(&db->merge);
	free_epoch(&db->epochs[0]);
	free_epoch(&db->epochs[1]);
	db->frozen = false;
	db->flushed = db->epochs[db->active].number;
	db->epochs[db->active].number++;
	weir_stats_flushed(weir_database_of_slot(slot), 0);
	weir_stats_flushed(weir_database_of_slot(slot), 1);
	weir_mutex_unlock(&db->merge);
	ConditionVariableBroadcast(&db->flushed_cv);
}

bool
weir_epoch_source_offset(Oid streamid, const char *topic, int32 partition, SourceOffset *offset)
{
	EpochDatabase *db = &databases[weir_my_database_slot()];
	char		cluster[SOURCE_NAME_LENGTH];
	char		topic_id[SOURCE_NAME_LENGTH];
	bool		found = false;

	weir_mutex_lock(&db->merge);
	for (int i = 0; i < 2 && !found; i++)
	{
		EpochOffset *place;

		/*
		 * The active epoch has the newest.  The list of one that is not in use
		 * is empty.
		 */
		SpinLockAcquire(&db->offsets_lock);
		place = weir_offset_find(db->epochs[i == 0 ? db->active : 1 - db->active].offsets, streamid, topic, partition);
		found = place != NULL;
		if (found)
		{
			*offset = place->offset;
			if (offset->cluster)
				strlcpy(cluster, offset->cluster, sizeof(cluster));
			if (offset->topic_id)
				strlcpy(topic_id, offset->topic_id, sizeof(topic_id));
		}
		SpinLockRelease(&db->offsets_lock);
	}
	weir_mutex_unlock(&db->merge);
	if (!found)
		return false;
	offset->topic = topic;
	offset->cluster = offset->cluster ? pstrdup(cluster) : NULL;
	offset->topic_id = offset->topic_id ? pstrdup(topic_id) : NULL;
	return true;
}

int64
weir_epoch_pending(int slot)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *active;
	int64		number = 0;

	weir_mutex_lock(&db->merge);
	active = &db->epochs[db->active];
	if (active->first != 0)
		number = active->number;
	else if (db->frozen)
		number = active->number - 1;
	weir_mutex_unlock(&db->merge);
	return number;
}

int64
weir_epoch_active_number(int slot)
{
	EpochDatabase *db = &databases[slot];

	return db->epochs[db->active].number;
}

/* Read without the mutex: how many is to decide who waits, not exactly. */
int64
weir_epoch_notes(int slot, int64 *number)
{
	EpochDatabase *db = &databases[slot];
	Epoch	   *epoch = &db->epochs[db->active];

	*number = epoch->number;
	return epoch->main.nnotes;
}

int64
weir_epoch_flushed(int slot)
{
	return databases[slot].flushed;
}

bool
weir_epoch_wait(int slot, int64 number, long timeout_ms)
{
	EpochDatabase *db = &databases[slot];
	TimestampTz deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), timeout_ms);
	bool		done;

	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirEpoch");
	ConditionVariablePrepareToSleep(&db->flushed_cv);
	while (!(done = db->flushed >= number))
	{
		long		left = TimestampDifferenceMilliseconds(weir_clock_steady(), deadline);

		if (left <= 0)
			break;
		ConditionVariableTimedSleep(&db->flushed_cv, left, wait_event);
	}
	ConditionVariableCancelSleep();
	return done;
}
