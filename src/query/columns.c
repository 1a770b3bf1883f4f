/*
 * columns.c
 *	  The matrel's columns: their types, names and places.
 *
 * A column has the name of the output column that is just that key or state,
 * if there is one.  Places follow generations: what a view got later by CREATE
 * OR REPLACE VIEW comes behind all that was there, whose columns stay as they
 * are.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "query/blocks.h"
#include "query/columns.h"
#include "query/values.h"

typedef struct ColumnContext
{
	ColumnList *list;
	ContQuery  *cq;
	Query	   *def;			/* prepared */
	const ContViewOptions *options;
} ColumnContext;

static void add_states(ColumnList *list);
static void name_columns(ColumnContext *cxt);
static void fill_keys(ColumnContext *cxt);
static void fill_states(ColumnContext *cxt);
static int	generation_of_state(ColumnContext *cxt, int n);
static void name_column(ColumnContext *cxt, int i, const char *otherwise);
static void lay_out(ColumnContext *cxt);
static void add_value(ContQuery *cq, ContState *state, int nstates, int column);
static bool value_is_kept(const ContState *state);
static char *column_name(ColumnContext *cxt, Node *expr, int position, const char *otherwise, int limit);
static bool name_taken(ColumnContext *cxt, const char *name);
static bool output_named(ColumnContext *cxt, const char *name, int limit);

void
weir_columns_describe(ColumnList *list, ContQuery *cq, Query *def, const ContViewOptions *options)
{
	ColumnContext cxt = {list, cq, def, options};

	cq->nkeys = list_length(list->tlist);
	cq->nstates = list_length(list->aggrefs);
	add_states(list);
	name_columns(&cxt);
	fill_keys(&cxt);
	fill_states(&cxt);
	weir_blocks_decide(cq, options);
	lay_out(&cxt);
}

int
weir_columns_of_generation(const ContViewOptions *options, int generation)
{
	return generation < options->ngenerations ? options->generations[generation] : INT_MAX;
}

static void
add_states(ColumnList *list)
{
	ListCell   *lc;

	foreach(lc, list->aggrefs)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);

		aggref = weir_values_needed(aggref) ? weir_values_kept_state(aggref) : copyObject(aggref);
		list->tlist = lappend(list->tlist,
							  makeTargetEntry((Expr *) aggref, list_length(list->tlist) + 1, NULL, false));
	}
}

/*
 * Columns that the user knows choose first; what came later has what is left.
 */
static void
name_columns(ColumnContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	int			nfirst = cq->nkeys + Min(cxt->list->generations[0], cq->nstates);

	for (int i = 0; i < nfirst; i++)
		if (i != cq->cell_key)
			name_column(cxt, i, NULL);
	if (cq->cell_key >= 0)
		name_column(cxt, cq->cell_key, cq->kind->cell_name(cq, cxt->def));
	for (int i = nfirst; i < cq->nkeys + cq->nstates; i++)
		name_column(cxt, i, NULL);
}

static void
fill_keys(ColumnContext *cxt)
{
	ContQuery  *cq = cxt->cq;

	cq->keys = palloc0(sizeof(ContKey) * cq->nkeys);
	for (int i = 0; i < cq->nkeys; i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, cxt->list->tlist, i);
		ContKey    *key = &cq->keys[i];

		key->type = exprType((Node *) tle->expr);
		key->typmod = exprTypmod((Node *) tle->expr);
		key->collation = exprCollation((Node *) tle->expr);
		key->eqop = cq->append ? InvalidOid :
			list_nth_node(SortGroupClause, cxt->list->group, i)->eqop;
		key->colname = tle->resname;
	}
}

static void
fill_states(ColumnContext *cxt)
{
	ContQuery  *cq = cxt->cq;

	cq->states = palloc0(sizeof(ContState) * cq->nstates);
	for (int i = 0; i < cq->nstates; i++)
	{
		TargetEntry *tle = list_nth_node(TargetEntry, cxt->list->tlist, cq->nkeys + i);
		Aggref	   *written = list_nth(cxt->list->aggrefs, i);
		ContState  *state = &cq->states[i];

		state->aggref = (Aggref *) tle->expr;
		if (weir_values_needed(written))
			state->written = copyObject(written);
		state->statetype = weir_partial_agg_from_aggref(CurrentMemoryContext, state->aggref)->statetype;
		state->colname = tle->resname;
		state->value_column = -1;
	}
}

