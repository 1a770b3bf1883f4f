/*
 * client.c
 *	  A Kafka consumer of one topic, without consumer groups.
 *
 * librdkafka's simple consumer: rd_kafka_consume_start_queue puts each
 * partition, from an offset given, into one queue, which is read in batches.
 * A pipe that librdkafka writes to when the queue stops being empty lets the
 * worker wait for messages and for its latch at once.
 *
 * Called by Kafka workers, from their only thread.  librdkafka's threads run
 * besides: all signals are blocked in them, so that PostgreSQL's handlers
 * never run there, and of our code only log_callback does.
 *
 * Locking: log_mutex guards the ring of log lines, which librdkafka's threads
 * fill and the worker empties.  Memory: librdkafka's own (malloc).  All
 * partitions share one queue, so that what the queue properties below say is
 * of the whole client: no broker is asked for more while the queue is full.
 * What was asked for comes on top of it: one answer of each broker, which
 * fetch.max.bytes bounds before it is decompressed.  Failure: a process that
 * ends must close the client first, in an exit callback, because librdkafka's
 * threads must not outlive main's exit handlers.
 */
#include "postgres.h"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <syslog.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "source/kafka/client.h"
#include "source/kafka/conf.h"
#include "stream/batch.h"

#define LOG_LINES 32
#define LOG_LENGTH 256
/*
 * The only thing by which librdkafka lets its user know that a broker refused
 * to read a partition: its debug line about that, of context "topic".
 */
#define UNAVAILABLE_LINE "BROKERUA"

#define FETCH_CHUNK 1000		/* messages between looks at their size */

typedef struct LogLine
{
	int			level;
	char		text[LOG_LENGTH];
} LogLine;

struct KafkaClient
{
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	int			pipe[2];
	rd_kafka_message_t **held;	/* fetched and not released */
	int			nheld;
	int			maxheld;
	Size		held_bytes;
	Size		mean_bytes;		/* of a message, when last fetched */
	Size		max_memory;
	int32		broker;			/* that told of the topic last */
	bool		in_trouble;

	/* all connections were lost, since somebody asked */
	bool		shaken;

	/* the user wants to see librdkafka's debug lines */
	bool		debug;
	char		trouble[LOG_LENGTH];
	pthread_mutex_t log_mutex;
	bool		unavailable;	/* a partition was, since somebody asked */
	int			log_first;
	int			log_count;
	LogLine		log[LOG_LINES];
};

static bool create_handle(KafkaClient *client, rd_kafka_conf_t *conf, const char *topic,
						  char *err, size_t errlen);
static void log_callback(const rd_kafka_t *rk, int level, const char *facility, const char *text);
static void error_callback(rd_kafka_t *rk, int code, const char *reason, void *opaque);

/* ----------------------------------------------------------------
 * Opening and closing
 * ----------------------------------------------------------------
 */

KafkaClient *
weir_client_open(const KafkaStreamOptions *options, char *err, size_t errlen)
{
	KafkaClient *client;
	rd_kafka_conf_t *conf;

	client = MemoryContextAllocZero(TopMemoryContext, sizeof(KafkaClient));
	pthread_mutex_init(&client->log_mutex, NULL);
	if (pipe2(client->pipe, O_NONBLOCK | O_CLOEXEC) != 0)
	{
		snprintf(err, errlen, "could not create pipe: %s", strerror(errno));
		pfree(client);
		return NULL;
	}
	conf = weir_conf_make(options, &client->debug, err, errlen);
	if (conf == NULL || !create_handle(client, conf, options->topic, err, errlen))
	{
		weir_client_close(client);
		return NULL;
	}
	return client;
}

/* Start librdkafka, with signals blocked in its threads; takes conf over. */
static bool
create_handle(KafkaClient *client, rd_kafka_conf_t *conf, const char *topic, char *err, size_t errlen)
{
	sigset_t	all,
				before;

	client->max_memory = weir_conf_max_memory(conf);
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, log_callback);
	rd_kafka_conf_set_error_cb(conf, error_callback);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	client->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, errlen);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (client->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		return false;
	}
	client->topic = rd_kafka_topic_new(client->rk, topic, NULL);
	if (client->topic == NULL)
	{
		snprintf(err, errlen, "%s", rd_kafka_err2str(rd_kafka_last_error()));
		return false;
	}
	client->queue = rd_kafka_queue_new(client->rk);
	rd_kafka_queue_io_event_enable(client->queue, client->pipe[1], "", 1);
	return true;
}

