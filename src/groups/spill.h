/*
 * spill.h
 *	  Reading the groups of one view from a run's file.
 */
#ifndef WEIR_GROUPS_SPILL_H
#define WEIR_GROUPS_SPILL_H

#include "postgres.h"

#include "groups/epoch.h"

typedef struct SpillReader SpillReader;

/*
 * The view's part of a file that is sorted, or its part that is not, in
 * CurrentMemoryContext.  Needs a transaction until it is closed.
 */
extern SpillReader *weir_spill_open(Run *run, int file, Oid defid, bool sorted);

/* The next row, NULL at the end.  Valid until the next call. */
extern MinimalTuple weir_spill_next(SpillReader *reader);

/* The same for all rows of the next chunk; returns how many. */
extern int	weir_spill_next_chunk(SpillReader *reader, MinimalTuple **tuples);

extern void weir_spill_close(SpillReader *reader);

#endif
