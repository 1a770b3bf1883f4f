/*
 * kept.c
 *	  States over different values: what new values make of them.
 *
 * A hash table of the groups that got new values in this flush.  While values
 * are noted, a group has transition states, which the aggregate's own
 * transition function takes them into; then they become partial states, as the
 * continuous query would have given them.
 *
 * Memory: a context of its own, and that of the aggregates, which the writer of
 * the matrel resets; so no transition state may be left when that writer is used
 * (weir_kept_finish).  When there is more than maintenance_work_mem, what there
 * is is written to the matrel early (flush/write_view.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "groups/order.h"
#include "matrel/kept.h"
#include "query/values.h"

#define INITIAL_BUCKETS 256

/* One state that is kept. */
typedef struct KeptState
{
	int			state;			/* index in the view's states */
	int			values;			/* of the values relation */
	int			column;			/* of the values relation: what it takes; -1: each row counts */
	PartialAgg *agg;			/* the matrel's own */
} KeptState;

typedef struct KeptGroup
{
	struct KeptGroup *next;		/* in its bucket */
	uint32		hash;
	bool		taken;
	MinimalTuple key;			/* of the matrel's type, states NULL */
	NullableDatum states[FLEXIBLE_ARRAY_MEMBER];
} KeptGroup;

struct KeptValues
{
	MemoryContext cxt;
	ViewRuntime *runtime;
	TupleTableSlot *slot;		/* for keys */
	int			nstates;
	KeptState  *states;
	uint32		nbuckets;		/* a power of two */
	KeptGroup **buckets;
	KeptGroup  *last;			/* that was noted: of values in order the next is often the same */
	int			ngroups;
};

KeptValues *
weir_kept_begin(ViewRuntime *runtime)
{
	ContQuery  *query = runtime->query;
	MemoryContext cxt;
	MemoryContext old;
	KeptValues *kept;
	int			n = 0;

	for (int i = 0; i < query->nstates; i++)
		n += query->states[i].written != NULL;
	if (n == 0)
		return NULL;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "weir kept values", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	kept = palloc0(sizeof(KeptValues));
	kept->cxt = cxt;
	kept->runtime = runtime;
	kept->slot = MakeSingleTupleTableSlot(runtime->spec.desc, &TTSOpsMinimalTuple);
	kept->nbuckets = INITIAL_BUCKETS;
	kept->buckets = palloc0(sizeof(KeptGroup *) * kept->nbuckets);
	kept->states = palloc0(sizeof(KeptState) * n);
	for (int i = 0; i < query->nstates; i++)
	{
		Aggref	   *written = query->states[i].written;

		if (written == NULL)
			continue;
		kept->states[kept->nstates++] = (KeptState) {
			i, weir_values_find(query, written), weir_values_kept_argument(query, written), runtime->spec.states[i]
		};
		weir_partial_agg_reset(runtime->spec.states[i]);
	}
	MemoryContextSwitchTo(old);
	return kept;
}

bool
weir_kept_counts(KeptValues *kept, int n, Datum state, bool null)
{
	ContQuery  *part = ((ValuesRel *) list_nth(kept->runtime->query->values, n))->query;

	if (part->nstates == 0)
		return true;
	if (null)
		return false;
	return part->states[0].statetype == BOOLOID ? DatumGetBool(state) : DatumGetInt64(state) > 0;
}

static KeptGroup *
find_group(KeptValues *kept, uint32 hash, TupleTableSlot *row)
{
	GroupSpec  *spec = &kept->runtime->spec;
	KeptGroup  *group = kept->last;

	if (group == NULL || group->hash != hash)
		group = kept->buckets[hash & (kept->nbuckets - 1)];
	for (; group; group = group->next)
	{
		if (group->hash != hash)
			continue;
		ExecStoreMinimalTuple(group->key, kept->slot, false);
		slot_getsomeattrs(kept->slot, spec->keys.nkeys);
		if (weir_keys_equal(&spec->keys, kept->slot->tts_values, kept->slot->tts_isnull,
							row->tts_values, row->tts_isnull))
			return group;
	}
	return NULL;
}

static void
double_buckets(KeptValues *kept)
{
	KeptGroup **old = kept->buckets;
	uint32		nold = kept->nbuckets;

	kept->nbuckets *= 2;
	kept->buckets = MemoryContextAllocExtended(kept->cxt, sizeof(KeptGroup *) * kept->nbuckets,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < nold; i++)
	{
		KeptGroup  *next;

		for (KeptGroup *group = old[i]; group; group = next)
		{
			KeptGroup **bucket = &kept->buckets[group->hash & (kept->nbuckets - 1)];

			next = group->next;
			group->next = *bucket;
			*bucket = group;
		}
	}
	pfree(old);
}

static KeptGroup *
add_group(KeptValues *kept, uint32 hash, TupleTableSlot *row)
{
	GroupSpec  *spec = &kept->runtime->spec;
	MemoryContext old = MemoryContextSwitchTo(kept->cxt);
	KeptGroup  *group = palloc0(offsetof(KeptGroup, states) + sizeof(NullableDatum) * kept->nstates);
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	KeptGroup **bucket;

	memset(nulls, true, sizeof(bool) * spec->desc->natts);
	memcpy(values, row->tts_values, sizeof(Datum) * spec->keys.nkeys);
	memcpy(nulls, row->tts_isnull, sizeof(bool) * spec->keys.nkeys);
	group->key = heap_form_minimal_tuple(spec->desc, values, nulls, 0);
	group->hash = hash;
	for (int i = 0; i < kept->nstates; i++)
		group->states[i].value = weir_partial_agg_start(kept->states[i].agg, &group->states[i].isnull);
	if (kept->ngroups >= kept->nbuckets)
		double_buckets(kept);
	bucket = &kept->buckets[hash & (kept->nbuckets - 1)];
	group->next = *bucket;
	*bucket = group;
	kept->ngroups++;
	MemoryContextSwitchTo(old);
	return group;
}

