/*
 * worker.c
 *	  What a Kafka worker does: fetch, decode, merge, and chores in between.
 *
 * One worker reads the partitions p of its stream's topic with p % workers ==
 * index.  Offsets come from Weir's own table and epochs and go back with each
 * batch, in the transaction that writes the views, so a crash anywhere reads
 * again exactly what the views do not hold.
 *
 * A batch goes through fetched -> decoded -> merged; each part is kept until
 * the next succeeded, so that trouble leads to trying again with the same
 * messages.  Nothing is fetched meanwhile; librdkafka's bounded queue holds
 * back the broker.
 *
 * Runs in a background worker; process/worker.h owns its signals and its loop.
 *
 * Memory: cxt for as long as it runs, batch_cxt from decoding to merging, and
 * the skeleton's context, which is reset before each step.  Failure: an error
 * of a step is the skeleton's, which calls it again after a while; trouble
 * with the broker is backed off from here, 10 s at most.
 */
#include "postgres.h"

#include <syslog.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "groups/epoch.h"
#include "intake/ingest.h"
#include "meta/event_options.h"
#include "process/worker.h"
#include "source/kafka/begin.h"
#include "source/kafka/partitions.h"
#include "source/kafka/state.h"
#include "source/kafka/worker.h"
#include "source/offsets.h"
#include "source/source.h"

/* between looks at connection and watermarks, when idle */
#define WATCH_MS 1000
/* between looks for something another process is about to do */
#define SETTLE_MS 50
#define MOST_LETTERS 2000		/* dead ones that one flush is to write */
#define LETTERS_WAIT_MS 1000

#define self weir_kafka_self

static void kafka_start(void);
static long kafka_step(void);
static void kafka_stop(void);
static int	workers_wanted(Oid streamid);
static void advance(void);
static void start_over(void);
static void do_chores(void);
static bool look_for_changes(void);
static void fetch(void);
static void decode(void);
static void merge(void);
static void stop_stream(void);
static void note_error(void);
static void show_logs(void);
static void wait_for_work(void);

/* ----------------------------------------------------------------
 * The skeleton's calls
 * ----------------------------------------------------------------
 */

static const Source kafka_source = {
	.kind = WORKER_KAFKA,
	.ops = {kafka_start, kafka_step, NULL, kafka_stop},
	.workers_wanted = workers_wanted
};

void
weir_kafka_init(void)
{
	weir_shmem_register(&weir_kafka_stat_shmem);
	weir_source_register(&kafka_source);
}

/* None when it is no Kafka stream, or stopped. */
static int
workers_wanted(Oid streamid)
{
	KafkaStreamOptions *options = weir_options_kafka(streamid);

	if (options == NULL || weir_source_is_stopped(streamid))
		return 0;
	return options->workers;
}

static void
kafka_start(void)
{
	memset(self, 0, sizeof(KafkaWorker));
	self->streamid = weir_worker_self->task.streamid;
	self->index = weir_worker_self->task.index;
	self->cxt = AllocSetContextCreate(TopMemoryContext, "weir kafka worker", ALLOCSET_DEFAULT_SIZES);
	self->batch_cxt = AllocSetContextCreate(self->cxt, "weir kafka batch", ALLOCSET_DEFAULT_SIZES);
	self->stop_count = weir_kafka_stop_count();
	if (!look_for_changes())
		proc_exit(0);
	self->stat = weir_kafka_stat_attach(self->streamid, KAFKA_STAT_WORKER(self->index));
	weir_kafka_stat_inherit(self->streamid, self->index, self->options->workers);
}

/*
 * Fetch, decode and merge what has arrived, or wait for messages, the latch or
 * the next chore.  Trouble with the broker is shown and tried again.  Ends
 * the process when the stream is gone, was stopped or has other options;
 * whoever starts workers sees whether it wants new ones.
 */
