/*
 * ingest.c
 *	  Run the continuous queries over a batch and merge what they give; the
 *	  ingest worker's step.
 *
 * A batch goes through two phases.  First the continuous query of each view of
 * each of its streams runs over its rows; then all results, dead letters and
 * offsets are merged into the active epoch at once.  The fast way does this
 * for the batch as a whole.  When it fails, the careful way finds out what
 * failed: each view runs in a subtransaction, a failing range of rows is
 * halved until single rows are left, and those become dead letters of that
 * view.  A view that fails for reasons of its own is suspended.
 *
 * A transaction too large for the queue comes as a spool file.  It is taken in
 * pieces into a private run, which the active epoch adopts at the end, so that
 * its rows appear all together.  The same way goes a batch whose groups do not
 * fit into memory even when everything else has been flushed.
 *
 * Memory: everything here is in the worker's step context.
 *
 * Failure: an error leaves the batch as it was (queue messages stay with the
 * worker, Kafka offsets unmoved) and is thrown to the caller, which tries
 * again.
 */
#include "worker/ingest.h"

#include "access/xact.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "catalog/cont_view.h"
#include "executor/executor.h"
#include "groups/epoch.h"
#include "miscadmin.h"
#include "monitor/stats.h"
#include "query/execute.h"
#include "storage/buffile.h"
#include "stream/queue.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "access/table.h"
#include "funcapi.h"
#include "utils/fmgrprotos.h"
#include "worker/worker.h"

/* What a batch gives: filled by the fast or the careful way. */
typedef struct Intake
{
	WeirBatch  *batch;
	bool		sync;
	MergeInput	input;
	int			maxviews;
	int			maxdead;
} Intake;

static MemoryContext step_cxt = NULL;	/* of the current batch */

/* The current batch is in the epoch, whatever becomes of its transaction. */
static bool merged = false;

/* ---------------------------------------------------------------------
 * Which rows a view counts
 * --------------------------------------------------------------------- */

