/*
 * row.c
 *	  Messages into rows.
 *
 * A row gets its columns from the message's payload as the stream's format
 * reads it, from the message itself (column option "metadata"), or from the
 * column's DEFAULT; then generated columns are computed and constraints
 * checked, as on a table.  A payload may be several rows.
 *
 * A tombstone (no payload) is one row, which is NULL but for metadata, if
 * a column takes the message's key, which says what is dead.  Otherwise it is
 * an error.
 *
 * Called by Kafka workers, as the stream's owner, in a transaction with a
 * snapshot.
 *
 * Memory: what a row needs meanwhile lives in the maker's per-tuple context,
 * what a message needs in message_cxt.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "source/format/format.h"
#include "source/kafka/row.h"
#include "stream/row_maker.h"

struct RowDecoder
{
	const KafkaStreamOptions *options;
	Relation	rel;
	TupleDesc	desc;
	RowMaker   *maker;
	KafkaMetadata *metadata;	/* by attribute number - 1, as all below */
	FmgrInfo   *metadata_input; /* where the type needs one */
	bool	   *seen;
	bool		has_key;
	FormatDecoder *fields;
	MemoryContext message_cxt;
	const KafkaMessage *message;	/* the one at hand */

	/* of the row at hand in it, from 1; 0: not begun */
	int			record;
};

/* ----------------------------------------------------------------
 * Setup
 * ----------------------------------------------------------------
 */

static void
open_column(RowDecoder *decoder, int i)
{
	Form_pg_attribute att = TupleDescAttr(decoder->desc, i);
	Oid			input,
				ioparam;

	if (att->attisdropped || att->attgenerated)
		return;
	decoder->metadata[i] = weir_options_metadata(RelationGetRelid(decoder->rel), att->attnum);
	if (decoder->metadata[i] != KAFKA_METADATA_NONE)
	{
		decoder->has_key |= decoder->metadata[i] == KAFKA_METADATA_KEY;
		getTypeInputInfo(att->atttypid, &input, &ioparam);
		fmgr_info(input, &decoder->metadata_input[i]);
	}
}

RowDecoder *
weir_row_open(const KafkaStreamOptions *options, TimestampTz now)
{
	Relation	rel = try_table_open(options->streamid, AccessShareLock);
	RowMaker   *maker;
	MemoryContext old;
	RowDecoder *decoder;
	int			natts;

	if (rel == NULL)
		return NULL;
	maker = weir_row_maker_open(rel, now);
	old = MemoryContextSwitchTo(maker->estate->es_query_cxt);
	natts = RelationGetDescr(rel)->natts;
	decoder = palloc0(sizeof(RowDecoder));
	decoder->options = options;
	decoder->rel = rel;
	decoder->maker = maker;
	decoder->desc = RelationGetDescr(rel);
	decoder->metadata = palloc0(sizeof(KafkaMetadata) * natts);
	decoder->metadata_input = palloc0(sizeof(FmgrInfo) * natts);
	decoder->seen = palloc0(sizeof(bool) * natts);
	for (int i = 0; i < natts; i++)
		open_column(decoder, i);
	decoder->message_cxt = AllocSetContextCreate(CurrentMemoryContext, "weir kafka message",
												 ALLOCSET_DEFAULT_SIZES);
	decoder->fields = options->format->open(rel, weir_options_not_in_payload(rel), options->format_options);
	decoder->fields->format = options->format;
	decoder->fields->column = -1;
	MemoryContextSwitchTo(old);
	return decoder;
}

void
weir_row_close(RowDecoder *decoder)
{
	Relation	rel = decoder->rel;

	weir_row_maker_close(decoder->maker);
	table_close(rel, NoLock);
}

/* ----------------------------------------------------------------
 * Rows
 * ----------------------------------------------------------------
 */

/*
 * Headers as one JSON object; values that are no UTF-8 text as bytea shows
 * them.
 */
