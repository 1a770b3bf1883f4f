/*
 * state.h
 *	  The state of a Kafka worker, and what all its parts do with it.
 */
#ifndef WEIR_SOURCE_KAFKA_STATE_H
#define WEIR_SOURCE_KAFKA_STATE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "meta/options.h"
#include "source/kafka/client.h"
#include "source/kafka/decode.h"
#include "source/kafka/stat.h"
#include "source/offsets.h"

#define BROKER_TIMEOUT_MS 1000	/* of questions that block */

/* Why a partition is not read on. */
typedef enum PartitionTrouble
{
	TROUBLE_NONE,

	/* its next offset is not on the broker any more */
	TROUBLE_GONE,

	/* the offset is of another topic, which had the name before */
	TROUBLE_OTHER_TOPIC,
	TROUBLE_OTHER_CLUSTER
} PartitionTrouble;

typedef struct Partition
{
	bool		mine;
	bool		started;

	/* the last message read is to be seen and compared first */
	bool		checking;
	PartitionTrouble trouble;
	char	   *reason;			/* of the trouble */

	/* next offset to take; SOURCE_OFFSET_UNKNOWN before the first */
	int64		position;
	SourceMark	last;			/* the last message taken */
	TimestampTz resumed;		/* the weir.resume that it has obeyed */

	/* stored: nobody read on; passed over when reading began */
	TimestampTz unread_since;

	/* more is known of the position than is stored */
	bool		unsaved;

	/*
	 * all messages before this offset have come; SOURCE_OFFSET_UNKNOWN: there
	 * may be more
	 */
	int64		end;

	/*
	 * the end, when last found to be the broker's; SOURCE_OFFSET_UNKNOWN: or
	 * connection was lost since
	 */
	int64		caught_up;

	/* when it last gave messages, or was looked at (weir_clock_steady) */
	TimestampTz heard;

	/* how long it may be silent until it is looked at */
	int			patience_ms;
	KafkaStat  *stat;
	/* of the batch at hand */
	int64		messages;
	int64		bytes;
	int64		next;			/* SOURCE_OFFSET_UNKNOWN: nothing of it */
	SourceMark	next_last;
} Partition;

typedef struct KafkaWorker
{
	Oid			streamid;
	int			index;
	MemoryContext cxt;
	MemoryContext batch_cxt;	/* child of cxt */
	KafkaStreamOptions *options;
	KafkaClient *client;
	KafkaStat  *stat;
	int			npartitions;
	Partition  *partitions;
	bool		all_started;

	/* as the brokers say it, since partitions are known; NULL: they do not */
	char	   *cluster;
	char	   *topic_id;

	/* the topic was not there; until all partitions are read again */
	bool		absent;
	bool		unsure;			/* it may be another one now: begin anew */

	/* see weir_client_shaken: partitions are to be checked */
	bool		shaken;
	TimestampTz check_at;		/* not before */
	SourceResume resume;			/* what weir.resume said last, and when */
	TimestampTz resumed;

	/* of the stream's event time, in microseconds; 0: none */
	int64		idle_timeout;

	/* when it is time to see which partitions may be idle */
	TimestampTz idle_at;

	/* when ends that were reached are to be stored; 0: none */
	TimestampTz save_at;

	KafkaMessage *messages;		/* fetched, not merged yet */
	int			nmessages;
	int			maxmessages;
	bool		fetched;		/* something, so there may be more */
	DecodeResult decoded;		/* of messages; batch NULL: not decoded yet */
	bool		merged;			/* what was decoded is merged */
	char	   *stop_reason;	/* stop once the batch at hand is merged */
	bool		stop_lost;		/* because of a lost offset */

	bool		ended;
	bool		in_trouble;		/* as last shown */
	int			backoff_ms;		/* 0: the broker answered last time */
	TimestampTz retry_at;		/* weir_clock_steady, */
	TimestampTz chores_at;		/* as well */
	uint32		stop_count;		/* weir_kafka_stop_count when last looked */
} KafkaWorker;

/* This process. */
extern KafkaWorker *const weir_kafka_self;

/* What is stored when a partition has come to offset next. */
extern SourceOffset weir_partition_offset(int p, int64 next, const SourceMark *last);

/* Store what is known of a partition's position, soon. */
extern void weir_partition_save(Partition *part);

/* Stop the stream: an offset is lost, and nobody has said where to go on. */
extern void weir_kafka_stop_lost(const char *reason);

/*
 * Try again later; end a transaction, with the step's memory context current
 * again.
 */
extern void weir_kafka_back_off(KafkaState state, const char *reason);
extern void weir_kafka_commit(void);

#endif
