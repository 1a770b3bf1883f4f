/*
 * split.c
 *	  The continuous query of a view's defining query.
 *
 * Group keys are the GROUP BY expressions in their order, then columns that
 * depend on them (a joined table's, grouped by its primary key), then, for a
 * sliding window, the step.  States of columns that the view got later
 * come after all others (collect_states).  SELECT DISTINCT groups by its output.  States are
 * the distinct aggregate calls in order of appearance in the target list and
 * HAVING, but for those that are computed from values (values.c, values_kept.c).  FROM and WHERE go to the continuous query as they are; all else
 * stays in the view query (view_query.c).
 *
 * The split is made again from the stored query wherever it is needed, so it
 * must not depend on anything but the query and the view's options.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/analyze.h"
#include "query/blocks.h"
#include "query/counterpart.h"
#include "query/expr.h"
#include "query/flatten.h"
#include "query/grouping.h"
#include "query/late.h"
#include "query/session.h"
#include "query/split.h"
#include "query/union.h"
#include "query/values.h"
#include "query/window.h"

/* More keys than this are found by their hash. */
#define MAX_PLAIN_KEYS 8

typedef struct SplitContext
{
	ParseState *pstate;
	Query	   *def;			/* prepared */
	ContQuery  *cq;
	List	   *tlist;			/* of the continuous query: keys, then states */
	List	   *group;			/* its GROUP BY */
	List	   *aggrefs;
	Index		stream;			/* range table index */
	int			sublevels_up;	/* of the node that collect_walker is at */
	int			generation;		/* of the column that collect_walker is at */
	const ContViewOptions *options;
	int			generations[MAX_VIEW_GENERATIONS + 1];	/* states of each and those before it */
} SplitContext;

static void collect_keys(SplitContext *cxt);
static void collect_states(SplitContext *cxt);
static int	generation_columns(SplitContext *cxt, int generation);
static int	generation_of_state(SplitContext *cxt, int n);
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
static int	find_expr(List *tlist, Node *expr);
static void fill_columns(SplitContext *cxt);
static char *step_name(SplitContext *cxt);
static void lay_out(SplitContext *cxt);
static void add_value(ContQuery *cq, ContState *state, int nstates, int column);
static bool value_is_kept(const ContState *state);
static bool has_column(const ContQuery *cq, int nstates, const char *name);
static void name_column(SplitContext *cxt, int i, const char *otherwise);
static char *column_name(SplitContext *cxt, Node *expr, int position,
						 const char *otherwise, int limit);
static bool name_taken(SplitContext *cxt, const char *name);
static bool output_named(SplitContext *cxt, const char *name, int limit);
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
	cxt.def = weir_split_prepare(cxt.pstate, def);
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
	fill_columns(&cxt);
	cq->plain_keys = weir_split_keys_fit_btree(cq);
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

/*
 * Simple subqueries over the stream are pulled up, and columns of joins become
 * those of the joined tables: the parser takes these for the same, and so must
 * equal().
 */
Query *
weir_split_prepare(ParseState *pstate, Query *def)
{
	Query	   *query = copyObject(weir_union_wrap(pstate, def));

	weir_query_flatten(pstate, query);
	query->targetList = (List *)
		weir_flatten_join_alias_vars(query, (Node *) query->targetList);
	query->havingQual = weir_flatten_join_alias_vars(query, query->havingQual);
	weir_window_prepare(pstate, query);
	weir_counterparts_put(query);
	return query;
}

Query *
weir_def_query(Oid defid)
{
	Relation	rel = table_open(defid, AccessShareLock);
	Query	   *query;
	int			extra = 0;

	if (rel->rd_rel->relkind != RELKIND_VIEW || rel->rd_rules == NULL ||
		rel->rd_rules->numLocks != 1)
		elog(ERROR, "relation \"%s\" is not a view", RelationGetRelationName(rel));
	query = copyObject(linitial_node(Query, rel->rd_rules->rules[0]->actions));
	table_close(rel, AccessShareLock);

	/* Before PostgreSQL 16, OLD and NEW come first in a rule's range table. */
	while (extra < list_length(query->rtable) &&
		   list_nth_node(RangeTblEntry, query->rtable, extra)->rtekind == RTE_RELATION &&
		   list_nth_node(RangeTblEntry, query->rtable, extra)->relid == defid)
		extra++;
	if (extra > 0)
	{
		query->rtable = list_copy_tail(query->rtable, extra);
		OffsetVarNodes((Node *) query, -extra, 0);
	}
	weir_flatten_group_rte(query);
	return query;
}

