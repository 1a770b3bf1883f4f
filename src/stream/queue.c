/*
 * queue.c
 *	  Committed rows in shared memory, on their way from backends to workers.
 *
 * One list of messages per database, in order of publication.  A backend fills
 * a message before its commit record is written and links it in after; an
 * ingest worker takes messages from the head; when their partial states are in
 * the active epoch it reports them merged.  Waiting for the flush is in
 * queue_wait.c, messages that are left for a while in queue_park.c.
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
 * stays sorted by number), so nothing is lost while the server runs.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "stream/queue.h"
#include "stream/queue_park.h"
#include "stream/queue_state.h"
#include "stream/queue_wait.h"

/* Asynchronous rows wait up to this long for others, in ms. */
#define LINGER_MS 10

/* How often a spare worker looks whether it is needed, in ms. */
#define SPARE_PAUSE_MS 50

static bool never_wait = false; /* this process is a worker */

static void put_back_locked(QueueDatabase *db, int worker, bool alone);
static QueueMessage *first_to_take(QueueDatabase *db, int nstuck, TimestampTz now, long *wait_ms);
static QueueMessage *take_locked(QueueDatabase *db, QueueMessage *first, bool alone, int nstuck, TimestampTz now);
static bool worthwhile_locked(QueueDatabase *db, QueueMessage *first);
static long linger_locked(QueueDatabase *db, QueueMessage *first);
static void wake_workers_locked(QueueDatabase *db);

/* ---------------------------------------------------------------------
 * Backends
 * --------------------------------------------------------------------- */

int64
weir_queue_publish(QueueMessage *message, bool *wait)
{
	QueueDatabase *db = weir_queue_of(weir_my_database_slot());
	TimestampTz now = GetCurrentTimestamp();
	int64		seq;
	bool		help;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	seq = message->seq = ++db->published;

	/*
	 * In the queue of a server that shuts down they are safe only with a
	 * worker who drains it.
	 */
	if (db->nworkers == 0)
		message->sync = true;
	if (never_wait)
		message->sync = false;
	*wait = message->sync;
	if (message->sync)
	{
		db->last_sync = seq;
		weir_queue_enlist(db, seq, &message->streams);
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
	help = db->head != message && weir_queue_help && weir_queue_count_stuck(db, now) >= Max(db->nworkers, 1);
	if (db->head == message || db->nparked > 0 || worthwhile_locked(db, db->head))
		wake_workers_locked(db);
	LWLockRelease(&db->lock);
	if (help)
		weir_queue_help();
	return seq;
}

void
weir_queue_never_wait(void)
{
	never_wait = true;
}

void
weir_queue_position(int64 *boot, int64 *seq)
{
	QueueDatabase *db = weir_queue_of(weir_my_database_slot());

	LWLockAcquire(&db->lock, LW_SHARED);
	*boot = weir_shmem_boot();
	*seq = db->published;
	LWLockRelease(&db->lock);
}

/* ---------------------------------------------------------------------
 * Workers
 * --------------------------------------------------------------------- */

void
weir_queue_attach_worker(int slot, int worker)
{
	QueueDatabase *db = weir_queue_of(slot);

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
	QueueDatabase *db = weir_queue_of(slot);

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
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->workers[worker].busy = busy;
	LWLockRelease(&db->lock);
}

QueueMessage *
weir_queue_take(int slot, int worker, QueueTake *take)
{
	QueueDatabase *db = weir_queue_of(slot);
	TimestampTz now = GetCurrentTimestamp();
	QueueMessage *first;
	int			nstuck;

	take->wait_ms = -1;
	take->parked = take->mixed = false;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	Assert(db->workers[worker].taken == NULL);
	nstuck = weir_queue_count_stuck(db, now);
	first = first_to_take(db, nstuck, now, &take->wait_ms);

	/* A spare worker leaves all as it is while the others do their work. */
	if (worker >= weir_ingest_workers && nstuck == 0 && take->linger)
	{
		take->wait_ms = first ? SPARE_PAUSE_MS : take->wait_ms;
		first = NULL;
	}
	if (first && take->linger && (take->wait_ms = linger_locked(db, first)) > 0)
		first = NULL;
	if (first)
	{
		take->parked = db->nparked > 0 && weir_queue_find_parked(db, &first->streams) != NULL;
		take->alone = take->parked || first->seq <= db->alone_until;
		db->workers[worker].taken = take_locked(db, first, take->alone, nstuck, now);
		db->workers[worker].since = now;
		for (QueueMessage *m = first->next; m && !take->mixed; m = m->next)
			take->mixed = !weir_stream_sets_equal(&m->streams, &first->streams);
		if (db->head != NULL)
			wake_workers_locked(db);
	}
	LWLockRelease(&db->lock);
	return first;
}

void
weir_queue_put_back(int slot, int worker, bool alone)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	put_back_locked(db, worker, alone);
	LWLockRelease(&db->lock);
}

