/*
 * intake.c
 *	  What a batch gives: the fast way of running its continuous queries.
 *
 * Process-local, in an ingest or Kafka worker; all memory is in the intake's
 * context.  The careful way is in careful.c.
 */
#include "worker/intake.h"

#include "access/xact.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "miscadmin.h"
#include "query/execute.h"
#include "utils/memutils.h"
#include "worker/worker.h"

/* First row of the batch that the view counts; nrows if none. */
int
weir_intake_first_row(ContView *view, StreamRows *rows)
{
	int			low = 0;
	int			high = rows->nrows;

	if (view->streamid != rows->streamid || view->state != CONT_VIEW_ACTIVE)
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
weir_intake_add_result(Intake *intake, ViewResult *result)
{
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
weir_intake_add_dead(Intake *intake, DeadLetter *dead)
{
	if (intake->input.ndead == intake->maxdead)
	{
		intake->maxdead = Max(intake->maxdead * 2, 16);
		if (intake->input.dead == NULL)
			intake->input.dead = MemoryContextAlloc(intake->cxt, sizeof(DeadLetter) * intake->maxdead);
		else
			intake->input.dead = repalloc(intake->input.dead, sizeof(DeadLetter) * intake->maxdead);
	}
	intake->input.dead[intake->input.ndead++] = *dead;
}

void
weir_intake_begin(Intake *intake, WeirBatch *batch, MemoryContext cxt, bool sync)
{
	memset(intake, 0, sizeof(Intake));
	intake->cxt = cxt;
	intake->batch = batch;
	intake->sync = sync;
	intake->input.sync = sync;
	intake->input.noffsets = batch->noffsets;
	intake->input.offsets = batch->offsets;
	for (int i = 0; i < batch->ndead; i++)
		weir_intake_add_dead(intake, &batch->dead[i]);
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
				!weir_runtime_is_kept(view->defid))
				return false;
		}
	return true;
}

void
weir_intake_run(Intake *intake)
{
	List	   *views = weir_intake_views();
	ListCell   *lc;

	for (int i = 0; i < intake->batch->nstreams; i++)
	{
		StreamRows *rows = &intake->batch->streams[i];

		foreach(lc, views)
		{
			ContView   *view = lfirst(lc);
			ViewRuntime *runtime;
			ViewResult	result;
			int			first = weir_intake_first_row(view, rows);

			if (first == rows->nrows)
				continue;
			runtime = weir_runtime_get(view);
			result.spec = &runtime->spec;
			result.rows_in = rows->nrows - first;
			if (!weir_runtime_execute(runtime, rows, first, rows->nrows, intake->keep,
									  &result.tuples, &result.ntuples))
				intake->keep = false;
			weir_intake_add_result(intake, &result);
		}
	}
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
		weir_stats_view_batch(intake->input.views[i].spec->defid,
							  intake->input.views[i].rows_in, intake->input.views[i].ntuples);
	weir_registry_note_batch(weir_worker_self->entry, rows);
}

bool
weir_intake_recover(MemoryContext cxt)
{
	ErrorData  *error;

	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	if (weir_worker_error_kind(error->sqlerrcode) == ERROR_RETRY)
		return false;
	FlushErrorState();
	weir_mutex_release_held();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(cxt);
	return true;
}

void
weir_intake_recover_merged(MemoryContext cxt)
{
	EmitErrorReport();
	FlushErrorState();
	weir_mutex_release_held();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(cxt);
}
