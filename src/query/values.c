/*
 * values.c
 *	  The continuous queries that fill values relations; see values.h.
 *
 * A query groups by the view's keys and the arguments.  Rows of the stream
 * reach it as they reach the view's own query: FROM and WHERE are the same.
 * FILTER decides in the arguments, not in WHERE, because an aggregate looks at
 * FILTER after all that is in WHERE and before its arguments, and what a
 * condition keeps away must not fail:
 *
 *	  SELECT keys, CASE WHEN filter THEN argument END, count(*) FILTER (WHERE
 *	  filter)
 *
 * So there may be a row of NULLs that no row of the stream has passed the
 * filter for; the state tells.  Where equal rows do not count (DISTINCT), the
 * state is bool_or(filter), or there is none: then a value that is there
 * already costs no write.
 *
 * Equal values may look different: 1.0 and 1.00.  DISTINCT and ordered sets
 * take one for the other, so one row does for both.  array_agg(x ORDER BY y)
 * shows each: there the bytes of the argument, weir.image(x), are a column as
 * well.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/heap.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/values.h"
#include "query/window_call.h"

static void check_window(ParseState *pstate, ContQuery *cq, Query *def);
static void check_sets(ParseState *pstate, Query *def);
static List *argument_exprs(const Aggref *aggref, bool shown_only);
static List *add_leaves(List *exprs, Expr *expr);
static bool is_fixed(Node *expr);
static bool looks_alike(Expr *expr);
static void check_argument(ParseState *pstate, Aggref *aggref, Expr *expr);
static void add_column(ContQuery *part, Expr *expr, const char *name);
static void add_state(ContQuery *part, Aggref *aggref, const char *name);
static char *expr_name(const ContQuery *part, Expr *expr, const char *otherwise);
static char *free_name(const ContQuery *part, const char *name);
static Expr *if_filter(Expr *filter, Expr *expr);
static Expr *image_of(Expr *expr);
static Aggref *state_aggregate(Oid fn, Oid type, Expr *arg, Expr *filter);

bool
weir_values_needed(const Aggref *aggref)
{
	return aggref->aggdistinct != NIL || aggref->aggorder != NIL ||
		aggref->aggkind != AGGKIND_NORMAL;
}

void
weir_values_add(ParseState *pstate, ContQuery *cq, Aggref *aggref)
{
	int			n = weir_values_find(cq, aggref);
	ValuesRel  *rel;
	List	   *shown;
	ListCell   *lc;

	if (n >= 0)
		rel = list_nth(cq->values, n);
	else
	{
		if (list_length(cq->values) == MAX_VIEW_VALUES)
			weir_query_refuse(pstate, aggref->location,
							  psprintf("more than %d aggregates with DISTINCT, ORDER BY or WITHIN GROUP of different arguments",
									   MAX_VIEW_VALUES),
							  "Make two continuous views of it.");
		rel = palloc0(sizeof(ValuesRel));
		rel->exprs = argument_exprs(aggref, false);
		rel->filter = copyObject(aggref->aggfilter);
		if (contain_volatile_functions((Node *) rel->filter))
			weir_query_refuse(pstate, exprLocation((Node *) rel->filter),
							  "a volatile function in the FILTER of an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
							  "Put what the function gives into a column of the stream, with DEFAULT.");
		foreach(lc, rel->exprs)
			check_argument(pstate, aggref, lfirst(lc));
		cq->values = lappend(cq->values, rel);
	}
	if (aggref->aggdistinct)
		return;
	rel->counted = true;
	shown = aggref->aggkind == AGGKIND_NORMAL ? argument_exprs(aggref, true) : NIL;
	foreach(lc, shown)
		if (!looks_alike(lfirst(lc)) && !list_member(rel->images, lfirst(lc)))
			rel->images = lappend(rel->images, lfirst(lc));
}

int
weir_values_find(const ContQuery *cq, const Aggref *aggref)
{
	List	   *exprs;
	ListCell   *lc;

	if (cq->values == NIL || !weir_values_needed(aggref))
		return -1;
	exprs = argument_exprs(aggref, false);
	foreach(lc, cq->values)
	{
		ValuesRel  *rel = lfirst(lc);

		if (equal(rel->exprs, exprs) && equal(rel->filter, aggref->aggfilter))
			return foreach_current_index(lc);
	}
	return -1;
}

/* Two queries look at each row: they must come to the same. */
void
weir_values_check(ParseState *pstate, ContQuery *cq, Query *def)
{
	Query	   *query;
	ListCell   *lc;

	if (cq->values == NIL)
		return;
	check_window(pstate, cq, def);
	check_sets(pstate, def);
	query = copyObject(cq->query);
	query->targetList = NIL;
	query->groupClause = NIL;
	if (contain_volatile_functions((Node *) query))
		weir_query_refuse(pstate, exprLocation(query->jointree->quals),
						  "a volatile function in FROM or WHERE beside an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
						  "Put what the function gives into a column of the stream, with DEFAULT.");
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->tablesample && rte->tablesample->repeatable == NULL)
			weir_query_refuse(pstate, -1,
							  "TABLESAMPLE without REPEATABLE beside an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
							  "Add REPEATABLE (seed).");
	}
}

