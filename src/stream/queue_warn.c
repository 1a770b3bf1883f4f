/*
 * queue_warn.c
 *	  Telling who waits for a flush what it waits for.
 *
 * In the waiting backend, which may be in the midst of a commit: nothing here
 * errors or allocates memory.
 */
#include "postgres.h"

#include "tcop/dest.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/settings.h"
#include "stream/queue_warn.h"

/* How often a wait for a flush is worth another warning, in ms. */
#define WARN_AGAIN_MS 60000

void		(*weir_queue_explain) (int64 seq, FlushDelay *delay) = NULL;

void
weir_queue_wait_begin(FlushWait *wait, int64 seq, bool show_errors, bool committed)
{
	wait->seq = seq;
	wait->show_errors = show_errors;
	wait->committed = committed;
	wait->warn_at = TimestampTzPlusMilliseconds(weir_clock_steady(), weir_flush_warning);
}

/*
 * To the client alone: the workers tell the log what is wrong, once and not
 * for each who waits.  It is sent at once.
 */
long
weir_queue_wait_warn(FlushWait *wait)
{
	TimestampTz now = weir_clock_steady();
	FlushDelay	delay = {"", "", ""};

	if (weir_flush_warning < 0)
		return WARN_AGAIN_MS;
	if (now < wait->warn_at)
		return TimestampDifferenceMilliseconds(now, wait->warn_at);
	if (weir_queue_explain)
		weir_queue_explain(wait->seq, &delay);
	if (delay.error[0] && !wait->show_errors)
		strlcpy(delay.error, "The error is shown to members of pg_read_all_stats.", sizeof(delay.error));
	ereport(WARNING_CLIENT_ONLY,
			(errmsg("still waiting for the flush of stream rows: %s", delay.reason),
			 delay.error[0] ? errdetail("%s", delay.error) :
			 wait->committed ? errdetail("The transaction has already committed, but its stream rows are not in the views yet.") : 0,
			 errhint("%s", delay.remedy)));
	wait->warn_at = TimestampTzPlusMilliseconds(now, WARN_AGAIN_MS);
	return WARN_AGAIN_MS;
}
