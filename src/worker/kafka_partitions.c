/*
 * kafka_partitions.c
 *	  The partitions that a Kafka worker reads: which, and from where.
 *
 * Called from kafka.c, outside of transactions, in the step's memory context.
 *
 * Locking: a partition is read under a session lock of its own, so that a
 * worker that is still ending (its stream's options changed) and its successor
 * do not both count a message.  The lock is taken before offsets are loaded,
 * and let go by the end of the process.
 */
#include "postgres.h"

#include "base/clock.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "time/watermark.h"
#include "utils/memutils.h"

#include "worker/kafka_offsets.h"
#include "worker/event_time.h"
#include "worker/kafka_partitions.h"
#include "worker/ingest.h"
#include "worker/worker.h"

#define BROKER_TIMEOUT_MS 1000	/* of questions that block */

/* Time between looks at what may be idle, a quarter of idle_timeout within these; and when brokers do not answer. */
#define IDLE_LOOK_MIN_MS 100
#define IDLE_LOOK_MAX_MS 500
#define IDLE_LOOK_AGAIN_MS 5000

/* A partition that gives nothing for so long is looked at; doubled each time it has nothing. */
#define PATIENCE_MIN_MS 10000
#define PATIENCE_MAX_MS 300000

/* Advisory locks of users have 1 or 2 here. */
#define PARTITION_LOCK_CLASS 0x5765


#define self weir_kafka_self

static bool resolve_latest(int64 *offsets);

bool
weir_partitions_find(void)
{
	char		err[512];
	int			n = weir_client_partitions(self->client, BROKER_TIMEOUT_MS, err, sizeof(err));

	if (n < 0)
	{
		KafkaState	state = n == KAFKA_NO_TOPIC ? KAFKA_STATE_NO_TOPIC : KAFKA_STATE_UNREACHABLE;
		const char *trouble = weir_client_poll(self->client);

		/* Partitions that are being read go on by themselves. */
		if (self->npartitions == 0)
			weir_kafka_back_off(state, trouble ? trouble : err);
		else
			weir_kafka_stat_state(self->stat, state, trouble ? trouble : err);
		return false;
	}
	self->backoff_ms = 0;
	weir_kafka_stat_state(self->stat, KAFKA_STATE_RUNNING, NULL);
	if (n <= self->npartitions)
		return true;
	if (self->partitions == NULL)
		self->partitions = MemoryContextAlloc(self->cxt, sizeof(Partition) * n);
	else
		self->partitions = repalloc(self->partitions, sizeof(Partition) * n);
	memset(self->partitions + self->npartitions, 0, sizeof(Partition) * (n - self->npartitions));
	for (int p = self->npartitions; p < n; p++)
	{
		self->partitions[p].mine = p % self->options->workers == self->index;
		self->partitions[p].position = KAFKA_OFFSET_UNKNOWN;
		self->partitions[p].end = self->partitions[p].caught_up = KAFKA_OFFSET_UNKNOWN;
		self->partitions[p].stat = self->partitions[p].mine ?
			weir_kafka_stat_attach(self->streamid, p) : NULL;
	}
	self->npartitions = n;
	self->all_started = false;
	return true;
}

/* Lock a partition for this process; false while another one holds it. */
static bool
lock_partition(int p)
{
	Partition  *part = &self->partitions[p];
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, self->streamid, p, PARTITION_LOCK_CLASS);
	if (!part->locked)
		part->locked = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
	return part->locked;
}

/*
 * A partition begins at its stored offset.  One without begins at its first
 * message, except when the stream as a whole has none and says startup
 * 'latest'; then the first worker makes the present ends of all partitions
 * durable before anybody reads.
 */