/* First row of the batch that the view counts; nrows if none. */
static int
first_row(ContView *view, StreamRows *rows)
{
	int			low = 0;
	int			high = rows->nrows;

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

static void
add_view_result(Intake *intake, ViewResult *result)
{
	if (intake->input.nviews == intake->maxviews)
	{
		intake->maxviews = Max(intake->maxviews * 2, 8);
		if (intake->input.views == NULL)
			intake->input.views = MemoryContextAlloc(step_cxt, sizeof(ViewResult) * intake->maxviews);
		else
			intake->input.views = repalloc(intake->input.views, sizeof(ViewResult) * intake->maxviews);
	}
	intake->input.views[intake->input.nviews++] = *result;
}

static void
add_dead(Intake *intake, DeadLetter *dead)
{
	if (intake->input.ndead == intake->maxdead)
	{
		intake->maxdead = Max(intake->maxdead * 2, 16);
		if (intake->input.dead == NULL)
			intake->input.dead = MemoryContextAlloc(step_cxt, sizeof(DeadLetter) * intake->maxdead);
		else
			intake->input.dead = repalloc(intake->input.dead, sizeof(DeadLetter) * intake->maxdead);
	}
	intake->input.dead[intake->input.ndead++] = *dead;
}

static void
intake_begin(Intake *intake, WeirBatch *batch, bool sync)
{
	memset(intake, 0, sizeof(Intake));
	intake->batch = batch;
	intake->sync = sync;
	intake->input.sync = sync;
	intake->input.noffsets = batch->noffsets;
	intake->input.offsets = batch->offsets;
	for (int i = 0; i < batch->ndead; i++)
		add_dead(intake, &batch->dead[i]);
}

/* ---------------------------------------------------------------------
 * The fast way
 * --------------------------------------------------------------------- */

static void
run_views(Intake *intake)
{
	List	   *views = weir_cont_views();
	ListCell   *lc;

	for (int i = 0; i < intake->batch->nstreams; i++)
	{
		StreamRows *rows = &intake->batch->streams[i];

		foreach(lc, views)
		{
			ContView   *view = lfirst(lc);
			ViewRuntime *runtime;
			ViewResult	result;
			int			first;

			if (view->streamid != rows->streamid || view->state != CONT_VIEW_ACTIVE)
				continue;
			first = first_row(view, rows);
			if (first == rows->nrows)
				continue;
			runtime = weir_runtime_get(view);
			result.spec = &runtime->spec;
			result.rows_in = rows->nrows - first;
			weir_runtime_execute(runtime, rows, first, rows->nrows,
								 &result.tuples, &result.ntuples);
			add_view_result(intake, &result);
		}
	}
}

/* ---------------------------------------------------------------------
 * The careful way
 * --------------------------------------------------------------------- */

/* A view's result put together from ranges of rows, in local memory. */
typedef struct Assembly
{
	Intake	   *intake;
	ContView   *view;
	ViewRuntime *runtime;
	StreamRows *rows;
	Arena		arena;
	GroupTable *table;
	int64		rows_in;
	bool		broken;			/* the view is to be suspended */
	char	   *reason;
} Assembly;

static void
merge_local(Assembly *a, MinimalTuple *tuples, int ntuples)
{
	GroupMerge *merge = weir_groups_stage(a->table, &a->runtime->spec, tuples, ntuples);

	if (a->table == NULL)
		a->table = weir_groups_create(&a->arena, a->runtime->defid, a->runtime->spec.append);
	if (!weir_groups_reserve(merge, &a->arena))
		elog(ERROR, "local group table is out of memory");
	weir_groups_apply(merge, a->table);
}

/* The row as JSON text: what a person needs to see and to insert it again. */
static char *
row_as_text(StreamRows *rows, int row, int *len)
{
	Relation	rel = table_open(rows->streamid, AccessShareLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	Datum		json;
	char	   *string;

	ExecStoreMinimalTuple(rows->rows[row], slot, false);
	json = DirectFunctionCall1(row_to_json, ExecFetchSlotHeapTupleDatum(slot));
	string = TextDatumGetCString(json);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	*len = strlen(string);
	return string;
}

static void
bury_row(Assembly *a, int row, ErrorData *error)
{
	DeadLetter	dead = {0};
	RowOrigin  *origin = a->rows->origins ? &a->rows->origins[row] : NULL;

	dead.streamid = a->rows->streamid;
	dead.viewid = a->view->viewid;
	dead.partition = origin ? origin->partition : -1;
	dead.offset = origin ? origin->offset : -1;
	if (origin && origin->payload_len >= 0)
	{
		dead.payload = unconstify(char *, origin->payload);
		dead.payload_len = origin->payload_len;
	}
	else
	{
		MemoryContext old = MemoryContextSwitchTo(step_cxt);

		dead.payload = row_as_text(a->rows, row, &dead.payload_len);
		MemoryContextSwitchTo(old);
	}
	dead.sqlerrcode = error->sqlerrcode;
	dead.message = error->message ? error->message : "unknown error";
	add_dead(a->intake, &dead);
}

/*
 * Run the view over [first, last) in a subtransaction and merge the result.
 * NULL when that went well, else the error, in step_cxt.  What is worth trying
 * again as a whole is thrown.
 */
static ErrorData *
try_range(Assembly *a, int first, int last)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(step_cxt);
	PG_TRY();
	{
		MinimalTuple *tuples;
		int			ntuples;

		if (a->runtime == NULL)
			a->runtime = weir_runtime_get(a->view);
		weir_runtime_execute(a->runtime, a->rows, first, last, &tuples, &ntuples);
		merge_local(a, tuples, ntuples);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(step_cxt);
		error = CopyErrorData();
		if (weir_worker_error_kind(error->sqlerrcode) == ERROR_RETRY)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	return error;
}

static void
assemble(Assembly *a, int first, int last)
{
	ErrorData  *error;
	int			middle;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	error = try_range(a, first, last);
	if (error == NULL)
	{
		a->rows_in += last - first;
		return;
	}
	if (weir_worker_error_kind(error->sqlerrcode) == ERROR_VIEW || a->runtime == NULL)
	{
		a->broken = true;
		a->reason = error->message;
		return;
	}
	if (last - first == 1)
	{
		bury_row(a, first, error);
		return;
	}
	middle = first + (last - first) / 2;
	assemble(a, first, middle);
	if (!a->broken)
		assemble(a, middle, last);
}

static void
suspend(ContView *view, const char *reason)
{
	ereport(WARNING,
			(errmsg("continuous view %s is suspended: %s", view->name, reason),
			 errhint("Mend the cause, then call weir.activate('%s').", view->name)));
	weir_cont_view_set_state(view->defid, CONT_VIEW_SUSPENDED, reason);
}

/* The assembled groups as a result. */
static void
add_assembled(Assembly *a)
{
	ViewResult	result = {0};
	uint32		bucket = 0;
	GroupEntry *group = NULL;

	if (a->table == NULL)
		return;
	result.spec = &a->runtime->spec;
	result.rows_in = a->rows_in;
	result.tuples = MemoryContextAllocHuge(step_cxt, sizeof(MinimalTuple) * Max(a->table->ngroups, 1));
	while ((group = weir_groups_next(a->table, &bucket, group)) != NULL)
		result.tuples[result.ntuples++] = group->tuple;
	add_view_result(a->intake, &result);
}

static void
run_views_carefully(Intake *intake)
{
	List	   *views = list_copy(weir_cont_views());
	ListCell   *lc;

	for (int i = 0; i < intake->batch->nstreams; i++)
	{
		StreamRows *rows = &intake->batch->streams[i];

		foreach(lc, views)
		{
			ContView   *view = lfirst(lc);
			Assembly	a = {0};
			int			first;

			if (view->streamid != rows->streamid || view->state != CONT_VIEW_ACTIVE)
				continue;
			first = first_row(view, rows);
			if (first == rows->nrows)
				continue;
			a.intake = intake;
			a.view = view;
			a.rows = rows;
			weir_arena_init(&a.arena, step_cxt);
			assemble(&a, first, rows->nrows);
			if (a.broken)
				suspend(view, a.reason);
			else
				add_assembled(&a);
		}
	}
}

/*
 * Would these results merge into the epoch?  Combining with what is there may
 * fail for a view (an overflow, say); that view is suspended then, as its query
 * would fail as a batch.  Merging tells; here each view is tried alone.
 */
static bool
try_stage(ViewResult *result, ErrorData **error)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext old = CurrentMemoryContext;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(step_cxt);
	PG_TRY();
	{
		weir_epoch_try_stage(weir_worker_self->slot, result);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(step_cxt);
		*error = CopyErrorData();
		if (weir_worker_error_kind((*error)->sqlerrcode) == ERROR_RETRY)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	return ok;
}

static void
drop_unmergeable(Intake *intake)
{
	List	   *views = weir_cont_views();
	int			kept = 0;

	for (int i = 0; i < intake->input.nviews; i++)
	{
		ViewResult *result = &intake->input.views[i];
		ErrorData  *error = NULL;
		ListCell   *lc;

		if (try_stage(result, &error))
		{
			intake->input.views[kept++] = *result;
			continue;
		}
		foreach(lc, views)
			if (((ContView *) lfirst(lc))->defid == result->spec->defid)
				break;
		if (lc != NULL)
			suspend(lfirst(lc), error->message);
		views = weir_cont_views();
	}
	intake->input.nviews = kept;
}

/* ---------------------------------------------------------------------
 * Into the epoch
 * --------------------------------------------------------------------- */

typedef struct Handover
{
	weir_merge_callback done;
	void	   *arg;
	Intake	   *intake;
} Handover;

static void
note_statistics(Intake *intake)
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

/* Counted here, so that no flush of these rows can come before. */
static void
handed_over(void *arg)
{
	Handover   *handover = arg;

	merged = true;
	note_statistics(handover->intake);
	if (handover->done)
		handover->done(handover->arg);
}

/* Groups that do not fit in memory by themselves: into a file of their own. */
static void
adopt_as_file(Intake *intake, Handover *handover)
{
	Run		   *run = weir_run_create();

	if (run == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("weir.memory is exhausted")));
	PG_TRY();
	{
		weir_run_spill(run, &intake->input);
		weir_epoch_adopt(weir_worker_self->slot, run, intake->sync,
						 intake->input.offsets, intake->input.noffsets,
						 handed_over, handover);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
merge_waiting(Intake *intake, Handover *handover)
{
	int			slot = weir_worker_self->slot;

	if (weir_epoch_merge(slot, &intake->input, handed_over, handover))
		return;

	weir_worker_report("waiting for memory");
	for (;;)
	{
		bool		idle;

		weir_memory_wait_prepare();
		idle = weir_epoch_idle(slot);
		if (weir_epoch_merge(slot, &intake->input, handed_over, handover))
			break;
		if (idle)
		{
			weir_memory_wait_cancel();
			adopt_as_file(intake, handover);
			return;
		}
		weir_epoch_request_cut(slot);
		weir_memory_wait(100);
		weir_memory_wait_cancel();
	}
	weir_memory_wait_cancel();
}

static void
take_in(WeirBatch *batch, bool sync, bool careful, weir_merge_callback done, void *arg)
{
	Intake		intake;
	Handover	handover = {done, arg, &intake};

	intake_begin(&intake, batch, sync);
	weir_worker_begin();
	MemoryContextSwitchTo(step_cxt);
	if (careful)
	{
		run_views_carefully(&intake);
		drop_unmergeable(&intake);
	}
	else
		run_views(&intake);
	merge_waiting(&intake, &handover);
	weir_worker_commit();
	MemoryContextSwitchTo(step_cxt);
}

/* Whether the error in hand is worth another, careful try; cleans up then. */
static bool
recover_for_careful(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(step_cxt);
	error = CopyErrorData();
	if (weir_worker_error_kind(error->sqlerrcode) == ERROR_RETRY)
		return false;
	FlushErrorState();
	weir_mutex_release_held();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(step_cxt);
	return true;
}

static void
ingest(WeirBatch *batch, bool sync, weir_merge_callback done, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool careful = false;

	step_cxt = batch->cxt;
	merged = false;
	PG_TRY();
	{
		take_in(batch, sync, false, done, arg);
	}
	PG_CATCH();
	{
		if (merged || !recover_for_careful())
			PG_RE_THROW();
		careful = true;
	}
	PG_END_TRY();
	if (careful)
		take_in(batch, sync, true, done, arg);
	MemoryContextSwitchTo(caller);
}

void
weir_ingest_batch(WeirBatch *batch, weir_merge_callback on_merge, void *arg)
{
	ingest(batch, false, on_merge, arg);
}

/* ---------------------------------------------------------------------
 * Queue messages as batches
 * --------------------------------------------------------------------- */

static void
add_section(WeirBatch *batch, SectionHeader *header, int64 seq)
{
	StreamRows *rows = weir_batch_stream(batch, header->streamid, false);
	char	   *place = (char *) header + SECTION_HEADER_SIZE;

	for (uint32 i = 0; i < header->nrows; i++)
	{
		MinimalTuple tuple = (MinimalTuple) place;

		weir_batch_add_row(batch, rows, tuple, seq, NULL);
		place += MAXALIGN(tuple->t_len);
	}
}

static void
add_message(WeirBatch *batch, QueueMessage *message)
{
	for (QueuePiece *piece = message->pieces; piece; piece = piece->next)
	{
		char	   *place = PIECE_DATA(piece);
		char	   *end = place + piece->len;

		while (place < end)
		{
			SectionHeader *header = (SectionHeader *) place;

			add_section(batch, header, message->seq);
			place += SECTION_HEADER_SIZE + header->len;
		}
	}
}

static void
messages_merged(void *arg)
{
	weir_queue_taken_merged(weir_worker_self->slot, weir_worker_self->task.index);
}

static void
free_messages(QueueMessage *list)
{
	while (list != NULL)
	{
		QueueMessage *next = list->next;

		weir_queue_message_free(list, true);
		list = next;
	}
}

static void
ingest_messages(QueueMessage *list)
{
	WeirBatch  *batch = weir_batch_create(CurrentMemoryContext);
	bool		sync = false;

	for (QueueMessage *message = list; message; message = message->next)
	{
		add_message(batch, message);
		sync = sync || message->sync;
	}
	PG_TRY();
	{
		ingest(batch, sync, messages_merged, NULL);
	}
	PG_CATCH();
	{
		if (merged)
			free_messages(list);
		PG_RE_THROW();
	}
	PG_END_TRY();
	free_messages(list);
}

/* ---------------------------------------------------------------------
 * A spooled transaction
 * --------------------------------------------------------------------- */

typedef struct SpoolReader
{
	QueueMessage *message;
	int			fileno;			/* where to go on */
	off_t		offset;
	bool		end;
} SpoolReader;

/* The next piece of the file as a batch; needs a transaction for the file. */
static WeirBatch *
read_spool(SpoolReader *reader)
{
	WeirBatch  *batch = weir_batch_create(CurrentMemoryContext);
	MemoryContext old = MemoryContextSwitchTo(batch->cxt);
	BufFile    *file = BufFileOpenFileSet(&reader->message->fileset, "rows", O_RDONLY, false);
	Size		bytes = 0;
	int64		nrows = 0;

	if (BufFileSeek(file, reader->fileno, reader->offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read spooled stream rows: %m")));
	while (nrows < weir_batch_rows && bytes < (Size) weir_batch_kb * 1024)
	{
		char		head[SECTION_HEADER_SIZE];
		SectionHeader *header = (SectionHeader *) head;
		char	   *section;

		BufFileTell(file, &reader->fileno, &reader->offset);
		if (reader->fileno == reader->message->spool_fileno &&
			reader->offset >= reader->message->spool_offset)
		{
			reader->end = true;
			break;
		}
		if (BufFileRead(file, head, SECTION_HEADER_SIZE) != SECTION_HEADER_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED), errmsg("file of spooled stream rows ends early")));
		section = palloc_extended(SECTION_HEADER_SIZE + header->len, MCXT_ALLOC_HUGE);
		memcpy(section, head, SECTION_HEADER_SIZE);
		if (BufFileRead(file, section + SECTION_HEADER_SIZE, header->len) != header->len)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED), errmsg("file of spooled stream rows ends early")));
		add_section(batch, (SectionHeader *) section, reader->message->seq);
		nrows += header->nrows;
		bytes += header->len;
	}
	BufFileTell(file, &reader->fileno, &reader->offset);
	BufFileClose(file);
	MemoryContextSwitchTo(old);
	return batch;
}

