/*
 * spill.h
 *	  Groups and notes of a run in files.
 */
#ifndef WEIR_GROUPS_SPILL_H
#define WEIR_GROUPS_SPILL_H

#include "postgres.h"

#include "groups/merge.h"

/* Write the run's groups to a file and free their memory; in a transaction. */
extern void weir_run_dump(Run *run);

/*
 * Write what a batch brings to files of the run, without merging it; in a
 * transaction.
 */
extern void weir_run_spill(Run *run, MergeInput *input);

/* Call reader for each note of a file of the run. */
extern void weir_run_read_notes(Run *run, int number, void (*reader) (StoredNote *note));

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
