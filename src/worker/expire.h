/*
 * expire.h
 *	  Deleting what has left sliding windows, or outlived its time.
 */
#ifndef WEIR_EXPIRE_H
#define WEIR_EXPIRE_H

#include "postgres.h"
#include "catalog/cont_view.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

/*
 * Does work for a view in a subtransaction, if its matrel's lock is free.  A failure
 * is told in the log.  False when the lock was not free.
 */
typedef bool (*TendView) (void (*work) (ContView *view, void *arg), ContView *view, void *arg,
						  LOCKMODE lock, const char *what);

/*
 * Delete up to about budget rows, in the current transaction; look at each
 * window if all, else at what is due.  True when there is more to delete.
 */
extern bool weir_expire_views(List *views, int64 budget, bool all, TendView tend);

#endif
