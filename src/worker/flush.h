/*
 * flush.h
 *	  The flush, as others see it.
 */
#ifndef WEIR_FLUSH_H
#define WEIR_FLUSH_H

#include "postgres.h"

/*
 * Wait until everything published, and everything taken in from Kafka, before
 * this call is in the matrels and committed.  Handles interrupts; errors when
 * the workers wait for a lock that this transaction holds.
 */
extern void weir_flush_wait(void);

#endif
