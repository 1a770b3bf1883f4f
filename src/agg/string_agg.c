/*
 * string_agg.c
 *	  weir.string_agg: string_agg whose states can be combined.
 *
 * The delimiter in front of the first string is left out of the result, but
 * is wanted when the state is put behind another one.  So a state keeps it:
 *
 *	text state	:= "1," characters ":" delimiter strings
 *	bytea state	:= 0x01 bytes delimiter strings
 *
 * where characters (decimal) and bytes (uint32, high byte first) say how long
 * the delimiter is, and strings is the result.  1 is the version of the
 * format.  Characters, and not bytes, because a dump may be restored into a
 * database with another encoding.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

#include "agg/buffer.h"
#include "base/compat.h"
#include "base/weir.h"

#define TEXT_HEAD "1,"
#define BYTEA_HEAD "\001"

WEIR_FUNCTION(weir_string_agg_trans);
WEIR_FUNCTION(weir_string_agg_combine);
WEIR_FUNCTION(weir_string_agg_final);
WEIR_FUNCTION(weir_bytea_agg_trans);
WEIR_FUNCTION(weir_bytea_agg_combine);
WEIR_FUNCTION(weir_bytea_agg_final);

static void append_text_head(AggBuffer *buffer, text *delimiter);
static void append_bytea_head(AggBuffer *buffer, text *delimiter);
static const char *text_head_end(text *state, const char **delimiter);
static const char *bytea_head_end(bytea *state, const char **delimiter);
static Datum transition(FunctionCallInfo fcinfo, const char *head,
						void (*append_head) (AggBuffer *buffer, text *delimiter));
static Datum combine(FunctionCallInfo fcinfo, const char *head,
					 const char *(*head_end) (text *state, const char **delimiter));
static Datum final(text *state, const char *strings);

/* (state text, value text, delimiter text) -> text */
Datum
weir_string_agg_trans(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, TEXT_HEAD, append_text_head);
}

/* (text, text) -> text, strict */
Datum
weir_string_agg_combine(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, TEXT_HEAD, text_head_end);
}

/* (text) -> text, strict */
Datum
weir_string_agg_final(PG_FUNCTION_ARGS)
{
	text	   *state = PG_GETARG_TEXT_PP(0);
	const char *delimiter;

	return final(state, text_head_end(state, &delimiter));
}

/* (state bytea, value bytea, delimiter bytea) -> bytea */
Datum
weir_bytea_agg_trans(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, BYTEA_HEAD, append_bytea_head);
}

/* (bytea, bytea) -> bytea, strict */
Datum
weir_bytea_agg_combine(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, BYTEA_HEAD, bytea_head_end);
}

/* (bytea) -> bytea, strict */
Datum
weir_bytea_agg_final(PG_FUNCTION_ARGS)
{
	bytea	   *state = PG_GETARG_BYTEA_PP(0);
	const char *delimiter;

	return final(state, bytea_head_end(state, &delimiter));
}

static Datum
transition(FunctionCallInfo fcinfo, const char *head,
		   void (*append_head) (AggBuffer *buffer, text *delimiter))
{
	AggBuffer  *buffer;
	text	   *delimiter = PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2);
	text	   *value;

	if (PG_ARGISNULL(1))
	{
		(void) weir_agg_context(fcinfo);
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	buffer = weir_agg_buffer(fcinfo, 0, head, "");
	if (weir_agg_buffer_is_new(buffer))
		append_head(buffer, delimiter);
	else if (delimiter)
		weir_agg_buffer_append(buffer, VARDATA_ANY(delimiter), VARSIZE_ANY_EXHDR(delimiter));
	value = PG_GETARG_TEXT_PP(1);
	weir_agg_buffer_append(buffer, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return weir_agg_buffer_datum(buffer);
}

static Datum
combine(FunctionCallInfo fcinfo, const char *head,
		const char *(*head_end) (text *state, const char **delimiter))
{
	AggBuffer  *buffer = weir_agg_buffer(fcinfo, 0, head, "");
	text	   *other = PG_GETARG_TEXT_PP(1);
	const char *delimiter;

	(void) head_end(other, &delimiter);
	weir_agg_buffer_append(buffer, delimiter,
						   VARSIZE_ANY_EXHDR(other) - (delimiter - VARDATA_ANY(other)));
	return weir_agg_buffer_datum(buffer);
}

static Datum
final(text *state, const char *strings)
{
	return PointerGetDatum(cstring_to_text_with_len(strings, VARSIZE_ANY_EXHDR(state) -
													(strings - VARDATA_ANY(state))));
}

static void
append_text_head(AggBuffer *buffer, text *delimiter)
{
	char		head[32];
	int			len = delimiter ? VARSIZE_ANY_EXHDR(delimiter) : 0;

	snprintf(head, sizeof(head), TEXT_HEAD "%d:",
			 len > 0 ? pg_mbstrlen_with_len(VARDATA_ANY(delimiter), len) : 0);
	weir_agg_buffer_append_text(buffer, head);
	if (len > 0)
		weir_agg_buffer_append(buffer, VARDATA_ANY(delimiter), len);
}

static void
append_bytea_head(AggBuffer *buffer, bytea *delimiter)
{
	uint32		len = delimiter ? VARSIZE_ANY_EXHDR(delimiter) : 0;
	uint32		stored = pg_hton32(len);

	weir_agg_buffer_append(buffer, BYTEA_HEAD, 1);
	weir_agg_buffer_append(buffer, &stored, sizeof(stored));
	if (len > 0)
		weir_agg_buffer_append(buffer, VARDATA_ANY(delimiter), len);
}

/* Where the strings begin; errors for what is no state. */
static const char *
text_head_end(text *state, const char **delimiter)
{
	const char *p = VARDATA_ANY(state);
	const char *end = p + VARSIZE_ANY_EXHDR(state);
	int64		characters = 0;

	if (end - p < 4 || memcmp(p, TEXT_HEAD, 2) != 0 || p[2] < '0' || p[2] > '9')
		weir_agg_bad_state();
	for (p += 2; p < end && *p >= '0' && *p <= '9' && characters <= MaxAllocSize; p++)
		characters = characters * 10 + (*p - '0');
	if (p == end || *p != ':')
		weir_agg_bad_state();
	*delimiter = ++p;
	for (; characters > 0 && p < end; characters--)
		p += Min(pg_mblen(p), end - p);
	if (characters > 0 || p > end)
		weir_agg_bad_state();
	return p;
}

static const char *
bytea_head_end(bytea *state, const char **delimiter)
{
	const char *p = VARDATA_ANY(state);
	Size		len = VARSIZE_ANY_EXHDR(state);
	uint32		bytes;

	if (len < 1 + sizeof(bytes) || memcmp(p, BYTEA_HEAD, 1) != 0)
		weir_agg_bad_state();
	memcpy(&bytes, p + 1, sizeof(bytes));
	bytes = pg_ntoh32(bytes);
	if (bytes > len - 1 - sizeof(bytes))
		weir_agg_bad_state();
	*delimiter = p + 1 + sizeof(bytes);
	return *delimiter + bytes;
}
