/*
 * writer.c
 *	  Finding, inserting and updating single rows of a matrel.
 *
 * Called by the flush worker alone, so nobody else changes a matrel's rows
 * (direct writes are refused by a trigger); a change by other means is an
 * error, and the flush is tried again.
 *
 * A group is found through the matrel's lookup index: a unique index on all
 * keys, or one on weir.hash_key(keys), whose hits are checked.  Where the
 * matrel is in partitions, the group's partition has this index.  Rows go in
 * through the table access method; indexes, also those that users made, are
 * kept by the executor's own routine.
 *
 * Memory: a context per writer, and one that is reset for each row.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/time_limit.h"
#include "matrel/lock.h"
#include "matrel/shape.h"
#include "matrel/writer.h"

static MatrelTarget *open_target(MatrelWriter *w, Relation rel);
static void close_target(MatrelTarget *target);
static Relation open_lookup(Relation rel, const ContQuery *query, bool *by_hash);
static void prepare_lookup(MatrelTarget *target, int nkeys);
static RegProcedure equality_function(Relation index, int column);
static void begin_scan(MatrelWriter *w, MatrelTarget *target);
static void set_scan_keys(MatrelWriter *w, MatrelTarget *target, const Datum *key, const bool *nulls);
static bool next_hit(MatrelWriter *w, MatrelTarget *target);
static void insert_pending(MatrelWriter *w, MatrelTarget *target);
static WeirUpdateIndexes update_row(MatrelWriter *w, MatrelTarget *target, ItemPointer tid);
static void insert_into_indexes(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *row, bool update,
								WeirUpdateIndexes which);
static void fill_row(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *row, const Datum *values,
					 const bool *nulls, const CarriedBlock *block);
static void fill_block(MatrelWriter *w, TupleTableSlot *row, const CarriedBlock *block);

/* ---------------------------------------------------------------------
 * Opening and closing
 * --------------------------------------------------------------------- */

MatrelWriter *
weir_writer_open(ViewRuntime *runtime)
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
	w->row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	w->estate = CreateExecutorState();
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		w->router = weir_partition_router(rel, &runtime->view, runtime->query);
		w->ntargets = weir_partition_count(w->router);
	}
	else
		w->ntargets = 1;
	w->targets = palloc0(sizeof(MatrelTarget *) * Max(w->ntargets, 1));
	if (w->router == NULL)
		w->targets[0] = open_target(w, rel);
	MemoryContextSwitchTo(old);
	return w;
}

void
weir_writer_close(MatrelWriter *w)
{
	for (int i = 0; i < w->ntargets; i++)
		if (w->targets[i])
			close_target(w->targets[i]);
	ExecDropSingleTupleTableSlot(w->row);
	FreeExecutorState(w->estate);
	if (w->router)
		table_close(w->rel, NoLock);
	MemoryContextDelete(w->cxt);
}

static MatrelTarget *
open_target(MatrelWriter *w, Relation rel)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);
	MatrelTarget *target = palloc0(sizeof(MatrelTarget));

	target->rel = rel;
	target->found = table_slot_create(rel, NULL);
	target->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(target->rri, rel, 0, NULL, 0);
	ExecOpenIndices(target->rri, false);
	if (!w->spec->append && w->spec->keys.nkeys > 0)
	{
		target->lookup = open_lookup(rel, w->runtime->query, &target->by_hash);
		prepare_lookup(target, w->spec->keys.nkeys);
		target->was_empty = target->untouched = RelationGetNumberOfBlocks(rel) == 0;
	}
	MemoryContextSwitchTo(old);
	return target;
}

static void
close_target(MatrelTarget *target)
{
	ExecCloseIndices(target->rri);
	ExecDropSingleTupleTableSlot(target->found);
	for (int i = 0; i < target->nslots; i++)
		ExecDropSingleTupleTableSlot(target->pending[i]);
	if (target->lookup)
		index_close(target->lookup, NoLock);
	table_close(target->rel, NoLock);
}

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

