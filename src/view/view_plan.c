/*
 * view_plan.c
 *	  What CREATE VIEW or CREATE OR REPLACE VIEW over a stream asks for, before
 *	  anything is made.
 *
 * Options and query need each other: the query is split by the options, and a
 * sliding window in its WHERE is an option that it gives.  So the options that
 * stand alone come first, then the split, then those that name what it has
 * found.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/weir.h"
#include "matrel/partition.h"
#include "query/def.h"
#include "query/primary_key.h"
#include "query/split.h"
#include "query/values.h"
#include "runtime/plan.h"
#include "view/stored_options.h"
#include "view/view_plan.h"

static void check_statement(const ViewStmt *stmt);
static void apply_aliases(const ViewStmt *stmt, Query *query);
static void take_query(ViewPlan *plan, const char *source_text);
static void settle_partitions(ViewPlan *plan);

void
weir_view_plan_begin(ViewPlan *plan, ViewStmt *stmt, Query *query, const ContViewOptions *existing)
{
	memset(plan, 0, sizeof(ViewPlan));
	plan->stmt = copyObject(stmt);
	plan->query = query;
	plan->layout = existing ? existing : &plan->options;
	check_statement(stmt);
	weir_view_options_read(stmt->options, &plan->given, &plan->stmt->options);
	plan->options.fillfactor = plan->given.fillfactor;
	apply_aliases(stmt, query);
	plan->stmt->aliases = NIL;
}

void
weir_view_plan_analyze(ViewPlan *plan, const char *source_text)
{
	weir_stored_options_event_time(&plan->given, &plan->options);
	take_query(plan, source_text);
	weir_stored_options_window(&plan->given, plan->cq->window, &plan->options);
	plan->options.late_stream = weir_stored_options_late_stream(&plan->given, plan->cq->streams, source_text);
}

void
weir_view_plan_settle(ViewPlan *plan)
{
	const GivenOptions *given = &plan->given;

	if (given->sw)
	{
		plan->query = weir_sliding_add(plan->query, given->sw_column ? given->sw_column : WEIR_ARRIVAL_COLUMN,
									   given->sw);
		take_query(plan, NULL);
	}
	if (given->partition_by)
		settle_partitions(plan);
	if (given->pk)
		plan->options.pk = weir_primary_key_find(plan->cq, plan->def, given->pk);
}

void
weir_view_plan_stored(ViewPlan *plan, Oid defid)
{
	plan->def = weir_def_query(defid);
	plan->cq = weir_cont_query_build(plan->def, plan->layout, NULL);
}

void
weir_view_plan_check_rights(const ViewPlan *plan, const char *source_text)
{
	ListCell   *lc;

	weir_cont_query_check_rights(weir_cont_query_plan(plan->cq, source_text), source_text);
	foreach(lc, plan->cq->values)
		weir_cont_query_check_rights(weir_cont_query_plan(((ValuesRel *) lfirst(lc))->query, source_text), source_text);
}

/* Split the query as it is by now. */
static void
take_query(ViewPlan *plan, const char *source_text)
{
	plan->def = copyObject(plan->query);
	weir_flatten_group_rte(plan->def);
	plan->cq = weir_cont_query_build(plan->def, plan->layout, source_text);
}

static void
settle_partitions(ViewPlan *plan)
{
	const Interval *interval = plan->given.partition_interval;
	int			key = weir_partition_find_key(plan->cq, plan->def, plan->given.partition_by, interval);

	plan->options.partitioned = true;
	plan->options.partition_interval = *interval;
	namestrcpy(&plan->options.partition_column, plan->cq->keys[key].colname);
}

static void
check_statement(const ViewStmt *stmt)
{
	if (stmt->view->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views cannot be temporary"),
				 errhint("Leave out TEMPORARY: background workers keep the view up to date.")));
	if (stmt->withCheckOption != NO_CHECK_OPTION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support WITH CHECK OPTION"),
				 errhint("Rows are inserted into the stream; put the condition into the view's WHERE clause.")));
}

/* CREATE VIEW v (a, b): names of the first columns. */
static void
apply_aliases(const ViewStmt *stmt, Query *query)
{
	ListCell   *alias = list_head(stmt->aliases);
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk || alias == NULL)
			continue;
		tle->resname = pstrdup(strVal(lfirst(alias)));
		alias = lnext(stmt->aliases, alias);
	}
	if (alias != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("CREATE VIEW specifies more column names than columns")));
}
