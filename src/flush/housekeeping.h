/*
 * housekeeping.h
 *	  What the flush worker does now and then: it looks after its database.
 */
#ifndef WEIR_FLUSH_HOUSEKEEPING_H
#define WEIR_FLUSH_HOUSEKEEPING_H

#include "postgres.h"

/*
 * Outside of a transaction.  True when there is more to delete.  What fails is logged, and left
 * alone for a while; errors only when nothing can be done.  Ends the process when the extension is gone.
 */
extern bool weir_tick(void);

#endif
