/*
 * event_time.c
 *	  Event time of batches: bad times, and the watermarks that rows are judged
 *	  by.
 *
 * In ingest and Kafka workers.  The state is in time/watermark.c;
 * weir.watermarks keeps it over restarts (flush/watermarks.c).
 *
 * A row is judged by the watermark as it was before its batch.
 *
 * Failure: what a process holds of watermarks ends with its transaction's
 * abort or its exit, what a run holds with the run.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/owner.h"
#include "base/shmem.h"
#include "intake/event_time.h"
#include "meta/event_options.h"
#include "process/worker.h"
#include "time/watermark.h"

/*
 * Newest times of a Kafka stream's partitions in a batch that is taken in in
 * parts; they take effect when its run is adopted.
 */
typedef struct PendingTime
{
	Oid			streamid;
	PartitionTime time;
} PendingTime;

static PendingTime *pending = NULL;
static int	npending = 0;
static int	maxpending = 0;

static bool holding = false;	/* this process holds watermarks */

static void
release_own(void)
{
	if (holding)
		weir_watermark_release(MyProc);
	holding = false;
}

static void
release_at_abort(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		release_own();
}

static void
release_at_exit(int code, Datum arg)
{
	release_own();
}

static void
prepare_release(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(release_at_abort, NULL);
	before_shmem_exit(release_at_exit, (Datum) 0);
	registered = true;
}

/* ---------------------------------------------------------------------
 * Bad times
 * --------------------------------------------------------------------- */

static void
note_time(WeirBatch *batch, StreamRows *rows, int32 partition, int64 time)
{
	for (int i = 0; i < rows->ntimes; i++)
	{
		if (rows->times[i].partition != partition)
			continue;
		rows->times[i].newest = Max(rows->times[i].newest, time);
		return;
	}
	if (rows->times == NULL)
		rows->times = MemoryContextAlloc(batch->cxt, sizeof(PartitionTime));
	else
		rows->times = repalloc(rows->times, sizeof(PartitionTime) * (rows->ntimes + 1));
	rows->times[rows->ntimes++] = (PartitionTime) {partition, time};
}

/*
 * Add the dead letter to the batch itself, so that another try of the batch
 * has it too. Derived rows are made anew by each try.
 */
static void
bury_future(Intake *intake, StreamRows *rows, int row, Oid owner)
{
	MemoryContext old = MemoryContextSwitchTo(intake->batch->cxt);
	Note		dead;

	weir_intake_note_row(intake, NOTE_DEAD_LETTER, rows, row, owner, weir_owner_default_path(owner), &dead);
	if (dead.payload && !rows->origins)
		dead.payload = pnstrdup(dead.payload, dead.payload_len);
	dead.sqlerrcode = ERRCODE_DATETIME_VALUE_OUT_OF_RANGE;
	dead.message = "event time is further in the future than max_future allows";
	if (!rows->derived)
		weir_batch_add_dead(intake->batch, &dead);
	weir_intake_add_note(intake, &dead);
	MemoryContextSwitchTo(old);
}

static void
screen(Intake *intake, StreamRows *rows, const EventOptions *options)
{
	Relation	rel = table_open(rows->streamid, AccessShareLock);
	StreamRowType *type = weir_stream_row_type(RelationGetDescr(rel));
	Oid			owner = rel->rd_rel->relowner;
	int64		last = PG_INT64_MAX;
	int32		partition = 0;
	int64		newest = NO_WATERMARK;
	int			kept = 0;

	table_close(rel, AccessShareLock);
	if (options->max_future >= 0 &&
		pg_add_s64_overflow(weir_clock_now(), options->max_future, &last))
		last = PG_INT64_MAX;
	for (int i = 0; i < rows->nrows; i++)
	{
		StreamRow  *row = rows->rows[i];
		bool		isnull;
		int64		time = DatumGetInt64(weir_stream_row_get(type, row, weir_stream_row_datums(row),
															 options->column - 1, &isnull));

		if (!isnull && time > last)
		{
			bury_future(intake, rows, i, owner);
			continue;
		}
		if (!isnull && !TIMESTAMP_NOT_FINITE(time))
		{
			if (rows->origins && rows->origins[i].partition != partition)
			{
				if (newest != NO_WATERMARK)
					note_time(intake->batch, rows, partition, newest);
				partition = rows->origins[i].partition;
				newest = NO_WATERMARK;
			}
			newest = Max(newest, time);
		}
		rows->rows[kept] = row;
		if (rows->seqs)
			rows->seqs[kept] = rows->seqs[i];
		if (rows->origins)
			rows->origins[kept] = rows->origins[i];
		kept++;
	}
	if (newest != NO_WATERMARK)
		note_time(intake->batch, rows, partition, newest);
	rows->nrows = kept;
	rows->screened = true;
}

/* ---------------------------------------------------------------------
 * Judging
 * --------------------------------------------------------------------- */