bool
weir_partitions_start(void)
{
	int64	   *offsets = palloc(sizeof(int64) * self->npartitions);
	bool		stored,
				merged,
				ok = true;
	char		err[512];

	StartTransactionCommand();
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].mine && !self->partitions[p].started)
			ok = lock_partition(p) && ok;
	if (ok)
		weir_event_expect(self->streamid, self->npartitions);
	if (ok)
		weir_offsets_load(self->streamid, self->npartitions, offsets, &stored, &merged);
	weir_kafka_commit();
	if (!ok)
		return false;
	if (self->options->from_latest && !stored)
	{
		if (!merged && self->index == 0)
			(void) resolve_latest(offsets);
		return false;
	}
	for (int p = 0; p < self->npartitions; p++)
	{
		Partition  *part = &self->partitions[p];
		bool		known = offsets[p] != KAFKA_OFFSET_UNKNOWN;

		if (!part->mine || part->started)
			continue;
		if (!weir_client_start(self->client, p, known ? offsets[p] : KAFKA_OFFSET_BEGINNING,
							   err, sizeof(err)))
		{
			weir_kafka_stat_error(part->stat, 1, err);
			ok = false;
			continue;
		}
		part->started = true;
		weir_watermark_behind(weir_worker_self->slot, self->streamid, p);
		weir_partition_heard(part);
		part->position = known ? offsets[p] : KAFKA_OFFSET_UNKNOWN;
		weir_kafka_stat_progress(part->stat, part->position, 0, 0);
	}
	self->all_started = ok;
	return ok;
}

void
weir_partitions_commit_to_group(void)
{
	int64	   *offsets = palloc(sizeof(int64) * self->npartitions);
	int32	   *partitions = palloc(sizeof(int32) * self->npartitions);
	int			n = 0;

	StartTransactionCommand();
	weir_offsets_load_stored(self->streamid, self->npartitions, offsets);
	weir_kafka_commit();
	for (int p = 0; p < self->npartitions; p++)
	{
		if (!self->partitions[p].mine || offsets[p] == KAFKA_OFFSET_UNKNOWN)
			continue;
		partitions[n] = p;
		offsets[n++] = offsets[p];
	}
	if (n > 0)
		weir_client_commit(self->client, n, partitions, offsets);
}

/* Merge the present end of every partition as its next offset. */
static bool
resolve_latest(int64 *offsets)
{
	WeirBatch  *batch;
	int64		low;

	for (int p = 0; p < self->npartitions; p++)
		if (!weir_client_query_watermarks(self->client, p, BROKER_TIMEOUT_MS, &low, &offsets[p]))
			return false;
	batch = weir_batch_create(weir_worker_self->cxt);
	batch->noffsets = self->npartitions;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(KafkaOffset) * batch->noffsets);
	for (int p = 0; p < self->npartitions; p++)
		batch->offsets[p] = (KafkaOffset) {self->streamid, p, offsets[p]};
	weir_ingest_batch(batch, NULL, NULL);
	return true;
}

/* Read a partition from this offset on, wherever its reader stands. */
static void
restart(int p, int64 offset)
{
	Partition  *part = &self->partitions[p];
	char		err[512];

	part->gone = false;
	part->end = KAFKA_OFFSET_UNKNOWN;
	weir_client_stop(self->client, p);
	part->started = weir_client_start(self->client, p, offset, err, sizeof(err));
	if (!part->started)
		weir_kafka_stat_error(part->stat, 1, err);
	self->all_started = self->all_started && part->started;
}

void
weir_partition_heard(Partition *part)
{
	part->heard = weir_clock_steady();
	part->patience_ms = PATIENCE_MIN_MS;
}

/*
 * That librdkafka found the end of a partition is no news of now: it may have lost
 * the broker since.  So the brokers are asked.
 */
void
weir_partitions_look_at_idle(void)
{
	TimestampTz now = weir_clock_steady();
	int32	   *partitions;
	int64	   *ends;
	int			n = 0;

	if (self->idle_timeout <= 0 || now < self->idle_at)
		return;
	self->idle_at = TimestampTzPlusMilliseconds(now, Max(IDLE_LOOK_MIN_MS,
														 Min(IDLE_LOOK_MAX_MS, self->idle_timeout / 4000)));
	partitions = palloc(sizeof(int32) * self->npartitions);
	ends = palloc(sizeof(int64) * self->npartitions);
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].started && self->partitions[p].end != KAFKA_OFFSET_UNKNOWN)
			partitions[n++] = p;
	if (n == 0)
		return;
	if (!weir_client_query_offsets(self->client, n, partitions, KAFKA_OFFSET_END, BROKER_TIMEOUT_MS, ends))
	{
		self->idle_at = TimestampTzPlusMilliseconds(weir_clock_steady(), IDLE_LOOK_AGAIN_MS);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		Partition  *part = &self->partitions[partitions[i]];

		if (ends[i] > part->end)
			continue;
		weir_watermark_caught_up(weir_worker_self->slot, self->streamid, partitions[i],
								 part->caught_up == part->end);
		part->caught_up = part->end;
	}
}

