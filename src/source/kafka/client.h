/*
 * client.h
 *	  A Kafka consumer of one topic, without consumer groups.
 *
 * client.c is the only file of Weir's that speaks to librdkafka at run time
 * (conf.c configures it); nothing of librdkafka's shows here.  Partitions are
 * started by hand, each at an offset that Weir stored itself: nobody
 * rebalances, commits or resets.  No function here errors, except for lack of
 * memory; failures are told by results and texts.
 */
#ifndef WEIR_SOURCE_KAFKA_CLIENT_H
#define WEIR_SOURCE_KAFKA_CLIENT_H

#include "postgres.h"

#include "meta/options.h"

typedef struct KafkaClient KafkaClient;

/*
 * Offsets that stand for a partition's first message, and for the one that is
 * to come.
 */
#define KAFKA_OFFSET_BEGINNING (-2)
#define KAFKA_OFFSET_END (-3)

typedef enum KafkaFailure
{
	KAFKA_MESSAGE,				/* none: it is a message */

	/* none: all messages are read, the next one is at this offset or behind */
	KAFKA_END,

	/* the offset asked for is not on the broker; the partition stands still */
	KAFKA_OFFSET_GONE,
	KAFKA_TOPIC_GONE,			/* the topic, or the partition, is not there */
	KAFKA_TROUBLE				/* librdkafka tries again by itself */
} KafkaFailure;

/*
 * A message, or what happened to a partition; valid until weir_client_release.
 */
typedef struct KafkaMessage
{
	KafkaFailure failure;
	int32		partition;
	int64		offset;
	int64		timestamp;		/* ms since 1970; -1: none */

	/*
	 * not NUL-terminated; NULL: tombstone; of a failure: its text,
	 * NUL-terminated
	 */
	const char *payload;
	const char *key;			/* NULL: none */
	int32		payload_len;
	int32		key_len;
	void	   *handle;
} KafkaMessage;

/*
 * NULL with the reason in err if librdkafka refuses the options.  Connects in
 * the background.
 */
extern KafkaClient *weir_client_open(const KafkaStreamOptions *options, char *err, size_t errlen);
extern void weir_client_close(KafkaClient *client);

/* Readable when there may be something to fetch; clear before fetching. */
extern int	weir_client_fd(KafkaClient *client);
extern void weir_client_fd_clear(KafkaClient *client);

/*
 * Serve events; returns what is wrong with the connection (all brokers down,
 * authentication failed, ...) since the last success, or NULL.
 */
extern const char *weir_client_poll(KafkaClient *client);

/*
 * Since the last call, and before what weir_client_fetch has given: were all
 * connections lost, or did a broker say that a partition is not there or not
 * its own?  What is behind that may be another topic.
 */
extern bool weir_client_shaken(KafkaClient *client);

/*
 * Take the oldest of librdkafka's log lines, with its syslog level; false:
 * none left.
 */
extern bool weir_client_next_log(KafkaClient *client, int *level, char *line, size_t len);

/*
 * Ask for the topic's number of partitions.  With the reason in err:
 * KAFKA_NO_TOPIC if the broker knows of no such topic, -1 for all else.  May
 * block for timeout_ms.
 */
#define KAFKA_NO_TOPIC (-2)
extern int	weir_client_partitions(KafkaClient *client, int timeout_ms, char *err, size_t errlen);

/*
 * Which cluster the brokers said they are, when they last answered
 * weir_client_partitions, and which topic it is; palloc'd.  NULL where they,
 * or librdkafka, do not tell.  The topic's may block for timeout_ms; false:
 * no answer.
 */
extern char *weir_client_cluster(KafkaClient *client);
extern bool weir_client_topic_id(KafkaClient *client, int timeout_ms, char **topic_id);

/* Start or stop reading a partition. */
extern bool weir_client_start(KafkaClient *client, int32 partition, int64 offset, char *err, size_t errlen);
extern void weir_client_stop(KafkaClient *client, int32 partition);

/*
 * Ask the brokers for offsets of partitions: KAFKA_OFFSET_BEGINNING,
 * KAFKA_OFFSET_END (what open transactions wrote is behind it), or of the
 * first message with that timestamp (ms since 1970) or a later one, which is
 * KAFKA_OFFSET_END when there is none.  Of all or none; may block for
 * timeout_ms.
 */
extern bool weir_client_query_offsets(KafkaClient *client, int n, const int32 *partitions, int64 which,
									  int timeout_ms, int64 *offsets);

/*
 * First and next-to-come offset: asked from the broker (may block), or as last
 * heard (-1: never).
 */
extern bool weir_client_query_watermarks(KafkaClient *client, int32 partition, int timeout_ms,
										 int64 *low, int64 *high);
extern int64 weir_client_high_watermark(KafkaClient *client, int32 partition);

/*
 * Take what has arrived, up to max messages and, a little overshot, max_bytes
 * of payload.  Never blocks.  They are kept until weir_client_release.
 */
extern int	weir_client_fetch(KafkaClient *client, KafkaMessage *out, int max, Size max_bytes);
extern void weir_client_release(KafkaClient *client);

/*
 * Bytes that messages take which are not released or not fetched yet, about,
 * and when no more of the latter are asked for.
 */
extern void weir_client_memory(KafkaClient *client, Size *used, Size *limit);

/* The n-th header of a message, from 0; false: there are not that many. */
extern bool weir_client_header(const KafkaMessage *message, int n, const char **name,
							   const char **value, size_t *value_len);

/*
 * Tell Kafka an offset of the group, for its monitoring tools; nothing waits
 * for it.
 */
extern void weir_client_commit(KafkaClient *client, int n, const int32 *partitions, const int64 *offsets);

#endif
