/*
 * divert.c
 *	  Late rows that go to another stream (view option late_stream).
 *
 * In an ingest or Kafka worker, while views run over a batch.  A late row of
 * a view is made into a row of the stream that the view names, and the views
 * of that stream run over it in the same intake: one merge has the results of
 * all, so that one epoch and one flush have them.  A row is thus diverted
 * once, whatever crashes, and nothing of it is ever waiting anywhere.
 *
 * Rows go on in rounds: the views of a round divert, and the rows are the next
 * round's, until none are left.  CREATE VIEW sees to it that there is no way
 * back (meta/late_stream.c).
 *
 * A row keeps its publication number, so that it counts in those views that
 * were there when it was inserted, and its time of arrival.
 *
 * Memory: all is in the intake's context; the batch forgets it when it is
 * tried again.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/weir.h"
#include "intake/divert.h"
#include "intake/event_time.h"
#include "meta/late_stream.h"
#include "runtime/execute.h"
#include "stream/row_maker.h"

/*
 * Longest chain of late_stream. CREATE VIEW refuses cycles, so only a catalog
 * edited by hand can have one.
 */
#define MAX_ROUNDS 100

/* Converts rows of one stream into rows of another. */
typedef struct Diverter
{
	Relation	source;
	int		   *map;			/* see weir_late_stream_map */
	StreamRowType *from;
	RowMaker   *maker;
} Diverter;

static Diverter *diverter_open(ContView *view, Oid sourceid);
static void diverter_close(Diverter *diverter);
static StreamRow *make_row(Diverter *diverter, StreamRow *row, MemoryContext cxt);
static void add_row(Intake *intake, Oid streamid, StreamRow *row, int64 seq, bool numbered);
static int	compare_rows(const void *a, const void *b);

static void
check_right(Oid streamid, Oid owner, AclMode right)
{
	AclResult	acl = pg_class_aclcheck(streamid, owner, right);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_TABLE, get_rel_name(streamid));
}

void
weir_divert_rows(Intake *intake, ContView *view, StreamRows *rows, const int *late, int n)
{
	Oid			streamid = view->options.late_stream;
	int			before = intake->ndiverted;
	OwnerSwitch saved;
	Diverter   *diverter;

	/*
	 * Check the right even when no row is late, so that its loss is noticed at
	 * once. A row goes with all its columns, also those that the query does
	 * not read.
	 */
	check_right(streamid, view->owner, ACL_INSERT);
	check_right(rows->streamid, view->owner, ACL_SELECT);
	if (n == 0)
		return;
	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	PG_TRY();
	{
		diverter = diverter_open(view, rows->streamid);
		for (int i = 0; i < n; i++)
			add_row(intake, streamid, make_row(diverter, rows->rows[late[i]], intake->cxt),
					rows->seqs ? rows->seqs[late[i]] : 0, rows->seqs != NULL);
		diverter_close(diverter);
	}
	PG_CATCH();
	{
		intake->ndiverted = before;
		PG_RE_THROW();
	}
	PG_END_TRY();
	weir_owner_leave(&saved);
}

/* ---------------------------------------------------------------------
 * Making rows
 * --------------------------------------------------------------------- */

static Relation
open_target(ContView *view)
{
	Relation	rel = try_table_open(view->options.late_stream, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the stream that late rows of view %s are diverted to does not exist", view->name)));
	return rel;
}

static Diverter *
diverter_open(ContView *view, Oid sourceid)
{
	Relation	source = table_open(sourceid, AccessShareLock);
	RowMaker   *maker = weir_row_maker_open(open_target(view), weir_clock_now());
	MemoryContext old = MemoryContextSwitchTo(maker->estate->es_query_cxt);
	Diverter   *diverter = palloc0(sizeof(Diverter));
	char	   *problem;

	diverter->source = source;
	diverter->maker = maker;
	diverter->map = weir_late_stream_map(sourceid, RelationGetDescr(source), RelationGetRelid(maker->rel),
										 RelationGetDescr(maker->rel), &problem);
	if (diverter->map == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rows of stream \"%s\" cannot be diverted to stream \"%s\"",
						RelationGetRelationName(source), RelationGetRelationName(maker->rel)),
				 errdetail("%s", problem)));
	diverter->from = weir_stream_row_type(RelationGetDescr(source));
	MemoryContextSwitchTo(old);
	return diverter;
}

