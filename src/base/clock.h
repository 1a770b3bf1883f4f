/*
 * clock.h
 *	  The time that windows, expiry and arrival go by: the real one, or a test's.
 */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H

#include "postgres.h"
#include "datatype/timestamp.h"

/* Called once from _PG_init. */
extern void weir_clock_init(void);

/* The time in this database. */
extern TimestampTz weir_clock_now(void);

/* Has this database a test clock?  *time is what it shows then. */
extern bool weir_clock_is_set(TimestampTz *time);

#endif
