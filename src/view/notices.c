/*
 * notices.c
 *	  What CREATE VIEW tells of a query that is taken, but may not do what was
 *	  meant.
 *
 * A stream has a column more than its user wrote, arrival_timestamp, which is
 * in * and in whole rows.  Where rows are compared, as DISTINCT, UNION and
 * GROUP BY do, no row is like another then.  A view without aggregates keeps
 * all rows, also where it shows few of them.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/weir.h"
#include "meta/extension.h"
#include "view/notices.h"

typedef struct NoticeContext
{
	ParseState *pstate;
	List	   *stars;			/* places of * in the text */
	List	   *queries;		/* that the node is in, the innermost first */
	bool		told;			/* of the arrival time: once is enough */
} NoticeContext;

static bool star_walker(Node *node, List **stars);
static void hint_at_star(void *arg);
static bool notice_walker(Node *node, NoticeContext *cxt);
static void notice_query(NoticeContext *cxt, Query *query);
static void notice_branches(NoticeContext *cxt, Query *query, Node *op);
static void notice_columns(NoticeContext *cxt, List *tlist);
static void notice_arguments(NoticeContext *cxt, Aggref *aggref);
static bool looks_into_rows(Aggref *aggref);
static void notice_keys(NoticeContext *cxt, Query *query, List *clauses);
static void notice_row(NoticeContext *cxt, Node *expr);
static void notice_kept_rows(NoticeContext *cxt, Query *query);

void
weir_view_notices(Query *query, Node *raw, const ContQuery *cq, bool expires, const char *source_text)
{
	NoticeContext cxt = {make_parsestate(NULL)};

	cxt.pstate->p_sourcetext = source_text;
	star_walker(raw, &cxt.stars);
	notice_walker((Node *) query, &cxt);
	if (cq->append && !cq->window && !expires)
		notice_kept_rows(&cxt, query);
	free_parsestate(cxt.pstate);
}

static bool
streams_below_walker(Node *node, List **told)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		ListCell   *lc;

		if (rte->rtekind != RTE_RELATION || !rte->inh || weir_relation_is_stream(rte->relid) || !has_subclass(rte->relid))
			return false;
		foreach(lc, find_all_inheritors(rte->relid, NoLock, NULL))
		{
			if (!weir_relation_is_stream(lfirst_oid(lc)) || list_member_oid(*told, lfirst_oid(lc)))
				continue;
			*told = lappend_oid(*told, lfirst_oid(lc));
			ereport(NOTICE,
					(errmsg("the view reads \"%s\" without the rows of stream \"%s\", which belongs to it",
							get_rel_name(rte->relid), get_rel_name(lfirst_oid(lc))),
					 errdetail("A stream keeps no rows."),
					 errhint("Create a continuous view over the stream, and read both.")));
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, streams_below_walker, told, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, streams_below_walker, told);
}

void
weir_view_notice_streams_below(Query *query)
{
	List	   *told = NIL;

	streams_below_walker((Node *) query, &told);
}

/* ---------------------------------------------------------------------
 * arrival_timestamp in * and in whole rows
 * --------------------------------------------------------------------- */

static bool
star_walker(Node *node, List **stars)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), A_Star))
		*stars = lappend_int(*stars, ((ColumnRef *) node)->location);
	return raw_expression_tree_walker(node, star_walker, stars);
}

static bool
names_stream_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeVar) && weir_relation_is_stream(RangeVarGetRelid((RangeVar *) node, NoLock, true)))
		return true;
	return raw_expression_tree_walker(node, names_stream_walker, context);
}

void
weir_star_hint_begin(StarHint *hint, Node *raw)
{
	List	   *stars = NIL;

	star_walker(raw, &stars);
	hint->has_star = stars != NIL && names_stream_walker(raw, NULL);
	hint->context.callback = hint_at_star;
	hint->context.arg = hint;
	hint->context.previous = error_context_stack;
	error_context_stack = &hint->context;
}

void
weir_star_hint_end(StarHint *hint)
{
	error_context_stack = hint->context.previous;
}

static void
hint_at_star(void *arg)
{
	if (((StarHint *) arg)->has_star && geterrcode() == ERRCODE_GROUPING_ERROR)
		errhint("* of a stream has the column %s, too. Name the columns, or group by it.", WEIR_ARRIVAL_COLUMN);
}

