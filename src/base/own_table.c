/*
 * own_table.c
 *	  Writing the extension's own tables: statements whose plans are kept, and
 *	  many rows at once.
 *
 * In the flush worker.  A plan for each row would cost more than all else that
 * is done for it, and tens of thousands of rows (dead letters of a topic that
 * turned bad) hold everybody up while they are written.  So they go in through
 * the table access method, page by page, as COPY does it.
 *
 * Memory: a context per insert, a child of the current one; an error leaves it
 * to that.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/own_table.h"

/*
 * Rows that are kept until they are written together, and of how many bytes.
 */
#define MAX_PENDING 500
#define MAX_PENDING_BYTES (1024 * 1024)

struct OwnInsert
{
	MemoryContext cxt;
	Relation	rel;
	ResultRelInfo *rri;
	EState	   *estate;
	int			identity;		/* column; -1: none */
	Oid			sequence;
	int			npending;
	Size		pending_bytes;
	int			nslots;
	TupleTableSlot *slots[MAX_PENDING];
};

void
weir_own_prepare(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types)
{
	SPIPlanPtr	made;

	if (*plan != NULL)
		return;
	made = SPI_prepare(sql, nargs, types);
	if (made == NULL || SPI_keepplan(made) != 0)
		elog(ERROR, "could not prepare \"%s\"", sql);
	*plan = made;
}

uint64
weir_own_execute(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types, Datum *values,
				 const char *nulls)
{
	int			result;

	weir_own_prepare(plan, sql, nargs, types);
	result = SPI_execute_plan(*plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return SPI_processed;
}

/* ---------------------------------------------------------------------
 * Many rows
 * --------------------------------------------------------------------- */

static void
find_identity(OwnInsert *insert)
{
	TupleDesc	desc = RelationGetDescr(insert->rel);

	insert->identity = -1;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attidentity == '\0' || att->attisdropped)
			continue;
		insert->identity = i;
		insert->sequence = castNode(NextValueExpr, build_column_default(insert->rel, i + 1))->seqid;
	}
}

Datum
weir_own_oids(List *oids, Oid type)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	ListCell   *lc;

	foreach(lc, oids)
		elems[foreach_current_index(lc)] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(elems, list_length(oids), type, sizeof(Oid), true, TYPALIGN_INT));
}

OwnInsert *
weir_own_insert_begin(Oid relid)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "weir insert", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	OwnInsert  *insert = palloc0(sizeof(OwnInsert));

	insert->cxt = cxt;
	insert->rel = table_open(relid, RowExclusiveLock);
	insert->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(insert->rri, insert->rel, 0, NULL, 0);
	ExecOpenIndices(insert->rri, false);
	insert->estate = CreateExecutorState();
	find_identity(insert);
	MemoryContextSwitchTo(old);
	return insert;
}

static void
write_pending(OwnInsert *insert)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(insert->estate));

	if (insert->npending > 0)
		table_multi_insert(insert->rel, insert->slots, insert->npending, GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < insert->npending; i++)
	{
		if (insert->rri->ri_NumIndices > 0)
			weir_insert_index_tuples(insert->rri, insert->slots[i], insert->estate, false, WEIR_ALL_INDEXES);
		ExecClearTuple(insert->slots[i]);
	}
	insert->npending = 0;
	insert->pending_bytes = 0;
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(insert->estate);
}

static TupleTableSlot *
next_slot(OwnInsert *insert)
{
	if (insert->npending == insert->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(insert->cxt);

		insert->slots[insert->nslots++] = table_slot_create(insert->rel, NULL);
		MemoryContextSwitchTo(old);
	}
	return insert->slots[insert->npending++];
}

void
weir_own_insert(OwnInsert *insert, int nvalues, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = next_slot(insert);

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, sizeof(Datum) * nvalues);
	memcpy(slot->tts_isnull, nulls, sizeof(bool) * nvalues);
	memset(slot->tts_isnull + nvalues, true, sizeof(bool) * (slot->tts_tupleDescriptor->natts - nvalues));
	if (insert->identity >= 0)
	{
		slot->tts_values[insert->identity] = Int64GetDatum(nextval_internal(insert->sequence, false));
		slot->tts_isnull[insert->identity] = false;
	}
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	slot->tts_tableOid = RelationGetRelid(insert->rel);
	if (RelationGetDescr(insert->rel)->constr)
		ExecConstraints(insert->rri, slot, insert->estate);
	insert->pending_bytes += ExecFetchSlotHeapTuple(slot, false, NULL)->t_len;
	if (insert->npending == MAX_PENDING || insert->pending_bytes > MAX_PENDING_BYTES)
		write_pending(insert);
}

void
weir_own_insert_end(OwnInsert *insert)
{
	write_pending(insert);
	for (int i = 0; i < insert->nslots; i++)
		ExecDropSingleTupleTableSlot(insert->slots[i]);
	ExecCloseIndices(insert->rri);
	FreeExecutorState(insert->estate);
	table_close(insert->rel, NoLock);
	MemoryContextDelete(insert->cxt);
}

void
weir_own_delete(Relation rel, const ItemPointerData *tid)
{
	ItemPointerData next = *tid;
	TM_FailureData failure;
	TM_Result	result;

	while ((result = table_tuple_delete(rel, &next, GetCurrentCommandId(true), SnapshotAny, InvalidSnapshot,
										true, &failure, false)) == TM_Updated)
		next = failure.ctid;
	if (result != TM_Ok && result != TM_Deleted && result != TM_SelfModified)
		elog(ERROR, "unexpected result %d of deleting a row of \"%s\"", result, RelationGetRelationName(rel));
}
