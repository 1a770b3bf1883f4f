/*
 * visit.c
 *	  Every row that an epoch has of a view: of its tables and its files.
 *
 * For the flush worker, in a transaction.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "groups/spill.h"
#include "groups/visit.h"

static void
visit_table(GroupTable *table, GroupSpec *spec, void (*visit) (TupleTableSlot *row, void *arg), void *arg)
{
	uint32		bucket = 0;
	GroupEntry *group = NULL;

	while ((group = weir_groups_next(table, &bucket, group)) != NULL)
	{
		ExecStoreMinimalTuple(group->tuple, spec->new_slot, false);
		visit(spec->new_slot, arg);
	}
}

static void
visit_file(Run *run, int file, bool sorted, GroupSpec *spec,
		   void (*visit) (TupleTableSlot *row, void *arg), void *arg)
{
	SpillReader *reader = weir_spill_open(run, file, spec->defid, sorted);
	MinimalTuple tuple;

	while ((tuple = weir_spill_next(reader)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(tuple, spec->new_slot, false);
		visit(spec->new_slot, arg);
	}
	weir_spill_close(reader);
}

static void
visit_run(Run *run, GroupSpec *spec, void (*visit) (TupleTableSlot *row, void *arg), void *arg)
{
	for (GroupTable *table = run->tables; table; table = table->next)
		if (table->defid == spec->defid)
			visit_table(table, spec, visit, arg);
	for (int file = 0; file < run->nfiles; file++)
	{
		visit_file(run, file, true, spec, visit, arg);
		if (run->unsorted)
			visit_file(run, file, false, spec, visit, arg);
	}
}

void
weir_epoch_visit(Epoch *epoch, GroupSpec *spec, void (*visit) (TupleTableSlot *row, void *arg), void *arg)
{
	visit_run(&epoch->main, spec, visit, arg);
	for (Run *run = epoch->adopted; run; run = run->next)
		visit_run(run, spec, visit, arg);
	ExecClearTuple(spec->new_slot);
}

/* ---------------------------------------------------------------------
 * As they are
 * --------------------------------------------------------------------- */

typedef void (*RawVisit) (MinimalTuple row, bool new_source, void *arg);

static void
visit_table_raw(GroupTable *table, RawVisit visit, void *arg)
{
	uint32		bucket = 0;
	GroupEntry *group = NULL;
	bool		first = true;

	while ((group = weir_groups_next(table, &bucket, group)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		visit(group->tuple, first, arg);
		first = false;
	}
}

/* Its sorted part and the other one have no group in common. */
static void
visit_file_raw(Run *run, int file, Oid defid, RawVisit visit, void *arg)
{
	bool		first = true;

	for (int sorted = 1; sorted >= (run->unsorted ? 0 : 1); sorted--)
	{
		SpillReader *reader = weir_spill_open(run, file, defid, sorted);
		MinimalTuple tuple;

		while ((tuple = weir_spill_next(reader)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			visit(tuple, first, arg);
			first = false;
		}
		weir_spill_close(reader);
	}
}

static void
visit_run_raw(Run *run, Oid defid, RawVisit visit, void *arg)
{
	for (int file = 0; file < run->nfiles; file++)
		visit_file_raw(run, file, defid, visit, arg);
	for (GroupTable *table = run->tables; table; table = table->next)
		if (table->defid == defid)
			visit_table_raw(table, visit, arg);
}

void
weir_epoch_visit_raw(Epoch *epoch, Oid defid, RawVisit visit, void *arg)
{
	visit_run_raw(&epoch->main, defid, visit, arg);
	for (Run *run = epoch->adopted; run; run = run->next)
		visit_run_raw(run, defid, visit, arg);
}