/*
 * A row is in several windows of a hop or cumulate, but its values are kept
 * once.  Of how many windows they count in a group that is made of several
 * finer ones cannot be told from its panes.  So a grouping set must tell
 * windows apart: by their end, and of a hop by their start.
 */
static void
check_window(ParseState *pstate, ContQuery *cq, Query *def)
{
	bool		by_start;
	ListCell   *lc;

	if (def->groupingSets == NIL || cq->panes == NULL)
		return;
	by_start = cq->kind->start_tells;
	foreach(lc, expand_grouping_sets(copyObject(def->groupingSets), false, -1))
	{
		bool		found = false;
		ListCell   *lg;

		foreach(lg, lfirst(lc))
		{
			Var		   *var = (Var *) get_sortgroupclause_expr(get_sortgroupref_clause(lfirst_int(lg), def->groupClause),
															   def->targetList);

			found = found || (IsA(var, Var) && var->varno == cq->panes->rti && (var->varattno != 1 || by_start));
		}
		if (!found)
			weir_query_refuse(pstate, exprLocation(linitial(def->groupingSets)),
							  "a grouping set of several hopping or cumulating windows together, beside an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
							  "Add window_start and window_end to each set.");
	}
}

/*
 * The values of a group are found by columns of the matrel.  Of a tumbling
 * window that is its start; a set that has only its end has no start to look
 * for.
 */
static void
check_sets(ParseState *pstate, Query *def)
{
	ListCell   *lc;

	if (def->groupingSets == NIL)
		return;
	foreach(lc, expand_grouping_sets(copyObject(def->groupingSets), false, -1))
	{
		List	   *exprs = NIL;
		ListCell   *le;

		foreach(le, def->groupClause)
			if (list_member_int(lfirst(lc), lfirst_node(SortGroupClause, le)->tleSortGroupRef))
				exprs = lappend(exprs, get_sortgroupclause_expr(lfirst(le), def->targetList));
		foreach(le, exprs)
			if (!list_member(exprs, weir_window_bucket(lfirst(le))))
				weir_query_refuse(pstate, exprLocation(linitial(def->groupingSets)),
								  "a grouping set with the end of a window and not its start, beside an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
								  "Add window_start to the set.");
	}
}

