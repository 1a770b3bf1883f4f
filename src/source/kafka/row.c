/*
 * row.c
 *	  One message into one row.
 *
 * A row gets its columns from the fields of the message's object, from the
 * message itself (column option "metadata"), or from the column's DEFAULT;
 * then generated columns are computed and constraints checked, as on a table.
 *
 * A tombstone (no payload) has no fields: its row is NULL but for metadata, if
 * a column takes the message's key, which says what is dead.  Otherwise it is
 * an error.
 *
 * Called by Kafka workers, as the stream's owner, in a transaction with a
 * snapshot.
 *
 * Memory: what a row needs meanwhile lives in the maker's per-tuple context.
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

#include "base/weir.h"
#include "source/format/json.h"
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
	int			arrival;		/* arrival_timestamp; -1: no such column */
	bool		has_key;
	JsonDecoder *json;			/* KAFKA_FORMAT_JSON */
	TimestampTz now;
	const KafkaMessage *current;	/* for error messages */
};

/* ----------------------------------------------------------------
 * Setup
 * ----------------------------------------------------------------
 */

static void
open_column(RowDecoder *decoder, int i, bool *skip)
{
	Form_pg_attribute att = TupleDescAttr(decoder->desc, i);
	Oid			input,
				ioparam;

	skip[i] = true;
	if (att->attisdropped || att->attgenerated)
		return;
	decoder->metadata[i] = weir_options_metadata(RelationGetRelid(decoder->rel), att->attnum);
	if (decoder->metadata[i] != KAFKA_METADATA_NONE)
	{
		decoder->has_key |= decoder->metadata[i] == KAFKA_METADATA_KEY;
		getTypeInputInfo(att->atttypid, &input, &ioparam);
		fmgr_info(input, &decoder->metadata_input[i]);
	}
	else if (strcmp(NameStr(att->attname), WEIR_ARRIVAL_COLUMN) == 0 && att->atttypid == TIMESTAMPTZOID)
		decoder->arrival = i;
	else
		skip[i] = false;
}

RowDecoder *
weir_row_open(const KafkaStreamOptions *options, TimestampTz now)
{
	Relation	rel = try_table_open(options->streamid, AccessShareLock);
	RowMaker   *maker;
	MemoryContext old;
	RowDecoder *decoder;
	int			natts;
	bool	   *skip;

	if (rel == NULL)
		return NULL;
	maker = weir_row_maker_open(rel);
	old = MemoryContextSwitchTo(maker->estate->es_query_cxt);
	natts = RelationGetDescr(rel)->natts;
	decoder = palloc0(sizeof(RowDecoder));
	skip = palloc0(sizeof(bool) * natts);
	decoder->options = options;
	decoder->rel = rel;
	decoder->maker = maker;
	decoder->desc = RelationGetDescr(rel);
	decoder->now = now;
	decoder->metadata = palloc0(sizeof(KafkaMetadata) * natts);
	decoder->metadata_input = palloc0(sizeof(FmgrInfo) * natts);
	decoder->seen = palloc0(sizeof(bool) * natts);
	decoder->arrival = -1;
	for (int i = 0; i < natts; i++)
		open_column(decoder, i, skip);
	switch (options->format)
	{
		case KAFKA_FORMAT_JSON:
			decoder->json = weir_json_open(decoder->desc, skip);
			break;
	}
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

/* Headers as one JSON object; values that are no UTF-8 text as bytea shows them. */
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

/* A metadata column's value as text for its type's input function; NULL: none. */
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

/* Columns that no field gave. */
static void
fill_rest(RowDecoder *decoder, const KafkaMessage *message)
{
	TupleTableSlot *slot = decoder->maker->slot;

	for (int i = 0; i < decoder->desc->natts; i++)
	{
		if (decoder->metadata[i] != KAFKA_METADATA_NONE)
			fill_metadata(decoder, i, message);
		else if (!decoder->seen[i] && message->payload)
			weir_row_maker_default(decoder->maker, i);
	}
	/* Not a producer's to say. */
	if (decoder->arrival >= 0 && slot->tts_isnull[decoder->arrival])
	{
		slot->tts_values[decoder->arrival] = TimestampTzGetDatum(decoder->now);
		slot->tts_isnull[decoder->arrival] = false;
	}
}

static void
decode_payload(RowDecoder *decoder, const KafkaMessage *message)
{
	char	   *text;
	int			len = message->payload_len;

	if (message->payload == NULL)
	{
		if (!decoder->has_key)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA),
					 errmsg("message has no payload")));
		return;
	}
	/* Verifies the encoding; converts if the database has another. */
	text = pg_any_to_server(message->payload, len, PG_UTF8);
	if (text != message->payload)
		len = strlen(text);
	switch (decoder->options->format)
	{
		case KAFKA_FORMAT_JSON:
			weir_json_decode(decoder->json, text, len, decoder->maker->slot->tts_values,
							 decoder->maker->slot->tts_isnull, decoder->seen);
			break;
	}
}

const char *
weir_row_current_column(const RowDecoder *decoder)
{
	if (decoder->maker->column >= 0)
		return NameStr(TupleDescAttr(decoder->desc, decoder->maker->column)->attname);
	return weir_json_current_column(decoder->json);
}

static void
row_error_context(void *arg)
{
	RowDecoder *decoder = arg;

	errcontext("stream %s, topic \"%s\", partition %d, offset " INT64_FORMAT,
			   decoder->options->name, decoder->options->topic,
			   decoder->current->partition, decoder->current->offset);
}

StreamRow *
weir_row_decode(RowDecoder *decoder, const KafkaMessage *message, MemoryContext cxt)
{
	ErrorContextCallback callback = {.callback = row_error_context,.arg = decoder};
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(decoder->maker->estate));
	StreamRow  *row;

	decoder->current = message;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	weir_row_maker_start(decoder->maker);
	memset(decoder->seen, false, sizeof(bool) * decoder->desc->natts);
	decode_payload(decoder, message);
	fill_rest(decoder, message);
	row = weir_row_maker_finish(decoder->maker, cxt);
	MemoryContextSwitchTo(old);
	error_context_stack = callback.previous;
	return row;
}
