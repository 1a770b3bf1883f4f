/*
 * housekeeping.h
 *	  What the flush worker does now and then: it looks after its database.
 */
#ifndef WEIR_FLUSH_HOUSEKEEPING_H
#define WEIR_FLUSH_HOUSEKEEPING_H

#include "postgres.h"

/*
 * Do the housekeeping that is due; call outside of a transaction. Returns true
 * when there is more to delete. A stage that fails is logged and tried again
 * after a pause. Ends the process when the extension is gone.
 */
extern bool weir_tick(void);

#endif
