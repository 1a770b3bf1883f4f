/*
 * json_agg.c
 *	  json_agg and json_object_agg whose states can be combined.
 *
 * A state is the result: JSON text, written exactly as PostgreSQL does.  The
 * elements of an array are told apart by ", ", but composite values and arrays
 * stand on lines of their own; as two states do not tell of what type their
 * elements are, that is an aggregate of its own (json_agg_lines).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "agg/buffer.h"
#include "agg/call.h"
#include "base/compat.h"
#include "base/weir.h"

#define ARRAY_HEAD "["
#define OBJECT_HEAD "{ "

WEIR_FUNCTION(weir_json_agg_trans);
WEIR_FUNCTION(weir_json_agg_strict_trans);
WEIR_FUNCTION(weir_json_agg_combine);
WEIR_FUNCTION(weir_json_lines_trans);
WEIR_FUNCTION(weir_json_lines_strict_trans);
WEIR_FUNCTION(weir_json_lines_combine);
WEIR_FUNCTION(weir_json_object_trans);
WEIR_FUNCTION(weir_json_object_strict_trans);
WEIR_FUNCTION(weir_json_object_combine);

/* One place in memory each: a buffer is known by its tail. */
static const char array_tail[] = "]";
static const char object_tail[] = " }";

static Datum add_element(FunctionCallInfo fcinfo, bool lines, bool strict);
static Datum add_pair(FunctionCallInfo fcinfo, bool strict);
static Datum add_state(FunctionCallInfo fcinfo, const char *head, const char *tail, bool lines);
static void check_content(const char *content, Size len);
static AggBuffer *begin(FunctionCallInfo fcinfo, const char *head, const char *tail);

/* (state json, value anyelement) -> json */
Datum
weir_json_agg_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, false, false);
}

Datum
weir_json_agg_strict_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, false, true);
}

/* (json, json) -> json, strict */
Datum
weir_json_agg_combine(PG_FUNCTION_ARGS)
{
	return add_state(fcinfo, ARRAY_HEAD, array_tail, false);
}

Datum
weir_json_lines_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, true, false);
}

Datum
weir_json_lines_strict_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, true, true);
}

Datum
weir_json_lines_combine(PG_FUNCTION_ARGS)
{
	return add_state(fcinfo, ARRAY_HEAD, array_tail, true);
}

/* (state json, key "any", value "any") -> json */
Datum
weir_json_object_trans(PG_FUNCTION_ARGS)
{
	return add_pair(fcinfo, false);
}

Datum
weir_json_object_strict_trans(PG_FUNCTION_ARGS)
{
	return add_pair(fcinfo, true);
}

/* (json, json) -> json, strict */
Datum
weir_json_object_combine(PG_FUNCTION_ARGS)
{
	return add_state(fcinfo, OBJECT_HEAD, object_tail, false);
}

/* strict: NULLs are left out. */
static Datum
add_element(FunctionCallInfo fcinfo, bool lines, bool strict)
{
	AggBuffer  *buffer = begin(fcinfo, ARRAY_HEAD, array_tail);
	bool		first = weir_agg_buffer_len(buffer) == 0;
	text	   *json;

	if (strict && PG_ARGISNULL(1))
		return weir_agg_buffer_datum(buffer);
	if (!first)
		weir_agg_buffer_append_text(buffer, ", ");
	if (PG_ARGISNULL(1))
	{
		weir_agg_buffer_append_text(buffer, "null");
		return weir_agg_buffer_datum(buffer);
	}
	if (!first && lines)
		weir_agg_buffer_append_text(buffer, "\n ");
	json = DatumGetTextPP(weir_any_call_invoke(weir_any_call(fcinfo, F_TO_JSON, 1), fcinfo));
	weir_agg_buffer_append(buffer, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
	return weir_agg_buffer_datum(buffer);
}

static Datum
add_pair(FunctionCallInfo fcinfo, bool strict)
{
	AggBuffer  *buffer = begin(fcinfo, OBJECT_HEAD, object_tail);
	text	   *json;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("null value not allowed for object key")));
	if (strict && PG_ARGISNULL(2))
		return weir_agg_buffer_datum(buffer);
	if (weir_agg_buffer_len(buffer) > 0)
		weir_agg_buffer_append_text(buffer, ", ");

	/* {"key" : value} without its braces */
	json = DatumGetTextPP(weir_any_call_invoke(weir_any_call(fcinfo, F_JSON_BUILD_OBJECT_ANY, 2), fcinfo));
	weir_agg_buffer_append(buffer, VARDATA_ANY(json) + 1, VARSIZE_ANY_EXHDR(json) - 2);
	return weir_agg_buffer_datum(buffer);
}

static Datum
add_state(FunctionCallInfo fcinfo, const char *head, const char *tail, bool lines)
{
	AggBuffer  *buffer = begin(fcinfo, head, tail);
	Size		len;
	const char *data = weir_agg_state_content(PG_GETARG_DATUM(1), head, tail, &len);

	check_content(data, len);
	if (len == 0)
		return weir_agg_buffer_datum(buffer);
	if (weir_agg_buffer_len(buffer) > 0)
		weir_agg_buffer_append_text(buffer, lines && data[0] != 'n' ? ", \n " : ", ");
	weir_agg_buffer_append(buffer, data, len);
	return weir_agg_buffer_datum(buffer);
}

static AggBuffer *
begin(FunctionCallInfo fcinfo, const char *head, const char *tail)
{
	AggBuffer  *buffer = weir_agg_buffer(fcinfo, 0, head, tail);

	if (weir_agg_buffer_is_new(buffer))
		weir_agg_buffer_append_text(buffer, head);
	check_content(weir_agg_buffer_content(buffer), weir_agg_buffer_len(buffer));
	return buffer;
}

/* "[ ]" is JSON, too, but nothing can be put behind it. */
static void
check_content(const char *content, Size len)
{
	if (len > 0 && strchr(" \t\r\n", content[0]) != NULL)
		weir_agg_bad_state();
}
