/*
 * tend.h
 *	  Work for one view that fails alone.
 */
#ifndef WEIR_FLUSH_TEND_H
#define WEIR_FLUSH_TEND_H

#include "postgres.h"

#include "storage/lockdefs.h"

#include "base/errors.h"
#include "matrel/lock.h"
#include "meta/cont_view.h"

typedef void (*ViewWork) (ContView *view, void *arg);

/*
 * Do work for a view in a subtransaction. Returns NULL, or the error, in
 * CurrentMemoryContext.
 */
extern ErrorData *weir_view_try(ViewWork work, ContView *view, void *arg);

/* Classify an error of a view (its def view); see base/errors.h. */
extern ErrorKind weir_view_error_kind(Oid defid, const ErrorData *error);

/* Kinds of housekeeping. */
typedef enum TendKind
{
	TEND_ADOPT,
	TEND_EXPIRE,
	TEND_CLOSED,
	TEND_MAKE_PARTITIONS,
	TEND_DROP_PARTITIONS
} TendKind;

/*
 * Do housekeeping of a view in a subtransaction, with a lock of this mode on
 * everything that it is kept in. Returns false when it could not be done: a
 * lock was not free, groups of the view are set aside, it failed, or it has
 * failed so often that it is not yet due again. A failure is shown in
 * weir.views and logged, ever more rarely.
 */
extern bool weir_view_tend(TendKind kind, ContView *view, LOCKMODE lock, ViewWork work, void *arg);

/*
 * For housekeeping that is not done by weir_view_tend: is it due, and note how
 * it went (error NULL: well).
 */
extern bool weir_tend_is_due(TendKind kind, Oid defid);
extern void weir_tend_note(TendKind kind, const ContView *view, const ErrorData *error);

/* Forget all views but these. */
extern void weir_tend_purge(List *views);

/* Lock timeout while a view is written. */
#define TEND_WRITE_WAIT_MS 100

/* Set the lock timeout of the current transaction; 0: none. */
extern void weir_tend_hurry(int ms);

/*
 * Wait for a lock for at most ms milliseconds, holding no other lock. Call
 * outside of a transaction.
 */
extern void weir_tend_wait(const MatrelBlocker *blocker, int ms);

#endif
