/*
 * late.h
 *	  The window by which rows are late, and groups final.
 */
#ifndef WEIR_QUERY_LATE_H
#define WEIR_QUERY_LATE_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "parser/parse_node.h"

#include "query/cont_query.h"

/*
 * Find the window of the stream's event time that a query groups by, and fill
 * cq->closing.  Errors when there is none, or a group is of several windows
 * that cannot be final together.
 */
extern void weir_late_find_window(ParseState *pstate, ContQuery *cq, Query *def, Index stream,
								  const ContViewOptions *view);

/*
 * How long after the key a window may end, and what of calendars must not make
 * a difference between the time zones of the worker, which deletes windows,
 * and of a reader, who does not look at those that lose panes: microseconds.
 */
extern Interval weir_late_longest(const ContQuery *cq);
extern int64 weir_late_zone_margin(const Interval *interval);

/*
 * Is the row's window open?  The condition for the continuous query; counts
 * rows for which it is not.
 */
extern Node *weir_late_condition(const ClosingWindow *closing);

#endif
