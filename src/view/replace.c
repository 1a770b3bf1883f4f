/*
 * replace.c
 *	  CREATE OR REPLACE VIEW on a continuous view: new columns at its end.
 *
 * Everything that was there stays: group keys, states, their places in the
 * matrel, and the history they hold.  Aggregates that only new columns use get
 * columns of their own behind all others; their states are those of no rows
 * until rows come.  Which columns came when is in weir.continuous_view
 * (generations): from it and the stored query the same layout follows
 * everywhere.
 *
 * The statement first waits until all that was committed before it is in the
 * matrel, so none of it counts in the new columns.  What workers make of rows
 * with the old query while the statement runs, and what a transaction that is
 * under way has brought so far, are rows with fewer states; where they meet
 * those of the new query, what they lack is read as the state of no rows
 * (runtime/execute.c).  So a row counts in the old columns once, whatever
 * query took it in.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "flush/wait.h"
#include "matrel/guard.h"
#include "matrel/shape.h"
#include "query/def.h"
#include "query/prepare.h"
#include "query/split.h"
#include "query/state_expr.h"
#include "query/values.h"
#include "query/view_query.h"
#include "view/def_view.h"
#include "view/define.h"
#include "view/replace.h"
#include "view/temporary.h"
#include "view/view_plan.h"

/* Of which time the aggregates of a column are. */
typedef struct MixedAggregates
{
	ContQuery  *old;
	bool		kept;
	bool		fresh;
} MixedAggregates;

static void add_columns(UtilityCall *call, ViewPlan *plan, ContView *view, int ncolumns, int nstates);
static void define_again(UtilityCall *call, ViewPlan *plan, const ContView *view, List *names);
static List *names_of(Query *query);
static void check_options(const ContView *view, const ViewPlan *plan);
static void check_query(const ContView *view, Query *old_def, ContQuery *old, Query *new_def, ContQuery *new);
static bool same_keys(const ContQuery *old, const ContQuery *new);
static void check_states(const ContQuery *old, const ContQuery *new);
static bool same_sources(ContQuery *old, ContQuery *new);
static bool same_reading(Query *old, Query *new);
static bool same_windows(Query *old, Query *new);
static bool same_clauses(Query *old, List *old_clauses, Query *new, List *new_clauses);
static bool same_values(const ContQuery *old, const ContQuery *new);
static int	count_columns(Query *query);
static void name_as_before(Query *query, Query *old_def);
static bool is_named_before(Query *query, int n, const char *name);
static bool aggregates_walker(Node *node, MixedAggregates *cxt);
static void extend_matrel(Oid matrelid, const ContQuery *cq, int nold);
static void add_matrel_column(Oid matrelid, const char *name, Oid type, Oid collation, Datum value, bool isnull);

void
weir_replace_view(UtilityCall *call, ViewStmt *stmt, Query *query, const ContView *existing)
{
	ContView	view = *existing;
	Query	   *old_def = weir_def_query(view.defid);
	ContQuery  *old = weir_cont_query_build(old_def, &view.options, NULL);
	int			nold = count_columns(old_def);
	bool		adds = count_columns(query) > nold;
	ViewPlan	plan;
	List	   *names;

	if (!object_ownercheck(RelationRelationId, view.viewid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, get_rel_name(view.viewid));
	weir_view_plan_begin(&plan, stmt, query, &view.options);
	if (adds && view.options.ngenerations == MAX_VIEW_GENERATIONS)
		weir_replace_refuse(view.name, psprintf("Columns have been added %d times already.", MAX_VIEW_GENERATIONS));
	if (adds)
		view.options.generations[view.options.ngenerations++] = nold;

	/*
	 * The view's columns may have been renamed, those of the stored query
	 * never are.
	 */
	names = names_of(query);
	name_as_before(query, old_def);
	weir_view_plan_analyze(&plan, call->query_string);
	weir_view_plan_settle(&plan);
	check_options(&view, &plan);
	check_query(&view, old_def, old, plan.def, plan.cq);
	weir_view_plan_check_rights(&plan, call->query_string);
	if (adds)
		add_columns(call, &plan, &view, nold, old->nstates);
	else
		plan.def = old_def;
	define_again(call, &plan, &view, names);
}

/*
 * Waits until what was committed before is in the matrel: it does not count in
 * the new columns.
 */
static void
add_columns(UtilityCall *call, ViewPlan *plan, ContView *view, int ncolumns, int nstates)
{
	weir_flush_wait(view->defid);
	LockRelationOid(view->matrelid, AccessExclusiveLock);
	weir_def_view_extend(view->defid, plan->query, ncolumns);
	weir_view_refuse_temporary(view->defid, plan->stmt->query, call->query_string);
	weir_view_plan_stored(plan, view->defid);
	extend_matrel(view->matrelid, plan->cq, nstates);
	weir_cont_view_add_generation(view->defid, ncolumns);
	weir_guard_describe(view);
}

/* What users read: with the columns' names as the statement has them. */
static void
define_again(UtilityCall *call, ViewPlan *plan, const ContView *view, List *names)
{
	Query	   *over_matrel = weir_view_query_build(plan->cq, plan->def, view);
	ListCell   *lc;

	foreach(lc, over_matrel->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && names != NIL)
		{
			tle->resname = linitial(names);
			names = list_delete_first(names);
		}
	}
	weir_view_define(call, plan->stmt, over_matrel);
	CommandCounterIncrement();
}

