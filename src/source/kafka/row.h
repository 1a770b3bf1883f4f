/*
 * row.h
 *	  Messages into rows.
 */
#ifndef WEIR_SOURCE_KAFKA_ROW_H
#define WEIR_SOURCE_KAFKA_ROW_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "meta/options.h"
#include "source/kafka/client.h"
#include "stream/stream_row.h"

typedef struct RowDecoder RowDecoder;

/*
 * What is needed to make rows of a stream, for the current transaction; now
 * becomes their arrival_timestamp.  NULL if the stream is not there any more;
 * else it stays locked until the transaction ends.  After an error of
 * weir_row_next it must be closed: an expression may be half made.
 */
extern RowDecoder *weir_row_open(const KafkaStreamOptions *options, TimestampTz now);
extern void weir_row_close(RowDecoder *decoder);

/*
 * Begin a message; and the next row of it, in cxt, or NULL: there are no more.
 */
extern void weir_row_start(RowDecoder *decoder, const KafkaMessage *message);
extern StreamRow *weir_row_next(RowDecoder *decoder, MemoryContext cxt);

/*
 * Which column an error was about, and which record of its message; palloc'd.
 * NULL: none in particular.
 */
extern char *weir_row_error_place(const RowDecoder *decoder);

#endif
