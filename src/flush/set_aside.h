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
 * In the flush transaction: set aside what an epoch has of a view, because of a lock or (blocker NULL, or of
 * nothing) an error.  If something of the view is set aside already, both are not looked at.
 */
extern void weir_set_aside(ContView *view, Epoch *epoch, const MatrelBlocker *blocker, const char *reason);

/*
 * Before such a transaction commits, with all views: what others are to know of it becomes known by the commit.
 * Suspends views while more is set aside than weir.set_aside_limit.
 */
extern void weir_set_aside_finish(List *views);

/*
 * Outside of a transaction: write back a portion of what is set aside and can be written now.  Returns after how
 * many milliseconds to call it again; -1: nothing is.
 */
extern long weir_set_aside_write_back(void);

#endif
