/*
 * write.c
 *	  Writing groups into a matrel: find by key, combine, update or insert.
 *
 * Called by the flush worker alone, so nobody else changes a matrel's rows
 * (direct writes are refused by a trigger); a change by other means shows as a
 * "tuple concurrently updated" error, and the flush is tried again.
 *
 * A group is found through the matrel's lookup index: a unique index on all
 * keys, or one on weir.hash_key(keys), whose hits are checked.  Rows go in
 * through the table access method; indexes, also those that users made, are
 * kept by the executor's own routine.
 *
 * Memory: a context per writer, and one that is reset for each row.
 */
#include "matrel/shape.h"
#include "matrel/write.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "matrel/shape.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define MAX_PENDING 256

struct MatrelWriter
{
	ViewRuntime *runtime;
	GroupSpec  *spec;
	MemoryContext cxt;
	MemoryContext row_cxt;
	Relation	rel;
	Relation	lookup;			/* NULL: no keys to look up */
	bool		by_hash;		/* lookup is on weir.hash_key */
	int			nscankeys;
	ScanKeyData *scankeys;
	bool		was_empty;		/* no row in it when it was opened */
	bool		all_new;		/* nor has it a group of this call by now */
	IndexScanDesc scan;
	TupleTableSlot *found;		/* the matrel's row */
	TupleTableSlot *row;		/* the row to write */
	int			npending;		/* new rows, inserted together */
	int			nslots;
	TupleTableSlot *pending[MAX_PENDING];
	EState	   *estate;
	ResultRelInfo *rri;
	int64		written;
};

/* ---------------------------------------------------------------------
 * The lookup index
 * --------------------------------------------------------------------- */

static Relation
open_lookup(Relation rel, const ContQuery *query, bool *by_hash)
{
	Oid			index = weir_matrel_lookup_index(rel, query, by_hash);

	if (!OidIsValid(index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("materialization table \"%s\" has no index on its group key",
						RelationGetRelationName(rel)),
				 errhint("Create it again: %s.", *by_hash ?
						 "CREATE INDEX on weir.hash_key of all group columns" :
						 "CREATE UNIQUE INDEX on all group columns with NULLS NOT DISTINCT")));
	return index_open(index, RowExclusiveLock);
}

static RegProcedure
equality_function(Relation index, int column)
{
	Oid			opfamily = index->rd_opfamily[column];
	Oid			type = index->rd_opcintype[column];
	Oid			op = get_opfamily_member(opfamily, type, type, BTEqualStrategyNumber);

	if (!OidIsValid(op))
		elog(ERROR, "no equality operator in operator family %u", opfamily);
	return get_opcode(op);
}

static void
prepare_lookup(MatrelWriter *w)
{
	w->nscankeys = w->by_hash ? 1 : w->spec->keys.nkeys;
	w->scankeys = palloc0(sizeof(ScanKeyData) * w->nscankeys);
	for (int i = 0; i < w->nscankeys; i++)
		ScanKeyEntryInitialize(&w->scankeys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   w->lookup->rd_indcollation[i],
							   equality_function(w->lookup, i), (Datum) 0);
}

/* ---------------------------------------------------------------------
 * Opening and closing
 * --------------------------------------------------------------------- */

MatrelWriter *
weir_matrel_open(ViewRuntime *runtime)
{
	MemoryContext cxt;
	MemoryContext old;
	MatrelWriter *w;
	Relation	rel = try_table_open(runtime->view.matrelid, RowExclusiveLock);

	if (rel == NULL)
		return NULL;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "weir matrel", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	w = palloc0(sizeof(MatrelWriter));
	w->cxt = cxt;
	w->row_cxt = AllocSetContextCreate(cxt, "weir matrel row", ALLOCSET_DEFAULT_SIZES);
	w->runtime = runtime;
	w->spec = &runtime->spec;
	w->rel = rel;
	w->found = table_slot_create(rel, NULL);
	w->row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	w->estate = CreateExecutorState();
	w->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(w->rri, rel, 0, NULL, 0);
	ExecOpenIndices(w->rri, false);
	if (!w->spec->append && w->spec->keys.nkeys > 0)
	{
		w->lookup = open_lookup(rel, runtime->query, &w->by_hash);
		prepare_lookup(w);
		w->was_empty = RelationGetNumberOfBlocks(rel) == 0;
	}
	MemoryContextSwitchTo(old);
	return w;
}