void
weir_client_close(KafkaClient *client)
{
	if (client == NULL)
		return;
	weir_client_release(client);
	if (client->queue)
	{
		rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(client->queue);
	}
	if (client->topic)
		rd_kafka_topic_destroy(client->topic);
	if (client->rk)
		rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	close(client->pipe[0]);
	close(client->pipe[1]);
	pthread_mutex_destroy(&client->log_mutex);
	if (client->held)
		pfree(client->held);
	pfree(client);
}

/* ----------------------------------------------------------------
 * Events and logs
 * ----------------------------------------------------------------
 */

/* Runs on librdkafka's threads: no PostgreSQL function may be called. */
static void
log_callback(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	KafkaClient *client = rd_kafka_opaque(rk);
	LogLine    *line;

	pthread_mutex_lock(&client->log_mutex);
	if (strcmp(facility, UNAVAILABLE_LINE) == 0)
		client->unavailable = true;
	if ((level < LOG_DEBUG || client->debug) && client->log_count < LOG_LINES)
	{
		/*
		 * When the ring is full the newest lines are lost: the first ones tell
		 * the cause.
		 */
		line = &client->log[(client->log_first + client->log_count++) % LOG_LINES];
		line->level = level;
		/* strlcpy and memcpy only: this is another thread. */
		strlcpy(line->text, facility, LOG_LENGTH);
		strlcat(line->text, ": ", LOG_LENGTH);
		strlcat(line->text, text, LOG_LENGTH);
	}
	pthread_mutex_unlock(&client->log_mutex);
}

/*
 * Runs within rd_kafka_poll, in the worker's thread, but must not jump out of
 * it.
 */
static void
error_callback(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	KafkaClient *client = opaque;

	client->in_trouble = true;
	client->shaken |= code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	snprintf(client->trouble, sizeof(client->trouble), "%s: %s",
			 rd_kafka_err2str((rd_kafka_resp_err_t) code), reason);
}

const char *
weir_client_poll(KafkaClient *client)
{
	rd_kafka_poll(client->rk, 0);
	return client->in_trouble ? client->trouble : NULL;
}

bool
weir_client_shaken(KafkaClient *client)
{
	bool		shaken;

	rd_kafka_poll(client->rk, 0);
	pthread_mutex_lock(&client->log_mutex);
	shaken = client->shaken || client->unavailable;
	client->unavailable = false;
	pthread_mutex_unlock(&client->log_mutex);
	client->shaken = false;
	return shaken;
}

bool
weir_client_next_log(KafkaClient *client, int *level, char *text, size_t len)
{
	bool		found = false;

	pthread_mutex_lock(&client->log_mutex);
	if (client->log_count > 0)
	{
		LogLine    *line = &client->log[client->log_first];

		*level = line->level;
		strlcpy(text, line->text, len);
		client->log_first = (client->log_first + 1) % LOG_LINES;
		client->log_count--;
		found = true;
	}
	pthread_mutex_unlock(&client->log_mutex);
	return found;
}

/* ----------------------------------------------------------------
 * Partitions
 * ----------------------------------------------------------------
 */

int
weir_client_partitions(KafkaClient *client, int timeout_ms, char *err, size_t errlen)
{
	const rd_kafka_metadata_t *md;
	rd_kafka_resp_err_t code;
	int			n;

	code = rd_kafka_metadata(client->rk, 0, client->topic, &md, timeout_ms);
	if (code)
	{
		snprintf(err, errlen, "%s", rd_kafka_err2str(code));
		return -1;
	}
	client->broker = md->orig_broker_id >= 0 || md->broker_cnt == 0 ? md->orig_broker_id : md->brokers[0].id;
	code = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	n = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? KAFKA_NO_TOPIC :
		code ? -1 : md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	client->in_trouble = false;
	if (n == KAFKA_NO_TOPIC)
		snprintf(err, errlen, "topic \"%s\" does not exist", rd_kafka_topic_name(client->topic));
	else if (code)
		snprintf(err, errlen, "topic \"%s\": %s", rd_kafka_topic_name(client->topic), rd_kafka_err2str(code));
	return n;
}