int
weir_split_find_key(const ContQuery *cq, Node *expr)
{
	int			n = find_expr(cq->query->targetList, expr);

	return n < cq->nkeys ? n : -1;
}

int
weir_split_find_state(const ContQuery *cq, Aggref *aggref)
{
	for (int i = 0; i < cq->nstates; i++)
		if (equal(cq->states[i].written ? cq->states[i].written : cq->states[i].aggref, aggref))
			return i;
	return -1;
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
		int			first = i == 0 ? 0 : generation_columns(cxt, i - 1);
		int			limit = generation_columns(cxt, i);

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
			if (cq->ungrouped && cxt->aggrefs == NIL)
				cxt->aggrefs = list_make1(count_rows());
		}
		cxt->generations[i] = list_length(cxt->aggrefs);
	}
}

/* How many columns the view had in a generation. */
static int
generation_columns(SplitContext *cxt, int generation)
{
	return generation < cxt->options->ngenerations ? cxt->options->generations[generation] : INT_MAX;
}

static int
generation_of_state(SplitContext *cxt, int n)
{
	int			generation = 0;

	while (generation < cxt->options->ngenerations && n >= cxt->generations[generation])
		generation++;
	return generation;
}

static void
collect_append_columns(SplitContext *cxt)
{
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		cxt->tlist = lappend(cxt->tlist,
							 makeTargetEntry(copyObject(tle->expr),
											 list_length(cxt->tlist) + 1, NULL, false));
	}
}

static void
add_key(SplitContext *cxt, Expr *expr, SortGroupClause *clause)
{
	SortGroupClause *key = makeNode(SortGroupClause);
	TargetEntry *tle;

	if (find_expr(cxt->tlist, (Node *) expr) >= 0)
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

	tle = makeTargetEntry(copyObject(expr), list_length(cxt->tlist) + 1, NULL, false);
	tle->ressortgroupref = key->tleSortGroupRef = tle->resno;
	cxt->tlist = lappend(cxt->tlist, tle);
	cxt->group = lappend(cxt->group, key);
}

/* Last, so that the user's keys lead the lookup index. */
static void
add_step_key(SplitContext *cxt)
{
	Expr	   *expr = step_expr(cxt->cq->window->time, cxt->cq->step_usecs);

	cxt->cq->step_key = find_expr(cxt->tlist, (Node *) expr);
	if (cxt->cq->step_key >= 0)
		return;
	cxt->cq->step_key = list_length(cxt->tlist);
	cxt->cq->step_hidden = true;
	add_key(cxt, expr, NULL);
}

static void
add_pane_key(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;

	if (cq->panes == NULL)
		return;
	cq->pane_key = find_expr(cxt->tlist, (Node *) cq->panes->pane);
	if (cq->pane_key >= 0)
		return;
	cq->pane_key = list_length(cxt->tlist);
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

		for (i = 0; i < list_length(cxt->aggrefs); i++)
			if (equal(list_nth(cxt->aggrefs, i), lfirst(lc)))
				break;
		if (i == list_length(cxt->aggrefs))
			cxt->aggrefs = lappend(cxt->aggrefs, lfirst(lc));
		*state = i;
	}
}

static void
add_time_column(SplitContext *cxt)
{
	Expr	   *expr = (Expr *) copyObject(cxt->cq->window->time);

	cxt->cq->step_key = find_expr(cxt->tlist, (Node *) expr);
	if (cxt->cq->step_key >= 0)
		return;
	cxt->cq->step_key = list_length(cxt->tlist);
	cxt->cq->step_hidden = true;
	cxt->tlist = lappend(cxt->tlist,
						 makeTargetEntry(expr, list_length(cxt->tlist) + 1, NULL, false));
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
	if (node == NULL || (cxt->sublevels_up == 0 && find_expr(cxt->tlist, node) >= 0))
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
			if (cxt->generation == 0 && cxt->def->groupingSets == NIL && !list_member(cxt->aggrefs, node))
				cxt->aggrefs = lappend(cxt->aggrefs, node);
			return collect_walker((Node *) ((Aggref *) node)->aggdirectargs, cxt);
		}
		if (!list_member(cxt->aggrefs, node))
			cxt->aggrefs = lappend(cxt->aggrefs, node);
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

	foreach(lc, cxt->aggrefs)
		if (weir_values_needed(lfirst(lc)) && !weir_values_is_kept(cxt->cq, lfirst(lc)))
			cxt->aggrefs = foreach_delete_current(cxt->aggrefs, lc);
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