static char *
headers_text(const KafkaMessage *message)
{
	StringInfoData buf;
	const char *name,
			   *value;
	size_t		len;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	for (int i = 0; weir_client_header(message, i, &name, &value, &len); i++)
	{
		if (i > 0)
			appendStringInfoString(&buf, ", ");
		escape_json(&buf, pg_any_to_server(name, strlen(name), PG_UTF8));
		appendStringInfoString(&buf, ": ");
		if (value == NULL)
			appendStringInfoString(&buf, "null");
		else if (pg_verify_mbstr(PG_UTF8, value, len, true))
			escape_json(&buf, pg_any_to_server(pnstrdup(value, len), len, PG_UTF8));
		else
			escape_json(&buf, DatumGetCString(DirectFunctionCall1(byteaout,
																  PointerGetDatum(cstring_to_text_with_len(value, len)))));
	}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/*
 * A metadata column's value as text for its type's input function; NULL: none.
 */
static char *
metadata_text(RowDecoder *decoder, int i, const KafkaMessage *message)
{
	switch (decoder->metadata[i])
	{
		case KAFKA_METADATA_TOPIC:
			return decoder->options->topic;
		case KAFKA_METADATA_PARTITION:
			return psprintf("%d", message->partition);
		case KAFKA_METADATA_OFFSET:
			return psprintf(INT64_FORMAT, message->offset);
		case KAFKA_METADATA_HEADERS:
			return headers_text(message);
		case KAFKA_METADATA_KEY:
			if (message->key == NULL)
				return NULL;
			return pg_any_to_server(pnstrdup(message->key, message->key_len),
									message->key_len, PG_UTF8);
		default:
			return NULL;
	}
}

static void
fill_metadata(RowDecoder *decoder, int i, const KafkaMessage *message)
{
	Form_pg_attribute att = TupleDescAttr(decoder->desc, i);
	TupleTableSlot *slot = decoder->maker->slot;
	char	   *text;

	decoder->maker->column = i;
	slot->tts_isnull[i] = false;
	if (decoder->metadata[i] == KAFKA_METADATA_TIMESTAMP)
	{
		slot->tts_isnull[i] = message->timestamp < 0;
		slot->tts_values[i] = TimestampTzGetDatum((message->timestamp -
												   (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000)) * 1000);
	}
	else if (decoder->metadata[i] == KAFKA_METADATA_OFFSET && att->atttypid == INT8OID)
		slot->tts_values[i] = Int64GetDatum(message->offset);
	else if (decoder->metadata[i] == KAFKA_METADATA_PARTITION && att->atttypid == INT4OID)
		slot->tts_values[i] = Int32GetDatum(message->partition);
	else if (decoder->metadata[i] == KAFKA_METADATA_KEY && att->atttypid == BYTEAOID && message->key)
		slot->tts_values[i] = PointerGetDatum(cstring_to_text_with_len(message->key, message->key_len));
	else
	{
		text = metadata_text(decoder, i, message);
		slot->tts_isnull[i] = text == NULL;
		if (text)
			slot->tts_values[i] = InputFunctionCall(&decoder->metadata_input[i], text,
													att->atttypid, att->atttypmod);
	}
	decoder->maker->column = -1;
}

/* Columns that the payload did not give. */
static void
fill_rest(RowDecoder *decoder)
{
	const KafkaMessage *message = decoder->message;

	for (int i = 0; i < decoder->desc->natts; i++)
	{
		if (decoder->metadata[i] != KAFKA_METADATA_NONE)
			fill_metadata(decoder, i, message);
		else if (!decoder->seen[i] && message->payload)
			weir_row_maker_default(decoder->maker, i);
	}
}

/* Give the payload to the format, if there is one. */
static void
start_payload(RowDecoder *decoder)
{
	const KafkaMessage *message = decoder->message;
	const char *bytes = message->payload;
	int			len = message->payload_len;
	MemoryContext old;

	if (bytes == NULL)
	{
		if (!decoder->has_key)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA),
					 errmsg("message has no payload")));
		return;
	}
	old = MemoryContextSwitchTo(decoder->message_cxt);
	if (!decoder->fields->format->binary)
	{
		/* Verifies the encoding; converts if the database has another. */
		bytes = pg_any_to_server(message->payload, len, PG_UTF8);
		if (bytes != message->payload)
			len = strlen(bytes);
	}
	decoder->fields->format->start(decoder->fields, bytes, len);
	MemoryContextSwitchTo(old);
}

/* Columns from the payload; false: it has no more rows. */
static bool
fill_fields(RowDecoder *decoder)
{
	TupleTableSlot *slot = decoder->maker->slot;

	if (decoder->record++ == 0)
		start_payload(decoder);
	if (decoder->message->payload == NULL)
		return decoder->record == 1;
	memset(decoder->seen, false, sizeof(bool) * decoder->desc->natts);
	return decoder->fields->format->next(decoder->fields, slot->tts_values, slot->tts_isnull, decoder->seen);
}

char *
weir_row_error_place(const RowDecoder *decoder)
{
	int			i = decoder->maker->column >= 0 ? decoder->maker->column : decoder->fields->column;
	char	   *column = i < 0 ? NULL : psprintf("column \"%s\"", NameStr(TupleDescAttr(decoder->desc, i)->attname));

	if (decoder->record <= 1)
		return column;
	return column ? psprintf("record %d, %s", decoder->record, column) : psprintf("record %d", decoder->record);
}

static void
row_error_context(void *arg)
{
	RowDecoder *decoder = arg;

	errcontext("stream %s, topic \"%s\", partition %d, offset " INT64_FORMAT,
			   decoder->options->name, decoder->options->topic,
			   decoder->message->partition, decoder->message->offset);
}

void
weir_row_start(RowDecoder *decoder, const KafkaMessage *message)
{
	MemoryContextReset(decoder->message_cxt);
	decoder->message = message;
	decoder->record = 0;
}

StreamRow *
weir_row_next(RowDecoder *decoder, MemoryContext cxt)
{
	ErrorContextCallback callback = {.callback = row_error_context,.arg = decoder};
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(decoder->maker->estate));
	StreamRow  *row = NULL;

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	weir_row_maker_start(decoder->maker);
	if (fill_fields(decoder))
	{
		fill_rest(decoder);
		row = weir_row_maker_finish(decoder->maker, cxt);
	}
	MemoryContextSwitchTo(old);
	error_context_stack = callback.previous;
	return row;
}
