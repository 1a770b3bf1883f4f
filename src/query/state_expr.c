/*
 * state_expr.c
 *	  Expressions over a column of partial states.
 *
 * A result costs what it must: a state that is the result is a plain column,
 * as is a result that the flush keeps beside its state; a final function that
 * users may call is called; else weir.finalize.  Several states are combined
 * by the aggregate itself, if its states are what it takes (max), by weir.add,
 * if they are added (count), by weir.average for averages of integers, else by
 * weir.combine.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/weir.h"
#include "query/counterpart.h"
#include "query/expr.h"
#include "query/state_expr.h"

static Oid	plain_combiner(const ContState *state);
static bool callable_finalfn(Aggref *aggref, Oid statetype, Oid *finalfn);
static List *weir_function_args(ContState *state, Expr *column, Oid *argtypes);
static Oid	weir_function(const char *name, int nargs);

Oid
weir_state_collation(const ContState *state)
{
	if (!type_is_collatable(state->statetype))
		return InvalidOid;
	return OidIsValid(state->aggref->inputcollid) ?
		state->aggref->inputcollid : DEFAULT_COLLATION_OID;
}

Node *
weir_state_result(ContState *state, Var *column)
{
	Aggref	   *aggref = state->aggref;
	Oid			finalfn;
	Oid			argtypes[4];
	List	   *args;

	if (state->value_column >= 0)
		return (Node *) makeVar(1, state->value_column + 1, aggref->aggtype, -1, aggref->aggcollid, 0);
	if (!callable_finalfn(aggref, state->statetype, &finalfn))
	{
		Oid			fn;

		args = weir_function_args(state, (Expr *) column, argtypes);
		fn = weir_function("finalize", list_length(args));
		return (Node *) makeFuncExpr(fn, aggref->aggtype, args, aggref->aggcollid,
									 aggref->inputcollid, COERCE_EXPLICIT_CALL);
	}
	if (!OidIsValid(finalfn))
		return (Node *) column;
	return (Node *) makeFuncExpr(finalfn, aggref->aggtype, list_make1(column),
								 aggref->aggcollid, aggref->inputcollid,
								 COERCE_EXPLICIT_CALL);
}

Aggref *
weir_state_combined(ContState *state, Expr *column)
{
	Aggref	   *aggref = state->aggref;
	Oid			fn = plain_combiner(state);
	Oid			argtypes[4];
	List	   *args;
	Aggref	   *result;

	if (OidIsValid(fn))
	{
		args = list_make1(column);
		argtypes[0] = state->statetype;
	}
	else
	{
		args = weir_function_args(state, column, argtypes);
		fn = weir_function("combine", list_length(args));
	}
	result = weir_make_aggregate(fn, aggref->aggtype, aggref->aggcollid, args, argtypes);
	result->inputcollid = aggref->inputcollid;
	return result;
}

Aggref *
weir_state_merged(ContState *state, Expr *column)
{
	static const Oid plain[] = {REGPROCEDUREOID, ANYELEMENTOID, ANYOID};
	static const Oid typed[] = {REGPROCEDUREOID, REGTYPEARRAYOID, ANYELEMENTOID, ANYOID};
	Oid			argtypes[4];
	List	   *args = weir_function_args(state, column, argtypes);
	int			nargs = list_length(args);
	Oid			fn = weir_own_function("combine_state", nargs, nargs == lengthof(plain) ? plain : typed);
	Aggref	   *result = weir_make_aggregate(fn, state->statetype, weir_state_collation(state), args, argtypes);

	result->inputcollid = state->aggref->inputcollid;
	return result;
}

void
weir_state_order(ContState *state, Aggref *aggregate, Expr *time)
{
	SortGroupClause *clause;
	TargetEntry *tle;

	if (!weir_counterpart_is_ordered(state->aggref->aggfnoid))
		return;
	clause = makeNode(SortGroupClause);
	tle = makeTargetEntry(time, list_length(aggregate->args) + 1, NULL, true);
	tle->ressortgroupref = clause->tleSortGroupRef = 1;
	get_sort_group_operators(exprType((Node *) time), true, true, false,
							 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	aggregate->args = lappend(aggregate->args, tle);
	aggregate->aggorder = list_make1(clause);
}

Expr *
weir_state_unless_none(ContState *state, Expr *count, Expr *combined)
{
	Aggref	   *aggref = state->aggref;
	PartialAgg *agg = weir_partial_agg_from_aggref(CurrentMemoryContext, aggref);
	CaseExpr   *result;
	CaseWhen   *when;
	Datum		none;
	bool		none_is_null;
	int16		len;
	bool		byval;

	none = weir_partial_agg_finalize(agg, agg->initvalue, agg->initisnull, &none_is_null);
	if (none_is_null)
		return combined;
	get_typlenbyval(aggref->aggtype, &len, &byval);

	when = makeNode(CaseWhen);
	when->expr = (Expr *) weir_make_op("=", (Node *) count,
									   (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
														  Int64GetDatum(0), false, FLOAT8PASSBYVAL));
	when->result = (Expr *) makeConst(aggref->aggtype, -1, aggref->aggcollid, len,
									  none, false, byval);
	when->location = -1;
	result = makeNode(CaseExpr);
	result->casetype = aggref->aggtype;
	result->casecollid = aggref->aggcollid;
	result->args = list_make1(when);
	result->defresult = combined;
	result->location = -1;
	return (Expr *) result;
}

/*
 * An aggregate over states that gives what combining and finalizing them does,
 * without going through weir.combine for each; InvalidOid if there is none.
 */
