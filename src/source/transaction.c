/*
 * transaction.c
 *	  Taking in transactions too large for a batch: feeds and spool files.
 *
 * In an ingest worker.  What a transaction hands over while it runs (its
 * feed) and what it leaves in a file are taken in batch by batch; each goes
 * through the continuous queries in a transaction of its own and is merged
 * into a run, whose groups go to files when memory is full.  When the
 * transaction's message has come and all is merged, the active epoch adopts
 * the runs, so that all rows of the transaction appear together.
 *
 * Failure: a feed's run grows by whole batches, each freed from the feed when
 * it is merged, so after an error work goes on behind the last one.  What
 * comes from pieces of the message and from the file is in a private run,
 * thrown away on any error and made again from their beginning.
 *
 * A transaction that rolls back leaves no trace.  So rows that would have a
 * view suspended are left in the feed until the transaction has committed.
 *
 * The locks that a feed's rows need may be those of its own transaction, which
 * holds them for as long as its client likes.  So a worker does not wait for
 * them long: the rest is left in the feed then, too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "groups/epoch.h"
#include "groups/spill.h"
#include "intake/event_time.h"
#include "intake/parts.h"
#include "intake/take_in.h"
#include "process/worker.h"
#include "source/transaction.h"
#include "stream/feed.h"
#include "stream/queue.h"

/*
 * Most that is taken at a time from a transaction that runs: nobody waits for
 * its rows, but who commits meanwhile waits for the worker.  Some ten
 * thousand rows, so that to start the plans for them does not weigh.
 */
#define OPEN_BATCH_BYTES (2 * 1024 * 1024)

typedef struct SpoolReader
{
	QueueMessage *message;
	int			fileno;			/* where to go on */
	off_t		offset;
	bool		end;
} SpoolReader;

/* Where rows of a batch come from; NULL: not from a feed. */
typedef struct FedRows
{
	Feed	   *feed;
	QueuePiece *last;
} FedRows;

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
		weir_batch_add_section(batch, (SectionHeader *) section, reader->message->seq);
		nrows += header->nrows;
		bytes += header->len;
	}
	BufFileTell(file, &reader->fileno, &reader->offset);
	BufFileClose(file);
	MemoryContextSwitchTo(old);
	return batch;
}

/* ---------------------------------------------------------------------
 * One batch
 * --------------------------------------------------------------------- */

/*
 * What an open feed has merged may stay for as long as its client likes, and
 * no flush frees it: it goes to a file before others have no memory to merge
 * into.
 */
static void
leave_room(Run *run)
{
	Size		limit = weir_memory_limit(WEIR_MEMORY_GROUPS);

	if (weir_memory_used(WEIR_MEMORY_GROUPS) > limit / 8 * 7 && run->arena.total > limit / 64)
		weir_run_dump(run);
}

/*
 * Remember what to count when the transaction has committed; without room for
 * that count it now.
 */
static void
count_in_feed(Feed *feed, Oid id, bool is_view, int64 rows, int64 amount)
{
	for (int i = 0; i < feed->ncounts; i++)
	{
		FeedCount  *count = &feed->counts[i];

		if (count->id == id && count->is_view == is_view)
		{
			count->rows += rows;
			count->amount += amount;
			return;
		}
	}
	if (feed->ncounts < FEED_COUNTS)
		feed->counts[feed->ncounts++] = (FeedCount) {id, is_view, rows, amount};
	else if (is_view)
		weir_stats_view_batch(id, rows, amount);
	else
		weir_stats_stream_batch(id, rows, amount);
}

static void
note_statistics(WeirBatch *batch, Intake *intake, Feed *feed)
{
	if (feed == NULL)
	{
		weir_intake_note_statistics(intake);
		return;
	}
	for (int i = 0; i < batch->nstreams; i++)
	{
		StreamRows *stream = &batch->streams[i];

		count_in_feed(feed, stream->streamid, false, stream->nrows, stream->bytes);
	}
	for (int i = 0; i < intake->input.nviews; i++)
		count_in_feed(feed, intake->input.views[i].spec->viewdef, true,
					 intake->input.views[i].rows_in, intake->input.views[i].ntuples);
}

static void
add_counts(Feed *feed)
{
	int64		rows = 0;

	for (int i = 0; i < feed->ncounts; i++)
	{
		FeedCount  *count = &feed->counts[i];

		if (count->is_view)
			weir_stats_view_batch(count->id, count->rows, count->amount);
		else
		{
			weir_stats_stream_batch(count->id, count->rows, count->amount);
			rows += count->rows;
		}
	}
	weir_registry_note_batch(weir_worker_self->entry, rows);
}

static void
merge_into_run(TakeIn *take, Intake *intake)
{
	FedRows    *fed = take->arg;

	if (intake->unfit)
	{
		weir_feed_refuse(fed->feed);
		return;
	}
	weir_parts_merge(take->run, &intake->input);
	take->merged = true;
	weir_event_merged(intake, take->run);
	note_statistics(take->batch, intake, fed ? fed->feed : NULL);
	if (fed)
		weir_feed_consumed(fed->feed, fed->last);
	if (take->open)
		leave_room(take->run);
}

