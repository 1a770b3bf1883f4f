/*
 * queue.c
 *	  Committed rows in shared memory, on their way from backends to workers.
 *
 * One list of messages per database, in order of publication.  A backend fills
 * a message before its commit record is written and links it in after; an
 * ingest worker takes messages from the head; when their partial states are in
 * the active epoch it reports them merged.  A waiting inserter sleeps in a list
 * of its database until the flush of its rows has committed.
 *
 * Locking: one LWLock per database protects its list, the workers' taken
 * messages, the sequence numbers and the list of waiters.  It is held for
 * linking and unlinking only; a message's contents belong to its owner.
 *
 * Memory: a message and each of its pieces are allocations of kind
 * WEIR_MEMORY_QUEUE.  The rows of a message too large for that are in a file
 * set, removed by whoever frees the message and, after a crash, by the
 * server's own clean-up of temporary files.
 *
 * Failure: a worker that exits puts what it took back at its place (the list
 * stays sorted by number), so nothing is lost while the server runs.  A process
 * that is terminated while it waits leaves the list of waiters in its exit
 * callback: its place there belongs to the next process of its number.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "stream/feed.h"
#include "stream/queue.h"

/* Asynchronous rows wait up to this long for others, in ms. */
#define LINGER_MS 10

/* A worker that has had the same rows in hand for longer is stuck; how often who waits looks for that, in ms. */
#define STUCK_MS 200
#define LOOK_MS 250

/* How long a message is left that is of the streams of a worker that is stuck, in ms. */
#define STUCK_PAUSE_MS 50

/* Waiters that are woken together. */
#define WAKE_AT_ONCE 128

typedef struct QueueWorker
{
	int			pid;			/* 0: no such worker */
	Latch	   *latch;
	QueueMessage *taken;		/* not yet merged, sorted */
	TimestampTz since;			/* when that was taken */
	bool		busy;			/* has rows in hand that are not of the queue */
} QueueWorker;

struct HeldStreams
{
	int			n;
	HeldStream	streams[FLEXIBLE_ARRAY_MEMBER];
};

typedef struct QueueWaiter
{
	dlist_node	node;
	int64		seq;
	StreamSet	streams;		/* of its rows */
	int64		epoch;			/* that the rows with this number alone are in; 0: none yet */
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
	HeldStreams *held;			/* but for those of these streams; or NULL */
	int64		last_sync;		/* latest number that somebody waits for */
	int64		alone_until;	/* numbers up to here are taken stream by stream */
	int64		urgent;			/* numbers up to here are not to be kept waiting for company */
	int64		nmessages;
	int64		nrows;
	int64		nbytes;
	dlist_head	waiters;
	int			nwaiting;		/* of them */
	int			company;		/* who waited when the last flush ended, woken by it or not */
	QueueWorker workers[WEIR_MAX_INGEST_WORKERS];
	int			nworkers;		/* of them, who are there */
	ParkedStream parked[MAX_PARKED_STREAMS];
	int			nparked;
} QueueDatabase;

typedef struct QueueShared
{
	QueueDatabase databases[WEIR_MAX_DATABASES];
	QueueWaiter waiters[FLEXIBLE_ARRAY_MEMBER]; /* by process number */
} QueueShared;

void		(*weir_queue_help) (void) = NULL;

static QueueShared *queue = NULL;
static QueueDatabase *waiting_in = NULL;	/* this process may be in its list of waiters */
static bool exit_registered = false;
static bool never_wait = false; /* this process is a worker */
static uint32 wait_event = 0;

static void enlist_locked(QueueDatabase *db, int64 seq, const StreamSet *streams);
static void look_for_help(QueueDatabase *db);

static Size
queue_shmem_size(void)
{
	return offsetof(QueueShared, waiters) + sizeof(QueueWaiter) * MaxBackends;
}

static void
queue_shmem_init(void *address, bool found)
{
	queue = address;
	if (found)
		return;
	for (int i = 0; i < WEIR_MAX_DATABASES; i++)
	{
		weir_lwlock_init(&queue->databases[i].lock);
		dlist_init(&queue->databases[i].waiters);
	}
}

