/*
 * queue_warn.h
 *	  Telling who waits for a flush what it waits for.
 */
#ifndef WEIR_STREAM_QUEUE_WARN_H
#define WEIR_STREAM_QUEUE_WARN_H

#include "postgres.h"

#include "utils/timestamp.h"

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

/* The wait begins; in a commit, the transaction has already committed. */
extern void weir_queue_wait_begin(FlushWait *wait, int64 seq, bool show_errors, bool committed);

/* Warn if it is time to; returns how many ms it is to the next warning. */
extern long weir_queue_wait_warn(FlushWait *wait);

#endif
