/*
 * spool.h
 *	  The temporary file for stream rows of a transaction that is too large for
 *	  memory.
 */
#ifndef WEIR_STREAM_SPOOL_H
#define WEIR_STREAM_SPOOL_H

#include "postgres.h"

#include "storage/buffile.h"
#include "storage/fileset.h"

#include "stream/message.h"

/* Where the part of a subtransaction begins. */
typedef struct SpoolMark
{
	struct SpoolMark *prev;
	SubTransactionId subid;
	int			fileno;
	off_t		offset;
	int64		nrows;			/* before this mark */
} SpoolMark;

/* All zero: there is no file yet. */
typedef struct Spool
{
	BufFile    *file;
	FileSet		fileset;
	bool		have_fileset;
	MemoryContext cxt;
	int64		nrows;
	int			fileno;			/* end of the rows in the file */
	off_t		offset;
	bool		moved;			/* the file stands elsewhere */

	/* a write failed: the file cannot be used any more */
	bool		failed;
	SpoolMark  *marks;			/* latest first */
} Spool;

/*
 * Sections are appended between begin and end.  An error in between makes the
 * file useless: every later begin errors.  cxt: lives as long as the
 * transaction.
 */
extern void weir_spool_begin(Spool *spool, MemoryContext cxt);
extern void weir_spool_write(Spool *spool, SubTransactionId subid, SectionHeader *section);
extern void weir_spool_end(Spool *spool);

/* The subtransaction's rows are gone, or its parent's now.  Cannot fail. */
extern void weir_spool_abort_sub(Spool *spool, SubTransactionId subid);
extern void weir_spool_commit_sub(Spool *spool, SubTransactionId subid, SubTransactionId parent);

/* Close the file; it is the message's from now on. */
extern void weir_spool_export(Spool *spool, QueueMessage *message);

/* Close and delete the file, if there is one. */
extern void weir_spool_discard(Spool *spool);

/*
 * The same when the transaction has been aborted, which has closed the file.
 */
extern void weir_spool_abort(Spool *spool);

#endif
