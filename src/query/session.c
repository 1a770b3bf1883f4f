/*
 * session.c
 *	  Session windows: rows of a group that follow one another within a gap.
 *
 * Rows of one cell of a grid as wide as the gap are less than the gap apart, so
 * they are in one session whatever comes between.  So a cell is a pane of a
 * session: the continuous query groups by it and keeps, beside the states, the
 * earliest and the latest time in it.  Which panes make a session is found when
 * the view is read: a pane begins one when its earliest time is a gap or more
 * after the latest of the pane before it.  So a row that comes late, and
 * bridges two sessions, merges them exactly, and nothing has to be found and
 * rewritten when rows come.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "windowapi.h"

#include "base/compat.h"
#include "query/def.h"
#include "query/session.h"
#include "query/window.h"

WEIR_FUNCTION(weir_session_start);

static Aggref *
time_aggregate(const char *name, Node *time)
{
	Oid			type = exprType(time);
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = LookupFuncName(list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name))),
									  1, &type, false);
	aggref->aggtype = type;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = -1;
	aggref->args = list_make1(makeTargetEntry(copyObject((Expr *) time), 1, NULL, false));
	aggref->aggargtypes = list_make1_oid(type);
	return aggref;
}

List *
weir_session_aggregates(const QueryWindow *window)
{
	Node	   *time = linitial(window->call->args);

	return list_make2(time_aggregate("min", time), time_aggregate("max", time));
}

void
weir_session_check(ParseState *pstate, ContQuery *cq, Query *def)
{
	const char *hint = "Group by window_start and window_end, and use an ordinary view over this one for the rest.";
	ListCell   *lc;

	if (!def->groupClause && def->distinctClause)
		weir_query_refuse(pstate, cq->panes->call->location, "SELECT DISTINCT over session windows", hint);
	foreach(lc, def->groupClause)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), def->targetList);
		int			location = exprLocation(expr);

		if (!weir_window_used(cq->panes, expr) || IsA(expr, Var))
			continue;
		cq->panes->by_expression = true;
		if (bms_membership(pull_varnos(NULL, expr)) != BMS_SINGLETON)
			weir_query_refuse(pstate, location, "GROUP BY an expression of a session's window and other columns", hint);
		if (contain_volatile_functions(expr))
			weir_query_refuse(pstate, location, "a volatile function of a session's window in GROUP BY", hint);
		if (contain_subplans(expr))
			weir_query_refuse(pstate, location, "GROUP BY a subquery with a session's window", hint);
	}
}

/* max(latest) OVER (PARTITION BY keys, start) + gap, of what weir_session_panes gives */
char *
weir_session_bounds(ContQuery *cq, Oid matrelid)
{
	StringInfoData sql;
	Interval	gap = *cq->panes->gap;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT *, pg_catalog.max(%s) OVER (PARTITION BY ",
					 quote_identifier(cq->states[cq->panes->last_state].colname));
	for (int i = 0; i < cq->nkeys; i++)
		if (i != cq->pane_key)
			appendStringInfo(&sql, "%s, ", quote_identifier(cq->keys[i].colname));
	appendStringInfo(&sql, "\"?session\") OPERATOR(pg_catalog.+) '%s'::pg_catalog.interval AS \"?ends\" FROM (%s) panes",
					 DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(&gap))),
					 weir_session_panes(cq, matrelid, "*", ""));
	return sql.data;
}

/* weir.session_start(earliest, latest, gap) OVER (PARTITION BY keys ORDER BY pane) */
char *
weir_session_panes(const ContQuery *cq, Oid matrelid, const char *columns, const char *where)
{
	StringInfoData sql;
	const char *separator = " PARTITION BY ";
	Interval	gap = *cq->panes->gap;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, weir.session_start(%s, %s, '%s'::pg_catalog.interval) OVER (", columns,
					 quote_identifier(cq->states[cq->panes->first_state].colname),
					 quote_identifier(cq->states[cq->panes->last_state].colname),
					 DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(&gap))));
	for (int i = 0; i < cq->nkeys; i++)
	{
		if (i == cq->pane_key)
			continue;
		appendStringInfo(&sql, "%s%s", separator, quote_identifier(cq->keys[i].colname));
		separator = ", ";
	}
	appendStringInfo(&sql, " ORDER BY %s) AS \"?session\" FROM %s%s", quote_identifier(cq->keys[cq->pane_key].colname),
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(matrelid)),
												get_rel_name(matrelid)), where);
	return sql.data;
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
