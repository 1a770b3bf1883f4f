/*
 * settings.h
 *	  All settings of Weir (weir.*), as C variables.
 */
#ifndef WEIR_BASE_SETTINGS_H
#define WEIR_BASE_SETTINGS_H

#include "postgres.h"

/* weir.memory, kB; fixed at server start */
extern int	weir_memory_kb;
extern int	weir_ingest_workers;		/* weir.ingest_workers, per database */
extern int	weir_flush_interval;		/* weir.flush_interval, ms */
extern bool weir_synchronous_insert;	/* weir.synchronous_insert */
extern int	weir_insert_buffer_kb;		/* weir.insert_buffer, kB */
extern int	weir_batch_rows;			/* weir.batch_rows */
extern int	weir_batch_kb;				/* weir.batch_size, kB */

/* weir.sliding_window_step_factor, percent */
extern int	weir_sliding_window_step_factor;
extern int	weir_flush_warning;			/* weir.flush_warning, ms; -1: none */
extern int	weir_query_timeout;			/* weir.query_timeout, ms; 0: none */
extern int	weir_call_timeout;			/* weir.call_timeout, ms; 0: none */

/* weir.read_streams: what a query over a stream gives */
extern int	weir_read_streams;

/* weir.kafka_metadata_interval, ms */
extern int	weir_kafka_metadata_interval;
extern int	weir_set_aside_limit_kb;	/* weir.set_aside_limit */

enum
{
	READ_STREAMS_ERROR,
	READ_STREAMS_EMPTY
};

/* Defines them all; called once, from _PG_init. */
extern void weir_settings_define(void);

#endif
