/*
 * worker.c
 *	  What a Kafka worker does: fetch, decode, merge, and chores in between.
 *
 * One worker reads the partitions p of its stream's topic with
 * p % workers == index.  Offsets come from Weir's own table and epochs and go
 * back with each batch, in the transaction that writes the views, so a crash
 * anywhere reads again exactly what the views do not hold.
 *
 * A batch goes through fetched -> decoded -> merged; each part is kept until
 * the next succeeded, so that trouble leads to trying again with the same
 * messages.  Nothing is fetched meanwhile; librdkafka's bounded queue holds
 * back the broker.
 *
 * Runs in a background worker; worker/worker.h owns its signals and its loop.
 *
 * Locking: a partition is read under a session lock of its own, so that a
 * worker that is still ending (its stream's options changed) and its successor
 * do not both count a message.  The lock is taken before offsets are loaded.
 * Memory: worker.cxt for as long as it runs, batch_cxt from decoding to merging,
 * and the skeleton's context, which is reset before each step.
 * Failure: an error of a step is the skeleton's, which calls it again after a
 * while; trouble with the broker is backed off from here, 10 s at most.
 */
#include "postgres.h"

#include <syslog.h>

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "catalog/cont_view.h"
#include "catalog/options.h"
#include "kafka/client.h"
#include "kafka/decode.h"
#include "kafka/offsets.h"
#include "kafka/stat.h"
#include "kafka/worker.h"
#include "worker/ingest.h"
#include "worker/worker.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
#define BROKER_TIMEOUT_MS 1000	/* of questions that block */
#define WATCH_MS 1000			/* between looks at connection and watermarks, when idle */
#define SETTLE_MS 50			/* between looks for something another process is about to do */

/* Advisory locks of users have 1 or 2 here. */
#define PARTITION_LOCK_CLASS 0x5765

typedef struct Partition
{
	bool		mine;
	bool		locked;
	bool		started;
	bool		gone;			/* its next offset is not on the broker any more */
	int64		position;		/* next offset to take; KAFKA_OFFSET_UNKNOWN before the first */
	int			stat;
	/* of the batch at hand */
	int64		messages;
	int64		bytes;
	int64		next;			/* KAFKA_OFFSET_UNKNOWN: nothing of it */
} Partition;

typedef struct KafkaWorker
{
	Oid			streamid;
	int			index;
	MemoryContext cxt;
	MemoryContext batch_cxt;	/* child of cxt */
	KafkaStreamOptions *options;
	KafkaClient *client;
	int			stat;
	int			npartitions;
	Partition  *partitions;
	bool		all_started;

	KafkaMessage *messages;		/* fetched, not merged yet */
	int			nmessages;
	int			maxmessages;
	bool		fetched;		/* something, so there may be more */
	DecodeResult decoded;		/* of messages; batch NULL: not decoded yet */
	char	   *stop_reason;	/* stop once the batch at hand is merged */

	bool		ended;
	bool		in_trouble;		/* as last shown */
	int			backoff_ms;		/* 0: the broker answered last time */
	TimestampTz retry_at;
	TimestampTz chores_at;
	uint32		stop_count;		/* weir_kafka_stop_count when last looked */
} KafkaWorker;

static KafkaWorker worker;

static void advance(void);
static void do_chores(void);
static bool look_for_changes(void);
static bool find_partitions(void);
static bool start_partitions(void);
static void commit_to_group(void);
static bool resolve_latest(int64 *offsets);
static void fetch(void);
static void decode(void);
static void merge(void);
static void jump_over_gap(int p);
static void stop_stream(void);
static void note_error(void);
static void back_off(KafkaState state, const char *reason);
static void show_logs(void);
static void wait_for_work(void);

/* ----------------------------------------------------------------
 * The skeleton's calls
 * ----------------------------------------------------------------
 */

void
weir_kafka_init(void)
{
	weir_shmem_register(&weir_kafka_stat_part);
}

/* End a transaction; the step's memory context is current again. */
static void
commit(void)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(weir_worker_self->cxt);
}

int
weir_kafka_workers_wanted(Oid streamid)
{
	KafkaStreamOptions *options;

	if (!SearchSysCacheExists1(FOREIGNTABLEREL, ObjectIdGetDatum(streamid)))
		return 0;
	options = weir_options_kafka(streamid);
	if (options == NULL || weir_kafka_is_stopped(streamid))
		return 0;
	return options->workers;
}

