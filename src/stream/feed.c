/*
 * feed.c
 *	  Rows of a transaction that still runs, on their way to a worker.
 *
 * A large transaction hands its rows to an ingest worker while it runs: both
 * work at once, and nothing is written to disk.  The worker merges what they
 * give into a private run, which the epoch adopts when the transaction has
 * committed, or which is thrown away when it rolls back.
 *
 * Locking: one LWLock per database protects its list of feeds, their states
 * and their lists of pieces.  The contents of a piece, and the run, belong to
 * the worker that holds the feed.  A worker that waits for a heavyweight lock
 * of the very transaction that feeds it does not go on; so a backend never
 * waits for longer than STALL_MS without seeing progress, and spools then.
 *
 * Memory: feed and pieces are allocations of kind WEIR_MEMORY_QUEUE.  All
 * feeds together leave a part of the queue's limit to ordinary transactions.
 *
 * Failure: a worker that ends leaves the feed as it is: pieces whose rows are
 * not merged are still linked.  The next worker goes on.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "stream/feed.h"
#include "stream/queue.h"

/* Without progress for so long the backend gives up. */
#define STALL_MS 2000

/* A feed with less than this is left to grow, for so long. */
#define WORTHWHILE_BYTES (4 * 1024 * 1024)
#define PATIENCE_MS 100

/* Of the queue's limit: what all feeds together may have. */
#define FEEDS_SHARE(limit) ((limit) / 4 * 3)
#define FEED_SHARE(limit) ((limit) / 2)

typedef struct FeedDatabase
{
	LWLock		lock;
	dlist_head	feeds;
} FeedDatabase;

static FeedDatabase *databases = NULL;
static Feed *held = NULL;
static uint32 wait_event = 0;

static Size
feed_shmem_size(void)
{
	return sizeof(FeedDatabase) * WEIR_MAX_DATABASES;
}

static void
feed_shmem_init(void *address, bool found)
{
	databases = address;
	if (found)
		return;
	for (int i = 0; i < WEIR_MAX_DATABASES; i++)
	{
		weir_lwlock_init(&databases[i].lock);
		dlist_init(&databases[i].feeds);
	}
}

void
weir_feed_init(void)
{
	static const WeirShmemStruct shmem = {"weir feeds", feed_shmem_size, feed_shmem_init};

	weir_shmem_register(&shmem);
}

static void
wait_for_other(long ms)
{
	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirFeed");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static LWLock *
lock_of(Feed *feed)
{
	return &databases[feed->slot].lock;
}

/* ---------------------------------------------------------------------
 * The backend
 * --------------------------------------------------------------------- */

Feed *
weir_feed_open(void)
{
	int			slot = weir_my_database_slot();
	Feed	   *feed = weir_shared_alloc(WEIR_MEMORY_QUEUE, sizeof(Feed));

	if (feed == NULL)
		return NULL;
	memset(feed, 0, sizeof(Feed));
	feed->slot = slot;
	feed->backend = MyLatch;
	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	dlist_push_tail(&databases[feed->slot].feeds, &feed->node);
	LWLockRelease(lock_of(feed));
	return feed;
}

/* Link the piece if there is room. */
static bool
try_append(Feed *feed, QueuePiece *piece, int64 *consumed, bool *refused)
{
	Size		limit = weir_memory_limit(WEIR_MEMORY_QUEUE);
	bool		room;
	bool		wake = false;

	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	*refused = feed->refused;
	room = !*refused &&
		(feed->first == NULL ||
		 (feed->bytes + piece->len <= FEED_SHARE(limit) &&
		  weir_memory_used(WEIR_MEMORY_QUEUE) <= FEEDS_SHARE(limit)));
	feed->room_wanted = !room && !*refused;
	*consumed = feed->consumed;
	if (room)
	{
		piece->next = NULL;
		if (feed->first == NULL)
		{
			feed->first = piece;
			feed->since = weir_clock_steady();
			wake = true;
		}
		else
			feed->last->next = piece;
		wake = wake || (feed->bytes < WORTHWHILE_BYTES && feed->bytes + piece->len >= WORTHWHILE_BYTES);
		feed->last = piece;
		feed->bytes += piece->len;
	}
	LWLockRelease(lock_of(feed));
	if (wake || !room)
		weir_queue_wake_workers(feed->slot);
	return room;
}

bool
weir_feed_append(Feed *feed, QueuePiece *piece)
{
	TimestampTz deadline = 0;
	int64		seen = -1;
	int64		consumed;
	bool		refused;

	while (!try_append(feed, piece, &consumed, &refused))
	{
		if (refused)
			return false;
		if (consumed != seen)
			deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), STALL_MS);
		else if (weir_clock_steady() >= deadline)
			return false;
		seen = consumed;
		wait_for_other(100);
	}
	return true;
}

void
weir_feed_close(Feed *feed)
{
	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	feed->state = FEED_CLOSED;
	feed->room_wanted = false;
	LWLockRelease(lock_of(feed));
}

void
weir_feed_kill(Feed *feed)
{
	int			slot = feed->slot;

	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	feed->state = FEED_DEAD;
	feed->room_wanted = false;
	LWLockRelease(lock_of(feed));
	weir_queue_wake_workers(slot);
}

