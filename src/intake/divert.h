/*
 * divert.h
 *	  Late rows that go to another stream (view option late_stream).
 */
#ifndef WEIR_INTAKE_DIVERT_H
#define WEIR_INTAKE_DIVERT_H

#include "postgres.h"

#include "intake/intake.h"

/*
 * Turn late rows of a view, given by their indexes, into rows of its
 * late_stream; weir_divert_next hands them on. In a transaction with a
 * snapshot. Errors when the view's owner may not insert there, the stream
 * cannot take the rows, or one of them violates its constraints; then the
 * intake is unchanged.
 */
extern void weir_divert_rows(Intake *intake, ContView *view, StreamRows *rows, const int *late, int n);

/*
 * Append the rows diverted since the last call to the batch's streams, for the
 * views of those streams. Returns false when there were none.
 */
extern bool weir_divert_next(Intake *intake);

/*
 * Note the rows that came too late for the view in the execution of its query
 * just done, and divert them. Errors as weir_divert_rows.
 */
extern void weir_divert_note_late(Intake *intake, ContView *view, StreamRows *rows);

#endif
