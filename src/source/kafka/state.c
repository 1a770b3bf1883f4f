/*
 * state.c
 *	  The state of a Kafka worker, and what all its parts do with it.
 *
 * Called in a Kafka worker, in the step's memory context.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "process/worker.h"
#include "source/kafka/state.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
/* until offsets behind what is no message are stored */
#define SAVE_MS 500

static KafkaWorker worker;
KafkaWorker *const weir_kafka_self = &worker;

#define self weir_kafka_self

void
weir_kafka_commit(void)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(weir_worker_self->cxt);
}

void
weir_kafka_back_off(KafkaState state, const char *reason)
{
	self->backoff_ms = self->backoff_ms == 0 ? BACKOFF_MIN_MS : Min(self->backoff_ms * 2, BACKOFF_MAX_MS);
	self->retry_at = TimestampTzPlusMilliseconds(weir_clock_steady(), self->backoff_ms);
	self->chores_at = Min(self->chores_at, self->retry_at);
	weir_kafka_stat_state(self->stat, state, reason);
}

void
weir_kafka_stop_lost(const char *reason)
{
	self->stop_reason = MemoryContextStrdup(self->cxt, reason);
	self->stop_lost = true;
}

SourceOffset
weir_partition_offset(int p, int64 next, const SourceMark *last)
{
	SourceOffset offset = {self->streamid, p, self->options->topic, self->cluster, self->topic_id, next};

	offset.last = *last;
	offset.resumed = self->resumed;
	offset.unread_since = self->partitions[p].unread_since;
	return offset;
}

/*
 * The position goes with the next batch, or by itself when there is none for a
 * while.  It need not be behind a message: the end of a partition may be
 * behind its last one, and what is in between (marks of transactions, what was
 * rolled back) is passed over by storing the end.
 */
void
weir_partition_save(Partition *part)
{
	part->unsaved = true;
	if (self->save_at == 0)
		self->save_at = TimestampTzPlusMilliseconds(weir_clock_steady(), SAVE_MS);
}
