/*
 * list.h
 *	  A transition state that is a list of values, made into one when it is
 *	  wanted.
 *
 * As AggBuffer, but for values that cannot be put together byte by byte.
 */
#ifndef WEIR_AGG_LIST_H
#define WEIR_AGG_LIST_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/expandeddatum.h"

/* An element, or a whole state whose elements come here. */
typedef struct AggItem
{
	Datum		value;			/* a varlena, not toasted */
	bool		is_state;
} AggItem;

typedef struct AggList
{
	ExpandedObjectHeader hdr;

	/* the state of the items, in CurrentMemoryContext */
	Datum		(*build) (struct AggList *list);
	int			n;
	int			max;
	AggItem    *items;

	/* what build gave, while nothing was added since */
	struct varlena *flat;
} AggList;

/* Argument arg as a list that lives as long as the aggregate's state. */
extern AggList *weir_agg_list(FunctionCallInfo fcinfo, int arg, Datum (*build) (AggList *list));

/* A copy of the value goes into the list. */
extern void weir_agg_list_add(AggList *list, Datum value, bool is_state);

extern Datum weir_agg_list_datum(AggList *list);

#endif