static List *
names_of(Query *query)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			names = lappend(names, pstrdup(lfirst_node(TargetEntry, lc)->resname));
	return names;
}

void
weir_replace_refuse(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("continuous view %s cannot be replaced in this way", name),
			 errdetail("%s", detail),
			 errhint("Columns with aggregates can be added at the end. For anything else create a view under another name, or drop this one first.")));
}

/* ---------------------------------------------------------------------
 * What may change
 * --------------------------------------------------------------------- */

static void
check_options(const ContView *view, const ViewPlan *plan)
{
	const GivenOptions *given = &plan->given;
	ContViewOptions options = plan->options;
	const char *differs;

	if (given->ttl)
	{
		options.has_ttl = true;
		options.ttl = *given->ttl;
	}
	differs = weir_view_options_difference(given, &options, &view->options);
	if (differs == NULL && given->tablespace &&
		get_tablespace_oid(given->tablespace, false) != get_rel_tablespace(view->matrelid))
		differs = "option \"tablespace\"";
	if (differs)
		weir_replace_refuse(view->name, psprintf("Its %s differs from the existing view's.", differs));
}

/*
 * Do values relations have the same columns?  Then what is kept in them is
 * enough.
 */
static bool
same_values(const ContQuery *old, const ContQuery *new)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(new->values) != list_length(old->values))
		return false;
	forboth(a, old->values, b, new->values)
		if (!equal(((ValuesRel *) lfirst(a))->query->query->targetList, ((ValuesRel *) lfirst(b))->query->query->targetList))
			return false;
	return true;
}

static void
check_query(const ContView *view, Query *old_def, ContQuery *old, Query *new_def, ContQuery *new)
{
	Query	   *a = weir_query_prepare(NULL, old_def);
	Query	   *b = weir_query_prepare(NULL, new_def);
	int			nold = count_columns(old_def);

	if (count_columns(new_def) < nold)
		weir_replace_refuse(view->name, "Columns cannot be dropped.");
	for (int i = 0; i < nold; i++)
	{
		TargetEntry *x = list_nth_node(TargetEntry, a->targetList, i);
		TargetEntry *y = list_nth_node(TargetEntry, b->targetList, i);

		if (!equal(x->expr, y->expr))
			weir_replace_refuse(view->name, psprintf("Column \"%s\" has a different definition.", x->resname));
	}
	if (!same_sources(old, new))
		weir_replace_refuse(view->name, "FROM or WHERE has changed.");
	if (!same_keys(old, new))
		weir_replace_refuse(view->name, old->append ? "It keeps rows, not groups." : "The group key has changed.");
	if (!same_values(old, new))
		weir_replace_refuse(view->name, "DISTINCT, ordered and ordered-set aggregates cannot be added.");
	for (int i = nold; i < count_columns(new_def); i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, b->targetList, i);
		MixedAggregates mixed = {old};

		aggregates_walker((Node *) tle->expr, &mixed);
		if (mixed.kept && mixed.fresh)
			weir_replace_refuse(view->name,
								psprintf("Column \"%s\" puts together what the view has kept already and what would begin now.",
										 tle->resname));
	}
	if (!same_reading(a, b))
		weir_replace_refuse(view->name, "Grouping sets, HAVING, WINDOW, DISTINCT, ORDER BY or LIMIT has changed.");
	check_states(old, new);
}

