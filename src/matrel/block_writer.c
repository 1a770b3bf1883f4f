/*
 * block_writer.c
 *	  Writing groups of a sliding window whose rows carry blocks of steps.
 *
 * See query/blocks.c for what a block is.  In each group and block one row
 * carries the block's states, the latest.  A row that comes into it changes
 * the block as well as itself; a new latest row takes the block over from the
 * one before.  Only a row that comes late, into an earlier step, changes two
 * rows.
 *
 * Which row carries is found by looking for the steps of the block, latest
 * first: in a group that rows keep coming for that is the first or second.
 *
 * Expiry deletes what has left the window, in any order.  So of a block that
 * has begun to leave the window, the carrying row may be gone before others
 * are.  Such a block is read no more, but rows may still come into it: it is
 * made anew from the rows there are.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "groups/table.h"
#include "matrel/block_writer.h"
#include "query/blocks.h"

/* Rows of a call that are in the same group and block. */
typedef struct Unit
{
	uint32		hash;
	int			first;			/* of its tuples; next_tuple has the others */
	int			last;
	int			ntuples;
	int			next;			/* unit in the same bucket */
} Unit;

typedef struct UnitTable
{
	int			nunits;
	Unit	   *units;
	int			nbuckets;		/* a power of two */
	int		   *buckets;
	int		   *next_tuple;
} UnitTable;

/* A row of the unit's block, in memory of the unit. */
typedef struct StepRow
{
	MinimalTuple delta;			/* what came for it; NULL: nothing did */
	HeapTuple	stored;			/* as it is in the matrel, if it exists */
	Timestamp	step;
	Datum	   *values;			/* keys and states */
	bool	   *nulls;
	bool		exists;			/* in the matrel, at tid */
	bool		changed;		/* its own states are */
	ItemPointerData tid;
	bool		carries;
	CarriedBlock block;			/* if it carries */
} StepRow;

/* The key of a tuple with its block in the place of its step. */
static void
block_key(MatrelWriter *w, MinimalTuple tuple, TupleTableSlot *slot, Datum *key)
{
	ContQuery  *query = w->runtime->query;

	ExecStoreMinimalTuple(tuple, slot, false);
	slot_getallattrs(slot);
	memcpy(key, slot->tts_values, sizeof(Datum) * w->spec->keys.nkeys);
	key[query->cell_key] =
		TimestampGetDatum(weir_block_of(query, DatumGetTimestamp(key[query->cell_key])));
}

static Unit *
find_unit(MatrelWriter *w, UnitTable *table, MinimalTuple *tuples, uint32 hash, Datum *key)
{
	GroupSpec  *spec = w->spec;
	Datum	   *other = palloc(sizeof(Datum) * spec->keys.nkeys);
	Unit	   *result = NULL;

	for (int i = table->buckets[hash & (table->nbuckets - 1)]; i >= 0 && result == NULL; i = table->units[i].next)
	{
		Unit	   *unit = &table->units[i];

		if (unit->hash != hash)
			continue;
		block_key(w, tuples[unit->first], spec->old_slot, other);
		if (weir_keys_equal(&spec->keys, other, spec->old_slot->tts_isnull, key, spec->new_slot->tts_isnull))
			result = unit;
	}
	pfree(other);
	return result;
}

static void
collect_units(MatrelWriter *w, UnitTable *table, MinimalTuple *tuples, int ntuples)
{
	GroupSpec  *spec = w->spec;
	Datum	   *key = palloc(sizeof(Datum) * spec->keys.nkeys);

	table->nunits = 0;
	table->units = palloc(sizeof(Unit) * ntuples);
	table->next_tuple = palloc(sizeof(int) * ntuples);
	table->nbuckets = 16;
	while (table->nbuckets < ntuples)
		table->nbuckets *= 2;
	table->buckets = palloc(sizeof(int) * table->nbuckets);
	memset(table->buckets, -1, sizeof(int) * table->nbuckets);
	for (int i = 0; i < ntuples; i++)
	{
		uint32		hash;
		Unit	   *unit;

		weir_groups_check_shape(spec, tuples[i]);
		block_key(w, tuples[i], spec->new_slot, key);
		hash = weir_keys_hash(&spec->keys, key, spec->new_slot->tts_isnull);
		unit = find_unit(w, table, tuples, hash, key);
		table->next_tuple[i] = -1;
		if (unit == NULL)
		{
			int		   *bucket = &table->buckets[hash & (table->nbuckets - 1)];

			unit = &table->units[table->nunits];
			*unit = (Unit) {hash, i, i, 1, *bucket};
			*bucket = table->nunits++;
			continue;
		}
		table->next_tuple[unit->last] = i;
		unit->last = i;
		unit->ntuples++;
	}
	pfree(key);
}

/* ---------------------------------------------------------------------
 * One block of one group
 * --------------------------------------------------------------------- */

/*
 * The row of a step; its columns are copied, target->found is used again for
 * the next.
 */
