/*
 * closed.h
 *	  Deleting windows that the watermark closed long enough ago.
 */
#ifndef WEIR_MATREL_CLOSED_H
#define WEIR_MATREL_CLOSED_H

#include "runtime/execute.h"

/*
 * Delete up to limit groups of windows that were closed longer ago than the
 * view's retention.  Returns how many.  In the current transaction and as the
 * current user.
 */
extern int64 weir_matrel_expire_closed(ViewRuntime *runtime, int limit, int64 *nvalues);

/*
 * The key up to which windows have been closed for longer than the retention
 * goes to *until, in terms of the key's type.  False when the stream has no
 * watermark yet.
 */
extern bool weir_matrel_closed_until(const ContView *view, const ContQuery *query, Timestamp *until);

/*
 * For sessions in partitions: lower *until so that no pane up to it belongs to
 * a session that ends after it.  The view query does not show a session that
 * has ended by *until, so it may lose its panes one after the other.
 */
extern void weir_matrel_spare_sessions(const ContView *view, const ContQuery *query, Timestamp *until);

#endif
