/*
 * order.h
 *	  The order in which a matrel's lookup index has groups.
 *
 * Comparison functions of the keys run: act as the view's owner.
 */
#ifndef WEIR_GROUPS_ORDER_H
#define WEIR_GROUPS_ORDER_H

#include "postgres.h"

#include "groups/table.h"

/* A row of a group with what it is ordered by. */
typedef struct OrderedGroup
{
	Datum		first;			/* first key, or the hash of all */
	bool		first_null;
	MinimalTuple tuple;
} OrderedGroup;

/* Set it from a row; hash: that of its keys if it is known, or NULL. */
extern void weir_order_set(OrderedGroup *group, GroupSpec *spec, MinimalTuple tuple, const uint32 *hash);

/*
 * Less than, equal to or greater than 0; where the order is by hash, groups
 * that are not the same may be equal.
 */
extern int	weir_order_compare(const OrderedGroup *a, const OrderedGroup *b, GroupSpec *spec);

/*
 * The rows of a table, table->ngroups many, or of an array, ordered; in
 * CurrentMemoryContext.
 */
extern OrderedGroup *weir_order_table(GroupTable *table, GroupSpec *spec);
extern OrderedGroup *weir_order_rows(MinimalTuple *tuples, int ntuples, GroupSpec *spec);

/* Sort rows in place. */
extern void weir_order_sort(GroupSpec *spec, MinimalTuple *tuples, int ntuples);

#endif
