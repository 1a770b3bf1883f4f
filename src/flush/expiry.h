/*
 * expiry.h
 *	  Deleting what has left sliding windows, or outlived its time.
 */
#ifndef WEIR_FLUSH_EXPIRY_H
#define WEIR_FLUSH_EXPIRY_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Delete up to about budget expired rows, in the current transaction. With
 * all, every window is looked at, else those that are due. Returns true when
 * there is more to delete.
 */
extern bool weir_expire_views(List *views, int64 budget, bool all);

#endif
