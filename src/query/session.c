/*
 * session.c
 *	  Which panes make a session.
 *
 * A pane (kind_session.c) begins a session when its earliest time is a gap or
 * more after the latest of the pane before it.  So a row that comes late, and
 * bridges two sessions, merges them exactly, and nothing has to be found and
 * rewritten when rows come.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "windowapi.h"

#include "base/compat.h"
#include "query/session.h"

WEIR_FUNCTION(weir_session_start);

static char *session_ends(const ContQuery *cq);
static char *user_keys(const ContQuery *cq);

char *
weir_session_panes(const ContQuery *cq, Oid matrelid, const char *columns, const char *where)
{
	StringInfoData sql;
	const char *separator = " PARTITION BY ";

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, weir.session_start(%s, %s, '%s'::pg_catalog.interval) OVER (", columns,
					 quote_identifier(cq->states[cq->panes->first_state].colname),
					 quote_identifier(cq->states[cq->panes->last_state].colname), weir_session_gap(cq));
	for (int i = 0; i < cq->nkeys; i++)
	{
		if (i == cq->cell_key)
			continue;
		appendStringInfo(&sql, "%s%s", separator, quote_identifier(cq->keys[i].colname));
		separator = ", ";
	}
	appendStringInfo(&sql, " ORDER BY %s) AS \"?session\" FROM %s%s", quote_identifier(cq->keys[cq->cell_key].colname),
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(matrelid)),
												get_rel_name(matrelid)), where);
	return sql.data;
}

char *
weir_session_bounds(const ContQuery *cq, Oid matrelid)
{
	return psprintf("SELECT *, %s FROM (%s) panes", session_ends(cq), weir_session_panes(cq, matrelid, "*", ""));
}

char *
weir_session_bounds_until(const ContQuery *cq, Oid matrelid, const char *what, const char *bound)
{
	const char *latest = pstrdup(quote_identifier(cq->states[cq->panes->last_state].colname));
	const char *pane = pstrdup(quote_identifier(cq->keys[cq->cell_key].colname));

	return psprintf("SELECT \"?row\", \"?session\", %s FROM (%s) p", session_ends(cq),
					weir_session_panes(cq, matrelid,
									   psprintf("%s AS \"?row\", %s%s", what, user_keys(cq), latest),
									   psprintf(" WHERE %s OPERATOR(pg_catalog.<=) %s", pane, bound)));
}

char *
weir_session_gap(const ContQuery *cq)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(cq->panes->gap)));
}

/*
 * max(latest) OVER (PARTITION BY keys, start) + gap, of what
 * weir_session_panes gives
 */
static char *
session_ends(const ContQuery *cq)
{
	return psprintf("pg_catalog.max(%s) OVER (PARTITION BY %s\"?session\") OPERATOR(pg_catalog.+) '%s'::pg_catalog.interval AS \"?ends\"",
					quote_identifier(cq->states[cq->panes->last_state].colname), user_keys(cq), weir_session_gap(cq));
}

/* "key, key, " */
static char *
user_keys(const ContQuery *cq)
{
	StringInfoData keys;

	initStringInfo(&keys);
	for (int i = 0; i < cq->nkeys; i++)
		if (i != cq->cell_key)
			appendStringInfo(&keys, "%s, ", quote_identifier(cq->keys[i].colname));
	return keys.data;
}

/* ---------------------------------------------------------------------
 * weir.session_start
 * --------------------------------------------------------------------- */

typedef struct SessionState
{
	bool		begun;
	Timestamp	start;
	Timestamp	latest;
} SessionState;

Datum
weir_session_start(PG_FUNCTION_ARGS)
{
	WindowObject winobj = PG_WINDOW_OBJECT();
	SessionState *state;
	Timestamp	earliest;
	Timestamp	latest;
	Datum		interval;
	int64		gap;
	int64		distance;
	bool		isnull[3];

	if (!WindowObjectIsValid(winobj))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("weir.session_start is a window function")));
	state = WinGetPartitionLocalMemory(winobj, sizeof(SessionState));
	earliest = DatumGetTimestamp(WinGetFuncArgCurrent(winobj, 0, &isnull[0]));
	latest = DatumGetTimestamp(WinGetFuncArgCurrent(winobj, 1, &isnull[1]));
	interval = WinGetFuncArgCurrent(winobj, 2, &isnull[2]);
	if (isnull[0] || isnull[1] || isnull[2])
		PG_RETURN_NULL();
	gap = DatumGetIntervalP(interval)->time;
	if (!state->begun || pg_sub_s64_overflow(earliest, state->latest, &distance) || distance >= gap)
		state->start = earliest;
	state->begun = true;
	state->latest = latest;
	PG_RETURN_TIMESTAMP(state->start);
}
