/*
 * row.h
 *	  One message into one row.
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
 * becomes their arrival_timestamp.  NULL if the stream is not there any more; else
 * it stays locked until the transaction ends.  After an error of weir_row_decode it must
 * be closed: an expression may be half made.
 */
extern RowDecoder *weir_row_open(const KafkaStreamOptions *options, TimestampTz now);
extern void weir_row_close(RowDecoder *decoder);

/* The row of a message, in cxt; errors if it cannot be one. */
extern StreamRow * weir_row_decode(RowDecoder *decoder, const KafkaMessage *message, MemoryContext cxt);

/* The column whose field an error was about; NULL: none in particular. */
extern const char *weir_row_current_column(const RowDecoder *decoder);

#endif