bool
weir_kafka_start(Oid streamid, int index)
{
	memset(&worker, 0, sizeof(worker));
	worker.streamid = streamid;
	worker.index = index;
	worker.cxt = AllocSetContextCreate(TopMemoryContext, "weir kafka worker", ALLOCSET_DEFAULT_SIZES);
	worker.batch_cxt = AllocSetContextCreate(worker.cxt, "weir kafka batch", ALLOCSET_DEFAULT_SIZES);
	worker.stop_count = weir_kafka_stop_count();
	if (!look_for_changes())
		return false;
	worker.stat = weir_kafka_stat_attach(worker.streamid, KAFKA_STAT_WORKER(worker.index));
	return true;
}

bool
weir_kafka_step(void)
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
	if (!worker.ended)
		wait_for_work();
	return !worker.ended;
}

void
weir_kafka_stop(void)
{
	KafkaClient *client = worker.client;

	worker.client = NULL;
	weir_client_close(client);
	weir_kafka_stat_detach();
}

/* ----------------------------------------------------------------
 * A step
 * ----------------------------------------------------------------
 */

/* Go as far as there is something to do. */
static void
advance(void)
{
	TimestampTz now = GetCurrentTimestamp();

	CHECK_FOR_INTERRUPTS();
	show_logs();
	if (now < worker.retry_at)
		return;
	/* What is at hand comes first: chores may start partitions anew. */
	if (worker.nmessages > 0)
	{
		if (worker.decoded.batch == NULL)
			decode();
		merge();
	}
	for (int p = 0; p < worker.npartitions && worker.stop_reason == NULL; p++)
		if (worker.partitions[p].gone)
			jump_over_gap(p);
	if (worker.stop_reason)
	{
		stop_stream();
		return;
	}
	if (now >= worker.chores_at || worker.stop_count != weir_kafka_stop_count())
		do_chores();
	if (worker.client && !worker.ended)
		fetch();
	if (worker.nmessages > 0)
	{
		decode();
		merge();
	}
}

/* Options, connection, partitions. */
static void
do_chores(void)
{
	char		err[512];

	worker.chores_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), weir_kafka_metadata_interval);
	worker.stop_count = weir_kafka_stop_count();
	if (!look_for_changes())
	{
		worker.ended = true;
		return;
	}
	if (worker.client == NULL)
	{
		worker.client = weir_client_open(worker.options, err, sizeof(err));
		if (worker.client == NULL)
		{
			back_off(KAFKA_STATE_UNREACHABLE, err);
			return;
		}
	}
	if (!find_partitions())
		return;
	if (!worker.all_started && !start_partitions())
		worker.chores_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SETTLE_MS);
	if (worker.options->has_group)
		commit_to_group();
}

/* Read the stream's options; false if it is gone, stopped, or not the same any more. */
static bool
look_for_changes(void)
{
	KafkaStreamOptions *options = NULL;
	bool		ok = false;
	MemoryContext cxt = AllocSetContextCreate(worker.cxt, "weir kafka options", ALLOCSET_SMALL_SIZES);

	StartTransactionCommand();
	/* Held to the end of the transaction, so it stays while we look. */
	if (ConditionalLockRelationOid(worker.streamid, AccessShareLock))
	{
		if (SearchSysCacheExists1(FOREIGNTABLEREL, ObjectIdGetDatum(worker.streamid)))
		{
			MemoryContextSwitchTo(cxt);
			options = weir_options_kafka(worker.streamid);
			ok = options != NULL && worker.index < options->workers &&
				!weir_kafka_is_stopped(worker.streamid);
		}
	}
	else
	{
		/* Somebody alters or drops it: look again later, if we know enough to go on. */
		ok = worker.options != NULL;
	}
	commit();
	if (ok && options && worker.options)
		ok = weir_options_kafka_equal(options, worker.options);
	if (ok && options && worker.options == NULL)
		worker.options = options;
	else
		MemoryContextDelete(cxt);
	return ok;
}

/* ----------------------------------------------------------------
 * Partitions
 * ----------------------------------------------------------------
 */

