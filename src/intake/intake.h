/*
 * intake.h
 *	  What a batch gives, on its way into an epoch or a private run.
 */
#ifndef WEIR_INTAKE_INTAKE_H
#define WEIR_INTAKE_INTAKE_H

#include "postgres.h"

#include "groups/epoch.h"
#include "meta/cont_view.h"
#include "stream/batch.h"

/* A row that a view has diverted to another stream. */
typedef struct DivertedRow
{
	Oid			streamid;
	StreamRow  *row;
	int64		seq;			/* its publication number, if numbered */
	int			number;			/* in the order of diversion */
	bool		numbered;
} DivertedRow;

/* Filled by the fast or the slow path (paths.h). */
typedef struct Intake
{
	WeirBatch  *batch;
	MemoryContext cxt;			/* of everything made here */
	bool		sync;

	/* rows of a transaction that may roll back: suspend no view */
	bool		open;

	/* open, and a view would have had to be suspended */
	bool		unfit;

	/* may be taken in in parts if it gives too much */
	bool		divisible;

	/*
	 * leave plans started for the next batch; set to false when one could not
	 * be
	 */
	bool		keep;
	MergeInput	input;
	int			maxviews;
	int			maxnotes;

	/*
	 * Diverted rows that are not among the batch's streams yet: see divert.c.
	 */
	int			ndiverted;
	int			maxdiverted;
	DivertedRow *diverted;
	int			rounds;

	/* whose watermarks are held for the rows; NULL: this process */
	Run		   *run;
} Intake;

/*
 * A position in the notes and diverted rows of an intake, to go back to when
 * what came after it is void.
 */
typedef struct IntakeMark
{
	int			nnotes;
	int			ndiverted;
} IntakeMark;

extern IntakeMark weir_intake_mark(const Intake *intake);
extern void weir_intake_reset(Intake *intake, IntakeMark mark);

/*
 * Put the groups of a table in local memory into a result, which refers to
 * them.
 */
extern void weir_intake_collect(Intake *intake, GroupTable *table, ViewResult *result);

/* Initialize an intake with the batch's own dead letters and offsets. */
extern void weir_intake_begin(Intake *intake, WeirBatch *batch, MemoryContext cxt, bool sync);
extern void weir_intake_add_result(Intake *intake, ViewResult *result);
extern void weir_intake_add_note(Intake *intake, const Note *note);

/*
 * Fill a note of this kind with the row and its origin; its view, error and
 * message are the caller's to set. The row is printed as its owner, with this
 * search_path.
 */
extern void weir_intake_note_row(Intake *intake, NoteKind kind, StreamRows *rows, int row, Oid owner,
								 const char *path, Note *note);

/* The continuous views of this database, allocated in the current context. */
extern List *weir_intake_views(void);

/*
 * Index of the first of these rows that the view counts; nrows if it counts
 * none, since it does not read the stream or is not active.
 */
extern int	weir_intake_first_row(ContView *view, StreamRows *rows);

/*
 * Are the plans of all views that count rows of this batch started in the
 * current transaction?
 */
extern bool weir_intake_all_kept(WeirBatch *batch);

extern void weir_intake_note_statistics(Intake *intake);

/*
 * Note that the batch's rows are in the active epoch and wait for its flush.
 * Called in the callback of a merge.
 */
extern void weir_intake_note_waiting(Intake *intake);

#endif
