/*
 * slow_path.c
 *	  The slow path of running continuous queries over a batch: find out what
 *	  fails.
 *
 * Each view runs in a subtransaction.  A failing range of rows is halved until
 * single rows are left, and those become dead letters of that view; what the
 * ranges give is put together in a local group table.  A view that fails for
 * reasons of its own is suspended, in the same transaction.
 *
 * Memory: what a range took is freed when it has been merged or has failed, so
 * that many bad rows beside large states take no more than the states.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/settings.h"
#include "intake/divert.h"
#include "intake/paths.h"
#include "process/worker.h"
#include "runtime/execute.h"

/* The result of one view, assembled in local memory from ranges of rows. */
typedef struct Assembly
{
	Intake	   *intake;
	ContView   *view;
	ViewRuntime *runtime;
	StreamRows *rows;
	MemoryContext scratch;		/* of one range */
	Arena		arena;
	GroupTable *tables[1 + MAX_VIEW_VALUES];	/* of the runtime's parts */
	int64		rows_in;

	/* after this time, work that takes too long is not divided any more */
	TimestampTz deadline;
	bool		broken;			/* the view has to be suspended */
	char	   *reason;
} Assembly;

/*
 * Run all queries of the view over rows [first, last) and merge their results.
 * Nothing fails once the first result is applied, so that rows are in all of
 * them or in none.
 */
static void
take_range(Assembly *a, int first, int last)
{
	GroupMerge *merges[1 + MAX_VIEW_VALUES];
	ViewRuntime *part;

	for (int i = 0; (part = weir_runtime_part(a->runtime, i)) != NULL; i++)
	{
		MinimalTuple *tuples;
		int			ntuples;

		weir_runtime_execute(part, a->rows, first, last, false, &tuples, &ntuples);
		merges[i] = weir_groups_stage(a->tables[i], &part->spec, tuples, ntuples);
		if (i == 0)
			weir_divert_note_late(a->intake, a->view, a->rows);
	}
	if (a->intake->divisible && a->rows_in > 0 && a->arena.total > WEIR_MAX_RESULTS)
		ereport(ERROR,
				(errcode(ERRCODE_WEIR_TOO_LARGE),
				 errmsg("the rows of a batch give too many rows")));
	for (int i = 0; (part = weir_runtime_part(a->runtime, i)) != NULL; i++)
	{
		if (a->tables[i] == NULL)
			a->tables[i] = weir_groups_create(&a->arena, part->defid, part->spec.append);
		if (!weir_groups_reserve(merges[i], &a->arena))
			elog(ERROR, "local group table is out of memory");
		weir_groups_apply(merges[i], a->tables[i]);
	}
}

static void
bury_row(Assembly *a, int row, ErrorData *error)
{
	Note		dead;

	weir_intake_note_row(a->intake, NOTE_DEAD_LETTER, a->rows, row, a->view->owner, a->view->path, &dead);
	dead.viewid = a->view->viewid;
	dead.sqlerrcode = error->sqlerrcode;
	dead.message = MemoryContextStrdup(a->intake->cxt, error->message ? error->message : "unknown error");
	weir_intake_add_note(a->intake, &dead);
}

/* Arguments of an attempt. */
typedef struct RangeTry
{
	Assembly   *a;
	int			first;
	int			last;
} RangeTry;

static void
do_range(void *arg)
{
	RangeTry   *range = arg;

	if (range->a->runtime == NULL)
		range->a->runtime = weir_runtime_get(range->a->view);
	take_range(range->a, range->first, range->last);
}

/*
 * Run the view over rows [first, last) and merge the result. Returns the
 * error, in the scratch context, or NULL.
 */
static ErrorData *
try_range(Assembly *a, int first, int last)
{
	RangeTry	range = {a, first, last};
	IntakeMark	mark = weir_intake_mark(a->intake);
	ErrorData  *error = weir_worker_attempt(do_range, &range, a->scratch);

	/*
	 * Late rows are noted before the whole range is known to be good, so undo
	 * that.
	 */
	if (error)
		weir_intake_reset(a->intake, mark);
	return error;
}

static void
assemble(Assembly *a, int first, int last)
{
	ErrorData  *error;
	bool		halve = false;
	int			middle;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	error = try_range(a, first, last);
	if (error == NULL)
		a->rows_in += last - first;
	else if (a->intake->divisible && weir_errors_is_too_large(error))
		ReThrowError(error);
	else if (a->runtime == NULL || (error->sqlerrcode == ERRCODE_WEIR_TIMEOUT ?
									last - first == 1 || weir_clock_steady() >= a->deadline :
									weir_errors_kind(error) == ERROR_VIEW))
	{
		a->broken = true;
		a->reason = MemoryContextStrdup(a->intake->cxt, error->message);
	}
	else if (last - first == 1)
		bury_row(a, first, error);
	else
		halve = true;
	MemoryContextReset(a->scratch);
	if (!halve)
		return;
	middle = first + (last - first) / 2;
	assemble(a, first, middle);
	if (!a->broken)
		assemble(a, middle, last);
}

