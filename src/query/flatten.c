/*
 * flatten.c
 *	  Subqueries that only project and filter a stream, pulled up.
 *
 * PostgreSQL's planner does the same to such subqueries; here it is done when
 * a query is split, so that the rest of query/ finds the stream, its columns
 * and its place in the joins in one query.  A UNION ALL stays (union.c).  Runs
 * on a copy: the query that a user reads in weir.views stays as written.
 */
#include "postgres.h"

#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "query/analyze.h"
#include "query/def.h"
#include "query/flatten.h"
#include "query/union.h"

typedef struct RenameContext
{
	char	   *old_name;
	char	   *new_name;
	int			levelsup;
} RenameContext;

typedef struct SrfContext
{
	List	   *calls;			/* in the order of the select list: those
								 * without others among their arguments */
	bool		nested;			/* and these are arguments of others */
	Index		rti;			/* of what they become in FROM */
	bool		whole_row;		/* the only one gives rows */
	RelabelType *row;
	AttrNumber	column;			/* the last that was used */
} SrfContext;

static bool inline_with(ParseState *pstate, Query *query);
static RangeTblEntry *find_reference(List *rtable, const char *name, Index *levelsup);
static bool pull_up(ParseState *pstate, Query *query);
static void pull_up_one(Query *query, Index rti);
static void hide_whole_rows(Query *query);
static void lift_with(Query *query, Query *subquery);
static bool with_named(List *ctes, const char *name);
static bool rename_walker(Node *node, RenameContext *cxt);
static void move_srfs(Query *subquery);
static bool move_innermost_srfs(Query *subquery);
static bool find_srfs_walker(Node *node, SrfContext *cxt);
static Node *srf_mutator(Node *node, SrfContext *cxt);
static void lift_lateral(Query *query, Query *subquery);
static Node *put_in_place(Node *node, Index rti, FromExpr *replacement);

void
weir_query_flatten(ParseState *pstate, Query *query)
{
	while (inline_with(pstate, query) || pull_up(pstate, query))
		;
}

/*
 * One WITH query that reads a stream becomes a subquery in FROM, of the query
 * or of a later WITH query; false if there is none.
 */
static bool
inline_with(ParseState *pstate, Query *query)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		Query	   *subquery = castNode(Query, cte->ctequery);
		RangeTblEntry *found;
		Index		levelsup = 0;
		ListCell   *other;

		if (!OidIsValid(weir_query_stream(subquery)))
			continue;
		if (cte->cterecursive)
			weir_query_refuse(pstate, cte->location, "WITH RECURSIVE over a stream",
							  "Let the recursion go over tables alone, or over the continuous view in an ordinary one.");
		if (!weir_is_union(subquery))
		{
			move_srfs(subquery);
			weir_query_check_row_wise(pstate, subquery, "WITH", false);
		}
		found = find_reference(query->rtable, cte->ctename, &levelsup);
		for_each_cell(other, query->cteList, lnext(query->cteList, lc))
		{
			CommonTableExpr *reader = lfirst_node(CommonTableExpr, other);

			if (found != NULL)
				break;
			levelsup = 1;
			found = find_reference(castNode(Query, reader->ctequery)->rtable, cte->ctename, &levelsup);
		}
		if (found == NULL || cte->cterefcount != 1)
			weir_query_refuse(pstate, cte->location, "a stream inside WITH that is not read once in FROM",
							  "Read it once, in the main query's FROM clause.");

		/* As the planner's inline_cte does. */
		IncrementVarSublevelsUp((Node *) subquery, levelsup, 1);
		found->rtekind = RTE_SUBQUERY;
		found->subquery = subquery;
		found->security_barrier = false;
		found->ctename = NULL;
		found->self_reference = false;
		found->coltypes = found->coltypmods = found->colcollations = NIL;
		query->cteList = foreach_delete_current(query->cteList, lc);
		return true;
	}
	return false;
}

/*
 * In FROM, also of subqueries there.  *levelsup: how many queries the range
 * table is below that of the WITH.
 */
static RangeTblEntry *
find_reference(List *rtable, const char *name, Index *levelsup)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		RangeTblEntry *found;

		if (rte->rtekind == RTE_CTE && rte->ctelevelsup == *levelsup &&
			strcmp(rte->ctename, name) == 0)
			return rte;
		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		(*levelsup)++;
		found = find_reference(rte->subquery->rtable, name, levelsup);
		if (found)
			return found;
		(*levelsup)--;
	}
	return NULL;
}

/*
 * One subquery in FROM that reads a stream and is no UNION ALL; false if there
 * is none.
 */
