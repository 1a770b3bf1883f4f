/*
 * worker.h
 *	  What a Kafka worker does: see process/worker.h.
 */
#ifndef WEIR_SOURCE_KAFKA_WORKER_H
#define WEIR_SOURCE_KAFKA_WORKER_H

#include "postgres.h"

/* Registers shared memory and the kind of worker; called once, from _PG_init. */
extern void weir_kafka_init(void);

/*
 * Workers that a stream asks for: 0 if it is no Kafka stream, or stopped.
 * Needs a transaction.
 */
extern int	weir_kafka_workers_wanted(Oid streamid);

#endif