/* Ask the broker which partitions there are; false if it does not say. */
static bool
find_partitions(void)
{
	char		err[512];
	int			n = weir_client_partitions(worker.client, BROKER_TIMEOUT_MS, err, sizeof(err));

	if (n < 0)
	{
		const char *trouble = weir_client_poll(worker.client);

		/* Partitions that are being read go on by themselves. */
		if (worker.npartitions == 0)
			back_off(KAFKA_STATE_UNREACHABLE, trouble ? trouble : err);
		else
			weir_kafka_stat_state(worker.stat, KAFKA_STATE_UNREACHABLE, trouble ? trouble : err);
		return false;
	}
	worker.backoff_ms = 0;
	weir_kafka_stat_state(worker.stat, KAFKA_STATE_RUNNING, NULL);
	if (n <= worker.npartitions)
		return true;
	if (worker.partitions == NULL)
		worker.partitions = MemoryContextAlloc(worker.cxt, sizeof(Partition) * n);
	else
		worker.partitions = repalloc(worker.partitions, sizeof(Partition) * n);
	memset(worker.partitions + worker.npartitions, 0, sizeof(Partition) * (n - worker.npartitions));
	for (int p = worker.npartitions; p < n; p++)
	{
		worker.partitions[p].mine = p % worker.options->workers == worker.index;
		worker.partitions[p].position = KAFKA_OFFSET_UNKNOWN;
		worker.partitions[p].stat = worker.partitions[p].mine ?
			weir_kafka_stat_attach(worker.streamid, p) : -1;
	}
	worker.npartitions = n;
	worker.all_started = false;
	return true;
}

/* Lock a partition for this process; false while another one holds it. */
static bool
lock_partition(int p)
{
	Partition  *part = &worker.partitions[p];
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, worker.streamid, p, PARTITION_LOCK_CLASS);
	if (!part->locked)
		part->locked = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
	return part->locked;
}

/*
 * Start reading partitions of ours that are not read yet.  False: some could
 * not be, try again soon.
 *
 * A partition begins at its stored offset.  One without begins at its first
 * message, except when the stream as a whole has none and says startup
 * 'latest'; then the first worker makes the present ends of all partitions
 * durable before anybody reads.
 */
static bool
start_partitions(void)
{
	int64	   *offsets = palloc(sizeof(int64) * worker.npartitions);
	bool		stored,
				merged,
				ok = true;
	char		err[512];

	StartTransactionCommand();
	for (int p = 0; p < worker.npartitions; p++)
		if (worker.partitions[p].mine && !worker.partitions[p].started)
			ok = lock_partition(p) && ok;
	if (ok)
		weir_offsets_load(worker.streamid, worker.npartitions, offsets, &stored, &merged);
	commit();
	if (!ok)
		return false;
	if (worker.options->from_latest && !stored)
	{
		if (!merged && worker.index == 0)
			(void) resolve_latest(offsets);
		return false;
	}
	for (int p = 0; p < worker.npartitions; p++)
	{
		Partition  *part = &worker.partitions[p];
		bool		known = offsets[p] != KAFKA_OFFSET_UNKNOWN;

		if (!part->mine || part->started)
			continue;
		if (!weir_client_start(worker.client, p, known ? offsets[p] : KAFKA_OFFSET_BEGINNING,
							   err, sizeof(err)))
		{
			weir_kafka_stat_error(part->stat, 1, err);
			ok = false;
			continue;
		}
		part->started = true;
		part->position = known ? offsets[p] : KAFKA_OFFSET_UNKNOWN;
		weir_kafka_stat_progress(part->stat, part->position, 0, 0);
	}
	worker.all_started = ok;
	return ok;
}

/* Tell Kafka what the views hold, for its monitoring tools. */
static void
commit_to_group(void)
{
	int64	   *offsets = palloc(sizeof(int64) * worker.npartitions);
	int32	   *partitions = palloc(sizeof(int32) * worker.npartitions);
	int			n = 0;

	StartTransactionCommand();
	weir_offsets_load_stored(worker.streamid, worker.npartitions, offsets);
	commit();
	for (int p = 0; p < worker.npartitions; p++)
	{
		if (!worker.partitions[p].mine || offsets[p] == KAFKA_OFFSET_UNKNOWN)
			continue;
		partitions[n] = p;
		offsets[n++] = offsets[p];
	}
	if (n > 0)
		weir_client_commit(worker.client, n, partitions, offsets);
}

/* Merge the present end of every partition as its next offset. */
static bool
resolve_latest(int64 *offsets)
{
	WeirBatch  *batch;
	int64		low;

	for (int p = 0; p < worker.npartitions; p++)
		if (!weir_client_query_watermarks(worker.client, p, BROKER_TIMEOUT_MS, &low, &offsets[p]))
			return false;
	batch = weir_batch_create(weir_worker_self->cxt);
	batch->noffsets = worker.npartitions;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(KafkaOffset) * batch->noffsets);
	for (int p = 0; p < worker.npartitions; p++)
		batch->offsets[p] = (KafkaOffset) {worker.streamid, p, offsets[p]};
	weir_ingest_batch(batch, NULL, NULL);
	return true;
}

/*
 * The next offset of a partition is not on the broker: deleted by retention,
 * or the topic was made anew.  With on_error 'skip' go on at the first message
 * there is, and leave a dead letter about the gap; otherwise stop the stream.
 */