static int
find_expr(List *tlist, Node *expr)
{
	ListCell   *lc;

	foreach(lc, tlist)
		if (equal(lfirst_node(TargetEntry, lc)->expr, expr))
			return foreach_current_index(lc);
	return -1;
}

/* Describe the columns of the matrel, and append the states to the tlist. */
static void
fill_columns(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	int			nfirst;
	ListCell   *lc;

	cq->nkeys = list_length(cxt->tlist);
	cq->keys = palloc0(sizeof(ContKey) * cq->nkeys);
	cq->states = palloc0(sizeof(ContState) * list_length(cxt->aggrefs));

	foreach(lc, cxt->aggrefs)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);

		aggref = weir_values_needed(aggref) ? weir_values_kept_state(aggref) : copyObject(aggref);
		cxt->tlist = lappend(cxt->tlist,
							 makeTargetEntry((Expr *) aggref,
											 list_length(cxt->tlist) + 1, NULL, false));
	}
	nfirst = cq->nkeys + Min(cxt->generations[0], list_length(cxt->aggrefs));
	for (int i = 0; i < nfirst; i++)
		if (i != cq->step_key && i != cq->pane_key)
			name_column(cxt, i, NULL);
	if (cq->step_key >= 0)
		name_column(cxt, cq->step_key, step_name(cxt));
	if (cq->pane_key >= 0 && cq->pane_key != cq->step_key)
		name_column(cxt, cq->pane_key, "pane");
	for (int i = nfirst; i < list_length(cxt->tlist); i++)
		name_column(cxt, i, NULL);
	foreach(lc, cxt->tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;
		int			i = foreach_current_index(lc);

		if (i < cq->nkeys)
		{
			ContKey    *key = &cq->keys[i];

			key->type = exprType(expr);
			key->typmod = exprTypmod(expr);
			key->collation = exprCollation(expr);
			key->eqop = cq->append ? InvalidOid :
				list_nth_node(SortGroupClause, cxt->group, i)->eqop;
			key->colname = tle->resname;
		}
		else
		{
			Aggref	   *written = list_nth(cxt->aggrefs, cq->nstates);
			ContState  *state = &cq->states[cq->nstates++];
			PartialAgg *agg;

			state->aggref = (Aggref *) tle->expr;
			if (weir_values_needed(written))
				state->written = copyObject(written);
			agg = weir_partial_agg_from_aggref(CurrentMemoryContext, state->aggref);
			state->statetype = agg->statetype;
			state->colname = tle->resname;
			state->value_column = -1;
		}
	}
	weir_blocks_decide(cq, cxt->options);
	lay_out(cxt);
}

static void
name_column(SplitContext *cxt, int i, const char *otherwise)
{
	TargetEntry *tle = list_nth_node(TargetEntry, cxt->tlist, i);
	int			state = i - cxt->cq->nkeys;
	int			generation = state < 0 ? 0 : generation_of_state(cxt, state);
	Node	   *expr = state < 0 ? (Node *) tle->expr : list_nth(cxt->aggrefs, state);

	tle->resname = column_name(cxt, expr, i, otherwise, generation_columns(cxt, generation));
}

/* After the keys, each generation's states, then results, then blocks. */
static void
lay_out(SplitContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	int			column = cq->nkeys;
	int			n = 0;
	int			generation = 0;

	do
	{
		int			first = n;

		while (n < cq->nstates && generation_of_state(cxt, n) == generation)
			cq->states[n++].column = column++;
		for (int i = first; i < n && cq->window == NULL && cq->panes == NULL; i++)
			if (value_is_kept(&cq->states[i]))
				add_value(cq, &cq->states[i], n, column++);
		column = weir_blocks_lay_out(cq, first, n, column);
		generation++;
	} while (n < cq->nstates);
}

