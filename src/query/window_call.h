/*
 * window_call.h
 *	  Calls of window functions: tumble, hop, cumulate, session, time_bucket.
 */
#ifndef WEIR_QUERY_WINDOW_CALL_H
#define WEIR_QUERY_WINDOW_CALL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "time/window_functions.h"

typedef enum WindowFunction
{
	NO_WINDOW_FUNCTION,
	FUNCTION_TUMBLE,
	FUNCTION_BUCKET_END,
	FUNCTION_TIME_BUCKET,
	FUNCTION_HOP,				/* from here on: kept in panes */
	FUNCTION_CUMULATE,
	FUNCTION_SESSION
} WindowFunction;

extern WindowFunction weir_window_function(Oid fn);

/* The window function that a range table entry is; NULL if it is none. */
extern FuncExpr *weir_window_in_from(RangeTblEntry *rte);

/*
 * A copy of a call (of tumble, hop, cumulate or session) with all arguments in
 * place, constants but for the time.  Refuses, with its position, what is not
 * constant, and lengths that the function would refuse for each row.
 */
extern FuncExpr *weir_window_check_call(ParseState *pstate, FuncExpr *call);

/* Argument n of a checked call, an interval. */
extern Interval *weir_window_interval(FuncExpr *call, int n);

/*
 * The length of a pane of a checked call of hop or cumulate: of the grid on
 * which all its windows begin and end.
 */
extern int64 weir_window_pane_length(FuncExpr *call, GridUnit *unit);

/*
 * time_bucket over a checked call's time: of tumble's own size, or of another
 * for hop and cumulate.
 */
extern Expr *weir_window_bucket_of(FuncExpr *call, Interval *size);

/* bucket_end of that, for tumble. */
extern Expr *weir_window_end_of(FuncExpr *call);

/*
 * The bucket of which this is the end or the whole window; the expression
 * itself if it is neither.
 */
extern Expr *weir_window_bucket(Expr *expr);

/*
 * Is this a call of time_bucket over a time?  Its end, and how long after its
 * start that is at most.
 */
extern bool weir_window_of_bucket(FuncExpr *call, Node **time, Expr **end, Interval *length);

#endif