void
weir_kept_note(KeptValues *kept, int n, TupleTableSlot *row)
{
	KeySet	   *keys = &kept->runtime->spec.keys;
	uint32		hash = weir_keys_hash(keys, row->tts_values, row->tts_isnull);
	KeptGroup  *group = find_group(kept, hash, row);

	if (group == NULL)
		group = add_group(kept, hash, row);
	kept->last = group;
	for (int i = 0; i < kept->nstates; i++)
	{
		KeptState  *state = &kept->states[i];
		NullableDatum *trans = &group->states[i];
		int			c = state->column;

		if (state->values == n)
			trans->value = weir_partial_agg_advance(state->agg, trans->value, trans->isnull,
													c < 0 ? BoolGetDatum(true) : row->tts_values[c],
													c < 0 ? false : row->tts_isnull[c], &trans->isnull);
	}
}

bool
weir_kept_is_full(KeptValues *kept)
{
	Size		used = MemoryContextMemAllocated(kept->cxt, true);

	for (int i = 0; i < kept->nstates; i++)
		used += MemoryContextMemAllocated(kept->states[i].agg->aggcontext, true);
	return used > (Size) maintenance_work_mem * 1024;
}

static void
finish_group(KeptValues *kept, KeptGroup *group)
{
	for (int i = 0; i < kept->nstates; i++)
	{
		PartialAgg *agg = kept->states[i].agg;
		NullableDatum *state = &group->states[i];

		if (agg->internal && !state->isnull)
			state->value = weir_partial_agg_serialize(agg, (fmNodePtr) agg->aggstate, state->value);
		else if (!state->isnull)
			state->value = datumCopy(state->value, agg->statebyval, agg->statelen);
	}
}

void
weir_kept_finish(KeptValues *kept)
{
	MemoryContext old = MemoryContextSwitchTo(kept->cxt);

	for (uint32 i = 0; i < kept->nbuckets; i++)
		for (KeptGroup *group = kept->buckets[i]; group; group = group->next)
		{
			CHECK_FOR_INTERRUPTS();
			finish_group(kept, group);
		}
	for (int i = 0; i < kept->nstates; i++)
		weir_partial_agg_reset(kept->states[i].agg);
	kept->last = NULL;
	MemoryContextSwitchTo(old);
}

void
weir_kept_take(KeptValues *kept, TupleTableSlot *group)
{
	GroupSpec  *spec = &kept->runtime->spec;
	KeptGroup  *found;

	if (kept->ngroups == 0)
		return;
	found = find_group(kept, weir_keys_hash(&spec->keys, group->tts_values, group->tts_isnull), group);
	if (found == NULL || found->taken)
		return;
	found->taken = true;
	for (int i = 0; i < kept->nstates; i++)
	{
		int			c = spec->keys.nkeys + kept->states[i].state;

		group->tts_values[c] = found->states[i].value;
		group->tts_isnull[c] = found->states[i].isnull;
	}
}

/* A row with the group's key, its kept states, and of all others those of no rows. */
static MinimalTuple
row_of_group(KeptValues *kept, KeptGroup *group)
{
	GroupSpec  *spec = &kept->runtime->spec;
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	int			nkeys = spec->keys.nkeys;

	ExecStoreMinimalTuple(group->key, kept->slot, false);
	slot_getsomeattrs(kept->slot, nkeys);
	memcpy(values, kept->slot->tts_values, sizeof(Datum) * nkeys);
	memcpy(nulls, kept->slot->tts_isnull, sizeof(bool) * nkeys);
	for (int i = 0; i < spec->nstates; i++)
	{
		values[nkeys + i] = spec->states[i]->initvalue;
		nulls[nkeys + i] = spec->states[i]->initisnull;
	}
	for (int i = 0; i < kept->nstates; i++)
	{
		values[nkeys + kept->states[i].state] = group->states[i].value;
		nulls[nkeys + kept->states[i].state] = group->states[i].isnull;
	}
	return heap_form_minimal_tuple(spec->desc, values, nulls, 0);
}

int
weir_kept_rest(KeptValues *kept, MinimalTuple **tuples)
{
	MemoryContext old = MemoryContextSwitchTo(kept->cxt);
	int			n = 0;

	*tuples = palloc_extended(sizeof(MinimalTuple) * Max(kept->ngroups, 1), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < kept->nbuckets; i++)
		for (KeptGroup *group = kept->buckets[i]; group; group = group->next)
			if (!group->taken)
				(*tuples)[n++] = row_of_group(kept, group);
	weir_order_sort(&kept->runtime->spec, *tuples, n);
	MemoryContextSwitchTo(old);
	return n;
}

void
weir_kept_end(KeptValues *kept)
{
	ExecDropSingleTupleTableSlot(kept->slot);
	MemoryContextDelete(kept->cxt);
}
