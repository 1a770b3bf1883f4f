/*
 * union.c
 *	  UNION ALL of streams: their rows as those of one.
 *
 * A subquery in FROM that is a UNION ALL stays as it is; the rest of query/
 * takes its entry in the range table for the stream's.  Each branch projects,
 * filters and joins one stream as a view without aggregates could.  The
 * continuous query runs over the rows of a batch that are of one of the
 * streams, and the scans of the others give none then: what comes of all
 * batches is what the UNION ALL of all rows gives.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "meta/event_options.h"
#include "query/def.h"
#include "query/union.h"

static bool is_union_tree(Node *node, bool distinct);
static void make_all(Node *node);
static AttrNumber add_column(Query *query, Index rti, const char *name);
static void widen_joins(Query *query, Index child, Var *column, char *name);
static TargetEntry *make_stream_column(Query *branch, const char *name, int resno);
static Index first_leaf(Node *node);
static void add_type(Node *node, Var *var);

Query *
weir_union_wrap(ParseState *pstate, Query *query)
{
	SetOperationStmt *top = (SetOperationStmt *) query->setOperations;
	Query	   *wrapper;
	Query	   *inner;
	RangeTblEntry *rte;
	RangeTblRef *ref;
	Index		maxref = 0;
	ListCell   *lc;

	if (top == NULL)
		return query;
	if (!is_union_tree((Node *) top, !top->all) ||
		(query->cteList && (checkExprHasSubLink(query->limitCount) || checkExprHasSubLink(query->limitOffset))))
		weir_query_refuse(pstate, exprLocation((Node *) query->targetList), "INTERSECT, EXCEPT, or UNION inside UNION ALL, over a stream",
						  "Create a continuous view for each branch, and an ordinary view that puts them together.");

	/* What is on top of the branches goes around them. */
	wrapper = copyObject(query);
	inner = copyObject(query);
	inner->sortClause = NIL;
	inner->limitOffset = inner->limitCount = NULL;
	inner->limitOption = LIMIT_OPTION_COUNT;
	make_all(inner->setOperations);

	rte = makeNode(RangeTblEntry);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = inner;
	rte->eref = makeAlias("union", NIL);
	rte->inFromCl = true;
	ref = makeNode(RangeTblRef);
	ref->rtindex = 1;
	wrapper->rtable = list_make1(rte);
	wrapper->jointree = makeFromExpr(list_make1(ref), NULL);
	wrapper->setOperations = NULL;
	wrapper->cteList = NIL;
	foreach(lc, wrapper->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		TargetEntry *inner_tle = list_nth_node(TargetEntry, inner->targetList, foreach_current_index(lc));

		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(tle->resname)));
		tle->expr = (Expr *) makeVarFromTargetEntry(1, inner_tle);
		inner_tle->ressortgroupref = 0;
		maxref = Max(maxref, tle->ressortgroupref);
	}
	rte->alias = copyObject(rte->eref);
	if (top->all)
		return wrapper;

	/* UNION: each row once. */
	foreach(lc, top->groupClauses)
	{
		SortGroupClause *clause = copyObject(lfirst_node(SortGroupClause, lc));
		TargetEntry *tle = list_nth_node(TargetEntry, wrapper->targetList, foreach_current_index(lc));

		if (tle->ressortgroupref == 0)
			tle->ressortgroupref = ++maxref;
		clause->tleSortGroupRef = tle->ressortgroupref;
		wrapper->distinctClause = lappend(wrapper->distinctClause, clause);
	}
	return wrapper;
}

/*
 * distinct: UNION at the top takes away what a UNION or UNION ALL below leaves
 * twice.
 */
static bool
is_union_tree(Node *node, bool distinct)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
		return true;
	return op->op == SETOP_UNION && (op->all || distinct) &&
		is_union_tree(op->larg, distinct) && is_union_tree(op->rarg, distinct);
}

static void
make_all(Node *node)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
		return;
	op->all = true;
	op->groupClauses = NIL;
	make_all(op->larg);
	make_all(op->rarg);
}

bool
weir_is_union(Query *subquery)
{
	ListCell   *lc;

	foreach(lc, subquery->cteList)
		if (OidIsValid(weir_query_stream(castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery))))
			return false;
	return subquery->setOperations && is_union_tree(subquery->setOperations, false) &&
		!subquery->sortClause && !subquery->limitCount && !subquery->limitOffset;
}

/* ---------------------------------------------------------------------
 * Time
 * --------------------------------------------------------------------- */

