/*
 * queue.h
 *	  Committed rows in shared memory, on their way from backends to workers.
 */
#ifndef WEIR_STREAM_QUEUE_H
#define WEIR_STREAM_QUEUE_H

#include "postgres.h"

#include "storage/fileset.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#define WEIR_MAX_INGEST_WORKERS 16

/*
 * Rows of one stream, one after the other: a header, then nrows rows
 * (stream_row.h); len counts the bytes after the header.
 * The same form is used in a backend's memory, in shared memory and in a
 * spool file.
 */
typedef struct SectionHeader
{
	Oid			streamid;
	uint32		nrows;
	Size		len;
} SectionHeader;

#define SECTION_HEADER_SIZE MAXALIGN(sizeof(SectionHeader))

/* A contiguous run of sections in shared memory. */
typedef struct QueuePiece
{
	struct QueuePiece *next;
	Size		len;			/* of what follows, at MAXALIGN(sizeof(QueuePiece)) */
} QueuePiece;

#define PIECE_DATA(piece) ((char *) (piece) + MAXALIGN(sizeof(QueuePiece)))

/* Streams that rows may be of. */
#define STREAM_SET_MAX 6
typedef struct StreamSet
{
	int			n;				/* larger than that: of others, too */
	Oid			streams[STREAM_SET_MAX];
} StreamSet;

extern void weir_stream_set_add(StreamSet *set, Oid streamid);

/*
 * The rows of one committed transaction.  Owned by the backend until it is
 * published, then by the queue, then by the worker that took it.
 */
typedef struct QueueMessage
{
	struct QueueMessage *next;
	int64		seq;			/* publication number, given when published */
	bool		sync;			/* somebody waits for it */
	bool		spooled;		/* rows are in the file "rows" of fileset, up to (spool_fileno, spool_offset) */
	FileSet		fileset;
	int			spool_fileno;
	off_t		spool_offset;
	int64		nrows;
	Size		bytes;
	StreamSet	streams;
	TimestampTz published;
	QueuePiece *pieces;			/* each a shared allocation of its own */
	struct Feed *feed;			/* more rows, before these: feed.h; or NULL */
	int			waiter;			/* process number of who waits for its flush, + 1; 0: nobody */
} QueueMessage;

/* A stream whose rows are left in the queue, since what its views need is locked. */
typedef struct ParkedStream
{
	Oid			streamid;
	TimestampTz since;
	TimestampTz until;			/* then they are tried again */
} ParkedStream;

/* Of a database; the rows of more are tried like all others. */
#define MAX_PARKED_STREAMS 32

extern void weir_queue_init(void);

/* --- backends --- */

/*
 * Allocate a message or a piece; NULL when the queue's memory is full.  The
 * message of spooled rows may use memory that is kept back for it.
 */
extern QueueMessage *weir_queue_message_alloc(bool spooled);
extern QueuePiece *weir_queue_piece_alloc(Size len);
extern void weir_queue_message_free(QueueMessage *message, bool remove_spool);

/*
 * Hand a message over.  Cannot fail.  Returns its publication number, and whether
 * to wait for it: when somebody asked for that, or when no ingest worker is there
 * to take it in.
 */
extern int64 weir_queue_publish(QueueMessage *message, bool *wait);

/* To be called before the commit of rows that may be waited for; may fail. */
extern void weir_queue_prepare_wait(void);

/* Are rows of these streams left in the queue for now, which has as many of them as it is to have? */
extern bool weir_queue_is_clogged(const StreamSet *streams);

/* This process is a worker: its own rows would make it wait for itself. */
extern void weir_queue_never_wait(void);

/*
 * Wait until rows published up to seq are on disk in every view.  For use in
 * the commit of a transaction: never errors; a cancel or terminate ends the
 * wait with a warning, as in synchronous replication.  A wait that takes long
 * is explained in warnings, with texts of errors if these may be shown.  Returns
 * whether the rows are flushed.
 */
extern bool weir_queue_commit_wait(int64 seq, bool show_errors);

/* What a flush waits for. */
typedef struct FlushDelay
{
	char		reason[256];
	char		error[256];		/* or empty; may quote values of rows */
	char		remedy[256];
} FlushDelay;

/*
 * Tells why rows published up to seq are not flushed yet; must not error.  Set
 * once, when the server starts.
 */
extern void (*weir_queue_explain) (int64 seq, FlushDelay *delay);

/* Somebody who waits for a flush, and is told when it takes long. */
typedef struct FlushWait
{
	int64		seq;
	bool		show_errors;
	bool		committed;		/* in a commit */
	TimestampTz warn_at;
} FlushWait;

