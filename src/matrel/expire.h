/*
 * expire.h
 *	  Deleting rows of a matrel that nobody is to see any more.
 */
#ifndef WEIR_MATREL_EXPIRE_H
#define WEIR_MATREL_EXPIRE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "meta/cont_view.h"
#include "query/cont_query.h"

/* Can rows of this view expire? */
extern bool weir_matrel_expires(const ContView *view);

/*
 * Delete up to limit rows that have left a sliding window's view for good, or
 * outlived the view's ttl; fewer when they have many values, which are deleted
 * with them: how many goes to *nvalues.  Returns how many rows.  In the
 * current transaction and as the current user.
 */
extern int64 weir_matrel_expire(const ContView *view, const ContQuery *query,
								TimestampTz now, int limit, int64 *nvalues);

/*
 * The time up to which all groups of a partitioned view have expired goes to
 * *until, in terms of the partition key's type, a date as its midnight.  False
 * when none has.
 */
extern bool weir_matrel_expired_until(const ContView *view, const ContQuery *query,
									  TimestampTz now, Timestamp *until);

#endif
