/*
 * parts.h
 *	  Batches that give too much to be merged at once, and merging into private runs.
 */
#ifndef WEIR_INTAKE_PARTS_H
#define WEIR_INTAKE_PARTS_H

#include "postgres.h"

#include "groups/epoch.h"
#include "stream/batch.h"

/*
 * Merge into a run; groups go to its files when memory is full.  Errors leave the run as it was, but for groups that are in files
 * now.
 */
extern void weir_parts_merge(Run *run, MergeInput *input);

/*
 * Take a batch, which gives too much to be taken in at once, into a private run, part by part.  On an error nothing of
 * it is to be used: the caller destroys the run.
 */
extern void weir_parts_take_in(WeirBatch *batch, Run *run);

#endif
