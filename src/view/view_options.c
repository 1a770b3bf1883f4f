/*
 * view_options.c
 *	  Reads and checks the options of CREATE VIEW ... WITH (...).
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "fmgr.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "base/weir.h"
#include "meta/late_stream.h"
#include "view/view_options.h"

#define MIN_WINDOW USECS_PER_SEC
#define MAX_STEP_FACTOR 50

static const char *const known_options[] = {
	"action", "allowed_lateness", "emit", "fillfactor", "late", "late_stream", "partition_by", "partition_interval",
	"pk", "retention", "step_factor", "sw", "sw_column", "tablespace", "ttl", "ttl_column"
};
#define TRANSFORM_HINT "What a transform did to rows can be written into the view, as a subquery in FROM. For others to have its rows, use a trigger on an ordinary table."

static const char *const later_options[] = {
	"outputfunc"
};
static const char *const own_options[] = {
	"security_barrier", "security_invoker", "check_option"
};

static bool is_one_of(const char *name, const char *const *names, int n);
static void read_option(DefElem *defel, GivenOptions *options);
static void refuse_own_option(DefElem *defel);
static void refuse_unknown(const char *name);
static void refuse_second(DefElem *defel, List *before);
static void name_option(void *name);
static char *read_column(DefElem *defel);
static char *read_word(DefElem *defel, const char *a, const char *b, const char *c);
static Interval *read_length(DefElem *defel);
static int	read_int(DefElem *defel, int min, int max);

#define IS_ONE_OF(name, names) is_one_of(name, names, lengthof(names))

void
weir_view_options_read(List *defelems, GivenOptions *options, List **rest)
{
	ListCell   *lc;

	memset(options, 0, sizeof(GivenOptions));
	*rest = NIL;
	foreach(lc, defelems)
	{
		DefElem    *defel = lfirst_node(DefElem, lc);

		refuse_second(defel, list_copy_head(defelems, foreach_current_index(lc)));
		if (defel->defnamespace == NULL && IS_ONE_OF(defel->defname, known_options))
			read_option(defel, options);
		else if (defel->defnamespace == NULL && IS_ONE_OF(defel->defname, own_options))
		{
			refuse_own_option(defel);
			*rest = lappend(*rest, defel);
		}
		else
			refuse_unknown(defel->defname);
	}
	if (options->sw_column && !options->sw)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sw_column\" must be passed in conjunction with the \"sw\" option"),
				 errhint("Give the length of the window too, for example WITH (sw = '1 hour').")));
	if ((options->ttl == NULL) != (options->ttl_column == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 options->ttl ?
				 errmsg("ttl_column must be specified in conjunction with ttl") :
				 errmsg("ttl must be specified in conjunction with ttl_column"),
				 errhint("For example, WITH (ttl = '1 month', ttl_column = 'minute').")));
	if ((options->partition_by == NULL) != (options->partition_interval == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 options->partition_by ?
				 errmsg("partition_interval must be specified in conjunction with partition_by") :
				 errmsg("partition_by must be specified in conjunction with partition_interval"),
				 errhint("For example, WITH (partition_by = 'day', partition_interval = '1 day').")));
}

void
weir_view_options_set_window(GivenOptions *given, const SlidingWindow *window,
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

void
weir_view_options_set_event_time(GivenOptions *given, ContViewOptions *options)
{
	options->final = given->emit && pg_strcasecmp(given->emit, "final") == 0;
	options->late = given->late == NULL && given->late_stream ? LATE_DIVERT :
		given->late == NULL ? (options->final ? LATE_DROP : LATE_UPDATE) :
		pg_strcasecmp(given->late, "update") == 0 ? LATE_UPDATE :
		pg_strcasecmp(given->late, "drop") == 0 ? LATE_DROP : LATE_DIVERT;
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

Oid
weir_view_options_late_stream(const GivenOptions *given, List *streams, const char *source_text)
{
	ParseState *pstate;

	if (given->late_stream == NULL)
		return InvalidOid;
	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = source_text;
	return weir_late_stream_find(pstate, given->late_stream, streams);
}

void
weir_view_options_refuse(List *defelems)
{
	ListCell   *lc;

	foreach(lc, defelems)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (IS_ONE_OF(name, known_options) || IS_ONE_OF(name, later_options))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" can only be specified for a view that reads a stream", name),
					 errhint("Continuous views must include a stream in the FROM clause.")));
	}
}

static bool
is_one_of(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
read_option(DefElem *defel, GivenOptions *options)
{
	const char *name = defel->defname;

	if (strcmp(name, "action") == 0)
	{
		char	   *action = defGetString(defel);

		if (pg_strcasecmp(action, "transform") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("continuous transforms are not supported yet"),
					 errhint(TRANSFORM_HINT)));
		if (pg_strcasecmp(action, "materialize") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid action \"%s\"", action),
					 errhint("Use action = materialize, or leave it out.")));
	}
	else if (strcmp(name, "emit") == 0)
		options->emit = read_word(defel, "changes", "final", NULL);
	else if (strcmp(name, "late") == 0)
		options->late = read_word(defel, "update", "drop", "divert");
	else if (strcmp(name, "late_stream") == 0)
		options->late_stream = defel;
	else if (strcmp(name, "allowed_lateness") == 0)
		options->allowed_lateness = read_length(defel);
	else if (strcmp(name, "partition_by") == 0)
		options->partition_by = read_column(defel);
	else if (strcmp(name, "partition_interval") == 0)
		options->partition_interval = read_length(defel);
	else if (strcmp(name, "pk") == 0)
		options->pk = defGetString(defel);
	else if (strcmp(name, "tablespace") == 0)
		options->tablespace = read_column(defel);
	else if (strcmp(name, "retention") == 0)
		options->retention = read_length(defel);
	else if (strcmp(name, "fillfactor") == 0)
		options->fillfactor = read_int(defel, 10, 100);
	else if (strcmp(name, "step_factor") == 0)
		options->step_factor = read_int(defel, 1, MAX_STEP_FACTOR);
	else if (strcmp(name, "sw_column") == 0)
		options->sw_column = read_column(defel);
	else if (strcmp(name, "ttl_column") == 0)
		options->ttl_column = read_column(defel);
	else if (strcmp(name, "ttl") == 0)
		options->ttl = weir_view_options_interval(defel);
	else
		options->sw = weir_view_options_interval(defel);
}

static void
refuse_own_option(DefElem *defel)
{
	if (strcmp(defel->defname, "check_option") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support WITH CHECK OPTION"),
				 errhint("Rows are inserted into the stream; put the condition into the view's WHERE clause.")));
	if (strcmp(defel->defname, "security_invoker") == 0 && defGetBoolean(defel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support security_invoker"),
				 errdetail("A continuous view is kept up to date with its owner's rights."),
				 errhint("Create an ordinary view with security_invoker over the continuous view.")));
}

static void
refuse_unknown(const char *name)
{
	const char *closest = NULL;
	int			distance = 4;

	if (IS_ONE_OF(name, later_options))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"%s\" of continuous views is not supported yet", name),
				 errhint(TRANSFORM_HINT)));
	for (int i = 0; i < lengthof(known_options); i++)
	{
		int			d = varstr_levenshtein_less_equal(name, strlen(name), known_options[i],
													  strlen(known_options[i]), 1, 1, 1,
													  distance, true);

		if (d < distance)
		{
			distance = d;
			closest = known_options[i];
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%s\" of a continuous view", name),
			 closest ? errhint("Perhaps you meant the option \"%s\".", closest) :
			 errhint("Options are action, allowed_lateness, emit, fillfactor, late, late_stream, partition_by, partition_interval, pk, retention, step_factor, sw, sw_column, tablespace, ttl and ttl_column.")));
}

static void
refuse_second(DefElem *defel, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
		if (strcmp(lfirst_node(DefElem, lc)->defname, defel->defname) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is given more than once", defel->defname)));
}

Interval *
weir_view_options_interval(DefElem *defel)
{
	ErrorContextCallback context;
	Interval   *result;

	if (defel->arg == NULL || !IsA(defel->arg, String))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a valid interval string", defel->defname),
				 errhint("For example, ... WITH (%s = '1 hour') ...", defel->defname)));
	context.callback = name_option;
	context.arg = defel->defname;
	context.previous = error_context_stack;
	error_context_stack = &context;
	result = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												   CStringGetDatum(strVal(defel->arg)),
												   ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
	error_context_stack = context.previous;
	return result;
}

static void
name_option(void *name)
{
	errcontext("option \"%s\"", (char *) name);
}

static char *
read_column(DefElem *defel)
{
	char	   *name = pstrdup(defGetString(defel));

	truncate_identifier(name, strlen(name), true);
	return name;
}

static char *
read_word(DefElem *defel, const char *a, const char *b, const char *c)
{
	char	   *word = defGetString(defel);

	if (pg_strcasecmp(word, a) != 0 && pg_strcasecmp(word, b) != 0 &&
		(c == NULL || pg_strcasecmp(word, c) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", defel->defname, word),
				 c ? errhint("Valid values are %s, %s and %s.", a, b, c) :
				 errhint("Valid values are %s and %s.", a, b)));
	return word;
}

static Interval *
read_length(DefElem *defel)
{
	Interval   *result = weir_view_options_interval(defel);

	if (weir_interval_usecs(result) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be negative", defel->defname)));
	return result;
}

static int
read_int(DefElem *defel, int min, int max)
{
	int32		value = defel->arg && IsA(defel->arg, String) ?
		pg_strtoint32(strVal(defel->arg)) : defGetInt32(defel);

	if (value < min || value > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between %d and %d", defel->defname, min, max)));
	return value;
}
