/*
 * stat.h
 *	  What Kafka workers show of themselves, in shared memory.
 */
#ifndef WEIR_SOURCE_KAFKA_STAT_H
#define WEIR_SOURCE_KAFKA_STAT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "base/shmem.h"
#include "base/stat_table.h"

typedef enum KafkaState
{
	KAFKA_STATE_IDLE,			/* no worker */
	KAFKA_STATE_STARTING,		/* not read yet */
	KAFKA_STATE_RUNNING,
	KAFKA_STATE_UNREACHABLE,	/* no broker or no access; trying again */

	/* the broker has none of this name; asking again */
	KAFKA_STATE_NO_TOPIC,

	/* the database would not take a batch; trying again */
	KAFKA_STATE_RETRYING,
	KAFKA_STATE_STOPPED			/* weir.source_stopped says why */
} KafkaState;

/* Partition of a worker's own entry, which tells of its connection. */
#define KAFKA_STAT_WORKER(index) (-1 - (index))

extern const WeirShmemStruct weir_kafka_stat_shmem;

#define KAFKA_ERROR_LENGTH 200

/*
 * What is shown of a partition, or of a worker; changed by the functions
 * below.
 */
typedef struct KafkaStat
{
	/* its subid is the partition, or KAFKA_STAT_WORKER(index) */
	StatEntry	entry;
	int			pid;			/* 0: no worker */
	KafkaState	state;

	/* the worker is not reading since then; 0: it is */
	TimestampTz away_since;
	int64		position;		/* next offset to read; -1: unknown */
	int64		high;			/* high watermark; -1: unknown */
	int64		messages;
	int64		bytes;
	int64		errors;

	/* of a worker: what messages that it has fetched take, about */
	Size		memory;
	Size		memory_limit;
	TimestampTz error_time;		/* 0: none */
	char		error[KAFKA_ERROR_LENGTH];	/* may quote messages */
} KafkaStat;

/*
 * Entry of a partition of a stream of this database, attached to this process;
 * NULL, with a warning, when there is no room, which the functions below
 * ignore.
 */
extern KafkaStat *weir_kafka_stat_attach(Oid streamid, int32 partition);

/*
 * Attach the entries that partitions of a worker have from its predecessors.
 */
extern void weir_kafka_stat_inherit(Oid streamid, int index, int workers);
extern void weir_kafka_stat_detach(void);	/* all of this process */

/* error NULL leaves the last one. */
extern void weir_kafka_stat_state(KafkaStat *stat, KafkaState state, const char *error);
extern void weir_kafka_stat_error(KafkaStat *stat, int64 count, const char *error);
extern void weir_kafka_stat_progress(KafkaStat *stat, int64 position, int64 messages, int64 bytes);
extern void weir_kafka_stat_high_watermark(KafkaStat *stat, int64 high);

extern void weir_kafka_stat_memory(KafkaStat *stat, Size used, Size limit);

/* Copies of what this database has, of KafkaStat. */
extern List *weir_kafka_stat_list(void);

/* Memory of messages in Kafka workers of all databases. */
extern void weir_kafka_memory(Size *limit, Size *used, Size *peak);
extern const char *weir_kafka_state_name(KafkaState state);

/* Zero the counters of this database. */
extern void weir_kafka_stat_reset(void);

/*
 * Changes whenever a stream of any database is stopped, so that its other
 * workers look into weir.source_stopped.
 */
extern uint32 weir_kafka_stop_count(void);
extern void weir_kafka_stop_count_advance(void);

#endif
