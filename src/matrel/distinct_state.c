/*
 * distinct_state.c
 *	  Incremental DISTINCT states: what new values make of states over
 *	  different values.
 *
 * A hash table of the groups that got new values in this flush.  While values
 * come, a group has transition states, which the aggregate's own
 * transition function takes them into; then they become partial states, as the
 * continuous query would have given them.
 *
 * Memory: a context of its own, and that of the aggregates, which the writer
 * of the matrel resets; so no transition state may be left when that writer is
 * used (weir_distinct_finish).  When there is more than maintenance_work_mem,
 * what there is is written to the matrel early (flush/write_view.c).
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
#include "matrel/distinct_state.h"
#include "query/values.h"

#define INITIAL_BUCKETS 256

typedef struct DistinctState
{
	int			state;			/* index in the view's states */
	int			values;			/* of the values relation */

	/* key of that: the argument; -1: none, each row counts */
	int			column;
	PartialAgg *agg;			/* the matrel's own */
} DistinctState;

typedef struct DistinctGroup
{
	struct DistinctGroup *next; /* in its bucket */
	uint32		hash;
	bool		taken;
	MinimalTuple key;			/* of the matrel's type, states NULL */
	NullableDatum states[FLEXIBLE_ARRAY_MEMBER];
} DistinctGroup;

/* Told of the rows of one values relation. */
typedef struct ValuesListener
{
	ChangeListener listener;
	DistinctStates *distinct;
	int			n;				/* which values relation */

	/* the state that says whether a row counts; -1: each does */
	int			column;
	bool		is_bool;		/* it is true, or a count above 0 */
} ValuesListener;

struct DistinctStates
{
	ChangeListener listener;	/* of the matrel */
	int			nvalues;
	ValuesListener *values;
	MemoryContext cxt;
	ViewRuntime *runtime;
	TupleTableSlot *slot;		/* for keys */
	int			nstates;
	DistinctState *states;
	uint32		nbuckets;		/* a power of two */
	DistinctGroup **buckets;

	/* of the last new value: the next one is often of the same */
	DistinctGroup *last;
	int			ngroups;
};

static void begin_values(DistinctStates *distinct);
static void value_changed(ChangeListener *self, TupleTableSlot *old_row, TupleTableSlot *new_row,
						  TupleTableSlot *delta);
static void group_arriving(ChangeListener *self, TupleTableSlot *group);

DistinctStates *
weir_distinct_begin(ViewRuntime *runtime)
{
	ContQuery  *query = runtime->query;
	MemoryContext cxt;
	MemoryContext old;
	DistinctStates *distinct;
	int			n = 0;

	for (int i = 0; i < query->nstates; i++)
		n += query->states[i].written != NULL;
	if (n == 0)
		return NULL;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "weir distinct states", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	distinct = palloc0(sizeof(DistinctStates));
	distinct->cxt = cxt;
	distinct->runtime = runtime;
	distinct->slot = MakeSingleTupleTableSlot(runtime->spec.desc, &TTSOpsMinimalTuple);
	distinct->nbuckets = INITIAL_BUCKETS;
	distinct->buckets = palloc0(sizeof(DistinctGroup *) * distinct->nbuckets);
	distinct->states = palloc0(sizeof(DistinctState) * n);
	for (int i = 0; i < query->nstates; i++)
	{
		Aggref	   *written = query->states[i].written;

		if (written == NULL)
			continue;
		distinct->states[distinct->nstates++] = (DistinctState) {
			i, weir_values_find(query, written), weir_values_kept_argument(query, written), runtime->spec.states[i]
		};
		weir_partial_agg_reset(runtime->spec.states[i]);
	}
	distinct->listener.arriving = group_arriving;
	begin_values(distinct);
	MemoryContextSwitchTo(old);
	return distinct;
}

static void
begin_values(DistinctStates *distinct)
{
	ListCell   *lc;

	distinct->values = palloc0(sizeof(ValuesListener) * list_length(distinct->runtime->query->values));
	foreach(lc, distinct->runtime->query->values)
	{
		ContQuery  *query = ((ValuesRel *) lfirst(lc))->query;
		ValuesListener *values = &distinct->values[distinct->nvalues];

		values->listener.changed = value_changed;
		values->distinct = distinct;
		values->n = distinct->nvalues++;
		values->column = query->nstates > 0 ? query->states[0].column : -1;
		values->is_bool = query->nstates > 0 && query->states[0].statetype == BOOLOID;
	}
}

