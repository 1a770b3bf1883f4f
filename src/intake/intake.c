/*
 * intake.c
 *	  What a batch gives: results of views, dead letters, late rows.
 *
 * Filled by fast_path.c or slow_path.c.  Process-local, in an ingest or Kafka
 * worker; all memory is in the intake's context.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/shmem.h"
#include "base/stats.h"
#include "intake/intake.h"
#include "meta/view_changes.h"
#include "process/worker.h"
#include "runtime/execute.h"

/* First row of the batch that the view counts; nrows if none. */
int
weir_intake_first_row(ContView *view, StreamRows *rows)
{
	int			low = 0;
	int			high = rows->nrows;

	if (!weir_cont_view_reads(view, rows->streamid) || view->state != CONT_VIEW_ACTIVE)
		return rows->nrows;
	if (rows->seqs == NULL || view->start_boot != weir_shmem_boot())
		return 0;
	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (rows->seqs[mid] <= view->start_seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
weir_intake_collect(Intake *intake, GroupTable *table, ViewResult *result)
{
	uint32		bucket = 0;
	GroupEntry *group = NULL;

	result->ntuples = 0;
	result->tuples = MemoryContextAllocHuge(intake->cxt, sizeof(MinimalTuple) * Max(table->ngroups, 1));
	while ((group = weir_groups_next(table, &bucket, group)) != NULL)
		result->tuples[result->ntuples++] = group->tuple;
}

/*
 * Combine the results of rows of several streams for one view, as a group may
 * be in the result only once. Combining may fail, as merging may: then the
 * slow path finds out why.
 */
static void
join_results(Intake *intake, ViewResult *result, ViewResult *more)
{
	ViewResult *parts[] = {result, more};
	Arena		arena;
	GroupTable *table;

	weir_arena_init(&arena, intake->cxt);
	table = weir_groups_create(&arena, result->spec->defid, result->spec->append);
	for (int i = 0; i < lengthof(parts); i++)
	{
		GroupMerge *merge = weir_groups_stage(table, parts[i]->spec, parts[i]->tuples, parts[i]->ntuples);

		if (!weir_groups_reserve(merge, &arena))
			elog(ERROR, "local group table is out of memory");
		weir_groups_apply(merge, table);
	}
	weir_intake_collect(intake, table, result);
	result->rows_in += more->rows_in;
}

void
weir_intake_add_result(Intake *intake, ViewResult *result)
{
	for (int i = 0; intake->batch->nstreams > 1 && i < intake->input.nviews; i++)
		if (intake->input.views[i].spec == result->spec)
		{
			join_results(intake, &intake->input.views[i], result);
			return;
		}
	if (intake->input.nviews == intake->maxviews)
	{
		intake->maxviews = Max(intake->maxviews * 2, 8);
		if (intake->input.views == NULL)
			intake->input.views = MemoryContextAlloc(intake->cxt, sizeof(ViewResult) * intake->maxviews);
		else
			intake->input.views = repalloc(intake->input.views, sizeof(ViewResult) * intake->maxviews);
	}
	intake->input.views[intake->input.nviews++] = *result;
}

void
weir_intake_add_note(Intake *intake, const Note *note)
{
	if (intake->input.nnotes == intake->maxnotes)
	{
		intake->maxnotes = Max(intake->maxnotes * 2, 16);
		if (intake->input.notes == NULL)
			intake->input.notes = MemoryContextAlloc(intake->cxt, sizeof(Note) * intake->maxnotes);
		else
			intake->input.notes = repalloc(intake->input.notes, sizeof(Note) * intake->maxnotes);
	}
	intake->input.notes[intake->input.nnotes++] = *note;
}

typedef struct RowAsText
{
	StreamRows *rows;
	int			row;
	Oid			owner;
	const char *path;
	char	   *string;
} RowAsText;

static void
make_row_text(void *arg)
{
	RowAsText  *made = arg;
	OwnerSwitch saved;
	Relation	rel;
	TupleTableSlot *slot;

	weir_owner_enter(&saved, made->owner, made->path, made->rows->streamid);
	rel = table_open(made->rows->streamid, AccessShareLock);
	slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	weir_stream_row_store(weir_stream_row_type(RelationGetDescr(rel)), made->rows->rows[made->row], slot);
	made->string = TextDatumGetCString(DirectFunctionCall1(row_to_json,
														   ExecFetchSlotHeapTupleDatum(slot)));
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	weir_owner_leave(&saved);
}

/*
 * The row as JSON text, which a person can read and insert again. Its types
 * may have casts to json: they run as the owner, and a row that cannot be
 * printed gives NULL.
 */
static char *
row_as_text(Intake *intake, StreamRows *rows, int row, Oid owner, const char *path, int *len)
{
	RowAsText	made = {rows, row, owner, path, NULL};

	if (weir_worker_attempt(make_row_text, &made, intake->cxt) != NULL)
		made.string = NULL;
	*len = made.string ? strlen(made.string) : -1;
	return made.string;
}

void
weir_intake_note_row(Intake *intake, NoteKind kind, StreamRows *rows, int row, Oid owner,
					 const char *path, Note *note)
{
	RowOrigin  *origin = rows->origins ? &rows->origins[row] : NULL;

	memset(note, 0, sizeof(Note));
	note->kind = kind;
	note->streamid = rows->streamid;
	note->partition = origin ? origin->partition : -1;
	note->offset = origin ? origin->offset : -1;
	if (origin && origin->payload_len >= 0)
	{
		note->payload = unconstify(char *, origin->payload);
		note->payload_len = origin->payload_len;
	}
	else
		note->payload = row_as_text(intake, rows, row, owner, path, &note->payload_len);
}

IntakeMark
weir_intake_mark(const Intake *intake)
{
	return (IntakeMark) {intake->input.nnotes, intake->ndiverted};
}

void
weir_intake_reset(Intake *intake, IntakeMark mark)
{
	intake->input.nnotes = mark.nnotes;
	intake->ndiverted = mark.ndiverted;
}

void
weir_intake_begin(Intake *intake, WeirBatch *batch, MemoryContext cxt, bool sync)
{
	memset(intake, 0, sizeof(Intake));
	intake->cxt = cxt;
	intake->batch = batch;
	weir_batch_drop_derived(batch);
	intake->sync = sync;
	intake->input.sync = sync;
	intake->input.noffsets = batch->noffsets;
	intake->input.offsets = batch->offsets;
	for (int i = 0; i < batch->ndead; i++)
		weir_intake_add_note(intake, &batch->dead[i]);
}

/* The views, and nothing kept of those that are gone. */
List *
weir_intake_views(void)
{
	static uint64 purged = 0;
	List	   *views = list_copy(weir_cont_views());

	if (purged != weir_cont_views_version())
		weir_runtime_purge(views);
	purged = weir_cont_views_version();
	return views;
}

bool
weir_intake_all_kept(WeirBatch *batch)
{
	List	   *views = weir_intake_views();
	ListCell   *lc;

	for (int i = 0; i < batch->nstreams; i++)
		foreach(lc, views)
		{
			ContView   *view = lfirst(lc);

			if (weir_intake_first_row(view, &batch->streams[i]) < batch->streams[i].nrows &&
				!weir_runtime_is_started(view->defid))
				return false;
		}
	return true;
}

void
weir_intake_note_statistics(Intake *intake)
{
	int64		rows = 0;

	for (int i = 0; i < intake->batch->nstreams; i++)
	{
		StreamRows *stream = &intake->batch->streams[i];

		weir_stats_stream_batch(stream->streamid, stream->nrows, stream->bytes);
		rows += stream->nrows;
	}
	for (int i = 0; i < intake->input.nviews; i++)
		weir_stats_view_batch(intake->input.views[i].spec->viewdef,
							  intake->input.views[i].rows_in, intake->input.views[i].ntuples);
	weir_registry_note_batch(weir_worker_self->entry, rows);
}

void
weir_intake_note_waiting(Intake *intake)
{
	MergeInput *input = &intake->input;
	int			epoch = weir_epoch_active(weir_worker_self->slot);

	/* A batch that brings nothing is in no flush. */
	if (input->nviews == 0 && input->nnotes == 0 && input->noffsets == 0)
		return;
	for (int i = 0; i < intake->batch->nstreams; i++)
		weir_stats_stream_waits(intake->batch->streams[i].streamid, epoch, intake->batch->arrived);
}
