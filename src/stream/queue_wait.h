/*
 * queue_wait.h
 *	  Waiting until rows of the queue are flushed, and waking who waits.
 */
#ifndef WEIR_STREAM_QUEUE_WAIT_H
#define WEIR_STREAM_QUEUE_WAIT_H

#include "postgres.h"

#include "stream/queue_state.h"

/* --- who waits --- */

/* To be called before the commit of rows that may be waited for; may fail. */
extern void weir_queue_prepare_wait(void);

/*
 * Wait until rows published up to seq are on disk in every view.  For use in
 * the commit of a transaction: never errors; a cancel or terminate ends the
 * wait with a warning, as in synchronous replication.  A wait that takes long
 * is explained in warnings, with texts of errors if these may be shown.
 * Returns whether the rows are flushed.
 */
extern bool weir_queue_commit_wait(int64 seq, bool show_errors);

/*
 * The same for ordinary functions: handles interrupts.  Returns false on
 * timeout.
 */
extern bool weir_queue_wait(int64 seq, long timeout_ms);

/* Does somebody wait for a flush that has not been? */
extern bool weir_queue_sync_wanted(int slot);

/*
 * Is it likely that some who waited for the last flush are about to publish
 * again, so that one flush can serve all of them?
 */
extern bool weir_queue_gathering(int slot);

/* --- the flush worker --- */

/* All rows up to this number are on disk. */
extern int64 weir_queue_flushed_seq(int slot);

/*
 * All up to seq, and all that was merged into epochs up to this one, are on
 * disk: wake who waits for them.  Cannot fail.
 */
extern void weir_queue_set_flushed(int slot, int64 seq, int64 epoch);

/*
 * Streams of which a view lags behind the flushed number: who waits for rows
 * of them goes on waiting.  weir_queue_held_make returns NULL when memory is
 * full.  weir_queue_hold replaces the held streams by these (NULL: by none)
 * and frees the ones before; it cannot fail.  The next weir_queue_set_flushed
 * wakes who need not wait any longer.
 */
typedef struct HeldStream
{
	Oid			streamid;
	int64		from;			/* rows up to this number are in all views */
} HeldStream;

typedef struct HeldStreams HeldStreams;

extern HeldStreams *weir_queue_held_make(const HeldStream *streams, int n);
extern void weir_queue_held_free(HeldStreams *held);
extern void weir_queue_hold(int slot, HeldStreams *held);

/* --- for queue.c, with the database's lock held --- */

/*
 * This process waits for the rows with this number, which are of these
 * streams.
 */
extern void weir_queue_enlist(QueueDatabase *db, int64 seq, const StreamSet *streams);

/*
 * The rows of the message are in this epoch: who waits for no others need not
 * wait longer than that.
 */
extern void weir_queue_note_merged(const QueueMessage *message, int64 epoch);

#endif
