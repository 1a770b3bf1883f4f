/*
 * transaction.h
 *	  Taking in transactions too large for a batch: feeds and spool files.
 */
#ifndef WEIR_SOURCE_TRANSACTION_H
#define WEIR_SOURCE_TRANSACTION_H

#include "stream/batch.h"
#include "stream/message.h"

/*
 * Take a message with a feed or a spool file into the active epoch, all or
 * nothing.  done is called when it can no longer fail.  Call outside of a
 * transaction.  Errors are worth trying again.  The message stays the
 * caller's.
 */
extern void weir_transaction_ingest(QueueMessage *message, weir_merge_callback done);

/*
 * Take a batch of a transaction that still runs into its feed's run.  Returns
 * in how many ms to look again: 0: there may be more, -1: when woken.
 */
extern long weir_transaction_ingest_open(void);

#endif
