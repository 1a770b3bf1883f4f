/*
 * sliding.h
 *	  The condition in WHERE that makes a view's window slide.
 */
#ifndef WEIR_QUERY_SLIDING_H
#define WEIR_QUERY_SLIDING_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "utils/timestamp.h"

/*
 * time > lower [AND time <= upper], where the bounds follow the clock
 * (weir.clock) at some distance and hold no columns.
 */
typedef struct SlidingWindow
{
	Node	   *time;			/* of timestamp or timestamptz, over the
								 * stream's columns; may be NULL */
	Node	   *lower;			/* of either type, as is upper */
	bool		lower_inclusive;
	Node	   *upper;			/* or NULL */
	bool		upper_inclusive;
	Interval	length;			/* from lower to the clock */
} SlidingWindow;

/*
 * Take the window out of the WHERE of a flattened query; NULL when there is
 * none.  Errors, with positions if pstate has the text, for conditions that go
 * with the time in another way.
 */
extern SlidingWindow *weir_sliding_take(ParseState *pstate, Query *query, Index stream);

/* Let a window begin later: at a distance of length from the clock. */
extern void weir_sliding_narrow(SlidingWindow *window, const Interval *length);

/*
 * Add "column > clock_timestamp() - length" to the WHERE of the subquery, or
 * query, that reads the stream, or a UNION ALL of streams.  Returns the query,
 * modified; one that is itself a UNION ALL becomes one that selects from it.
 * Errors when the column is no time.
 */
extern Query *weir_sliding_add(Query *query, const char *column, const Interval *length);

#endif
