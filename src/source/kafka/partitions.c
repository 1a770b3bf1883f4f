/*
 * partitions.c
 *	  The partitions that a Kafka worker reads: which there are, and how they
 *	  are.
 *
 * Called from worker.c and begin.c, outside of transactions, in the step's
 * memory context.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "process/worker.h"
#include "source/kafka/partitions.h"
#include "source/kafka/state.h"
#include "source/offsets.h"
#include "time/watermark.h"

/*
 * Time between looks at what may be idle, a quarter of idle_timeout within
 * these; and when brokers do not answer.
 */
#define IDLE_LOOK_MIN_MS 100
#define IDLE_LOOK_MAX_MS 500
#define IDLE_LOOK_AGAIN_MS 5000

/* leaders that move are not there again and again */
#define CHECK_AGAIN_MS 500

/*
 * A partition that gives nothing for so long is looked at; doubled each time
 * it has nothing.
 */
#define PATIENCE_MIN_MS 10000
#define PATIENCE_MAX_MS 300000

#define self weir_kafka_self

bool
weir_partitions_identify(void)
{
	char	   *cluster = weir_client_cluster(self->client);
	char	   *topic_id;

	if (!weir_client_topic_id(self->client, BROKER_TIMEOUT_MS, &topic_id))
		return false;
	if (self->npartitions > 0 && ((cluster && self->cluster && strcmp(cluster, self->cluster) != 0) ||
								  (topic_id && self->topic_id && strcmp(topic_id, self->topic_id) != 0)))
	{
		self->unsure = true;
		return false;
	}
	if (self->npartitions == 0)
	{
		self->cluster = cluster ? MemoryContextStrdup(self->cxt, cluster) : NULL;
		self->topic_id = topic_id ? MemoryContextStrdup(self->cxt, topic_id) : NULL;
	}
	return true;
}

bool
weir_partitions_find(void)
{
	char		err[512];
	int			n = weir_client_partitions(self->client, BROKER_TIMEOUT_MS, err, sizeof(err));

	if (n == KAFKA_NO_TOPIC)
		self->absent = true;
	if (self->npartitions > 0 && (n == KAFKA_NO_TOPIC || (n >= 0 && n < self->npartitions)))
	{
		self->unsure = true;
		return false;
	}
	if (n >= 0 && !weir_partitions_identify())
	{
		snprintf(err, sizeof(err), "no answer from the broker");
		n = -1;
	}
	if (self->unsure)
		return false;
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
		self->partitions[p].position = self->partitions[p].last.offset = SOURCE_OFFSET_UNKNOWN;
		self->partitions[p].end = self->partitions[p].caught_up = SOURCE_OFFSET_UNKNOWN;
		self->partitions[p].stat = self->partitions[p].mine ?
			weir_kafka_stat_attach(self->streamid, p) : NULL;
	}
	self->npartitions = n;
	self->all_started = false;
	return true;
}

/*
 * Have librdkafka read a partition from its position on, wherever it read
 * before; or from the last message read before that, which is to be compared.
 */
bool
weir_partition_restart(int p, bool check)
{
	Partition  *part = &self->partitions[p];
	int64		begin = part->position == SOURCE_OFFSET_UNKNOWN ? KAFKA_OFFSET_BEGINNING : part->position;
	char		err[512];

	part->checking = check && part->position > 0;
	if (part->checking)
		begin = part->last.offset != SOURCE_OFFSET_UNKNOWN ? part->last.offset : part->position - 1;
	part->end = part->caught_up = SOURCE_OFFSET_UNKNOWN;
	if (part->started)
		weir_client_stop(self->client, p);
	part->started = weir_client_start(self->client, p, begin, err, sizeof(err));
	if (!part->started)
		weir_kafka_stat_error(part->stat, 1, err);
	self->all_started = self->all_started && part->started;
	return part->started;
}

void
weir_partitions_check(void)
{
	TimestampTz now = weir_clock_steady();

	if (self->unsure || now < self->check_at)
		return;
	self->shaken = false;
	self->check_at = TimestampTzPlusMilliseconds(now, CHECK_AGAIN_MS);
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].started && self->partitions[p].trouble == TROUBLE_NONE)
			(void) weir_partition_restart(p, true);
}

void
weir_partitions_commit_to_group(void)
{
	int64	   *offsets = palloc(sizeof(int64) * self->npartitions);
	int32	   *partitions = palloc(sizeof(int32) * self->npartitions);
	int			n = 0;

	StartTransactionCommand();
	weir_offsets_load_stored(self->streamid, self->options->topic, self->npartitions, offsets);
	weir_kafka_commit();
	for (int p = 0; p < self->npartitions; p++)
	{
		if (!self->partitions[p].mine || offsets[p] == SOURCE_OFFSET_UNKNOWN)
			continue;
		partitions[n] = p;
		offsets[n++] = offsets[p];
	}
	if (n > 0)
		weir_client_commit(self->client, n, partitions, offsets);
}

void
weir_partition_heard(Partition *part)
{
	part->heard = weir_clock_steady();
	part->patience_ms = PATIENCE_MIN_MS;
}

/*
 * That librdkafka found the end of a partition is no news of now: it may have
 * lost the broker since.  So the brokers are asked.
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
		if (self->partitions[p].started && self->partitions[p].end != SOURCE_OFFSET_UNKNOWN)
			partitions[n++] = p;
	if (n == 0)
		return;
	if (!weir_client_query_offsets(self->client, n, partitions, KAFKA_OFFSET_END, BROKER_TIMEOUT_MS, ends))
	{
		/*
		 * Others may not reach the brokers either: their silence counts from
		 * when these answer again.
		 */
		for (int i = 0; i < n; i++)
			self->partitions[partitions[i]].caught_up = SOURCE_OFFSET_UNKNOWN;
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
 * librdkafka 2.0 can lose a partition's fetcher when leaders move while
 * brokers are slow, so that even reading it anew gives nothing.
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

		if (!part->started || part->trouble != TROUBLE_NONE ||
			!TimestampDifferenceExceeds(part->heard, now, part->patience_ms))
			continue;
		part->heard = now;
		part->patience_ms = Min(part->patience_ms * 2, PATIENCE_MAX_MS);
		if (!weir_client_query_watermarks(self->client, p, BROKER_TIMEOUT_MS, &low, &high))
			return;
		if (high <= low || (part->position != SOURCE_OFFSET_UNKNOWN && high <= part->position))
			continue;
		ereport(LOG,
				(errmsg("stream %s: partition %d was silent for a while, but has messages up to offset " INT64_FORMAT,
						self->options->name, p, high),
				 errdetail("The partition is read again from the next offset.")));

		/*
		 * That did not help the last time: its client is of no use any more.
		 */
		if (part->patience_ms > 2 * PATIENCE_MIN_MS)
			ereport(FATAL,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("stream %s: partition %d gives no messages; the worker begins anew", self->options->name, p)));
		(void) weir_partition_restart(p, true);
	}
}
