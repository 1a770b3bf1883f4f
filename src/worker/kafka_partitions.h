/*
 * kafka_partitions.h
 *	  The state of a Kafka worker, and the partitions that it reads.
 *
 * Shared by kafka.c and kafka_partitions.c only.
 */
#ifndef WEIR_KAFKA_PARTITIONS_H
#define WEIR_KAFKA_PARTITIONS_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "catalog/options.h"
#include "kafka/client.h"
#include "kafka/decode.h"
#include "kafka/stat.h"

typedef struct Partition
{
	bool		mine;
	bool		locked;
	bool		started;
	bool		gone;			/* its next offset is not on the broker any more */
	int64		position;		/* next offset to take; KAFKA_OFFSET_UNKNOWN before the first */
	int64		end;			/* all messages before this offset have come; KAFKA_OFFSET_UNKNOWN: there may be more */
	int64		caught_up;		/* the end when the broker last said that it is the end */
	TimestampTz heard;			/* when it last gave messages, or was looked at (weir_clock_steady) */
	int			patience_ms;	/* how long it may be silent until it is looked at */
	KafkaStat  *stat;
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
	KafkaStat  *stat;
	int			npartitions;
	Partition  *partitions;
	bool		all_started;
	int64		idle_timeout;	/* of the stream's event time, in microseconds; 0: none */
	TimestampTz idle_at;		/* when it is time to see which partitions may be idle */
	TimestampTz save_at;		/* when ends that were reached are to be stored; 0: none */

	KafkaMessage *messages;		/* fetched, not merged yet */
	int			nmessages;
	int			maxmessages;
	bool		fetched;		/* something, so there may be more */
	DecodeResult decoded;		/* of messages; batch NULL: not decoded yet */
	bool		merged;			/* what was decoded is merged */
	char	   *stop_reason;	/* stop once the batch at hand is merged */

	bool		ended;
	bool		in_trouble;		/* as last shown */
	int			backoff_ms;		/* 0: the broker answered last time */
	TimestampTz retry_at;		/* weir_clock_steady, */
	TimestampTz chores_at;		/* as well */
	uint32		stop_count;		/* weir_kafka_stop_count when last looked */
} KafkaWorker;


extern KafkaWorker *const weir_kafka_self;

/* Ask the broker which partitions there are; false if it does not say. */
extern bool weir_partitions_find(void);

/* Start reading partitions of ours that are not read yet.  False: some could not be, try again soon. */
extern bool weir_partitions_start(void);

/* Messages of this partition arrived. */
extern void weir_partition_heard(Partition *part);

/*
 * Look at partitions that have been silent for long: where the broker has
 * messages that librdkafka does not bring, read anew.  Returns soon.
 */
extern void weir_partitions_look_at_silent(void);

/*
 * Partitions of which all is read, as the broker says now, may be idle for the
 * stream's watermark.  Asks seldom enough.
 */
extern void weir_partitions_look_at_idle(void);

/* Tell Kafka what the views hold, for its monitoring tools. */
extern void weir_partitions_commit_to_group(void);

/*
 * The next offset of a partition is not on the broker: deleted by retention,
 * or the topic was made anew.  With on_error 'skip' go on at the first message
 * there is, and leave a dead letter about the gap; otherwise ask for a stop.
 * When the broker has the offset after all, it is asked for again.
 */
extern void weir_partitions_jump_over_gap(int p);

/* In kafka.c: try again later; end a transaction, with the step's memory context current again. */
extern void weir_kafka_back_off(KafkaState state, const char *reason);
extern void weir_kafka_commit(void);

#endif
