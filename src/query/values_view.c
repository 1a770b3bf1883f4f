/*
 * values_view.c
 *	  Aggregates over a values relation, as the view query has them.
 *
 * In the place of an aggregate comes a subquery that runs it over the values
 * of the group:
 *
 *	(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a.x)
 *	  FROM (SELECT v.*, weir.times(v.n) FROM v_vals1 v) a WHERE
 *	  weir.hash_key(a.k) = weir.hash_key(v_mrel.k)
 *		AND (a.k = v_mrel.k OR a.k IS NULL AND v_mrel.k IS NULL))
 *
 * where weir.times makes n rows of one; the planner moves the conditions below
 * it.  Where equal values do not count (DISTINCT), it is the values relation
 * itself.  The hash is what an index finds a group by, whatever its keys are.
 * So a group costs what its values cost, and a view what all cost.  A column
 * that a query over the view does not use costs nothing.
 *
 * Where several rows of the matrel make a group (steps of a sliding window,
 * panes of a hopping one or a session), they follow one another: the values
 * are those from the first to the last of them, as the outer query has found
 * these.  So both see the same window.  Where a group is made of several
 * windows, its panes may have others between them and come more than once:
 * then they are collected, array_agg(v_mrel.pane), and values count as often
 * as their pane is in there.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "agg/key.h"
#include "base/compat.h"
#include "base/weir.h"
#include "query/expr.h"
#include "query/values.h"

WEIR_FUNCTION(weir_image);
WEIR_FUNCTION(weir_times);

/* Between calls of weir.times. */
typedef struct TimesLeft
{
	bool		active;
	int64		n;
} TimesLeft;

typedef struct ColumnContext
{
	const ContQuery *cq;
	const ValuesRel *rel;
} ColumnContext;

static Query *from_values(const ValuesRel *rel, Oid relid, bool repeat);
static Node *columns_mutator(Node *node, ColumnContext *cxt);
static Var *values_var(const ValuesRel *rel, int column);
static Var *outer_key(const ContQuery *cq, int key);
static Node *same_hash(const ContQuery *cq, const ValuesRel *rel, List *keys);
static Node *same_key(const ContQuery *cq, const ValuesRel *rel, int key);
static Node *between_rows(const ContQuery *cq, const ValuesRel *rel, int key);
static Node *among_rows(const ContQuery *cq, const ValuesRel *rel, int key);
static void repeat_by_rows(Query *query, const ContQuery *cq, const ValuesRel *rel, int key);
static Node *panes_of_rows(const ContQuery *cq, int key);
static Node *outer_aggregate(const ContQuery *cq, int key, const char *name, Oid argtype, Oid result);
static Node *hash_of(List *vars);

Node *
weir_values_result(const ContQuery *cq, int n, Oid relid, Aggref *aggref, List *keys, bool combined)
{
	ValuesRel  *rel = list_nth(cq->values, n);
	ColumnContext cxt = {cq, rel};
	bool		repeat = rel->counted && aggref->aggdistinct == NIL;
	Query	   *query = from_values(rel, relid, repeat);
	SubLink    *sublink = makeNode(SubLink);
	List	   *quals = NIL;
	int			then;
	ListCell   *lc;

	aggref = copyObject(aggref);
	aggref->aggfilter = NULL;
	aggref->args = (List *) columns_mutator((Node *) aggref->args, &cxt);
	IncrementVarSublevelsUp((Node *) aggref->aggdirectargs, 1, 0);
	query->targetList = list_make1(makeTargetEntry((Expr *) aggref, 1, pstrdup("result"), false));
	query->hasAggs = true;

	if (keys != NIL)
		quals = list_make1(same_hash(cq, rel, keys));
	foreach(lc, keys)
		quals = lappend(quals, same_key(cq, rel, lfirst_int(lc)));
	(void) weir_values_index_keys(cq, &then);
	if (combined && then >= 0 && cq->panes && !cq->panes->one_each)
	{
		quals = lappend(quals, among_rows(cq, rel, then));
		if (repeat)
			repeat_by_rows(query, cq, rel, then);
	}
	else if (combined && then >= 0)
		quals = lappend(quals, between_rows(cq, rel, then));
	if (rel->filter && !repeat)
	{
		Var		   *state = values_var(rel, rel->query->nkeys);

		quals = lappend(quals, rel->counted ?
						weir_make_op(">", (Node *) state,
								(Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0),
												   false, FLOAT8PASSBYVAL)) :
						(Node *) state);
	}
	query->jointree->quals = quals == NIL ? NULL : (Node *) make_ands_explicit(quals);

	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return (Node *) sublink;
}

