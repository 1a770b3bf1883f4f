/*
 * source.h
 *	  What a source of batches does.
 *
 * A source brings rows of streams.  It runs in workers of a kind of its own,
 * which make batches (stream/batch.h) and give them to weir_ingest
 * (intake/ingest.h).  The contract between the two:
 *
 * fetch	A step of the worker takes what there is, as one batch.
 * merged	From the merge callback on the batch counts: it must not be given
 *			again.  Without that call, whatever happened, it must.
 * wait		With nothing to fetch, the step says or waits until when.
 * drain	At a shutdown, what nobody could read again is taken in.
 * position	A source that can be read again gives its position with the batch,
 *			as SourceOffsets; they are stored in the transaction that writes
 *			the
 *			batch's rows, and a worker begins where weir_offsets_load says.
 */
#ifndef WEIR_SOURCE_SOURCE_H
#define WEIR_SOURCE_SOURCE_H

#include "postgres.h"

#include "process/worker.h"

typedef struct Source
{
	WorkerKind	kind;			/* of its workers */
	WorkerKindOps ops;			/* what they do */

	/*
	 * How many workers a stream that views read is to have; 0: it is not of
	 * this source, or stands still.  Needs a transaction.  NULL: the source
	 * has workers of its own for all streams together.
	 */
	int			(*workers_wanted) (Oid streamid);
} Source;

/* Called for each source, from _PG_init. */
extern void weir_source_register(const Source *source);

/* How many workers a stream is to have, and of which kind; 0: none. */
extern int	weir_source_workers_wanted(Oid streamid, WorkerKind *kind);

#endif