void
weir_queue_init(void)
{
	static const WeirShmemPart part = {"weir queue", queue_shmem_size, queue_shmem_init};

	weir_shmem_register(&part);
}

/* ---------------------------------------------------------------------
 * Messages
 * --------------------------------------------------------------------- */

/*
 * Are the rows in the queue worth a batch: does somebody wait for one of them, or
 * are there many?
 */
static bool
worthwhile_locked(QueueDatabase *db, QueueMessage *first)
{
	int64		bytes = Min((int64) weir_batch_kb * 1024,
							(int64) weir_memory_limit(WEIR_MEMORY_QUEUE));

	return first->seq <= db->urgent || db->nrows >= weir_batch_rows / 4 ||
		db->nbytes >= bytes / 4;
}

/*
 * How long to wait for more of them, in ms.  Running the continuous queries over
 * a row costs little more than over none, so asynchronous ones are collected.
 */
static long
linger_locked(QueueDatabase *db, QueueMessage *first)
{
	TimestampTz now;
	TimestampTz until;

	if (worthwhile_locked(db, first))
		return 0;
	now = GetCurrentTimestamp();
	if (now < first->published)
		return 0;				/* the clock was set back */
	until = TimestampTzPlusMilliseconds(first->published,
										Min(LINGER_MS, weir_flush_interval / 2));
	return TimestampDifferenceMilliseconds(now, until);
}

static int	count_stuck(QueueDatabase *db, TimestampTz now);

/* Wake one worker that has nothing in hand, or all if none is idle. */
static void
wake_workers_locked(QueueDatabase *db)
{
	bool		woken = false;

	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS && !woken; i++)
	{
		QueueWorker *worker = &db->workers[i];

		if (worker->pid != 0 && worker->taken == NULL && !worker->busy)
		{
			SetLatch(worker->latch);
			woken = true;
		}
	}
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS && !woken; i++)
		if (db->workers[i].pid != 0)
			SetLatch(db->workers[i].latch);
}

void
weir_queue_never_wait(void)
{
	never_wait = true;
}

int64
weir_queue_publish(QueueMessage *message, bool *wait)
{
	QueueDatabase *db = &queue->databases[weir_my_database_slot()];
	TimestampTz now = GetCurrentTimestamp();
	int64		seq;
	bool		help;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	seq = message->seq = ++db->published;

	/* In the queue of a server that shuts down they are safe only with a worker who drains it. */
	if (db->nworkers == 0)
		message->sync = true;
	if (never_wait)
		message->sync = false;
	*wait = message->sync;
	if (message->sync)
	{
		db->last_sync = seq;
		enlist_locked(db, seq, &message->streams);
		message->waiter = weir_my_proc_number() + 1;
	}
	if (message->sync || message->spooled || message->feed)
		db->urgent = seq;
	message->next = NULL;
	message->published = now;
	if (db->tail)
		db->tail->next = message;
	else
		db->head = message;
	db->tail = message;
	db->nmessages++;
	db->nrows += message->nrows;
	db->nbytes += message->bytes;
	help = db->head != message && weir_queue_help && count_stuck(db, now) >= Max(db->nworkers, 1);
	if (db->head == message || db->nparked > 0 || worthwhile_locked(db, db->head))
		wake_workers_locked(db);
	LWLockRelease(&db->lock);
	if (help)
		weir_queue_help();
	return seq;
}

void
weir_queue_hurry(int slot, int64 seq)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->urgent = Max(db->urgent, seq);
	if (db->head != NULL && worthwhile_locked(db, db->head))
		wake_workers_locked(db);
	LWLockRelease(&db->lock);
}

void
weir_queue_position(int64 *boot, int64 *seq)
{
	QueueDatabase *db = &queue->databases[weir_my_database_slot()];

	LWLockAcquire(&db->lock, LW_SHARED);
	*boot = weir_shmem_boot();
	*seq = db->published;
	LWLockRelease(&db->lock);
}

int64
weir_queue_flushed_seq(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	int64		seq;

	LWLockAcquire(&db->lock, LW_SHARED);
	seq = db->flushed;
	LWLockRelease(&db->lock);
	return seq;
}