static bool
same_keys(const ContQuery *old, const ContQuery *new)
{
	if (new->nkeys != old->nkeys || new->append != old->append || new->ungrouped != old->ungrouped)
		return false;
	for (int i = 0; i < old->nkeys; i++)
		if (!equal(list_nth_node(TargetEntry, old->query->targetList, i)->expr,
				   list_nth_node(TargetEntry, new->query->targetList, i)->expr) ||
			strcmp(old->keys[i].colname, new->keys[i].colname) != 0)
			return false;
	return old->closing == NULL || equal(old->closing->group_ends, new->closing->group_ends);
}

/*
 * With the same columns and keys, the states of before are those of now, in
 * their places.
 */
static void
check_states(const ContQuery *old, const ContQuery *new)
{
	if (new->nstates < old->nstates)
		elog(ERROR, "continuous view has lost states");
	for (int i = 0; i < old->nstates; i++)
		if (!equal(old->states[i].aggref, new->states[i].aggref) ||
			old->states[i].column != new->states[i].column ||
			strcmp(old->states[i].colname, new->states[i].colname) != 0)
			elog(ERROR, "states of a continuous view are in another order");
}

static bool
aggregates_walker(Node *node, MixedAggregates *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		if (weir_cont_query_find_state(cxt->old, (Aggref *) node) >= 0)
			cxt->kept = true;
		else
			cxt->fresh = true;
		return false;
	}
	return expression_tree_walker(node, aggregates_walker, cxt);
}

/*
 * What is looked at of a range table entry: not the columns that are used, nor
 * those there are by now.
 */
static RangeTblEntry *
bare_entry(RangeTblEntry *rte)
{
	RangeTblEntry *bare = makeNode(RangeTblEntry);

	bare->rtekind = rte->rtekind;
	bare->relid = rte->relid;
	bare->inh = rte->inh;
	bare->tablesample = rte->tablesample;
	bare->subquery = rte->subquery;
	bare->jointype = rte->jointype;
	bare->functions = rte->functions;
	bare->funcordinality = rte->funcordinality;
	bare->values_lists = rte->values_lists;
	bare->ctename = rte->ctename;
	bare->lateral = rte->lateral;
	return bare;
}

static bool
same_sources(ContQuery *old, ContQuery *new)
{
	Query	   *a = old->query;
	Query	   *b = new->query;
	ListCell   *x;
	ListCell   *y;

	if (list_length(a->rtable) != list_length(b->rtable) ||
		!equal(a->jointree, b->jointree) || !equal(a->cteList, b->cteList))
		return false;
	forboth(x, a->rtable, y, b->rtable)
		if (!equal(bare_entry(lfirst_node(RangeTblEntry, x)), bare_entry(lfirst_node(RangeTblEntry, y))))
			return false;
	return weir_cont_query_same_window(old, new);
}

static bool
same_reading(Query *old, Query *new)
{
	return equal(old->havingQual, new->havingQual) &&
		equal(old->limitCount, new->limitCount) && equal(old->limitOffset, new->limitOffset) &&
		old->limitOption == new->limitOption &&
		old->hasDistinctOn == new->hasDistinctOn &&
		equal(old->groupingSets, new->groupingSets) && old->groupDistinct == new->groupDistinct &&
		(old->groupingSets == NIL || same_clauses(old, old->groupClause, new, new->groupClause)) &&
		same_windows(old, new) &&
		same_clauses(old, old->distinctClause, new, new->distinctClause) &&
		same_clauses(old, old->sortClause, new, new->sortClause);
}

/* Windows of new columns come after those of the old ones. */
static bool
same_windows(Query *old, Query *new)
{
	ListCell   *x;
	ListCell   *y;

	if (list_length(old->windowClause) > list_length(new->windowClause))
		return false;
	forboth(x, old->windowClause, y, new->windowClause)
	{
		WindowClause *a = lfirst_node(WindowClause, x);
		WindowClause *b = lfirst_node(WindowClause, y);

		if (a->winref != b->winref || a->frameOptions != b->frameOptions ||
			!equal(a->startOffset, b->startOffset) || !equal(a->endOffset, b->endOffset) ||
			!same_clauses(old, a->partitionClause, new, b->partitionClause) ||
			!same_clauses(old, a->orderClause, new, b->orderClause))
			return false;
	}
	return true;
}

