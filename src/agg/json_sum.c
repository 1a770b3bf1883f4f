/*
 * json_sum.c
 *	  json_object_int_sum: JSON objects of integers, added up key by key.
 *
 * The state is the result, a jsonb object.  Sums are numeric: they never
 * overflow.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "agg/buffer.h"
#include "base/compat.h"
#include "base/weir.h"

WEIR_FUNCTION(weir_json_sum_trans);
WEIR_FUNCTION(weir_json_sum_combine);

static Jsonb *state_arg(FunctionCallInfo fcinfo, int arg);
static Jsonb *argument(FunctionCallInfo fcinfo, int arg);
static Jsonb *add(Jsonb *a, Jsonb *b);
static bool is_integer(const JsonbValue *value);
static JsonbValue integer_of(const JsonbValue *key, const JsonbValue *value);

/*
 * (state jsonb, text or jsonb) -> jsonb; errors for what is no object of
 * integers
 */
Datum
weir_json_sum_trans(PG_FUNCTION_ARGS)
{
	Jsonb	   *state = PG_ARGISNULL(0) ? NULL : state_arg(fcinfo, 0);

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_JSONB_P(state);
	}
	PG_RETURN_JSONB_P(add(state, argument(fcinfo, 1)));
}

/* (jsonb, jsonb) -> jsonb, strict */
Datum
weir_json_sum_combine(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(add(state_arg(fcinfo, 0), state_arg(fcinfo, 1)));
}

/* An object of integers: anybody can pass anything. */
static Jsonb *
state_arg(FunctionCallInfo fcinfo, int arg)
{
	Jsonb	   *state = PG_GETARG_JSONB_P(arg);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(state))
		weir_agg_bad_state();
	it = JsonbIteratorInit(&state->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_VALUE && !is_integer(&value))
			weir_agg_bad_state();
	return state;
}

static Jsonb *
argument(FunctionCallInfo fcinfo, int arg)
{
	Jsonb	   *value;

	if (get_fn_expr_argtype(fcinfo->flinfo, arg) == JSONBOID)
		value = PG_GETARG_JSONB_P(arg);
	else
		value = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												   CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(arg)))));
	if (!JB_ROOT_IS_OBJECT(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument of json_object_int_sum is not a JSON object")));
	return value;
}

/* a NULL: of no rows */
static Jsonb *
add(Jsonb *a, Jsonb *b)
{
	JsonbParseState *parse = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	JsonbValue	integer;

	(void) pushJsonbValue(&parse, WJB_BEGIN_OBJECT, NULL);
	it = JsonbIteratorInit(&b->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		JsonbValue *old;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		integer = integer_of(&key, &value);
		old = a ? findJsonbValueFromContainer(&a->root, JB_FOBJECT, &key) : NULL;
		if (old)
			integer.val.numeric = DatumGetNumeric(DirectFunctionCall2(numeric_add,
																	  NumericGetDatum(old->val.numeric),
																	  NumericGetDatum(integer.val.numeric)));
		(void) pushJsonbValue(&parse, WJB_KEY, &key);
		(void) pushJsonbValue(&parse, WJB_VALUE, &integer);
	}
	it = a ? JsonbIteratorInit(&a->root) : NULL;
	while (it && (token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (findJsonbValueFromContainer(&b->root, JB_FOBJECT, &key))
			continue;
		(void) pushJsonbValue(&parse, WJB_KEY, &key);
		(void) pushJsonbValue(&parse, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&parse, WJB_END_OBJECT, NULL));
}

static bool
is_integer(const JsonbValue *value)
{
	return value->type == jbvNumeric &&
		DatumGetInt32(DirectFunctionCall1(numeric_min_scale, NumericGetDatum(value->val.numeric))) <= 0;
}

static JsonbValue
integer_of(const JsonbValue *key, const JsonbValue *value)
{
	JsonbValue	result = *value;

	if (!is_integer(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value of key \"%s\" is not an integer",
						pnstrdup(key->val.string.val, key->val.string.len))));
	result.val.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
															 NumericGetDatum(value->val.numeric)));
	return result;
}
