/*
 * combine_hidden.c
 *	  The columns that hand states up to weir.combine, made ready for the
 *	  planner.
 *
 * They are put in as junk (combine.c), and can be told from other junk, which
 * something sorts or groups by.  A planner that pulls a subquery up takes no
 * junk from it (from PostgreSQL 18 on), so they become columns as any where
 * nobody could see them.  Who takes rows as a whole would: such a subquery
 * keeps its junk, and OFFSET 0 keeps it from being pulled up.
 *
 * Runs in the planner hook of every backend.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "base/compat.h"
#include "read/combine_hidden.h"

/* A query, and the one whose part it is. */
typedef struct Level
{
	Query	   *query;
	struct Level *parent;
} Level;

/* A relation whose rows as a whole are looked for. */
typedef struct Whole
{
	Index		varno;
	Index		levelsup;
} Whole;

static bool keep_walker(Node *node, Level *level);
static void keep_whole(Level *level);
static Query *query_of(Level *level, RangeTblEntry *rte);
static bool find_whole_walker(Node *node, Whole *whole);
static bool show_walker(Node *node, void *context);
static void show(Query *query);
static bool has_hidden(Query *query);
static bool is_hidden(const TargetEntry *tle);

void
weir_combine_show_hidden(Query *query)
{
	(void) keep_walker((Node *) query, NULL);
	(void) show_walker((Node *) query, NULL);
}

static bool
keep_walker(Node *node, Level *level)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Level		inner = {(Query *) node, level};

		keep_whole(&inner);
		return query_tree_walker(inner.query, keep_walker, (void *) &inner, 0);
	}
	return expression_tree_walker(node, keep_walker, (void *) level);
}

/* Of what the query takes rows as a whole from. */
static void
keep_whole(Level *level)
{
	ListCell   *lc;

	foreach(lc, level->query->rtable)
	{
		Query	   *query = query_of(level, lfirst_node(RangeTblEntry, lc));
		Whole		whole = {foreach_current_index(lc) + 1, 0};

		if (query && has_hidden(query) && !query->limitOffset &&
			query_tree_walker(level->query, find_whole_walker, (void *) &whole, 0))
			query->limitOffset = (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
													Int64GetDatum(0), false, FLOAT8PASSBYVAL);
	}
}

/* The query that an entry reads; NULL of others. */
static Query *
query_of(Level *level, RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_SUBQUERY)
		return rte->subquery;
	if (rte->rtekind != RTE_CTE)
		return NULL;
	for (Index up = 0; level && up < rte->ctelevelsup; up++)
		level = level->parent;
	if (level == NULL)
		return NULL;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && IsA(cte->ctequery, Query))
			return (Query *) cte->ctequery;
	}
	return NULL;
}

static bool
find_whole_walker(Node *node, Whole *whole)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		return var->varno == whole->varno && var->varlevelsup == whole->levelsup &&
			var->varattno == InvalidAttrNumber;
	}
	if (IsA(node, Query))
	{
		bool		found;

		whole->levelsup++;
		found = query_tree_walker((Query *) node, find_whole_walker, (void *) whole, 0);
		whole->levelsup--;
		return found;
	}
	return expression_tree_walker(node, find_whole_walker, (void *) whole);
}

static bool
show_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry) && ((RangeTblEntry *) node)->rtekind == RTE_SUBQUERY)
		show(((RangeTblEntry *) node)->subquery);
	if (IsA(node, CommonTableExpr) && IsA(((CommonTableExpr *) node)->ctequery, Query))
		show((Query *) ((CommonTableExpr *) node)->ctequery);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, show_walker, context, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
		return false;			/* query_tree_walker goes on into it */
	return expression_tree_walker(node, show_walker, context);
}

static void
show(Query *query)
{
	ListCell   *lc;

	if (query->limitOffset)
		return;
	foreach(lc, query->targetList)
		if (is_hidden(lfirst_node(TargetEntry, lc)))
			lfirst_node(TargetEntry, lc)->resjunk = false;
}

static bool
has_hidden(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (is_hidden(lfirst_node(TargetEntry, lc)))
			return true;
	return false;
}

static bool
is_hidden(const TargetEntry *tle)
{
	return tle->resjunk && tle->ressortgroupref == 0;
}
