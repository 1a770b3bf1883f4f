/*
 * queue.h
 *	  Committed rows in shared memory, on their way from backends to workers.
 */
#ifndef WEIR_STREAM_QUEUE_H
#define WEIR_STREAM_QUEUE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "stream/message.h"

/* --- backends --- */

/*
 * Hand a message over.  Cannot fail.  Returns its publication number, and
 * whether to wait for it: when somebody asked for that, or when no ingest
 * worker is there to take it in.
 */
extern int64 weir_queue_publish(QueueMessage *message, bool *wait);

/* This process is a worker: its own rows would make it wait for itself. */
extern void weir_queue_never_wait(void);

/* Where the queue of this database stands: server run and last publication. */
extern void weir_queue_position(int64 *boot, int64 *seq);

/* --- workers: of the database with this slot, below WEIR_MAX_INGEST_WORKERS --- */

extern void weir_queue_attach_worker(int slot, int worker);

/* puts back what it took */
extern void weir_queue_detach_worker(int slot, int worker, bool alone);

/* How messages are taken. */
typedef struct QueueTake
{
	/* in: few rows that nobody waits for are left for a moment */
	bool		linger;
	bool		alone;			/* out: all are of the same streams */
	bool		parked;			/* out: they were parked */
	bool		mixed;			/* out: they are of several sets of streams */

	/* out: when there are none, for how long; else -1 */
	long		wait_ms;
} QueueTake;

/*
 * Take messages up to about weir.batch_rows and weir.batch_size, at least one
 * if there is any; those of parked streams are left.  A spooled message comes
 * alone.  They belong to the worker until weir_queue_taken_merged.  Returns
 * the first, linked by next, or NULL.
 */
extern QueueMessage *weir_queue_take(int slot, int worker, QueueTake *take);

/* Have workers take messages up to this number without lingering. */
extern void weir_queue_hurry(int slot, int64 seq);

/*
 * Set whether the worker is busy with rows that do not come from the queue:
 * then others are woken for new messages.
 */
extern void weir_queue_set_busy(int slot, int worker, bool busy);

/*
 * Put back what the worker took and has not merged.  alone: messages of
 * different streams among it shall not be taken together again, by any worker.
 */
extern void weir_queue_put_back(int slot, int worker, bool alone);

/*
 * Put back what the worker took and has not merged, since it could not get a
 * lock, and park these streams for so many ms; at least one of them is a
 * stream of what it took.  A stream is parked no longer when rows of it have
 * been merged.  Returns false when there is no room to park all of them.
 */
extern bool weir_queue_park(int slot, int worker, const StreamSet *streams, int ms);

/* The streams of what the worker took, each once. */
extern void weir_queue_taken_streams(int slot, int worker, StreamSet *streams);

/*
 * What the worker took is in the active epoch now: it is no longer put back or
 * waited for.  Cannot fail; the caller then frees the messages.  epoch: its
 * number.
 */
extern void weir_queue_taken_merged(int slot, int worker, int64 epoch);

/*
 * The number up to which every message has been merged.  The caller holds the
 * merge mutex, so that it stays true of the active epoch.
 */
extern int64 weir_queue_merged_seq(int slot);

/* Wake an idle ingest worker of this database. */
extern void weir_queue_wake_workers(int slot);

/*
 * Unlink everything queued and wake all who wait: the extension is gone.  The
 * messages are the caller's to free (weir_feed_free_messages).
 */
extern QueueMessage *weir_queue_discard(int slot);

/*
 * Calls visit for each transaction whose rows are in no epoch yet, under the
 * queue's lock: with the streams that they may be of, and when it committed.
 */
extern void weir_queue_each(int slot, void (*visit) (const StreamSet *streams, TimestampTz published, void *arg),
							void *arg);

/* Rows and bytes not yet taken, for statistics. */
extern void weir_queue_depth(int slot, int64 *messages, int64 *rows, int64 *bytes);

#endif