static Oid
plain_combiner(const ContState *state)
{
	static const Oid add_args[] = {INT8OID};
	static const Oid average_args[] = {INT8ARRAYOID};
	Aggref	   *aggref = state->aggref;
	Oid			input = aggref->aggargtypes ? linitial_oid(aggref->aggargtypes) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	bool		itself = form->aggtransfn == form->aggcombinefn &&
		form->aggtranstype != INTERNALOID &&
		list_length(aggref->aggargtypes) == 1 && input == state->statetype;
	bool		added = form->aggcombinefn == F_INT8PL && !OidIsValid(form->aggfinalfn) &&
		aggref->aggtype == INT8OID;
	bool		averaged = form->aggcombinefn == F_INT4_AVG_COMBINE &&
		form->aggfinalfn == F_INT8_AVG && !form->aggfinalextra;

	ReleaseSysCache(tuple);
	if (itself)
		return aggref->aggfnoid;
	if (added)
		return weir_own_function("add", 1, add_args);
	if (averaged)
		return weir_own_function("average", 1, average_args);
	return InvalidOid;
}

/*
 * Can the result be had without weir.finalize?  True with finalfn invalid:
 * the state is the result.
 */
static bool
callable_finalfn(Aggref *aggref, Oid statetype, Oid *finalfn)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	bool		internal = form->aggtranstype == INTERNALOID;
	bool		extra = form->aggfinalextra;
	HeapTuple	proc;
	Form_pg_proc procform;
	bool		callable;

	*finalfn = form->aggfinalfn;
	ReleaseSysCache(tuple);
	if (internal || extra)
		return false;
	if (!OidIsValid(*finalfn))
		return statetype == aggref->aggtype;

	proc = SearchSysCache1(PROCOID, ObjectIdGetDatum(*finalfn));
	procform = (Form_pg_proc) GETSTRUCT(proc);
	callable = procform->pronamespace == PG_CATALOG_NAMESPACE &&
		procform->provolatile == PROVOLATILE_IMMUTABLE &&
		procform->pronargs == 1 &&
		procform->proargtypes.values[0] == statetype &&
		procform->prorettype == aggref->aggtype;
	ReleaseSysCache(proc);
	return callable;
}

/*
 * Arguments of weir.finalize and weir.combine: the aggregate, the types of its
 * arguments if they decide its types, the state, and a NULL of its result
 * type.
 */
static List *
weir_function_args(ContState *state, Expr *column, Oid *argtypes)
{
	Aggref	   *aggref = state->aggref;
	Oid			inputs[FUNC_MAX_ARGS];
	int			ninputs = get_aggregate_argtypes(aggref, inputs);
	Oid		   *declared;
	int			ndeclared;
	bool		polymorphic = false;
	Node	   *result;
	List	   *args;
	int			n = 0;

	get_func_signature(aggref->aggfnoid, &declared, &ndeclared);
	for (int i = 0; i < ndeclared; i++)
		polymorphic |= IsPolymorphicType(declared[i]);

	argtypes[n++] = REGPROCEDUREOID;
	args = list_make1(makeConst(REGPROCEDUREOID, -1, InvalidOid, sizeof(Oid),
								ObjectIdGetDatum(aggref->aggfnoid), false, true));
	if (polymorphic)
	{
		Datum		elems[FUNC_MAX_ARGS];
		ArrayType  *types;

		for (int i = 0; i < ninputs; i++)
			elems[i] = ObjectIdGetDatum(inputs[i]);
		types = construct_array(elems, ninputs, REGTYPEOID, sizeof(Oid), true, TYPALIGN_INT);
		argtypes[n++] = REGTYPEARRAYOID;
		args = lappend(args, makeConst(REGTYPEARRAYOID, -1, InvalidOid, -1,
									   PointerGetDatum(types), false, false));
	}
	argtypes[n++] = state->statetype;
	args = lappend(args, column);

	result = (Node *) makeNullConst(aggref->aggtype, -1,
									type_is_collatable(aggref->aggtype) ?
									DEFAULT_COLLATION_OID : InvalidOid);
	if (OidIsValid(aggref->aggcollid) && aggref->aggcollid != DEFAULT_COLLATION_OID)
	{
		CollateExpr *collate = makeNode(CollateExpr);

		collate->arg = (Expr *) result;
		collate->collOid = aggref->aggcollid;
		collate->location = -1;
		result = (Node *) collate;
	}
	argtypes[n++] = aggref->aggtype;
	return lappend(args, result);
}

/* weir.finalize or weir.combine, with or without the argument types. */
static Oid
weir_function(const char *name, int nargs)
{
	static const Oid plain[] = {REGPROCEDUREOID, ANYOID, ANYELEMENTOID};
	static const Oid typed[] = {REGPROCEDUREOID, REGTYPEARRAYOID, ANYOID, ANYELEMENTOID};

	return weir_own_function(name, nargs, nargs == lengthof(plain) ? plain : typed);
}

Aggref *
weir_make_aggregate(Oid fn, Oid type, Oid collation, List *args, Oid *argtypes)
{
	Aggref	   *aggref = makeNode(Aggref);
	ListCell   *lc;

	aggref->aggfnoid = fn;
	aggref->aggtype = type;
	aggref->aggcollid = collation;
	aggref->inputcollid = collation;
	aggref->aggstar = (args == NIL);
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = -1;
	foreach(lc, args)
	{
		int			i = foreach_current_index(lc);

		aggref->args = lappend(aggref->args,
							   makeTargetEntry(lfirst(lc), i + 1, NULL, false));
		aggref->aggargtypes = lappend_oid(aggref->aggargtypes, argtypes[i]);
	}
	return aggref;
}
