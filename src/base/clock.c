/*
 * clock.c
 *	  The time that windows, expiry and arrival go by.
 *
 * Everything whose result depends on the time asks here: the arrival of rows,
 * what is inside a sliding window at reading, what has expired.  It is the
 * real time, unless a test has set a clock of its own for the database
 * (weir.set_clock); that one stands still until it is set or advanced.  How
 * long workers and backends wait goes by a clock that nobody sets: back-offs,
 * ticks and limits hold when the system's is set back.
 *
 * Test clocks are in shared memory, so that all processes of a database see
 * the same; a restart forgets them.  Without any, asking costs one read more
 * than asking the system.
 *
 * Locking: a spinlock for a look at the array.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "portability/instr_time.h"
#include "storage/spin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"

#define MAX_CLOCKS 64

typedef struct TestClock
{
	Oid			database;		/* InvalidOid: unused */
	TimestampTz time;
} TestClock;

typedef struct TestClocks
{
	pg_atomic_uint32 nset;
	slock_t		lock;
	TestClock	clocks[MAX_CLOCKS];
} TestClocks;

static TestClocks *shared = NULL;

WEIR_FUNCTION(weir_clock);
WEIR_FUNCTION(weir_set_clock);
WEIR_FUNCTION(weir_advance_clock);

static Size
clock_size(void)
{
	return sizeof(TestClocks);
}

static void
clock_init(void *address, bool found)
{
	shared = address;
	if (found)
		return;
	pg_atomic_init_u32(&shared->nset, 0);
	SpinLockInit(&shared->lock);
}

void
weir_clock_init(void)
{
	static const WeirShmemStruct shmem = {"weir clocks", clock_size, clock_init};

	weir_shmem_register(&shmem);
}

TimestampTz
weir_clock_now(void)
{
	TimestampTz time;

	return weir_clock_is_set(&time) ? time : GetCurrentTimestamp();
}

TimestampTz
weir_clock_steady(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_MICROSEC(now);
}

bool
weir_clock_passed(TimestampTz since, int ms)
{
	TimestampTz now = GetCurrentTimestamp();

	return now < since || TimestampDifferenceExceeds(since, now, ms);
}

bool
weir_clock_is_set(TimestampTz *time)
{
	bool		found = false;

	if (shared == NULL || pg_atomic_read_u32(&shared->nset) == 0)
		return false;
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < MAX_CLOCKS && !found; i++)
		if (shared->clocks[i].database == MyDatabaseId)
		{
			*time = shared->clocks[i].time;
			found = true;
		}
	SpinLockRelease(&shared->lock);
	return found;
}

static void
clear_clock(void)
{
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < MAX_CLOCKS; i++)
		if (shared->clocks[i].database == MyDatabaseId)
		{
			shared->clocks[i].database = InvalidOid;
			pg_atomic_fetch_sub_u32(&shared->nset, 1);
		}
	SpinLockRelease(&shared->lock);
}

static void
set_clock(TimestampTz time)
{
	TestClock  *clock = NULL;

	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time of a test clock must be finite")));

	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < MAX_CLOCKS; i++)
	{
		if (shared->clocks[i].database == MyDatabaseId)
		{
			clock = &shared->clocks[i];
			break;
		}
		if (shared->clocks[i].database == InvalidOid && clock == NULL)
			clock = &shared->clocks[i];
	}
	if (clock)
	{
		if (clock->database == InvalidOid)
			pg_atomic_fetch_add_u32(&shared->nset, 1);
		clock->database = MyDatabaseId;
		clock->time = time;
	}
	SpinLockRelease(&shared->lock);

	if (clock == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("at most %d databases of a server can have a test clock", MAX_CLOCKS)));
}

Datum
weir_clock(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(weir_clock_now());
}

Datum
weir_set_clock(PG_FUNCTION_ARGS)
{
	weir_shmem_require();
	if (PG_ARGISNULL(0))
		clear_clock();
	else
		set_clock(PG_GETARG_TIMESTAMPTZ(0));
	PG_RETURN_VOID();
}

Datum
weir_advance_clock(PG_FUNCTION_ARGS)
{
	TimestampTz time;

	weir_shmem_require();
	time = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(weir_clock_now()),
												   PG_GETARG_DATUM(0)));
	set_clock(time);
	PG_RETURN_TIMESTAMPTZ(time);
}