ChangeListener *
weir_distinct_of_values(DistinctStates *distinct, int n)
{
	return &distinct->values[n].listener;
}

ChangeListener *
weir_distinct_of_matrel(DistinctStates *distinct)
{
	return &distinct->listener;
}

static DistinctGroup *
find_group(DistinctStates *distinct, uint32 hash, TupleTableSlot *row)
{
	GroupSpec  *spec = &distinct->runtime->spec;
	DistinctGroup *group = distinct->last;

	if (group == NULL || group->hash != hash)
		group = distinct->buckets[hash & (distinct->nbuckets - 1)];
	for (; group; group = group->next)
	{
		if (group->hash != hash)
			continue;
		ExecStoreMinimalTuple(group->key, distinct->slot, false);
		slot_getsomeattrs(distinct->slot, spec->keys.nkeys);
		if (weir_keys_equal(&spec->keys, distinct->slot->tts_values, distinct->slot->tts_isnull,
							row->tts_values, row->tts_isnull))
			return group;
	}
	return NULL;
}

static void
double_buckets(DistinctStates *distinct)
{
	DistinctGroup **old = distinct->buckets;
	uint32		nold = distinct->nbuckets;

	distinct->nbuckets *= 2;
	distinct->buckets = MemoryContextAllocExtended(distinct->cxt, sizeof(DistinctGroup *) * distinct->nbuckets,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < nold; i++)
	{
		DistinctGroup *next;

		for (DistinctGroup *group = old[i]; group; group = next)
		{
			DistinctGroup **bucket = &distinct->buckets[group->hash & (distinct->nbuckets - 1)];

			next = group->next;
			group->next = *bucket;
			*bucket = group;
		}
	}
	pfree(old);
}

static DistinctGroup *
add_group(DistinctStates *distinct, uint32 hash, TupleTableSlot *row)
{
	GroupSpec  *spec = &distinct->runtime->spec;
	MemoryContext old = MemoryContextSwitchTo(distinct->cxt);
	DistinctGroup *group = palloc0(offsetof(DistinctGroup, states) + sizeof(NullableDatum) * distinct->nstates);
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	DistinctGroup **bucket;

	memset(nulls, true, sizeof(bool) * spec->desc->natts);
	memcpy(values, row->tts_values, sizeof(Datum) * spec->keys.nkeys);
	memcpy(nulls, row->tts_isnull, sizeof(bool) * spec->keys.nkeys);
	group->key = heap_form_minimal_tuple(spec->desc, values, nulls, 0);
	group->hash = hash;
	for (int i = 0; i < distinct->nstates; i++)
		group->states[i].value = weir_partial_agg_start(distinct->states[i].agg, &group->states[i].isnull);
	if (distinct->ngroups >= distinct->nbuckets)
		double_buckets(distinct);
	bucket = &distinct->buckets[hash & (distinct->nbuckets - 1)];
	group->next = *bucket;
	*bucket = group;
	distinct->ngroups++;
	MemoryContextSwitchTo(old);
	return group;
}

/* A value is new to its group: row is of the values relation. */
static void
advance_group(DistinctStates *distinct, int n, TupleTableSlot *row)
{
	KeySet	   *keys = &distinct->runtime->spec.keys;
	uint32		hash = weir_keys_hash(keys, row->tts_values, row->tts_isnull);
	DistinctGroup *group = find_group(distinct, hash, row);

	if (group == NULL)
		group = add_group(distinct, hash, row);
	distinct->last = group;
	for (int i = 0; i < distinct->nstates; i++)
	{
		DistinctState *state = &distinct->states[i];
		NullableDatum *trans = &group->states[i];
		int			c = state->column;

		if (state->values == n)
			trans->value = weir_partial_agg_advance(state->agg, trans->value, trans->isnull,
													c < 0 ? BoolGetDatum(true) : row->tts_values[c],
													c < 0 ? false : row->tts_isnull[c], &trans->isnull);
	}
}

static bool
counts(const ValuesListener *values, TupleTableSlot *row)
{
	if (values->column < 0)
		return true;
	if (row->tts_isnull[values->column])
		return false;
	return values->is_bool ? DatumGetBool(row->tts_values[values->column]) :
		DatumGetInt64(row->tts_values[values->column]) > 0;
}

