/*
 * expire.c
 *	  Deleting rows of a matrel that nobody is to see any more: steps that have
 *	  left a sliding window, and what is older than the view's ttl.
 *
 * Called by the flush worker, portion by portion, and in a backend by
 * weir.ttl_expire.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "matrel/closed.h"
#include "matrel/expire.h"
#include "matrel/partition_bound.h"
#include "matrel/remove.h"
#include "query/late.h"

bool
weir_matrel_expires(const ContView *view)
{
	return view->options.sliding || view->options.has_ttl ||
		(view->options.partitioned && view->options.retained);
}

static TimestampTz
minus(TimestampTz time, const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(time),
												   IntervalPGetDatum(interval)));
}

/*
 * The end of what is in nobody's window.  How long a day or a month is, and
 * what a timestamp means, is up to the time zone of who reads.
 */
static Datum
window_begins(const ContViewOptions *options, Oid type, TimestampTz now)
{
	TimestampTz begin = minus(now, &options->sw) - options->step_usecs;

	if (options->sw.month != 0)
		begin -= 2 * USECS_PER_DAY;
	else if (options->sw.day != 0)
		begin -= 2 * USECS_PER_HOUR;
	if (type == TIMESTAMPOID)
		begin -= TZDISP_LIMIT * USECS_PER_SEC;
	return TimestampTzGetDatum(begin);
}

/* A timestamp is one of the database's time zone, in which the query runs. */
static Datum
life_begins(const Interval *life, Oid type, TimestampTz now)
{
	Datum		begin = TimestampTzGetDatum(minus(now, life));

	return type == TIMESTAMPTZOID ? begin : DirectFunctionCall1(timestamptz_timestamp, begin);
}

/*
 * Readers do not look at what began before that by their own time zone: see
 * view_query.c.
 */
static Datum
windows_live(const Interval *life, Oid type, TimestampTz now)
{
	now -= weir_late_zone_margin(life);
	if (type == TIMESTAMPOID)
		now -= TZDISP_LIMIT * USECS_PER_SEC;
	return life_begins(life, type, now);
}

bool
weir_matrel_expired_until(const ContView *view, const ContQuery *query, TimestampTz now,
						  Timestamp *until)
{
	const ContViewOptions *options = &view->options;
	int			key = query->partition_key;
	Oid			type = key < 0 ? InvalidOid : query->keys[key].type;
	Timestamp	closed;

	*until = DT_NOBEGIN;
	if (key < 0)
		return false;
	if (options->sliding)
		*until = DatumGetTimestamp(window_begins(options, type, now));
	if (options->has_ttl && strcmp(NameStr(options->ttl_column), query->keys[key].colname) == 0)
		*until = DatumGetTimestamp(life_begins(&options->ttl, type, now));
	if (options->retained && query->closing == NULL)
		*until = Max(*until, DatumGetTimestamp(query->partition_panes ? windows_live(&options->retention, type, now) :
											   life_begins(&options->retention, type, now)));
	else if (options->retained && query->closing->key == key &&
			 weir_matrel_closed_until(view, query, &closed))
		*until = Max(*until, closed);
	return *until != DT_NOBEGIN;
}

static int64
delete_until(const ContView *view, const ContQuery *query, const char *column, Oid type, Datum until, int limit,
			 int64 *nvalues)
{
	return weir_matrel_remove(view, query,
							  psprintf("SELECT ctid FROM %s WHERE %s OPERATOR(pg_catalog.<=) $1 LIMIT %d",
									   quote_qualified_identifier(get_namespace_name(get_rel_namespace(view->matrelid)),
																  get_rel_name(view->matrelid)),
									   quote_identifier(column), limit),
							  1, &type, &until, limit, nvalues);
}

/* Of what is not in a partition of its own. */
static int64
expire_default(const ContView *view, const ContQuery *query, TimestampTz now, int limit, int64 *nvalues)
{
	Relation	matrel = table_open(view->matrelid, AccessShareLock);
	Oid			relid = weir_partition_default(matrel);
	ContKey    *key = &query->keys[Max(query->partition_key, 0)];
	ContView	part = *view;
	Timestamp	until;
	Datum		value;

	table_close(matrel, NoLock);
	if (!OidIsValid(relid) || !weir_matrel_expired_until(view, query, now, &until))
		return 0;
	if (query->partition_panes && query->kind->expires_whole)
	{
		PartitionRange range = {DT_NOBEGIN, until};

		if (!weir_partition_has(relid, query->partition_key, &range))
			return 0;
		weir_matrel_spare_sessions(view, query, &until);
	}
	value = TimestampGetDatum(until);
	if (key->type == DATEOID)
		value = DirectFunctionCall1(timestamp_date, value);
	part.matrelid = relid;
	return delete_until(&part, query, key->colname, key->type, value, limit, nvalues);
}

int64
weir_matrel_expire(const ContView *view, const ContQuery *query, TimestampTz now, int limit, int64 *nvalues)
{
	const ContViewOptions *options = &view->options;

	*nvalues = 0;
	if (options->partitioned)
		return expire_default(view, query, now, limit, nvalues);
	if (options->sliding && query->cell_key >= 0)
	{
		ContKey    *step = &query->keys[query->cell_key];

		return delete_until(view, query, step->colname, step->type,
							window_begins(options, step->type, now), limit, nvalues);
	}
	if (options->has_ttl)
	{
		const char *column = NameStr(options->ttl_column);
		Oid			type = get_atttype(view->matrelid, get_attnum(view->matrelid, column));

		if (type == TIMESTAMPOID || type == TIMESTAMPTZOID)
			return delete_until(view, query, column, type,
								life_begins(&options->ttl, type, now), limit, nvalues);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("ttl_column \"%s\" is no timestamp or timestamptz column of \"%s\"",
						column, get_rel_name(view->matrelid)),
				 errhint("Call weir.set_ttl again.")));
	}
	return 0;
}
