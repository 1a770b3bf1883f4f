/*
 * closed.c
 *	  Deleting windows that the watermark closed long enough ago.
 *
 * Called by the flush worker, in a transaction of its own.  Nothing late is taken into
 * a closed window, so what is deleted never comes back.
 */
#include "matrel/closed.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "matrel/remove.h"
#include "query/session.h"
#include "query/window.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/*
 * A session goes as a whole, so there is no limit.  Of those that have panes
 * before the bound, it is whole there if its end is, too.
 */
static void
closed_sessions(StringInfo sql, ViewRuntime *runtime, const char *bound)
{
	ContQuery  *query = runtime->query;
	StringInfoData keys;
	const char *pane = pstrdup(quote_identifier(query->keys[query->pane_key].colname));
	const char *latest = pstrdup(quote_identifier(query->states[query->panes->last_state].colname));

	initStringInfo(&keys);
	for (int i = 0; i < query->nkeys; i++)
		if (i != query->pane_key)
			appendStringInfo(&keys, "%s, ", quote_identifier(query->keys[i].colname));
	appendStringInfo(sql,
					 "SELECT \"?row\" FROM ("
					 "SELECT \"?row\", pg_catalog.max(%s) OVER (PARTITION BY %s\"?session\") + '%s'::pg_catalog.interval AS \"?ends\""
					 " FROM (%s) p) q WHERE \"?ends\" <= %s",
					 latest, keys.data,
					 DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(query->panes->gap))),
					 weir_session_panes(query, runtime->view.matrelid,
										psprintf("ctid AS \"?row\", %s%s", keys.data, latest),
										psprintf(" WHERE %s <= %s", pane, bound)), bound);
}

/* Parameters of the bound: what the watermark is taken of, and taken from it. */
#define NBOUND_ARGS 4

static Oid	bound_types[NBOUND_ARGS] = {OIDOID, INTERVALOID, INTERVALOID, INTERVALOID};

/* As SQL: where the last window closed long enough ago begins.  *length is memory for an argument. */
static char *
bound_of(const ContView *view, const ContQuery *query, Interval *length, Datum *args)
{
	const ContViewOptions *options = &view->options;
	ClosingWindow *closing = query->closing;

	/* A day of the calendar may be longer. */
	*length = closing->length;
	if (length->day != 0 || length->month != 0)
		length->day++;
	if (query->panes && query->panes->gap)
		length->time = 0;
	args[0] = ObjectIdGetDatum(view->streamid);
	args[1] = IntervalPGetDatum(&options->lateness);
	args[2] = IntervalPGetDatum(&options->retention);
	args[3] = IntervalPGetDatum(length);
	return psprintf("(SELECT weir.watermark($1)%s - $2 - $3 - $4)",
					query->keys[closing->key].type == TIMESTAMPOID ? " AT TIME ZONE 'UTC'" : "");
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
weir_matrel_expire_closed(ViewRuntime *runtime, int limit)
{
	ClosingWindow *closing = runtime->query->closing;
	ContKey    *key = &runtime->query->keys[closing->key];
	Interval	length;
	Datum		args[NBOUND_ARGS];
	StringInfoData sql;
	char	   *column;
	char	   *bound;

	column = pstrdup(quote_identifier(key->colname));
	initStringInfo(&sql);
	bound = bound_of(&runtime->view, runtime->query, &length, args);
	if (runtime->query->panes && runtime->query->panes->gap)
		closed_sessions(&sql, runtime, bound);
	else
		appendStringInfo(&sql, "SELECT ctid FROM %s WHERE %s <= %s LIMIT %d",
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(runtime->view.matrelid)),
													get_rel_name(runtime->view.matrelid)),
						 column, bound, limit);
	return weir_matrel_remove(&runtime->view, runtime->query, sql.data, NBOUND_ARGS, bound_types, args);
}
