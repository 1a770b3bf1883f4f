/*
 * set_aside.h
 *	  Groups of views that cannot be written now.
 */
#ifndef WEIR_FLUSH_SET_ASIDE_H
#define WEIR_FLUSH_SET_ASIDE_H

#include "postgres.h"

#include "groups/epoch.h"
#include "matrel/lock.h"
#include "meta/cont_view.h"

/* All of this is called by the flush worker. */
extern void weir_set_aside_start(void);
extern void weir_set_aside_stop(void);

/*
 * Set aside what an epoch has of a view, in the flush transaction, because of
 * a lock (blocker) or an error (blocker NULL or empty) with this reason. Both
 * are ignored when something of the view is set aside already.
 */
extern void weir_set_aside(ContView *view, Epoch *epoch, const MatrelBlocker *blocker, const char *reason);

/*
 * Before a flush transaction commits, with all views: make sure that the
 * commit can tell others what was set aside. Suspends the view that has most
 * while more is set aside than weir.set_aside_limit.
 */
extern void weir_set_aside_finish(List *views);

/*
 * Write back a portion of each view that can be written now; call outside of a
 * transaction. Returns after how many milliseconds to call it again, -1 if
 * nothing is set aside.
 */
extern long weir_set_aside_write_back(void);

#endif
