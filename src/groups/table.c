/*
 * table.c
 *	  Hash tables of groups: group key -> partial states, in shared or local
 *	  memory.
 *
 * A table is a chained hash table.  Its groups and their rows live in the
 * arena of its run (run.h), its bucket array is an allocation of its
 * own, so that growing does not leave the old array in the arena.
 *
 * Locking: none here; the owner of the run sees to it that one process at a
 * time works on it.
 *
 * Rights: functions of keys and states may be written in SQL by anybody who
 * can create a view, so staging acts as the view's owner.  An error leaves
 * that to the abort of the (sub)transaction.
 *
 * Failure: staging may error (combine and equality functions are anybody's);
 * the table is untouched then.  Reserving may find memory full; what it took
 * stays unused in the arena until the arena is freed, which is why callers
 * that retry roll the arena back (weir_groups_reserve does).  Applying is
 * assignments and memcpy.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/owner.h"
#include "base/shmem.h"
#include "groups/state_size.h"
#include "groups/table.h"

#define INITIAL_BUCKETS 64

typedef struct GroupAction
{
	GroupEntry *group;			/* existing group, or NULL for a new one */
	uint32		hash;
	MinimalTuple tuple;			/* the row it shall have */
	GroupEntry *fresh;			/* reserved for a new group */
	MinimalTuple place;			/* reserved for a row that outgrew its place */
} GroupAction;

struct GroupMerge
{
	GroupTable *table;			/* NULL: to be created by the caller */
	Arena	   *arena;			/* that it has reserved in */
	bool		append;
	int			nactions;
	int			ninserts;
	GroupAction *actions;
	uint32		new_nbuckets;	/* 0: keep */
	GroupEntry **new_buckets;
};

/* ---------------------------------------------------------------------
 * Merging
 * --------------------------------------------------------------------- */

GroupTable *
weir_groups_create(Arena *arena, Oid defid, bool append)
{
	GroupTable *table = weir_arena_alloc(arena, sizeof(GroupTable));

	if (table == NULL)
		return NULL;
	memset(table, 0, sizeof(GroupTable));
	table->defid = defid;
	table->append = append;
	return table;
}

void
weir_groups_free_buckets(GroupTable *table, bool shared)
{
	if (table->buckets != NULL)
	{
		if (shared)
			weir_shared_free(table->buckets);
		else
			pfree(table->buckets);
	}
	table->buckets = NULL;
	table->nbuckets = 0;
}

/*
 * A worker that has begun its batch before a view got more columns must not
 * meet rows of those that began after: it tries again, and knows of them then.
 */
void
weir_groups_check_shape(GroupSpec *spec, MinimalTuple tuple)
{
	if (HeapTupleHeaderGetNatts(tuple) > spec->desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_WEIR_CHANGED),
				 errmsg("a continuous view was replaced")));
}

static void
load_row(TupleTableSlot *slot, MinimalTuple tuple)
{
	ExecStoreMinimalTuple(tuple, slot, false);
	slot_getallattrs(slot);
}

/* new_slot holds the row to look for. */
static GroupEntry *
find_group(GroupTable *table, GroupSpec *spec, uint32 hash)
{
	GroupEntry *group;

	if (table == NULL || table->nbuckets == 0)
		return NULL;
	for (group = table->buckets[hash & (table->nbuckets - 1)]; group; group = group->next)
	{
		if (group->hash != hash)
			continue;
		weir_groups_check_shape(spec, group->tuple);
		load_row(spec->old_slot, group->tuple);
		if (weir_keys_equal(&spec->keys,
							spec->old_slot->tts_values, spec->old_slot->tts_isnull,
							spec->new_slot->tts_values, spec->new_slot->tts_isnull))
			return group;
	}
	return NULL;
}

/*
 * The row of the group with the states of both slots, in cxt; what is left
 * behind goes to the current context.
 */
