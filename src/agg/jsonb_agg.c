/*
 * jsonb_agg.c
 *	  jsonb_agg and jsonb_object_agg whose states can be combined.
 *
 * A state is the result: a jsonb array or object.  Of pairs with the same key
 * the last one counts, so the state of an object is no larger than the object.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"

#include "agg/buffer.h"
#include "agg/call.h"
#include "agg/list.h"
#include "base/compat.h"
#include "base/weir.h"

WEIR_FUNCTION(weir_jsonb_agg_trans);
WEIR_FUNCTION(weir_jsonb_agg_strict_trans);
WEIR_FUNCTION(weir_jsonb_agg_combine);
WEIR_FUNCTION(weir_jsonb_object_trans);
WEIR_FUNCTION(weir_jsonb_object_strict_trans);
WEIR_FUNCTION(weir_jsonb_object_combine);

static Datum add_element(FunctionCallInfo fcinfo, bool strict);
static Datum add_pair(FunctionCallInfo fcinfo, bool strict);
static Datum build_array(AggList *list);
static Datum build_object(AggList *list);
static Datum null_element(void);

/* (state jsonb, value anyelement) -> jsonb */
Datum
weir_jsonb_agg_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, false);
}

Datum
weir_jsonb_agg_strict_trans(PG_FUNCTION_ARGS)
{
	return add_element(fcinfo, true);
}

/* (jsonb, jsonb) -> jsonb, strict */
Datum
weir_jsonb_agg_combine(PG_FUNCTION_ARGS)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_array);

	weir_agg_list_add(list, PG_GETARG_DATUM(1), true);
	return weir_agg_list_datum(list);
}

/* (state jsonb, key "any", value "any") -> jsonb */
Datum
weir_jsonb_object_trans(PG_FUNCTION_ARGS)
{
	return add_pair(fcinfo, false);
}

Datum
weir_jsonb_object_strict_trans(PG_FUNCTION_ARGS)
{
	return add_pair(fcinfo, true);
}

/* (jsonb, jsonb) -> jsonb, strict */
Datum
weir_jsonb_object_combine(PG_FUNCTION_ARGS)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_object);

	weir_agg_list_add(list, PG_GETARG_DATUM(1), true);
	return weir_agg_list_datum(list);
}

/* strict: NULLs are left out. */
static Datum
add_element(FunctionCallInfo fcinfo, bool strict)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_array);

	if (!PG_ARGISNULL(1))
		weir_agg_list_add(list, weir_any_call_invoke(weir_any_call(fcinfo, F_TO_JSONB, 1), fcinfo), false);
	else if (!strict)
		weir_agg_list_add(list, null_element(), false);
	return weir_agg_list_datum(list);
}

static Datum
add_pair(FunctionCallInfo fcinfo, bool strict)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_object);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("null value not allowed for object key")));
	if (!(strict && PG_ARGISNULL(2)))
		weir_agg_list_add(list, weir_any_call_invoke(weir_any_call(fcinfo, F_JSONB_BUILD_OBJECT_ANY, 2), fcinfo),
						  true);
	return weir_agg_list_datum(list);
}

static Datum
null_element(void)
{
	JsonbValue	value;

	value.type = jbvNull;
	return JsonbPGetDatum(JsonbValueToJsonb(&value));
}

/*
 * A scalar is an array of one element to the iterator; an element that is an
 * array or object is pushed as a whole.
 */
static Datum
build_array(AggList *list)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < list->n; i++)
	{
		Jsonb	   *item = DatumGetJsonbP(list->items[i].value);
		JsonbIterator *iterator;
		JsonbIteratorToken token;
		JsonbValue	value;

		if (list->items[i].is_state && (!JB_ROOT_IS_ARRAY(item) || JB_ROOT_IS_SCALAR(item)))
			weir_agg_bad_state();
		if (!list->items[i].is_state && !JB_ROOT_IS_SCALAR(item))
		{
			value.type = jbvBinary;
			value.val.binary.data = &item->root;
			value.val.binary.len = VARSIZE(item) - VARHDRSZ;
			(void) pushJsonbValue(&state, WJB_ELEM, &value);
			continue;
		}
		iterator = JsonbIteratorInit(&item->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
			if (token == WJB_ELEM)
				(void) pushJsonbValue(&state, WJB_ELEM, &value);
	}
	result = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(result));
}

static Datum
build_object(AggList *list)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < list->n; i++)
	{
		Jsonb	   *item = DatumGetJsonbP(list->items[i].value);
		JsonbIterator *iterator;
		JsonbIteratorToken token;
		JsonbValue	value;

		if (!JB_ROOT_IS_OBJECT(item))
			weir_agg_bad_state();
		iterator = JsonbIteratorInit(&item->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
			if (token == WJB_KEY || token == WJB_VALUE)
				(void) pushJsonbValue(&state, token, &value);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(result));
}
