/*
 * begin.c
 *	  Where the partitions of a Kafka worker begin, and whether they still are
 *	  the ones that were read.
 *
 * A stored offset is one of a topic of a cluster.  That both are the same is
 * told by the cluster's id, the topic's id where the broker and librdkafka
 * know of such, the number of partitions, and in any case by the last message
 * read: reading begins at that message, and goes on only when it is what it
 * was.  All this is looked at whenever reading begins, and that it does anew
 * when the topic was seen to be away or all brokers were.  Where an offset is
 * lost, the stream stops with the reason, unless weir.resume or on_error
 * 'skip' say where to go on.
 *
 * Where there is no offset, and where nobody read for a while, reading begins
 * by the time since when views want the messages: the clock of the messages
 * decides, as the broker sees it.
 *
 * Called from worker.c, outside of transactions, in the step's memory context.
 *
 * Locking: a worker claims its share of the partitions in the registry, so
 * that one that is still ending (its stream's options changed) and its
 * successor do not both count a message.  That comes before offsets are
 * loaded, and ends with the process.  (No advisory lock: code of users may
 * let go of these.)
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "intake/event_time.h"
#include "intake/ingest.h"
#include "meta/cont_view.h"
#include "process/worker.h"
#include "source/kafka/begin.h"
#include "source/kafka/partitions.h"
#include "source/kafka/state.h"
#include "source/offsets.h"
#include "time/watermark.h"

#define self weir_kafka_self

/* ----------------------------------------------------------------
 * Storing
 * ----------------------------------------------------------------
 */

/* By themselves, with a dead letter (or NULL). */
static void
store(const SourceOffset *offsets, int n, const Note *dead)
{
	WeirBatch  *batch = weir_batch_create(weir_worker_self->cxt);

	if (dead)
		weir_batch_add_dead(batch, dead);
	batch->noffsets = n;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(SourceOffset) * n);
	memcpy(batch->offsets, offsets, sizeof(SourceOffset) * n);
	(void) weir_ingest(batch, 0, NULL, NULL);
}

static void
letter_about(Note *dead, int p, char *reason)
{
	memset(dead, 0, sizeof(Note));
	dead->kind = NOTE_DEAD_LETTER;
	dead->streamid = self->streamid;
	dead->topic = self->options->topic;
	dead->partition = p;
	dead->offset = p < self->npartitions ? self->partitions[p].position : SOURCE_OFFSET_UNKNOWN;
	dead->payload_len = -1;
	dead->sqlerrcode = ERRCODE_DATA_EXCEPTION;
	dead->message = reason;
}

static const SourceMark no_mark = {SOURCE_OFFSET_UNKNOWN, -1, 0};

/* weir.resume has said something that this partition has not obeyed. */
static bool
is_resumed(const Partition *part)
{
	return self->resume != SOURCE_RESUME_STRICT && part->resumed != self->resumed;
}

/* ----------------------------------------------------------------
 * Offsets by time
 * ----------------------------------------------------------------
 */

/*
 * Where messages begin that are of this time or later; false if the broker
 * does not say.  Those that come after the first question count in any case.
 */
static bool
offsets_since(int n, const int32 *partitions, TimestampTz since, int64 *offsets, int64 *ends)
{
	int64		ms = (since + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / 1000;

	if (!weir_client_query_offsets(self->client, n, partitions, KAFKA_OFFSET_END, BROKER_TIMEOUT_MS, ends) ||
		!weir_client_query_offsets(self->client, n, partitions, ms, BROKER_TIMEOUT_MS, offsets))
		return false;
	for (int i = 0; i < n; i++)
		if (offsets[i] == KAFKA_OFFSET_END || offsets[i] > ends[i])
			offsets[i] = ends[i];
	return true;
}

/* Since when any active view reads the stream.  In a transaction. */
static TimestampTz
wanted_since(void)
{
	TimestampTz since = DT_NOEND;
	ListCell   *lc;

	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (view->state == CONT_VIEW_ACTIVE && weir_cont_view_reads(view, self->streamid))
			since = Min(since, view->since);
	}
	PopActiveSnapshot();
	return since == DT_NOEND ? GetCurrentTimestamp() : since;
}

/*
 * Do partitions of which nothing is known begin by time?  Otherwise at their
 * first message, for which nobody need be asked: one that has no leader keeps
 * no other back.
 */
static bool
fresh_by_time(const SourceStanding *standing)
{
	if (standing->unread || self->resume == SOURCE_RESUME_LATEST)
		return true;
	return self->options->from_latest && !standing->stored && !standing->merged &&
		self->resume != SOURCE_RESUME_EARLIEST;
}

/*
 * Partitions of which nothing is known and that begin by time.  The first
 * worker stores where, before anybody reads.  False while there are any.
 */
