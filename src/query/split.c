/*
 * split.c
 *	  The continuous query of a view's defining query.
 *
 * Group keys are the GROUP BY expressions in their order, then columns that
 * depend on them (a joined table's, grouped by its primary key), then the step
 * or pane of a window.  SELECT DISTINCT groups by its output.  States are the
 * distinct aggregate calls in order of appearance in the target list and
 * HAVING, but for those that are computed from values (values.c,
 * values_kept.c).  States of columns that the view got later come after all
 * others (collect_states).  FROM and WHERE go to the continuous query as they
 * are; all else stays in the view query (view_query.c).
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

#include "base/compat.h"
#include "base/weir.h"
#include "query/analyze.h"
#include "query/columns.h"
#include "query/def.h"
#include "query/grouping.h"
#include "query/kind_sliding.h"
#include "query/late.h"
#include "query/panes.h"
#include "query/prepare.h"
#include "query/split.h"
#include "query/union.h"
#include "query/values.h"
#include "query/window_call.h"

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

static int	partition_key(const ContQuery *cq, const ContViewOptions *options);
static void partition_by(ContQuery *cq, int key);
static void collect_keys(SplitContext *cxt);
static void collect_states(SplitContext *cxt);
static void collect_append_columns(SplitContext *cxt);
static void add_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause);
static void add_user_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause);
static void add_cell_key(SplitContext *cxt);
static bool collect_walker(Node *node, SplitContext *cxt);
static void drop_not_kept(SplitContext *cxt);
static Aggref *count_rows(void);
static int	find_column(SplitContext *cxt, Node *expr);
static Query *continuous_query(SplitContext *cxt);

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
	cq->cell_key = -1;
	cq->panes = weir_panes_take(cxt.pstate, cxt.def);
	if (cq->panes && cq->window)
		weir_query_refuse(cxt.pstate, cq->panes->call->location, "a hopping or cumulating window beside a sliding window",
						  "Leave out the sliding window.");
	cq->kind = cq->window ? &weir_sliding_kind : cq->panes ? cq->panes->kind : &weir_no_window;

	weir_grouping_check(cxt.pstate, cxt.def, options);
	if (cq->kind->check)
		cq->kind->check(cxt.pstate, cq, cxt.def);
	if (!def->hasAggs && !def->groupClause &&
		(!def->distinctClause || def->hasDistinctOn))
	{
		cq->append = true;
		collect_append_columns(&cxt);
		add_cell_key(&cxt);
	}
	else
	{
		cq->ungrouped = !def->groupClause && def->hasAggs;
		collect_keys(&cxt);
		collect_states(&cxt);
	}
	weir_columns_describe(&cxt.columns, cq, cxt.def, options);
	cq->plain_keys = weir_cont_query_keys_fit_btree(cq);
	cq->primary_key = options->pk != NIL;
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
	partition_by(cq, partition_key(cq, options));
	return cq;
}

bool
weir_cont_query_same_window(const ContQuery *a, const ContQuery *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->window && (!equal(a->window->time, b->window->time) ||
					  !equal(a->window->lower, b->window->lower) ||
					  !equal(a->window->upper, b->window->upper) ||
					  a->window->lower_inclusive != b->window->lower_inclusive ||
					  a->window->upper_inclusive != b->window->upper_inclusive))
		return false;
	return a->panes == NULL || (equal(a->panes->call, b->panes->call) && equal(a->panes->quals, b->panes->quals));
}

static int
partition_key(const ContQuery *cq, const ContViewOptions *options)
{
	for (int i = 0; options->partitioned && i < cq->nkeys; i++)
		if (strcmp(cq->keys[i].colname, NameStr(options->partition_column)) == 0)
			return i;
	return -1;
}

/* The matrel and values relations are partitioned by a key. */
static void
partition_by(ContQuery *cq, int key)
{
	ListCell   *lc;

	cq->partition_key = key;
	cq->partition_panes = cq->panes && key == cq->cell_key;
	foreach(lc, cq->values)
	{
		ContQuery  *part = ((ValuesRel *) lfirst(lc))->query;

		part->partition_key = cq->partition_key;
		part->partition_panes = cq->partition_panes;
	}
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

	if (!weir_cont_query_uses_window(cxt->cq, (Node *) expr))
		add_key(cxt, bucket, bucket == expr ? clause : NULL);
}

/*
 * What columns need that a view got later (CREATE OR REPLACE VIEW) comes last,
 * so that nothing changes for what was there before.
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
			if (cq->kind->add_states)
				cxt->columns.aggrefs = cq->kind->add_states(cq, cxt->columns.aggrefs);
			add_cell_key(cxt);
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
add_cell_key(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	List	   *tlist = cxt->columns.tlist;
	Expr	   *cell;

	if (cq->kind->cell == NULL)
		return;
	cell = cq->kind->cell(cq);
	cq->cell_key = find_column(cxt, (Node *) cell);
	if (cq->cell_key >= 0)
		return;
	cq->cell_key = list_length(tlist);
	cq->cell_hidden = true;
	if (cq->append)
		cxt->columns.tlist = lappend(tlist, makeTargetEntry(cell, list_length(tlist) + 1, NULL, false));
	else
		add_key(cxt, cell, NULL);
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

/*
 * A view without GROUP BY has a state if only this, so that its query gives
 * one row.
 */
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

/*
 * Index of the column of the continuous query that is just this; -1 if none.
 */
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

	if (cxt->cq->kind->has_cell)
		query->jointree->quals = make_and_qual(query->jointree->quals, cxt->cq->kind->has_cell(cxt->cq));
	return query;
}
