/*
 * time_limit.c
 *	  Interrupting code of users that runs for too long.
 *
 * Time is counted in ticks of a timer, some to a limit, so that a process or a
 * machine that stands still for a while misses a tick or two and interrupts
 * nobody.  Ticks that fall into a wait for others (locks, I/O) do not count.
 *
 * The limit for single calls is for calls that all views wait for.  They are
 * so many that one tick says little about the call in which it falls; so a
 * tick counts when it is not the first one in its call: what is added up is
 * the time of calls that last longer than a tick.
 *
 * Process-local; in workers only.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/time_limit.h"

/*
 * How often code is interrupted that goes on, and how many ms apart at most,
 * before its process ends.
 */
#define MAX_STRIKES 2
#define STRIKE_MS 1000

#define TICKS 8
#define CALL_TICKS 250

typedef struct TimeLimit
{
	TimeoutId	timer;
	int			most;			/* ticks */
	volatile sig_atomic_t ticks;
	int			ms;
} TimeLimit;

/*
 * Of all that is done with a batch of rows or a view's groups; and of single
 * calls.
 */
static bool limited = false;
static TimeLimit whole = {.most = TICKS};
static TimeLimit call;
static volatile sig_atomic_t in_call = false;
static volatile sig_atomic_t ticks_in_call = 0;
static bool call_timer_runs = false;
static volatile sig_atomic_t strikes = 0;
static const TimeLimit *volatile struck = NULL;	/* which limit it was */
static int	hurry_ms = 0;
static bool ending = false;

static void tick(TimeLimit *limit);
static void tick_whole(void);
static void tick_call(void);
static bool waits_for_others(void);
static void start(TimeLimit *limit, int ms);
static void start_whole(void);
static void stop_call_timer(void);

void
weir_time_limit_init(void)
{
	whole.timer = RegisterTimeout(USER_TIMEOUT, tick_whole);
	call.timer = RegisterTimeout(USER_TIMEOUT, tick_call);
	limited = true;
}

bool
weir_time_limit_applies(void)
{
	return limited;
}

void
weir_time_limit_begin(void)
{
	stop_call_timer();
	start_whole();
}

void
weir_time_limit_end(void)
{
	if (!limited)
		return;
	disable_timeout(whole.timer, false);
	stop_call_timer();

	/*
	 * What came too late to interrupt the code must not interrupt what
	 * follows.
	 */
	if (strikes > 0)
		QueryCancelPending = false;
	strikes = 0;
}

void
weir_time_limit_restart(void)
{
	start_whole();
}

void
weir_time_limit_lift(void)
{
	weir_time_limit_end();
}

void
weir_time_limit_begin_call(void)
{
	if (!limited || weir_call_timeout <= 0 || !InSecurityRestrictedOperation())
		return;
	call.most = Min(CALL_TICKS, weir_call_timeout);
	if (!call_timer_runs)
		start(&call, weir_call_timeout);
	call_timer_runs = true;
	ticks_in_call = 0;
	in_call = true;
}

void
weir_time_limit_end_call(void)
{
	if (!in_call)
		return;
	in_call = false;
	if (strikes > 0)
		CHECK_FOR_INTERRUPTS();
}

void
weir_time_limit_hurry(int ms)
{
	hurry_ms = ms;
}

bool
weir_time_limit_hurried(void)
{
	return strikes > 0 && struck == &whole && whole.ms < weir_query_timeout;
}

bool
weir_time_limit_exceeded(void)
{
	return strikes > 0;
}

char *
weir_time_limit_describe(void)
{
	return struck == &call ?
		psprintf("functions took longer than %d ms (weir.call_timeout) where all views wait for them", call.ms) :
		psprintf("functions took longer than %d ms (weir.query_timeout)", whole.ms);
}

bool
weir_time_limit_is_unstoppable(void)
{
	return ending;
}

/* ---------------------------------------------------------------------
 * Timers
 * --------------------------------------------------------------------- */

static void
start_whole(void)
{
	strikes = 0;
	in_call = false;
	if (limited && weir_query_timeout > 0)
		start(&whole, hurry_ms > 0 ? Min(weir_query_timeout, hurry_ms) : weir_query_timeout);
}

static void
start(TimeLimit *limit, int ms)
{
	int			tick_ms = Max(1, ms / limit->most);

	limit->ticks = 0;
	limit->ms = Max(1, ms);
	enable_timeout_every(limit->timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), tick_ms), tick_ms);
}

/* An error leaves it running, to no effect. */
static void
stop_call_timer(void)
{
	in_call = false;
	if (call_timer_runs)
		disable_timeout(call.timer, false);
	call_timer_runs = false;
}

static void
tick_whole(void)
{
	tick(&whole);
}

static void
tick_call(void)
{
	if (!in_call)
		return;
	if (++ticks_in_call == 2)
		tick(&call);
	if (ticks_in_call >= 2)
		tick(&call);
}

/*
 * In a signal handler.  An error may have left the code behind, and the timer
 * running.
 */
static void
tick(TimeLimit *limit)
{
	int			over;

	if (!InSecurityRestrictedOperation() || waits_for_others())
		return;
	over = ++limit->ticks - limit->most;
	if (over < 0 || over % Max(1, limit->most * Min(STRIKE_MS, limit->ms) / limit->ms) != 0)
		return;
	struck = limit;
	if (++strikes > MAX_STRIKES)
	{
		ending = true;
		ProcDiePending = true;
	}
	else
		QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

/*
 * Is it not the code that takes the time? Advisory locks and sleeping are its
 * own affair.
 */
static bool
waits_for_others(void)
{
	uint32		class = *my_wait_event_info & 0xFF000000;

	return class == PG_WAIT_IO || class == PG_WAIT_LWLOCK || class == PG_WAIT_BUFFER_PIN || class == PG_WAIT_IPC ||
		(MyProc->waitLock && MyProc->waitLock->tag.locktag_lockmethodid != USER_LOCKMETHOD);
}