static void
prepare_lookup(MatrelTarget *target, int nkeys)
{
	target->nscankeys = target->by_hash ? 1 : nkeys;
	target->scankeys = palloc0(sizeof(ScanKeyData) * target->nscankeys);
	for (int i = 0; i < target->nscankeys; i++)
		ScanKeyEntryInitialize(&target->scankeys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   target->lookup->rd_indcollation[i],
							   equality_function(target->lookup, i), (Datum) 0);
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

void
weir_writer_listen(MatrelWriter *writer, ChangeListener *listener)
{
	writer->listener = listener;
}

int
weir_writer_failed_at(MatrelWriter *w, int *safe)
{
	*safe = Max(w->at, 0);
	for (int i = 0; i < w->ntargets; i++)
		if (w->targets[i] && w->targets[i]->npending > 0)
			*safe = Min(*safe, Max(w->targets[i]->pending_rows[w->targets[i]->nindexed], 0));
	return w->at;
}

int64
weir_writer_written(MatrelWriter *writer)
{
	return writer->written;
}

/* ---------------------------------------------------------------------
 * Finding
 * --------------------------------------------------------------------- */

MatrelTarget *
weir_writer_target(MatrelWriter *w, TupleTableSlot *group)
{
	int			n = 0;

	if (w->router)
	{
		n = weir_partition_route(w->router, group);
		if (n < 0)
			return NULL;
		if (w->targets[n] == NULL)
		{
			Oid			relid = weir_partition_oid(w->router, n);

			weir_table_lock(relid);
			w->targets[n] = open_target(w, table_open(relid, NoLock));
		}
	}
	return w->targets[n];
}

bool
weir_writer_find(MatrelWriter *w, MatrelTarget *target, const Datum *key, const bool *nulls)
{
	if (target->scan == NULL)
		begin_scan(w, target);
	set_scan_keys(w, target, key, nulls);
	index_rescan(target->scan, target->scankeys, target->nscankeys, NULL, 0);
	while (next_hit(w, target))
	{
		slot_getallattrs(target->found);
		if (!target->by_hash ||
			weir_keys_equal(&w->spec->keys,
							target->found->tts_values, target->found->tts_isnull,
							key, nulls))
			return true;
	}
	return false;
}

static void
begin_scan(MatrelWriter *w, MatrelTarget *target)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);

	target->scan = weir_index_beginscan(target->rel, target->lookup, GetActiveSnapshot(), target->nscankeys);
	MemoryContextSwitchTo(old);
}

static void
set_scan_keys(MatrelWriter *w, MatrelTarget *target, const Datum *key, const bool *nulls)
{
	if (target->by_hash)
	{
		target->scankeys[0].sk_argument =
			Int32GetDatum((int32) weir_keys_hash_key(&w->spec->keys, key, nulls));
		return;
	}
	for (int i = 0; i < target->nscankeys; i++)
	{
		target->scankeys[i].sk_argument = key[i];
		target->scankeys[i].sk_flags = nulls[i] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
}

/* The scan keeps memory of its own between rows. */
static bool
next_hit(MatrelWriter *w, MatrelTarget *target)
{
	MemoryContext old = MemoryContextSwitchTo(w->cxt);
	bool		found = index_getnext_slot(target->scan, ForwardScanDirection, target->found);

	MemoryContextSwitchTo(old);
	return found;
}

/* ---------------------------------------------------------------------
 * Writing
 * --------------------------------------------------------------------- */

void
weir_writer_insert(MatrelWriter *w, MatrelTarget *target, const Datum *values, const bool *nulls,
				   const CarriedBlock *block, TupleTableSlot *delta)
{
	TupleTableSlot *slot;

	if (target->npending == target->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(w->cxt);

		target->pending[target->nslots++] = MakeSingleTupleTableSlot(RelationGetDescr(target->rel), &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	target->nindexed = 0;
	target->pending_rows[target->npending] = w->at;
	slot = target->pending[target->npending++];
	fill_row(w, target, slot, values, nulls, block);
	ExecMaterializeSlot(slot);
	if (w->listener && w->listener->changed && delta)
		w->listener->changed(w->listener, NULL, slot, delta);
	if (target->npending == MAX_PENDING || MemoryContextMemAllocated(w->cxt, false) > MAX_PENDING_BYTES)
		insert_pending(w, target);
}

void
weir_writer_update(MatrelWriter *w, MatrelTarget *target, ItemPointer tid, const Datum *values,
				   const bool *nulls, const CarriedBlock *block,
				   TupleTableSlot *old_row, TupleTableSlot *delta)
{
	WeirUpdateIndexes indexes;

	fill_row(w, target, w->row, values, nulls, block);
	if (w->listener && w->listener->changed && delta)
		w->listener->changed(w->listener, old_row, w->row, delta);
	indexes = update_row(w, target, tid);
	if (target->rri->ri_NumIndices > 0 && weir_needs_index_update(indexes))
		insert_into_indexes(w, target, w->row, true, indexes);
	ResetPerTupleExprContext(w->estate);
	w->written++;
}

/* Insert the pending rows. */
static void
insert_pending(MatrelWriter *w, MatrelTarget *target)
{
	CommandId	cid;

	if (target->npending == 0)
		return;
	cid = GetCurrentCommandId(true);
	target->nindexed = 0;
	w->at = target->npending == 1 ? target->pending_rows[0] : -1;
	if (target->npending == 1)
		table_tuple_insert(target->rel, target->pending[0], cid, 0, NULL);
	else
		table_multi_insert(target->rel, target->pending, target->npending, cid, 0, NULL);
	for (int i = 0; i < target->npending; i++)
	{
		target->nindexed = i;
		w->at = target->pending_rows[i];
		if (target->rri->ri_NumIndices > 0)
			insert_into_indexes(w, target, target->pending[i], false, WEIR_ALL_INDEXES);
		ResetPerTupleExprContext(w->estate);
		ExecClearTuple(target->pending[i]);
	}
	w->written += target->npending;
	target->npending = 0;
}

/*
 * Without waiting for whoever has locked the row: that may last, and others
 * wait for what this transaction writes.
 */
static WeirUpdateIndexes
update_row(MatrelWriter *w, MatrelTarget *target, ItemPointer tid)
{
	WeirUpdateIndexes indexes = WEIR_NO_INDEX_UPDATE;
	CommandId	cid = GetCurrentCommandId(true);
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;

	weir_row_check(target->rel, tid);

	/*
	 * Waits for a lock for a foreign key not at all, and for one that came
	 * this moment only so long: see weir_tend_hurry.
	 */
	result = table_tuple_update(target->rel, tid, w->row, cid, GetActiveSnapshot(), InvalidSnapshot,
								true, &failure, &mode, &indexes);
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_WEIR_CHANGED),
				 errmsg("a row of \"%s\" was changed meanwhile", RelationGetRelationName(target->rel))));
	return indexes;
}

