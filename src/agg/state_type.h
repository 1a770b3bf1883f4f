/*
 * state_type.h
 *	  The type weir.state: a serialized partial state that nobody made up.
 */
#ifndef WEIR_AGG_STATE_TYPE_H
#define WEIR_AGG_STATE_TYPE_H

#include "postgres.h"

#include "fmgr.h"

extern Oid	weir_state_type(void);

/*
 * The mark that tells states of one kind from others: equal for aggregates
 * whose states are read by the same function, and which, where their types
 * follow from their arguments', have equal ones (types NULL otherwise).
 */
extern uint32 weir_state_mark(Oid deserialfn, int ntypes, const Oid *types);

/* From and to the bytea of serialize functions; in CurrentMemoryContext. */
extern Datum weir_state_pack(uint32 mark, Datum serialized);

/*
 * Errors when the state has another mark.  The result is neither short nor
 * toasted.
 */
extern Datum weir_state_unpack(uint32 mark, Datum state);

#endif
