/*
 * message.h
 *	  The rows of one committed transaction, on their way to a worker.
 */
#ifndef WEIR_STREAM_MESSAGE_H
#define WEIR_STREAM_MESSAGE_H

#include "postgres.h"

#include "storage/fileset.h"
#include "utils/timestamp.h"

#include "stream/section.h"

/*
 * The rows of one committed transaction.  Owned by the backend until it is
 * published, then by the queue, then by the worker that took it.
 */
typedef struct QueueMessage
{
	struct QueueMessage *next;
	int64		seq;			/* publication number, given when published */
	bool		sync;			/* somebody waits for it */

	/*
	 * rows are in the file "rows" of fileset, up to (spool_fileno,
	 * spool_offset)
	 */
	bool		spooled;
	FileSet		fileset;
	int			spool_fileno;
	off_t		spool_offset;
	int64		nrows;
	Size		bytes;
	StreamSet	streams;
	TimestampTz published;
	QueuePiece *pieces;			/* each a shared allocation of its own */

	/* more rows, before these (feed.h), owned too; or NULL */
	struct Feed *feed;

	/* process number of who waits for its flush, + 1; 0: nobody */
	int			waiter;
} QueueMessage;

/*
 * NULL when the queue's memory is full.  The message of spooled rows may use
 * memory that is kept back for it.
 */
extern QueueMessage *weir_message_alloc(bool spooled);

/*
 * Free it with its pieces; its feed is the caller's (weir_feed_free_messages).
 */
extern void weir_message_free(QueueMessage *message, bool remove_spool);

#endif