bool
weir_queue_sync_wanted(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	bool		wanted;

	LWLockAcquire(&db->lock, LW_SHARED);
	wanted = db->flushed < db->last_sync;
	LWLockRelease(&db->lock);
	return wanted;
}

bool
weir_queue_gathering(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	bool		gathering;

	LWLockAcquire(&db->lock, LW_SHARED);
	gathering = db->company > 1 && (db->nwaiting * 4 < db->company * 3 || db->head != NULL);
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS && db->company > 1 && !gathering; i++)
		gathering = db->workers[i].taken != NULL;
	LWLockRelease(&db->lock);
	return gathering;
}

void
weir_queue_depth(int slot, int64 *messages, int64 *rows, int64 *bytes)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_SHARED);
	*messages = db->nmessages;
	*rows = db->nrows;
	*bytes = db->nbytes;
	LWLockRelease(&db->lock);
}

void
weir_queue_each(int slot, void (*visit) (const StreamSet *streams, TimestampTz published, void *arg),
				void *arg)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_SHARED);
	for (QueueMessage *m = db->head; m; m = m->next)
		visit(&m->streams, m->published, arg);
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		for (QueueMessage *m = db->workers[i].taken; m; m = m->next)
			visit(&m->streams, m->published, arg);
	LWLockRelease(&db->lock);
}

/* ---------------------------------------------------------------------
 * Waiting for the flush
 * --------------------------------------------------------------------- */

static bool waiter_delist(QueueDatabase *db);

static void
delist_at_exit(int code, Datum arg)
{
	if (waiting_in != NULL)
		(void) waiter_delist(waiting_in);
}

void
weir_queue_prepare_wait(void)
{
	if (exit_registered)
		return;
	before_shmem_exit(delist_at_exit, (Datum) 0);
	exit_registered = true;
}

static void
enlist_locked(QueueDatabase *db, int64 seq, const StreamSet *streams)
{
	QueueWaiter *waiter = &queue->waiters[weir_my_proc_number()];

	waiting_in = db;
	waiter->waiting = true;
	waiter->seq = seq;
	waiter->streams = *streams;
	waiter->epoch = 0;
	waiter->latch = MyLatch;
	dlist_push_tail(&db->waiters, &waiter->node);
	db->nwaiting++;
}

/* For all up to seq to be flushed.  Returns false when there is nothing to wait for. */
static bool
waiter_enlist(QueueDatabase *db, int64 seq)
{
	static const StreamSet none = {0};
	bool		waiting;

	weir_queue_prepare_wait();
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	waiting = db->flushed < seq;
	if (waiting)
		enlist_locked(db, seq, &none);
	LWLockRelease(&db->lock);
	return waiting;
}

