/*
 * array_agg.c
 *	  array_agg of arrays, and xmlagg, whose states can be combined.
 *
 * A state is the result.  (array_agg of other values is made of PostgreSQL's
 * array_append and array_cat.)
 */
#include "postgres.h"

#include "agg/buffer.h"
#include "agg/list.h"
#include "base/compat.h"
#include "base/weir.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/xml.h"

WEIR_FUNCTION(weir_array_agg_trans);
WEIR_FUNCTION(weir_array_agg_combine);
WEIR_FUNCTION(weir_xml_agg_trans);
WEIR_FUNCTION(weir_xml_agg_combine);

static Datum build_array(AggList *list);
static Datum made_of(ArrayBuildStateArr *arrays);
static Datum append_arrays(Datum a, Datum b);
static Datum build_xml(AggList *list);

/* (state anyarray, value anyarray) -> anyarray */
Datum
weir_array_agg_trans(PG_FUNCTION_ARGS)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_array);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cannot accumulate null arrays")));
	weir_agg_list_add(list, PG_GETARG_DATUM(1), false);
	return weir_agg_list_datum(list);
}

/* (anyarray, anyarray) -> anyarray, strict */
Datum
weir_array_agg_combine(PG_FUNCTION_ARGS)
{
	AggList    *list = weir_agg_list(fcinfo, 0, build_array);

	weir_agg_list_add(list, PG_GETARG_DATUM(1), true);
	return weir_agg_list_datum(list);
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

static Datum
build_array(AggList *list)
{
	ArrayBuildStateArr *arrays = NULL;
	Datum		result = (Datum) 0;

	for (int i = 0; i < list->n; i++)
	{
		ArrayType  *item = DatumGetArrayTypeP(list->items[i].value);

		if (!list->items[i].is_state)
			arrays = accumArrayResultArr(arrays, list->items[i].value, false,
										 get_array_type(ARR_ELEMTYPE(item)), CurrentMemoryContext);
		else
		{
			if (arrays)
				result = append_arrays(result, made_of(arrays));
			arrays = NULL;
			result = append_arrays(result, list->items[i].value);
		}
	}
	return arrays ? append_arrays(result, made_of(arrays)) : result;
}

static Datum
made_of(ArrayBuildStateArr *arrays)
{
	return makeArrayResultArr(arrays, CurrentMemoryContext, true);
}

/* Along the first dimension; a is nothing at first. */
static Datum
append_arrays(Datum a, Datum b)
{
	if (a == (Datum) 0)
		return b;

	/* array_cat would take an array with a dimension less for an element. */
	if (ARR_NDIM(DatumGetArrayTypeP(a)) != ARR_NDIM(DatumGetArrayTypeP(b)))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cannot accumulate arrays of different dimensionality")));
	return OidFunctionCall2(F_ARRAY_CAT, a, b);
}

static Datum
build_xml(AggList *list)
{
	List	   *items = NIL;

	for (int i = 0; i < list->n; i++)
		items = lappend(items, DatumGetPointer(list->items[i].value));
	return XmlPGetDatum(xmlconcat(items));
}