static void
load(Oid streamid)
{
	static const char *sql =
		"SELECT partition, watermark FROM weir.watermarks WHERE stream OPERATOR(pg_catalog.=) $1";
	Oid			type = OIDOID;
	Datum		arg = ObjectIdGetDatum(streamid);
	StoredWatermark *stored;
	int			n;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute_with_args(sql, 1, &type, &arg, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read weir.watermarks");
	n = (int) SPI_processed;
	stored = palloc(sizeof(StoredWatermark) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;

		stored[i].streamid = streamid;
		stored[i].partition = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		stored[i].watermark = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	}
	weir_watermark_load(weir_worker_self->slot, streamid, stored, n);
	PopActiveSnapshot();
	SPI_finish();
}

/*
 * Hold the watermark of a stream, which need not have rows in the batch, for
 * the run or (NULL) this process.
 */
static int64
hold(const EventOptions *options, Run *run)
{
	int64		watermark = NO_WATERMARK;

	prepare_release();
	holding = holding || run == NULL;
	while (!weir_watermark_hold(weir_worker_self->slot, options, run ? (void *) run : (void *) MyProc, &watermark))
		load(options->streamid);
	return watermark;
}

/*
 * Streams whose watermarks close windows together with those of the batch's
 * streams from the first on: views of several streams have the least of
 * theirs.
 */
static List *
joint_streams(WeirBatch *batch, int first)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (list_length(view->streams) == 1 || (!view->options.final && view->options.late == LATE_UPDATE))
			continue;
		for (int i = first; i < batch->nstreams; i++)
			if (weir_cont_view_reads(view, batch->streams[i].streamid))
				result = list_concat_unique_oid(result, view->streams);
	}
	return result;
}

static void
hold_joint(WeirBatch *batch, int first, Run *run)
{
	List	   *streams = joint_streams(batch, first);
	StreamWatermark *watermarks;
	ListCell   *lc;

	if (streams == NIL)
		return;
	watermarks = MemoryContextAlloc(batch->cxt, sizeof(StreamWatermark) * list_length(streams));
	foreach(lc, streams)
		watermarks[foreach_current_index(lc)] = (StreamWatermark) {lfirst_oid(lc), hold(weir_event_options(lfirst_oid(lc)), run)};
	for (int i = first; i < batch->nstreams; i++)
	{
		batch->streams[i].nwatermarks = list_length(streams);
		batch->streams[i].watermarks = watermarks;
	}
}

void
weir_event_begin(Intake *intake, Run *run)
{
	intake->run = run;
	weir_event_begin_streams(intake, 0);
}

void
weir_event_begin_streams(Intake *intake, int first)
{
	WeirBatch  *batch = intake->batch;

	for (int i = first; i < batch->nstreams; i++)
	{
		StreamRows *rows = &batch->streams[i];
		const EventOptions *options = weir_event_options(rows->streamid);

		rows->watermark = NO_WATERMARK;
		if (options->column == 0)
			continue;
		if (!rows->screened)
			screen(intake, rows, options);
		rows->watermark = hold(options, intake->run);
	}
	hold_joint(batch, first, intake->run);
}

static void
note_pending(Oid streamid, const PartitionTime *time)
{
	if (npending == maxpending)
	{
		maxpending = Max(maxpending * 2, 16);
		pending = pending ? repalloc(pending, sizeof(PendingTime) * maxpending) :
			MemoryContextAlloc(TopMemoryContext, sizeof(PendingTime) * maxpending);
	}
	pending[npending++] = (PendingTime) {streamid, *time};
}

void
weir_event_begin_parts(void)
{
	npending = 0;
}

void
weir_event_merged(Intake *intake, Run *run)
{
	WeirBatch  *batch = intake->batch;
	int			slot = weir_worker_self->slot;

	for (int i = 0; i < batch->nstreams; i++)
	{
		StreamRows *rows = &batch->streams[i];

		for (int j = 0; j < rows->ntimes; j++)
		{
			PartitionTime *time = &rows->times[j];

			if (run && rows->origins)
				note_pending(rows->streamid, time);
			else if (run)
				weir_watermark_keep(slot, rows->streamid, run, time->newest);
			else
				weir_watermark_advance(slot, rows->streamid, time->partition, time->newest);
		}
	}
	if (run == NULL)
		release_own();
}

void
weir_event_share(Run *run, Run *other)
{
	weir_watermark_share(weir_worker_self->slot, run, other);
}

void
weir_event_adopted(Run *run)
{
	for (int i = 0; i < npending; i++)
		weir_watermark_advance(weir_worker_self->slot, pending[i].streamid,
							   pending[i].time.partition, pending[i].time.newest);
	npending = 0;
	weir_watermark_release_kept(run);
}

void
weir_event_expect(Oid streamid, int npartitions)
{
	const EventOptions *options = weir_event_options(streamid);
	int64		watermark;

	if (options->column == 0)
		return;
	prepare_release();
	holding = true;
	while (!weir_watermark_hold(weir_worker_self->slot, options, MyProc, &watermark))
		load(streamid);
	weir_watermark_expect(weir_worker_self->slot, streamid, npartitions);
	release_own();
}