static long
kafka_step(void)
{
	PG_TRY();
	{
		advance();
	}
	PG_CATCH();
	{
		note_error();
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (self->ended)
		proc_exit(0);
	wait_for_work();
	return 0;
}

static void
kafka_stop(void)
{
	KafkaClient *client = self->client;

	self->client = NULL;
	weir_client_close(client);
	weir_kafka_stat_detach();
}

/* ----------------------------------------------------------------
 * A step
 * ----------------------------------------------------------------
 */

/*
 * What keeps partitions from being read on, until one has the worker stop,
 * wait or begin anew.
 */
static void
mend(void)
{
	for (int p = 0; p < self->npartitions; p++)
	{
		if (self->stop_reason || self->unsure || self->retry_at > weir_clock_steady())
			break;
		if (self->partitions[p].trouble != TROUBLE_NONE)
			weir_partition_mend(p);
	}
}

/* Go as far as there is something to do. */
static void
advance(void)
{
	TimestampTz now = weir_clock_steady();

	CHECK_FOR_INTERRUPTS();
	show_logs();
	if (now < self->retry_at)
		return;
	/* What is at hand comes first: chores may start partitions anew. */
	if (self->nmessages > 0 || self->decoded.batch != NULL)
	{
		if (self->decoded.batch == NULL)
			decode();
		merge();
		if (self->nmessages > 0)
			return;
	}
	if (self->unsure)
		start_over();
	mend();
	if (self->stop_reason)
	{
		/*
		 * By the options of now: ALTER may have said meanwhile that it shall
		 * not.
		 */
		if (look_for_changes())
			stop_stream();
		self->ended = true;
		return;
	}
	if (now >= self->chores_at || self->stop_count != weir_kafka_stop_count())
		do_chores();
	if (self->client && !self->ended && !self->unsure)
		fetch();
	if (self->client && !self->ended && !self->unsure && !self->in_trouble && self->backoff_ms == 0)
	{
		/*
		 * As of after the fetch: what else is in the batch may move the
		 * watermark.
		 */
		weir_partitions_look_at_idle();
		if (self->nmessages == 0)
			weir_partitions_look_at_silent();
	}
	if (self->nmessages > 0 || (self->save_at != 0 && weir_clock_steady() >= self->save_at))
	{
		decode();
		merge();
	}
}

static bool
all_checked(void)
{
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].mine && (!self->partitions[p].started || self->partitions[p].checking))
			return false;
	return self->npartitions > 0;
}

/*
 * Connect and begin anew, with all that is looked at then: somebody may have
 * put another topic, or another cluster, in the place of the one that was
 * read.
 */
static void
start_over(void)
{
	KafkaClient *client = self->client;

	self->client = NULL;
	weir_client_close(client);
	self->unsure = false;
	self->npartitions = 0;
	self->all_started = false;
	self->save_at = 0;
	/*
	 * Brokers that do not agree on what there is are asked again and again
	 * until they do.
	 */
	self->chores_at = self->retry_at = TimestampTzPlusMilliseconds(weir_clock_steady(), SETTLE_MS);
}

/* Options, connection, partitions. */
static void
do_chores(void)
{
	char		err[512];

	self->chores_at = TimestampTzPlusMilliseconds(weir_clock_steady(), weir_kafka_metadata_interval);
	self->stop_count = weir_kafka_stop_count();
	if (!look_for_changes())
	{
		self->ended = true;
		return;
	}
	if (self->client == NULL)
	{
		self->client = weir_client_open(self->options, err, sizeof(err));
		if (self->client == NULL)
		{
			weir_kafka_back_off(KAFKA_STATE_UNREACHABLE, err);
			return;
		}
	}
	if (!weir_partitions_find())
		return;
	self->absent = self->absent && !all_checked();
	if (!self->all_started && !weir_partitions_start())
		self->chores_at = TimestampTzPlusMilliseconds(weir_clock_steady(), SETTLE_MS);
	if (self->options->has_group)
		weir_partitions_commit_to_group();
}

/*
 * Read the stream's options; false if it is gone, stopped, or not the same any
 * more.
 */
static bool
look_for_changes(void)
{
	KafkaStreamOptions *options;
	bool		ok;
	/* An error leaves it to the reset of the worker's context. */
	MemoryContext cxt = AllocSetContextCreate(weir_worker_self->cxt, "weir kafka options",
											  ALLOCSET_SMALL_SIZES);

	StartTransactionCommand();
	MemoryContextSwitchTo(cxt);
	options = weir_options_kafka(self->streamid);
	ok = options != NULL && self->index < options->workers && !weir_source_is_stopped(self->streamid);
	self->idle_timeout = ok ? weir_event_options(self->streamid)->idle_timeout : 0;
	weir_kafka_commit();
	if (ok && self->options)
		ok = weir_options_kafka_equal(options, self->options);
	if (ok && self->options == NULL)
	{
		MemoryContextSetParent(cxt, self->cxt);
		self->options = options;
	}
	else
		MemoryContextDelete(cxt);
	return ok;
}

/* ----------------------------------------------------------------
 * Batches
 * ----------------------------------------------------------------
 */

/* Something happened to a partition instead of a message. */
static void
note_failure(const KafkaMessage *message)
{
	Partition  *part;

	if (message->partition < 0 || message->partition >= self->npartitions)
	{
		weir_kafka_stat_error(self->stat, 1, message->payload);
		return;
	}
	part = &self->partitions[message->partition];
	if (message->failure == KAFKA_END)
	{
		weir_partition_ends(message);
		return;
	}
	if (message->failure == KAFKA_TOPIC_GONE)
		self->absent = self->unsure = true;
	if (message->failure == KAFKA_OFFSET_GONE && part->trouble == TROUBLE_NONE)
		part->trouble = TROUBLE_GONE;
	weir_kafka_stat_error(part->stat, 1, message->payload);
}

