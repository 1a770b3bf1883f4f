/*
 * analyze.c
 *	  Tells whether a query reads a stream, and refuses what cannot be kept up
 *	  to date, saying what to write instead.
 *
 * Runs at CREATE VIEW, where errors reach the user with their position, and
 * again wherever the stored query is split; then nothing is refused unless the
 * server was upgraded.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "agg/partial.h"
#include "agg/value.h"
#include "base/weir.h"
#include "meta/extension.h"
#include "query/analyze.h"
#include "query/constants.h"
#include "query/def.h"
#include "query/values.h"

typedef struct CheckContext
{
	ParseState *pstate;
	Query	   *query;
	Index		stream;			/* range table index */
} CheckContext;

static Index find_stream_rte(ParseState *pstate, Query *query);
static void check_jointree(CheckContext *cxt, Node *node, bool nullable);
static void check_other_entries(CheckContext *cxt);
static int	modifying_with_location(Query *query);
static bool check_expr_walker(Node *node, CheckContext *cxt);
static void check_compared(ParseState *pstate, Aggref *aggref, const char *name);
static bool keeps_values(Aggref *aggref, const char *name);
static bool has_record(List *types);

Index
weir_query_check(ParseState *pstate, Query *query)
{
	CheckContext cxt = {pstate, query, 0};

	cxt.stream = find_stream_rte(pstate, query);
	check_jointree(&cxt, (Node *) query->jointree, false);
	check_expr_walker((Node *) query->targetList, &cxt);
	check_expr_walker((Node *) query->jointree, &cxt);
	check_expr_walker(query->havingQual, &cxt);
	check_expr_walker(query->limitCount, &cxt);
	check_expr_walker(query->limitOffset, &cxt);
	check_other_entries(&cxt);
	return cxt.stream;
}

void
weir_check_aggref(ParseState *pstate, Aggref *aggref)
{
	char	   *name = get_func_name(aggref->aggfnoid);
	int			location = aggref->location;
	ParseCallbackState position;
	MemoryContext cxt;
	PartialAgg *agg;

	if (strcmp(name, "combine") == 0 && get_func_namespace(aggref->aggfnoid) == weir_schema_oid())
		weir_query_refuse(pstate, location, "combining another view's column with rows of a stream",
						  "Call weir.combine in an ordinary view over the continuous view, or in a subquery.");
	if (weir_values_needed(aggref))
		return;
	if (keeps_values(aggref, name) && has_record(aggref->aggargtypes))
		weir_query_refuse(pstate, location,
						  psprintf("a row without a type of its own in %s",
								   strcmp(name, "array_agg_elements") == 0 ? "array_agg" : name),
						  WEIR_RECORD_HINT);

	check_compared(pstate, aggref, name);

	/* Errors for what PostgreSQL itself cannot combine. */
	cxt = AllocSetContextCreate(CurrentMemoryContext, "weir check aggregate",
								ALLOCSET_SMALL_SIZES);
	if (pstate)
		setup_parser_errposition_callback(&position, pstate, location);
	agg = weir_partial_agg_from_aggref(cxt, aggref);
	if (pstate)
		weir_constants_check_aggregate(agg, aggref);
	if (pstate)
		cancel_parser_errposition_callback(&position);
	MemoryContextDelete(cxt);
}

/*
 * Aggregates of Weir's own compare or hash values: else each row would be a
 * dead letter.
 */
