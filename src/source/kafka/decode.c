/*
 * decode.c
 *	  Messages into rows of a stream, and those that cannot be into dead
 *	  letters.
 *
 * Called by Kafka workers.  What a stream's definition makes run (input
 * functions, defaults, constraints) runs as the stream's owner.
 *
 * Failure: PostgreSQL 15 has no soft errors, so a batch is decoded at first as
 * if all of it were good, in one transaction.  If that fails it is done
 * again, in stretches, each in a subtransaction of its own: up to a message
 * that fails, that message, and what comes behind it.  So a bad message costs
 * two failures at most, and a good one is decoded three times at most.  A
 * message of several rows is good or bad as a whole.  Memory: rows and dead
 * letters live in the batch's context, as does what was decoded in vain;
 * errors in one that is reset for each.
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
#include "base/errors.h"
#include "base/owner.h"
#include "source/kafka/decode.h"
#include "source/kafka/row.h"

/*
 * A batch ends behind so many that failed: what becomes of them is written
 * with what others wait for.
 */
#define MOST_FAILED 1000

typedef struct BatchDecoder
{
	const KafkaStreamOptions *options;
	const KafkaMessage *messages;
	TimestampTz now;
	RowDecoder *rows;
	int			current;		/* the message at hand */
	MemoryContext error_cxt;

	/* the last one, in error_cxt, as what follows */
	ErrorData  *error;
	char	   *place;			/* see weir_row_error_place */
	OwnerSwitch saved;
	StreamRows *stream;
	DecodeResult *result;
} BatchDecoder;

static WeirBatch *start_batch(BatchDecoder *decoder, MemoryContext parent);
static bool begin(BatchDecoder *decoder);
static void finish(BatchDecoder *decoder);
static bool decode_optimistically(BatchDecoder *decoder, int n);
static void decode_carefully(BatchDecoder *decoder, int n);
static int	try_range(BatchDecoder *decoder, int first, int last);
static bool put_aside(BatchDecoder *decoder, const KafkaMessage *message);

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
		decoder.error_cxt = AllocSetContextCreate(result->batch->cxt, "weir kafka error",
												  ALLOCSET_SMALL_SIZES);
		if (begin(&decoder))
		{
			decode_carefully(&decoder, n);
			finish(&decoder);
		}
		MemoryContextDelete(decoder.error_cxt);
	}
}

static WeirBatch *
start_batch(BatchDecoder *decoder, MemoryContext parent)
{
	WeirBatch  *batch = weir_batch_create(parent);

	decoder->stream = weir_batch_stream(batch, decoder->options->streamid, true);
	return batch;
}

/*
 * Open a transaction in which the stream's expressions can run, as its owner;
 * false, and none is open, if the stream is not there any more.
 */
static bool
begin(BatchDecoder *decoder)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_owner_enter(&decoder->saved, decoder->options->owner,
					 weir_owner_default_path(decoder->options->owner), decoder->options->streamid);
	decoder->rows = weir_row_open(decoder->options, decoder->now);
	decoder->result->gone = decoder->rows == NULL;
	if (decoder->result->gone)
		finish(decoder);
	return !decoder->result->gone;
}

static void
finish(BatchDecoder *decoder)
{
	if (decoder->rows)
		weir_row_close(decoder->rows);
	weir_owner_leave(&decoder->saved);
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
		StreamRow  *row;

		decoder->current = i;
		weir_row_start(decoder->rows, message);
		while ((row = weir_row_next(decoder->rows, decoder->result->batch->cxt)) != NULL)
			weir_batch_add_row(decoder->result->batch, decoder->stream, row, 0, &origin);
	}
	decoder->result->taken = last;
}

/*
 * All in one go; false, with the transaction aborted, if a message is to
 * blame.
 */
static bool
decode_optimistically(BatchDecoder *decoder, int n)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		if (begin(decoder))
		{
			decode_range(decoder, 0, n);
			finish(decoder);
		}
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(decoder->result->batch->cxt);
		error = CopyErrorData();
		if (weir_errors_kind(error) == ERROR_RETRY)
			PG_RE_THROW();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return ok;
}

