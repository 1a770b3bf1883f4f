/*
 * fdw.c
 *	  The foreign-data wrapper of streams: writing rows, and the scan of the
 *	  current batch.
 *
 * A client's INSERT or COPY ends in weir_xact_rows_add.  Reading a stream
 * makes sense only while a worker runs a continuous query over a batch (see
 * stream/batch.h).  Everywhere else it is an error when the first row is asked
 * for, so that plans can be made and shown and tools learn of the columns
 * (LIMIT 0); weir.read_streams has it give no rows instead.
 *
 * PostgreSQL does not check constraints of foreign tables; here they are
 * checked as on a table, after BEFORE triggers and generated columns.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "commands/explain.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/weir.h"
#include "meta/adopted.h"
#include "meta/options.h"
#include "stream/batch.h"
#include "stream/row_maker.h"
#include "stream/stream_row.h"
#include "stream/xact_rows.h"

/* Rows that a batch is taken to have, for planning. */
#define ASSUMED_BATCH_ROWS 10000

typedef struct StreamInsert
{
	Oid			streamid;
	RowRules	rules;
} StreamInsert;

typedef struct StreamScan
{
	StreamRows *rows;
	int			first;
	int			next;
	int			last;
	StreamRowType *type;
	int			ncolumns;		/* that the query reads; others are NULL */
	int		   *columns;
	TupleTableSlot *slot;
} StreamScan;

WEIR_FUNCTION(weir_fdw_handler);

static void
refuse_change(Relation rel, const char *verb)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot %s stream \"%s\"", verb, RelationGetRelationName(rel)),
			 errdetail("A stream keeps no rows."),
			 errhint("INSERT or COPY rows into it, and read them through continuous views.")));
}

/* ---------------------------------------------------------------------
 * Planning
 * --------------------------------------------------------------------- */

/*
 * Is the stream read as a partition or child of the table that the query
 * names?  It keeps no rows, so that a reader of the table gets those of the
 * others.
 */
static bool
is_inherited(PlannerInfo *root, RelOptInfo *rel)
{
	AppendRelInfo *child = root->append_rel_array ? root->append_rel_array[rel->relid] : NULL;

	/*
	 * A branch of UNION ALL has one, too, and so has a stream with children,
	 * of itself.
	 */
	return child != NULL && OidIsValid(child->parent_reloid) &&
		child->parent_reloid != planner_rt_fetch(rel->relid, root)->relid;
}

static void
stream_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	rel->tuples = is_inherited(root, rel) ? 0 : ASSUMED_BATCH_ROWS;
	set_baserel_size_estimates(root, rel);
}

static void
stream_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	Cost		total = cpu_tuple_cost * rel->tuples + rel->baserestrictcost.per_tuple * rel->tuples;

	add_path(rel, (Path *) weir_create_foreignscan_path(root, rel, rel->rows, 0, total));
}

static ForeignScan *
stream_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path,
			List *tlist, List *clauses, Plan *outer_plan)
{
	return make_foreignscan(tlist, extract_actual_clauses(clauses, false), rel->relid,
							NIL, is_inherited(root, rel) ? list_make1_int(1) : NIL, NIL, NIL,
							outer_plan);
}

static void
stream_add_update_targets(PlannerInfo *root, Index rtindex,
						  RangeTblEntry *target_rte, Relation target)
{
	refuse_change(target, root->parse->commandType == CMD_DELETE ? "delete from" : "update");
}

static void
refuse_insert(Oid streamid)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot insert into stream \"%s\"", get_rel_name(streamid)),
			 errdetail("Its rows come from a Kafka topic."),
			 errhint("Produce into the topic, or create a stream on server weir.")));
}

/* PostgreSQL's own message, which comes later, does not say why. */
static List *
stream_plan_modify(PlannerInfo *root, ModifyTable *plan, Index result, int subplan)
{
	RangeTblEntry *rte = planner_rt_fetch(result, root);

	if (plan->operation == CMD_INSERT && weir_options_is_kafka_server(GetForeignTable(rte->relid)->serverid))
		refuse_insert(rte->relid);
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("INSERT with ON CONFLICT is not supported on stream \"%s\"",
						get_rel_name(rte->relid)),
				 errdetail("A stream keeps no rows to conflict with."),
				 errhint("Insert without ON CONFLICT; group by the key in a continuous view.")));
	return NIL;
}

