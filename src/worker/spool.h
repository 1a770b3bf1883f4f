/*
 * spool.h
 *	  Taking in a transaction too large for the queue, from its spool file.
 */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H

#include "stream/batch.h"
#include "stream/queue.h"

/*
 * Take a spooled message into the active epoch, all or nothing.  done is called
 * when it can no longer fail.  Call outside of a transaction.  Errors are worth
 * trying again.  The message stays the caller's.
 */
extern void weir_spool_ingest(QueueMessage *message, weir_merge_callback done);

#endif