static void
value_changed(ChangeListener *self, TupleTableSlot *old_row, TupleTableSlot *new_row, TupleTableSlot *delta)
{
	ValuesListener *values = (ValuesListener *) self;

	if (counts(values, new_row) && !(old_row && counts(values, old_row)))
		advance_group(values->distinct, values->n, delta);
}

bool
weir_distinct_is_full(DistinctStates *distinct)
{
	Size		used = MemoryContextMemAllocated(distinct->cxt, true);

	for (int i = 0; i < distinct->nstates; i++)
		used += MemoryContextMemAllocated(distinct->states[i].agg->aggcontext, true);
	return used > (Size) maintenance_work_mem * 1024;
}

static void
finish_group(DistinctStates *distinct, DistinctGroup *group)
{
	for (int i = 0; i < distinct->nstates; i++)
	{
		PartialAgg *agg = distinct->states[i].agg;
		NullableDatum *state = &group->states[i];

		if (agg->internal && !state->isnull)
			state->value = weir_partial_agg_serialize(agg, (fmNodePtr) agg->aggstate, state->value);
		else if (!state->isnull)
			state->value = datumCopy(state->value, agg->statebyval, agg->statelen);
	}
}

void
weir_distinct_finish(DistinctStates *distinct)
{
	MemoryContext old = MemoryContextSwitchTo(distinct->cxt);

	for (uint32 i = 0; i < distinct->nbuckets; i++)
		for (DistinctGroup *group = distinct->buckets[i]; group; group = group->next)
		{
			CHECK_FOR_INTERRUPTS();
			finish_group(distinct, group);
		}
	for (int i = 0; i < distinct->nstates; i++)
		weir_partial_agg_reset(distinct->states[i].agg);
	distinct->last = NULL;
	MemoryContextSwitchTo(old);
}

/* Put the group's states into the row that has come for it. */
static void
group_arriving(ChangeListener *self, TupleTableSlot *group)
{
	DistinctStates *distinct = (DistinctStates *) self;
	GroupSpec  *spec = &distinct->runtime->spec;
	DistinctGroup *found;

	if (distinct->ngroups == 0)
		return;
	found = find_group(distinct, weir_keys_hash(&spec->keys, group->tts_values, group->tts_isnull), group);
	if (found == NULL || found->taken)
		return;
	found->taken = true;
	for (int i = 0; i < distinct->nstates; i++)
	{
		int			c = spec->keys.nkeys + distinct->states[i].state;

		group->tts_values[c] = found->states[i].value;
		group->tts_isnull[c] = found->states[i].isnull;
	}
}

/*
 * A row with the group's key, its states over different values, and of all
 * others those of no rows.
 */
static MinimalTuple
row_of_group(DistinctStates *distinct, DistinctGroup *group)
{
	GroupSpec  *spec = &distinct->runtime->spec;
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	int			nkeys = spec->keys.nkeys;

	ExecStoreMinimalTuple(group->key, distinct->slot, false);
	slot_getsomeattrs(distinct->slot, nkeys);
	memcpy(values, distinct->slot->tts_values, sizeof(Datum) * nkeys);
	memcpy(nulls, distinct->slot->tts_isnull, sizeof(bool) * nkeys);
	for (int i = 0; i < spec->nstates; i++)
	{
		values[nkeys + i] = spec->states[i]->initvalue;
		nulls[nkeys + i] = spec->states[i]->initisnull;
	}
	for (int i = 0; i < distinct->nstates; i++)
	{
		values[nkeys + distinct->states[i].state] = group->states[i].value;
		nulls[nkeys + distinct->states[i].state] = group->states[i].isnull;
	}
	return heap_form_minimal_tuple(spec->desc, values, nulls, 0);
}

int
weir_distinct_rest(DistinctStates *distinct, MinimalTuple **tuples)
{
	MemoryContext old = MemoryContextSwitchTo(distinct->cxt);
	int			n = 0;

	*tuples = palloc_extended(sizeof(MinimalTuple) * Max(distinct->ngroups, 1), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < distinct->nbuckets; i++)
		for (DistinctGroup *group = distinct->buckets[i]; group; group = group->next)
			if (!group->taken)
				(*tuples)[n++] = row_of_group(distinct, group);
	weir_order_sort(&distinct->runtime->spec, *tuples, n);
	MemoryContextSwitchTo(old);
	return n;
}

void
weir_distinct_end(DistinctStates *distinct)
{
	ExecDropSingleTupleTableSlot(distinct->slot);
	MemoryContextDelete(distinct->cxt);
}
