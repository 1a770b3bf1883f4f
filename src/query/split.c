/*
 * split.c
 *	  The continuous query of a view's defining query.
 *
 * Group keys are the GROUP BY expressions in their order, then columns that
 * depend on them (a joined table's, grouped by its primary key), then the step
 * or pane of a window.  SELECT DISTINCT groups by its output.  States are the
 * distinct aggregate calls in order of appearance in the target list and HAVING,
 * but for those that are computed from values (values.c, values_kept.c).  States
 * of columns that the view got later come after all others (collect_states).
 * FROM and WHERE go to the continuous query as they are; all else stays in the
 * view query (view_query.c).
 *
 * The split is made again from the stored query wherever it is needed, so it
 * must not depend on anything but the query and the view's options.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/analyze.h"
#include "query/blocks.h"
#include "query/columns.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/grouping.h"
#include "query/late.h"
#include "query/prepare.h"
#include "query/session.h"
#include "query/split.h"
#include "query/union.h"
#include "query/values.h"
#include "query/window.h"

typedef struct SplitContext
{
	ParseState *pstate;
	Query	   *def;			/* prepared */
	ContQuery  *cq;
	const ContViewOptions *options;
	ColumnList	columns;		/* found so far */
	Index		stream;			/* range table index */
	int			sublevels_up;	/* of the node that collect_walker is at */
	int			generation;		/* of the column that collect_walker is at */
} SplitContext;

static void collect_keys(SplitContext *cxt);
static void collect_states(SplitContext *cxt);
static void collect_append_columns(SplitContext *cxt);
static void add_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause);
static void add_user_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause);
static void add_pane_key(SplitContext *cxt);
static void add_session_states(SplitContext *cxt);
static void add_step_key(SplitContext *cxt);
static void add_time_column(SplitContext *cxt);
static Expr *step_expr(Node *time, int64 step_usecs);
static bool collect_walker(Node *node, SplitContext *cxt);
static void drop_not_kept(SplitContext *cxt);
static Aggref *count_rows(void);
static int	find_column(SplitContext *cxt, Node *expr);
static Query *continuous_query(SplitContext *cxt);
static Expr *has_step(ContQuery *cq);

ContQuery *
weir_cont_query_build(Query *def, const ContViewOptions *options,
					  const char *source_text)
{
	SplitContext cxt = {0};
	ContQuery  *cq = palloc0(sizeof(ContQuery));

	if (source_text)
	{
		cxt.pstate = make_parsestate(NULL);
		cxt.pstate->p_sourcetext = source_text;
	}
	cxt.cq = cq;
	cxt.options = options;
	def = weir_union_wrap(cxt.pstate, def);
	weir_query_check_clauses(cxt.pstate, def);
	cxt.def = weir_query_prepare(cxt.pstate, def);
	cxt.stream = weir_query_check(cxt.pstate, cxt.def);
	cq->streams = weir_query_streams(def);
	cq->streamid = linitial_oid(cq->streams);
	cq->window = weir_sliding_take(cxt.pstate, cxt.def, cxt.stream);
	cq->step_usecs = Max(options->step_usecs, USECS_PER_SEC);
	cq->step_key = -1;
	cq->pane_key = -1;
	cq->panes = weir_window_take(cxt.pstate, cxt.def);
	if (cq->panes && cq->window)
		weir_query_refuse(cxt.pstate, cq->panes->call->location, "a hopping or cumulating window beside a sliding window",
						  "Leave out the sliding window.");

	weir_grouping_check(cxt.pstate, cq, cxt.def, options);
	if (!def->hasAggs && !def->groupClause &&
		(!def->distinctClause || def->hasDistinctOn))
	{
		cq->append = true;
		collect_append_columns(&cxt);
		if (cq->window)
			add_time_column(&cxt);
	}
	else
	{
		cq->ungrouped = !def->groupClause && def->hasAggs;
		collect_keys(&cxt);
		add_pane_key(&cxt);
		collect_states(&cxt);
	}
	weir_columns_describe(&cxt.columns, cq, cxt.def, options);
	cq->plain_keys = weir_cont_query_keys_fit_btree(cq);
	cq->primary_key = options->pk != NIL;
	cq->partition_key = -1;
	for (int i = 0; options->partitioned && i < cq->nkeys; i++)
		if (strcmp(cq->keys[i].colname, NameStr(options->partition_column)) == 0)
			cq->partition_key = i;
	cq->partition_panes = cq->panes && cq->partition_key == cq->pane_key;
	cq->query = continuous_query(&cxt);
	cq->sets = weir_grouping_keys(cq, cxt.def);
	weir_values_check(cxt.pstate, cq, cxt.def);
	if (options->final || options->late != LATE_UPDATE)
	{
		weir_late_find_window(cxt.pstate, cq, cxt.def, cxt.stream, options);
		cq->query->jointree->quals = make_and_qual(cq->query->jointree->quals,
												   weir_late_condition(cq->closing));
	}
	weir_values_build(cq);
	return cq;
}

