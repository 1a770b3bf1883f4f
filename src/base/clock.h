/*
 * clock.h
 *	  The time that windows, expiry and arrival go by: the real one, or a
 *	  test's; and the time that waits go by.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Called once from _PG_init. */
extern void weir_clock_init(void);

/* The time in this database. */
extern TimestampTz weir_clock_now(void);

/*
 * Microseconds since an arbitrary moment, for durations, waits and pauses.
 * Setting the system's clock does not affect it.  It is the same in all
 * processes and means nothing after a restart of the machine.
 */
extern TimestampTz weir_clock_steady(void);

/*
 * Is a time of the system's clock at least so many ms ago?  Also true when
 * that clock has been set back to before it.
 */
extern bool weir_clock_passed(TimestampTz since, int ms);

/* Has this database a test clock?  *time is what it shows then. */
extern bool weir_clock_is_set(TimestampTz *time);

#endif