static void
diverter_close(Diverter *diverter)
{
	Relation	source = diverter->source;
	Relation	target = diverter->maker->rel;

	weir_row_maker_close(diverter->maker);
	table_close(target, NoLock);
	table_close(source, NoLock);
}

/*
 * Make a row as INSERT would: defaults for columns that the source lacks,
 * generated columns, constraints.
 */
static StreamRow *
make_row(Diverter *diverter, StreamRow *row, MemoryContext cxt)
{
	RowMaker   *maker = diverter->maker;
	Datum	   *datums = weir_stream_row_datums(row);

	CHECK_FOR_INTERRUPTS();
	weir_row_maker_start(maker);
	for (int i = 0; i < RelationGetDescr(maker->rel)->natts; i++)
	{
		if (diverter->map[i] >= 0)
			maker->slot->tts_values[i] = weir_stream_row_get(diverter->from, row, datums, diverter->map[i],
															 &maker->slot->tts_isnull[i]);
		else if (diverter->map[i] == LATE_COLUMN_DEFAULT)
			weir_row_maker_default(maker, i);
	}
	return weir_row_maker_finish(maker, cxt);
}

/* ---------------------------------------------------------------------
 * Rounds
 * --------------------------------------------------------------------- */

static void
add_row(Intake *intake, Oid streamid, StreamRow *row, int64 seq, bool numbered)
{
	if (intake->ndiverted == intake->maxdiverted)
	{
		intake->maxdiverted = Max(intake->maxdiverted * 2, 64);
		if (intake->diverted == NULL)
			intake->diverted = MemoryContextAllocHuge(intake->cxt, sizeof(DivertedRow) * intake->maxdiverted);
		else
			intake->diverted = repalloc_huge(intake->diverted, sizeof(DivertedRow) * intake->maxdiverted);
	}
	intake->diverted[intake->ndiverted] = (DivertedRow) {streamid, row, seq, intake->ndiverted, numbered};
	intake->ndiverted++;
}

/*
 * Sort by stream, within a stream by publication number, as all rows of a
 * batch are.
 */
static int
compare_rows(const void *a, const void *b)
{
	const DivertedRow *x = a;
	const DivertedRow *y = b;

	if (x->streamid != y->streamid)
		return x->streamid < y->streamid ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

bool
weir_divert_next(Intake *intake)
{
	StreamRows *rows = NULL;
	int			first = intake->batch->nstreams;

	if (intake->ndiverted == 0)
		return false;
	if (intake->rounds++ == MAX_ROUNDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the late_stream options of these views form a cycle")));
	qsort(intake->diverted, intake->ndiverted, sizeof(DivertedRow), compare_rows);
	for (int i = 0; i < intake->ndiverted; i++)
	{
		DivertedRow *row = &intake->diverted[i];

		if (rows == NULL || rows->streamid != row->streamid)
			rows = weir_batch_add_derived(intake->batch, row->streamid, row->numbered, intake->cxt);
		weir_batch_add_row(intake->batch, rows, row->row, row->seq, NULL);
	}
	intake->ndiverted = 0;
	weir_event_begin_streams(intake, first);
	return true;
}

void
weir_divert_note_late(Intake *intake, ContView *view, StreamRows *rows)
{
	int			n;
	int		   *late = weir_runtime_late(&n);
	bool		divert = OidIsValid(view->options.late_stream);
	Note		note = {.kind = NOTE_LATE_COUNT, .streamid = rows->streamid, .viewid = view->viewid, .payload_len = -1};

	if (divert)
		weir_divert_rows(intake, view, rows, late, n);
	if (n > 0 && (divert || view->options.late == LATE_DROP))
	{
		*(divert ? &note.diverted : &note.dropped) = n;
		weir_intake_add_note(intake, &note);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		weir_intake_note_row(intake, NOTE_LATE_ROW, rows, late[i], view->owner, view->path, &note);
		note.viewid = view->viewid;
		weir_intake_add_note(intake, &note);
	}
}
