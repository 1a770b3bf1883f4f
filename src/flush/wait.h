/*
 * wait.h
 *	  Waiting for a flush, in a session.
 */
#ifndef WEIR_FLUSH_WAIT_H
#define WEIR_FLUSH_WAIT_H

#include "postgres.h"

/*
 * Wait until everything published, and everything taken in from Kafka, before
 * this call is committed, and in the matrel of one view (its def view) or
 * (InvalidOid) of all.  Handles interrupts; errors when the workers wait for
 * a lock that this transaction holds.
 */
extern void weir_flush_wait(Oid defid);

#endif