/* Returns whether the waiter was still waiting. */
static bool
waiter_delist(QueueDatabase *db)
{
	QueueWaiter *waiter = &queue->waiters[weir_my_proc_number()];
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
wait_event_begin(void)
{
	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirFlush");
}

bool
weir_queue_commit_wait(int64 seq, bool show_errors)
{
	QueueDatabase *db = &queue->databases[weir_my_database_slot()];
	volatile QueueWaiter *waiter = &queue->waiters[weir_my_proc_number()];
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

		/* Interrupts are held, but DROP DATABASE, of any one, waits for this process to take part. */
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();

		timeout = Min(weir_queue_wait_warn(&wait), look);
		rc = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_POSTMASTER_DEATH, timeout, wait_event);
		if (rc & WL_TIMEOUT)
		{
			look_for_help(db);
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
	QueueDatabase *db = &queue->databases[weir_my_database_slot()];
	volatile QueueWaiter *waiter = &queue->waiters[weir_my_proc_number()];
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

/* Rows of the waiter are flushed, but may not be in all views. */
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

/*
 * Take some whose rows are flushed off the list; returns how many, with the
 * latches to set once the lock is released: who wakes up wants it.
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

void
weir_queue_set_flushed(int slot, int64 seq, int64 epoch)
{
	QueueDatabase *db = &queue->databases[slot];
	Latch	   *latches[WAKE_AT_ONCE];
	int			n;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->flushed = Max(db->flushed, seq);
	db->company = db->nwaiting;
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
	QueueDatabase *db = &queue->databases[slot];
	HeldStreams *before;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	before = db->held;
	db->held = held;
	LWLockRelease(&db->lock);
	if (before)
		weir_shared_free(before);
}

/* ---------------------------------------------------------------------
 * Workers
 * --------------------------------------------------------------------- */

/* Link a sorted list of messages into the sorted queue. */
static void
put_back_locked(QueueDatabase *db, int worker, bool alone)
{
	QueueMessage *list = db->workers[worker].taken;
	QueueMessage **link = &db->head;

	db->workers[worker].taken = NULL;

	while (list != NULL)
	{
		QueueMessage *message = list;

		list = list->next;
		if (alone)
			db->alone_until = Max(db->alone_until, message->seq);
		while (*link != NULL && (*link)->seq < message->seq)
			link = &(*link)->next;
		message->next = *link;
		*link = message;
		if (message->next == NULL)
			db->tail = message;
		db->nmessages++;
		db->nrows += message->nrows;
		db->nbytes += message->bytes;
		link = &message->next;
	}
}

void
weir_queue_attach_worker(int slot, int worker)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	Assert(db->workers[worker].pid == 0);
	db->nworkers++;
	db->workers[worker].pid = MyProcPid;
	db->workers[worker].latch = MyLatch;
	db->workers[worker].busy = false;
	LWLockRelease(&db->lock);
}

void
weir_queue_detach_worker(int slot, int worker, bool alone)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (db->workers[worker].pid == MyProcPid)
	{
		put_back_locked(db, worker, alone);
		db->workers[worker].pid = 0;
		db->workers[worker].latch = NULL;
		db->nworkers--;
		wake_workers_locked(db);
	}
	LWLockRelease(&db->lock);
}

void
weir_queue_set_busy(int slot, int worker, bool busy)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->workers[worker].busy = busy;
	LWLockRelease(&db->lock);
}

void
weir_queue_put_back(int slot, int worker, bool alone)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	put_back_locked(db, worker, alone);
	LWLockRelease(&db->lock);
}

/* ---------------------------------------------------------------------
 * Parked streams
 * --------------------------------------------------------------------- */

static ParkedStream *
find_parked(QueueDatabase *db, const StreamSet *streams)
{
	for (int i = 0; i < db->nparked; i++)
		for (int j = 0; j < Min(streams->n, STREAM_SET_MAX); j++)
			if (db->parked[i].streamid == streams->streams[j])
				return &db->parked[i];
	return NULL;
}

static bool
is_stuck(const QueueWorker *worker, TimestampTz now)
{
	return worker->taken && now - worker->since > STUCK_MS * (int64) 1000;
}

static int
count_stuck(QueueDatabase *db, TimestampTz now)
{
	int			n = 0;

	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		n += is_stuck(&db->workers[i], now);
	return n;
}

static bool
share_stream(const StreamSet *a, const StreamSet *b)
{
	for (int i = 0; i < Min(a->n, STREAM_SET_MAX); i++)
		for (int j = 0; j < Min(b->n, STREAM_SET_MAX); j++)
			if (a->streams[i] == b->streams[j])
				return true;
	return false;
}

/* Has a worker that is stuck rows of the same streams in hand? */
static bool
is_in_stuck_hands(QueueDatabase *db, const StreamSet *streams, TimestampTz now)
{
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		if (is_stuck(&db->workers[i], now))
			for (QueueMessage *m = db->workers[i].taken; m; m = m->next)
				if (share_stream(&m->streams, streams))
					return true;
	return false;
}

int
weir_queue_stuck(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	int			n;

	LWLockAcquire(&db->lock, LW_SHARED);
	n = db->head ? count_stuck(db, GetCurrentTimestamp()) : 0;
	LWLockRelease(&db->lock);
	return n;
}

/* Are rows waiting although some worker could take them?  Then a spare one is asked for. */
static void
look_for_help(QueueDatabase *db)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		wanted;

	LWLockAcquire(&db->lock, LW_SHARED);
	wanted = db->head && db->nworkers > 0 && count_stuck(db, now) >= db->nworkers;
	LWLockRelease(&db->lock);
	if (wanted && weir_queue_help)
		weir_queue_help();
}