static void
show_memory(void)
{
	Size		used,
				limit;

	weir_client_memory(self->client, &used, &limit);
	weir_kafka_stat_memory(self->stat, used, limit);
}

/* Take what librdkafka has, without failures and what was taken before. */
static void
fetch(void)
{
	int			n;

	if (self->maxmessages != weir_batch_rows)
	{
		if (self->messages)
			pfree(self->messages);
		self->messages = NULL;
		self->maxmessages = 0;
		self->messages = MemoryContextAllocHuge(self->cxt, sizeof(KafkaMessage) * weir_batch_rows);
		self->maxmessages = weir_batch_rows;
	}
	weir_client_fd_clear(self->client);
	n = weir_client_fetch(self->client, self->messages, self->maxmessages, (Size) weir_batch_kb * 1024);
	self->fetched = n > 0;
	show_memory();
	for (int i = 0; i < n; i++)
	{
		KafkaMessage *message = &self->messages[i];

		if (message->failure != KAFKA_MESSAGE)
			note_failure(message);
		else if (message->partition < self->npartitions && !self->unsure && weir_partition_takes(message))
		{
			self->partitions[message->partition].end = SOURCE_OFFSET_UNKNOWN;
			self->messages[self->nmessages++] = *message;
		}
	}
	self->shaken |= weir_client_shaken(self->client) && self->npartitions > 0;
	if (self->unsure || self->shaken)
	{
		/* They come again. */
		self->nmessages = 0;
		weir_partitions_check();
	}
	if (self->nmessages == 0)
		weir_client_release(self->client);
}

static void
decode(void)
{
	DecodeResult result;
	WeirBatch  *batch;
	KafkaMessage **last = palloc0(sizeof(KafkaMessage *) * Max(self->npartitions, 1));
	int			n = 0;

	MemoryContextReset(self->batch_cxt);
	weir_worker_report("decoding");
	weir_decode_messages(self->options, self->messages, self->nmessages, self->batch_cxt, &result);
	self->ended |= result.gone;
	for (int p = 0; p < self->npartitions; p++)
	{
		self->partitions[p].messages = self->partitions[p].bytes = 0;
		self->partitions[p].next = SOURCE_OFFSET_UNKNOWN;
	}
	for (int i = 0; i < result.taken; i++)
	{
		KafkaMessage *message = &self->messages[i];
		Partition  *part = &self->partitions[message->partition];

		part->next = message->offset + 1;
		last[message->partition] = message;
		part->messages++;
		part->bytes += Max(message->payload_len, 0);
	}
	self->save_at = 0;
	for (int p = 0; p < self->npartitions; p++)
	{
		Partition  *part = &self->partitions[p];
		int64		position = Max(part->position, part->next);

		part->next_last = last[p] ? weir_message_mark(last[p]) : part->last;
		/* Not what is behind a message that stops the stream. */
		if (part->end > position && result.taken == self->nmessages)
			part->next = part->end;
		else if (part->unsaved && part->trouble == TROUBLE_NONE && position != SOURCE_OFFSET_UNKNOWN)
			part->next = position;
		n += part->next != SOURCE_OFFSET_UNKNOWN;
	}
	batch = result.batch;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(SourceOffset) * Max(n, 1));
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].next != SOURCE_OFFSET_UNKNOWN)
			batch->offsets[batch->noffsets++] = weir_partition_offset(p, self->partitions[p].next,
																	  &self->partitions[p].next_last);
	self->decoded = result;
	self->merged = false;
}

/* What open transactions wrote is not there yet. */
static int64
high_watermark(int p)
{
	int64		end = self->partitions[p].end;

	return end != SOURCE_OFFSET_UNKNOWN ? end : weir_client_high_watermark(self->client, p);
}

static void
note_merged(void *arg)
{
	self->merged = true;
}

/*
 * Dead letters are written with what others wait for.  While there are many,
 * the next ones wait for those to be written; not for long, as what keeps them
 * may be a lock.
 */
static void
pace_letters(void)
{
	int64		number;
	int			slot = weir_worker_self->slot;

	if (self->decoded.batch->ndead == 0 || weir_epoch_notes(slot, &number) < MOST_LETTERS)
		return;
	weir_worker_report("waiting for dead letters to be written");
	weir_epoch_request_cut(slot);
	(void) weir_epoch_wait(slot, number, LETTERS_WAIT_MS);
}

/* What was not decoded is left. */
static void
release_messages(void)
{
	int			taken = self->decoded.taken;

	if (self->stop_reason || self->ended)
		taken = self->nmessages;
	self->nmessages -= taken;
	memmove(self->messages, self->messages + taken, sizeof(KafkaMessage) * self->nmessages);
	if (self->nmessages == 0)
		weir_client_release(self->client);
}

