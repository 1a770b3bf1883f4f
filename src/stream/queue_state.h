/*
 * queue_state.h
 *	  The queue in shared memory.  For its own files (queue*.c), and init.c.
 */
#ifndef WEIR_STREAM_QUEUE_STATE_H
#define WEIR_STREAM_QUEUE_STATE_H

#include "postgres.h"

#include "lib/ilist.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "stream/message.h"

#define WEIR_MAX_INGEST_WORKERS 16

/*
 * A stream whose rows are left in the queue, since what its views need is
 * locked.
 */
typedef struct ParkedStream
{
	Oid			streamid;
	TimestampTz since;
	TimestampTz until;			/* then they are tried again */
} ParkedStream;

/* Of a database; the rows of more are tried like all others. */
#define MAX_PARKED_STREAMS 32

struct HeldStreams;				/* queue_wait.h */

typedef struct QueueWorker
{
	int			pid;			/* 0: no such worker */
	Latch	   *latch;
	QueueMessage *taken;		/* not yet merged, sorted */
	TimestampTz since;			/* when that was taken */
	bool		busy;			/* has rows in hand that are not of the queue */
} QueueWorker;

typedef struct QueueWaiter
{
	dlist_node	node;
	int64		seq;
	StreamSet	streams;		/* of its rows */

	/* that the rows with this number alone are in; 0: none yet */
	int64		epoch;
	Latch	   *latch;
	bool		waiting;		/* cleared by who wakes it */
} QueueWaiter;

typedef struct QueueDatabase
{
	LWLock		lock;
	QueueMessage *head;
	QueueMessage *tail;
	int64		published;		/* last number given */
	int64		flushed;		/* all up to here are on disk */

	/* but for those of these streams; or NULL */
	struct HeldStreams *held;
	int64		last_sync;		/* latest number that somebody waits for */

	/* numbers up to here are taken stream by stream */
	int64		alone_until;

	/* numbers up to here do not linger (LINGER_MS) */
	int64		urgent;
	int64		nmessages;
	int64		nrows;
	int64		nbytes;
	dlist_head	waiters;
	int			nwaiting;		/* of them */

	/* how many waited when the last flush ended, woken by it or not */
	int			last_waiting;
	QueueWorker workers[WEIR_MAX_INGEST_WORKERS];
	int			nworkers;		/* of them, who are there */
	ParkedStream parked[MAX_PARKED_STREAMS];
	int			nparked;
} QueueDatabase;

extern void weir_queue_init(void);
extern QueueDatabase *weir_queue_of(int slot);
extern QueueWaiter *weir_queue_waiter(int proc_number);

#endif
