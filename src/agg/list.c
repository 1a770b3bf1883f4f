/*
 * list.c
 *	  A transition state that is a list of values, made into one when it is
 *	  wanted.
 *
 * Process-local; memory as in buffer.c.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "agg/buffer.h"
#include "agg/list.h"
#include "base/compat.h"

static Size list_flat_size(ExpandedObjectHeader *eohptr);
static void list_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size);

static const ExpandedObjectMethods list_methods = {list_flat_size, list_flatten};

AggList *
weir_agg_list(FunctionCallInfo fcinfo, int arg, Datum (*build) (AggList *list))
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	AggList    *list;

	if (!PG_ARGISNULL(arg) && VARATT_IS_EXTERNAL_EXPANDED_RW(PG_GETARG_POINTER(arg)))
	{
		list = (AggList *) DatumGetEOHP(PG_GETARG_DATUM(arg));
		if (list->hdr.eoh_methods == &list_methods && list->build == build)
			return list;
	}
	cxt = AllocSetContextCreate(cxt, "weir aggregate list", ALLOCSET_START_SMALL_SIZES);
	list = MemoryContextAllocZero(cxt, sizeof(AggList));
	EOH_init_header(&list->hdr, &list_methods, cxt);
	list->build = build;
	if (!PG_ARGISNULL(arg))
		weir_agg_list_add(list, PG_GETARG_DATUM(arg), true);
	return list;
}

void
weir_agg_list_add(AggList *list, Datum value, bool is_state)
{
	MemoryContext caller = MemoryContextSwitchTo(list->hdr.eoh_context);

	if (list->n == list->max)
	{
		list->max = Max(list->max * 2, 8);
		list->items = list->items ? repalloc_huge(list->items, sizeof(AggItem) * list->max) :
			palloc(sizeof(AggItem) * list->max);
	}
	list->items[list->n].value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	list->items[list->n].is_state = is_state;
	list->n++;
	if (list->flat)
		pfree(list->flat);
	list->flat = NULL;
	MemoryContextSwitchTo(caller);
}

Datum
weir_agg_list_datum(AggList *list)
{
	return EOHPGetRWDatum(&list->hdr);
}

static Size
list_flat_size(ExpandedObjectHeader *eohptr)
{
	AggList    *list = (AggList *) eohptr;

	if (list->flat == NULL)
	{
		MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "weir aggregate result",
												  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(cxt);
		Datum		result = list->build(list);

		MemoryContextSwitchTo(list->hdr.eoh_context);
		list->flat = PG_DETOAST_DATUM_COPY(result);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(cxt);
	}
	return VARSIZE(list->flat);
}

static void
list_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size)
{
	memcpy(result, ((AggList *) eohptr)->flat, allocated_size);
}
