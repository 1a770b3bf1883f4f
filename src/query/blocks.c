/*
 * blocks.c
 *	  Steps of a sliding window put together: what makes reading many of them
 *	  cheap.
 *
 * A window of a hundred steps takes a hundred states a group to read.  So
 * steps are also kept ten to a block: in each group, the latest row of a block
 * carries the states of the whole block beside its own.
 *
 *		key | step  | states    | block | states of the block
 *		a   | 12:07 | of 12:07  |       |
 *		a   | 12:08 | of 12:08  |       |
 *		a   | 12:09 | of 12:09  | 12:00 | of 12:00 to 12:09
 *
 * Reading combines the blocks that are inside the window as a whole, and
 * single steps at its edges: some fifteen rows for a hundred steps.  Rows come
 * mostly in the order of their time, so those that a flush changes are those
 * that carry: a block costs no write of its own (matrel/block_writer.c).  The
 * columns of the steps are as they would be without blocks, for those who
 * combine them by hand.
 *
 * Windows of few steps have none, nor have views with values (query/values.h),
 * which need to know the steps.  A block has about as many steps as a window
 * has blocks.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "query/blocks.h"
#include "query/expr.h"

/* Of fewer steps, reading all is cheap enough. */
#define MIN_STEPS 30

static char *
new_name(const ContQuery *cq, int nstates, const char *base)
{
	char	   *name = base ? makeObjectName(base, NULL, "block") : pstrdup("block");

	for (int n = 1; weir_cont_query_has_column(cq, nstates, name); n++)
		name = base ? makeObjectName(base, NULL, psprintf("block%d", n)) : psprintf("block%d", n);
	return name;
}

void
weir_blocks_decide(ContQuery *cq, const ContViewOptions *options)
{
	int64		steps;

	if (cq->window == NULL || cq->append || !cq->cell_hidden || !options->sliding || cq->values != NIL)
		return;
	steps = weir_interval_usecs(&options->sw) / cq->step_usecs;
	if (steps >= MIN_STEPS)
		cq->block_usecs = (int64) rint(sqrt((double) steps)) * cq->step_usecs;
}

int
weir_blocks_lay_out(ContQuery *cq, int first, int last, int column)
{
	if (cq->block_usecs == 0)
		return column;
	if (cq->block_name == NULL)
	{
		cq->block_column = column++;
		cq->block_name = new_name(cq, last, NULL);
	}
	for (int i = first; i < last; i++)
	{
		cq->states[i].block_column = column++;
		cq->states[i].block_name = new_name(cq, last, cq->states[i].colname);
	}
	return column;
}

Timestamp
weir_block_of(const ContQuery *cq, Timestamp step)
{
	int64		distance;

	if (TIMESTAMP_NOT_FINITE(step))
		return step;
	distance = (step - WEIR_STEP_ORIGIN) % cq->block_usecs;
	return step - distance - (distance < 0 ? cq->block_usecs : 0);
}

/* "SELECT keys, states FROM matrel WHERE " */
static void
add_select(StringInfo sql, ContQuery *cq, Oid matrelid, bool blocks)
{
	for (int i = 0; i < cq->nkeys; i++)
		appendStringInfo(sql, "%s%s", i == 0 ? "SELECT " : ", ", quote_identifier(cq->keys[i].colname));
	for (int i = 0; i < cq->nstates; i++)
	{
		const char *name = pstrdup(quote_identifier(cq->states[i].colname));

		appendStringInfo(sql, ", %s", blocks ? psprintf("%s AS %s", quote_identifier(cq->states[i].block_name), name) : name);
	}
	appendStringInfo(sql, " FROM %s WHERE ",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(matrelid)),
												get_rel_name(matrelid)));
}

/* The same as weir_block_of, in SQL. */
static char *
block_of(ContQuery *cq, const char *time, const char *length)
{
	Oid			type = cq->keys[cq->cell_key].type;

	return psprintf("pg_catalog.date_bin(%s, %s, '1970-01-01 00:00:00%s'::%s)", length, time,
					type == TIMESTAMPTZOID ? "+00" : "", format_type_be(type));
}

Query *
weir_blocks_rows(ContQuery *cq, Oid matrelid, Node *lower, Node *upper, CommonTableExpr **cte)
{
	const char *type = format_type_be(cq->keys[cq->cell_key].type);
	const char *step = pstrdup(quote_identifier(cq->keys[cq->cell_key].colname));
	const char *block = pstrdup(quote_identifier(cq->block_name));
	const char *end = cq->window->upper_inclusive ? "<=" : "<";
	char	   *length = psprintf("'" INT64_FORMAT " us'::pg_catalog.interval", cq->block_usecs);
	char	   *first = psprintf("%s + %s", block_of(cq, "lower", length), length);
	char	   *last = block_of(cq, "upper", length);
	StringInfoData sql;
	Query	   *result;
	ListCell   *lc;

	/*
	 * The bounds are looked up in one row, so all parts mean the same window.
	 */
	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH \"?window\" AS MATERIALIZED (SELECT NULL::%s AS lower%s) SELECT * FROM (", type,
					 upper ? psprintf(", NULL::%s AS upper", type) : "");
	add_select(&sql, cq, matrelid, true);
	appendStringInfo(&sql, "%s > (SELECT lower FROM \"?window\")", block);
	if (upper)
		appendStringInfo(&sql, " AND %s < (SELECT %s FROM \"?window\")", block, last);
	appendStringInfoString(&sql, " UNION ALL ");
	add_select(&sql, cq, matrelid, false);
	appendStringInfo(&sql, "%s > (SELECT lower FROM \"?window\") AND %s < (SELECT %s FROM \"?window\")",
					 step, step, first);
	if (upper)
	{
		appendStringInfo(&sql, " AND %s %s (SELECT upper FROM \"?window\") UNION ALL ", step, end);
		add_select(&sql, cq, matrelid, false);
		appendStringInfo(&sql, "%s >= (SELECT greatest(%s, %s) FROM \"?window\") AND %s %s (SELECT upper FROM \"?window\")",
						 step, first, last, step, end);
	}
	appendStringInfoString(&sql, ") steps");

	result = weir_analyze_sql(sql.data);
	*cte = linitial_node(CommonTableExpr, result->cteList);
	foreach(lc, castNode(Query, (*cte)->ctequery)->targetList)
		lfirst_node(TargetEntry, lc)->expr = (Expr *) (foreach_current_index(lc) == 0 ? lower : upper);
	return linitial_node(RangeTblEntry, result->rtable)->subquery;
}