static void
collect_keys(SplitContext *cxt)
{
	Query	   *def = cxt->def;
	ListCell   *lc;

	foreach(lc, def->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		add_user_key(cxt, (Expr *) get_sortgroupclause_expr(clause, def->targetList), clause);
	}
	if (def->groupClause || def->hasAggs)
		return;

	/* SELECT DISTINCT: in the order of the output */
	foreach(lc, def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		SortGroupClause *clause =
			get_sortgroupref_clause_noerr(tle->ressortgroupref, def->distinctClause);

		if (clause)
			add_user_key(cxt, tle->expr, clause);
	}
}

/* What follows from a bucket or pane is made from it when the view is read. */
static void
add_user_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause)
{
	Expr	   *bucket = weir_window_bucket(expr);

	if (!weir_window_used(cxt->cq->panes, (Node *) expr))
		add_key(cxt, bucket, bucket == expr ? clause : NULL);
}

/*
 * What columns need that a view got later (CREATE OR REPLACE VIEW) comes last, so
 * that nothing changes for what was there before.
 */
static void
collect_states(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	ListCell   *lc;

	for (int i = 0; i <= cxt->options->ngenerations; i++)
	{
		int			first = i == 0 ? 0 : weir_columns_of_generation(cxt->options, i - 1);
		int			limit = weir_columns_of_generation(cxt->options, i);

		cxt->generation = i;
		foreach(lc, cxt->def->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (tle->resjunk ? i == 0 : tle->resno > first && tle->resno <= limit)
				collect_walker((Node *) tle->expr, cxt);
		}
		if (i == 0)
		{
			collect_walker(cxt->def->havingQual, cxt);
			drop_not_kept(cxt);
			if (cq->panes && cq->panes->gap)
				add_session_states(cxt);
			if (cq->window)
				add_step_key(cxt);
			if (cq->ungrouped && cxt->columns.aggrefs == NIL)
				cxt->columns.aggrefs = list_make1(count_rows());
		}
		cxt->columns.generations[i] = list_length(cxt->columns.aggrefs);
	}
}

static void
collect_append_columns(SplitContext *cxt)
{
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		cxt->columns.tlist = lappend(cxt->columns.tlist,
									 makeTargetEntry(copyObject(tle->expr),
													 list_length(cxt->columns.tlist) + 1, NULL, false));
	}
}