/*
 * All messages, whatever they hold, unless on_error says to stop at one, or
 * too many fail.
 */
static void
decode_carefully(BatchDecoder *decoder, int n)
{
	int			first = 0;
	int			last = n;

	while (first < n)
	{
		int			failed = try_range(decoder, first, last);

		CHECK_FOR_INTERRUPTS();
		if (failed == last)
		{
			first = last;
			last = n;
			continue;
		}
		/* An expression may have been left half made. */
		weir_row_close(decoder->rows);
		decoder->rows = weir_row_open(decoder->options, decoder->now);
		if (failed > first)
			last = failed;
		else if (put_aside(decoder, &decoder->messages[first]) && decoder->result->failed < MOST_FAILED)
			first++;
		else
			return;
	}
}

/*
 * Decode in a subtransaction, and return last; or the message that failed, and
 * then nothing of the range is in the batch.
 */
static int
try_range(BatchDecoder *decoder, int first, int last)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			nrows = decoder->stream->nrows;
	Size		bytes = decoder->stream->bytes;
	volatile int failed = last;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		decode_range(decoder, first, last);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextReset(decoder->error_cxt);
		MemoryContextSwitchTo(decoder->error_cxt);
		decoder->place = weir_row_error_place(decoder->rows);
		decoder->error = CopyErrorData();
		if (weir_errors_kind(decoder->error) == ERROR_RETRY)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		decoder->stream->nrows = nrows;
		decoder->stream->bytes = bytes;
		decoder->result->taken = first;
		failed = decoder->current;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return failed;
}

/* The reason as one line: message, where, detail, and what to do. */
static char *
describe_error(const ErrorData *error, const char *place)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (place)
		appendStringInfo(&buf, "%s: ", place);
	appendStringInfoString(&buf, error->message);
	if (error->detail)
		appendStringInfo(&buf, ": %s", error->detail);
	if (error->hint)
		appendStringInfo(&buf, " (%s)", error->hint);
	return buf.data;
}

static void
leave_dead_letter(BatchDecoder *decoder, const KafkaMessage *message, const char *reason)
{
	WeirBatch  *batch = decoder->result->batch;
	Note		dead = {
		.kind = NOTE_DEAD_LETTER,
		.streamid = decoder->options->streamid,
		.topic = decoder->options->topic,
		.partition = message->partition,
		.offset = message->offset,
		.payload = unconstify(char *, message->payload),
		.payload_len = message->payload_len,
		.sqlerrcode = decoder->error->sqlerrcode,
		.message = MemoryContextStrdup(batch->cxt, reason)
	};

	weir_batch_add_dead(batch, &dead);
}

/* What on_error says for the message that just failed; false: stop here. */
static bool
put_aside(BatchDecoder *decoder, const KafkaMessage *message)
{
	DecodeResult *result = decoder->result;
	MemoryContext old = MemoryContextSwitchTo(decoder->error_cxt);
	char	   *reason = describe_error(decoder->error, decoder->place);

	result->failed++;
	if (result->last_error)
		pfree(result->last_error);
	result->last_error = MemoryContextStrdup(result->batch->cxt,
											 psprintf("partition %d, offset " INT64_FORMAT ": %s",
													  message->partition, message->offset, reason));
	if (decoder->options->on_error == KAFKA_STOP)
		result->stop_reason = MemoryContextStrdup(result->batch->cxt,
												  psprintf("message at offset " INT64_FORMAT " of partition %d of topic \"%s\" cannot be decoded: %s",
														   message->offset, message->partition,
														   decoder->options->topic, reason));
	else
	{
		if (decoder->options->on_error == KAFKA_DEAD_LETTER)
			leave_dead_letter(decoder, message, reason);
		result->taken++;
	}
	MemoryContextSwitchTo(old);
	return result->stop_reason == NULL;
}
