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
 * Windows of keys up to *until (in terms of the key's type) were closed longer ago
 * than the retention.  False when the stream has no watermark yet.
 */
extern bool weir_matrel_closed_until(const ContView *view, const ContQuery *query, Timestamp *until);

/*
 * Of sessions in partitions: lower *until so far that no pane up to it is of a
 * session that ends later than it.  Sessions that have ended are not shown any more
 * (view_query.c), so that they may lose their panes one after the other.
 */
extern void weir_matrel_spare_sessions(const ContView *view, const ContQuery *query, Timestamp *until);

#endif