static void
merge_into_run(Run *run, Intake *intake)
{
	if (weir_run_merge(run, &intake->input))
		return;
	weir_run_dump(run);
	if (!weir_run_merge(run, &intake->input))
		weir_run_spill(run, &intake->input);
}

static void
take_in_piece(Run *run, WeirBatch *batch, bool careful)
{
	Intake		intake;

	intake_begin(&intake, batch, false);
	weir_worker_begin();
	MemoryContextSwitchTo(step_cxt);
	if (careful)
		run_views_carefully(&intake);
	else
		run_views(&intake);
	merge_into_run(run, &intake);
	weir_worker_commit();
	MemoryContextSwitchTo(step_cxt);
	note_statistics(&intake);
}

static void
ingest_piece(Run *run, WeirBatch *batch)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool careful = false;

	step_cxt = batch->cxt;
	PG_TRY();
	{
		take_in_piece(run, batch, false);
	}
	PG_CATCH();
	{
		if (!recover_for_careful())
			PG_RE_THROW();
		careful = true;
	}
	PG_END_TRY();
	if (careful)
		take_in_piece(run, batch, true);
	MemoryContextSwitchTo(caller);
}

static void
ingest_spooled(QueueMessage *message)
{
	SpoolReader reader = {message};
	Run		   *run = weir_run_create();
	MemoryContext cxt = CurrentMemoryContext;

	if (run == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("weir.memory is exhausted")));
	PG_TRY();
	{
		while (!reader.end)
		{
			WeirBatch  *batch;

			CHECK_FOR_INTERRUPTS();
			weir_worker_begin();
			MemoryContextSwitchTo(cxt);
			batch = read_spool(&reader);
			weir_worker_commit();
			MemoryContextSwitchTo(cxt);
			ingest_piece(run, batch);
			MemoryContextDelete(batch->cxt);
		}
		weir_epoch_adopt(weir_worker_self->slot, run, message->sync, NULL, 0,
						 messages_merged, NULL);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
	free_messages(message);
}