/*
 * librdkafka 2.0 can lose a partition's fetcher when leaders move while brokers
 * are slow.
 */
void
weir_partitions_look_at_silent(void)
{
	TimestampTz now = weir_clock_steady();

	for (int p = 0; p < self->npartitions; p++)
	{
		Partition  *part = &self->partitions[p];
		int64		low,
					high;

		if (!part->started || part->gone ||
			!TimestampDifferenceExceeds(part->heard, now, part->patience_ms))
			continue;
		part->heard = now;
		part->patience_ms = Min(part->patience_ms * 2, PATIENCE_MAX_MS);
		if (!weir_client_query_watermarks(self->client, p, BROKER_TIMEOUT_MS, &low, &high))
			return;
		if (high <= low || (part->position != KAFKA_OFFSET_UNKNOWN && high <= part->position))
			continue;
		ereport(LOG,
				(errmsg("stream %s: partition %d was silent for a while, but has messages up to offset " INT64_FORMAT,
						self->options->name, p, high),
				 errdetail("It is read anew from the next offset.")));
		restart(p, part->position == KAFKA_OFFSET_UNKNOWN ? KAFKA_OFFSET_BEGINNING : part->position);
	}
}

/* Leave a dead letter about the gap and go on at the first message there is. */
static void
skip_to(int p, int64 low, char *reason)
{
	Partition  *part = &self->partitions[p];
	WeirBatch  *batch = weir_batch_create(weir_worker_self->cxt);
	DeadLetter	dead = {0};

	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("stream %s: %s", self->options->name, reason),
			 errdetail("Reading goes on at offset " INT64_FORMAT ".", low)));
	dead.streamid = self->streamid;
	dead.topic = self->options->topic;
	dead.partition = p;
	dead.offset = part->position;
	dead.payload_len = -1;
	dead.sqlerrcode = ERRCODE_DATA_EXCEPTION;
	dead.message = reason;
	weir_batch_add_dead(batch, &dead);
	batch->noffsets = 1;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(KafkaOffset));
	batch->offsets[0] = (KafkaOffset) {self->streamid, p, low};
	weir_ingest_batch(batch, NULL, NULL);
	part->position = low;
	restart(p, low);
	weir_kafka_stat_error(part->stat, Max(low - dead.offset, 1), reason);
}

void
weir_partitions_jump_over_gap(int p)
{
	Partition  *part = &self->partitions[p];
	int64		low,
				high;
	char	   *reason;

	if (!weir_client_query_watermarks(self->client, p, BROKER_TIMEOUT_MS, &low, &high))
	{
		weir_kafka_back_off(KAFKA_STATE_UNREACHABLE, NULL);
		return;
	}
	if (part->position == KAFKA_OFFSET_UNKNOWN || (part->position >= low && part->position <= high))
	{
		/* There after all: a broker that lagged behind, say.  Or nothing was read yet, so nothing is missed. */
		weir_kafka_back_off(KAFKA_STATE_RETRYING, "offset out of range");
		restart(p, part->position == KAFKA_OFFSET_UNKNOWN ? KAFKA_OFFSET_BEGINNING : part->position);
		return;
	}
	reason = psprintf("offset " INT64_FORMAT " of partition %d of topic \"%s\" is not on the broker, which has " INT64_FORMAT " to " INT64_FORMAT,
					  part->position, p, self->options->topic, low, high);
	if (self->options->on_error == KAFKA_SKIP)
		skip_to(p, low, reason);
	else
		self->stop_reason = MemoryContextStrdup(self->cxt, reason);
}
