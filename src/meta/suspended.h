/*
 * suspended.h
 *	  Suspended views, in shared memory: for those who commit rows that these
 *	  lack.
 *
 * The truth is weir.continuous_view.  Who commits can look into no catalog any
 * more, so the names are kept here, of 32 views of a database at most.
 */
#ifndef WEIR_META_SUSPENDED_H
#define WEIR_META_SUSPENDED_H

#include "postgres.h"

#include "meta/view.h"

extern void weir_suspended_init(void);

/*
 * When the current transaction commits: this view is suspended, or is not any
 * more.
 */
extern void weir_suspended_add_at_commit(const ContView *view);
extern void weir_suspended_remove_at_commit(Oid defid);

/* These are all views of this database. */
extern void weir_suspended_sync(List *views);

/*
 * Warns the client of suspended views that read one of these streams (NULL: of
 * any), of each once in a session.  Never errors, allocates no memory.
 */
extern void weir_suspended_warn(const Oid *streams, int n);

#endif
