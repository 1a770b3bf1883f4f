/*
 * grouping.c
 *	  GROUPING SETS, ROLLUP and CUBE; see grouping.h.
 *
 * Results of states are combined by the view query's own grouping.  Aggregates
 * over values (values.h) are subqueries, which have to know the set that a row
 * is of: GROUPING(all columns) tells, and each different set has a subquery of
 * its own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"

#include "query/def.h"
#include "query/expr.h"
#include "query/grouping.h"
#include "query/view_expr.h"
#include "query/window_call.h"

/* GROUPING takes no more, and its result has a bit for each. */
#define MAX_COLUMNS 31

static List *sets_of(Query *def);
static List *keys_of_set(const ContQuery *cq, Query *def, List *refs);
static Node *clause_expr(Query *def, Index ref);
static bool is_dependent(const ContQuery *cq, Query *def, int key);

void
weir_grouping_check(ParseState *pstate, Query *def, const ContViewOptions *options)
{
	int			location;

	if (def->groupingSets == NIL)
		return;
	location = exprLocation(linitial(def->groupingSets));
	if (!def->hasAggs && def->groupClause == NIL)
		weir_query_refuse(pstate, location, "GROUP BY () without aggregates", "Add an aggregate such as count(*).");
	if (list_length(def->groupClause) > MAX_COLUMNS)
		weir_query_refuse(pstate, location, "grouping sets over more than 31 columns",
						  "Create a continuous view of fewer columns, or several.");
	if (options->final)
		weir_query_refuse(pstate, location, "GROUPING SETS, ROLLUP or CUBE with emit = final",
						  "A total over windows is never final: create a continuous view for each grouping.");
}

/*
 * Lists of the references of each set's clauses, as often as they are written.
 */
static List *
sets_of(Query *def)
{
	return expand_grouping_sets(copyObject(def->groupingSets), def->groupDistinct, -1);
}

List *
weir_grouping_keys(const ContQuery *cq, Query *def)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (def->groupingSets == NIL)
		return NIL;
	foreach(lc, sets_of(def))
	{
		List	   *keys = keys_of_set(cq, def, lfirst(lc));

		if (!list_member(result, keys))
			result = lappend(result, keys);
	}
	return result;
}

static List *
keys_of_set(const ContQuery *cq, Query *def, List *refs)
{
	List	   *keys = NIL;

	for (int i = 0; i < cq->nkeys; i++)
	{
		Node	   *key = (Node *) list_nth_node(TargetEntry, cq->query->targetList, i)->expr;
		bool		found = is_dependent(cq, def, i);
		ListCell   *lc;

		foreach(lc, refs)
			found = found || equal(weir_window_bucket((Expr *) clause_expr(def, lfirst_int(lc))), key);
		if (found)
			keys = lappend_int(keys, i);
	}
	return keys;
}

static Node *
clause_expr(Query *def, Index ref)
{
	return get_sortgroupclause_expr(get_sortgroupref_clause(ref, def->groupClause), def->targetList);
}

/*
 * A column of a table whose primary key is in every set, or PostgreSQL would
 * have refused it.
 */
static bool
is_dependent(const ContQuery *cq, Query *def, int key)
{
	Node	   *expr = (Node *) list_nth_node(TargetEntry, cq->query->targetList, key)->expr;
	ListCell   *lc;

	if (!IsA(expr, Var) || weir_cont_query_key_is_hidden(cq, key))
		return false;
	foreach(lc, def->groupClause)
	{
		Expr	   *clause = (Expr *) clause_expr(def, lfirst_node(SortGroupClause, lc)->tleSortGroupRef);

		if (equal(weir_window_bucket(clause), expr))
			return false;
	}
	return true;
}

void
weir_grouping_add_dependent(const ContQuery *cq, Query *def, Query *query)
{
	for (int i = 0; i < cq->nkeys; i++)
	{
		SortGroupClause *clause;

		if (!is_dependent(cq, def, i))
			continue;
		clause = weir_view_group_by(query, (Expr *) weir_view_column(cq, i),
									list_nth_node(SortGroupClause, cq->query->groupClause, i));
		query->groupClause = lappend(query->groupClause, clause);
		query->groupingSets = lappend(query->groupingSets,
									  makeGroupingSet(GROUPING_SET_SIMPLE,
													  list_make1_int(clause->tleSortGroupRef), -1));
	}
}

Node *
weir_grouping_choose(const ContQuery *cq, Query *def, List *clause_exprs, List *results)
{
	List	   *all = weir_grouping_keys(cq, def);
	List	   *seen = NIL;
	Node	   *first = linitial(results);
	CaseExpr   *choice;
	ListCell   *lc;

	if (list_length(results) == 1)
		return first;
	choice = makeNode(CaseExpr);
	choice->casetype = exprType(first);
	choice->casecollid = exprCollation(first);
	choice->defresult = (Expr *) makeNullConst(choice->casetype, -1, choice->casecollid);
	choice->location = -1;
	foreach(lc, sets_of(def))
	{
		List	   *refs = lfirst(lc);
		GroupingFunc *grouping;
		CaseWhen   *when;
		int32		bits = 0;
		ListCell   *clause;

		/*
		 * A bit for each column that is not in the set, the first column's the
		 * highest.
		 */
		foreach(clause, def->groupClause)
			bits = bits * 2 + !list_member_int(refs, lfirst_node(SortGroupClause, clause)->tleSortGroupRef);
		if (list_member_int(seen, bits))
			continue;
		seen = lappend_int(seen, bits);

		grouping = makeNode(GroupingFunc);
		grouping->args = copyObject(clause_exprs);
		foreach(clause, def->groupClause)
			grouping->refs = lappend_int(grouping->refs, lfirst_node(SortGroupClause, clause)->tleSortGroupRef);
		grouping->location = -1;
		when = makeNode(CaseWhen);
		when->expr = (Expr *) weir_make_op("=", (Node *) grouping,
										   (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
															  Int32GetDatum(bits), false, true));
		for (int i = 0; i < list_length(all); i++)
			if (equal(list_nth(all, i), keys_of_set(cq, def, refs)))
				when->result = copyObject(list_nth(results, i));
		when->location = -1;
		choice->args = lappend(choice->args, when);
	}
	return (Node *) choice;
}