bool
weir_queue_park(int slot, int worker, const StreamSet *streams, int ms)
{
	QueueDatabase *db = weir_queue_of(slot);
	bool		parked;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	parked = weir_queue_park_streams(db, streams, ms);
	put_back_locked(db, worker, false);
	LWLockRelease(&db->lock);
	return parked;
}

void
weir_queue_taken_streams(int slot, int worker, StreamSet *streams)
{
	QueueDatabase *db = weir_queue_of(slot);

	memset(streams, 0, sizeof(StreamSet));
	LWLockAcquire(&db->lock, LW_SHARED);
	for (QueueMessage *m = db->workers[worker].taken; m; m = m->next)
		for (int i = 0; i < Min(m->streams.n, STREAM_SET_MAX); i++)
			weir_stream_set_add(streams, m->streams.streams[i]);
	LWLockRelease(&db->lock);
}

void
weir_queue_taken_merged(int slot, int worker, int64 epoch)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (QueueMessage *m = db->workers[worker].taken; m; m = m->next)
	{
		weir_queue_unpark(db, &m->streams);
		weir_queue_note_merged(m, epoch);
	}
	db->workers[worker].taken = NULL;
	LWLockRelease(&db->lock);
}

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

/*
 * The first message that may be taken; or NULL, and for how long (-1: there is
 * none).
 */
static QueueMessage *
first_to_take(QueueDatabase *db, int nstuck, TimestampTz now, long *wait_ms)
{
	*wait_ms = -1;
	for (QueueMessage *m = db->head; m; m = m->next)
	{
		long		ms = weir_queue_parked_for(db, m, nstuck, now);

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

		if ((last == NULL && m != first) || weir_queue_parked_for(db, m, nstuck, now) > 0 ||
			(last && alone && !weir_stream_sets_equal(&m->streams, &first->streams)))
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

/*
 * Are the rows in the queue worth a batch: does somebody wait for the first of
 * them, or are there many?
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
 * How long to wait for more of them, in ms.  Running the continuous queries
 * over a row costs little more than over none, so asynchronous ones are
 * collected.
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

/* ---------------------------------------------------------------------
 * Anybody
 * --------------------------------------------------------------------- */

int64
weir_queue_merged_seq(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
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
weir_queue_hurry(int slot, int64 seq)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->urgent = Max(db->urgent, seq);
	if (db->head != NULL && worthwhile_locked(db, db->head))
		wake_workers_locked(db);
	LWLockRelease(&db->lock);
}

void
weir_queue_wake_workers(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_SHARED);
	wake_workers_locked(db);
	LWLockRelease(&db->lock);
}

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
weir_queue_each(int slot, void (*visit) (const StreamSet *streams, TimestampTz published, void *arg),
				void *arg)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_SHARED);
	for (QueueMessage *m = db->head; m; m = m->next)
		visit(&m->streams, m->published, arg);
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		for (QueueMessage *m = db->workers[i].taken; m; m = m->next)
			visit(&m->streams, m->published, arg);
	LWLockRelease(&db->lock);
}

void
weir_queue_depth(int slot, int64 *messages, int64 *rows, int64 *bytes)
{
	QueueDatabase *db = weir_queue_of(slot);

	LWLockAcquire(&db->lock, LW_SHARED);
	*messages = db->nmessages;
	*rows = db->nrows;
	*bytes = db->nbytes;
	LWLockRelease(&db->lock);
}

QueueMessage *
weir_queue_discard(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
	QueueMessage *list;
	int64		seq;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	list = db->head;
	db->head = db->tail = NULL;
	db->nmessages = db->nrows = db->nbytes = 0;
	seq = db->published;
	LWLockRelease(&db->lock);
	weir_queue_hold(slot, NULL);
	weir_queue_set_flushed(slot, seq, 0);
	return list;
}
