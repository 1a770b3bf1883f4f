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

/* Does work in a subtransaction.  NULL when that went well, else the error, in CurrentMemoryContext. */
extern ErrorData *weir_view_try(ViewWork work, ContView *view, void *arg);

/* How to take it, as that of a view (its def view); see base/errors.h. */
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
 * Does housekeeping of a view in a subtransaction, with a lock of this mode on all that
 * it is kept in.  False when it could not be done: the lock was not free, groups of it are set aside, it failed, or has failed
 * so often that it is not time to try again.  What fails is shown in weir.views, and told in
 * the log, ever more rarely.
 */
extern bool weir_view_tend(TendKind kind, ContView *view, LOCKMODE lock, ViewWork work, void *arg);

/* Is it time to do it; and how it went, of what is done without weir_view_tend (error NULL: well). */
extern bool weir_tend_is_due(TendKind kind, Oid defid);
extern void weir_tend_note(TendKind kind, const ContView *view, const ErrorData *error);

/* Forget views that are none of these any more. */
extern void weir_tend_purge(List *views);

/* How long who writes a view waits for a lock that it meets. */
#define TEND_WRITE_WAIT_MS 100

/* In this transaction no lock is waited for longer than that, 0: without a limit. */
extern void weir_tend_hurry(int ms);

/* Outside of a transaction: wait for a lock, no longer than that, while no other is held. */
extern void weir_tend_wait(const MatrelBlocker *blocker, int ms);

#endif
