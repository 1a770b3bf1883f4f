/*
 * parts.h
 *	  Batches that give too much to be merged at once, and merging into private
 *	  runs.
 */
#ifndef WEIR_INTAKE_PARTS_H
#define WEIR_INTAKE_PARTS_H

#include "postgres.h"

#include "groups/epoch.h"
#include "stream/batch.h"

/*
 * Merge into a run; its groups go to files when memory is full. On an error
 * the run is unchanged, except that groups may have gone to files.
 */
extern void weir_parts_merge(Run *run, MergeInput *input);

/*
 * Take a batch that gives too much for one merge into a private run, part by
 * part. On an error nothing of the run is to be used: the caller destroys it.
 */
extern void weir_parts_take_in(WeirBatch *batch, Run *run);

#endif