static bool
pull_up(ParseState *pstate, Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_SUBQUERY || !OidIsValid(weir_query_stream(rte->subquery)) ||
			weir_is_union(rte->subquery))
			continue;
		move_srfs(rte->subquery);
		weir_query_check_row_wise(pstate, rte->subquery, "a subquery", false);
		if (rte->lateral && contain_vars_of_level((Node *) rte->subquery->jointree->fromlist, 1))
			weir_query_refuse(pstate, -1, "a LATERAL reference in JOIN ... ON inside a subquery over a stream",
							  "Put the condition into the subquery's WHERE clause.");
		pull_up_one(query, foreach_current_index(lc) + 1);
		return true;
	}
	return false;
}

/*
 * The stream may only be where joins add no rows to it (analyze.c checks), so
 * the subquery's columns are nowhere NULL but by themselves.
 */
static void
pull_up_one(Query *query, Index rti)
{
	int			nentries = list_length(rt_fetch(rti, query->rtable)->subquery->rtable);
	RangeTblEntry *rte;
	Query	   *subquery;

	/*
	 * The subquery's entries go to the front: those of joins follow what they
	 * join.
	 */
	OffsetVarNodes((Node *) query, nentries, 0);
	rte = copyObject(rt_fetch(rti, query->rtable));
	rti += nentries;
	subquery = copyObject(rte->subquery);
	IncrementVarSublevelsUp((Node *) subquery, -1, 1);
	lift_with(query, subquery);
	*query = *(Query *) weir_replace_vars((Node *) query, rti, rte, subquery->targetList);
	hide_whole_rows(query);
	if (rte->lateral)
		lift_lateral(query, subquery);
	query->jointree = (FromExpr *) put_in_place((Node *) query->jointree, rti, subquery->jointree);
	query->hasSubLinks |= subquery->hasSubLinks;

	/* The entry stays, so that others keep their numbers. */
	rte = rt_fetch(rti - nentries, query->rtable);
	rte->rtekind = RTE_RESULT;
	rte->subquery = NULL;
	rte->lateral = false;
	weir_prepend_rtable(query, subquery);
}

/*
 * A join's column may be a whole row of the subquery's relation now.
 * PostgreSQL takes a plain Var there for a column, and looks whether that has
 * been dropped.
 */
static void
hide_whole_rows(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		ListCell   *column;

		foreach(column, lfirst_node(RangeTblEntry, lc)->joinaliasvars)
		{
			Var		   *var = lfirst(column);

			if (var && IsA(var, Var) && var->varattno == InvalidAttrNumber)
				lfirst(column) = makeRelabelType((Expr *) var, var->vartype, -1, InvalidOid, COERCE_EXPLICIT_CAST);
		}
	}
}

/* Its own WITH queries go up with it, under names that are free there. */
static void
lift_with(Query *query, Query *subquery)
{
	ListCell   *lc;

	foreach(lc, subquery->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		RenameContext rename = {cte->ctename, cte->ctename, 0};

		for (int n = 1; with_named(query->cteList, rename.new_name) ||
			 (n > 1 && with_named(subquery->cteList, rename.new_name)); n++)
			rename.new_name = psprintf("%s_%d", cte->ctename, n);
		if (rename.new_name != rename.old_name)
		{
			query_tree_walker(subquery, rename_walker, &rename, QTW_EXAMINE_RTES_BEFORE);
			cte->ctename = rename.new_name;
		}
	}
	query->cteList = list_concat(query->cteList, subquery->cteList);
	query->hasRecursive |= subquery->hasRecursive;
	subquery->cteList = NIL;
}

static bool
with_named(List *ctes, const char *name)
{
	ListCell   *lc;

	foreach(lc, ctes)
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, name) == 0)
			return true;
	return false;
}

static bool
rename_walker(Node *node, RenameContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && rte->ctelevelsup == cxt->levelsup && strcmp(rte->ctename, cxt->old_name) == 0)
			rte->ctename = pstrdup(cxt->new_name);
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		cxt->levelsup++;
		result = query_tree_walker((Query *) node, rename_walker, cxt, QTW_EXAMINE_RTES_BEFORE);
		cxt->levelsup--;
		return result;
	}
	return expression_tree_walker(node, rename_walker, cxt);
}

/*
 * Set-returning functions of the select list go to FROM, as one item: ROWS
 * FROM goes through several of them as a select list does.  One that is an
 * argument of another goes before that.  Not several of which any is, nor rows
 * beside others: then they stay.
 */
static void
move_srfs(Query *subquery)
{
	if (!subquery->hasTargetSRFs || subquery->setOperations || subquery->distinctClause || subquery->sortClause ||
		subquery->groupClause || subquery->hasAggs)
		return;
	while (move_innermost_srfs(subquery))
		;
	subquery->hasTargetSRFs = expression_returns_set((Node *) subquery->targetList);
}

