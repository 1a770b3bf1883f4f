/*
 * kafka.h
 *	  What a Kafka worker does: the step that worker/worker.h runs in a loop.
 */
#ifndef WEIR_KAFKA_WORKER_H
#define WEIR_KAFKA_WORKER_H

#include "postgres.h"

/* Registers shared memory; called once, from _PG_init. */
extern void weir_kafka_init(void);

/*
 * Workers that a stream asks for: 0 if it is no Kafka stream, or stopped.
 * Needs a transaction.
 */
extern int	weir_kafka_workers_wanted(Oid streamid);

/*
 * Become worker number index (from 0) of a stream.  False: there is nothing to
 * do, because the stream is gone, stopped or not of Kafka.  Call outside of a
 * transaction, as step.
 */
extern bool weir_kafka_start(Oid streamid, int index);

/*
 * Fetch, decode and merge what has arrived, or wait for messages, the latch or
 * the next chore.  Trouble with the broker is shown and tried again.  Errors
 * are those of the database; then call again after a while.  False: the worker
 * is to end; whoever starts workers sees whether the stream wants new ones (its
 * options changed, or it was stopped).
 */
extern bool weir_kafka_step(void);

/* Close the connection; for an exit callback, too. */
extern void weir_kafka_stop(void);

#endif