extern void weir_queue_wait_begin(FlushWait *wait, int64 seq, bool show_errors, bool committed);
extern long weir_queue_wait_warn(FlushWait *wait);	/* returns ms to the next warning */

/* The same for ordinary functions: handles interrupts.  Returns false on timeout. */
extern bool weir_queue_wait(int64 seq, long timeout_ms);

/* Where the queue of this database stands: server run and last publication. */
extern void weir_queue_position(int64 *boot, int64 *seq);
extern int64 weir_queue_flushed_seq(int slot);

/* --- workers; slot is the database's, worker an index below WEIR_MAX_INGEST_WORKERS --- */

extern void weir_queue_attach_worker(int slot, int worker);
extern void weir_queue_detach_worker(int slot, int worker, bool alone);	/* puts back what it took */

/* How messages are taken. */
typedef struct QueueTake
{
	bool		linger;			/* in: few rows that nobody waits for are left for a moment */
	bool		alone;			/* out: all are of the same streams */
	bool		parked;			/* out: they were parked */
	bool		mixed;			/* out: they are of several sets of streams */
	long		wait_ms;		/* out: when there are none, for how long; else -1 */
} QueueTake;

/*
 * Take messages up to about weir.batch_rows and weir.batch_size, at least one if
 * there is any; those of parked streams are left.  A spooled message comes alone.  They belong to the worker until
 * weir_queue_taken_merged.  Returns the first, linked by next, or NULL.
 */
extern QueueMessage *weir_queue_take(int slot, int worker, QueueTake *take);

/* Numbers up to this are wanted: no worker lingers over them. */
extern void weir_queue_hurry(int slot, int64 seq);

/*
 * How many ingest workers of the database have been busy with what they took for too long, while other rows wait.  As many spare
 * workers, of indexes from weir.ingest_workers on, take the rows of other streams meanwhile.
 */
extern int	weir_queue_stuck(int slot);

/* Asks for spare workers; called in the midst of a commit.  Set once, when the server starts. */
extern void (*weir_queue_help) (void);

/* Whether the worker has other rows in hand: then others are woken. */
extern void weir_queue_set_busy(int slot, int worker, bool busy);

/*
 * Put back what the worker took and has not merged.  alone: what of it is of different streams is not to be taken together
 * again, by any worker.
 */
extern void weir_queue_put_back(int slot, int worker, bool alone);

/*
 * The same, when a lock was in its way: streams (one of them at least is a stream of what it took) are parked for so long.  They are
 * parked no more when rows of theirs have been merged.  Returns false when there is no room for them.
 */
extern bool weir_queue_park(int slot, int worker, const StreamSet *streams, int ms);

/* The streams of what the worker took, each once. */
extern void weir_queue_taken_streams(int slot, int worker, StreamSet *streams);

/* Copies the parked streams of a database (room for MAX_PARKED_STREAMS); returns how many. */
extern int	weir_queue_parked(int slot, ParkedStream *copy);

/*
 * What the worker took is in the active epoch now: it is no longer put back or
 * waited for.  Cannot fail; the caller then frees the messages.  epoch: its number.
 */
extern void weir_queue_taken_merged(int slot, int worker, int64 epoch);

/* Every message up to this number has been merged (call under the merge mutex). */
extern int64 weir_queue_merged_seq(int slot);

/* Does somebody wait for a flush that has not been? */
extern bool weir_queue_sync_wanted(int slot);

/* Are some who waited for the flush before this one likely to be on their way here? */
extern bool weir_queue_gathering(int slot);

/* All up to seq, and all that was merged into epochs up to this one, are on disk: wake who waits for them.  Cannot fail. */
extern void weir_queue_set_flushed(int slot, int64 seq, int64 epoch);

/*
 * Streams whose flushed rows are not in all of their views yet: who waits for rows of
 * them goes on waiting.  made: NULL when memory is full; hold: from now on these (NULL:
 * none); cannot fail.  Then weir_queue_set_flushed wakes who waits no more.
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

/* Wake an idle ingest worker of this database. */
extern void weir_queue_wake_workers(int slot);

/* Throw away everything queued and wake all who wait: the extension is gone. */
extern void weir_queue_discard(int slot);

/*
 * Calls visit for each transaction whose rows are in no epoch yet, under the
 * queue's lock: with the streams that they may be of, and when it committed.
 */
extern void weir_queue_each(int slot, void (*visit) (const StreamSet *streams, TimestampTz published, void *arg),
							void *arg);

/* Rows and bytes not yet taken, for statistics. */
extern void weir_queue_depth(int slot, int64 *messages, int64 *rows, int64 *bytes);

#endif
