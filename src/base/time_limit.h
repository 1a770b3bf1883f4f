/*
 * time_limit.h
 *	  Interrupting code of users that runs for too long.
 */
#ifndef WEIR_BASE_TIME_LIMIT_H
#define WEIR_BASE_TIME_LIMIT_H

#include "postgres.h"

/*
 * Called once in a worker: there code of users has limited time.  Elsewhere
 * nothing here has an effect.
 */
extern void weir_time_limit_init(void);

/* Is this a process whose code of users is limited? */
extern bool weir_time_limit_applies(void);

/*
 * Code of users begins to run, and has weir.query_timeout; then it has ended.
 * For base/owner.c; an error may leave the end out.
 *
 * Code that exceeds the limit gets an error of cancellation.  Code that
 * catches it is interrupted twice again, and then the process ends.
 */
extern void weir_time_limit_begin(void);
extern void weir_time_limit_end(void);

/* The code has come forward: it has the whole time once more. */
extern void weir_time_limit_restart(void);

/* What runs until the end is Weir's own, and not limited. */
extern void weir_time_limit_lift(void);

/*
 * Around one call of a function, or an expression, of users, where everybody
 * waits for it: it is interrupted in the same way when it, or the slow ones of
 * these calls since weir_time_limit_begin together, have run for
 * weir.call_timeout.  After an error the end is not called.
 */
extern void weir_time_limit_begin_call(void);
extern void weir_time_limit_end_call(void);

/*
 * From the next weir_time_limit_begin on code has so many ms only (0: as
 * usual). What is interrupted then is not at fault: it is to be tried again
 * with the usual limit.
 */
extern void weir_time_limit_hurry(int ms);

/*
 * Has code exceeded a limit since weir_time_limit_begin; and was it only that
 * of a hurry?
 */
extern bool weir_time_limit_exceeded(void);
extern bool weir_time_limit_hurried(void);

/* The limit that was exceeded, in words; palloc'd. */
extern char *weir_time_limit_describe(void);

/*
 * For exit callbacks: does the process end because code could not be
 * interrupted?
 */
extern bool weir_time_limit_is_unstoppable(void);

#endif