static bool
begin_fresh(const SourceStanding *standing, TimestampTz since)
{
	int32	   *partitions = palloc(sizeof(int32) * self->npartitions);
	int64	   *begins = palloc(sizeof(int64) * self->npartitions);
	int64	   *ends = palloc(sizeof(int64) * self->npartitions);
	SourceOffset *offsets = palloc(sizeof(SourceOffset) * self->npartitions);
	int			n = 0;

	if (!fresh_by_time(standing))
		return true;
	for (int p = 0; p < self->npartitions; p++)
		if (standing->offsets[p].next_offset == SOURCE_OFFSET_UNKNOWN)
			partitions[n++] = p;
	if (n == 0 || self->index > 0)
		return n == 0;
	if (!offsets_since(n, partitions, Max(since, self->resumed), begins, ends))
		return false;
	for (int i = 0; i < n; i++)
	{
		offsets[i] = weir_partition_offset(partitions[i], begins[i], &no_mark);
		weir_watermark_restart(weir_worker_self->slot, self->streamid, partitions[i]);
	}
	store(offsets, n, NULL);
	return false;
}

/*
 * What came while nobody read passes by.  False if the broker does not say
 * where that ends.
 */
static bool
pass_unread(TimestampTz since)
{
	int32	   *partitions = palloc(sizeof(int32) * self->npartitions);
	int64	   *begins = palloc(sizeof(int64) * self->npartitions);
	int64	   *ends = palloc(sizeof(int64) * self->npartitions);
	SourceOffset *offsets = palloc(sizeof(SourceOffset) * self->npartitions);
	int			n = 0;

	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].mine && !self->partitions[p].started && self->partitions[p].unread_since != 0)
			partitions[n++] = p;
	if (n == 0)
		return true;
	if (!offsets_since(n, partitions, since, begins, ends))
		return false;
	for (int i = 0; i < n; i++)
	{
		Partition  *part = &self->partitions[partitions[i]];
		bool		foreign = part->trouble != TROUBLE_NONE || part->position > ends[i];

		/*
		 * What was read since then counts already; unless that was another
		 * topic.
		 */
		if (!foreign && part->position >= begins[i])
			begins[i] = part->position;
		else
			part->last = no_mark;
		if (foreign)
			weir_watermark_restart(weir_worker_self->slot, self->streamid, partitions[i]);
		part->trouble = TROUBLE_NONE;
		part->position = begins[i];
		offsets[i] = weir_partition_offset(partitions[i], begins[i], &part->last);
	}
	store(offsets, n, NULL);
	return true;
}

/* ----------------------------------------------------------------
 * The same topic?
 * ----------------------------------------------------------------
 */

