/*
 * ingest.h
 *	  Run the continuous queries over a batch and merge what they give.
 */
#ifndef WEIR_INGEST_H
#define WEIR_INGEST_H

#include "stream/batch.h"

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
 */
extern void weir_ingest_batch(WeirBatch *batch, weir_merge_callback on_merge, void *arg);

#endif
