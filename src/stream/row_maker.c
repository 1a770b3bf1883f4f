/*
 * row_maker.c
 *	  How a row of a stream is made.
 *
 * Messages of a source and rows that are diverted to another stream do not go
 * through a plan, which is where an INSERT gets its defaults and checks its
 * domains.  Nor does the executor check what is put into a foreign table.
 *
 * A RowMaker is used by workers, as the stream's or the view's owner; RowRules
 * by backends, too.
 *
 * Failure: expressions are prepared when they are needed first, because that
 * may fail, too, and then it is the row's fault.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "meta/extension.h"
#include "stream/row_maker.h"

typedef struct ColumnMaker
{
	Node	   *expr;			/* default, or what generates it; NULL: none */
	ExprState  *state;			/* NULL: not needed yet */
	bool		generated;

	/* its type if that is a domain with constraints, else InvalidOid */
	Oid			domain;
	void	   *domain_extra;
} ColumnMaker;

void
weir_row_rules_init(RowRules *rules, TupleDesc desc)
{
	TupleConstr *constr = desc->constr;

	rules->type = weir_stream_row_type(desc);
	rules->arrival = weir_stream_arrival(desc);
	rules->has_constraints = constr && (constr->has_not_null || constr->num_check > 0);
}

void
weir_row_rules_check(const RowRules *rules, ResultRelInfo *rri, TupleTableSlot *slot, EState *estate)
{
	if (rules->has_constraints)
		ExecConstraints(rri, slot, estate);
}

static void
open_column(RowMaker *maker, int i)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(maker->rel), i);
	ColumnMaker *column = &maker->columns[i];

	if (att->attisdropped)
		return;
	column->generated = att->attgenerated == ATTRIBUTE_GENERATED_STORED;
	if (column->generated || att->attgenerated == '\0')
		column->expr = build_column_default(maker->rel, att->attnum);
	if (get_typtype(att->atttypid) == TYPTYPE_DOMAIN && DomainHasConstraints(att->atttypid))
		column->domain = att->atttypid;
}

RowMaker *
weir_row_maker_open(Relation rel, TimestampTz arrived)
{
	EState	   *estate = CreateExecutorState();
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	RowMaker   *maker = palloc0(sizeof(RowMaker));
	TupleDesc	desc = RelationGetDescr(rel);

	maker->rel = rel;
	maker->estate = estate;
	maker->column = -1;
	maker->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	maker->slot->tts_tableOid = RelationGetRelid(rel);
	maker->arrived = arrived;
	weir_row_rules_init(&maker->rules, desc);
	maker->columns = palloc0(sizeof(ColumnMaker) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
		open_column(maker, i);
	maker->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(maker->rri, rel, 0, NULL, 0);
	MemoryContextSwitchTo(old);
	return maker;
}

void
weir_row_maker_close(RowMaker *maker)
{
	ExecDropSingleTupleTableSlot(maker->slot);
	FreeExecutorState(maker->estate);
}

void
weir_row_maker_start(RowMaker *maker)
{
	int			natts = RelationGetDescr(maker->rel)->natts;

	maker->column = -1;
	ResetPerTupleExprContext(maker->estate);
	ExecClearTuple(maker->slot);
	memset(maker->slot->tts_values, 0, sizeof(Datum) * natts);
	memset(maker->slot->tts_isnull, true, sizeof(bool) * natts);
}

static void
evaluate(RowMaker *maker, int i)
{
	ColumnMaker *column = &maker->columns[i];
	ExprContext *econtext = GetPerTupleExprContext(maker->estate);

	maker->column = i;
	if (column->state == NULL)
		column->state = ExecPrepareExpr((Expr *) column->expr, maker->estate);
	econtext->ecxt_scantuple = maker->slot;
	maker->slot->tts_values[i] = ExecEvalExprSwitchContext(column->state, econtext,
														   &maker->slot->tts_isnull[i]);
	maker->column = -1;
}

void
weir_row_maker_default(RowMaker *maker, int i)
{
	if (maker->columns[i].expr && !maker->columns[i].generated)
		evaluate(maker, i);
}

/*
 * Values have been checked when they became what they are; NULL has not become
 * anything.
 */
static void
check_domains(RowMaker *maker)
{
	for (int i = 0; i < RelationGetDescr(maker->rel)->natts; i++)
	{
		ColumnMaker *column = &maker->columns[i];

		if (!OidIsValid(column->domain) || column->generated || !maker->slot->tts_isnull[i])
			continue;
		maker->column = i;
		domain_check((Datum) 0, true, column->domain, &column->domain_extra,
					 maker->estate->es_query_cxt);
		maker->column = -1;
	}
}

static void
fill_arrival(RowMaker *maker)
{
	int			i = maker->rules.arrival;

	if (i < 0 || !maker->slot->tts_isnull[i])
		return;
	maker->slot->tts_values[i] = TimestampTzGetDatum(maker->arrived);
	maker->slot->tts_isnull[i] = false;
}

StreamRow *
weir_row_maker_finish(RowMaker *maker, MemoryContext cxt)
{
	TupleTableSlot *slot = maker->slot;
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(maker->estate));
	StreamRow  *row;
	Size		size;

	fill_arrival(maker);
	check_domains(maker);
	ExecStoreVirtualTuple(slot);
	for (int i = 0; i < RelationGetDescr(maker->rel)->natts; i++)
		if (maker->columns[i].generated)
			evaluate(maker, i);
	weir_row_rules_check(&maker->rules, maker->rri, slot, maker->estate);
	size = weir_stream_row_size(maker->rules.type, slot->tts_values, slot->tts_isnull);
	row = MemoryContextAllocHuge(cxt, size);
	weir_stream_row_fill(maker->rules.type, row, size, slot->tts_values, slot->tts_isnull);
	MemoryContextSwitchTo(old);
	return row;
}