/* All of fixed length, and the btree's idea of equal is GROUP BY's. */
bool
weir_split_keys_fit_btree(const ContQuery *cq)
{
	if (cq->append || cq->nkeys > MAX_PLAIN_KEYS)
		return false;
	for (int i = 0; i < cq->nkeys; i++)
	{
		TypeCacheEntry *type = lookup_type_cache(getBaseType(cq->keys[i].type), TYPECACHE_BTREE_OPFAMILY);

		if (type->typlen <= 0 || !OidIsValid(type->btree_opf) ||
			get_op_opfamily_strategy(cq->keys[i].eqop, type->btree_opf) != BTEqualStrategyNumber)
			return false;
	}
	return true;
}

/* That of the column that the window slides over, if it is one. */
static char *
step_name(SplitContext *cxt)
{
	Var		   *var = (Var *) cxt->cq->window->time;

	return IsA(var, Var) ? get_rte_attribute_name(rt_fetch(var->varno, cxt->def->rtable), var->varattno) : NULL;
}

/* Its name is none of the first nstates states'. */
static void
add_value(ContQuery *cq, ContState *state, int nstates, int column)
{
	char	   *name = makeObjectName(state->colname, NULL, "value");

	for (int n = 1; has_column(cq, nstates, name); n++)
		name = makeObjectName(state->colname, NULL, psprintf("value%d", n));
	state->value_name = name;
	state->value_column = column;
	cq->nvalues++;
}

/*
 * Is the result to be kept beside the state?  Where making it means to rebuild
 * the state from its serialized form, it is small, and nothing but the state
 * decides it.
 */
static bool
value_is_kept(const ContState *state)
{
	Aggref	   *aggref = state->aggref;
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	bool		internal = form->aggtranstype == INTERNALOID;
	Oid			finalfn = form->aggfinalfn;

	ReleaseSysCache(tuple);
	return internal && OidIsValid(finalfn) &&
		get_func_namespace(finalfn) == PG_CATALOG_NAMESPACE &&
		func_volatile(finalfn) == PROVOLATILE_IMMUTABLE &&
		(aggref->aggtype == NUMERICOID || get_typlen(aggref->aggtype) > 0);
}

static bool
has_column(const ContQuery *cq, int nstates, const char *name)
{
	for (int i = 0; i < cq->nkeys; i++)
		if (strcmp(cq->keys[i].colname, name) == 0)
			return true;
	for (int i = 0; i < nstates; i++)
		if (strcmp(cq->states[i].colname, name) == 0 ||
			(cq->states[i].value_name && strcmp(cq->states[i].value_name, name) == 0))
			return true;
	return false;
}

/* The name of the output column (up to limit) that is just this; else the given; else _position. */
static char *
column_name(SplitContext *cxt, Node *expr, int position, const char *otherwise, int limit)
{
	char	   *name;
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno <= limit && tle->resname && equal(tle->expr, expr) &&
			SystemAttributeByName(tle->resname) == NULL &&
			strcmp(tle->resname, "?column?") != 0 &&
			!name_taken(cxt, tle->resname))
			return pstrdup(tle->resname);
	}
	if (otherwise && !name_taken(cxt, otherwise))
		return pstrdup(otherwise);
	name = psprintf("_%d", position);
	while (name_taken(cxt, name) || output_named(cxt, name, limit))
		name = psprintf("_%s", name);
	return name;
}

static bool
name_taken(SplitContext *cxt, const char *name)
{
	ListCell   *lc;

	foreach(lc, cxt->tlist)
	{
		const char *taken = lfirst_node(TargetEntry, lc)->resname;

		if (taken && strcmp(taken, name) == 0)
			return true;
	}
	return false;
}

static bool
output_named(SplitContext *cxt, const char *name, int limit)
{
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno <= limit && strcmp(tle->resname, name) == 0)
			return true;
	}
	return false;
}

static Query *
continuous_query(SplitContext *cxt)
{
	Query	   *query = copyObject(cxt->def);

	query->targetList = cxt->tlist;
	query->groupClause = cxt->group;
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
	query->hasTargetSRFs = expression_returns_set((Node *) cxt->tlist);

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