static bool
differ(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

/*
 * Why what is stored is not of this topic, as far as names tell; NULL: it is.
 */
static char *
foreign_reason(const SourceOffset *stored, int n)
{
	if (differ(stored->cluster, self->cluster))
		return psprintf("offsets are stored of topic \"%s\" of cluster \"%s\", but the brokers are those of cluster \"%s\"",
						stored->topic, stored->cluster, self->cluster);
	if (differ(stored->topic_id, self->topic_id))
		return psprintf("topic \"%s\" was deleted and created anew: it has id %s, and offsets are stored of %s",
						stored->topic, self->topic_id, stored->topic_id);
	if (stored->partition >= n)
		return psprintf("topic \"%s\" was deleted and created anew: it has %d partitions, and an offset is stored of partition %d",
						stored->topic, n, stored->partition);
	return NULL;
}

/* Take over what is known of a partition. */
static void
take_over(int p, const SourceOffset *known)
{
	Partition  *part = &self->partitions[p];
	char	   *reason;

	part->position = known->next_offset;
	part->last = known->last;
	part->resumed = known->resumed;
	part->unread_since = known->unread_since;
	part->trouble = TROUBLE_NONE;
	reason = foreign_reason(known, self->npartitions);
	if (reason)
	{
		part->reason = MemoryContextStrdup(self->cxt, reason);
		part->trouble = differ(known->cluster, self->cluster) ? TROUBLE_OTHER_CLUSTER : TROUBLE_OTHER_TOPIC;
	}
}

/*
 * Offsets of partitions that are no more.  The first worker forgets them, if
 * anybody has said that it may; the others wait for that.  False while there
 * are any.
 */
static bool
forget_beyond(const SourceStanding *standing)
{
	SourceOffset *offsets = palloc(sizeof(SourceOffset) * Max(list_length(standing->beyond), 1));
	int			n = 0;
	Note		dead = {0};
	ListCell   *lc;

	foreach(lc, standing->beyond)
	{
		SourceOffset *stored = lfirst(lc);
		char	   *reason = foreign_reason(stored, self->npartitions);
		bool		told = self->resume != SOURCE_RESUME_STRICT && stored->resumed != self->resumed;

		/*
		 * The same one by its id: this broker does not know yet that it has
		 * grown.
		 */
		if (stored->topic_id && self->topic_id && !differ(stored->topic_id, self->topic_id))
		{
			weir_kafka_back_off(KAFKA_STATE_RETRYING, reason);
			return false;
		}
		if (stored->unread_since == 0 && !told &&
			(self->options->on_error != KAFKA_SKIP || differ(stored->cluster, self->cluster)))
		{
			weir_kafka_stop_lost(reason);
			return false;
		}
		if (!told && stored->unread_since == 0)
		{
			letter_about(&dead, stored->partition, reason);
			dead.offset = stored->next_offset;
		}
		offsets[n] = *stored;
		offsets[n++].next_offset = SOURCE_OFFSET_FORGET;
	}
	if (n > 0 && self->index == 0)
		store(offsets, n, dead.message ? &dead : NULL);
	return n == 0;
}

static bool
find_begins(void)
{
	SourceStanding standing;
	TimestampTz since;

	StartTransactionCommand();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	weir_offsets_load(self->streamid, self->options->topic, self->npartitions, &standing);
	since = wanted_since();
	weir_kafka_commit();
	self->resume = standing.resume;
	self->resumed = standing.resumed;
	if (!forget_beyond(&standing))
		return false;
	StartTransactionCommand();
	weir_event_expect(self->streamid, self->npartitions);
	weir_kafka_commit();
	if (!begin_fresh(&standing, since))
		return false;
	for (int p = 0; p < self->npartitions; p++)
	{
		if (!self->partitions[p].mine || self->partitions[p].started)
			continue;
		take_over(p, &standing.offsets[p]);
		if (self->partitions[p].position == SOURCE_OFFSET_UNKNOWN)
			weir_watermark_restart(weir_worker_self->slot, self->streamid, p);
		weir_watermark_behind(weir_worker_self->slot, self->streamid, p);
	}
	return pass_unread(since);
}

bool
weir_partitions_start(void)
{
	bool		ok = true;

	if (!weir_registry_claim_share(weir_worker_self->entry, self->options->workers) || !find_begins())
		return false;
	for (int p = 0; p < self->npartitions; p++)
	{
		Partition  *part = &self->partitions[p];

		if (!part->mine || part->started)
			continue;
		if (part->trouble != TROUBLE_NONE || !weir_partition_restart(p, true))
		{
			ok = false;
			continue;
		}
		weir_partition_heard(part);
		weir_kafka_stat_progress(part->stat, part->position, 0, 0);
	}
	self->all_started = ok;
	return ok;
}

/* ----------------------------------------------------------------
 * The last message read
 * ----------------------------------------------------------------
 */

SourceMark
weir_message_mark(const KafkaMessage *message)
{
	SourceMark	mark = {message->offset, message->timestamp};
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &message->payload_len, sizeof(message->payload_len));
	if (message->payload_len > 0)
		COMP_CRC32C(crc, message->payload, message->payload_len);
	if (message->key)
		COMP_CRC32C(crc, message->key, message->key_len);
	FIN_CRC32C(crc);
	mark.checksum = crc;
	return mark;
}

static void
set_trouble(Partition *part, PartitionTrouble trouble, char *reason)
{
	part->trouble = trouble;
	part->reason = MemoryContextStrdup(self->cxt, reason);
}

/* Reading goes on from the position; what weir.resume said is obeyed. */
static void
go_on(Partition *part)
{
	part->checking = false;
	if (is_resumed(part))
		weir_partition_save(part);
	part->resumed = self->resumed;
}

/* It is not there to be compared: compacted, or removed by retention. */
static void
go_on_unchecked(int p)
{
	Partition  *part = &self->partitions[p];

	if (!self->absent)
		go_on(part);
	else
		set_trouble(part, TROUBLE_OTHER_TOPIC,
					psprintf("topic \"%s\" was not there for a while, and nothing tells whether partition %d is the one that was read up to offset " INT64_FORMAT,
							 self->options->topic, p, part->position));
}

/*
 * A message before the position, from where reading was begun to see the last
 * one that was read.  One behind that was not there then: what lies between
 * is no message.
 */
static void
compare(Partition *part, const KafkaMessage *message)
{
	SourceMark	mark = weir_message_mark(message);

	if (part->last.offset == SOURCE_OFFSET_UNKNOWN)
	{
		/* Nothing was known of it: to be compared next time. */
		go_on_unchecked(message->partition);
		if (part->trouble != TROUBLE_NONE)
			return;
		part->last = mark;
		weir_partition_save(part);
	}
	else if (part->last.offset == mark.offset && part->last.timestamp == mark.timestamp &&
			 part->last.checksum == mark.checksum)
		go_on(part);
	else
		set_trouble(part, TROUBLE_OTHER_TOPIC,
					psprintf("topic \"%s\" was deleted and created anew: the message at offset " INT64_FORMAT " of partition %d is not the one that was read",
							 self->options->topic, message->offset, message->partition));
}