void
weir_values_build(ContQuery *cq)
{
	ListCell   *lc;

	foreach(lc, cq->values)
	{
		ValuesRel  *rel = lfirst(lc);
		ContQuery  *part = palloc0(sizeof(ContQuery));
		Query	   *query = copyObject(cq->query);
		int			ncolumns = list_length(rel->exprs) + list_length(rel->images);
		ListCell   *le;

		rel->query = part;
		part->query = query;
		part->streamid = cq->streamid;
		part->streams = cq->streams;
		part->kind = &weir_no_window;
		part->cell_key = -1;
		part->closing = cq->closing;
		part->nkeys = cq->nkeys;
		part->keys = palloc0(sizeof(ContKey) * (cq->nkeys + ncolumns));
		memcpy(part->keys, cq->keys, sizeof(ContKey) * cq->nkeys);
		part->states = palloc0(sizeof(ContState));
		query->targetList = list_truncate(query->targetList, cq->nkeys);

		foreach(le, rel->exprs)
			add_column(part, if_filter(rel->filter, lfirst(le)),
					   expr_name(part, lfirst(le), "value"));
		foreach(le, rel->images)
			add_column(part, if_filter(rel->filter, image_of(lfirst(le))),
					   free_name(part, "image"));
		if (rel->counted)
			add_state(part, state_aggregate(F_COUNT_, INT8OID, NULL, rel->filter), free_name(part, "n"));
		else if (rel->filter)
			add_state(part, state_aggregate(F_BOOL_OR, BOOLOID, rel->filter, NULL), free_name(part, "taken"));
		query->hasAggs = part->nstates > 0;
		query->hasTargetSRFs = expression_returns_set((Node *) query->targetList);
		part->plain_keys = weir_cont_query_keys_fit_btree(part);
	}
}

List *
weir_values_index_keys(const ContQuery *cq, int *then)
{
	List	   *keys = NIL;

	*then = -1;
	for (int i = 0; i < cq->nkeys; i++)
	{
		if (weir_cont_query_key_is_hidden(cq, i))
			*then = i;
		else
			keys = lappend_int(keys, i);
	}
	return keys;
}

/*
 * What of an aggregate's arguments differs from row to row, in order; a row of
 * fields is taken apart.  Without any there is a column all the same: a
 * constant.
 */
static List *
argument_exprs(const Aggref *aggref, bool shown_only)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, aggref->args)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!(shown_only && tle->resjunk))
			exprs = add_leaves(exprs, tle->expr);
	}
	if (exprs == NIL && !shown_only)
		exprs = list_make1(makeBoolConst(true, false));
	return exprs;
}

static List *
add_leaves(List *exprs, Expr *expr)
{
	ListCell   *lc;

	if (IsA(expr, RowExpr) && ((RowExpr *) expr)->row_typeid == RECORDOID)
	{
		foreach(lc, ((RowExpr *) expr)->args)
			exprs = add_leaves(exprs, lfirst(lc));
		return exprs;
	}
	if (is_fixed((Node *) expr))
		return exprs;
	return list_member(exprs, expr) ? exprs : lappend(exprs, copyObject(expr));
}

/* The same for all rows, so that it can be left where it is. */
static bool
is_fixed(Node *expr)
{
	return !contain_vars_of_level(expr, 0) && !contain_mutable_functions(expr) &&
		!contain_subplans(expr) && !expression_returns_set(expr);
}

/* Are values that are equal to the type's operators the same bytes? */
static bool
looks_alike(Expr *expr)
{
	TypeCacheEntry *type = lookup_type_cache(getBaseType(exprType((Node *) expr)), TYPECACHE_BTREE_OPFAMILY);
	Oid			proc = OidIsValid(type->btree_opf) ?
		get_opfamily_proc(type->btree_opf, type->btree_opintype, type->btree_opintype, BTEQUALIMAGE_PROC) :
		InvalidOid;

	return OidIsValid(proc) &&
		DatumGetBool(OidFunctionCall1Coll(proc, exprCollation((Node *) expr),
										  ObjectIdGetDatum(type->btree_opintype)));
}

static void
check_argument(ParseState *pstate, Aggref *aggref, Expr *expr)
{
	Oid			type = exprType((Node *) expr);
	Oid			eqop;
	bool		hashable;

	if (contain_volatile_functions((Node *) expr))
		weir_query_refuse(pstate, exprLocation((Node *) expr),
						  "a volatile function in an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
						  "Put what the function gives into a column of the stream, with DEFAULT.");
	if (get_typtype(type) == TYPTYPE_PSEUDO)
		weir_query_refuse(pstate, exprLocation((Node *) expr),
						  psprintf("arguments of type %s in an aggregate with DISTINCT, ORDER BY or WITHIN GROUP",
								   format_type_be(type)),
						  "Name the fields one by one, or use a composite type.");
	get_sort_group_operators(type, false, false, false, NULL, &eqop, NULL, &hashable);
	if (!OidIsValid(eqop) || !hashable || !op_hashjoinable(eqop, type))
		weir_query_refuse(pstate, exprLocation((Node *) expr),
						  psprintf("arguments of type %s in an aggregate with DISTINCT, ORDER BY or WITHIN GROUP: it has no hash function",
								   format_type_be(type)),
						  "Cast the argument to a type that can be hashed, such as text.");
}

