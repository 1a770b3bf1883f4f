/*
 * clock.h
 *	  The time that windows, expiry and arrival go by: the real one, or a test's; and the time that waits go by.
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
 * For how long something takes, or waits: microseconds since some moment of the past.  Nobody sets
 * this clock; it is the same in all processes, and of no meaning after a restart of the machine.
 */
extern TimestampTz weir_clock_steady(void);

/* Is a time that is shown to users this long ago?  True also when the system's clock has been set back to before it. */
extern bool weir_clock_passed(TimestampTz since, int ms);

/* Has this database a test clock?  *time is what it shows then. */
extern bool weir_clock_is_set(TimestampTz *time);

#endif
