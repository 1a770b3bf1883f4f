/*
 * worker.h
 *	  What a Kafka worker does: see process/worker.h.
 */
#ifndef WEIR_SOURCE_KAFKA_WORKER_H
#define WEIR_SOURCE_KAFKA_WORKER_H

#include "postgres.h"

/* Registers shared memory and the source; called once, from _PG_init. */
extern void weir_kafka_init(void);

#endif