static MinimalTuple
combine_slots(GroupSpec *spec, MemoryContext cxt)
{
	MemoryContext old_cxt;
	MinimalTuple result;
	TupleTableSlot *old = spec->old_slot;
	TupleTableSlot *new = spec->new_slot;
	int			nkeys = spec->keys.nkeys;
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];

	for (int i = 0; i < nkeys; i++)
	{
		values[i] = old->tts_values[i];
		nulls[i] = old->tts_isnull[i];
	}
	for (int i = 0; i < spec->nstates; i++)
	{
		int			c = nkeys + i;

		values[c] = weir_group_combine(spec, i, values, nulls,
									   old->tts_values[c], old->tts_isnull[c],
									   new->tts_values[c], new->tts_isnull[c], &nulls[c]);
	}
	weir_group_check_size(spec, values, nulls);
	old_cxt = MemoryContextSwitchTo(cxt);
	result = heap_form_minimal_tuple(spec->desc, values, nulls, 0);
	MemoryContextSwitchTo(old_cxt);
	return result;
}

static void
reset_states(GroupSpec *spec)
{
	for (int i = 0; i < spec->nstates; i++)
		weir_partial_agg_reset(spec->states[i]);
}

MinimalTuple
weir_groups_combine(GroupSpec *spec, MinimalTuple a, MinimalTuple b, MemoryContext cxt)
{
	MinimalTuple result;

	weir_groups_check_shape(spec, a);
	weir_groups_check_shape(spec, b);
	load_row(spec->old_slot, a);
	load_row(spec->new_slot, b);
	result = combine_slots(spec, cxt);
	reset_states(spec);
	return result;
}