static int
stream_is_updatable(Relation rel)
{
	ForeignTable *table = GetForeignTable(RelationGetRelid(rel));

	return weir_options_is_kafka_server(table->serverid) ? 0 : (1 << CMD_INSERT);
}

/* ---------------------------------------------------------------------
 * Reading the current batch
 * --------------------------------------------------------------------- */

/*
 * The columns that the plan node's expressions mention; all for the row as a
 * whole.
 */
static void
columns_read(StreamScan *scan, Scan *plan)
{
	Bitmapset  *used = NULL;
	bool		all;

	pull_varattnos((Node *) plan->plan.targetlist, plan->scanrelid, &used);
	pull_varattnos((Node *) plan->plan.qual, plan->scanrelid, &used);
	all = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	scan->ncolumns = 0;
	scan->columns = palloc(sizeof(int) * Max(scan->type->natts, 1));
	for (int i = 0; i < scan->type->natts; i++)
		if (all || bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, used))
			scan->columns[scan->ncolumns++] = i;
}

/* From the first row of the current batch on, if there is one. */
static void
start_from_first(StreamScan *scan, Relation rel)
{
	scan->rows = weir_batch_scan_get(RelationGetRelid(rel), &scan->first, &scan->last);
	scan->next = scan->first;
}

/* No batch is being taken in. */
static void
read_nothing(Relation rel)
{
	if (weir_read_streams == READ_STREAMS_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot read stream \"%s\" directly", RelationGetRelationName(rel)),
				 errdetail("A stream keeps no rows."),
				 errhint("Create a continuous view over it with CREATE VIEW ... AS SELECT ... FROM %s, and read that.",
						 quote_identifier(RelationGetRelationName(rel)))));
}

/* stream_plan put it down. */
static bool
is_empty(ForeignScanState *node)
{
	return ((ForeignScan *) node->ss.ps.plan)->fdw_private != NIL;
}

static void
stream_begin_scan(ForeignScanState *node, int eflags)
{
	Relation	rel = node->ss.ss_currentRelation;
	StreamScan *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY || is_empty(node))
		return;
	scan = palloc0(sizeof(StreamScan));
	start_from_first(scan, rel);
	scan->type = weir_stream_row_type(RelationGetDescr(rel));
	columns_read(scan, (Scan *) node->ss.ps.plan);
	scan->slot = ExecInitExtraTupleSlot(node->ss.ps.state, RelationGetDescr(rel), &TTSOpsVirtual);
	memset(scan->slot->tts_isnull, true, sizeof(bool) * scan->type->natts);
	node->fdw_state = scan;
}

static TupleTableSlot *
stream_next(ForeignScanState *node)
{
	StreamScan *scan = node->fdw_state;
	TupleTableSlot *slot;
	StreamRow  *row;
	Datum	   *datums;

	if (is_empty(node))
		return NULL;
	if (scan->rows == NULL)
	{
		read_nothing(node->ss.ss_currentRelation);
		return NULL;
	}
	slot = scan->slot;
	if (scan->next >= scan->last)
		return NULL;
	weir_batch_scan_note(scan->next);
	row = scan->rows->rows[scan->next++];
	datums = weir_stream_row_datums(row);
	ExecClearTuple(slot);
	for (int i = 0; i < scan->ncolumns; i++)
	{
		int			c = scan->columns[i];

		slot->tts_values[c] = weir_stream_row_get(scan->type, row, datums, c, &slot->tts_isnull[c]);
	}
	return ExecStoreVirtualTuple(slot);
}

static void
stream_rescan(ForeignScanState *node)
{
	if (!is_empty(node))
		start_from_first(node->fdw_state, node->ss.ss_currentRelation);
}

static void
stream_end_scan(ForeignScanState *node)
{
}

/* ---------------------------------------------------------------------
 * Writing
 * --------------------------------------------------------------------- */