static int
generation_of_state(ColumnContext *cxt, int n)
{
	int			generation = 0;

	while (generation < cxt->options->ngenerations && n >= cxt->list->generations[generation])
		generation++;
	return generation;
}

static void
name_column(ColumnContext *cxt, int i, const char *otherwise)
{
	TargetEntry *tle = list_nth_node(TargetEntry, cxt->list->tlist, i);
	int			state = i - cxt->cq->nkeys;
	int			generation = state < 0 ? 0 : generation_of_state(cxt, state);
	Node	   *expr = state < 0 ? (Node *) tle->expr : list_nth(cxt->list->aggrefs, state);

	tle->resname = column_name(cxt, expr, i, otherwise, weir_columns_of_generation(cxt->options, generation));
}

/* After the keys, each generation's states, then results, then blocks. */
static void
lay_out(ColumnContext *cxt)
{
	ContQuery  *cq = cxt->cq;
	int			column = cq->nkeys;
	int			n = 0;
	int			generation = 0;

	do
	{
		int			first = n;

		while (n < cq->nstates && generation_of_state(cxt, n) == generation)
			cq->states[n++].column = column++;
		for (int i = first; i < n && !weir_cont_query_has_cells(cq); i++)
			if (value_is_kept(&cq->states[i]))
				add_value(cq, &cq->states[i], n, column++);
		column = weir_blocks_lay_out(cq, first, n, column);
		generation++;
	} while (n < cq->nstates);
}

/* Its name is none of the first nstates states'. */
static void
add_value(ContQuery *cq, ContState *state, int nstates, int column)
{
	char	   *name = makeObjectName(state->colname, NULL, "value");

	for (int n = 1; weir_cont_query_has_column(cq, nstates, name); n++)
		name = makeObjectName(state->colname, NULL, psprintf("value%d", n));
	state->value_name = name;
	state->value_column = column;
	cq->nvalues++;
}

/*
 * Is the result to be kept beside the state?  Where making it means to rebuild
 * the state from its serialized form, it is small, and nothing but the state
 * decides it.
 */
static bool
value_is_kept(const ContState *state)
{
	Aggref	   *aggref = state->aggref;
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	bool		internal = form->aggtranstype == INTERNALOID;
	Oid			finalfn = form->aggfinalfn;

	ReleaseSysCache(tuple);
	return internal && OidIsValid(finalfn) &&
		get_func_namespace(finalfn) == PG_CATALOG_NAMESPACE &&
		func_volatile(finalfn) == PROVOLATILE_IMMUTABLE &&
		(aggref->aggtype == NUMERICOID || get_typlen(aggref->aggtype) > 0);
}

/*
 * The name of the output column (up to limit) that is just this; else the
 * given; else _position.
 */
static char *
column_name(ColumnContext *cxt, Node *expr, int position, const char *otherwise, int limit)
{
	char	   *name;
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno <= limit && tle->resname && equal(tle->expr, expr) &&
			SystemAttributeByName(tle->resname) == NULL &&
			strcmp(tle->resname, "?column?") != 0 &&
			!name_taken(cxt, tle->resname))
			return pstrdup(tle->resname);
	}
	if (otherwise && !name_taken(cxt, otherwise))
		return pstrdup(otherwise);
	name = psprintf("_%d", position);
	while (name_taken(cxt, name) || output_named(cxt, name, limit))
		name = psprintf("_%s", name);
	return name;
}

static bool
name_taken(ColumnContext *cxt, const char *name)
{
	ListCell   *lc;

	foreach(lc, cxt->list->tlist)
	{
		const char *taken = lfirst_node(TargetEntry, lc)->resname;

		if (taken && strcmp(taken, name) == 0)
			return true;
	}
	return false;
}

static bool
output_named(ColumnContext *cxt, const char *name, int limit)
{
	ListCell   *lc;

	foreach(lc, cxt->def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno <= limit && strcmp(tle->resname, name) == 0)
			return true;
	}
	return false;
}