GroupMerge *
weir_groups_stage(GroupTable *table, GroupSpec *spec, MinimalTuple *tuples, int ntuples)
{
	GroupMerge *merge = palloc0(sizeof(GroupMerge));
	MemoryContext cxt = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(cxt, "weir combine", ALLOCSET_DEFAULT_SIZES);
	OwnerSwitch saved;

	weir_owner_enter(&saved, spec->owner, spec->path, spec->viewdef);
	merge->table = table;
	merge->append = spec->append;
	merge->nactions = ntuples;
	merge->actions = palloc_extended(sizeof(GroupAction) * Max(ntuples, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < ntuples; i++)
	{
		GroupAction *action = &merge->actions[i];

		memset(action, 0, sizeof(GroupAction));
		action->tuple = tuples[i];
		if (spec->append)
		{
			merge->ninserts++;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(scratch);
		load_row(spec->new_slot, tuples[i]);
		action->hash = weir_keys_hash(&spec->keys, spec->new_slot->tts_values,
									  spec->new_slot->tts_isnull);
		action->group = find_group(table, spec, action->hash);
		if (action->group == NULL)
			merge->ninserts++;
		else if (spec->nstates > 0)
		{
			action->tuple = combine_slots(spec, cxt);
			reset_states(spec);
		}
		else
			action->tuple = NULL;	/* nothing changes */
		MemoryContextSwitchTo(cxt);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	weir_owner_leave(&saved);
	return merge;
}

static bool
reserve_buckets(GroupMerge *merge, Arena *arena)
{
	GroupTable *table = merge->table;
	uint64		ngroups = (table ? table->ngroups : 0) + merge->ninserts;
	uint32		nbuckets = table ? table->nbuckets : 0;
	uint32		want = Max(nbuckets, INITIAL_BUCKETS);

	if (merge->append)
		want = 1;
	else
		while (ngroups > want && want < PG_UINT32_MAX / 4)
			want *= 2;
	if (want == nbuckets)
		return true;
	merge->new_buckets = weir_arena_alloc_apart(arena, sizeof(GroupEntry *) * want);
	if (merge->new_buckets == NULL)
		return false;
	memset(merge->new_buckets, 0, sizeof(GroupEntry *) * want);
	merge->new_nbuckets = want;
	return true;
}

/* Room to grow a little, so that most updates stay in place. */
static uint32
roomy(MinimalTuple tuple)
{
	return MAXALIGN(tuple->t_len + Min(tuple->t_len / 4, ARENA_BLOCK_MAX));
}

static bool
reserve_rows(GroupMerge *merge, Arena *arena)
{
	for (int i = 0; i < merge->nactions; i++)
	{
		GroupAction *action = &merge->actions[i];

		if (action->group == NULL)
		{
			uint32		capacity = MAXALIGN(action->tuple->t_len);
			bool		apart = capacity >= ARENA_LARGE;

			action->fresh = weir_arena_alloc(arena, MAXALIGN(sizeof(GroupEntry)) + (apart ? 0 : capacity));
			if (apart)
				action->place = weir_arena_alloc(arena, capacity);
			if (action->fresh == NULL || (apart && action->place == NULL))
				return false;
			action->fresh->capacity = capacity;
		}
		else if (action->tuple != NULL && action->tuple->t_len > action->group->capacity)
		{
			action->place = weir_arena_alloc(arena, roomy(action->tuple));
			if (action->place == NULL)
				return false;
		}
	}
	return true;
}

bool
weir_groups_reserve(GroupMerge *merge, Arena *arena)
{
	Arena		mark = *arena;

	merge->arena = arena;
	if (reserve_buckets(merge, arena) && reserve_rows(merge, arena))
		return true;
	weir_groups_unreserve(merge, arena);
	weir_arena_rollback(arena, &mark);
	return false;
}

void
weir_groups_unreserve(GroupMerge *merge, Arena *arena)
{
	if (merge->new_buckets)
		weir_arena_free_apart(arena->cxt, merge->new_buckets);
	merge->new_buckets = NULL;
	merge->new_nbuckets = 0;
}

static void
link_group(GroupTable *table, GroupEntry *group)
{
	GroupEntry	  **bucket = &table->buckets[group->hash & (table->nbuckets - 1)];

	if (table->append)
	{
		group->next = NULL;
		*(table->last ? &table->last->next : bucket) = group;
		table->last = group;
		return;
	}
	group->next = *bucket;
	*bucket = group;
}

static void
use_new_buckets(GroupMerge *merge, GroupTable *table)
{
	GroupEntry	  **old = table->buckets;
	uint32		nold = table->nbuckets;

	table->buckets = merge->new_buckets;
	table->nbuckets = merge->new_nbuckets;
	for (uint32 i = 0; i < nold; i++)
	{
		GroupEntry	   *group = old[i];

		while (group != NULL)
		{
			GroupEntry	   *next = group->next;

			link_group(table, group);
			group = next;
		}
	}
	if (old != NULL)
		weir_arena_free_apart(merge->arena->cxt, old);
}

void
weir_groups_apply(GroupMerge *merge, GroupTable *table)
{
	if (merge->new_buckets != NULL)
		use_new_buckets(merge, table);

	for (int i = 0; i < merge->nactions; i++)
	{
		GroupAction *action = &merge->actions[i];
		GroupEntry	   *group = action->group;

		if (group == NULL)
		{
			group = action->fresh;
			group->hash = action->hash;
			group->tuple = action->place ? action->place :
				(MinimalTuple) ((char *) group + MAXALIGN(sizeof(GroupEntry)));
			link_group(table, group);
			table->ngroups++;
		}
		else if (action->place != NULL)
		{
			weir_arena_free_large(merge->arena, group->tuple, group->capacity);
			group->tuple = action->place;
			group->capacity = roomy(action->tuple);
		}
		if (action->tuple != NULL)
			memcpy(group->tuple, action->tuple, action->tuple->t_len);
	}
}

GroupEntry *
weir_groups_next(GroupTable *table, uint32 *bucket, GroupEntry *group)
{
	if (group != NULL && group->next != NULL)
		return group->next;
	if (group != NULL)
		(*bucket)++;
	while (*bucket < table->nbuckets)
	{
		if (table->buckets[*bucket] != NULL)
			return table->buckets[*bucket];
		(*bucket)++;
	}
	return NULL;
}