static bool
read_row(MatrelWriter *w, MatrelTarget *target, const Datum *key, const bool *key_nulls, StepRow *row)
{
	ContQuery  *query = w->runtime->query;
	GroupSpec  *spec = w->spec;
	int			natts = RelationGetDescr(target->rel)->natts;
	int			nkeys = spec->keys.nkeys;
	Datum	   *columns = palloc(sizeof(Datum) * natts);
	bool	   *nulls = palloc(sizeof(bool) * natts);

	if (!weir_writer_find(w, target, key, key_nulls))
		return false;
	row->stored = ExecCopySlotHeapTuple(target->found);
	heap_deform_tuple(row->stored, RelationGetDescr(target->rel), columns, nulls);
	row->exists = true;
	row->tid = target->found->tts_tid;
	row->values = palloc(sizeof(Datum) * spec->desc->natts);
	row->nulls = palloc(sizeof(bool) * spec->desc->natts);
	memcpy(row->values, columns, sizeof(Datum) * nkeys);
	memcpy(row->nulls, nulls, sizeof(bool) * nkeys);
	row->carries = !nulls[query->block_column];
	if (row->carries)
		row->block.start = DatumGetTimestamp(columns[query->block_column]);
	row->block.states = palloc(sizeof(Datum) * spec->nstates);
	row->block.nulls = palloc(sizeof(bool) * spec->nstates);
	for (int i = 0; i < spec->nstates; i++)
	{
		int			own = query->states[i].column;
		int			block = query->states[i].block_column;

		row->nulls[nkeys + i] = nulls[own];
		row->values[nkeys + i] = nulls[own] ? (Datum) 0 : weir_partial_agg_unpack(spec->states[i], columns[own]);
		row->block.nulls[i] = !row->carries || nulls[block];
		row->block.states[i] = row->block.nulls[i] ? (Datum) 0 : weir_partial_agg_unpack(spec->states[i], columns[block]);
	}
	return true;
}

/* Combine states into others; returns whether that changed these. */
static bool
add_states(MatrelWriter *w, Datum *states, bool *nulls, const Datum *more, const bool *more_nulls)
{
	bool		changed = false;

	for (int i = 0; i < w->spec->nstates; i++)
		states[i] = weir_writer_combine(w->spec->states[i], states[i], nulls[i], more[i], more_nulls[i],
										&nulls[i], &changed);
	return changed;
}

/*
 * Rows of the block in other steps than those of the unit, latest first from
 * before the unit's latest on, until one carries.  Returns how many there are.
 */
static int
read_others(MatrelWriter *w, MatrelTarget *target, StepRow *rows, int nrows, Timestamp start, Timestamp latest,
			StepRow *others, StepRow **carrier)
{
	ContQuery  *query = w->runtime->query;
	int			nsteps = (int) (query->block_usecs / query->step_usecs);
	Datum	   *key = palloc(sizeof(Datum) * w->spec->keys.nkeys);
	Timestamp	step = latest;
	int			n = 0;

	memcpy(key, rows[0].values, sizeof(Datum) * w->spec->keys.nkeys);
	for (int i = 1; i < nsteps && *carrier == NULL; i++)
	{
		bool		ours = false;

		/* After the first step of the block comes its last. */
		step = step == start ? start + query->block_usecs - query->step_usecs : step - query->step_usecs;
		for (int j = 0; j < nrows; j++)
			ours = ours || rows[j].step == step;
		key[query->cell_key] = TimestampGetDatum(step);
		if (ours || !read_row(w, target, key, rows[0].nulls, &others[n]))
			continue;
		others[n].step = step;
		if (others[n].carries)
			*carrier = &others[n];
		n++;
	}
	return n;
}

/* The listener is told when the row's own states have changed. */
static void
write_row(MatrelWriter *w, MatrelTarget *target, StepRow *row, const CarriedBlock *block)
{
	TupleTableSlot *delta = NULL;
	TupleTableSlot *old_row = NULL;

	if (w->listener && row->delta && (!row->exists || row->changed))
	{
		delta = w->spec->new_slot;
		ExecStoreMinimalTuple(row->delta, delta, false);
		slot_getallattrs(delta);
		if (row->exists)
		{
			old_row = target->found;
			ExecForceStoreHeapTuple(row->stored, old_row, false);
			slot_getallattrs(old_row);
		}
	}
	if (row->exists)
		weir_writer_update(w, target, &row->tid, row->values, row->nulls, block, old_row, delta);
	else
		weir_writer_insert(w, target, row->values, row->nulls, block, delta);
}

/*
 * rows have the states that came, or, where there is a row already, what they
 * make together with its own; delta has what came in all of them.
 */
