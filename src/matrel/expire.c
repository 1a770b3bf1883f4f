/*
 * expire.c
 *	  Deleting rows of a matrel that nobody is to see any more: steps that have
 *	  left a sliding window, and what is older than the view's ttl.
 *
 * Called by the flush worker, portion by portion, and in a backend by
 * weir.ttl_expire.
 */
#include "matrel/expire.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "matrel/shape.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

bool
weir_matrel_expires(const ContView *view)
{
	return view->options.sliding || view->options.has_ttl;
}

static TimestampTz
minus(TimestampTz time, const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(time),
												   IntervalPGetDatum(interval)));
}

/*
 * The end of what is in nobody's window.  How long a day or a month is, and what
 * a timestamp means, is up to the time zone of who reads.
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
life_begins(const ContViewOptions *options, Oid type, TimestampTz now)
{
	Datum		begin = TimestampTzGetDatum(minus(now, &options->ttl));

	return type == TIMESTAMPOID ? DirectFunctionCall1(timestamptz_timestamp, begin) : begin;
}

static int64
delete_until(Oid matrelid, const char *column, Oid type, Datum until, int limit)
{
	char	   *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(matrelid)),
												   get_rel_name(matrelid));
	const char *name = quote_identifier(column);
	StringInfoData sql;
	int			guc_level;
	int64		deleted;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "DELETE FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY"
					 " (ARRAY(SELECT ctid FROM %s WHERE %s OPERATOR(pg_catalog.<=) $1 LIMIT %d))",
					 table, table, name, limit);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/* Most of the time little is to be found. */
	guc_level = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	weir_matrel_writable = true;
	PG_TRY();
	{
		if (SPI_execute_with_args(sql.data, 1, &type, &until, NULL, false, 0) != SPI_OK_DELETE)
			elog(ERROR, "could not delete expired rows");
	}
	PG_FINALLY();
	{
		weir_matrel_writable = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, guc_level);
	deleted = SPI_processed;
	SPI_finish();
	return deleted;
}

int64
weir_matrel_expire(const ContView *view, const ContQuery *query, TimestampTz now, int limit)
{
	const ContViewOptions *options = &view->options;

	if (options->sliding && query->step_key >= 0)
	{
		ContKey    *step = &query->keys[query->step_key];

		return delete_until(view->matrelid, step->colname, step->type,
							window_begins(options, step->type, now), limit);
	}
	if (options->has_ttl)
	{
		const char *column = NameStr(options->ttl_column);
		Oid			type = get_atttype(view->matrelid, get_attnum(view->matrelid, column));

		if (type == TIMESTAMPOID || type == TIMESTAMPTZOID)
			return delete_until(view->matrelid, column, type,
								life_begins(options, type, now), limit);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("ttl_column \"%s\" is no timestamp or timestamptz column of \"%s\"",
						column, get_rel_name(view->matrelid)),
				 errhint("Call weir.set_ttl again.")));
	}
	return 0;
}