static void
jump_over_gap(int p)
{
	Partition  *part = &worker.partitions[p];
	int64		low,
				high;
	char	   *reason;
	char		err[512];
	WeirBatch  *batch;
	DeadLetter	dead = {0};

	if (!weir_client_query_watermarks(worker.client, p, BROKER_TIMEOUT_MS, &low, &high))
	{
		back_off(KAFKA_STATE_UNREACHABLE, NULL);
		return;
	}
	batch = weir_batch_create(weir_worker_self->cxt);
	reason = psprintf("offset " INT64_FORMAT " of partition %d of topic \"%s\" is not on the broker, which has " INT64_FORMAT " to " INT64_FORMAT,
					  part->position, p, worker.options->topic, low, high);
	if (worker.options->on_error != KAFKA_SKIP)
		worker.stop_reason = MemoryContextStrdup(worker.cxt, reason);
	else
	{
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("stream %s: %s", worker.options->name, reason),
				 errdetail("Reading goes on at offset " INT64_FORMAT ".", low)));
		dead.streamid = worker.streamid;
		dead.topic = worker.options->topic;
		dead.partition = p;
		dead.offset = part->position;
		dead.payload_len = -1;
		dead.sqlerrcode = ERRCODE_DATA_EXCEPTION;
		dead.message = reason;
		weir_batch_add_dead(batch, &dead);
		batch->noffsets = 1;
		batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(KafkaOffset));
		batch->offsets[0] = (KafkaOffset) {worker.streamid, p, low};
		weir_ingest_batch(batch, NULL, NULL);
		weir_client_stop(worker.client, p);
		part->gone = false;
		part->position = low;
		part->started = weir_client_start(worker.client, p, low, err, sizeof(err));
		worker.all_started = worker.all_started && part->started;
		weir_kafka_stat_error(part->stat, Max(low - dead.offset, 1), reason);
	}
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

	if (message->partition < 0 || message->partition >= worker.npartitions)
	{
		weir_kafka_stat_error(worker.stat, 1, message->payload);
		return;
	}
	part = &worker.partitions[message->partition];
	if (message->failure == KAFKA_OFFSET_GONE)
		part->gone = true;
	weir_kafka_stat_error(part->stat, 1, message->payload);
}

/* Take what librdkafka has, without failures and what was taken before. */
static void
fetch(void)
{
	int			n;

	if (worker.maxmessages != weir_batch_rows)
	{
		if (worker.messages)
			pfree(worker.messages);
		worker.messages = MemoryContextAllocHuge(worker.cxt, sizeof(KafkaMessage) * weir_batch_rows);
		worker.maxmessages = weir_batch_rows;
	}
	weir_client_fd_clear(worker.client);
	n = weir_client_fetch(worker.client, worker.messages, worker.maxmessages, (Size) weir_batch_kb * 1024);
	worker.fetched = n > 0;
	for (int i = 0; i < n; i++)
	{
		KafkaMessage *message = &worker.messages[i];

		if (message->failure != KAFKA_MESSAGE)
			note_failure(message);
		else if (message->partition < worker.npartitions &&
				 message->offset >= worker.partitions[message->partition].position)
			worker.messages[worker.nmessages++] = *message;
	}
	if (worker.nmessages == 0)
		weir_client_release(worker.client);
}

static void
decode(void)
{
	DecodeResult result;
	WeirBatch  *batch;
	int			n = 0;

	MemoryContextReset(worker.batch_cxt);
	weir_worker_report("decoding");
	weir_decode_messages(worker.options, worker.messages, worker.nmessages, worker.batch_cxt, &result);
	for (int p = 0; p < worker.npartitions; p++)
	{
		worker.partitions[p].messages = worker.partitions[p].bytes = 0;
		worker.partitions[p].next = KAFKA_OFFSET_UNKNOWN;
	}
	for (int i = 0; i < result.taken; i++)
	{
		KafkaMessage *message = &worker.messages[i];
		Partition  *part = &worker.partitions[message->partition];

		n += part->next == KAFKA_OFFSET_UNKNOWN;
		part->next = message->offset + 1;
		part->messages++;
		part->bytes += Max(message->payload_len, 0);
	}
	batch = result.batch;
	batch->offsets = MemoryContextAlloc(batch->cxt, sizeof(KafkaOffset) * Max(n, 1));
	for (int p = 0; p < worker.npartitions; p++)
		if (worker.partitions[p].next != KAFKA_OFFSET_UNKNOWN)
			batch->offsets[batch->noffsets++] = (KafkaOffset) {worker.streamid, p, worker.partitions[p].next};
	worker.decoded = result;
}

