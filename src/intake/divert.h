/*
 * divert.h
 *	  Late rows that go to another stream (view option late_stream).
 */
#ifndef WEIR_INTAKE_DIVERT_H
#define WEIR_INTAKE_DIVERT_H

#include "postgres.h"

#include "intake/intake.h"

/*
 * These late rows of a view, by their indexes, are rows of its late_stream now;
 * weir_divert_next hands them on.  In a transaction with a snapshot.  Errors
 * when the view's owner may not insert there, the stream cannot take the rows, or one of them
 * violates its constraints; then the intake is as before.
 */
extern void weir_divert_rows(Intake *intake, ContView *view, StreamRows *rows, const int *late, int n);

/*
 * Put what was diverted since the last call behind the streams of the batch, for
 * the views of those streams.  False: nothing was.
 */
extern bool weir_divert_next(Intake *intake);

/*
 * Note the rows that came too late for the view, of its query's execution just
 * done; divert them.  Errors as weir_divert_rows.
 */
extern void weir_divert_note_late(Intake *intake, ContView *view, StreamRows *rows);

#endif