static void
add_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause)
{
	SortGroupClause *key = makeNode(SortGroupClause);
	TargetEntry *tle;

	if (find_column(cxt, (Node *) expr) >= 0)
		return;
	if (clause)
	{
		*key = *clause;
		key->nulls_first = false;
	}
	else
		get_sort_group_operators(exprType((Node *) expr), false, true, false,
								 &key->sortop, &key->eqop, NULL, &key->hashable);
	weir_check_key(cxt->pstate, (Node *) expr, key->eqop, key->hashable);

	tle = makeTargetEntry(copyObject(expr), list_length(cxt->columns.tlist) + 1, NULL, false);
	tle->ressortgroupref = key->tleSortGroupRef = tle->resno;
	cxt->columns.tlist = lappend(cxt->columns.tlist, tle);
	cxt->columns.group = lappend(cxt->columns.group, key);
}

/* Last, so that the user's keys lead the lookup index. */
static void
add_step_key(SplitContext *cxt)
{
	Expr	   *expr = step_expr(cxt->cq->window->time, cxt->cq->step_usecs);

	cxt->cq->step_key = find_column(cxt, (Node *) expr);
	if (cxt->cq->step_key >= 0)
		return;
	cxt->cq->step_key = list_length(cxt->columns.tlist);
	cxt->cq->step_hidden = true;
	add_key(cxt, expr, NULL);
}

static void
add_pane_key(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;

	if (cq->panes == NULL)
		return;
	cq->pane_key = find_column(cxt, (Node *) cq->panes->pane);
	if (cq->pane_key >= 0)
		return;
	cq->pane_key = list_length(cxt->columns.tlist);
	cq->pane_hidden = true;
	add_key(cxt, cq->panes->pane, NULL);
}

static void
add_session_states(SplitContext *cxt)
{
	QueryWindow *window = cxt->cq->panes;
	List	   *aggrefs = weir_session_aggregates(window);
	ListCell   *lc;

	weir_session_check(cxt->pstate, cxt->cq, cxt->def);
	foreach(lc, aggrefs)
	{
		int		   *state = lc == list_head(aggrefs) ? &window->first_state : &window->last_state;
		int			i;

		for (i = 0; i < list_length(cxt->columns.aggrefs); i++)
			if (equal(list_nth(cxt->columns.aggrefs, i), lfirst(lc)))
				break;
		if (i == list_length(cxt->columns.aggrefs))
			cxt->columns.aggrefs = lappend(cxt->columns.aggrefs, lfirst(lc));
		*state = i;
	}
}

static void
add_time_column(SplitContext *cxt)
{
	Expr	   *expr = (Expr *) copyObject(cxt->cq->window->time);

	cxt->cq->step_key = find_column(cxt, (Node *) expr);
	if (cxt->cq->step_key >= 0)
		return;
	cxt->cq->step_key = list_length(cxt->columns.tlist);
	cxt->cq->step_hidden = true;
	cxt->columns.tlist = lappend(cxt->columns.tlist,
								 makeTargetEntry(expr, list_length(cxt->columns.tlist) + 1, NULL, false));
}

