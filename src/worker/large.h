/*
 * large.h
 *	  Taking in transactions too large for a batch: feeds and spool files.
 */
#ifndef WEIR_LARGE_H
#define WEIR_LARGE_H

#include "stream/batch.h"
#include "stream/queue.h"

/*
 * Take a message with a feed or a spool file into the active epoch, all or
 * nothing.  done is called when it can no longer fail.  Call outside of a
 * transaction.  Errors are worth trying again.  The message stays the caller's.
 */
extern void weir_large_ingest(QueueMessage *message, weir_merge_callback done);

/*
 * Take a batch of a transaction that still runs into its feed's run.  Returns
 * in how many ms to look again: 0: there may be more, -1: when woken.
 */
extern long weir_large_ingest_open(void);

/*
 * Take a batch, which gives too much to be taken in at once, into a private run, part by part.  On an error nothing of
 * it is to be used: the caller destroys the run.
 */
extern void weir_large_take_in_parts(WeirBatch *batch, Run *run);

/* When the active epoch has adopted that run (in its callback). */
extern void weir_large_parts_adopted(Run *run);

#endif