/* Merge the decoded batch; on error it stays to be tried again. */
static void
merge(void)
{
	DecodeResult *decoded = &worker.decoded;

	if (decoded->taken > 0)
		weir_ingest_batch(decoded->batch, NULL, NULL);

	/* From here on nothing errors: the batch counts. */
	for (int p = 0; p < worker.npartitions; p++)
	{
		Partition  *part = &worker.partitions[p];

		if (part->next == KAFKA_OFFSET_UNKNOWN)
			continue;
		part->position = part->next;
		weir_kafka_stat_progress(part->stat, part->position, part->messages, part->bytes);
		weir_kafka_stat_high_watermark(part->stat, weir_client_high_watermark(worker.client, p));
	}
	if (decoded->failed > 0)
		weir_kafka_stat_error(worker.stat, decoded->failed, decoded->last_error);
	if (decoded->stop_reason)
		worker.stop_reason = MemoryContextStrdup(worker.cxt, decoded->stop_reason);
	MemoryContextReset(worker.batch_cxt);
	memset(decoded, 0, sizeof(DecodeResult));
	worker.nmessages = 0;
	weir_client_release(worker.client);
}

/* Make the stop durable, then let the stream's other workers see it. */
static void
stop_stream(void)
{
	StartTransactionCommand();
	weir_kafka_set_stopped(worker.streamid, worker.stop_reason);
	commit();
	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("stream %s is stopped: %s", worker.options->name, worker.stop_reason),
			 errhint("Change the cause or the stream's option \"on_error\", then call weir.resume.")));
	weir_kafka_stat_state(worker.stat, KAFKA_STATE_STOPPED, worker.stop_reason);
	weir_kafka_stop_count_advance();
	worker.ended = true;
}

/* ----------------------------------------------------------------
 * Trouble and waiting
 * ----------------------------------------------------------------
 */

static void
back_off(KafkaState state, const char *reason)
{
	worker.backoff_ms = worker.backoff_ms == 0 ? BACKOFF_MIN_MS : Min(worker.backoff_ms * 2, BACKOFF_MAX_MS);
	worker.retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), worker.backoff_ms);
	worker.chores_at = Min(worker.chores_at, worker.retry_at);
	weir_kafka_stat_state(worker.stat, state, reason);
}

/* In PG_CATCH, before the skeleton takes the error: show it. */
static void
note_error(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(weir_worker_self->cxt);
	error = CopyErrorData();
	weir_kafka_stat_state(worker.stat, KAFKA_STATE_RETRYING, error->message);
	worker.in_trouble = true;
}

/* librdkafka's log lines into the server's log. */
static void
show_logs(void)
{
	char		line[256];
	int			level;

	while (worker.client && weir_client_next_log(worker.client, &level, line, sizeof(line)))
		ereport(level <= LOG_ERR ? LOG : DEBUG1,
				(errmsg("librdkafka, stream %s: %s", worker.options->name, line)));
}

/* How the connection is, and how far the broker's partitions go. */
static void
watch(void)
{
	const char *trouble = weir_client_poll(worker.client);

	if (trouble)
		weir_kafka_stat_state(worker.stat, KAFKA_STATE_UNREACHABLE, trouble);
	else if (worker.in_trouble && worker.backoff_ms == 0)
		weir_kafka_stat_state(worker.stat, KAFKA_STATE_RUNNING, NULL);
	worker.in_trouble = trouble != NULL;
	for (int p = 0; p < worker.npartitions; p++)
		if (worker.partitions[p].started)
			weir_kafka_stat_high_watermark(worker.partitions[p].stat,
										   weir_client_high_watermark(worker.client, p));
}

static long
ms_until(TimestampTz when)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), when);
}

/* Sleep until there is something to do: messages, the latch, a chore, the end of a backoff. */
static void
wait_for_work(void)
{
	static uint32 wait_event = 0;
	bool		listening = worker.client && worker.backoff_ms == 0;
	long		timeout = listening ? Min(ms_until(worker.chores_at), WATCH_MS) : ms_until(worker.retry_at);

	if (worker.client)
		watch();
	if (worker.fetched && listening)
		return;
	if (wait_event == 0)
		wait_event = weir_wait_event_new("WeirKafkaMessages");
	weir_worker_report(NULL);
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH |
							 (listening ? WL_SOCKET_READABLE : 0),
							 listening ? weir_client_fd(worker.client) : PGINVALID_SOCKET,
							 timeout, wait_event);
}
