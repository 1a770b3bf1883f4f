/*
 * closed.c
 *	  Deleting windows that the watermark closed long enough ago.
 *
 * Called by the flush worker, in a transaction of its own.  Nothing late is
 * taken into a closed window, so what is deleted never comes back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "matrel/closed.h"
#include "matrel/remove.h"
#include "query/late.h"
#include "query/session.h"


/*
 * A session goes as a whole, so there is no limit.  Of those that have panes
 * before the bound, it is whole there if its end is, too.
 */
static void
closed_sessions(StringInfo sql, ViewRuntime *runtime, const char *bound)
{
	appendStringInfo(sql, "SELECT \"?row\" FROM (%s) q WHERE \"?ends\" OPERATOR(pg_catalog.<=) %s",
					 weir_session_bounds_until(runtime->query, runtime->view.matrelid, "ctid", bound), bound);
}

/* A pane begins less than a gap before its earliest time. */
void
weir_matrel_spare_sessions(const ContView *view, const ContQuery *query, Timestamp *until)
{
	Oid			type = query->keys[query->cell_key].type;
	Datum		arg = TimestampGetDatum(*until);
	bool		isnull;
	Datum		value;

	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT pg_catalog.min(\"?session\") OPERATOR(pg_catalog.-) '%s'::pg_catalog.interval FROM (%s) q WHERE \"?ends\" OPERATOR(pg_catalog.>) $1",
									   weir_session_gap(query), weir_session_bounds_until(query, view->matrelid, "true", "$1")),
							  1, &type, &arg, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not look for sessions");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		*until = Min(*until, DatumGetTimestamp(value));
	SPI_finish();
}

/* Parameters of the bound: what is taken from the watermark. */
#define NBOUND_ARGS 3

static Oid	bound_types[NBOUND_ARGS] = {INTERVALOID, INTERVALOID, INTERVALOID};

/*
 * As SQL: where the last window closed long enough ago begins.  *length is
 * memory for an argument.
 */
static char *
bound_of(const ContView *view, const ContQuery *query, Interval *length, Datum *args)
{
	const ContViewOptions *options = &view->options;
	ClosingWindow *closing = query->closing;
	StringInfoData streams;
	ListCell   *lc;

	*length = weir_late_longest(query);

	/*
	 * Readers do not look at windows that lose panes, by their own time zone:
	 * see view_query.c.
	 */
	if (query->partition_panes || (query->panes && !query->kind->expires_whole))
		length->time += weir_late_zone_margin(&options->lateness) + weir_late_zone_margin(&options->retention);
	args[0] = IntervalPGetDatum(&options->lateness);
	args[1] = IntervalPGetDatum(&options->retention);
	args[2] = IntervalPGetDatum(length);
	initStringInfo(&streams);
	foreach(lc, query->streams)
		appendStringInfo(&streams, "%s%u::pg_catalog.regclass", lc == list_head(query->streams) ? "" : ", ", lfirst_oid(lc));
	return psprintf("(SELECT weir.watermark(%s)%s OPERATOR(pg_catalog.-) $1 OPERATOR(pg_catalog.-) $2 OPERATOR(pg_catalog.-) $3)",
					streams.data, query->keys[closing->key].type == TIMESTAMPOID ? " AT TIME ZONE 'UTC'" : "");
}

bool
weir_matrel_closed_until(const ContView *view, const ContQuery *query, Timestamp *until)
{
	Interval	length;
	Datum		args[NBOUND_ARGS];
	char	   *bound = bound_of(view, query, &length, args);
	bool		isnull;
	Datum		value;

	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT %s", bound), NBOUND_ARGS, bound_types, args, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read a watermark");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		*until = DatumGetTimestamp(value);
	SPI_finish();
	return !isnull;
}

int64
weir_matrel_expire_closed(ViewRuntime *runtime, int limit, int64 *nvalues)
{
	ClosingWindow *closing = runtime->query->closing;
	ContKey    *key = &runtime->query->keys[closing->key];
	bool		sessions = runtime->query->kind->expires_whole;
	Interval	length;
	Datum		args[NBOUND_ARGS];
	StringInfoData sql;
	char	   *column;
	char	   *bound;

	column = pstrdup(quote_identifier(key->colname));
	initStringInfo(&sql);
	bound = bound_of(&runtime->view, runtime->query, &length, args);
	if (sessions)
		closed_sessions(&sql, runtime, bound);
	else
		appendStringInfo(&sql, "SELECT ctid FROM %s WHERE %s OPERATOR(pg_catalog.<=) %s LIMIT %d",
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(runtime->view.matrelid)),
													get_rel_name(runtime->view.matrelid)),
						 column, bound, limit);

	/* The panes of a session go together. */
	return weir_matrel_remove(&runtime->view, runtime->query, sql.data, NBOUND_ARGS, bound_types, args,
							  sessions ? 0 : limit, nvalues);
}
