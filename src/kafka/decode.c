/*
 * decode.c
 *	  Messages into rows of a stream, and those that cannot be into dead letters.
 *
 * Called by Kafka workers.  What a stream's definition makes run (input
 * functions, defaults, constraints) runs as the stream's owner.
 *
 * Failure: PostgreSQL 15 has no soft errors, so a batch is decoded at first as
 * if all of it were good, in one transaction.  If that fails it is done again,
 * in halves and halves of halves, each in a subtransaction, down to the
 * messages that are to blame.
 * Memory: rows and dead letters live in the batch's context.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "kafka/decode.h"
#include "kafka/row.h"

typedef struct BatchDecoder
{
	const KafkaStreamOptions *options;
	const KafkaMessage *messages;
	TimestampTz now;
	RowDecoder *rows;
	char	   *failed_column;	/* where the last error was, in the batch's context; or NULL */
	Oid			save_user;
	int			save_sec;
	StreamRows *stream;
	DecodeResult *result;
} BatchDecoder;

static WeirBatch *start_batch(BatchDecoder *decoder, MemoryContext parent);
static void begin(BatchDecoder *decoder);
static void finish(BatchDecoder *decoder);
static bool decode_optimistically(BatchDecoder *decoder, int n);
static bool decode_carefully(BatchDecoder *decoder, int first, int last);
static bool try_range(BatchDecoder *decoder, int first, int last, ErrorData **error);
static bool is_fault_of_message(const ErrorData *error);
static bool put_aside(BatchDecoder *decoder, const KafkaMessage *message, ErrorData *error);

/* ----------------------------------------------------------------
 * Batches
 * ----------------------------------------------------------------
 */

void
weir_decode_messages(const KafkaStreamOptions *options, const KafkaMessage *messages, int n,
					 MemoryContext parent, DecodeResult *result)
{
	BatchDecoder decoder = {.options = options,.messages = messages,.result = result};

	memset(result, 0, sizeof(DecodeResult));
	decoder.now = weir_clock_now();
	result->batch = start_batch(&decoder, parent);
	if (!decode_optimistically(&decoder, n))
	{
		MemoryContextDelete(result->batch->cxt);
		result->batch = start_batch(&decoder, parent);
		result->taken = 0;
		begin(&decoder);
		(void) decode_carefully(&decoder, 0, n);
		finish(&decoder);
	}
}

static WeirBatch *
start_batch(BatchDecoder *decoder, MemoryContext parent)
{
	WeirBatch  *batch = weir_batch_create(parent);

	decoder->stream = weir_batch_stream(batch, decoder->options->streamid, true);
	return batch;
}

/* Open a transaction in which the stream's expressions can run, as its owner. */
static void
begin(BatchDecoder *decoder)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&decoder->save_user, &decoder->save_sec);
	SetUserIdAndSecContext(decoder->options->owner, SECURITY_RESTRICTED_OPERATION);
	decoder->rows = weir_row_open(decoder->options, decoder->now);
}

static void
finish(BatchDecoder *decoder)
{
	weir_row_close(decoder->rows);
	/* Only an abort would put it back by itself. */
	SetUserIdAndSecContext(decoder->save_user, decoder->save_sec);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
decode_range(BatchDecoder *decoder, int first, int last)
{
	for (int i = first; i < last; i++)
	{
		const KafkaMessage *message = &decoder->messages[i];
		RowOrigin	origin = {
			.partition = message->partition,
			.offset = message->offset,
			.payload = message->payload,
			.payload_len = message->payload_len
		};
		StreamRow  *row = weir_row_decode(decoder->rows, message, decoder->result->batch->cxt);

		weir_batch_add_row(decoder->result->batch, decoder->stream, row, 0, &origin);
	}
	decoder->result->taken = last;
}

/* All in one go; false, with the transaction aborted, if a message is to blame. */
static bool
decode_optimistically(BatchDecoder *decoder, int n)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		begin(decoder);
		decode_range(decoder, 0, n);
		finish(decoder);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(decoder->result->batch->cxt);
		error = CopyErrorData();
		if (!is_fault_of_message(error))
			PG_RE_THROW();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return ok;
}

/* Messages first .. last - 1, whatever they hold; false: the stream is to stop. */
static bool
decode_carefully(BatchDecoder *decoder, int first, int last)
{
	ErrorData  *error = NULL;
	int			middle = first + (last - first) / 2;

	CHECK_FOR_INTERRUPTS();
	if (first >= last || try_range(decoder, first, last, &error))
		return true;
	/* An expression may have been left half made. */
	weir_row_close(decoder->rows);
	decoder->rows = weir_row_open(decoder->options, decoder->now);
	if (last - first == 1)
		return put_aside(decoder, &decoder->messages[first], error);
	return decode_carefully(decoder, first, middle) && decode_carefully(decoder, middle, last);
}

/* Decode in a subtransaction; on failure nothing of the range is in the batch. */
static bool
try_range(BatchDecoder *decoder, int first, int last, ErrorData **error)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			nrows = decoder->stream->nrows;
	Size		bytes = decoder->stream->bytes;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		decode_range(decoder, first, last);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		const char *column = weir_row_current_column(decoder->rows);

		MemoryContextSwitchTo(decoder->result->batch->cxt);
		decoder->failed_column = column ? pstrdup(column) : NULL;
		*error = CopyErrorData();
		if (!is_fault_of_message(*error))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		decoder->stream->nrows = nrows;
		decoder->stream->bytes = bytes;
		decoder->result->taken = first;
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return ok;
}

/*
 * Would the same message fail again?  Lack of resources, interruptions, broken
 * disks and conflicts with other transactions pass; all else is in the message,
 * or in what the stream's definition makes of it.
 */
static bool
is_fault_of_message(const ErrorData *error)
{
	if (error->elevel != ERROR)
		return false;
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK):
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
			return false;
		default:
			return true;
	}
}

/* The reason as one line: message, where, detail. */
static char *
describe_error(const ErrorData *error, const char *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (column)
		appendStringInfo(&buf, "column \"%s\": ", column);
	appendStringInfoString(&buf, error->message);
	if (error->detail)
		appendStringInfo(&buf, ": %s", error->detail);
	return buf.data;
}

/* What on_error says for a message that failed; false: stop here. */
static bool
put_aside(BatchDecoder *decoder, const KafkaMessage *message, ErrorData *error)
{
	DecodeResult *result = decoder->result;
	MemoryContext old = MemoryContextSwitchTo(result->batch->cxt);
	char	   *reason = describe_error(error, decoder->failed_column);

	result->failed++;
	result->last_error = psprintf("partition %d, offset " INT64_FORMAT ": %s",
								  message->partition, message->offset, reason);
	if (decoder->options->on_error == KAFKA_STOP)
		result->stop_reason = psprintf("message at offset " INT64_FORMAT " of partition %d of topic \"%s\" cannot be decoded: %s",
									   message->offset, message->partition,
									   decoder->options->topic, reason);
	else
	{
		DeadLetter	dead = {
			.streamid = decoder->options->streamid,
			.topic = pstrdup(decoder->options->topic),
			.partition = message->partition,
			.offset = message->offset,
			.payload = unconstify(char *, message->payload),
			.payload_len = message->payload_len,
			.sqlerrcode = error->sqlerrcode,
			.message = reason
		};

		if (decoder->options->on_error == KAFKA_DEAD_LETTER)
			weir_batch_add_dead(result->batch, &dead);
		result->taken++;
	}
	MemoryContextSwitchTo(old);
	return result->stop_reason == NULL;
}