char *
weir_client_cluster(KafkaClient *client)
{
	char	   *id = rd_kafka_clusterid(client->rk, 0);
	char	   *result = id ? pnstrdup(id, SOURCE_NAME_LENGTH - 1) : NULL;

	if (id)
		rd_kafka_mem_free(client->rk, id);
	return result;
}

#if RD_KAFKA_VERSION >= 0x020300ff

/*
 * Of the answer to a DescribeTopics; false when it has none.  Brokers that do
 * not know the question, or whom it may ask, have no ids.
 */
static bool
described_topic_id(rd_kafka_event_t *event, char **topic_id)
{
	const rd_kafka_TopicDescription_t **topics;
	const rd_kafka_Uuid_t *id;
	size_t		n;

	switch (rd_kafka_event_error(event))
	{
		case RD_KAFKA_RESP_ERR_NO_ERROR:
			break;
		case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
			return true;
		default:
			return false;
	}
	topics = rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &n);
	if (n != 1 || rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0])))
		return false;
	id = rd_kafka_TopicDescription_topic_id(topics[0]);

	/* All zero: the broker gives none. */
	if (id && (rd_kafka_Uuid_most_significant_bits(id) != 0 || rd_kafka_Uuid_least_significant_bits(id) != 0))
		*topic_id = pstrdup(rd_kafka_Uuid_base64str(id));
	return true;
}

bool
weir_client_topic_id(KafkaClient *client, int timeout_ms, char **topic_id)
{
	const char *name = rd_kafka_topic_name(client->topic);
	rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&name, 1);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client->rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	rd_kafka_event_t *event;
	bool		ok;

	*topic_id = NULL;
	/*
	 * By itself it would wait for the controller, which consumers need not be
	 * able to reach.
	 */
	(void) rd_kafka_AdminOptions_set_broker(options, client->broker, NULL, 0);
	(void) rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
	rd_kafka_DescribeTopics(client->rk, topics, options, queue);
	event = rd_kafka_queue_poll(queue, timeout_ms);
	ok = event && described_topic_id(event, topic_id);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_TopicCollection_destroy(topics);
	return ok;
}

#else

bool
weir_client_topic_id(KafkaClient *client, int timeout_ms, char **topic_id)
{
	*topic_id = NULL;
	return true;
}

#endif

bool
weir_client_start(KafkaClient *client, int32 partition, int64 offset, char *err, size_t errlen)
{
	if (rd_kafka_consume_start_queue(client->topic, partition,
									 offset == KAFKA_OFFSET_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offset,
									 client->queue) == 0)
		return true;
	snprintf(err, errlen, "%s", rd_kafka_err2str(rd_kafka_last_error()));
	return false;
}

void
weir_client_stop(KafkaClient *client, int32 partition)
{
	rd_kafka_consume_stop(client->topic, partition);
}

/*
 * Not rd_kafka_query_watermark_offsets: before librdkafka 2.3 it waits until a
 * broker that went away is back, whatever the timeout (its issue 2588).
 */
bool
weir_client_query_offsets(KafkaClient *client, int n, const int32 *partitions, int64 which,
						  int timeout_ms, int64 *offsets)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
	bool		ok;

	for (int i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(client->topic), partitions[i])->offset =
			which == KAFKA_OFFSET_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING :
			which == KAFKA_OFFSET_END ? RD_KAFKA_OFFSET_END : which;
	ok = rd_kafka_offsets_for_times(client->rk, list, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int i = 0; ok && i < n; i++)
	{
		offsets[i] = list->elems[i].offset;
		ok = list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
			(offsets[i] >= 0 || (which >= 0 && offsets[i] == RD_KAFKA_OFFSET_END));
		if (offsets[i] == RD_KAFKA_OFFSET_END)
			offsets[i] = KAFKA_OFFSET_END;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return ok;
}

bool
weir_client_query_watermarks(KafkaClient *client, int32 partition, int timeout_ms, int64 *low, int64 *high)
{
	return weir_client_query_offsets(client, 1, &partition, KAFKA_OFFSET_BEGINNING, timeout_ms, low) &&
		weir_client_query_offsets(client, 1, &partition, KAFKA_OFFSET_END, timeout_ms, high);
}

