/*
 * top_n.c
 *	  Values of the rows that come first or last in the order of a key: first,
 *	  last, keyed_min, keyed_max, first_values, top_n.
 *
 * All keep the rows with the n smallest or greatest keys, sorted; n is 1 for
 * most.  Rows whose key is NULL do not count.  Of rows with equal keys those
 * that arrived first are kept, for last and keyed_max those that arrived last.
 *
 * A serialized state, all numbers high byte first:
 *
 *	state := version (a byte, 1), n (int32), type of the key (uint32), type of
 *			 the value (uint32), number of rows (uint32), rows
 *	row	  := key value			as in value.h
 *
 * In a matrel the types are those that the aggregate has: the numbers in the
 * state count only where the state is read by its own query (a parallel plan).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "agg/buffer.h"
#include "agg/value.h"
#include "base/compat.h"
#include "base/weir.h"

#define STATE_VERSION 1
#define MAX_N 100000

typedef struct TopRow
{
	Datum		key;
	Datum		value;
	bool		isnull;			/* the value */
} TopRow;

/* What is looked up once a plan node. */
typedef struct TopTypes
{
	ValueType  *key;
	ValueType  *value;
} TopTypes;

typedef struct TopState
{
	MemoryContext cxt;
	TopTypes   *types;
	int			n;
	int			nrows;
	int			maxrows;
	TopRow	   *rows;			/* best first */
} TopState;

/* Which aggregate it is; argument numbers of the transition function. */
typedef struct TopKind
{
	int			key;
	int			value;
	int			n;				/* 0: one row */
	bool		greatest;
	bool		latest;			/* of equal keys, what came last is better */
} TopKind;

static const TopKind first_kind = {2, 1, 0, false, false};
static const TopKind last_kind = {2, 1, 0, true, true};
static const TopKind keyed_min_kind = {1, 2, 0, false, false};
static const TopKind keyed_max_kind = {1, 2, 0, true, true};
static const TopKind first_values_kind = {3, 2, 1, false, false};
static const TopKind top_n_kind = {3, 2, 1, true, false};
static const TopKind first_values_self_kind = {2, 2, 1, false, false};
static const TopKind top_n_self_kind = {2, 2, 1, true, false};

