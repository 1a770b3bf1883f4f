/*
 * fast_path.c
 *	  The fast path of running continuous queries over a batch: each view over
 *	  all its rows at once.
 *
 * In ingest and Kafka workers.
 */
#include "postgres.h"

#include "intake/divert.h"
#include "intake/paths.h"
#include "runtime/execute.h"

/* Run the views over streams first_stream to last_stream - 1 of the batch. */
static void
run_streams(Intake *intake, int first_stream, int last_stream)
{
	List	   *views = weir_intake_views();
	ListCell   *lc;

	for (int i = first_stream; i < last_stream; i++)
	{
		StreamRows *rows = &intake->batch->streams[i];

		foreach(lc, views)
		{
			ContView   *view = lfirst(lc);
			ViewRuntime *runtime;
			ViewRuntime *part;
			int			first = weir_intake_first_row(view, rows);

			if (first == rows->nrows)
				continue;
			runtime = weir_runtime_get(view);
			for (int p = 0; (part = weir_runtime_part(runtime, p)) != NULL; p++)
			{
				ViewResult	result;

				result.spec = &part->spec;
				result.rows_in = p == 0 ? rows->nrows - first : 0;
				if (!weir_runtime_execute(part, rows, first, rows->nrows, intake->keep,
										  &result.tuples, &result.ntuples))
					intake->keep = false;
				weir_intake_add_result(intake, &result);
				if (p == 0)
					weir_divert_note_late(intake, view, rows);
			}
		}
	}
}

void
weir_fast_path(Intake *intake)
{
	int			done = 0;

	do
	{
		int			nstreams = intake->batch->nstreams;

		run_streams(intake, done, nstreams);
		done = nstreams;
	} while (weir_divert_next(intake));
}
