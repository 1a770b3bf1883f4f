/*
 * spool.c
 *	  The temporary file for stream rows of a transaction that is too large for
 *	  memory.
 *
 * A mark remembers where a subtransaction's part begins, so that an abort
 * moves the end of the rows back; the file itself follows at the next write,
 * as moving there may have to write first and fail, which an abort must not.
 *
 * In the inserting backend.  The file lives as long as the top transaction,
 * whichever subtransaction opened it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "stream/spool.h"

static void create_file(Spool *spool);
static void mark(Spool *spool, SubTransactionId subid);

void
weir_spool_begin(Spool *spool, MemoryContext cxt)
{
	spool->cxt = cxt;
	if (spool->file == NULL)
		create_file(spool);

	/*
	 * A write may fail in an exception block and the transaction go on; but a
	 * buffered file is good for nothing after that, so the transaction cannot
	 * commit then unless it gave up all rows.
	 */
	if (spool->failed)
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("stream rows of this transaction are lost"),
				 errdetail("Writing them to a temporary file failed earlier in the transaction.")));
	spool->failed = true;
	if (spool->moved && BufFileSeek(spool->file, spool->fileno, spool->offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not move in the spool file of a transaction: %m")));
	spool->moved = false;
}

void
weir_spool_write(Spool *spool, SubTransactionId subid, SectionHeader *section)
{
	mark(spool, subid);
	BufFileWrite(spool->file, section, SECTION_HEADER_SIZE + section->len);
	BufFileTell(spool->file, &spool->fileno, &spool->offset);
	spool->nrows += section->nrows;
}

void
weir_spool_end(Spool *spool)
{
	spool->failed = false;
}

static void
create_file(Spool *spool)
{
	ResourceOwner oldowner = CurrentResourceOwner;
	MemoryContext old = MemoryContextSwitchTo(spool->cxt);

	CurrentResourceOwner = TopTransactionResourceOwner;
	weir_fileset_init(&spool->fileset);
	spool->have_fileset = true;
	spool->file = BufFileCreateFileSet(&spool->fileset, "rows");
	CurrentResourceOwner = oldowner;
	MemoryContextSwitchTo(old);
}

static void
mark(Spool *spool, SubTransactionId subid)
{
	SpoolMark  *result;

	if (spool->marks && spool->marks->subid == subid)
		return;
	result = MemoryContextAlloc(spool->cxt, sizeof(SpoolMark));
	result->prev = spool->marks;
	result->subid = subid;
	result->nrows = spool->nrows;
	result->fileno = spool->fileno;
	result->offset = spool->offset;
	spool->marks = result;
}

void
weir_spool_abort_sub(Spool *spool, SubTransactionId subid)
{
	SpoolMark  *first = NULL;

	while (spool->marks && spool->marks->subid == subid)
	{
		first = spool->marks;
		spool->marks = first->prev;
	}
	if (first == NULL)
		return;
	spool->moved = true;
	spool->fileno = first->fileno;
	spool->offset = first->offset;
	spool->nrows = first->nrows;
}

void
weir_spool_commit_sub(Spool *spool, SubTransactionId subid, SubTransactionId parent)
{
	while (spool->marks && spool->marks->subid == subid)
	{
		SpoolMark  *latest = spool->marks;

		if (latest->prev == NULL || latest->prev->subid != parent)
		{
			latest->subid = parent;
			break;
		}
		spool->marks = latest->prev;
	}
}

void
weir_spool_export(Spool *spool, QueueMessage *message)
{
	message->spooled = true;
	message->fileset = spool->fileset;
	message->spool_fileno = spool->fileno;
	message->spool_offset = spool->offset;
	message->nrows = spool->nrows;
	message->bytes = 0;
	BufFileExportFileSet(spool->file);
	BufFileClose(spool->file);
	spool->file = NULL;
}

void
weir_spool_discard(Spool *spool)
{
	if (spool->file == NULL)
		return;
	BufFileClose(spool->file);
	spool->file = NULL;
	FileSetDeleteAll(&spool->fileset);
}

void
weir_spool_abort(Spool *spool)
{
	if (spool->have_fileset)
		FileSetDeleteAll(&spool->fileset);
}
