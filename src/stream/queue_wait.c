/*
 * queue_wait.c
 *	  Waiting until rows of the queue are flushed, and waking who waits.
 *
 * A waiter sleeps in a list of its database until the flush of its rows has
 * committed.  The list is under the database's lock of the queue; latches are
 * set outside of it.
 *
 * Failure: a process that is terminated while it waits leaves the list in its
 * exit callback: its place there belongs to the next process of its number.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "stream/queue_park.h"
#include "stream/queue_state.h"
#include "stream/queue_wait.h"
#include "stream/queue_warn.h"

/* How often who waits looks whether a spare worker is needed, in ms. */
#define LOOK_MS 250

/* Waiters that are woken together. */
#define WAKE_AT_ONCE 128

struct HeldStreams
{
	int			n;
	HeldStream	streams[FLEXIBLE_ARRAY_MEMBER];
};

/* this process may be in its list of waiters */
static QueueDatabase *waiting_in = NULL;
static bool exit_registered = false;
static uint32 wait_event = 0;

static bool waiter_enlist(QueueDatabase *db, int64 seq);
static bool waiter_delist(QueueDatabase *db);
static void delist_at_exit(int code, Datum arg);
static void wait_event_begin(void);
static int	take_flushed_locked(QueueDatabase *db, int64 epoch, Latch **latches, int max);
static bool is_held(QueueDatabase *db, const QueueWaiter *waiter);

void
weir_queue_prepare_wait(void)
{
	if (exit_registered)
		return;
	before_shmem_exit(delist_at_exit, (Datum) 0);
	exit_registered = true;
}

bool
weir_queue_commit_wait(int64 seq, bool show_errors)
{
	QueueDatabase *db = weir_queue_of(weir_my_database_slot());
	volatile QueueWaiter *waiter = weir_queue_waiter(weir_my_proc_number());
	FlushWait	wait;
	long		look = LOOK_MS;

	/* Enlisted when the rows were published. */
	wait_event_begin();
	weir_queue_wait_begin(&wait, seq, show_errors, true);

	for (;;)
	{
		int			rc;
		long		timeout;

		ResetLatch(MyLatch);
		if (!waiter->waiting)
			return true;

		/*
		 * The transaction is committed and cannot be taken back; nor may the
		 * client be told that all is done.  So a warning, as for synchronous
		 * replication.
		 */
		if (ProcDiePending)
		{
			if (!waiter_delist(db))
				return true;
			ereport(WARNING,
					(errcode(ERRCODE_ADMIN_SHUTDOWN),
					 errmsg("canceling the wait for the flush of stream rows and terminating connection due to administrator command"),
					 errdetail("The transaction has already committed, but its stream rows might not be in the views yet.")));
			whereToSendOutput = DestNone;
			return false;
		}
		if (QueryCancelPending)
		{
			QueryCancelPending = false;
			if (!waiter_delist(db))
				return true;
			ereport(WARNING,
					(errmsg("canceling wait for the flush of stream rows due to user request"),
					 errdetail("The transaction has already committed, but its stream rows might not be in the views yet.")));
			return false;
		}

		/*
		 * Interrupts are held, but DROP DATABASE, of any one, waits for this
		 * process to take part.
		 */
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();

		timeout = Min(weir_queue_wait_warn(&wait), look);
		rc = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_POSTMASTER_DEATH, timeout, wait_event);
		if (rc & WL_TIMEOUT)
		{
			weir_queue_look_for_help(db);
			look = LOOK_MS * 4;
		}
		if (rc & WL_POSTMASTER_DEATH)
		{
			ProcDiePending = true;
			whereToSendOutput = DestNone;
			waiter_delist(db);
			return false;
		}
	}
}

bool
weir_queue_wait(int64 seq, long timeout_ms)
{
	QueueDatabase *db = weir_queue_of(weir_my_database_slot());
	volatile QueueWaiter *waiter = weir_queue_waiter(weir_my_proc_number());
	TimestampTz deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), timeout_ms);

	if (!waiter_enlist(db, seq))
		return true;
	wait_event_begin();

	PG_TRY();
	{
		while (waiter->waiting)
		{
			long		left = TimestampDifferenceMilliseconds(weir_clock_steady(), deadline);

			if (left <= 0)
				break;
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 left, wait_event);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_CATCH();
	{
		waiter_delist(db);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return !waiter_delist(db);
}

bool
weir_queue_sync_wanted(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
	bool		wanted;

	LWLockAcquire(&db->lock, LW_SHARED);
	wanted = db->flushed < db->last_sync;
	LWLockRelease(&db->lock);
	return wanted;
}

bool
weir_queue_gathering(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
	bool		gathering;

	LWLockAcquire(&db->lock, LW_SHARED);
	gathering = db->last_waiting > 1 && (db->nwaiting * 4 < db->last_waiting * 3 || db->head != NULL);
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS && db->last_waiting > 1 && !gathering; i++)
		gathering = db->workers[i].taken != NULL;
	LWLockRelease(&db->lock);
	return gathering;
}