void
weir_feed_free_messages(QueueMessage *list)
{
	while (list != NULL)
	{
		QueueMessage *next = list->next;

		if (list->feed)
			weir_feed_kill(list->feed);
		weir_message_free(list, true);
		list = next;
	}
}

/* ---------------------------------------------------------------------
 * Workers
 * --------------------------------------------------------------------- */

static bool
worthwhile(Feed *feed, TimestampTz now, long *wait_ms)
{
	long		left;

	if (feed->room_wanted || feed->bytes >= WORTHWHILE_BYTES)
		return true;
	left = TimestampDifferenceMilliseconds(now, TimestampTzPlusMilliseconds(feed->since, PATIENCE_MS));
	if (left <= 0)
		return true;
	if (*wait_ms < 0 || left < *wait_ms)
		*wait_ms = left;
	return false;
}

/*
 * An open feed's rows are numbered as if published now: later than all views
 * that are known by now, and earlier than any that comes.  The number is only
 * right if the feed is still open after it was read.
 */
Feed *
weir_feed_take(int slot, int64 *seq, long *wait_ms)
{
	FeedDatabase *db = &databases[slot];
	TimestampTz now = weir_clock_steady();
	Feed	   *result = NULL;
	int64		boot;
	dlist_iter	iter;

	*wait_ms = -1;
	Assert(held == NULL);
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	dlist_foreach(iter, &db->feeds)
	{
		Feed	   *feed = dlist_container(Feed, node, iter.cur);

		if (feed->state == FEED_OPEN && !feed->held && !feed->refused && feed->first != NULL &&
			worthwhile(feed, now, wait_ms))
		{
			result = feed;
			break;
		}
	}
	if (result != NULL)
	{
		held = result;
		result->held = true;
		/* The next one is another's turn. */
		dlist_delete(&result->node);
		dlist_push_tail(&db->feeds, &result->node);
	}
	LWLockRelease(&db->lock);
	if (result == NULL)
		return NULL;

	weir_queue_position(&boot, seq);
	(*seq)++;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (result->state != FEED_OPEN)
	{
		result->held = false;
		held = NULL;
		result = NULL;
		*wait_ms = 0;
	}
	LWLockRelease(&db->lock);
	return result;
}

QueuePiece *
weir_feed_batch_end(Feed *feed, Size bytes)
{
	QueuePiece *end;
	Size		taken = 0;

	LWLockAcquire(lock_of(feed), LW_SHARED);
	for (end = feed->first; end->next; end = end->next)
	{
		taken += end->len;
		if (taken + end->next->len > bytes)
			break;
	}
	LWLockRelease(lock_of(feed));
	return end;
}

void
weir_feed_hold(Feed *feed)
{
	bool		done = false;

	while (!done)
	{
		LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
		done = !feed->held;
		if (done)
		{
			feed->held = true;
			held = feed;
		}
		LWLockRelease(lock_of(feed));
		if (!done)
			wait_for_other(5);
	}
}

void
weir_feed_release(Feed *feed)
{
	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	feed->held = false;
	LWLockRelease(lock_of(feed));
	held = NULL;
}

void
weir_feed_release_held(void)
{
	if (held != NULL)
		weir_feed_release(held);
}

void
weir_feed_consumed(Feed *feed, QueuePiece *last)
{
	QueuePiece *list;
	Latch	   *wake = NULL;

	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	list = feed->first;
	feed->first = last->next;
	if (feed->first == NULL)
		feed->last = NULL;
	last->next = NULL;
	for (QueuePiece *piece = list; piece; piece = piece->next)
	{
		feed->bytes -= piece->len;
		feed->consumed++;
	}
	feed->since = weir_clock_steady();
	if (feed->room_wanted)
		wake = feed->backend;
	feed->room_wanted = false;

	/* Under the lock: a backend that is gone has marked its feed. */
	if (wake)
		SetLatch(wake);
	LWLockRelease(lock_of(feed));

	weir_pieces_free(list);
}

void
weir_feed_refuse(Feed *feed)
{
	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	feed->refused = true;
	if (feed->room_wanted)
		SetLatch(feed->backend);
	feed->room_wanted = false;
	LWLockRelease(lock_of(feed));
}

Feed *
weir_feed_pop_dead(int slot)
{
	FeedDatabase *db = &databases[slot];
	Feed	   *result = NULL;
	dlist_iter	iter;

	/* Looked at often, and nearly always empty. */
	if (dlist_is_empty(&db->feeds))
		return NULL;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	dlist_foreach(iter, &db->feeds)
	{
		Feed	   *feed = dlist_container(Feed, node, iter.cur);

		if (feed->state == FEED_DEAD && !feed->held)
		{
			result = feed;
			dlist_delete(&feed->node);
			break;
		}
	}
	LWLockRelease(&db->lock);
	return result;
}

void
weir_feed_unlink(Feed *feed)
{
	LWLockAcquire(lock_of(feed), LW_EXCLUSIVE);
	dlist_delete(&feed->node);
	LWLockRelease(lock_of(feed));
	if (held == feed)
		held = NULL;
}

void
weir_feed_free(Feed *feed)
{
	weir_pieces_free(feed->first);
	weir_shared_free(feed);
}