/* date_bin(step, time, epoch) */
static Expr *
step_expr(Node *time, int64 step_usecs)
{
	Oid			type = exprType(time);
	Interval   *step = palloc0(sizeof(Interval));
	Const	   *step_const;
	Const	   *origin;

	step->time = step_usecs;
	step_const = makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
						   IntervalPGetDatum(step), false, false);
	origin = makeConst(type, -1, InvalidOid, sizeof(Timestamp),
					   TimestampGetDatum(WEIR_STEP_ORIGIN), false, FLOAT8PASSBYVAL);
	return (Expr *) makeFuncExpr(type == TIMESTAMPOID ?
								 F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP :
								 F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ,
								 type, list_make3(step_const, copyObject(time), origin),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * Find the states, and the columns that depend on the keys.  A subquery is run
 * when the view is read; it may use keys.
 */
static bool
collect_walker(Node *node, SplitContext *cxt)
{
	if (node == NULL || (cxt->sublevels_up == 0 && find_column(cxt, node) >= 0))
		return false;
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == cxt->sublevels_up)
	{
		if (cxt->sublevels_up > 0)
			weir_query_refuse(cxt->pstate, ((Aggref *) node)->location,
							  "an aggregate of the stream's rows inside a subquery",
							  "Use the subquery in an ordinary view over the continuous view.");
		weir_check_aggref(cxt->pstate, (Aggref *) node);
		if (weir_values_needed((Aggref *) node))
		{
			weir_values_add(cxt->pstate, cxt->cq, (Aggref *) node);

			/* What came later begins with values that are there already. */
			if (cxt->generation == 0 && cxt->def->groupingSets == NIL && !list_member(cxt->columns.aggrefs, node))
				cxt->columns.aggrefs = lappend(cxt->columns.aggrefs, node);
			return collect_walker((Node *) ((Aggref *) node)->aggdirectargs, cxt);
		}
		if (!list_member(cxt->columns.aggrefs, node))
			cxt->columns.aggrefs = lappend(cxt->columns.aggrefs, node);
		return false;
	}
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		if (var->varlevelsup == cxt->sublevels_up &&
			!(cxt->cq->panes && var->varno == cxt->cq->panes->rti))
		{
			var->varlevelsup = 0;
			add_key(cxt, (Expr *) var, NULL);
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		cxt->sublevels_up++;
		result = query_tree_walker((Query *) node, collect_walker, cxt, 0);
		cxt->sublevels_up--;
		return result;
	}
	return expression_tree_walker(node, collect_walker, cxt);
}

/* Of aggregates over values those stay that have a state besides. */
static void
drop_not_kept(SplitContext *cxt)
{
	ListCell   *lc;

	foreach(lc, cxt->columns.aggrefs)
		if (weir_values_needed(lfirst(lc)) && !weir_values_is_kept(cxt->cq, lfirst(lc)))
			cxt->columns.aggrefs = foreach_delete_current(cxt->columns.aggrefs, lc);
}

/* A view without GROUP BY has a state if only this, so that its query gives one row. */
static Aggref *
count_rows(void)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = F_COUNT_;
	aggref->aggtype = INT8OID;
	aggref->aggstar = true;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = -1;
	return aggref;
}

/* Index of the column of the continuous query that is just this; -1 if none. */
static int
find_column(SplitContext *cxt, Node *expr)
{
	TargetEntry *tle = tlist_member((Expr *) expr, cxt->columns.tlist);

	return tle ? tle->resno - 1 : -1;
}

static Query *
continuous_query(SplitContext *cxt)
{
	Query	   *query = copyObject(cxt->def);

	query->targetList = cxt->columns.tlist;
	query->groupClause = cxt->columns.group;
	query->groupingSets = NIL;
	query->groupDistinct = false;
	query->havingQual = NULL;
	query->distinctClause = NIL;
	query->hasDistinctOn = false;
	query->sortClause = NIL;
	query->limitOffset = query->limitCount = NULL;
	query->limitOption = LIMIT_OPTION_COUNT;
	query->windowClause = NIL;
	query->hasWindowFuncs = false;
	query->hasAggs = cxt->cq->nstates > 0;
	query->hasTargetSRFs = expression_returns_set((Node *) cxt->columns.tlist);

	if (cxt->cq->window)
		query->jointree->quals = make_and_qual(query->jointree->quals, (Node *) has_step(cxt->cq));
	return query;
}

/*
 * A row without time is never inside the window, nor ever expires.  One at the
 * beginning of time (4714 BC), or before, is not inside it either: the window is known to begin
 * more than its length later, and such a time has no step or block.
 */
static Expr *
has_step(ContQuery *cq)
{
	Node	   *time = (Node *) cq->window->time;
	Timestamp	first = MIN_TIMESTAMP + Max(cq->step_usecs, cq->block_usecs);

	return (Expr *) weir_make_op(">=", copyObject(time),
								 (Node *) makeConst(exprType(time), -1, InvalidOid, sizeof(Timestamp),
													TimestampGetDatum(first), false, FLOAT8PASSBYVAL));
}