#define TOP_FUNCTIONS(name) \
	WEIR_FUNCTION(weir_##name##_trans); \
	WEIR_FUNCTION(weir_##name##_combine); \
	WEIR_FUNCTION(weir_##name##_deserialize); \
	Datum \
	weir_##name##_trans(PG_FUNCTION_ARGS) \
	{ \
		return transition(fcinfo, &name##_kind); \
	} \
	Datum \
	weir_##name##_combine(PG_FUNCTION_ARGS) \
	{ \
		return combine(fcinfo, &name##_kind); \
	} \
	Datum \
	weir_##name##_deserialize(PG_FUNCTION_ARGS) \
	{ \
		return deserialize(fcinfo, &name##_kind); \
	}

static Datum transition(FunctionCallInfo fcinfo, const TopKind *kind);
static Datum combine(FunctionCallInfo fcinfo, const TopKind *kind);
static Datum deserialize(FunctionCallInfo fcinfo, const TopKind *kind);

TOP_FUNCTIONS(first)
TOP_FUNCTIONS(last)
TOP_FUNCTIONS(keyed_min)
TOP_FUNCTIONS(keyed_max)
TOP_FUNCTIONS(first_values)
TOP_FUNCTIONS(top_n)
TOP_FUNCTIONS(first_values_self)
TOP_FUNCTIONS(top_n_self)

WEIR_FUNCTION(weir_top_serialize);
WEIR_FUNCTION(weir_top_value);
WEIR_FUNCTION(weir_top_values);

static TopTypes *types_of(FunctionCallInfo fcinfo, Oid key, Oid value);
static TopState *new_state(MemoryContext cxt, TopTypes *types, int n);
static int	given_n(FunctionCallInfo fcinfo, const TopKind *kind);
static void add_row(TopState *state, const TopKind *kind, Oid collation, const TopRow *row);
static int	place_of(TopState *state, const TopKind *kind, Oid collation, Datum key);

static Datum
transition(FunctionCallInfo fcinfo, const TopKind *kind)
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	TopState   *state = PG_ARGISNULL(0) ? NULL : (TopState *) PG_GETARG_POINTER(0);
	TopRow		row;

	if (state == NULL)
		state = new_state(cxt, types_of(fcinfo, get_fn_expr_argtype(fcinfo->flinfo, kind->key),
										get_fn_expr_argtype(fcinfo->flinfo, kind->value)),
						  given_n(fcinfo, kind));
	else if (kind->n && given_n(fcinfo, kind) != state->n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of values must be the same for all rows")));
	if (!PG_ARGISNULL(kind->key))
	{
		row.key = PG_GETARG_DATUM(kind->key);
		row.value = PG_GETARG_DATUM(kind->value);
		row.isnull = PG_ARGISNULL(kind->value);
		add_row(state, kind, PG_GET_COLLATION(), &row);
	}
	PG_RETURN_POINTER(state);
}

static Datum
combine(FunctionCallInfo fcinfo, const TopKind *kind)
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	TopState   *state = PG_ARGISNULL(0) ? NULL : (TopState *) PG_GETARG_POINTER(0);
	TopState   *other = PG_ARGISNULL(1) ? NULL : (TopState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = new_state(cxt, other->types, other->n);
	if (state->n != other->n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of values must be the same for all rows"),
				 errdetail("It is %d and %d.", state->n, other->n)));
	for (int i = 0; i < other->nrows; i++)
	{
		/*
		 * Latest of equal ones first: what was better in there shall be here.
		 */
		int			next = kind->latest ? other->nrows - 1 - i : i;

		add_row(state, kind, PG_GET_COLLATION(), &other->rows[next]);
	}
	PG_RETURN_POINTER(state);
}

/* (internal) -> bytea */
Datum
weir_top_serialize(PG_FUNCTION_ARGS)
{
	TopState   *state;
	StringInfoData buf;
	int			nest;

	(void) weir_agg_context(fcinfo);
	state = (TopState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buf);
	pq_sendbyte(&buf, STATE_VERSION);
	pq_sendint32(&buf, state->n);
	pq_sendint32(&buf, weir_value_type_oid(state->types->key));
	pq_sendint32(&buf, weir_value_type_oid(state->types->value));
	pq_sendint32(&buf, state->nrows);
	nest = weir_value_settings_begin();
	for (int i = 0; i < state->nrows; i++)
	{
		weir_value_write(&buf, state->types->key, state->rows[i].key, false);
		weir_value_write(&buf, state->types->value, state->rows[i].value, state->rows[i].isnull);
	}
	weir_value_settings_end(nest);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * (bytea, internal [, the aggregate's arguments, for their types]) -> internal
 */
static Datum
deserialize(FunctionCallInfo fcinfo, const TopKind *kind)
{
	bytea	   *bytes;
	StringInfoData buf;
	TopState   *state;
	TopTypes   *types;
	Oid			oids[2];
	int			n;
	uint32		nrows;
	int			nest;

	(void) weir_agg_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	weir_check_version("partial state", (uint8) pq_getmsgbyte(&buf), STATE_VERSION);
	n = (int) pq_getmsgint(&buf, 4);
	oids[0] = pq_getmsgint(&buf, 4);
	oids[1] = pq_getmsgint(&buf, 4);
	nrows = pq_getmsgint(&buf, 4);
	if (n < 1 || n > MAX_N || nrows > (uint32) n)
		weir_agg_bad_state();
	if (OidIsValid(get_fn_expr_argtype(fcinfo->flinfo, kind->key + 1)))
	{
		oids[0] = get_fn_expr_argtype(fcinfo->flinfo, kind->key + 1);
		oids[1] = get_fn_expr_argtype(fcinfo->flinfo, kind->value + 1);
	}
	types = types_of(fcinfo, oids[0], oids[1]);
	state = new_state(CurrentMemoryContext, types, n);
	state->maxrows = nrows;
	state->rows = palloc(sizeof(TopRow) * Max(nrows, 1));
	nest = weir_value_settings_begin();
	for (uint32 i = 0; i < nrows; i++)
	{
		TopRow	   *row = &state->rows[i];
		bool		isnull;

		row->key = weir_value_read(&buf, types->key, &isnull);
		if (isnull)
			weir_agg_bad_state();
		row->value = weir_value_read(&buf, types->value, &row->isnull);
		state->nrows++;
	}
	weir_value_settings_end(nest);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/* (internal, arguments) -> the value */
Datum
weir_top_value(PG_FUNCTION_ARGS)
{
	TopState   *state;

	(void) weir_agg_context(fcinfo);
	state = PG_ARGISNULL(0) ? NULL : (TopState *) PG_GETARG_POINTER(0);
	if (state == NULL || state->nrows == 0 || state->rows[0].isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(weir_value_copy(state->types->value, state->rows[0].value));
}

/*
 * (internal, arguments) -> array of the values, best first; NULL without rows
 */
Datum
weir_top_values(PG_FUNCTION_ARGS)
{
	TopState   *state;
	ArrayBuildState *array = NULL;

	(void) weir_agg_context(fcinfo);
	state = PG_ARGISNULL(0) ? NULL : (TopState *) PG_GETARG_POINTER(0);
	if (state == NULL || state->nrows == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < state->nrows; i++)
		array = accumArrayResult(array, state->rows[i].value, state->rows[i].isnull,
								 weir_value_type_oid(state->types->value), CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(array, CurrentMemoryContext));
}

static TopTypes *
types_of(FunctionCallInfo fcinfo, Oid key, Oid value)
{
	TopTypes   *types = fcinfo->flinfo->fn_extra;

	if (types == NULL || weir_value_type_oid(types->key) != key ||
		weir_value_type_oid(types->value) != value)
	{
		types = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(TopTypes));
		types->key = weir_value_type(key, fcinfo->flinfo->fn_mcxt);
		types->value = weir_value_type(value, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = types;
	}
	return types;
}

static TopState *
new_state(MemoryContext cxt, TopTypes *types, int n)
{
	TopState   *state = MemoryContextAllocZero(cxt, sizeof(TopState));

	state->cxt = cxt;
	state->types = types;
	state->n = n;
	return state;
}

static int
given_n(FunctionCallInfo fcinfo, const TopKind *kind)
{
	int			n;

	if (kind->n == 0)
		return 1;
	n = PG_ARGISNULL(kind->n) ? 0 : PG_GETARG_INT32(kind->n);
	if (n < 1 || n > MAX_N)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of values must be between 1 and %d", MAX_N)));
	return n;
}

/* Copies the row if it is among the best. */
static void
add_row(TopState *state, const TopKind *kind, Oid collation, const TopRow *row)
{
	int			place = place_of(state, kind, collation, row->key);
	MemoryContext caller;
	TopRow	   *to;

	if (place == state->n)
		return;
	caller = MemoryContextSwitchTo(state->cxt);
	if (state->nrows == state->n)
	{
		TopRow	   *out = &state->rows[--state->nrows];

		weir_value_free(state->types->key, out->key);
		if (!out->isnull)
			weir_value_free(state->types->value, out->value);
	}
	else if (state->nrows == state->maxrows)
	{
		state->maxrows = Min(Max(state->maxrows * 2, 4), state->n);
		state->rows = state->rows ? repalloc(state->rows, sizeof(TopRow) * state->maxrows) :
			palloc(sizeof(TopRow) * state->maxrows);
	}
	to = &state->rows[place];
	memmove(to + 1, to, sizeof(TopRow) * (state->nrows - place));
	state->nrows++;
	to->key = weir_value_copy(state->types->key, row->key);
	to->isnull = row->isnull;
	to->value = row->isnull ? (Datum) 0 : weir_value_copy(state->types->value, row->value);
	MemoryContextSwitchTo(caller);
}

/* How many rows are better. */
static int
place_of(TopState *state, const TopKind *kind, Oid collation, Datum key)
{
	int			low = 0;
	int			high = state->nrows;

	while (low < high)
	{
		int			mid = (low + high) / 2;
		int			order = weir_value_compare(state->types->key, collation, state->rows[mid].key, key);
		bool		better = order == 0 ? !kind->latest : kind->greatest ? order > 0 : order < 0;

		if (better)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
