/*
 * lock.h
 *	  Locks on what a view is kept in, taken only if they are free.
 */
#ifndef WEIR_MATREL_LOCK_H
#define WEIR_MATREL_LOCK_H

#include "postgres.h"
#include "catalog/cont_view.h"
#include "storage/lockdefs.h"

/* A lock that was not free. */
typedef struct MatrelBlocker
{
	Oid			relid;			/* InvalidOid: none */
	LOCKMODE	mode;
} MatrelBlocker;

/*
 * Lock all that writing a view opens: its def view, and with this mode its matrel, values
 * relations and their indexes, but for those of partitions.  False when one is not free: *blocker is
 * that.  Locks last until the transaction ends.
 */
extern bool weir_matrel_try_lock(const ContView *view, LOCKMODE mode, MatrelBlocker *blocker);

/* The same for one table, if it is there, and its indexes. */
extern bool weir_table_try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker);

/*
 * Lock a table and its indexes for writing, or error with ERRCODE_LOCK_NOT_AVAILABLE; then
 * weir_matrel_blocked_by says, once, what was not free.
 */
extern void weir_table_lock(Oid relid);
extern MatrelBlocker weir_matrel_blocked_by(void);

#endif
