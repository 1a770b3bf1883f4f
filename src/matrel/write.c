/*
 * write.c
 *	  Writing groups into a matrel: find by key, combine, update or insert.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "groups/state_size.h"
#include "groups/table.h"
#include "matrel/block_writer.h"
#include "matrel/write.h"
#include "matrel/writer.h"

static void write_group(MatrelWriter *w, MinimalTuple tuple);
static bool find_only_row(MatrelTarget *target);
static void update_group(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *group);

void
weir_matrel_write(MatrelWriter *w, MinimalTuple *tuples, int ntuples, bool first_time)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);
	bool		blocks = w->runtime->query->block_usecs > 0;

	w->first_time = first_time;

	/* See what earlier calls wrote. */
	CommandCounterIncrement();
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();

	MemoryContextSwitchTo(w->row_cxt);
	w->at = -1;
	if (blocks)
		weir_writer_write_blocks(w, tuples, ntuples);
	for (int i = 0; i < ntuples && !blocks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		w->at = i;
		write_group(w, tuples[i]);
		weir_writer_reset(w);
	}
	weir_writer_finish(w);
	MemoryContextReset(w->row_cxt);
	MemoryContextSwitchTo(w->cxt);
	ExecClearTuple(w->spec->new_slot);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

/*
 * No other row of a call has the key of a new one, so nobody looks for it
 * before it is inserted.
 */
static void
write_group(MatrelWriter *w, MinimalTuple tuple)
{
	TupleTableSlot *group = w->spec->new_slot;
	MatrelTarget *target;
	bool		found;

	weir_groups_check_shape(w->spec, tuple);
	ExecStoreMinimalTuple(tuple, group, false);
	slot_getallattrs(group);
	target = weir_writer_target(w, group);
	if (target == NULL)
		return;
	if (w->spec->append || (target->was_empty && w->first_time))
		found = false;
	else if (target->lookup)
		found = weir_writer_find(w, target, group->tts_values, group->tts_isnull);
	else
		found = find_only_row(target);

	if (w->listener && w->listener->arriving)
		w->listener->arriving(w->listener, group);
	if (!found)
		weir_writer_insert(w, target, group->tts_values, group->tts_isnull, NULL, group);
	else if (w->spec->nstates > 0)
		update_group(w, target, group);
}

/* An ungrouped view has one row. */
static bool
find_only_row(MatrelTarget *target)
{
	TableScanDesc scan = table_beginscan(target->rel, GetActiveSnapshot(), 0, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, target->found);

	if (found)
	{
		ExecMaterializeSlot(target->found);
		slot_getallattrs(target->found);
	}
	table_endscan(scan);
	return found;
}

static void
update_group(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *group)
{
	GroupSpec  *spec = w->spec;
	TupleDesc	desc = spec->desc;
	int			nkeys = spec->keys.nkeys;
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	bool		changed = false;

	memcpy(values, target->found->tts_values, sizeof(Datum) * nkeys);
	memcpy(nulls, target->found->tts_isnull, sizeof(bool) * nkeys);
	for (int i = nkeys; i < desc->natts; i++)
	{
		PartialAgg *agg = spec->states[i - nkeys];
		int			column = w->runtime->query->states[i - nkeys].column;
		Datum		old = target->found->tts_values[column];
		bool		old_null = target->found->tts_isnull[column];

		if (!old_null)
			old = weir_partial_agg_unpack(agg, old);
		values[i] = weir_group_combine(spec, i - nkeys, values, nulls, old, old_null,
									   group->tts_values[i], group->tts_isnull[i], &nulls[i]);
		changed = changed || weir_writer_differs(agg, old, old_null, values[i], nulls[i]);

		/* Large ones are not kept beside what was made of them. */
		if (!old_null && !agg->internal && !agg->statebyval &&
			old != target->found->tts_values[column] && old != values[i])
			pfree(DatumGetPointer(old));
	}
	if (!changed)
		return;
	weir_group_check_size(spec, values, nulls);
	weir_writer_update(w, target, &target->found->tts_tid, values, nulls, NULL, target->found, group);
}
