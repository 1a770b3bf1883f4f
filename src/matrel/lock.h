/*
 * lock.h
 *	  Locks on what a view is kept in, taken only if they are free.
 */
#ifndef WEIR_MATREL_LOCK_H
#define WEIR_MATREL_LOCK_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

#include "meta/cont_view.h"

/*
 * What was not free: the lock on a relation, or rows that a transaction has
 * locked.
 */
typedef struct MatrelBlocker
{
	Oid			relid;			/* InvalidOid: nothing */
	LOCKMODE	mode;			/* NoLock: rows of it, */
	TransactionId xid;			/* locked by this transaction */
} MatrelBlocker;

/*
 * Lock all that writing a view opens: its def view, and with this mode its
 * matrel, values relations and their indexes, but for those of partitions.
 * False when one is not free: *blocker is that.  Locks last until the
 * transaction ends.
 */
extern bool weir_matrel_try_lock(const ContView *view, LOCKMODE mode, MatrelBlocker *blocker);

/* The same for one table, if it is there, and its indexes. */
extern bool weir_table_try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker);

/*
 * Lock a table and its indexes for writing, or error with
 * ERRCODE_LOCK_NOT_AVAILABLE; then weir_matrel_blocked_by says, once, what was
 * not free.
 */
extern void weir_table_lock(Oid relid);

/*
 * Error in the same way when another transaction has locked the row, so that
 * changing it would wait.
 */
extern void weir_row_check(Relation rel, ItemPointer tid);
extern MatrelBlocker weir_matrel_blocked_by(void);

/*
 * The processes that hold the lock, up to max; returns how many.  A pid of 0
 * is a prepared transaction.  None when it is free by now, or the holder
 * cannot be told.
 */
extern int	weir_matrel_blocking_pids(const MatrelBlocker *blocker, int *pids, int max);

/* A description of the lock for users; needs a transaction. */
extern char *weir_matrel_blocker_text(const MatrelBlocker *blocker);

/* Is the transaction that has locked the rows still running? */
extern bool weir_matrel_is_blocked(const MatrelBlocker *blocker);

/*
 * Wait until it is free in the lock manager, which sees deadlocks then; the
 * lock is not kept.
 */
extern void weir_matrel_wait(const MatrelBlocker *blocker);

#endif
