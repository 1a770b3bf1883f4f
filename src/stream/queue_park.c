/*
 * queue_park.c
 *	  Streams whose rows are left in the queue for a while.
 *
 * A stream is parked when a worker could not get a lock that rows of it need:
 * rows of other streams pass by.  A worker that has had the same rows in hand
 * for long is stuck, whatever its code does; others leave rows of its streams
 * alone, and spare workers take the rest.
 *
 * All under the database's lock of the queue.
 */
#include "postgres.h"

#include "base/shmem.h"
#include "stream/queue_park.h"
#include "stream/queue_state.h"

/* A worker that has had the same rows in hand for longer is stuck, in ms. */
#define STUCK_MS 200

/*
 * How long a message is left that is of the streams of a worker that is stuck,
 * in ms.
 */
#define STUCK_PAUSE_MS 50

void		(*weir_queue_help) (void) = NULL;

static bool is_stuck(const QueueWorker *worker, TimestampTz now);
static bool is_in_stuck_hands(QueueDatabase *db, const StreamSet *streams, TimestampTz now);

bool
weir_queue_is_clogged(const StreamSet *streams)
{
	QueueDatabase *db = weir_queue_of(weir_my_database_slot());
	bool		parked;

	LWLockAcquire(&db->lock, LW_SHARED);
	parked = db->nparked > 0 && weir_queue_find_parked(db, streams) != NULL;
	LWLockRelease(&db->lock);
	return parked && weir_memory_used(WEIR_MEMORY_QUEUE) > weir_memory_limit(WEIR_MEMORY_QUEUE) / 2;
}

int
weir_queue_parked(int slot, ParkedStream *copy)
{
	QueueDatabase *db = weir_queue_of(slot);
	int			n;

	LWLockAcquire(&db->lock, LW_SHARED);
	n = db->nparked;
	memcpy(copy, db->parked, sizeof(ParkedStream) * n);
	LWLockRelease(&db->lock);
	return n;
}

/* How long until a message may be taken, in ms. */
long
weir_queue_parked_for(QueueDatabase *db, const QueueMessage *message, int nstuck, TimestampTz now)
{
	ParkedStream *parked = db->nparked > 0 ? weir_queue_find_parked(db, &message->streams) : NULL;

	if (nstuck > 0 && is_in_stuck_hands(db, &message->streams, now))
		return STUCK_PAUSE_MS;

	/* Since the future: the clock was set back. */
	if (parked == NULL || now < parked->since || now >= parked->until)
		return 0;
	return TimestampDifferenceMilliseconds(now, parked->until);
}

ParkedStream *
weir_queue_find_parked(QueueDatabase *db, const StreamSet *streams)
{
	for (int i = 0; i < db->nparked; i++)
		for (int j = 0; j < Min(streams->n, STREAM_SET_MAX); j++)
			if (db->parked[i].streamid == streams->streams[j])
				return &db->parked[i];
	return NULL;
}

bool
weir_queue_park_streams(QueueDatabase *db, const StreamSet *streams, int ms)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		parked = true;

	for (int i = 0; i < Min(streams->n, STREAM_SET_MAX); i++)
	{
		StreamSet	one = {1, {streams->streams[i]}};
		ParkedStream *entry = weir_queue_find_parked(db, &one);

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
	return parked;
}

void
weir_queue_unpark(QueueDatabase *db, const StreamSet *streams)
{
	ParkedStream *entry;

	while (db->nparked > 0 && (entry = weir_queue_find_parked(db, streams)) != NULL)
		*entry = db->parked[--db->nparked];
}

/* ---------------------------------------------------------------------
 * Stuck workers
 * --------------------------------------------------------------------- */

int
weir_queue_stuck(int slot)
{
	QueueDatabase *db = weir_queue_of(slot);
	int			n;

	LWLockAcquire(&db->lock, LW_SHARED);
	n = db->head ? weir_queue_count_stuck(db, GetCurrentTimestamp()) : 0;
	LWLockRelease(&db->lock);
	return n;
}

/*
 * Are rows waiting although some worker could take them?  Then a spare one is
 * asked for.
 */
void
weir_queue_look_for_help(QueueDatabase *db)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		wanted;

	LWLockAcquire(&db->lock, LW_SHARED);
	wanted = db->head && db->nworkers > 0 && weir_queue_count_stuck(db, now) >= db->nworkers;
	LWLockRelease(&db->lock);
	if (wanted && weir_queue_help)
		weir_queue_help();
}

int
weir_queue_count_stuck(QueueDatabase *db, TimestampTz now)
{
	int			n = 0;

	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		n += is_stuck(&db->workers[i], now);
	return n;
}

static bool
is_stuck(const QueueWorker *worker, TimestampTz now)
{
	return worker->taken && now - worker->since > STUCK_MS * (int64) 1000;
}

/* Has a worker that is stuck rows of the same streams in hand? */
static bool
is_in_stuck_hands(QueueDatabase *db, const StreamSet *streams, TimestampTz now)
{
	for (int i = 0; i < WEIR_MAX_INGEST_WORKERS; i++)
		if (is_stuck(&db->workers[i], now))
			for (QueueMessage *m = db->workers[i].taken; m; m = m->next)
				if (weir_stream_sets_overlap(&m->streams, streams))
					return true;
	return false;
}
