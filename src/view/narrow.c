/*
 * narrow.c
 *	  CREATE VIEW last_hour WITH (sw = '1 hour') AS SELECT ... FROM last_day:
 *	  windows of several lengths from the states of one.
 *
 * The result is an ordinary view.  In its query each sliding-window view is
 * replaced by the query that this view has over its matrel, with a window that
 * begins later.  Nothing is kept for it, and its steps are those of the view
 * it reads.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "meta/cont_view.h"
#include "meta/view_options.h"
#include "query/def.h"
#include "query/split.h"
#include "query/view_query.h"
#include "view/define.h"
#include "view/narrow.h"

typedef struct NarrowContext
{
	const Interval *length;
	bool		found;
} NarrowContext;

static bool narrow_walker(Node *node, NarrowContext *cxt);
static void narrow_entry(RangeTblEntry *rte, ContView *view, const Interval *length);
static void check_select(Oid relid);
static void check_length(const ContView *view, const ContQuery *cq, const Interval *length);

bool
weir_narrow_view(UtilityCall *call, ViewStmt *stmt, Query *query)
{
	NarrowContext cxt = {NULL, false};
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *defel = lfirst_node(DefElem, lc);

		if (defel->defnamespace == NULL && strcmp(defel->defname, "sw") == 0)
			cxt.length = weir_view_options_interval(defel);
		else
			others = lappend(others, defel);
	}
	if (cxt.length == NULL)
		return false;
	weir_view_options_refuse(others);

	query = copyObject(query);
	narrow_walker((Node *) query, &cxt);
	if (!cxt.found)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sw\" can only be specified when reading from a stream or a sliding-window view"),
				 errhint("Name a stream, or a continuous view with a sliding window, in the FROM clause.")));

	stmt = copyObject(stmt);
	stmt->options = others;
	weir_view_define(call, stmt, query);
	return true;
}

static bool
narrow_walker(Node *node, NarrowContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		ContView   *view = rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW ?
			weir_cont_view_by_view(rte->relid) : NULL;

		if (view != NULL && view->options.sliding)
		{
			ContView	copy = *view;

			narrow_entry(rte, &copy, cxt->length);
			cxt->found = true;
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, narrow_walker, cxt, QTW_EXAMINE_RTES_AFTER);
	return expression_tree_walker(node, narrow_walker, cxt);
}

static void
narrow_entry(RangeTblEntry *rte, ContView *view, const Interval *length)
{
	Query	   *def = weir_def_query(view->defid);
	ContQuery  *cq = weir_cont_query_build(def, &view->options, NULL);
	Query	   *query;
	ListCell   *lc;

	check_select(view->matrelid);
	for (int i = 0; i < view->nvalues; i++)
		check_select(view->values[i]);
	check_length(view, cq, length);
	weir_sliding_narrow(cq->window, length);
	query = weir_view_query_build(cq, def, view);

	/* Columns are called as they are now. */
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			tle->resname = get_attname(view->viewid, tle->resno, false);
	}
	if (rte->alias == NULL)
		rte->alias = makeAlias(rte->eref->aliasname, NIL);
	weir_rte_becomes_subquery(rte, query);
}

static void
check_select(Oid relid)
{
	AclResult	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, get_rel_name(relid));
}

static void
check_length(const ContView *view, const ContQuery *cq, const Interval *length)
{
	int64		usecs = weir_interval_usecs(length);

	if (usecs > weir_interval_usecs(&view->options.sw))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sw\" value is longer than the window of continuous view %s", view->name),
				 errhint("States of what has left the window of %s are gone; define a view over the stream.",
						 view->name)));
	if (usecs < USECS_PER_SEC || (!cq->append && usecs < view->options.step_usecs * 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sw\" value is too small"),
				 errhint("\"sw\" must be at least twice as long as a step of continuous view %s; a smaller step_factor there makes finer steps.",
						 view->name)));
}
