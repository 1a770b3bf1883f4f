/*
 * decode.h
 *	  Messages into rows of a stream, and those that cannot be into dead
 *	  letters.
 */
#ifndef WEIR_SOURCE_KAFKA_DECODE_H
#define WEIR_SOURCE_KAFKA_DECODE_H

#include "postgres.h"

#include "meta/options.h"
#include "source/kafka/client.h"
#include "stream/batch.h"

/*
 * What became of the first "taken" messages; with on_error 'stop' a message
 * that cannot be decoded ends the batch before it.  A batch with many of
 * these is shorter, too: the rest is for another call.
 */
typedef struct DecodeResult
{
	/* rows with origins, dead letters; no offsets yet */
	WeirBatch  *batch;
	int			taken;
	bool		gone;			/* nothing was: the stream has been dropped */

	/* messages that could not be decoded, whatever became of them */
	int			failed;
	char	   *stop_reason;	/* in the batch's context; NULL: go on */
	char	   *last_error;		/* likewise: of the last message that failed */
} DecodeResult;

/*
 * Decode messages, in transactions of its own.  The batch's context is a
 * child of parent and refers to the messages' payloads and to options.
 * Errors only for what is not the messages' fault; then the transaction is the
 * caller's to abort, and whatever was made under parent to free.
 */
extern void weir_decode_messages(const KafkaStreamOptions *options, const KafkaMessage *messages,
								 int n, MemoryContext parent, DecodeResult *result);

#endif
