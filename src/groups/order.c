/*
 * order.c
 *	  The order in which a matrel's lookup index has groups.
 *
 * Groups are ordered by their keys, or where the index is on the hash of the
 * keys by that; then groups with equal hashes are in no particular order.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/owner.h"
#include "base/time_limit.h"
#include "groups/order.h"

/*
 * Comparisons, which may be code of users, that share one time limit.  A sort of
 * millions of groups may take longer than that, however fast they are.
 */
#define COMPARISONS_PER_LIMIT 100000

void
weir_order_set(OrderedGroup *group, GroupSpec *spec, MinimalTuple tuple, const uint32 *hash)
{
	TupleTableSlot *slot = spec->new_slot;

	group->tuple = tuple;
	group->first_null = false;
	group->first = (Datum) 0;
	if (spec->append || spec->keys.nkeys == 0)
		return;
	if (spec->keys.order == NULL && hash != NULL)
	{
		group->first = Int32GetDatum((int32) *hash);
		return;
	}
	ExecStoreMinimalTuple(tuple, slot, false);
	if (spec->keys.order != NULL)
		group->first = slot_getattr(slot, 1, &group->first_null);
	else
	{
		slot_getsomeattrs(slot, spec->keys.nkeys);
		group->first = Int32GetDatum((int32) weir_keys_hash(&spec->keys, slot->tts_values,
															slot->tts_isnull));
	}
}

static int
compare_other_keys(GroupSpec *spec, MinimalTuple a, MinimalTuple b)
{
	TupleTableSlot *x = spec->old_slot;
	TupleTableSlot *y = spec->new_slot;
	int			result = 0;

	ExecStoreMinimalTuple(a, x, false);
	ExecStoreMinimalTuple(b, y, false);
	slot_getsomeattrs(x, spec->keys.nkeys);
	slot_getsomeattrs(y, spec->keys.nkeys);
	for (int i = 1; i < spec->keys.nkeys && result == 0; i++)
		result = ApplySortComparator(x->tts_values[i], x->tts_isnull[i],
									 y->tts_values[i], y->tts_isnull[i], &spec->keys.order[i]);
	return result;
}

int
weir_order_compare(const OrderedGroup *a, const OrderedGroup *b, GroupSpec *spec)
{
	int			result;

	if (spec->keys.order == NULL)
	{
		int32		x = DatumGetInt32(a->first);
		int32		y = DatumGetInt32(b->first);

		return x < y ? -1 : x > y;
	}
	if (spec->keys.nkeys == 0)
		return 0;
	result = ApplySortComparator(a->first, a->first_null, b->first, b->first_null,
								 &spec->keys.order[0]);
	if (result == 0 && spec->keys.nkeys > 1)
		result = compare_other_keys(spec, a->tuple, b->tuple);
	return result;
}

/* Integers and hashes are compared in place. */
static inline int
compare_for_sort(const OrderedGroup *a, const OrderedGroup *b, GroupSpec *spec)
{
	static int	comparisons = 0;

	if (++comparisons >= COMPARISONS_PER_LIMIT)
	{
		comparisons = 0;
		if (weir_owner_inside())
			weir_time_limit_restart();
	}
	if (spec->keys.first_is_integer && !a->first_null && !b->first_null)
	{
		int64		x = DatumGetInt64(a->first);
		int64		y = DatumGetInt64(b->first);

		if (x != y)
			return x < y ? -1 : 1;
		return spec->keys.nkeys > 1 ? compare_other_keys(spec, a->tuple, b->tuple) : 0;
	}
	return weir_order_compare(a, b, spec);
}

#define ST_SORT sort_ordered_groups
#define ST_ELEMENT_TYPE OrderedGroup
#define ST_COMPARE_ARG_TYPE GroupSpec
#define ST_COMPARE(a, b, spec) compare_for_sort(a, b, spec)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static void
sort_groups(OrderedGroup *groups, int64 n, GroupSpec *spec)
{
	if (!spec->append)
		sort_ordered_groups(groups, n, spec);
}

OrderedGroup *
weir_order_table(GroupTable *table, GroupSpec *spec)
{
	OrderedGroup *groups = palloc_extended(sizeof(OrderedGroup) * Max(table->ngroups, 1),
										   MCXT_ALLOC_HUGE);
	uint32		bucket = 0;
	GroupEntry *group = NULL;
	int64		n = 0;

	while ((group = weir_groups_next(table, &bucket, group)) != NULL)
		weir_order_set(&groups[n++], spec, group->tuple, &group->hash);
	Assert(n == table->ngroups);
	sort_groups(groups, n, spec);
	return groups;
}

OrderedGroup *
weir_order_rows(MinimalTuple *tuples, int ntuples, GroupSpec *spec)
{
	OrderedGroup *groups = palloc_extended(sizeof(OrderedGroup) * Max(ntuples, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < ntuples; i++)
		weir_order_set(&groups[i], spec, tuples[i], NULL);
	sort_groups(groups, ntuples, spec);
	return groups;
}

void
weir_order_sort(GroupSpec *spec, MinimalTuple *tuples, int ntuples)
{
	OrderedGroup *groups = weir_order_rows(tuples, ntuples, spec);

	for (int i = 0; i < ntuples; i++)
		tuples[i] = groups[i].tuple;
	pfree(groups);
}