static void
suspend(Intake *intake, ContView *view, const char *reason)
{
	if (intake->open)
	{
		intake->unfit = true;
		return;
	}
	if (!weir_cont_view_suspend(view->defid, reason, false))
		return;					/* dropped meanwhile */
	ereport(WARNING,
			(errmsg("continuous view %s is suspended: %s", view->name, reason),
			 errhint("Fix the cause, then call weir.activate('%s').", view->name)));
}

/* Add the assembled groups to the intake as results. */
static void
add_assembled(Assembly *a)
{
	ViewRuntime *part;

	if (a->tables[0] == NULL)
		return;
	for (int i = 0; (part = weir_runtime_part(a->runtime, i)) != NULL; i++)
	{
		ViewResult	result = {0};

		result.spec = &part->spec;
		result.rows_in = i == 0 ? a->rows_in : 0;
		weir_intake_collect(a->intake, a->tables[i], &result);
		weir_intake_add_result(a->intake, &result);
	}
}

/* Drop the results of these views (OIDs of def views). */
static void
remove_results(Intake *intake, List *defids)
{
	int			kept = 0;

	for (int i = 0; i < intake->input.nviews; i++)
		if (!list_member_oid(defids, intake->input.views[i].spec->viewdef))
			intake->input.views[kept++] = intake->input.views[i];
	intake->input.nviews = kept;
}

/* Run one view over streams first to last - 1 of the batch. */
static void
run_view(Intake *intake, ContView *view, int first_stream, int last_stream)
{
	Assembly	a = {0};
	IntakeMark	mark = weir_intake_mark(intake);

	a.intake = intake;
	a.view = view;
	a.deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), (int64) weir_query_timeout * 2);
	a.scratch = AllocSetContextCreate(intake->cxt, "weir range", ALLOCSET_DEFAULT_SIZES);
	weir_arena_init(&a.arena, intake->cxt);
	for (int i = first_stream; i < last_stream && !a.broken; i++)
	{
		int			first;

		a.rows = &intake->batch->streams[i];
		first = weir_intake_first_row(view, a.rows);
		if (first < a.rows->nrows)
			assemble(&a, first, a.rows->nrows);
	}
	MemoryContextDelete(a.scratch);
	if (!a.broken)
	{
		add_assembled(&a);
		return;
	}

	/*
	 * Drop everything of the batch that is the view's, including its late rows
	 * and those of earlier rounds.
	 */
	weir_intake_reset(intake, mark);
	remove_results(intake, list_make1_oid(view->defid));
	suspend(intake, view, a.reason);
}

static void
run_views_carefully(Intake *intake)
{
	int			done = 0;

	do
	{
		int			nstreams = intake->batch->nstreams;
		ListCell   *lc;

		foreach(lc, weir_intake_views())
			run_view(intake, lfirst(lc), done, nstreams);
		done = nstreams;
	} while (weir_divert_next(intake));
}

typedef struct StageTry
{
	Run		   *run;
	ViewResult *result;
} StageTry;

/*
 * Try to merge the results of each view alone into the epoch, or the private
 * run. Combining them with what is there may fail (an overflow, say); then the
 * view is suspended, as its query over all rows would fail.
 */
static void
do_stage(void *arg)
{
	StageTry   *stage = arg;

	if (stage->run)
		weir_merge_try(stage->run, stage->result);
	else
		weir_epoch_try_stage(weir_worker_self->slot, stage->result);
}

static void
drop_unmergeable(Intake *intake, Run *run)
{
	List	   *views = weir_cont_views();
	List	   *unmergeable = NIL;
	MemoryContext scratch = AllocSetContextCreate(intake->cxt, "weir stage", ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < intake->input.nviews; i++)
	{
		ViewResult *result = &intake->input.views[i];
		StageTry	stage = {run, result};
		ErrorData  *error;
		ContView   *view;

		if (list_member_oid(unmergeable, result->spec->viewdef))
			continue;
		MemoryContextReset(scratch);
		error = weir_worker_attempt(do_stage, &stage, scratch);
		if (error == NULL)
			continue;
		unmergeable = lappend_oid(unmergeable, result->spec->viewdef);
		view = weir_cont_views_find(views, result->spec->viewdef);
		if (view != NULL)
			suspend(intake, view, error->message);
		views = weir_cont_views();
	}
	remove_results(intake, unmergeable);
	MemoryContextDelete(scratch);
}

void
weir_slow_path(Intake *intake, Run *run)
{
	run_views_carefully(intake);
	drop_unmergeable(intake, run);
}
