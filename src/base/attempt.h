/*
 * attempt.h
 *	  Doing something that may fail.
 */
#ifndef WEIR_BASE_ATTEMPT_H
#define WEIR_BASE_ATTEMPT_H

#include "postgres.h"

/*
 * Do work in a subtransaction.  NULL when that went well; else what it did is
 * undone, and the error, in CurrentMemoryContext, is returned.  Needs a
 * transaction.
 */
extern ErrorData *weir_attempt(void (*work) (void *arg), void *arg);

/* The same; what it did is undone in any case. */
extern ErrorData *weir_attempt_undone(void (*work) (void *arg), void *arg);

#endif