int64
weir_client_high_watermark(KafkaClient *client, int32 partition)
{
	int64_t		low,
				high;

	if (rd_kafka_get_watermark_offsets(client->rk, rd_kafka_topic_name(client->topic), partition,
									   &low, &high))
		return -1;
	return high < 0 ? -1 : high;
}

/* ----------------------------------------------------------------
 * Messages
 * ----------------------------------------------------------------
 */

int
weir_client_fd(KafkaClient *client)
{
	return client->pipe[0];
}

void
weir_client_fd_clear(KafkaClient *client)
{
	char		buf[64];

	while (read(client->pipe[0], buf, sizeof(buf)) > 0)
		;
}

static void
describe(rd_kafka_message_t *from, KafkaMessage *to)
{
	rd_kafka_timestamp_type_t type;

	to->failure = from->err == RD_KAFKA_RESP_ERR_NO_ERROR ? KAFKA_MESSAGE :
		from->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? KAFKA_END :
		from->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
		from->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ? KAFKA_OFFSET_GONE :
		from->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		from->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		from->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ? KAFKA_TOPIC_GONE : KAFKA_TROUBLE;
	to->partition = from->partition;
	to->offset = from->offset;
	to->handle = from;
	if (to->failure != KAFKA_MESSAGE)
	{
		to->payload = rd_kafka_message_errstr(from);
		to->payload_len = strlen(to->payload);
		to->key = NULL;
		return;
	}
	to->payload = from->payload;
	to->payload_len = from->payload ? (int32) from->len : -1;
	to->key = from->key;
	to->key_len = (int32) from->key_len;
	to->timestamp = rd_kafka_message_timestamp(from, &type);
}

int
weir_client_fetch(KafkaClient *client, KafkaMessage *out, int max, Size max_bytes)
{
	int			n = 0;
	Size		bytes = 0;

	Assert(client->nheld == 0);
	if (client->maxheld < max)
	{
		if (client->held)
			pfree(client->held);
		client->held = NULL;
		client->maxheld = 0;
		client->held = MemoryContextAlloc(TopMemoryContext, sizeof(rd_kafka_message_t *) * max);
		client->maxheld = max;
	}
	client->held_bytes = 0;
	while (n < max && bytes < max_bytes)
	{
		ssize_t		got = rd_kafka_consume_batch_queue(client->queue, 0, client->held + n,
													   Min(max - n, FETCH_CHUNK));

		if (got <= 0)
			break;
		client->nheld += got;
		for (; got > 0; got--, n++)
		{
			describe(client->held[n], &out[n]);
			bytes += Max(out[n].payload_len, 0) + sizeof(KafkaMessage);
			client->held_bytes += Max(out[n].payload_len, 0) + KAFKA_MESSAGE_OVERHEAD;
			if (out[n].failure == KAFKA_MESSAGE)
				client->in_trouble = false;
		}
	}
	if (n > 0)
		client->mean_bytes = client->held_bytes / n;
	return n;
}

void
weir_client_release(KafkaClient *client)
{
	for (int i = 0; i < client->nheld; i++)
		rd_kafka_message_destroy(client->held[i]);
	client->nheld = 0;
	client->held_bytes = 0;
}

/* librdkafka tells how many messages there are, but not how large. */
void
weir_client_memory(KafkaClient *client, Size *used, Size *limit)
{
	*used = client->held_bytes +
		rd_kafka_queue_length(client->queue) * Max(client->mean_bytes, KAFKA_MESSAGE_OVERHEAD);
	*limit = client->max_memory;
}

bool
weir_client_header(const KafkaMessage *message, int n, const char **name,
				   const char **value, size_t *value_len)
{
	rd_kafka_headers_t *headers;
	const void *bytes;

	if (rd_kafka_message_headers(message->handle, &headers) ||
		rd_kafka_header_get_all(headers, n, name, &bytes, value_len))
		return false;
	*value = bytes;
	return true;
}

void
weir_client_commit(KafkaClient *client, int n, const int32 *partitions, const int64 *offsets)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);

	for (int i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(client->topic),
										  partitions[i])->offset = offsets[i];
	(void) rd_kafka_commit(client->rk, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}