int64
weir_matrel_written(MatrelWriter *writer)
{
	return writer->written;
}

void
weir_matrel_close(MatrelWriter *w)
{
	ExecCloseIndices(w->rri);
	ExecDropSingleTupleTableSlot(w->found);
	ExecDropSingleTupleTableSlot(w->row);
	for (int i = 0; i < w->nslots; i++)
		ExecDropSingleTupleTableSlot(w->pending[i]);
	FreeExecutorState(w->estate);
	if (w->lookup)
		index_close(w->lookup, NoLock);
	table_close(w->rel, NoLock);
	MemoryContextDelete(w->cxt);
}

/* ---------------------------------------------------------------------
 * Writing
 * --------------------------------------------------------------------- */

static void
set_scan_keys(MatrelWriter *w, TupleTableSlot *key)
{
	if (w->by_hash)
	{
		w->scankeys[0].sk_argument =
			Int32GetDatum((int32) weir_keys_hash(&w->spec->keys, key->tts_values, key->tts_isnull));
		return;
	}
	for (int i = 0; i < w->nscankeys; i++)
	{
		w->scankeys[i].sk_argument = key->tts_values[i];
		w->scankeys[i].sk_flags = key->tts_isnull[i] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
}

/* The scan keeps memory of its own between rows. */
static bool
next_hit(MatrelWriter *w)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);
	bool		found = index_getnext_slot(w->scan, ForwardScanDirection, w->found);

	MemoryContextSwitchTo(old);
	return found;
}

/* Find the row of a group; it is in w->found then. */
static bool
find_row(MatrelWriter *w, TupleTableSlot *key)
{
	set_scan_keys(w, key);
	index_rescan(w->scan, w->scankeys, w->nscankeys, NULL, 0);
	while (next_hit(w))
	{
		slot_getallattrs(w->found);
		if (!w->by_hash ||
			weir_keys_equal(&w->spec->keys,
							w->found->tts_values, w->found->tts_isnull,
							key->tts_values, key->tts_isnull))
			return true;
	}
	return false;
}

/* An ungrouped view has one row. */
static bool
find_only_row(MatrelWriter *w)
{
	TableScanDesc scan = table_beginscan(w->rel, GetActiveSnapshot(), 0, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, w->found);

	if (found)
	{
		ExecMaterializeSlot(w->found);
		slot_getallattrs(w->found);
	}
	table_endscan(scan);
	return found;
}

static void
fill_row(MatrelWriter *w, TupleTableSlot *row, const Datum *values, const bool *nulls)
{
	int			n = w->spec->desc->natts;
	int			first_state = n - w->spec->nstates;
	int			natts = row->tts_tupleDescriptor->natts;

	ExecClearTuple(row);
	memcpy(row->tts_values, values, sizeof(Datum) * n);
	memcpy(row->tts_isnull, nulls, sizeof(bool) * n);
	for (int i = n; i < natts; i++)
		row->tts_isnull[i] = true;
	for (int i = first_state; i < n; i++)
	{
		PartialAgg *agg = w->spec->states[i - first_state];
		int			c = w->runtime->query->states[i - first_state].value_column;

		if (c >= 0)
			row->tts_values[c] = weir_partial_agg_finalize(agg, values[i], nulls[i], &row->tts_isnull[c]);
		if (!nulls[i])
			row->tts_values[i] = weir_partial_agg_pack(agg, values[i]);
	}
	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(w->rel);
}

/* Insert the pending rows. */
static void
insert_pending(MatrelWriter *w)
{
	if (w->npending == 1)
		table_tuple_insert(w->rel, w->pending[0], GetCurrentCommandId(true), 0, NULL);
	else if (w->npending > 1)
		table_multi_insert(w->rel, w->pending, w->npending, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < w->npending; i++)
	{
		if (w->rri->ri_NumIndices > 0)
			weir_insert_index_tuples(w->rri, w->pending[i], w->estate, false, WEIR_ALL_INDEXES);
		ResetPerTupleExprContext(w->estate);
		ExecClearTuple(w->pending[i]);
	}
	w->written += w->npending;
	w->npending = 0;
}