/* ---------------------------------------------------------------------
 * The ingest worker
 * --------------------------------------------------------------------- */

static void
ingest_start(void)
{
	weir_queue_attach_worker(weir_worker_self->slot, weir_worker_self->task.index);
}

static void
ingest_stop(void)
{
	if (weir_worker_self)
		weir_queue_detach_worker(weir_worker_self->slot, weir_worker_self->task.index);
}

/* Take one batch; false when there was none. */
static bool
ingest_once(void)
{
	QueueMessage *list = weir_queue_take(weir_worker_self->slot, weir_worker_self->task.index,
										 weir_batch_rows, (Size) weir_batch_kb * 1024);

	if (list == NULL)
		return false;
	weir_worker_report("taking rows in");
	PG_TRY();
	{
		if (list->spooled)
			ingest_spooled(list);
		else
			ingest_messages(list);
	}
	PG_CATCH();
	{
		/* Back into the queue, unless they are merged already. */
		weir_queue_put_back(weir_worker_self->slot, weir_worker_self->task.index);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return true;
}

static long
ingest_step(void)
{
	return ingest_once() ? 0 : -1;
}

static bool
ingest_drain(void)
{
	return !ingest_once();
}

const WorkerKindOps weir_ingest_ops = {ingest_start, ingest_step, ingest_drain, ingest_stop};
