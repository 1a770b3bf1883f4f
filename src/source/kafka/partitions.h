/*
 * partitions.h
 *	  The state of a Kafka worker, and the partitions that it reads.
 *
 * Shared by kafka.c, kafka_partitions.c and kafka_begin.c only.
 */
#ifndef WEIR_SOURCE_KAFKA_PARTITIONS_H
#define WEIR_SOURCE_KAFKA_PARTITIONS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "meta/options.h"
#include "source/kafka/client.h"
#include "source/kafka/decode.h"
#include "source/kafka/offsets.h"
#include "source/kafka/stat.h"

#define BROKER_TIMEOUT_MS 1000	/* of questions that block */

/* Why a partition is not read on. */
typedef enum PartitionTrouble
{
	TROUBLE_NONE,
	TROUBLE_GONE,				/* its next offset is not on the broker any more */
	TROUBLE_OTHER_TOPIC,		/* the offset is of another topic, which had the name before */
	TROUBLE_OTHER_CLUSTER
} PartitionTrouble;

typedef struct Partition
{
	bool		mine;
	bool		started;
	bool		checking;		/* the last message read is to be seen and compared first */
	PartitionTrouble trouble;
	char	   *reason;			/* of the trouble */
	int64		position;		/* next offset to take; KAFKA_OFFSET_UNKNOWN before the first */
	KafkaMark	last;			/* the last message taken */
	TimestampTz resumed;		/* the weir.resume that it has obeyed */
	TimestampTz unread_since;	/* stored: nobody read on; passed over when reading began */
	bool		unsaved;		/* more is known of the position than is stored */
	int64		end;			/* all messages before this offset have come; KAFKA_OFFSET_UNKNOWN: there may be more */
	int64		caught_up;		/* the end, when last found to be the broker's; KAFKA_OFFSET_UNKNOWN: or connection was lost since */
	TimestampTz heard;			/* when it last gave messages, or was looked at (weir_clock_steady) */
	int			patience_ms;	/* how long it may be silent until it is looked at */
	KafkaStat  *stat;
	/* of the batch at hand */
	int64		messages;
	int64		bytes;
	int64		next;			/* KAFKA_OFFSET_UNKNOWN: nothing of it */
	KafkaMark	next_last;
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
	char	   *cluster;		/* as the brokers say it, since partitions are known; NULL: they do not */
	char	   *topic_id;
	bool		absent;			/* the topic was not there; until all partitions are read again */
	bool		unsure;			/* it may be another one now: begin anew */
	bool		shaken;			/* see weir_client_shaken: partitions are to be checked */
	TimestampTz check_at;		/* not before */
	KafkaResume resume;			/* what weir.resume said last, and when */
	TimestampTz resumed;
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
	bool		stop_lost;		/* because of a lost offset */

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

/*
 * Ask whether the cluster and the topic are those of the time when reading began, as far as they have ids; if not
 * it begins anew.  False then, or if the broker does not say.
 */
extern bool weir_partitions_identify(void);

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

/* (Re)start reading at its position; check: see first that the last message is the one that was read. */
extern bool weir_partition_restart(int p, bool check);

/* Restart what is read, with a check, unless that was done a moment ago; then later. */
extern void weir_partitions_check(void);

/* --- kafka_begin.c --- */

/*
 * Find where the partitions begin that are ours and not read yet.  False: try again soon.  One that is in trouble
 * is not to be started; see weir_partition_mend.
 */
extern bool weir_partitions_begin(void);

/* What is stored when a partition has come to offset next. */
extern KafkaOffset weir_partition_offset(int p, int64 next, const KafkaMark *last);

/* A message has come: is it to be taken?  And that there are no more. */
extern bool weir_partition_takes(const KafkaMessage *message);
extern void weir_partition_ends(const KafkaMessage *message);
extern KafkaMark weir_message_mark(const KafkaMessage *message);

/*
 * A partition is in trouble: go on where weir.resume said, or with on_error 'skip' at the first message there
 * is, with a dead letter about what is missed; otherwise ask for a stop.
 * When the broker has the offset after all, it is asked for again.
 */
extern void weir_partition_mend(int p);

/* --- kafka.c --- */

/* Store what is known of a partition's position, soon. */
extern void weir_partition_save(Partition *part);

/* Stop the stream: an offset is lost, and nobody has said where to go on. */
extern void weir_kafka_stop_lost(const char *reason);

/* Try again later; end a transaction, with the step's memory context current again. */
extern void weir_kafka_back_off(KafkaState state, const char *reason);
extern void weir_kafka_commit(void);

#endif
