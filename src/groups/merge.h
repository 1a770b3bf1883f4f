/*
 * merge.h
 *	  Merging what a batch brings into a run, all or nothing.
 */
#ifndef WEIR_GROUPS_MERGE_H
#define WEIR_GROUPS_MERGE_H

#include "postgres.h"

#include "groups/offset.h"
#include "groups/run.h"
#include "stream/batch.h"

/* Result rows of one view's continuous query over a batch. */
typedef struct ViewResult
{
	GroupSpec  *spec;
	int			ntuples;
	MinimalTuple *tuples;		/* groups occur once each */
	int64		rows_in;
} ViewResult;

/* What one batch brings. */
typedef struct MergeInput
{
	int			nviews;
	ViewResult *views;
	int			nnotes;
	Note	   *notes;
	int			noffsets;
	SourceOffset *offsets;
	bool		sync;
} MergeInput;

/* Everything a merge needs, reserved and not yet visible. */
typedef struct Reservation
{
	GroupMerge **merges;
	GroupTable **tables;		/* existing or new */
	bool	   *fresh;			/* table is new */
	StoredNote **notes;
	EpochOffset **offsets;		/* new ones; NULL where one exists */
} Reservation;

/*
 * A merge in three steps.  Staging computes all new states; combine functions
 * run, and may error.  Reserving allocates: false when memory is full, and
 * the run is as it was.  Applying is assignments only, and cannot fail.
 * Interrupts are to be held from reserving to applying.  offsets: the list to
 * which the input's offsets go, or NULL: they are left.
 */
extern void weir_merge_stage(Reservation *r, Run *run, MergeInput *input);
extern bool weir_merge_reserve(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input);
extern bool weir_merge_reserve_notes(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input);
extern void weir_merge_apply(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input);

/* The three steps, into a run that only this process knows. */
extern bool weir_merge_into_run(Run *run, MergeInput *input);

/* Stage one view's result, to see whether that fails. */
extern void weir_merge_try(Run *run, ViewResult *result);

#endif
