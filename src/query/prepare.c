/*
 * prepare.c
 *	  The form of a defining query that is split.
 *
 * Subqueries over the stream are pulled up, and columns of joins become those
 * of the joined tables: the parser takes these for the same, and so must
 * equal().  Of a UNION ALL, each branch is brought into this form by itself.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "base/compat.h"
#include "query/analyze.h"
#include "query/counterpart.h"
#include "query/def.h"
#include "query/flatten.h"
#include "query/panes.h"
#include "query/prepare.h"
#include "query/sliding.h"
#include "query/union.h"
#include "query/window.h"

#define BRANCH_HINT "Write it over the UNION ALL: SELECT ... FROM (SELECT ... UNION ALL SELECT ...) u WHERE ... GROUP BY ..."

static void flatten(ParseState *pstate, Query *query);
static void prepare_branches(ParseState *pstate, RangeTblEntry *rte);
static void check_branch(ParseState *pstate, Query *branch);

Query *
weir_query_prepare(ParseState *pstate, Query *def)
{
	Query	   *query = copyObject(weir_union_wrap(pstate, def));

	flatten(pstate, query);
	query->targetList = (List *)
		weir_flatten_join_alias_vars(query, (Node *) query->targetList);
	query->havingQual = weir_flatten_join_alias_vars(query, query->havingQual);
	weir_window_prepare(pstate, query);
	weir_counterparts_put(query);
	return query;
}

static void
flatten(ParseState *pstate, Query *query)
{
	ListCell   *lc;

	weir_query_flatten(pstate, query);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && OidIsValid(weir_query_stream(rte->subquery)))
			prepare_branches(pstate, rte);
	}
}

static void
prepare_branches(ParseState *pstate, RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->lateral && contain_vars_of_level((Node *) rte->subquery, 1))
		weir_query_refuse(pstate, -1, "a LATERAL reference inside UNION ALL over a stream", BRANCH_HINT);
	foreach(lc, rte->subquery->rtable)
	{
		Query	   *branch = lfirst_node(RangeTblEntry, lc)->subquery;

		if (!OidIsValid(weir_query_stream(branch)))
			weir_query_refuse(pstate, exprLocation((Node *) branch->targetList), "a branch of UNION ALL without a stream",
							  "Its rows would count again with each batch: create a continuous view of the streams, and an ordinary view that adds these rows.");
		flatten(pstate, branch);
		check_branch(pstate, branch);
	}
}

/* What is no part of a branch is looked for in a copy: the branch stays. */
static void
check_branch(ParseState *pstate, Query *branch)
{
	Query	   *copy = copyObject(branch);
	int			location = exprLocation((Node *) branch->targetList);
	Index		stream;

	weir_query_check_row_wise(pstate, copy, "a branch of UNION ALL", true);
	stream = weir_query_check(pstate, copy);
	if (weir_sliding_take(pstate, copy, stream) != NULL)
		weir_query_refuse(pstate, location, "a sliding window in a branch of UNION ALL", BRANCH_HINT);
	weir_window_prepare(pstate, copy);
	(void) weir_panes_take(pstate, copy);
}