/*
 * What a branch has in a column, if that is a column of its stream; else NULL.
 * *rte: the stream's entry.
 */
static Var *
stream_column(Query *branch, AttrNumber attno, RangeTblEntry **rte)
{
	TargetEntry *tle = list_nth_node(TargetEntry, branch->targetList, attno - 1);
	Var		   *var = (Var *) weir_flatten_join_alias_vars(branch, copyObject((Node *) tle->expr));

	if (!IsA(var, Var) || var->varlevelsup > 0)
		return NULL;
	*rte = rt_fetch(var->varno, branch->rtable);
	return weir_query_entry_is_stream(*rte) ? var : NULL;
}

bool
weir_union_is_event_time(Query *subquery, AttrNumber attno)
{
	Oid			type = list_nth_oid(castNode(SetOperationStmt, subquery->setOperations)->colTypes, attno - 1);
	ListCell   *lc;

	foreach(lc, subquery->rtable)
	{
		RangeTblEntry *rte;
		Var		   *var = stream_column(lfirst_node(RangeTblEntry, lc)->subquery, attno, &rte);

		/* A timestamp is at UTC, but not when it becomes a timestamptz. */
		if (var == NULL || var->vartype != type || var->varattno != weir_event_options(rte->relid)->column)
			return false;
	}
	return true;
}

AttrNumber
weir_union_time_column(Query *query, Index rti, const char *name, Oid *type, int32 *typmod)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	SetOperationStmt *top = castNode(SetOperationStmt, rte->subquery->setOperations);
	AttrNumber	attno = InvalidAttrNumber;
	ListCell   *lc;

	foreach(lc, rte->eref->colnames)
		if (strcmp(strVal(lfirst(lc)), name) == 0 && attno == InvalidAttrNumber)
			attno = foreach_current_index(lc) + 1;
	if (attno == InvalidAttrNumber)
		attno = add_column(query, rti, name);
	if (attno != InvalidAttrNumber)
	{
		*type = list_nth_oid(top->colTypes, attno - 1);
		*typmod = list_nth_int(top->colTypmods, attno - 1);
	}
	return attno;
}

/*
 * A column that each branch's stream has becomes one of the union's, its last.
 * InvalidAttrNumber: not all have it.
 */
static AttrNumber
add_column(Query *outer, Index rti, const char *name)
{
	RangeTblEntry *rte = rt_fetch(rti, outer->rtable);
	Query	   *query = rte->subquery;
	int			resno = list_length(query->targetList) + 1;
	List	   *entries = NIL;
	TargetEntry *first = NULL;
	Var		   *var;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		TargetEntry *tle = make_stream_column(lfirst_node(RangeTblEntry, lc)->subquery, name, resno);

		if (first == NULL)
			first = tle;
		if (tle == NULL || exprType((Node *) tle->expr) != exprType((Node *) first->expr) ||
			exprTypmod((Node *) tle->expr) != exprTypmod((Node *) first->expr))
			return InvalidAttrNumber;
		entries = lappend(entries, tle);
	}
	foreach(lc, query->rtable)
	{
		RangeTblEntry *leaf = lfirst_node(RangeTblEntry, lc);

		leaf->subquery->targetList = lappend(leaf->subquery->targetList, list_nth(entries, foreach_current_index(lc)));
		leaf->eref->colnames = lappend(leaf->eref->colnames, makeString(pstrdup(name)));
	}
	var = makeVar(first_leaf(query->setOperations), resno, exprType((Node *) first->expr), exprTypmod((Node *) first->expr),
				  InvalidOid, 0);
	query->targetList = lappend(query->targetList, makeTargetEntry((Expr *) var, resno, pstrdup(name), false));
	add_type(query->setOperations, var);
	if (rte->alias && list_length(rte->alias->colnames) == list_length(rte->eref->colnames))
		rte->alias->colnames = lappend(rte->alias->colnames, makeString(pstrdup(name)));
	rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(name)));
	var = copyObject(var);
	var->varno = rti;
	widen_joins(outer, rti, var, pstrdup(name));
	return resno;
}

/* ---------------------------------------------------------------------
 * Joins over what got a column more
 * --------------------------------------------------------------------- */

/* The join one of whose sides is this entry; NULL: none. */
static JoinExpr *
find_join(Node *node, Index child, bool *left)
{
	JoinExpr   *result = NULL;
	ListCell   *lc;

	if (IsA(node, FromExpr))
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (result == NULL)
				result = find_join(lfirst(lc), child, left);
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		Node	   *sides[] = {join->larg, join->rarg};

		for (int i = 0; i < 2 && result == NULL; i++)
		{
			Index		side = IsA(sides[i], RangeTblRef) ? ((RangeTblRef *) sides[i])->rtindex : ((JoinExpr *) sides[i])->rtindex;

			*left = i == 0;
			result = side == child ? join : find_join(sides[i], child, left);
		}
	}
	return result;
}