static void
check_compared(ParseState *pstate, Aggref *aggref, const char *name)
{
	static const struct
	{
		const char *name;
		int			arg;		/* -1: the last */
		bool		order;		/* compared; else hashed */
	}			needs[] = {
		{"first", -1, true}, {"last", -1, true}, {"keyed_min", 0, true}, {"keyed_max", 0, true},
		{"first_values", -1, true}, {"top_n", -1, true}, {"approx_count_distinct", 0, false},
		{"hll_agg", 0, false}, {"hll_count_distinct", 0, false}, {"bloom_agg", 0, false}, {"freq_agg", 0, false},
		{"topk_agg", 0, false}, {"bucket_agg", 0, false}
	};

	if (get_func_namespace(aggref->aggfnoid) != weir_schema_oid())
		return;
	for (int i = 0; i < lengthof(needs); i++)
	{
		Oid			type;

		if (strcmp(needs[i].name, name) != 0)
			continue;
		type = needs[i].arg < 0 ? llast_oid(aggref->aggargtypes) : list_nth_oid(aggref->aggargtypes, needs[i].arg);
		if (!(needs[i].order ? weir_value_has_order(type) : weir_value_has_hash(type)))
			weir_query_refuse(pstate, aggref->location,
							  psprintf("an argument of type %s in %s: it has no %s function", format_type_be(type), name,
									   needs[i].order ? "comparison" : "hash"),
							  "Cast it to another type, such as text.");
	}
}

/*
 * Is the state made of the arguments' values (agg/value.c)?  Those of JSON are
 * made of text.
 */
static bool
keeps_values(Aggref *aggref, const char *name)
{
	return get_func_namespace(aggref->aggfnoid) == weir_schema_oid() && strncmp(name, "json", 4) != 0;
}

static bool
has_record(List *types)
{
	return list_member_oid(types, RECORDOID) || list_member_oid(types, RECORDARRAYOID);
}

void
weir_check_key(ParseState *pstate, Node *expr, Oid eqop, bool hashable)
{
	int			location = exprLocation(expr);
	Oid			type = exprType(expr);

	if (contain_volatile_functions(expr))
		weir_query_refuse(pstate, location, "a volatile function in GROUP BY or DISTINCT",
						  "Group by values that depend on the row alone.");
	if (!hashable || !op_hashjoinable(eqop, type))
		weir_query_refuse(pstate, location,
						  psprintf("grouping by type %s: it has no hash function", format_type_be(type)),
						  "Cast the column to a type that can be hashed, such as text.");
}

void
weir_query_check_clauses(ParseState *pstate, Query *query)
{
	if (query->hasModifyingCTE)
		weir_query_refuse(pstate, modifying_with_location(query), "a data-modifying WITH query",
						  "A view only reads: change tables in statements of their own.");
	if (query->rowMarks)
		weir_query_refuse(pstate, -1, "FOR UPDATE or FOR SHARE",
						  "Leave it out: a continuous query locks no rows.");
	if (query->havingQual && !query->hasAggs && !query->groupClause)
		weir_query_refuse(pstate, exprLocation(query->havingQual),
						  "HAVING without GROUP BY or aggregates", "Use WHERE.");
	if (query->hasWindowFuncs && !query->hasAggs && !query->groupClause)
		weir_query_refuse(pstate, locate_windowfunc((Node *) query->targetList),
						  "a window function over a stream's rows",
						  "Use a window function over the groups of a view with GROUP BY, or in an ordinary view over the continuous view.");
	if (query->targetList == NIL)
		weir_query_refuse(pstate, -1, "a query without columns", "Select a column, or count(*).");
}

static Index
find_stream_rte(ParseState *pstate, Query *query)
{
	Index		found = 0;
	Index		rti = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Oid			streamid = InvalidOid;

		rti++;
		if (rte->rtekind == RTE_SUBQUERY)
			streamid = weir_query_stream(rte->subquery);
		else if (weir_query_entry_is_stream(rte))
			streamid = rte->relid;
		if (!OidIsValid(streamid))
			continue;
		if (found > 0)
			weir_query_refuse(pstate, -1, "a join of two streams",
							  "Join a stream with tables. To take the rows of both, use UNION ALL in FROM.");
		found = rti;
	}
	if (found == 0)
		weir_query_refuse(pstate, -1, "a stream outside of the main query's FROM clause",
						  "Read the stream in the main query's FROM clause.");
	return found;
}

