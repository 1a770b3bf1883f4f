/*
 * kafka_offsets.h
 *	  Where a Kafka stream stands: next offsets, and whether it was stopped.
 */
#ifndef WEIR_OFFSETS_H
#define WEIR_OFFSETS_H

#include "postgres.h"

#define KAFKA_OFFSET_UNKNOWN (-1)

/*
 * Next offsets of partitions 0 .. n - 1, merged or flushed, whichever is
 * newer.  Needs a transaction; takes a snapshot of its own.  *stored tells
 * whether the table has any partition of the stream, *merged whether an epoch
 * that is not yet flushed has.
 */
extern void weir_offsets_load(Oid streamid, int n, int64 *offsets, bool *stored, bool *merged);

/* Next offsets in the table only, i.e. what views show; KAFKA_OFFSET_UNKNOWN where none is. */
extern void weir_offsets_load_stored(Oid streamid, int n, int64 *offsets);

/*
 * A stopped stream is consumed no more until weir.resume.  Both need a
 * transaction; stop is part of it.
 */
extern bool weir_kafka_is_stopped(Oid streamid);
extern void weir_kafka_set_stopped(Oid streamid, const char *reason);

#endif