/* Merge the decoded batch; on error it stays to be tried again. */
static void
merge(void)
{
	DecodeResult *decoded = &self->decoded;

	if (!self->merged)
		pace_letters();
	if (decoded->batch->noffsets > 0 && !self->merged)
		(void) weir_ingest(decoded->batch, 0, note_merged, NULL);

	/*
	 * The batch counts.  Should anything error now, it must not be merged
	 * again.
	 */
	for (int p = 0; p < self->npartitions; p++)
	{
		Partition  *part = &self->partitions[p];

		if (part->next == SOURCE_OFFSET_UNKNOWN)
			continue;
		part->position = part->next;
		part->last = part->next_last;
		part->resumed = self->resumed;
		part->unsaved = false;
		weir_partition_heard(part);
		weir_kafka_stat_progress(part->stat, part->position, part->messages, part->bytes);
		weir_kafka_stat_high_watermark(part->stat, high_watermark(p));
	}
	if (decoded->failed > 0)
		weir_kafka_stat_error(self->stat, decoded->failed, decoded->last_error);
	if (decoded->stop_reason)
		self->stop_reason = MemoryContextStrdup(self->cxt, decoded->stop_reason);
	release_messages();
	MemoryContextReset(self->batch_cxt);
	memset(decoded, 0, sizeof(DecodeResult));
}

/* Make the stop durable, then let the stream's other workers see it. */
static void
stop_stream(void)
{
	StartTransactionCommand();
	weir_source_set_stopped(self->streamid, self->stop_reason);
	weir_kafka_commit();
	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("stream %s is stopped: %s", self->options->name, self->stop_reason),
			 self->stop_lost ?
			 errhint("Call weir.resume('%s', 'earliest') to go on at the first message that is there, or 'latest' at those that are to come.",
					 self->options->name) :
			 errhint("Fix the cause or change the stream's option \"on_error\", then call weir.resume.")));
	weir_kafka_stat_state(self->stat, KAFKA_STATE_STOPPED, self->stop_reason);
	weir_kafka_stop_count_advance();
}

/* ----------------------------------------------------------------
 * Trouble and waiting
 * ----------------------------------------------------------------
 */

/* In PG_CATCH, before the skeleton takes the error: show it. */
static void
note_error(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(weir_worker_self->cxt);
	error = CopyErrorData();
	weir_kafka_stat_state(self->stat, KAFKA_STATE_RETRYING, error->message);
	self->in_trouble = true;
}

/* librdkafka's log lines into the server's log. */
static void
show_logs(void)
{
	char		line[256];
	int			level;

	while (self->client && weir_client_next_log(self->client, &level, line, sizeof(line)))
		ereport(level <= LOG_ERR ? LOG : DEBUG1,
				(errmsg("librdkafka, stream %s: %s", self->options->name, line)));
}

/* How the connection is, and how far the broker's partitions go. */
static void
watch(void)
{
	const char *trouble = weir_client_poll(self->client);

	show_memory();
	if (trouble)
		weir_kafka_stat_state(self->stat, KAFKA_STATE_UNREACHABLE, trouble);
	else if (self->in_trouble && self->backoff_ms == 0)
		weir_kafka_stat_state(self->stat, KAFKA_STATE_RUNNING, NULL);
	self->in_trouble = trouble != NULL;
	for (int p = 0; p < self->npartitions; p++)
		if (self->partitions[p].started)
			weir_kafka_stat_high_watermark(self->partitions[p].stat, high_watermark(p));
}

static long
ms_until(TimestampTz when)
{
	return TimestampDifferenceMilliseconds(weir_clock_steady(), when);
}

/*
 * Sleep until there is something to do: messages, the latch, a chore, the end
 * of a backoff.
 */
static void
wait_for_work(void)
{
	static uint32 wait_event = 0;
	bool		listening = self->client && self->backoff_ms == 0;
	long		timeout = listening ? Min(ms_until(self->chores_at), WATCH_MS) : ms_until(self->retry_at);

	if (self->client)
		watch();
	if (self->unsure || self->nmessages > 0 || (self->fetched && listening))
		return;
	if (listening && self->idle_timeout > 0 && !self->in_trouble)
		timeout = Min(timeout, Max(ms_until(self->idle_at), 0));
	if (listening && self->save_at != 0)
		timeout = Min(timeout, Max(ms_until(self->save_at), 0));
	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirKafkaMessages");
	weir_worker_report(NULL);
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH |
							 (listening ? WL_SOCKET_READABLE : 0),
							 listening ? weir_client_fd(self->client) : PGINVALID_SOCKET,
							 timeout, wait_event);
}