/*
 * The stream has to be on the side of each join whose rows are all kept, so
 * that what a row gives does not depend on rows still to come.  Returns with
 * an error if it is not; nullable tells that a join above this one adds rows.
 */
static void
check_jointree(CheckContext *cxt, Node *node, bool nullable)
{
	if (IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			check_jointree(cxt, lfirst(lc), nullable);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		check_jointree(cxt, join->larg, nullable ||
					   join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL);
		check_jointree(cxt, join->rarg, nullable ||
					   join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL);
	}
	else if (IsA(node, RangeTblRef) && ((RangeTblRef *) node)->rtindex == cxt->stream && nullable)
		weir_query_refuse(cxt->pstate, -1, "an outer join that adds rows without a row of the stream",
						  "Put the stream on the left of LEFT JOIN or on the right of RIGHT JOIN.");
}

/* Expressions in FROM may hold subqueries too. */
static void
check_other_entries(CheckContext *cxt)
{
	ListCell   *lc;

	foreach(lc, cxt->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		check_expr_walker((Node *) rte->functions, cxt);
		check_expr_walker((Node *) rte->values_lists, cxt);
		check_expr_walker((Node *) rte->tablefunc, cxt);
		check_expr_walker((Node *) rte->tablesample, cxt);
	}
}

static int
modifying_with_location(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (castNode(Query, cte->ctequery)->commandType != CMD_SELECT)
			return cte->location;
	}
	return -1;
}

static bool
check_expr_walker(Node *node, CheckContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup == 0 && var->varno == cxt->stream && var->varattno < 0)
			weir_query_refuse(cxt->pstate, var->location, "a system column of a stream",
							  "A stream keeps no rows. For the time at which a row came, use " WEIR_ARRIVAL_COLUMN ".");
		return false;
	}
	if ((IsA(node, FuncExpr) || IsA(node, OpExpr)) && cxt->pstate)
		weir_constants_check(cxt->pstate, node);
	if (IsA(node, SubLink))
	{
		SubLink    *sublink = (SubLink *) node;

		if (OidIsValid(weir_query_stream((Query *) sublink->subselect)))
			weir_query_refuse(cxt->pstate, sublink->location, "a stream inside a subquery",
							  "Read the stream in the main query's FROM clause.");
		return expression_tree_walker(sublink->testexpr, check_expr_walker, cxt);
	}
	return expression_tree_walker(node, check_expr_walker, cxt);
}

void
weir_query_check_row_wise(ParseState *pstate, Query *subquery, const char *where, bool in_place)
{
	const char *what = NULL;
	const char *hint = "Create a continuous view of what comes before, and an ordinary view with the rest over it.";

	if (subquery->setOperations)
		what = "UNION, INTERSECT or EXCEPT";
	else if (subquery->groupClause || subquery->groupingSets || subquery->havingQual)
		what = "GROUP BY";
	else if (subquery->hasAggs)
		what = "an aggregate";
	else if (subquery->hasWindowFuncs)
		what = "a window function";
	else if (subquery->distinctClause)
		what = "DISTINCT";
	else if (subquery->sortClause)
		what = "ORDER BY";
	else if (subquery->limitOffset || subquery->limitCount)
		what = "LIMIT or OFFSET";
	else if (subquery->rowMarks)
		what = "FOR UPDATE or FOR SHARE";
	else if (subquery->hasTargetSRFs && !in_place)
	{
		what = "a set-returning function in the select list";
		hint = "Call it in FROM, one after the other: SELECT ... FROM stream, function(...) AS f.";
	}
	else if (!in_place && contain_volatile_functions((Node *) subquery->targetList))
		what = "a volatile function in the select list";
	if (what)
		weir_query_refuse(pstate, exprLocation((Node *) subquery->targetList),
						  psprintf("%s in %s over a stream", what, where),
						  hint);
}