/* References to columns of an entry from this one on go to the next one. */
typedef struct ShiftContext
{
	Index		rti;
	AttrNumber	from;
	int			level;
	List	   *seen;			/* a node may be in several places */
} ShiftContext;

static bool
shift_walker(Node *node, ShiftContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == cxt->rti && var->varlevelsup == cxt->level && var->varattno >= cxt->from &&
			!list_member_ptr(cxt->seen, var))
		{
			cxt->seen = lappend(cxt->seen, var);
			var->varattno++;
			if (var->varnosyn == cxt->rti)
				var->varattnosyn++;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		cxt->level++;
		result = query_tree_walker((Query *) node, shift_walker, cxt, 0);
		cxt->level--;
		return result;
	}
	return expression_tree_walker(node, shift_walker, cxt);
}

/*
 * A join has the columns of both its sides, and says which: merged ones, then
 * the rest of the left side's and of the right side's in their order.  So what
 * its side got is put between them, and the joins over it get one more in
 * turn.
 */
static void
widen_joins(Query *query, Index child, Var *column, char *name)
{
	bool		left;
	JoinExpr   *join = find_join((Node *) query->jointree, child, &left);
	RangeTblEntry *rte;
	ShiftContext cxt = {0};
	List	   *columns;
	int			at;
	int			place;
	Var		   *var;
	ListCell   *lc;

	if (join == NULL)
		return;
	rte = rt_fetch(join->rtindex, query->rtable);
	columns = left ? rte->joinleftcols : rte->joinrightcols;
	foreach(lc, columns)
		if (lfirst_int(lc) >= column->varattno)
			lfirst_int(lc)++;
	for (at = rte->joinmergedcols; at < list_length(columns) && list_nth_int(columns, at) < column->varattno; at++)
		;
	place = left ? at : list_length(rte->joinleftcols) + at - rte->joinmergedcols;
	columns = list_insert_nth_int(columns, at, column->varattno);
	if (left)
		rte->joinleftcols = columns;
	else
		rte->joinrightcols = columns;
	rte->joinaliasvars = list_insert_nth(rte->joinaliasvars, place, copyObject(column));
	rte->eref->colnames = list_insert_nth(rte->eref->colnames, place, makeString(name));
	if (rte->alias && list_length(rte->alias->colnames) > place)
		rte->alias->colnames = list_insert_nth(rte->alias->colnames, place, makeString(name));

	cxt.rti = join->rtindex;
	cxt.from = place + 1;
	(void) query_tree_walker(query, shift_walker, &cxt, 0);
	var = copyObject(column);
	var->varno = join->rtindex;
	var->varattno = place + 1;
	var->varnosyn = 0;
	var->varattnosyn = 0;
	widen_joins(query, join->rtindex, var, name);
}

static TargetEntry *
make_stream_column(Query *branch, const char *name, int resno)
{
	ListCell   *lc;

	/*
	 * Where columns that are not shown follow, the new one would not be at its
	 * place.
	 */
	if (list_length(branch->targetList) != resno - 1 || branch->hasTargetSRFs)
		return NULL;
	foreach(lc, branch->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		AttrNumber	attno;
		Oid			type;
		int32		typmod;
		Oid			collation;

		if (!weir_query_entry_is_stream(rte))
			continue;
		attno = get_attnum(rte->relid, name);
		if (attno <= 0)
			return NULL;
		get_atttypetypmodcoll(rte->relid, attno, &type, &typmod, &collation);
		return makeTargetEntry((Expr *) makeVar(foreach_current_index(lc) + 1, attno, type, typmod, collation, 0),
							   resno, pstrdup(name), false);
	}
	return NULL;
}

static Index
first_leaf(Node *node)
{
	return IsA(node, RangeTblRef) ? ((RangeTblRef *) node)->rtindex : first_leaf(((SetOperationStmt *) node)->larg);
}

static void
add_type(Node *node, Var *var)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
		return;
	op->colTypes = lappend_oid(op->colTypes, var->vartype);
	op->colTypmods = lappend_int(op->colTypmods, var->vartypmod);
	op->colCollations = lappend_oid(op->colCollations, InvalidOid);
	add_type(op->larg, var);
	add_type(op->rarg, var);
}
