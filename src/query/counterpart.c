/*
 * counterpart.c
 *	  Aggregates that PostgreSQL cannot combine, or not on every version in the
 *	  same way, and those that take their place.
 *
 * The counterparts (src/agg/) give the same results.  Those that have to be
 * ordered have states that can be combined in the order in which the rows
 * came.  All are used on every version of PostgreSQL, those too that can
 * combine array_agg and string_agg themselves: so the states in a matrel
 * survive an upgrade.  Sums and averages of intervals are the only aggregates
 * with a combine function whose states have changed since 15.
 *
 * The stored query keeps what the user wrote; the exchange is a part of
 * preparing it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/extension.h"
#include "query/counterpart.h"
#include "query/expr.h"

typedef struct Counterpart
{
	Oid			aggfnoid;
	const char *name;			/* in schema weir */
	const char *lines;			/* name for arguments that json_agg puts on
								 * lines of their own */

	/* the result depends on the order of the rows */
	bool		ordered;
	int			nargs;
	Oid			argtypes[2];
} Counterpart;

static const Counterpart counterparts[] = {
	{F_ARRAY_AGG_ANYNONARRAY, "array_agg_elements", NULL, true, 1, {ANYCOMPATIBLEOID}},
	{F_ARRAY_AGG_ANYARRAY, "array_agg", NULL, true, 1, {ANYARRAYOID}},
	{F_STRING_AGG_TEXT_TEXT, "string_agg", NULL, true, 2, {TEXTOID, TEXTOID}},
	{F_STRING_AGG_BYTEA_BYTEA, "string_agg", NULL, true, 2, {BYTEAOID, BYTEAOID}},
	{F_JSON_AGG, "json_agg", "json_agg_lines", true, 1, {ANYELEMENTOID}},
	{F_JSON_OBJECT_AGG, "json_object_agg", NULL, true, 2, {ANYOID, ANYOID}},
	{F_JSONB_AGG, "jsonb_agg", NULL, true, 1, {ANYELEMENTOID}},
	{F_JSONB_OBJECT_AGG, "jsonb_object_agg", NULL, true, 2, {ANYOID, ANYOID}},
	{F_AVG_INTERVAL, "avg", NULL, false, 1, {INTERVALOID}},
	{F_SUM_INTERVAL, "sum", NULL, false, 1, {INTERVALOID}},
	{F_XMLAGG, "xmlagg", NULL, true, 1, {XMLOID}},
	{F_RANGE_AGG_ANYMULTIRANGE, "range_agg", NULL, false, 1, {ANYMULTIRANGEOID}},
	{F_RANGE_AGG_ANYRANGE, "range_agg", NULL, false, 1, {ANYMULTIRANGEOID}},
#ifdef F_JSON_AGG_STRICT
	{F_JSON_AGG_STRICT, "json_agg_strict", "json_agg_lines_strict", true, 1, {ANYELEMENTOID}},
	{F_JSON_OBJECT_AGG_STRICT, "json_object_agg_strict", NULL, true, 2, {ANYOID, ANYOID}},
	{F_JSONB_AGG_STRICT, "jsonb_agg_strict", NULL, true, 1, {ANYELEMENTOID}},
	{F_JSONB_OBJECT_AGG_STRICT, "jsonb_object_agg_strict", NULL, true, 2, {ANYOID, ANYOID}},
#endif
};

static Node *put_mutator(Node *node, void *context);
static void take_multirange(Aggref *aggref);
static const Counterpart *find(Oid aggfnoid);
static Oid	distinct_of(Oid aggfnoid);
static Aggref *as_distinct(Aggref *aggref, Oid fn);
static bool on_lines(Oid type);

void
weir_counterparts_put(Query *query)
{
	query->targetList = (List *) put_mutator((Node *) query->targetList, NULL);
	query->havingQual = put_mutator(query->havingQual, NULL);
}

bool
weir_counterpart_is_ordered(Oid aggfnoid)
{
	const char *name;

	if (get_func_namespace(aggfnoid) != weir_schema_oid())
		return false;
	name = get_func_name(aggfnoid);
	for (int i = 0; i < lengthof(counterparts); i++)
		if (counterparts[i].ordered &&
			(strcmp(counterparts[i].name, name) == 0 ||
			 (counterparts[i].lines && strcmp(counterparts[i].lines, name) == 0)))
			return true;
	return false;
}

static Node *
put_mutator(Node *node, void *context)
{
	const Counterpart *counterpart;
	Aggref	   *aggref;

	if (node == NULL)
		return NULL;

	/* Aggregates of a subquery are its own. */
	if (IsA(node, Query))
		return node;
	node = weir_json_constructor_expr(node);
	if (!IsA(node, Aggref))
		return expression_tree_mutator(node, put_mutator, context);
	aggref = (Aggref *) node;
	if (OidIsValid(distinct_of(aggref->aggfnoid)))
		return (Node *) as_distinct(aggref, distinct_of(aggref->aggfnoid));
	counterpart = find(aggref->aggfnoid);
	if (counterpart && !aggref->aggdistinct && !aggref->aggorder)
	{
		bool		lines = counterpart->lines && on_lines(linitial_oid(aggref->aggargtypes));

		aggref = copyObject(aggref);
		aggref->aggfnoid =
			weir_own_function(lines ? counterpart->lines : counterpart->name,
							  counterpart->nargs, counterpart->argtypes);
		if (counterpart->aggfnoid == F_RANGE_AGG_ANYRANGE)
			take_multirange(aggref);
	}
	return (Node *) aggref;
}

/* A range as a multirange of one, which the counterpart takes. */
static void
take_multirange(Aggref *aggref)
{
	TargetEntry *argument = linitial_node(TargetEntry, aggref->args);

	argument->expr = (Expr *) makeFuncExpr(F_MULTIRANGE, aggref->aggtype, list_make1(argument->expr),
										   InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	aggref->aggargtypes = list_make1_oid(aggref->aggtype);
}

static const Counterpart *
find(Oid aggfnoid)
{
	for (int i = 0; i < lengthof(counterparts); i++)
		if (counterparts[i].aggfnoid == aggfnoid)
			return &counterparts[i];
	return NULL;
}

/* PipelineDB's names for aggregates with DISTINCT. */
static Oid
distinct_of(Oid aggfnoid)
{
	const char *name;

	if (aggfnoid < FirstNormalObjectId || get_func_namespace(aggfnoid) != weir_schema_oid())
		return InvalidOid;
	name = get_func_name(aggfnoid);
	return strcmp(name, "set_agg") == 0 ? F_ARRAY_AGG_ANYNONARRAY :
		strcmp(name, "exact_count_distinct") == 0 ? F_COUNT_ANY : InvalidOid;
}

static Aggref *
as_distinct(Aggref *aggref, Oid fn)
{
	TargetEntry *argument;
	SortGroupClause *clause = makeNode(SortGroupClause);

	aggref = copyObject(aggref);
	aggref->aggfnoid = fn;
	if (aggref->aggdistinct)
		return aggref;
	argument = linitial_node(TargetEntry, aggref->args);
	get_sort_group_operators(exprType((Node *) argument->expr), true, true, false,
							 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	argument->ressortgroupref = clause->tleSortGroupRef = 1;
	aggref->aggdistinct = list_make1(clause);
	return aggref;
}

/*
 * Composite values and arrays; that is told of a type before its cast to json
 * is looked for.
 */
static bool
on_lines(Oid type)
{
	type = getBaseType(type);
	return OidIsValid(get_element_type(type)) || type == ANYARRAYOID ||
		type == RECORDARRAYOID || type_is_rowtype(type);
}
