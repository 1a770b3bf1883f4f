/*
 * queue_park.h
 *	  Streams whose rows are left in the queue for a while: what they need is
 *	  locked, or a worker is stuck with rows of theirs.
 */
#ifndef WEIR_STREAM_QUEUE_PARK_H
#define WEIR_STREAM_QUEUE_PARK_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "stream/queue_state.h"

/*
 * Is one of these streams parked, and the queue half full?  Then further rows
 * of it are to go to a file.
 */
extern bool weir_queue_is_clogged(const StreamSet *streams);

/*
 * Copies the parked streams of a database (room for MAX_PARKED_STREAMS);
 * returns how many.
 */
extern int	weir_queue_parked(int slot, ParkedStream *copy);

/*
 * How many ingest workers are stuck while other rows wait.  As many spare
 * workers, with indexes from weir.ingest_workers on, take rows of other
 * streams meanwhile.
 */
extern int	weir_queue_stuck(int slot);

/*
 * Asks for spare workers; called in the midst of a commit.  Set once, when the
 * server starts.
 */
extern void (*weir_queue_help) (void);

/*
 * For who waits: ask for a spare worker if rows wait and all workers are
 * stuck.
 */
extern void weir_queue_look_for_help(QueueDatabase *db);

/* --- for queue.c, with the database's lock held --- */

/* How many workers are stuck. */
extern int	weir_queue_count_stuck(QueueDatabase *db, TimestampTz now);

/*
 * How many ms a message of these streams is to be left, when so many workers
 * are stuck; 0: it may be taken.
 */
extern long weir_queue_parked_for(QueueDatabase *db, const QueueMessage *message, int nstuck,
								  TimestampTz now);

/* One of these streams that is parked, or NULL. */
extern ParkedStream *weir_queue_find_parked(QueueDatabase *db, const StreamSet *streams);

/*
 * Park the streams for so long; returns false when there is no room for all of
 * them.
 */
extern bool weir_queue_park_streams(QueueDatabase *db, const StreamSet *streams, int ms);
extern void weir_queue_unpark(QueueDatabase *db, const StreamSet *streams);

#endif