static void
read_rows(MatrelWriter *w, MatrelTarget *target, UnitTable *table, Unit *unit, MinimalTuple *tuples, StepRow *rows,
		  CarriedBlock *delta, StepRow **carrier)
{
	GroupSpec  *spec = w->spec;
	int			nkeys = spec->keys.nkeys;
	int			n = 0;

	for (int t = unit->first; t >= 0; t = table->next_tuple[t])
	{
		TupleTableSlot *slot = spec->new_slot;
		StepRow    *row = &rows[n++];

		ExecStoreMinimalTuple(tuples[t], slot, false);
		slot_getallattrs(slot);
		row->delta = tuples[t];
		row->step = DatumGetTimestamp(slot->tts_values[w->runtime->query->cell_key]);
		if (t == unit->first)
		{
			memcpy(delta->states, slot->tts_values + nkeys, sizeof(Datum) * spec->nstates);
			memcpy(delta->nulls, slot->tts_isnull + nkeys, sizeof(bool) * spec->nstates);
		}
		else
			(void) add_states(w, delta->states, delta->nulls, slot->tts_values + nkeys, slot->tts_isnull + nkeys);
		if (!(target->was_empty && w->first_time) && read_row(w, target, slot->tts_values, slot->tts_isnull, row))
		{
			if (row->carries)
				*carrier = row;
			row->changed = add_states(w, row->values + nkeys, row->nulls + nkeys,
									  slot->tts_values + nkeys, slot->tts_isnull + nkeys);
			continue;
		}
		row->values = palloc(sizeof(Datum) * spec->desc->natts);
		row->nulls = palloc(sizeof(bool) * spec->desc->natts);
		memcpy(row->values, slot->tts_values, sizeof(Datum) * spec->desc->natts);
		memcpy(row->nulls, slot->tts_isnull, sizeof(bool) * spec->desc->natts);
	}
}

/*
 * The states of a block that no row carries, from all of its rows: those of
 * the unit and the others.
 */
static void
add_up_block(MatrelWriter *w, StepRow *rows, int nrows, StepRow *others, int nothers, CarriedBlock *block)
{
	int			nkeys = w->spec->keys.nkeys;

	memcpy(block->states, rows[0].values + nkeys, sizeof(Datum) * w->spec->nstates);
	memcpy(block->nulls, rows[0].nulls + nkeys, sizeof(bool) * w->spec->nstates);
	for (int i = 1; i < nrows; i++)
		(void) add_states(w, block->states, block->nulls, rows[i].values + nkeys, rows[i].nulls + nkeys);
	for (int i = 0; i < nothers; i++)
		(void) add_states(w, block->states, block->nulls, others[i].values + nkeys, others[i].nulls + nkeys);
}

static void
write_unit(MatrelWriter *w, UnitTable *table, Unit *unit, MinimalTuple *tuples)
{
	ContQuery  *query = w->runtime->query;
	int			nstates = w->spec->nstates;
	int			nsteps = (int) (query->block_usecs / query->step_usecs);
	StepRow    *rows = palloc0(sizeof(StepRow) * unit->ntuples);
	StepRow    *others = palloc0(sizeof(StepRow) * nsteps);
	StepRow    *carrier = NULL;
	StepRow    *latest = rows;
	StepRow    *heir;			/* carries from now on */
	MatrelTarget *target;
	CarriedBlock block;
	bool		changed = true;
	int			nothers = 0;

	ExecStoreMinimalTuple(tuples[unit->first], w->spec->new_slot, false);
	slot_getallattrs(w->spec->new_slot);
	target = weir_writer_target(w, w->spec->new_slot);
	if (target == NULL)
		return;
	block.states = palloc(sizeof(Datum) * nstates);
	block.nulls = palloc(sizeof(bool) * nstates);
	read_rows(w, target, table, unit, tuples, rows, &block, &carrier);
	block.start = weir_block_of(query, rows[0].step);
	for (int i = 1; i < unit->ntuples; i++)
		if (rows[i].step > latest->step)
			latest = &rows[i];
	if (carrier == NULL && !target->untouched && !TIMESTAMP_NOT_FINITE(block.start))
		nothers = read_others(w, target, rows, unit->ntuples, block.start, latest->step, others, &carrier);

	if (carrier)
	{
		changed = add_states(w, carrier->block.states, carrier->block.nulls, block.states, block.nulls);
		block = carrier->block;
	}
	else
		add_up_block(w, rows, unit->ntuples, others, nothers, &block);

	heir = carrier == NULL || latest->step > carrier->step ? latest : carrier;
	for (int i = 0; i < unit->ntuples; i++)
	{
		StepRow    *row = &rows[i];

		if (!row->exists || row->changed || (row == heir ? changed || heir != carrier : row == carrier))
			write_row(w, target, row, row == heir ? &block : NULL);
	}
	if (carrier >= others && carrier < others + nothers && (carrier != heir || changed))
		write_row(w, target, carrier, carrier == heir ? &block : NULL);
}

void
weir_writer_write_blocks(MatrelWriter *w, MinimalTuple *tuples, int ntuples)
{
	MemoryContext cxt = AllocSetContextCreate(w->cxt, "weir blocks", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	UnitTable	table;

	collect_units(w, &table, tuples, ntuples);
	MemoryContextSwitchTo(w->row_cxt);
	for (int i = 0; i < table.nunits; i++)
	{
		CHECK_FOR_INTERRUPTS();
		write_unit(w, &table, &table.units[i], tuples);
		weir_writer_reset(w);
	}
	ExecClearTuple(w->spec->old_slot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
