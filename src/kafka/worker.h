/*
 * worker.h
 *	  Kafka workers: who wants them, and their shared memory.  What they do is
 *	  weir_kafka_ops (worker/worker.h).
 */
#ifndef WEIR_KAFKA_WORKER_H
#define WEIR_KAFKA_WORKER_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "worker/registry.h"

/* Registers shared memory; called once, from _PG_init. */
extern void weir_kafka_init(void);

/*
 * The Kafka workers that active views (of ContView) ask for, at most max;
 * returns how many.  None for streams that are stopped.  Needs a transaction
 * with a snapshot.
 */
extern int	weir_kafka_wanted(List *views, WorkerTask *wants, int max);

#endif
