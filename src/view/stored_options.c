/*
 * stored_options.c
 *	  From the options that CREATE VIEW gives to those that are stored.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "meta/extension.h"
#include "meta/late_stream.h"
#include "view/stored_options.h"

#define MIN_WINDOW USECS_PER_SEC

void
weir_stored_options_event_time(const GivenOptions *given, ContViewOptions *options)
{
	options->final = given->emit && strcmp(given->emit, "final") == 0;
	options->late = given->late == NULL && given->late_stream ? LATE_DIVERT :
		given->late == NULL ? (options->final ? LATE_DROP : LATE_UPDATE) :
		strcmp(given->late, "update") == 0 ? LATE_UPDATE :
		strcmp(given->late, "drop") == 0 ? LATE_DROP : LATE_DIVERT;
	if (options->final && options->late == LATE_UPDATE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("late = update contradicts emit = final"),
				 errdetail("What a view with emit = final has shown never changes."),
				 errhint("Use late = drop or late = divert, with allowed_lateness for rows that may come late.")));
	if (given->late_stream && options->late != LATE_DIVERT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"late_stream\" needs late = divert"),
				 errhint("Rows that are dropped or counted go to no stream.")));
	if (options->late == LATE_UPDATE &&
		(given->allowed_lateness || (given->retention && !given->partition_by)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" needs emit = final, late = drop or late = divert",
						given->allowed_lateness ? "allowed_lateness" : "retention"),
				 errdetail("With late = update windows are never closed."),
				 given->allowed_lateness ? 0 :
				 errhint("With partition_by, retention drops partitions that are so old; ttl deletes rows.")));
	if (given->allowed_lateness)
		options->lateness = *given->allowed_lateness;
	options->retained = given->retention != NULL;
	if (given->retention)
		options->retention = *given->retention;
}

void
weir_stored_options_window(const GivenOptions *given, const SlidingWindow *window,
						   ContViewOptions *options)
{
	int			factor = given->step_factor > 0 ? given->step_factor : weir_sliding_window_step_factor;
	int64		usecs;
	Datum		earliest;

	if (given->sw && window)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot specify both \"sw\" and a sliding window expression in the WHERE clause")));
	if (!given->sw && !window)
	{
		if (given->step_factor > 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("can only specify \"step_factor\" for sliding window views"),
					 errhint("Give the length of the window too, for example WITH (sw = '1 hour').")));
		return;
	}

	options->sliding = true;
	options->sw = given->sw ? *given->sw : window->length;
	usecs = weir_interval_usecs(&options->sw);
	if (usecs < MIN_WINDOW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sliding window must be at least 1 second")));
	options->step_usecs = Max(USECS_PER_SEC, usecs / 100 * factor);

	/* Errors here rather than at each reading. */
	earliest = DirectFunctionCall2(timestamptz_mi_interval,
								   TimestampTzGetDatum(GetCurrentTimestamp()),
								   IntervalPGetDatum(&options->sw));
	(void) DirectFunctionCall2(timestamptz_mi_interval, earliest, IntervalPGetDatum(&options->sw));
}

Oid
weir_stored_options_late_stream(const GivenOptions *given, List *streams, const char *source_text)
{
	ParseState *pstate;

	if (given->late_stream == NULL)
		return InvalidOid;
	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = source_text;
	return weir_late_stream_find(pstate, given->late_stream, streams);
}