bool
weir_partition_takes(const KafkaMessage *message)
{
	Partition  *part = &self->partitions[message->partition];

	if (part->trouble != TROUBLE_NONE)
		return false;
	if (!part->checking && is_resumed(part))
		go_on(part);
	if (message->offset < part->position)
	{
		if (part->checking)
			compare(part, message);
		return false;
	}
	if (part->checking)
		go_on_unchecked(message->partition);
	return part->trouble == TROUBLE_NONE;
}

void
weir_partition_ends(const KafkaMessage *message)
{
	Partition  *part = &self->partitions[message->partition];

	if (part->trouble != TROUBLE_NONE)
		return;
	if (message->offset < part->position)
		part->trouble = TROUBLE_GONE;
	else if (part->checking)
		go_on_unchecked(message->partition);
	else if (is_resumed(part))
		go_on(part);
	if (part->trouble != TROUBLE_NONE)
		return;
	part->end = message->offset;
	if (part->end > part->position)
		weir_partition_save(part);
}

/* ----------------------------------------------------------------
 * Lost offsets
 * ----------------------------------------------------------------
 */

/*
 * Go on at another offset; reason, for a dead letter about what was missed,
 * may be NULL.
 */
static void
go_on_at(int p, int64 offset, char *reason)
{
	Partition  *part = &self->partitions[p];
	SourceOffset stored;
	Note		dead;

	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("stream %s: %s", self->options->name, reason ? reason : part->reason ? part->reason : "resumed"),
			 errdetail("Reading of partition %d goes on at offset " INT64_FORMAT ".", p, offset)));
	letter_about(&dead, p, reason);
	stored = weir_partition_offset(p, offset, &no_mark);
	store(&stored, 1, reason ? &dead : NULL);
	if (reason)
		weir_kafka_stat_error(part->stat, Max(offset - part->position, 1), reason);
	if (part->trouble != TROUBLE_GONE || offset < part->position)
		weir_watermark_restart(weir_worker_self->slot, self->streamid, p);
	part->trouble = TROUBLE_NONE;
	part->position = offset;
	part->last = no_mark;
	part->resumed = self->resumed;
	if (part->started)
		weir_partition_restart(p, false);
}

/* Where weir.resume says to go on; false: nothing that helps. */
static bool
obey_resume(int p, int64 low)
{
	Partition  *part = &self->partitions[p];
	int64		begin = low;
	int64		end;

	if (!is_resumed(part) || (self->resume == SOURCE_RESUME_STORED && part->trouble == TROUBLE_GONE))
		return false;
	if (self->resume == SOURCE_RESUME_STORED)
		begin = part->position;
	if (self->resume == SOURCE_RESUME_LATEST && !offsets_since(1, &p, self->resumed, &begin, &end))
		weir_kafka_back_off(KAFKA_STATE_UNREACHABLE, NULL);
	else
		go_on_at(p, begin, NULL);
	return true;
}

void
weir_partition_mend(int p)
{
	Partition  *part = &self->partitions[p];
	int64		low,
				high;

	/* What is stored from now on is of the topic that is there. */
	if (!weir_partitions_identify() ||
		!weir_client_query_watermarks(self->client, p, BROKER_TIMEOUT_MS, &low, &high))
	{
		if (!self->unsure)
			weir_kafka_back_off(KAFKA_STATE_UNREACHABLE, NULL);
		return;
	}
	if (part->trouble == TROUBLE_GONE &&
		(part->position == SOURCE_OFFSET_UNKNOWN || (part->position >= low && part->position <= high)))
	{
		part->trouble = TROUBLE_NONE;
		if (part->checking)
			go_on_unchecked(p);
		else
		{
			/*
			 * There after all: a broker that lagged behind, say.  Or nothing
			 * was read yet, so nothing is missed.
			 */
			weir_kafka_back_off(KAFKA_STATE_RETRYING, "offset out of range");
		}
		if (part->trouble == TROUBLE_NONE)
			weir_partition_restart(p, false);
		return;
	}
	if (part->trouble == TROUBLE_GONE)
		part->reason = MemoryContextStrdup(self->cxt,
										   psprintf("offset " INT64_FORMAT " of partition %d of topic \"%s\" is not on the broker, which has " INT64_FORMAT " to " INT64_FORMAT,
													part->position, p, self->options->topic, low, high));
	if (obey_resume(p, low))
		return;
	if (self->options->on_error == KAFKA_SKIP && part->trouble != TROUBLE_OTHER_CLUSTER)
		go_on_at(p, low, part->reason);
	else
		weir_kafka_stop_lost(part->reason);
}