int64
weir_queue_flushed_seq(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
	int64		seq;

	LWLockAcquire(&db->lock, LW_SHARED);
	seq = db->flushed;
	LWLockRelease(&db->lock);
	return seq;
}

void
weir_queue_set_flushed(int slot, int64 seq, int64 epoch)
{
	QueueDatabase *db = weir_queue_of(slot);
	Latch	   *latches[WAKE_AT_ONCE];
	int			n;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->flushed = Max(db->flushed, seq);
	db->last_waiting = db->nwaiting;
	do
	{
		n = take_flushed_locked(db, epoch, latches, WAKE_AT_ONCE);
		LWLockRelease(&db->lock);
		for (int i = 0; i < n; i++)
			SetLatch(latches[i]);
		if (n == WAKE_AT_ONCE)
			LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	} while (n == WAKE_AT_ONCE);
}

HeldStreams *
weir_queue_held_make(const HeldStream *streams, int n)
{
	HeldStreams *held = weir_shared_alloc_reserve(WEIR_MEMORY_QUEUE,
												  offsetof(HeldStreams, streams) + sizeof(HeldStream) * n);

	if (held != NULL)
	{
		held->n = n;
		memcpy(held->streams, streams, sizeof(HeldStream) * n);
	}
	return held;
}

void
weir_queue_held_free(HeldStreams *held)
{
	weir_shared_free(held);
}

void
weir_queue_hold(int slot, HeldStreams *held)
{
	QueueDatabase *db = weir_queue_of(slot);
	HeldStreams *before;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	before = db->held;
	db->held = held;
	LWLockRelease(&db->lock);
	if (before)
		weir_shared_free(before);
}

/* ---------------------------------------------------------------------
 * The list of waiters
 * --------------------------------------------------------------------- */

void
weir_queue_enlist(QueueDatabase *db, int64 seq, const StreamSet *streams)
{
	QueueWaiter *waiter = weir_queue_waiter(weir_my_proc_number());

	waiting_in = db;
	waiter->waiting = true;
	waiter->seq = seq;
	waiter->streams = *streams;
	waiter->epoch = 0;
	waiter->latch = MyLatch;
	dlist_push_tail(&db->waiters, &waiter->node);
	db->nwaiting++;
}

void
weir_queue_note_merged(const QueueMessage *message, int64 epoch)
{
	QueueWaiter *waiter;

	if (message->waiter == 0)
		return;
	waiter = weir_queue_waiter(message->waiter - 1);
	if (waiter->waiting && waiter->seq == message->seq)
		waiter->epoch = epoch;
}

/*
 * For all up to seq to be flushed.  Returns false when there is nothing to
 * wait for.
 */
static bool
waiter_enlist(QueueDatabase *db, int64 seq)
{
	static const StreamSet none = {0};
	bool		waiting;

	weir_queue_prepare_wait();
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	waiting = db->flushed < seq;
	if (waiting)
		weir_queue_enlist(db, seq, &none);
	LWLockRelease(&db->lock);
	return waiting;
}

/* Returns whether the waiter was still waiting. */
static bool
waiter_delist(QueueDatabase *db)
{
	QueueWaiter *waiter = weir_queue_waiter(weir_my_proc_number());
	bool		was_waiting;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	was_waiting = waiter->waiting;
	if (was_waiting)
	{
		dlist_delete(&waiter->node);
		waiter->waiting = false;
		db->nwaiting--;
	}
	LWLockRelease(&db->lock);
	waiting_in = NULL;
	return was_waiting;
}

static void
delist_at_exit(int code, Datum arg)
{
	if (waiting_in != NULL)
		(void) waiter_delist(waiting_in);
}

static void
wait_event_begin(void)
{
	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirFlush");
}

/*
 * Remove up to max waiters whose rows are flushed from the list.  Returns how
 * many, with their latches, which are to be set when the lock is released:
 * those who wake up need it.
 */
static int
take_flushed_locked(QueueDatabase *db, int64 epoch, Latch **latches, int max)
{
	dlist_mutable_iter iter;
	int			n = 0;

	dlist_foreach_modify(iter, &db->waiters)
	{
		QueueWaiter *waiter = dlist_container(QueueWaiter, node, iter.cur);

		if ((waiter->seq > db->flushed && (waiter->epoch == 0 || waiter->epoch > epoch)) ||
			is_held(db, waiter))
			continue;
		dlist_delete(&waiter->node);
		latches[n++] = waiter->latch;
		pg_write_barrier();
		waiter->waiting = false;
		db->nwaiting--;
		if (n == max)
			break;
	}
	return n;
}

/*
 * Is a stream of the waiter held, so that its flushed rows may not be in all
 * views?
 */
static bool
is_held(QueueDatabase *db, const QueueWaiter *waiter)
{
	for (int i = 0; db->held && i < db->held->n; i++)
	{
		HeldStream *held = &db->held->streams[i];

		if (waiter->seq <= held->from)
			continue;
		if (waiter->streams.n > STREAM_SET_MAX)
			return true;
		for (int j = 0; j < waiter->streams.n; j++)
			if (waiter->streams.streams[j] == held->streamid)
				return true;
	}
	return false;
}