/* A new group.  No other row of this call has its key, so nobody looks for it before it is inserted. */
static void
insert_row(MatrelWriter *w, TupleTableSlot *group)
{
	TupleTableSlot *slot;

	if (w->npending == w->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(w->cxt);

		w->pending[w->nslots++] = MakeSingleTupleTableSlot(RelationGetDescr(w->rel), &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	slot = w->pending[w->npending++];
	fill_row(w, slot, group->tts_values, group->tts_isnull);
	ExecMaterializeSlot(slot);
	if (w->npending == MAX_PENDING)
		insert_pending(w);
}

static void
update_row(MatrelWriter *w, TupleTableSlot *group)
{
	GroupSpec  *spec = w->spec;
	TupleDesc	desc = spec->desc;
	int			nkeys = spec->keys.nkeys;
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	bool		changed = false;
	WeirUpdateIndexes indexes = WEIR_NO_INDEX_UPDATE;

	memcpy(values, w->found->tts_values, sizeof(Datum) * nkeys);
	memcpy(nulls, w->found->tts_isnull, sizeof(bool) * nkeys);
	for (int i = nkeys; i < desc->natts; i++)
	{
		PartialAgg *agg = spec->states[i - nkeys];
		Datum		old = w->found->tts_values[i];
		bool		old_null = w->found->tts_isnull[i];

		if (!old_null)
			old = weir_partial_agg_unpack(agg, old);
		values[i] = weir_partial_agg_combine(agg, old, old_null,
											 group->tts_values[i], group->tts_isnull[i],
											 &nulls[i]);
		if (nulls[i] != old_null ||
			(!nulls[i] && !datumIsEqual(values[i], old, agg->statebyval, agg->statelen)))
			changed = true;
	}
	if (!changed)
		return;

	fill_row(w, w->row, values, nulls);
	simple_table_tuple_update(w->rel, &w->found->tts_tid, w->row, GetActiveSnapshot(), &indexes);
	if (w->rri->ri_NumIndices > 0 && weir_needs_index_update(indexes))
		weir_insert_index_tuples(w->rri, w->row, w->estate, true, indexes);
	w->written++;
}

static void
write_group(MatrelWriter *w, MinimalTuple tuple)
{
	TupleTableSlot *group = w->spec->new_slot;
	bool		found;

	ExecStoreMinimalTuple(tuple, group, false);
	slot_getallattrs(group);
	if (w->spec->append || w->all_new)
		found = false;
	else if (w->lookup)
		found = find_row(w, group);
	else
		found = find_only_row(w);

	if (!found)
		insert_row(w, group);
	else if (w->spec->nstates > 0)
		update_row(w, group);
}

void
weir_matrel_write(MatrelWriter *w, MinimalTuple *tuples, int ntuples, bool first_time)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);

	w->all_new = w->was_empty && first_time;

	/* See what earlier calls wrote. */
	CommandCounterIncrement();
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	if (w->lookup && !w->all_new)
		w->scan = weir_index_beginscan(w->rel, w->lookup, GetActiveSnapshot(), w->nscankeys);

	MemoryContextSwitchTo(w->row_cxt);
	for (int i = 0; i < ntuples; i++)
	{
		CHECK_FOR_INTERRUPTS();
		write_group(w, tuples[i]);
		ResetPerTupleExprContext(w->estate);
		for (int j = 0; j < w->spec->nstates; j++)
			weir_partial_agg_reset(w->spec->states[j]);
		ExecClearTuple(w->row);
		MemoryContextReset(w->row_cxt);
	}
	insert_pending(w);
	MemoryContextReset(w->row_cxt);
	MemoryContextSwitchTo(w->cxt);

	if (w->scan)
		index_endscan(w->scan);
	w->scan = NULL;
	ExecClearTuple(w->found);
	ExecClearTuple(w->spec->new_slot);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}