static void
insert_begin(ResultRelInfo *rri)
{
	Relation	rel = rri->ri_RelationDesc;
	StreamInsert *insert;

	weir_shmem_require();
	if (!(stream_is_updatable(rel) & (1 << CMD_INSERT)))
		refuse_insert(RelationGetRelid(rel));
	weir_adopted_check_insert(RelationGetRelid(rel));
	insert = palloc0(sizeof(StreamInsert));
	insert->streamid = RelationGetRelid(rel);
	weir_row_rules_init(&insert->rules, RelationGetDescr(rel));
	rri->ri_FdwState = insert;
}

static void
stream_begin_modify(ModifyTableState *mtstate, ResultRelInfo *rri, List *private,
					int subplan, int eflags)
{
	if (!(eflags & EXEC_FLAG_EXPLAIN_ONLY))
		insert_begin(rri);
}

static void
stream_begin_insert(ModifyTableState *mtstate, ResultRelInfo *rri)
{
	insert_begin(rri);
}

/*
 * The time of arrival: that of the clock, which is asked in its cheap form, of
 * a few milliseconds' precision, and not before the statement began.
 */
static TimestampTz
arrival_time(void)
{
	TimestampTz time;
#ifdef CLOCK_REALTIME_COARSE
	struct timespec now;
#endif

	if (weir_clock_is_set(&time))
		return time;
#ifdef CLOCK_REALTIME_COARSE
	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0)
	{
		time = ((TimestampTz) now.tv_sec -
				(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC +
			now.tv_nsec / 1000;
		return Max(time, GetCurrentStatementStartTimestamp());
	}
#endif
	return GetCurrentTimestamp();
}

static void
fill_arrival(TupleTableSlot *slot, int column)
{
	bool		has_tuple = !TTS_IS_VIRTUAL(slot) &&
		!(TTS_IS_HEAPTUPLE(slot) && ((HeapTupleTableSlot *) slot)->tuple == NULL);
	TimestampTz time = arrival_time();

	slot->tts_values[column] = TimestampTzGetDatum(time);
	slot->tts_isnull[column] = false;
	if (has_tuple)
	{
		/* The tuple behind the values is to have it too. */
		MemoryContext old = MemoryContextSwitchTo(slot->tts_mcxt);
		HeapTuple	tuple = heap_form_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);

		MemoryContextSwitchTo(old);
		ExecForceStoreHeapTuple(tuple, slot, true);
		slot_getallattrs(slot);
	}
}

static TupleTableSlot *
stream_insert(EState *estate, ResultRelInfo *rri, TupleTableSlot *slot,
			  TupleTableSlot *plan_slot)
{
	StreamInsert *insert = rri->ri_FdwState;

	slot_getallattrs(slot);
	if (insert->rules.arrival >= 0 && slot->tts_isnull[insert->rules.arrival])
		fill_arrival(slot, insert->rules.arrival);
	weir_row_rules_check(&insert->rules, rri, slot, estate);
	weir_xact_rows_add(insert->streamid, insert->rules.type, slot->tts_values, slot->tts_isnull);
	return slot;
}

static void
stream_truncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	refuse_change(linitial(rels), "truncate");
}

Datum
weir_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_shmem_require();
	routine->GetForeignRelSize = stream_rel_size;
	routine->GetForeignPaths = stream_paths;
	routine->GetForeignPlan = stream_plan;
	routine->BeginForeignScan = stream_begin_scan;
	routine->IterateForeignScan = stream_next;
	routine->ReScanForeignScan = stream_rescan;
	routine->EndForeignScan = stream_end_scan;

	routine->AddForeignUpdateTargets = stream_add_update_targets;
	routine->PlanForeignModify = stream_plan_modify;
	routine->BeginForeignModify = stream_begin_modify;
	routine->ExecForeignInsert = stream_insert;
	routine->BeginForeignInsert = stream_begin_insert;
	routine->IsForeignRelUpdatable = stream_is_updatable;
	routine->ExecForeignTruncate = stream_truncate;
	PG_RETURN_POINTER(routine);
}