/* Take the batch in and free it. */
static void
take_in_and_free(TakeIn *take)
{
	MemoryContext cxt = CurrentMemoryContext;

	CHECK_FOR_INTERRUPTS();
	take->cxt = take->batch->cxt;
	take->merge = merge_into_run;
	if (weir_take_in(take, false) == TAKE_IN_SLOWLY)
		(void) weir_take_in(take, true);
	MemoryContextSwitchTo(cxt);
	MemoryContextDelete(take->batch->cxt);
}

/* ---------------------------------------------------------------------
 * Feeds
 * --------------------------------------------------------------------- */

static void
take_in_from_feed(Feed *feed, int64 seq, bool open)
{
	Size		bytes = (Size) weir_batch_kb * 1024;
	FedRows		fed = {feed, weir_feed_batch_end(feed, open ? Min(bytes, OPEN_BATCH_BYTES) : bytes)};
	TakeIn		take = {.open = open,.arg = &fed};

	if (feed->run == NULL)
		weir_run_give_to_feed(weir_run_create(), feed);
	take.run = feed->run;
	take.batch = weir_batch_create(CurrentMemoryContext);
	weir_batch_add_pieces(take.batch, feed->first, fed.last, seq);
	take_in_and_free(&take);
}

static void
let_go(Feed *feed)
{
	weir_feed_release(feed);
	weir_queue_set_busy(weir_worker_self->slot, weir_worker_self->task.index, false);
}

long
weir_transaction_ingest_open(void)
{
	int			slot = weir_worker_self->slot;
	int64		seq;
	long		wait_ms;
	Feed	   *feed;

	weir_feeds_clear_dead(slot);
	feed = weir_feed_take(slot, &seq, &wait_ms);
	if (feed == NULL)
		return wait_ms;
	weir_worker_report("taking rows in from a running transaction");
	weir_queue_set_busy(slot, weir_worker_self->task.index, true);
	PG_TRY();
	{
		take_in_from_feed(feed, seq, true);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_LOCK_NOT_AVAILABLE)
			weir_feed_refuse(feed);
		let_go(feed);
		PG_RE_THROW();
	}
	PG_END_TRY();
	let_go(feed);
	return 0;
}

/* ---------------------------------------------------------------------
 * Messages
 * --------------------------------------------------------------------- */

/* What is left in the feed, now that its rows have their number. */
static void
finish_feed(Feed *feed, int64 seq)
{
	while (feed->first != NULL)
		take_in_from_feed(feed, seq, false);
	if (feed->run == NULL)
		weir_run_give_to_feed(weir_run_create(), feed);
}

/* The message's pieces and its file, into a private run. */
static Run *
take_in_message(QueueMessage *message, Feed *feed)
{
	MemoryContext cxt = CurrentMemoryContext;
	Run		   *run = weir_run_create();
	SpoolReader reader = {message};

	if (feed)
		weir_event_share(feed->run, run);
	if (message->pieces)
	{
		TakeIn		take = {.run = run,.batch = weir_batch_create(cxt)};

		weir_batch_add_pieces(take.batch, message->pieces, NULL, message->seq);
		take_in_and_free(&take);
	}
	while (message->spooled && !reader.end)
	{
		TakeIn		take = {.run = run};

		weir_worker_begin();
		MemoryContextSwitchTo(cxt);
		take.batch = read_spool(&reader);
		weir_worker_commit();
		MemoryContextSwitchTo(cxt);
		take_in_and_free(&take);
	}
	return run;
}

typedef struct Adoption
{
	QueueMessage *message;
	Feed	   *feed;
	Run		   *run;			/* of the message's own rows, or NULL */
	weir_merge_callback done;
} Adoption;

/*
 * The rows wait for their flush, those of more streams than are known as rows
 * of any.
 */
static void
note_waiting(QueueMessage *message)
{
	int			epoch = weir_epoch_active(weir_worker_self->slot);

	for (int i = 0; i < message->streams.n; i++)
		weir_stats_stream_waits(message->streams.n > STREAM_SET_MAX ? InvalidOid : message->streams.streams[i],
								epoch, message->published);
}

static void
adopted(void *arg)
{
	Adoption   *adoption = arg;

	if (adoption->run)
		weir_event_adopted(adoption->run);
	if (adoption->feed)
	{
		weir_event_adopted(adoption->feed->run);
		adoption->feed->run = NULL;
		add_counts(adoption->feed);
	}
	note_waiting(adoption->message);
	adoption->done(NULL);
}

void
weir_transaction_ingest(QueueMessage *message, weir_merge_callback done)
{
	Feed	   *feed = message->feed;
	Adoption	adoption = {message, feed, NULL, done};

	if (feed)
		weir_feed_hold(feed);
	PG_TRY();
	{
		Run		   *run = NULL;

		if (feed)
			finish_feed(feed, message->seq);
		if (message->pieces || message->spooled)
			run = adoption.run = take_in_message(message, feed);
		weir_epoch_adopt(weir_worker_self->slot, run ? run : feed->run, run && feed ? feed->run : NULL,
						 message->sync, NULL, 0, adopted, &adoption);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		if (feed)
			weir_feed_release(feed);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (feed)
	{
		message->feed = NULL;
		weir_feed_unlink(feed);
		weir_feed_free(feed);
	}
}
