/*
 * ingest.h
 *	  Take batches into the active epoch.
 */
#ifndef WEIR_INTAKE_INGEST_H
#define WEIR_INTAKE_INGEST_H

#include "stream/batch.h"

#define INGEST_SYNC 1			/* somebody waits for the rows */
/* leave the transaction open for the next batch, if this one is small */
#define INGEST_KEEP 2
/*
 * the batch has rows of several streams and can be taken stream by stream
 * instead
 */
#define INGEST_MIXED 4

/*
 * Take a batch into the active epoch: partial states of every view of its
 * streams, its Kafka offsets and its dead letters, all or nothing.  Waits when
 * memory is full.  Opens and ends its own transactions: call outside of one.
 *
 * Rows that make a view's query fail become dead letters of that view; a view
 * that fails for another reason is suspended.  Errors only for what is worth
 * trying again as it is (out of memory, lock timeout, ...); then nothing of
 * the batch was taken.
 *
 * on_merge, if not NULL, is called in the critical part of the merge, when it
 * can no longer fail: it must not error, wait or allocate.
 *
 * Returns false, and has done nothing, when the batch is mixed and needs the
 * slow path.
 */
extern bool weir_ingest(WeirBatch *batch, int flags, weir_merge_callback on_merge, void *arg);

#endif
