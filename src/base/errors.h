/*
 * errors.h
 *	  What an error in a worker means: try again, or who is at fault.
 */
#ifndef WEIR_BASE_ERRORS_H
#define WEIR_BASE_ERRORS_H

#include "postgres.h"

/*
 * A signal of Weir's own, not a fault: what a worker began to work with has changed meanwhile (a view was
 * replaced, say), and the same work succeeds when it begins anew.
 */
#define ERRCODE_WEIR_CHANGED MAKE_SQLSTATE('W', 'E', '0', '0', '1')

/* Code of a user has taken longer than weir.query_timeout. */
#define ERRCODE_WEIR_TIMEOUT MAKE_SQLSTATE('W', 'E', '0', '0', '2')

/*
 * A batch gives more results than a worker keeps in memory: it is to be taken in in parts.  A single row is at fault then.
 */
#define ERRCODE_WEIR_TOO_LARGE MAKE_SQLSTATE('W', 'E', '0', '0', '3')

typedef enum ErrorKind
{
	ERROR_RETRY,				/* the same may work later */
	ERROR_VIEW,					/* the view, or stream, itself is broken */
	ERROR_ROW					/* a row's fault */
} ErrorKind;

/*
 * Whose work begins, a view's (its def view) or a stream's; returns whose it was before, to be given to the end.
 * An error leaves it as it is.
 */
extern Oid	weir_errors_begin(Oid relid);
extern void weir_errors_end(Oid before);

extern Oid	weir_errors_whose(void);

/* An error that has been caught says what happened: an interruption by weir.query_timeout is one. */
extern void weir_errors_clarify(ErrorData *error);

/*
 * How to take an error that has been caught.  What passes by itself is to be tried again only so often for
 * one view or stream; then it is taken for a fault.
 */
extern ErrorKind weir_errors_kind(const ErrorData *error);

/* Has a lock not been granted within lock_timeout? */
extern bool weir_errors_is_lock_timeout(const ErrorData *error);

/* Is there no room in the server's lock table? */
extern bool weir_errors_is_lock_table_full(const ErrorData *error);

/* Did Weir itself raise ERRCODE_WEIR_TOO_LARGE? */
extern bool weir_errors_is_too_large(const ErrorData *error);

/* The error has been given up to be tried again: it counts. */
extern void weir_errors_note_retry(void);

/* In this process a full disk and signals of Weir's own are waited for, however long: nobody is to blame. */
extern void weir_errors_endure(void);

#endif
