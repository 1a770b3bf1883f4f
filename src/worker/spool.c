/*
 * spool.c
 *	  Taking in a transaction too large for the queue, from its spool file.
 *
 * In an ingest worker.  The file is read in pieces; each goes through the
 * continuous queries in a transaction of its own and is merged into a private
 * run, whose groups go to files when memory is full.  At the end the active
 * epoch adopts the run, so that all rows of the transaction appear together.
 *
 * Failure: until it is adopted the run is thrown away on any error, and the
 * message is tried again from its beginning.
 */
#include "postgres.h"

#include "base/settings.h"
#include "groups/epoch.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"
#include "worker/intake.h"
#include "worker/spool.h"
#include "worker/worker.h"

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
		weir_batch_add_section(batch, (SectionHeader *) section, reader->message->seq);
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
take_in_piece(Run *run, WeirBatch *batch, bool careful, volatile bool *merged)
{
	Intake		intake;

	weir_intake_begin(&intake, batch, batch->cxt, false);
	weir_worker_begin();
	MemoryContextSwitchTo(batch->cxt);
	if (careful)
		weir_intake_run_carefully(&intake, run);
	else
		weir_intake_run(&intake);
	merge_into_run(run, &intake);
	*merged = true;
	weir_intake_note_statistics(&intake);
	weir_worker_commit();
}

/* True when the piece is in the run; false: try carefully. */
static bool
try_piece(Run *run, WeirBatch *batch, bool careful)
{
	volatile bool merged = false;
	volatile bool done = true;

	PG_TRY();
	{
		take_in_piece(run, batch, careful, &merged);
	}
	PG_CATCH();
	{
		if (merged)
			weir_intake_recover_merged(batch->cxt);
		else if (!careful && weir_intake_recover(batch->cxt))
			done = false;
		else
			PG_RE_THROW();
	}
	PG_END_TRY();
	return done;
}

void
weir_spool_ingest(QueueMessage *message, weir_merge_callback done)
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
			if (!try_piece(run, batch, false))
				(void) try_piece(run, batch, true);
			MemoryContextSwitchTo(cxt);
			MemoryContextDelete(batch->cxt);
		}
		weir_epoch_adopt(weir_worker_self->slot, run, message->sync, NULL, 0,
						 done, NULL);
	}
	PG_CATCH();
	{
		weir_run_destroy_private();
		PG_RE_THROW();
	}
	PG_END_TRY();
}