/* How long until a message may be taken, in ms. */
static long
parked_for(QueueDatabase *db, const QueueMessage *message, int nstuck, TimestampTz now)
{
	ParkedStream *parked = db->nparked > 0 ? find_parked(db, &message->streams) : NULL;

	if (nstuck > 0 && is_in_stuck_hands(db, &message->streams, now))
		return STUCK_PAUSE_MS;

	/* Since the future: the clock was set back. */
	if (parked == NULL || now < parked->since || now >= parked->until)
		return 0;
	return TimestampDifferenceMilliseconds(now, parked->until);
}

static bool
same_streams(const StreamSet *a, const StreamSet *b)
{
	return a->n == b->n && a->n <= STREAM_SET_MAX && memcmp(a->streams, b->streams, sizeof(Oid) * a->n) == 0;
}

void
weir_queue_taken_streams(int slot, int worker, StreamSet *streams)
{
	QueueDatabase *db = &queue->databases[slot];

	memset(streams, 0, sizeof(StreamSet));
	LWLockAcquire(&db->lock, LW_SHARED);
	for (QueueMessage *m = db->workers[worker].taken; m; m = m->next)
		for (int i = 0; i < Min(m->streams.n, STREAM_SET_MAX); i++)
			weir_stream_set_add(streams, m->streams.streams[i]);
	LWLockRelease(&db->lock);
}

bool
weir_queue_park(int slot, int worker, const StreamSet *streams, int ms)
{
	QueueDatabase *db = &queue->databases[slot];
	TimestampTz now = GetCurrentTimestamp();
	bool		parked = true;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (int i = 0; i < Min(streams->n, STREAM_SET_MAX); i++)
	{
		StreamSet	one = {1, {streams->streams[i]}};
		ParkedStream *entry = find_parked(db, &one);

		if (entry == NULL && db->nparked < MAX_PARKED_STREAMS)
		{
			entry = &db->parked[db->nparked++];
			entry->streamid = one.streams[0];
			entry->since = now;
		}
		if (entry)
			entry->until = TimestampTzPlusMilliseconds(now, ms);
		parked = parked && entry;
	}
	put_back_locked(db, worker, false);
	LWLockRelease(&db->lock);
	return parked;
}

static void
unpark_locked(QueueDatabase *db, const StreamSet *streams)
{
	ParkedStream *entry;

	while (db->nparked > 0 && (entry = find_parked(db, streams)) != NULL)
		*entry = db->parked[--db->nparked];
}

int
weir_queue_parked(int slot, ParkedStream *copy)
{
	QueueDatabase *db = &queue->databases[slot];
	int			n;

	LWLockAcquire(&db->lock, LW_SHARED);
	n = db->nparked;
	memcpy(copy, db->parked, sizeof(ParkedStream) * n);
	LWLockRelease(&db->lock);
	return n;
}

bool
weir_queue_is_clogged(const StreamSet *streams)
{
	QueueDatabase *db = &queue->databases[weir_my_database_slot()];
	bool		parked;

	LWLockAcquire(&db->lock, LW_SHARED);
	parked = db->nparked > 0 && find_parked(db, streams) != NULL;
	LWLockRelease(&db->lock);
	return parked && weir_memory_used(WEIR_MEMORY_QUEUE) > weir_memory_limit(WEIR_MEMORY_QUEUE) / 2;
}

/* ---------------------------------------------------------------------
 * Taking
 * --------------------------------------------------------------------- */

/* The first message that may be taken; or NULL, and for how long (-1: there is none). */
static QueueMessage *
first_to_take(QueueDatabase *db, int nstuck, TimestampTz now, long *wait_ms)
{
	*wait_ms = -1;
	for (QueueMessage *m = db->head; m; m = m->next)
	{
		long		ms = parked_for(db, m, nstuck, now);

		if (ms == 0)
			return m;
		*wait_ms = *wait_ms < 0 ? ms : Min(*wait_ms, ms);
	}
	return NULL;
}

