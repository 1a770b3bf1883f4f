/*
 * errors.h
 *	  What an error in a worker means: try again, or who is at fault.
 */
#ifndef WEIR_BASE_ERRORS_H
#define WEIR_BASE_ERRORS_H

#include "postgres.h"

/*
 * A signal of Weir's own, not a fault: what a worker began to work with has
 * changed meanwhile (a view was replaced, say), and the same work succeeds
 * when it begins anew.
 */
#define ERRCODE_WEIR_CHANGED MAKE_SQLSTATE('W', 'E', '0', '0', '1')

/* Code of a user has taken longer than weir.query_timeout. */
#define ERRCODE_WEIR_TIMEOUT MAKE_SQLSTATE('W', 'E', '0', '0', '2')

/*
 * A batch gives more results than a worker may hold in memory: it is to be
 * divided.  For a single row this is the row's fault.
 */
#define ERRCODE_WEIR_TOO_LARGE MAKE_SQLSTATE('W', 'E', '0', '0', '3')

typedef enum ErrorKind
{
	ERROR_RETRY,				/* the same may work later */
	ERROR_VIEW,					/* the view, or stream, itself is broken */
	ERROR_ROW					/* a row's fault */
} ErrorKind;

/*
 * Put errors from now on down to this view (its def view) or stream.  Returns
 * what they were put down to before, to be given to weir_errors_end.  An error
 * does not end it.
 */
extern Oid	weir_errors_begin(Oid relid);
extern void weir_errors_end(Oid before);

extern Oid	weir_errors_whose(void);

/*
 * Give an error that has been caught the code and message of what it is: a
 * cancellation by a limit of time (base/time_limit.h) becomes
 * ERRCODE_WEIR_TIMEOUT.
 */
extern void weir_errors_clarify(ErrorData *error);

/*
 * Classify an error that has been caught.  One that may pass by itself is
 * ERROR_RETRY only so often for one view or stream; then it counts as a fault.
 */
extern ErrorKind weir_errors_kind(const ErrorData *error);

/* Has a lock not been granted within lock_timeout? */
extern bool weir_errors_is_lock_timeout(const ErrorData *error);

/* Is there no room in the server's lock table? */
extern bool weir_errors_is_lock_table_full(const ErrorData *error);

/* Did Weir itself raise ERRCODE_WEIR_TOO_LARGE? */
extern bool weir_errors_is_too_large(const ErrorData *error);

/*
 * Count a retry of the view or stream that errors are put down to, and end
 * that.
 */
extern void weir_errors_note_retry(void);

/*
 * In this process retry without limit after a full disk and after signals of
 * Weir's own.
 */
extern void weir_errors_endure(void);

#endif