/* False: there are none, or they have to stay. */
static bool
move_innermost_srfs(Query *subquery)
{
	ParseState *pstate = make_parsestate(NULL);
	SrfContext	cxt = {NIL};
	RangeFunction *range = makeNode(RangeFunction);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	List	   *columns = NIL;
	ListCell   *lc;

	find_srfs_walker((Node *) subquery->targetList, &cxt);
	foreach(lc, cxt.calls)
	{
		Oid			type;
		TupleDesc	desc;
		TypeFuncClass kind = get_expr_result_type(lfirst(lc), &type, &desc);

		cxt.whole_row = kind == TYPEFUNC_COMPOSITE;
		if (kind != TYPEFUNC_SCALAR && !(kind == TYPEFUNC_COMPOSITE && list_length(cxt.calls) == 1))
			return false;
		names = lappend(names, psprintf("set%d", foreach_current_index(lc) + 1));
		columns = lappend(columns, NIL);
	}
	if (cxt.calls == NIL || (cxt.nested && list_length(cxt.calls) > 1))
		return false;

	range->lateral = true;
	range->is_rowsfrom = list_length(cxt.calls) > 1;
	pstate->p_rtable = subquery->rtable;
	(void) addRangeTableEntryForFunction(pstate, names, copyObject(cxt.calls), columns, range, true, true);
	subquery->rtable = pstate->p_rtable;
	ref->rtindex = cxt.rti = list_length(subquery->rtable);
	subquery->jointree->fromlist = lappend(subquery->jointree->fromlist, ref);

	/*
	 * The row alone would not do as what a join has in its column list: the
	 * rewriter takes it for a column.
	 */
	if (cxt.whole_row)
	{
		Var		   *row = makeWholeRowVar(llast_node(RangeTblEntry, subquery->rtable), cxt.rti, 0, false);

		cxt.row = makeRelabelType((Expr *) row, row->vartype, -1, InvalidOid, COERCE_EXPLICIT_CAST);
	}
	subquery->targetList = (List *) srf_mutator((Node *) subquery->targetList, &cxt);
	return true;
}

static bool
returns_set(Node *node)
{
	return (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcretset) ||
		(IsA(node, OpExpr) && ((OpExpr *) node)->opretset);
}

static Node *
arguments(Node *call)
{
	return (Node *) (IsA(call, FuncExpr) ? ((FuncExpr *) call)->args : ((OpExpr *) call)->args);
}

static bool
find_srfs_walker(Node *node, SrfContext *cxt)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if (returns_set(node))
	{
		if (!expression_returns_set(arguments(node)))
		{
			cxt->calls = lappend(cxt->calls, node);
			return false;
		}
		cxt->nested = true;
	}
	return expression_tree_walker(node, find_srfs_walker, cxt);
}

/* Calls become columns in the order in which they were found. */
static Node *
srf_mutator(Node *node, SrfContext *cxt)
{
	if (node == NULL)
		return NULL;
	if (returns_set(node) && !expression_returns_set(arguments(node)))
		return cxt->whole_row ? (Node *) copyObject(cxt->row) :
			(Node *) makeVar(cxt->rti, ++cxt->column, exprType(node), exprTypmod(node), exprCollation(node), 0);
	return expression_tree_mutator(node, srf_mutator, cxt);
}

/*
 * Conditions may name other tables of the query: they go to its WHERE, as no
 * join that can take away or add rows of the stream is in between.  The
 * planner wants to know which entries may name others.
 */
static void
lift_lateral(Query *query, Query *subquery)
{
	ListCell   *lc;

	query->jointree->quals = make_and_qual(query->jointree->quals, subquery->jointree->quals);
	subquery->jointree->quals = NULL;
	foreach(lc, subquery->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY || rte->rtekind == RTE_FUNCTION ||
			rte->rtekind == RTE_TABLEFUNC || rte->rtekind == RTE_VALUES ||
			(rte->rtekind == RTE_RELATION && rte->tablesample))
			rte->lateral = true;
	}
}

static Node *
put_in_place(Node *node, Index rti, FromExpr *replacement)
{
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rti ? (Node *) replacement : node;
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		join->larg = put_in_place(join->larg, rti, replacement);
		join->rarg = put_in_place(join->rarg, rti, replacement);
	}
	else
	{
		ListCell   *lc;

		foreach(lc, castNode(FromExpr, node)->fromlist)
			lfirst(lc) = put_in_place(lfirst(lc), rti, replacement);
	}
	return node;
}