/* Unlink what goes with the first; returns the list. */
static QueueMessage *
take_locked(QueueDatabase *db, QueueMessage *first, bool alone, int nstuck, TimestampTz now)
{
	QueueMessage **link = &db->head;
	QueueMessage *last = NULL;
	QueueMessage *before = NULL;
	int64		rows = 0;
	int64		bytes = 0;

	while (*link != NULL)
	{
		QueueMessage *m = *link;

		if ((last == NULL && m != first) || parked_for(db, m, nstuck, now) > 0 ||
			(last && alone && !same_streams(&m->streams, &first->streams)))
		{
			before = m;
			link = &m->next;
			continue;
		}
		if (last != NULL &&
			(m->spooled || last->spooled || m->feed || last->feed ||
			 rows + m->nrows > weir_batch_rows || bytes + m->bytes > (int64) weir_batch_kb * 1024))
			break;
		rows += m->nrows;
		bytes += m->bytes;
		*link = m->next;
		if (last)
			last->next = m;
		last = m;
		last->next = NULL;
		db->nmessages--;
		db->nrows -= m->nrows;
		db->nbytes -= m->bytes;
	}
	if (*link == NULL)
		db->tail = before;
	return first;
}

QueueMessage *
weir_queue_take(int slot, int worker, QueueTake *take)
{
	QueueDatabase *db = &queue->databases[slot];
	TimestampTz now = GetCurrentTimestamp();
	QueueMessage *first;
	int			nstuck;

	take->wait_ms = -1;
	take->parked = take->mixed = false;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	Assert(db->workers[worker].taken == NULL);
	nstuck = count_stuck(db, now);
	first = first_to_take(db, nstuck, now, &take->wait_ms);

	/* A spare worker leaves all as it is while the others do their work. */
	if (worker >= weir_ingest_workers && nstuck == 0 && take->linger)
	{
		take->wait_ms = first ? STUCK_PAUSE_MS : take->wait_ms;
		first = NULL;
	}
	if (first && take->linger && (take->wait_ms = linger_locked(db, first)) > 0)
		first = NULL;
	if (first)
	{
		take->parked = db->nparked > 0 && find_parked(db, &first->streams) != NULL;
		take->alone = take->parked || first->seq <= db->alone_until;
		db->workers[worker].taken = take_locked(db, first, take->alone, nstuck, now);
		db->workers[worker].since = now;
		for (QueueMessage *m = first->next; m && !take->mixed; m = m->next)
			take->mixed = !same_streams(&m->streams, &first->streams);
		if (db->head != NULL)
			wake_workers_locked(db);
	}
	LWLockRelease(&db->lock);
	return first;
}

void
weir_queue_taken_merged(int slot, int worker, int64 epoch)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (QueueMessage *m = db->workers[worker].taken; m; m = m->next)
	{
		unpark_locked(db, &m->streams);
		if (m->waiter > 0 && queue->waiters[m->waiter - 1].waiting &&
			queue->waiters[m->waiter - 1].seq == m->seq)
			queue->waiters[m->waiter - 1].epoch = epoch;
	}
	db->workers[worker].taken = NULL;
	LWLockRelease(&db->lock);
}

int64
weir_queue_merged_seq(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	int64		seq;

	LWLockAcquire(&db->lock, LW_SHARED);
	seq = db->head ? db->head->seq - 1 : db->published;
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		if (db->workers[i].taken != NULL)
			seq = Min(seq, db->workers[i].taken->seq - 1);
	LWLockRelease(&db->lock);
	return seq;
}

void
weir_queue_wake_workers(int slot)
{
	QueueDatabase *db = &queue->databases[slot];

	LWLockAcquire(&db->lock, LW_SHARED);
	wake_workers_locked(db);
	LWLockRelease(&db->lock);
}

void
weir_queue_discard(int slot)
{
	QueueDatabase *db = &queue->databases[slot];
	QueueMessage *list;
	int64		seq;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	list = db->head;
	db->head = db->tail = NULL;
	db->nmessages = db->nrows = db->nbytes = 0;
	seq = db->published;
	LWLockRelease(&db->lock);
	weir_queue_hold(slot, NULL);

	while (list != NULL)
	{
		QueueMessage *next = list->next;

		weir_queue_message_free(list, true);
		list = next;
	}
	weir_queue_set_flushed(slot, seq, 0);
}
