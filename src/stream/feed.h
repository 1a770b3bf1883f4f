/*
 * feed.h
 *	  Rows of a transaction that still runs, on their way to a worker.
 */
#ifndef WEIR_STREAM_FEED_H
#define WEIR_STREAM_FEED_H

#include "postgres.h"

#include "lib/ilist.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "stream/message.h"

struct Run;						/* groups/run.h */

typedef enum FeedState
{
	FEED_OPEN,					/* its transaction runs */

	/* its transaction commits or has: the message that names it owns it */
	FEED_CLOSED,
	FEED_DEAD					/* rolled back: for a worker to clear away */
} FeedState;

/* What to count in statistics once the transaction has committed. */
typedef struct FeedCount
{
	Oid			id;				/* stream or def view */
	bool		is_view;
	int64		rows;
	int64		amount;			/* of a stream: bytes; of a view: groups */
} FeedCount;

#define FEED_COUNTS 16

/*
 * Pieces are appended by the backend and unlinked by the worker that holds the
 * feed, when what they give is in the run.  The run belongs to the feed, not
 * to a worker: workers come and go.
 */
typedef struct Feed
{
	dlist_node	node;			/* of its database's feeds */
	int			slot;
	FeedState	state;
	bool		held;			/* by a worker */
	bool		refused;		/* nothing more is taken before the commit */
	bool		room_wanted;	/* its backend waits */
	Latch	   *backend;
	QueuePiece *first;
	QueuePiece *last;
	Size		bytes;			/* of these pieces */
	int64		consumed;		/* pieces unlinked so far */
	TimestampTz since;			/* when the first of these came */

	/* The holder's */
	struct Run *run;			/* NULL: nothing merged yet */
	int			ncounts;
	FeedCount	counts[FEED_COUNTS];
} Feed;

extern void weir_feed_init(void);

/* --- the backend whose rows they are --- */

/* NULL when memory is full. */
extern Feed *weir_feed_open(void);

/*
 * Hand a piece over.  False when there is no room, now and after waiting for
 * as long as the worker goes on taking pieces, or when none are wanted; then
 * the piece stays the caller's.
 */
extern bool weir_feed_append(Feed *feed, QueuePiece *piece);

/*
 * No more pieces will come; workers leave it alone until its message is
 * published.
 */
extern void weir_feed_close(Feed *feed);

/*
 * Its rows shall never count.  Cannot fail; does nothing when it is dead
 * already.
 */
extern void weir_feed_kill(Feed *feed);

/*
 * Free a list of messages with their pieces and spool files, and kill the
 * feeds that they own.
 */
extern void weir_feed_free_messages(QueueMessage *list);

/* --- workers --- */

/*
 * Hold an open feed that has something worth taking.  Its rows count as
 * published with number *seq.  NULL: there is none, and *wait_ms says when to
 * look again (-1: when woken).
 */
extern Feed *weir_feed_take(int slot, int64 *seq, long *wait_ms);

/*
 * The piece with which a batch of about so many bytes ends; the feed is held
 * and not empty.
 */
extern QueuePiece *weir_feed_batch_end(Feed *feed, Size bytes);

/* Hold this feed, waiting for the worker that has it. */
extern void weir_feed_hold(Feed *feed);
extern void weir_feed_release(Feed *feed);

/* Let go of the one this process holds, if any: at the end of the process. */
extern void weir_feed_release_held(void);

/* Up to last the pieces are in the run: free them.  Cannot fail. */
extern void weir_feed_consumed(Feed *feed, QueuePiece *last);

/* Take no more of the feed that is held while its transaction runs. */
extern void weir_feed_refuse(Feed *feed);

/*
 * Unlink a dead feed that nobody holds; its run is the caller's to free, then
 * weir_feed_free.  NULL: none.
 */
extern Feed *weir_feed_pop_dead(int slot);

/* Unlink one that was adopted. */
extern void weir_feed_unlink(Feed *feed);

/* Free the feed and its pieces, not its run. */
extern void weir_feed_free(Feed *feed);

#endif