/*
 * SELECT FROM values relation a, or SELECT FROM (SELECT v.*, weir.times(v.n)
 * FROM values relation v) a: range table entry 1 has the values relation's
 * columns.
 */
static Query *
from_values(const ValuesRel *rel, Oid relid, bool repeat)
{
	const char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	StringInfoData sql;

	initStringInfo(&sql);
	if (repeat)
		appendStringInfo(&sql, "SELECT FROM (SELECT v.*, weir.times(v.%s) FROM %s v) a",
						 quote_identifier(rel->query->states[0].colname), name);
	else
		appendStringInfo(&sql, "SELECT FROM %s a", name);
	return weir_analyze_sql(sql.data);
}

/* Arguments become columns of the values relation. */
static Node *
columns_mutator(Node *node, ColumnContext *cxt)
{
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, cxt->rel->exprs)
		if (!IsA(node, Const) && equal(node, lfirst(lc)))
			return (Node *) values_var(cxt->rel, cxt->cq->nkeys + foreach_current_index(lc));
	return expression_tree_mutator(node, columns_mutator, cxt);
}

static Var *
values_var(const ValuesRel *rel, int column)
{
	ContQuery  *part = rel->query;

	if (column == part->nkeys)
		return makeVar(1, column + 1, part->states[0].statetype, -1, InvalidOid, 0);
	return makeVar(1, column + 1, part->keys[column].type, part->keys[column].typmod,
				   part->keys[column].collation, 0);
}

static Var *
outer_key(const ContQuery *cq, int key)
{
	return makeVar(1, key + 1, cq->keys[key].type, cq->keys[key].typmod, cq->keys[key].collation, 1);
}

static Node *
same_hash(const ContQuery *cq, const ValuesRel *rel, List *keys)
{
	List	   *inner = NIL;
	List	   *outer = NIL;
	ListCell   *lc;

	foreach(lc, weir_keys_of_hash(keys))
	{
		inner = lappend(inner, values_var(rel, lfirst_int(lc)));
		outer = lappend(outer, outer_key(cq, lfirst_int(lc)));
	}
	return weir_make_op("=", hash_of(inner), hash_of(outer));
}

/*
 * a.k = m.k OR a.k IS NULL AND m.k IS NULL; IS NOT DISTINCT FROM would not
 * keep the operator's schema
 */
static Node *
same_key(const ContQuery *cq, const ValuesRel *rel, int key)
{
	Node	   *inner = (Node *) values_var(rel, key);
	Node	   *outer = (Node *) outer_key(cq, key);
	Oid			eqop = cq->keys[key].eqop;
	Expr	   *equal_op = make_opclause(eqop, BOOLOID, false, (Expr *) inner, (Expr *) outer,
										 InvalidOid, cq->keys[key].collation);
	List	   *nulls = NIL;

	set_opfuncid((OpExpr *) equal_op);
	for (int i = 0; i < 2; i++)
	{
		NullTest   *test = makeNode(NullTest);

		test->arg = (Expr *) copyObject(i == 0 ? inner : outer);
		test->nulltesttype = IS_NULL;
		test->location = -1;
		nulls = lappend(nulls, test);
	}
	return (Node *) make_orclause(list_make2(equal_op, make_andclause(nulls)));
}

/* a.step BETWEEN min(m.step) AND max(m.step), of the outer query's rows */
static Node *
between_rows(const ContQuery *cq, const ValuesRel *rel, int key)
{
	Oid			type = cq->keys[key].type;
	Node	   *pane = (Node *) values_var(rel, key);

	return (Node *) make_andclause(list_make2(weir_make_op(">=", pane, outer_aggregate(cq, key, "min", type, type)),
											  weir_make_op("<=", pane, outer_aggregate(cq, key, "max", type, type))));
}

/* a.pane = ANY (array_agg(m.pane)) */
static Node *
among_rows(const ContQuery *cq, const ValuesRel *rel, int key)
{
	return weir_make_equal_any((Node *) values_var(rel, key), panes_of_rows(cq, key));
}