static bool
notice_walker(Node *node, NoticeContext *cxt)
{
	bool		result;

	if (node == NULL || cxt->told)
		return false;
	if (IsA(node, Query))
	{
		cxt->queries = lcons(node, cxt->queries);
		notice_query(cxt, (Query *) node);
		result = query_tree_walker((Query *) node, notice_walker, cxt, 0);
		cxt->queries = list_delete_first(cxt->queries);
		return result;
	}
	if (IsA(node, Aggref))
		notice_arguments(cxt, (Aggref *) node);
	return expression_tree_walker(node, notice_walker, cxt);
}

static void
notice_query(NoticeContext *cxt, Query *query)
{
	if (query->distinctClause && !query->hasDistinctOn)
		notice_columns(cxt, query->targetList);
	if (query->setOperations)
		notice_branches(cxt, query, query->setOperations);
	notice_keys(cxt, query, query->groupClause);
	notice_keys(cxt, query, query->distinctClause);
}

/* Those of a UNION that takes away what is there twice. */
static void
notice_branches(NoticeContext *cxt, Query *query, Node *op)
{
	SetOperationStmt *set = (SetOperationStmt *) op;

	if (IsA(op, RangeTblRef))
		notice_columns(cxt, rt_fetch(((RangeTblRef *) op)->rtindex, query->rtable)->subquery->targetList);
	else if (!set->all)
	{
		notice_branches(cxt, query, set->larg);
		notice_branches(cxt, query, set->rarg);
	}
}

static void
notice_columns(NoticeContext *cxt, List *tlist)
{
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (cxt->told || !OidIsValid(tle->resorigtbl) || !weir_relation_is_stream(tle->resorigtbl) ||
			strcmp(get_attname(tle->resorigtbl, tle->resorigcol, false), WEIR_ARRIVAL_COLUMN) != 0 ||
			!list_member_int(cxt->stars, exprLocation((Node *) tle->expr)))
			continue;
		cxt->told = true;
		ereport(NOTICE,
				(errmsg("* of stream \"%s\" has the column %s, so that rows that come at different times are different",
						get_rel_name(tle->resorigtbl), WEIR_ARRIVAL_COLUMN),
				 errhint("Name the columns that count."),
				 parser_errposition(cxt->pstate, exprLocation((Node *) tle->expr))));
	}
}

static void
notice_keys(NoticeContext *cxt, Query *query, List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
		notice_row(cxt, get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), query->targetList));
}

static void
notice_arguments(NoticeContext *cxt, Aggref *aggref)
{
	ListCell   *lc;

	if (aggref->aggdistinct == NIL && !looks_into_rows(aggref))
		return;
	foreach(lc, aggref->args)
		notice_row(cxt, (Node *) lfirst_node(TargetEntry, lc)->expr);
}

/* Not one that counts rows, or keeps the best as they are. */
static bool
looks_into_rows(Aggref *aggref)
{
	static const char *const others[] = {"count", "first", "last", "first_values", "top_n", "keyed_min", "keyed_max"};
	const char *name = get_func_name(aggref->aggfnoid);

	for (int i = 0; i < lengthof(others); i++)
		if (strcmp(others[i], name) == 0)
			return false;
	return true;
}

static void
notice_row(NoticeContext *cxt, Node *expr)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;

	if (cxt->told || !IsA(var, Var) || var->varattno != InvalidAttrNumber)
		return;
	rte = rt_fetch(var->varno, list_nth_node(Query, cxt->queries, var->varlevelsup)->rtable);
	if (rte->rtekind != RTE_RELATION || !weir_relation_is_stream(rte->relid))
		return;
	cxt->told = true;
	ereport(NOTICE,
			(errmsg("a row of stream \"%s\" as a whole has the column %s, so that rows that come at different times are different",
					get_rel_name(rte->relid), WEIR_ARRIVAL_COLUMN),
			 errhint("Name the columns that count."),
			 parser_errposition(cxt->pstate, var->location)));
}

/* ---------------------------------------------------------------------
 * Rows that are kept and not shown
 * --------------------------------------------------------------------- */

static void
notice_kept_rows(NoticeContext *cxt, Query *query)
{
	Node	   *clause = query->limitCount;

	if (query->hasDistinctOn)
		clause = get_sortgroupclause_expr(linitial_node(SortGroupClause, query->distinctClause), query->targetList);
	if (clause == NULL)
		return;
	ereport(NOTICE,
			(errmsg("the view keeps every row: %s is applied when it is read", query->hasDistinctOn ? "DISTINCT ON" : "LIMIT"),
			 errhint("weir.last and weir.first keep a row for each group, weir.top_n several; the options ttl and sw let old rows go."),
			 parser_errposition(cxt->pstate, exprLocation(clause))));
}
