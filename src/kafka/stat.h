/*
 * stat.h
 *	  What Kafka workers show of themselves, in shared memory.
 */
#ifndef WEIR_KAFKA_STAT_H
#define WEIR_KAFKA_STAT_H

#include "postgres.h"
#include "base/shmem.h"
#include "datatype/timestamp.h"

typedef enum KafkaState
{
	KAFKA_STATE_IDLE,			/* no worker */
	KAFKA_STATE_STARTING,		/* not read yet */
	KAFKA_STATE_RUNNING,
	KAFKA_STATE_UNREACHABLE,	/* no broker, no topic or no access; trying again */
	KAFKA_STATE_RETRYING,		/* the database would not take a batch; trying again */
	KAFKA_STATE_STOPPED			/* weir.kafka_stopped says why */
} KafkaState;

/* Partition of a worker's own entry, which tells of its connection. */
#define KAFKA_STAT_WORKER(index) (-1 - (index))

extern const WeirShmemPart weir_kafka_stat_part;

/*
 * Entry of a partition of a stream of this database, attached to this process;
 * -1 when all are taken, which the functions below ignore.
 */
extern int	weir_kafka_stat_attach(Oid streamid, int32 partition);
extern void weir_kafka_stat_detach(void);	/* all of this process */

/* error NULL leaves the last one. */
extern void weir_kafka_stat_state(int entry, KafkaState state, const char *error);
extern void weir_kafka_stat_error(int entry, int64 count, const char *error);
extern void weir_kafka_stat_progress(int entry, int64 position, int64 messages, int64 bytes);
extern void weir_kafka_stat_high_watermark(int entry, int64 high);

/* What an entry says; the error may quote messages. */
typedef struct KafkaStatus
{
	Oid			streamid;
	int32		partition;		/* or KAFKA_STAT_WORKER(index) */
	KafkaState	state;
	TimestampTz away_since;		/* the worker is not reading since then; 0: it is */
	TimestampTz error_time;		/* 0: none */
	char		error[200];
} KafkaStatus;

/* Copies the nth entry that this database has; false if there are not so many. */
extern bool weir_kafka_stat_get(int n, KafkaStatus *status);
extern const char *weir_kafka_state_name(KafkaState state);

/* Zero the counters of this database. */
extern void weir_kafka_stat_reset(void);

/*
 * Changes whenever a stream of any database is stopped, so that its other
 * workers look into weir.kafka_stopped.
 */
extern uint32 weir_kafka_stop_count(void);
extern void weir_kafka_stop_count_advance(void);

#endif