/* Expressions of indexes are code of users, which all views wait for. */
static void
insert_into_indexes(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *row, bool update, WeirUpdateIndexes which)
{
	bool		has_code = false;

	for (int i = 0; i < target->rri->ri_NumIndices; i++)
		has_code |= target->rri->ri_IndexRelationInfo[i]->ii_Expressions != NIL || target->rri->ri_IndexRelationInfo[i]->ii_Predicate != NIL;
	if (has_code)
		weir_time_limit_begin_call();
	weir_insert_index_tuples(target->rri, row, w->estate, update, which);
	if (has_code)
		weir_time_limit_end_call();
}

static void
fill_row(MatrelWriter *w, MatrelTarget *target, TupleTableSlot *row, const Datum *values, const bool *nulls,
		 const CarriedBlock *block)
{
	int			nkeys = w->spec->desc->natts - w->spec->nstates;
	int			natts = row->tts_tupleDescriptor->natts;

	ExecClearTuple(row);
	memcpy(row->tts_values, values, sizeof(Datum) * nkeys);
	memcpy(row->tts_isnull, nulls, sizeof(bool) * nkeys);
	memset(row->tts_isnull + nkeys, true, sizeof(bool) * (natts - nkeys));
	for (int i = 0; i < w->spec->nstates; i++)
	{
		PartialAgg *agg = w->spec->states[i];
		ContState  *state = &w->runtime->query->states[i];
		Datum		value = values[nkeys + i];
		bool		null = nulls[nkeys + i];

		if (state->value_column >= 0)
			row->tts_values[state->value_column] =
				weir_partial_agg_finalize(agg, value, null, &row->tts_isnull[state->value_column]);
		row->tts_isnull[state->column] = null;
		if (!null)
			row->tts_values[state->column] = weir_partial_agg_pack(agg, value);
	}
	if (block)
		fill_block(w, row, block);
	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(target->rel);
}

static void
fill_block(MatrelWriter *w, TupleTableSlot *row, const CarriedBlock *block)
{
	ContQuery  *query = w->runtime->query;

	row->tts_values[query->block_column] = TimestampGetDatum(block->start);
	row->tts_isnull[query->block_column] = false;
	for (int i = 0; i < w->spec->nstates; i++)
	{
		int			c = query->states[i].block_column;

		row->tts_isnull[c] = block->nulls[i];
		if (!block->nulls[i])
			row->tts_values[c] = weir_partial_agg_pack(w->spec->states[i], block->states[i]);
	}
}

Datum
weir_writer_combine(PartialAgg *agg, Datum old, bool old_null, Datum state, bool state_null,
					bool *result_null, bool *changed)
{
	Datum		result = weir_partial_agg_combine(agg, old, old_null, state, state_null, result_null);

	*changed = *changed || weir_writer_differs(agg, old, old_null, result, *result_null);
	return result;
}

bool
weir_writer_differs(PartialAgg *agg, Datum old, bool old_null, Datum state, bool null)
{
	return null != old_null ||
		(!null && !datumIsEqual(state, old, agg->statebyval, agg->statelen));
}

void
weir_writer_reset(MatrelWriter *w)
{
	ResetPerTupleExprContext(w->estate);
	for (int i = 0; i < w->spec->nstates; i++)
		weir_partial_agg_reset(w->spec->states[i]);
	ExecClearTuple(w->row);
	MemoryContextReset(w->row_cxt);
}

void
weir_writer_finish(MatrelWriter *w)
{
	for (int i = 0; i < w->ntargets; i++)
	{
		MatrelTarget *target = w->targets[i];

		if (target == NULL)
			continue;
		insert_pending(w, target);
		target->untouched = false;
		if (target->scan)
			index_endscan(target->scan);
		target->scan = NULL;
		ExecClearTuple(target->found);
	}
}