static void
add_column(ContQuery *part, Expr *expr, const char *name)
{
	TargetEntry *tle = makeTargetEntry(copyObject(expr), part->nkeys + 1, pstrdup(name), false);
	SortGroupClause *clause = makeNode(SortGroupClause);
	ContKey    *key = &part->keys[part->nkeys++];

	get_sort_group_operators(exprType((Node *) expr), false, true, false,
							 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	tle->ressortgroupref = clause->tleSortGroupRef = tle->resno;
	part->query->targetList = lappend(part->query->targetList, tle);
	part->query->groupClause = lappend(part->query->groupClause, clause);
	key->type = exprType((Node *) expr);
	key->typmod = exprTypmod((Node *) expr);
	key->collation = exprCollation((Node *) expr);
	key->eqop = clause->eqop;
	key->colname = tle->resname;
}

static void
add_state(ContQuery *part, Aggref *aggref, const char *name)
{
	ContState  *state = &part->states[part->nstates++];

	part->query->targetList = lappend(part->query->targetList,
									  makeTargetEntry((Expr *) aggref, part->nkeys + 1, pstrdup(name), false));
	state->aggref = aggref;
	state->statetype = aggref->aggtype;
	state->colname = pstrdup(name);
	state->column = part->nkeys;
	state->value_column = -1;
}

/* That of the stream's column, if it is one. */
static char *
expr_name(const ContQuery *part, Expr *expr, const char *otherwise)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;

	if (!IsA(var, Var) || var->varattno <= 0)
		return free_name(part, otherwise);
	rte = list_nth_node(RangeTblEntry, part->query->rtable, var->varno - 1);
	return free_name(part, get_rte_attribute_name(rte, var->varattno));
}

static char *
free_name(const ContQuery *part, const char *name)
{
	char	   *result = pstrdup(name);
	bool		taken = true;

	for (int n = 1; taken; n++)
	{
		taken = SystemAttributeByName(result) != NULL;
		for (int i = 0; i < part->nkeys && !taken; i++)
			taken = strcmp(part->keys[i].colname, result) == 0;
		if (taken)
			result = makeObjectName(name, NULL, psprintf("%d", n));
	}
	return result;
}

static Expr *
if_filter(Expr *filter, Expr *expr)
{
	CaseWhen   *when;
	CaseExpr   *result;

	if (filter == NULL)
		return expr;
	when = makeNode(CaseWhen);
	when->expr = copyObject(filter);
	when->result = copyObject(expr);
	when->location = -1;
	result = makeNode(CaseExpr);
	result->casetype = exprType((Node *) expr);
	result->casecollid = exprCollation((Node *) expr);
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(result->casetype, exprTypmod((Node *) expr), result->casecollid);
	result->location = -1;
	return (Expr *) result;
}

/* weir.image(expr) */
static Expr *
image_of(Expr *expr)
{
	Oid			any = ANYOID;

	return (Expr *) makeFuncExpr(weir_own_function("image", 1, &any), BYTEAOID, list_make1(copyObject(expr)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Aggref *
state_aggregate(Oid fn, Oid type, Expr *arg, Expr *filter)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = fn;
	aggref->aggtype = type;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->aggstar = arg == NULL;
	aggref->aggfilter = copyObject(filter);
	aggref->location = -1;
	if (arg)
	{
		aggref->args = list_make1(makeTargetEntry(copyObject(arg), 1, NULL, false));
		aggref->aggargtypes = list_make1_oid(type);
	}
	return aggref;
}
