/*
 * array_agg.c
 *	  array_agg of arrays, and xmlagg, whose states can be combined.
 *
 * A state is the result.  (array_agg of other values is made of PostgreSQL's
 * array_append and array_cat.) While rows are added an array is in
 * PostgreSQL's own expanded form: functions of arrays take any expanded array
 * for one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/xml.h"

#include "agg/buffer.h"
#include "agg/list.h"
#include "base/compat.h"
#include "base/weir.h"

WEIR_FUNCTION(weir_array_agg_trans);
WEIR_FUNCTION(weir_array_agg_combine);
WEIR_FUNCTION(weir_xml_agg_trans);
WEIR_FUNCTION(weir_xml_agg_combine);

static ExpandedArrayHeader *array_state(FunctionCallInfo fcinfo, Oid element_type);
static void add_array(ExpandedArrayHeader *state, ArrayType *array, bool as_element);
static void begin_shape(ExpandedArrayHeader *state, const ArrayType *array, bool as_element);
static bool same_shape(const ExpandedArrayHeader *state, const ArrayType *array, bool as_element);
static void add_elements(ExpandedArrayHeader *state, const Datum *values, const bool *nulls, int n);
static Datum build_xml(AggList *list);

/* (state anyarray, value anyarray) -> anyarray */
Datum
weir_array_agg_trans(PG_FUNCTION_ARGS)
{
	ExpandedArrayHeader *state;
	ArrayType  *array;

	(void) weir_agg_context(fcinfo);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cannot accumulate null arrays")));
	array = PG_GETARG_ARRAYTYPE_P(1);
	if (ARR_NDIM(array) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cannot accumulate empty arrays")));
	if (ARR_NDIM(array) + 1 > MAXDIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of array dimensions (%d) exceeds the maximum allowed (%d)",
						ARR_NDIM(array) + 1, MAXDIM)));
	state = array_state(fcinfo, ARR_ELEMTYPE(array));
	add_array(state, array, true);
	return EOHPGetRWDatum(&state->hdr);
}

/* (anyarray, anyarray) -> anyarray, strict */
Datum
weir_array_agg_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	ExpandedArrayHeader *state = array_state(fcinfo, ARR_ELEMTYPE(array));

	if (ARR_NDIM(array) == 0)
		weir_agg_bad_state();
	add_array(state, array, false);
	return EOHPGetRWDatum(&state->hdr);
}

/* (state xml, value xml) -> xml */
Datum
weir_xml_agg_trans(PG_FUNCTION_ARGS)
{
	AggList    *list;

	if (PG_ARGISNULL(1))
	{
		(void) weir_agg_context(fcinfo);
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	list = weir_agg_list(fcinfo, 0, build_xml);
	weir_agg_list_add(list, PG_GETARG_DATUM(1), false);
	return weir_agg_list_datum(list);
}

/* (xml, xml) -> xml, strict */
Datum
weir_xml_agg_combine(PG_FUNCTION_ARGS)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_xml);

	weir_agg_list_add(list, PG_GETARG_DATUM(1), true);
	return weir_agg_list_datum(list);
}

/*
 * Argument 0 as an array that lives as long as the aggregate's state: the very
 * one that is passed, or a new one.
 */
static ExpandedArrayHeader *
array_state(FunctionCallInfo fcinfo, Oid element_type)
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	ExpandedArrayHeader *state;

	if (PG_ARGISNULL(0))
		state = construct_empty_expanded_array(element_type, cxt, NULL);
	else if (VARATT_IS_EXTERNAL_EXPANDED_RW(PG_GETARG_POINTER(0)))
		state = (ExpandedArrayHeader *) DatumGetEOHP(PG_GETARG_DATUM(0));
	else
		state = (ExpandedArrayHeader *) DatumGetEOHP(expand_array(PG_GETARG_DATUM(0), cxt, NULL));
	deconstruct_expanded_array(state);
	return state;
}

/*
 * Behind what is there along the first dimension: as one element of that, or
 * as many as it has itself.
 */
static void
add_array(ExpandedArrayHeader *state, ArrayType *array, bool as_element)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			dims[MAXDIM];

	if (state->ndims == 0)
		begin_shape(state, array, as_element);
	else if (!same_shape(state, array, as_element))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cannot accumulate arrays of different dimensionality")));
	memcpy(dims, state->dims, sizeof(int) * state->ndims);
	dims[0] += as_element ? 1 : ARR_DIMS(array)[0];
	(void) ArrayGetNItems(state->ndims, dims);
	deconstruct_array(array, state->element_type, state->typlen, state->typbyval, state->typalign,
					  &values, &nulls, &n);
	add_elements(state, values, nulls, n);
	state->dims[0] = dims[0];
	pfree(values);
	pfree(nulls);
}

static void
begin_shape(ExpandedArrayHeader *state, const ArrayType *array, bool as_element)
{
	int			ndims = ARR_NDIM(array) + as_element;
	int		   *dims = MemoryContextAlloc(state->hdr.eoh_context, sizeof(int) * ndims);
	int		   *lbound = MemoryContextAlloc(state->hdr.eoh_context, sizeof(int) * ndims);

	memcpy(dims + as_element, ARR_DIMS(array), sizeof(int) * ARR_NDIM(array));
	memcpy(lbound + as_element, ARR_LBOUND(array), sizeof(int) * ARR_NDIM(array));
	dims[0] = 0;
	if (as_element)
		lbound[0] = 1;
	state->dims = dims;
	state->lbound = lbound;
	state->ndims = ndims;
}

/* But for the number of what is along the first dimension. */
static bool
same_shape(const ExpandedArrayHeader *state, const ArrayType *array, bool as_element)
{
	if (state->ndims != ARR_NDIM(array) + as_element)
		return false;
	for (int i = 1; i < state->ndims; i++)
		if (state->dims[i] != ARR_DIMS(array)[i - as_element] ||
			state->lbound[i] != ARR_LBOUND(array)[i - as_element])
			return false;
	return true;
}

/* Copies them.  What the array was in flat form is true no more. */
static void
add_elements(ExpandedArrayHeader *state, const Datum *values, const bool *nulls, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(state->hdr.eoh_context);

	state->fvalue = NULL;
	state->flat_size = 0;
	if (state->nelems + n > state->dvalueslen)
	{
		int			room = Max(state->nelems + n, 2 * state->dvalueslen);

		state->dvalues = repalloc_huge(state->dvalues, sizeof(Datum) * room);
		if (state->dnulls)
			state->dnulls = repalloc_huge(state->dnulls, sizeof(bool) * room);
		state->dvalueslen = room;
	}
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] && state->dnulls == NULL)
			state->dnulls = palloc_extended(sizeof(bool) * state->dvalueslen, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		if (state->dnulls)
			state->dnulls[state->nelems] = nulls[i];
		state->dvalues[state->nelems] = nulls[i] ? (Datum) 0 : datumCopy(values[i], state->typbyval, state->typlen);
		state->nelems++;
	}
	MemoryContextSwitchTo(caller);
}

static Datum
build_xml(AggList *list)
{
	List	   *items = NIL;

	for (int i = 0; i < list->n; i++)
		items = lappend(items, DatumGetPointer(list->items[i].value));
	return XmlPGetDatum(xmlconcat(items));
}