/*
 * weir.times(v.n) becomes weir.times(v.n *
 * cardinality(array_positions(array_agg(m.pane), v.pane))).
 */
static void
repeat_by_rows(Query *query, const ContQuery *cq, const ValuesRel *rel, int key)
{
	Query	   *values = linitial_node(RangeTblEntry, query->rtable)->subquery;
	FuncExpr   *times = castNode(FuncExpr, llast_node(TargetEntry, values->targetList)->expr);
	Node	   *panes = panes_of_rows(cq, key);
	FuncExpr   *positions;
	FuncExpr   *often;

	/* One query further down. */
	IncrementVarSublevelsUp(panes, 1, 1);
	positions = makeFuncExpr(F_ARRAY_POSITIONS, INT4ARRAYOID, list_make2(panes, values_var(rel, key)),
							 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	often = makeFuncExpr(F_CARDINALITY, INT4OID, list_make1(positions), InvalidOid, InvalidOid,
						 COERCE_EXPLICIT_CALL);
	times->args = list_make1(weir_make_op("*", linitial(times->args), (Node *) often));
}

static Node *
panes_of_rows(const ContQuery *cq, int key)
{
	Oid			type = cq->keys[key].type;

	return outer_aggregate(cq, key, "array_agg", ANYNONARRAYOID, get_array_type(type));
}

/* An aggregate of a key over the outer query's rows. */
static Node *
outer_aggregate(const ContQuery *cq, int key, const char *name, Oid argtype, Oid result)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = LookupFuncName(list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name))),
									  1, &argtype, false);
	aggref->aggtype = result;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->agglevelsup = 1;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = -1;
	aggref->args = list_make1(makeTargetEntry((Expr *) outer_key(cq, key), 1, NULL, false));
	aggref->aggargtypes = list_make1_oid(cq->keys[key].type);
	return (Node *) aggref;
}

/* weir.hash_key(vars), as the index has it */
static Node *
hash_of(List *vars)
{
	Oid			any = ANYOID;

	return (Node *) makeFuncExpr(weir_own_function("hash_key", 1, &any), INT4OID, vars, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* An executor that stops before the last row forgets what is left. */
static void
forget_times(Datum arg)
{
	((TimesLeft *) DatumGetPointer(arg))->active = false;
}

/*
 * weir.times(n): n rows.  Most of the time n is 1, and that costs a call; for
 * more the function itself remembers how many are left.
 */
Datum
weir_times(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TimesLeft  *left = fcinfo->flinfo->fn_extra;
	int64		n = PG_GETARG_INT64(0);

	if (result == NULL || !IsA(result, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (left == NULL)
		left = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(TimesLeft));
	if (!left->active && n > 1)
	{
		left->active = true;
		left->n = n;
		RegisterExprContextCallback(result->econtext, forget_times, PointerGetDatum(left));
	}
	if (left->active)
	{
		result->isDone = left->n > 0 ? ExprMultipleResult : ExprEndResult;
		if (left->n-- > 0)
			PG_RETURN_INT32(1);
		left->active = false;
		UnregisterExprContextCallback(result->econtext, forget_times, PointerGetDatum(left));
		PG_RETURN_NULL();
	}
	result->isDone = n == 1 ? ExprSingleResult : ExprEndResult;
	if (n != 1)
		PG_RETURN_NULL();
	PG_RETURN_INT32(1);
}

/* weir.image(value): its bytes, uncompressed and without a header. */
Datum
weir_image(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Datum		value = PG_GETARG_DATUM(0);
	int16		len;
	bool		byval;
	char	   *start;
	Size		size;
	bytea	   *result;

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine input data type")));
	get_typlenbyval(type, &len, &byval);
	if (byval)
	{
		start = (char *) &value;
		size = sizeof(Datum);
	}
	else if (len == -1)
	{
		struct varlena *flat = PG_DETOAST_DATUM_PACKED(value);

		start = VARDATA_ANY(flat);
		size = VARSIZE_ANY_EXHDR(flat);
	}
	else
	{
		start = DatumGetPointer(value);
		size = datumGetSize(value, false, len);
	}
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), start, size);
	PG_RETURN_BYTEA_P(result);
}