static bool
same_clauses(Query *old, List *old_clauses, Query *new, List *new_clauses)
{
	ListCell   *x;
	ListCell   *y;

	if (list_length(old_clauses) != list_length(new_clauses))
		return false;
	forboth(x, old_clauses, y, new_clauses)
	{
		SortGroupClause *a = lfirst_node(SortGroupClause, x);
		SortGroupClause *b = lfirst_node(SortGroupClause, y);

		if (a->sortop != b->sortop || a->eqop != b->eqop || a->nulls_first != b->nulls_first ||
			!equal(get_sortgroupclause_expr(a, old->targetList), get_sortgroupclause_expr(b, new->targetList)))
			return false;
	}
	return true;
}

static int
count_columns(Query *query)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			n++;
	return n;
}

/* ---------------------------------------------------------------------
 * Adding columns
 * --------------------------------------------------------------------- */

static void
name_as_before(Query *query, Query *old_def)
{
	int			n = Min(count_columns(old_def), count_columns(query));

	for (int i = 0; i < n; i++)
		list_nth_node(TargetEntry, query->targetList, i)->resname =
			pstrdup(list_nth_node(TargetEntry, old_def->targetList, i)->resname);
	for (int i = n; i < count_columns(query); i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, query->targetList, i);
		const char *given = tle->resname;

		for (int number = 1; is_named_before(query, i, tle->resname); number++)
			tle->resname = psprintf("%s_%d", given, number);
	}
}

static bool
is_named_before(Query *query, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list_nth_node(TargetEntry, query->targetList, i)->resname, name) == 0)
			return true;
	return false;
}

/* In the order of the layout: states, then results, then blocks. */
static void
extend_matrel(Oid matrelid, const ContQuery *cq, int nold)
{
	for (int i = nold; i < cq->nstates; i++)
	{
		ContState  *state = &cq->states[i];
		PartialAgg *agg = weir_partial_agg_from_aggref(CurrentMemoryContext, state->aggref);

		add_matrel_column(matrelid, state->colname, state->statetype, weir_state_collation(state),
						  agg->initvalue, agg->initisnull);
		if (get_attnum(matrelid, state->colname) != state->column + 1)
			elog(ERROR, "column \"%s\" is not where it belongs", state->colname);
	}
	for (int i = nold; i < cq->nstates; i++)
	{
		ContState  *state = &cq->states[i];
		Datum		value;
		bool		isnull;

		if (state->value_column < 0)
			continue;
		value = weir_partial_agg_finalize(weir_partial_agg_from_aggref(CurrentMemoryContext, state->aggref),
										  (Datum) 0, true, &isnull);
		add_matrel_column(matrelid, state->value_name, state->aggref->aggtype, state->aggref->aggcollid,
						  value, isnull);
	}
	for (int i = nold; i < cq->nstates && cq->block_usecs; i++)
	{
		ContState  *state = &cq->states[i];
		PartialAgg *agg = weir_partial_agg_from_aggref(CurrentMemoryContext, state->aggref);

		add_matrel_column(matrelid, state->block_name, state->statetype, weir_state_collation(state),
						  agg->initvalue, agg->initisnull);
	}
	weir_matrel_check_width(matrelid);
}

/*
 * With this value in every row there is; it takes no rewriting of the table.
 */
static void
add_matrel_column(Oid matrelid, const char *name, Oid type, Oid collation, Datum value, bool isnull)
{
	AlterTableCmd *add = makeNode(AlterTableCmd);
	AlterTableCmd *forget = makeNode(AlterTableCmd);
	ColumnDef  *column = makeColumnDef(name, type, -1, collation);

	if (!isnull)
	{
		A_Const    *literal = makeNode(A_Const);
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(type, &output, &varlena);
		literal->val.sval.type = T_String;
		literal->val.sval.sval = OidOutputFunctionCall(output, value);
		literal->location = -1;
		column->raw_default = (Node *) literal;
	}
	add->subtype = AT_AddColumn;
	add->def = (Node *) column;
	add->behavior = DROP_RESTRICT;
	AlterTableInternal(matrelid, list_make1(add), true);
	CommandCounterIncrement();
	if (isnull)
		return;
	forget->subtype = AT_ColumnDefault;
	forget->name = pstrdup(name);
	forget->behavior = DROP_RESTRICT;
	AlterTableInternal(matrelid, list_make1(forget), true);
	CommandCounterIncrement();
}
