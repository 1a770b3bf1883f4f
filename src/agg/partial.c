/*
 * partial.c
 *	  Combine and finalize partial aggregate states outside an Agg node.
 *
 * Called by the flush worker (merging into the matrel), ingest workers
 * (merging into group tables), and by backends through weir.finalize and
 * weir.combine.  Follows the rules of PostgreSQL's own partial aggregation for
 * NULLs and strict functions.
 *
 * Functions of aggregates ask AggCheckCallContext whether they run inside an
 * aggregate and where to put what outlives the call.  They are given an
 * AggState that has nothing but that memory.
 *
 * Memory: what a call leaves behind beyond its result is in agg->aggcontext,
 * until weir_partial_agg_reset.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_agg.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "agg/partial.h"
#include "agg/state_type.h"
#include "base/compat.h"
#include "base/time_limit.h"
#include "meta/extension.h"

static void check_combinable(Form_pg_aggregate form);
static bool types_follow_arguments(Oid aggfnoid);
static bool is_own(Oid aggfnoid);
static void tell_argument_types(FuncExpr *call, int nargs, Oid *argtypes);
static Datum call_function(FunctionCallInfo fcinfo, bool is_limited);
static bool may_take_long(Oid aggfnoid, Oid fn);
static void lookup_functions(PartialAgg *agg, Form_pg_aggregate form,
							 int nargs, Oid *argtypes, MemoryContext cxt);
static void lookup_function(FmgrInfo *flinfo, Oid aggfnoid, Oid fn, Expr *expr, MemoryContext cxt);
static void read_initial_state(PartialAgg *agg, HeapTuple tuple);
static Datum flat_copy(PartialAgg *agg, Datum value);
static Datum own_input(PartialAgg *agg, Datum state);
static Datum keep_trans(PartialAgg *agg, Datum value);
static void lookup_transfn(PartialAgg *agg);

PartialAgg *
weir_partial_agg_create(MemoryContext cxt, Oid aggfnoid, int nargs,
						const Oid *argtypes, Oid resulttype, Oid inputcollid)
{
	MemoryContext caller = MemoryContextSwitchTo(cxt);
	PartialAgg *agg = palloc0(sizeof(PartialAgg));
	Oid			inputs[FUNC_MAX_ARGS];
	Form_pg_aggregate form;
	HeapTuple	tuple;
	ExprContext *econtext;

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %u is not an aggregate", aggfnoid)));
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	check_combinable(form);

	memcpy(inputs, argtypes, sizeof(Oid) * nargs);
	agg->aggfnoid = aggfnoid;
	agg->nargs = nargs;
	agg->argtypes = palloc(sizeof(Oid) * Max(nargs, 1));
	memcpy(agg->argtypes, argtypes, sizeof(Oid) * nargs);
	agg->inputcollid = inputcollid;
	agg->resulttype = resulttype;
	get_typlenbyval(resulttype, &agg->resultlen, &agg->resultbyval);
	agg->transtype = resolve_aggregate_transtype(aggfnoid, form->aggtranstype,
												 inputs, nargs);
	agg->internal = (agg->transtype == INTERNALOID);
	agg->statetype = agg->internal ? weir_state_type() : agg->transtype;
	get_typlenbyval(agg->statetype, &agg->statelen, &agg->statebyval);

	econtext = CreateStandaloneExprContext();
	agg->aggcontext = econtext->ecxt_per_tuple_memory;
	agg->aggstate = makeNode(AggState);
	agg->aggstate->curaggcontext = econtext;

	lookup_functions(agg, form, nargs, inputs, cxt);
	if (agg->internal)
		agg->mark = weir_state_mark(form->aggdeserialfn, nargs,
									!is_own(aggfnoid) && types_follow_arguments(aggfnoid) ? argtypes : NULL);
	read_initial_state(agg, tuple);
	ReleaseSysCache(tuple);
	MemoryContextSwitchTo(caller);
	return agg;
}

PartialAgg *
weir_partial_agg_from_aggref(MemoryContext cxt, Aggref *aggref)
{
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs = get_aggregate_argtypes(aggref, argtypes);

	return weir_partial_agg_create(cxt, aggref->aggfnoid, nargs, argtypes,
								   aggref->aggtype, aggref->inputcollid);
}

Datum
weir_partial_agg_pack(PartialAgg *agg, Datum state)
{
	return agg->internal ? weir_state_pack(agg->mark, state) : state;
}

Datum
weir_partial_agg_unpack(PartialAgg *agg, Datum stored)
{
	if (agg->internal)
		return weir_state_unpack(agg->mark, stored);
	return agg->statelen == -1 ? PointerGetDatum(PG_DETOAST_DATUM(stored)) : stored;
}

Datum
weir_partial_agg_combine(PartialAgg *agg, Datum a, bool a_null,
						 Datum b, bool b_null, bool *result_null)
{
	fmNodePtr	context = (fmNodePtr) agg->aggstate;
	Datum		own = (Datum) 0;
	Datum		result;
	Datum		flat;

	/* NULL is no state at all: the other one is the result. */
	if (agg->combine_strict)
	{
		*result_null = a_null && b_null;
		if (b_null)
			return a_null ? (Datum) 0 : flat_copy(agg, a);
		if (a_null)
			return flat_copy(agg, b);
	}

	if (agg->statebyval)
		return weir_partial_agg_combine_trans(agg, context, a, a_null,
											  b, b_null, result_null);

	/*
	 * A combine function may scribble on its first argument: it gets a copy.
	 */
	if (!a_null)
		a = own = own_input(agg, a);
	if (agg->internal && !b_null)
		b = weir_partial_agg_deserialize(agg, context, b);
	result = weir_partial_agg_combine_trans(agg, context, a, a_null,
											b, b_null, result_null);
	if (agg->internal)
	{
		*result_null = *result_null && agg->serialfn.fn_strict;
		return *result_null ? (Datum) 0 : weir_partial_agg_serialize(agg, context, result);
	}
	if (*result_null)
		return (Datum) 0;

	/*
	 * States may be large: what the result was made of is freed at once, as
	 * the executor does.
	 */
	flat = flat_copy(agg, result);
	if (own != (Datum) 0 && own != result && own != flat)
		pfree(DatumGetPointer(own));
	if (flat != result && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(result)))
		DeleteExpandedObject(result);
	return flat;
}

Datum
weir_partial_agg_finalize(PartialAgg *agg, Datum state, bool state_null,
						  bool *result_null)
{
	fmNodePtr	context = (fmNodePtr) agg->aggstate;

	/*
	 * The executor never finalizes a state fresh from its deserialize
	 * function, only what the combine function made of it; final functions
	 * count on that.
	 */
	if (agg->internal && !state_null)
	{
		state = weir_partial_agg_deserialize(agg, context, state);
		if (!agg->combine_strict)
			state = weir_partial_agg_combine_trans(agg, context, (Datum) 0, true,
												   state, false, &state_null);
	}
	else if (!state_null && !agg->statebyval && OidIsValid(agg->finalfn.fn_oid))
	{
		/*
		 * What is told that it runs in an aggregate may change its state: not
		 * one on a page of a table.
		 */
		state = datumCopy(flat_copy(agg, state), false, agg->statelen);
	}
	return weir_partial_agg_finalize_trans(agg, context, state, state_null,
										   result_null);
}

Datum
weir_partial_agg_start(PartialAgg *agg, bool *result_null)
{
	*result_null = agg->initisnull;
	return agg->initisnull ? (Datum) 0 : keep_trans(agg, agg->initvalue);
}

Datum
weir_partial_agg_advance(PartialAgg *agg, Datum trans, bool trans_null,
						 Datum value, bool value_null, bool *result_null)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	if (agg->nargs != 1)
		elog(ERROR, "aggregate %u is none of one argument", agg->aggfnoid);
	if (!OidIsValid(agg->transfn.fn_oid))
		lookup_transfn(agg);
	*result_null = trans_null;
	if (agg->transfn.fn_strict && value_null)
		return trans;

	/* Without an initial state the first value is the state. */
	if (agg->transfn.fn_strict && trans_null)
	{
		*result_null = false;
		return keep_trans(agg, value);
	}
	InitFunctionCallInfoData(*fcinfo, &agg->transfn, 2, agg->inputcollid, (fmNodePtr) agg->aggstate, NULL);
	fcinfo->args[0].value = trans;
	fcinfo->args[0].isnull = trans_null;
	fcinfo->args[1].value = value;
	fcinfo->args[1].isnull = value_null;
	result = FunctionCallInvoke(fcinfo);
	*result_null = fcinfo->isnull;
	if (fcinfo->isnull || DatumGetPointer(result) == DatumGetPointer(trans))
		return result;
	return keep_trans(agg, result);
}

void
weir_partial_agg_try(PartialAgg *agg, const NullableDatum *args)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);

	lookup_transfn(agg);
	InitFunctionCallInfoData(*fcinfo, &agg->transfn, agg->nargs + 1, agg->inputcollid, (fmNodePtr) agg->aggstate, NULL);
	fcinfo->args[0].value = weir_partial_agg_start(agg, &fcinfo->args[0].isnull);
	for (int i = 0; i < agg->nargs; i++)
		fcinfo->args[i + 1] = args[i];
	for (int i = 0; i <= agg->nargs; i++)
		if (agg->transfn.fn_strict && fcinfo->args[i].isnull)
			return;
	(void) FunctionCallInvoke(fcinfo);
}

void
weir_partial_agg_reset(PartialAgg *agg)
{
	ReScanExprContext(agg->aggstate->curaggcontext);
}

Datum
weir_partial_agg_serialize(PartialAgg *agg, fmNodePtr context, Datum trans)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, &agg->serialfn, 1, InvalidOid, context, NULL);
	fcinfo->args[0].value = trans;
	fcinfo->args[0].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		elog(ERROR, "function %u returned NULL for a state", agg->serialfn.fn_oid);
	return result;
}

Datum
weir_partial_agg_deserialize(PartialAgg *agg, fmNodePtr context, Datum state)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, &agg->deserialfn, 2, InvalidOid, context, NULL);

	/* The executor's states never were in a table; functions count on that. */
	fcinfo->args[0].value = PointerGetDatum(PG_DETOAST_DATUM(state));
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = (Datum) 0;
	fcinfo->args[1].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		elog(ERROR, "function %u returned NULL for a state", agg->deserialfn.fn_oid);
	return result;
}

Datum
weir_partial_agg_combine_trans(PartialAgg *agg, fmNodePtr context, Datum a, bool a_null,
							   Datum b, bool b_null, bool *result_null)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	if (agg->combine_strict && (a_null || b_null))
	{
		*result_null = a_null && b_null;
		return a_null ? b : a;
	}
	InitFunctionCallInfoData(*fcinfo, &agg->combinefn, 2, agg->inputcollid, context, NULL);
	fcinfo->args[0].value = a;
	fcinfo->args[0].isnull = a_null;
	fcinfo->args[1].value = b;
	fcinfo->args[1].isnull = b_null;
	result = call_function(fcinfo, agg->combine_limited);

	/*
	 * Those of sum(bigint) and others give a null pointer, not NULL, for two
	 * NULLs.
	 */
	*result_null = fcinfo->isnull || (agg->internal && DatumGetPointer(result) == NULL);
	return result;
}

Datum
weir_partial_agg_finalize_trans(PartialAgg *agg, fmNodePtr context,
								Datum trans, bool trans_null, bool *result_null)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	Datum		result;

	if (!OidIsValid(agg->finalfn.fn_oid))
	{
		*result_null = trans_null;
		return trans;
	}

	/*
	 * As in the executor: extra arguments are NULL, strict means any of them.
	 */
	if (agg->finalfn.fn_strict && (trans_null || agg->finalnargs > 1))
	{
		*result_null = true;
		return (Datum) 0;
	}
	InitFunctionCallInfoData(*fcinfo, &agg->finalfn, agg->finalnargs,
							 agg->inputcollid, context, NULL);
	fcinfo->args[0].value = trans;
	fcinfo->args[0].isnull = trans_null;
	for (int i = 1; i < agg->finalnargs; i++)
	{
		fcinfo->args[i].value = (Datum) 0;
		fcinfo->args[i].isnull = true;
	}
	result = call_function(fcinfo, agg->final_limited);
	*result_null = fcinfo->isnull;
	return result;
}

/* Where it is called in a worker, all views wait for it. */
static Datum
call_function(FunctionCallInfo fcinfo, bool is_limited)
{
	Datum		result;

	if (!is_limited)
		return FunctionCallInvoke(fcinfo);
	weir_time_limit_begin_call();
	result = FunctionCallInvoke(fcinfo);
	weir_time_limit_end_call();
	return result;
}

static void
check_combinable(Form_pg_aggregate form)
{
	const char *missing = NULL;

	if (form->aggkind != AGGKIND_NORMAL)
		missing = "it is an ordered-set aggregate";
	else if (!OidIsValid(form->aggcombinefn))
		missing = "it has no combine function";
	else if (form->aggtranstype == INTERNALOID &&
			 (!OidIsValid(form->aggserialfn) || !OidIsValid(form->aggdeserialfn)))
		missing = "it has no serialization functions";

	if (missing)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregate %s cannot be maintained continuously: %s",
						format_procedure(form->aggfnoid), missing),
				 form->aggkind != AGGKIND_NORMAL ? 0 :
				 errhint("Give it an order, as in %s(... ORDER BY ...): then the values of each group are kept. Or apply a function of arrays to array_agg(...).",
						 get_func_name(form->aggfnoid))));
}

static bool
types_follow_arguments(Oid aggfnoid)
{
	Oid		   *declared;
	int			ndeclared;

	get_func_signature(aggfnoid, &declared, &ndeclared);
	for (int i = 0; i < ndeclared; i++)
		if (IsPolymorphicType(declared[i]))
			return true;
	return false;
}

static void
lookup_functions(PartialAgg *agg, Form_pg_aggregate form,
				 int nargs, Oid *argtypes, MemoryContext cxt)
{
	Oid			transtype = agg->transtype;
	Expr	   *expr;

	build_aggregate_transfn_expr(&transtype, 1, 0, false, agg->transtype,
								 agg->inputcollid, form->aggcombinefn,
								 InvalidOid, &expr, NULL);
	lookup_function(&agg->combinefn, agg->aggfnoid, form->aggcombinefn, expr, cxt);
	agg->combine_strict = agg->combinefn.fn_strict;
	agg->combine_limited = may_take_long(agg->aggfnoid, form->aggcombinefn);

	if (agg->internal)
	{
		build_aggregate_serialfn_expr(form->aggserialfn, &expr);
		lookup_function(&agg->serialfn, agg->aggfnoid, form->aggserialfn, expr, cxt);
		build_aggregate_deserialfn_expr(form->aggdeserialfn, &expr);
		if (is_own(agg->aggfnoid))
			tell_argument_types((FuncExpr *) expr, nargs, argtypes);
		lookup_function(&agg->deserialfn, agg->aggfnoid, form->aggdeserialfn, expr, cxt);
	}

	agg->finalnargs = form->aggfinalextra ? nargs + 1 : 1;
	if (OidIsValid(form->aggfinalfn))
	{
		build_aggregate_finalfn_expr(argtypes, agg->finalnargs, agg->transtype,
									 agg->resulttype, agg->inputcollid,
									 form->aggfinalfn, &expr);
		lookup_function(&agg->finalfn, agg->aggfnoid, form->aggfinalfn, expr, cxt);
		agg->final_limited = may_take_long(agg->aggfnoid, form->aggfinalfn);
	}
}

/*
 * Aggregates that come with PostgreSQL take the time that their states need,
 * and so does what only a superuser can create.
 */
static bool
may_take_long(Oid aggfnoid, Oid fn)
{
	HeapTuple	tuple;
	Oid			language;

	if (aggfnoid < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fn);
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language != ClanguageId;
}

/*
 * States of Weir's own aggregates are read as what the arguments' types say
 * (agg/value.h), and checked by that: renaming a type does not make another
 * kind of state.
 */
static bool
is_own(Oid aggfnoid)
{
	return get_func_namespace(aggfnoid) == weir_schema_oid();
}

/* They learn of the types as if they were called with arguments of them. */
static void
tell_argument_types(FuncExpr *call, int nargs, Oid *argtypes)
{
	for (int i = 0; i < nargs; i++)
		call->args = lappend(call->args, makeNullConst(argtypes[i], -1, InvalidOid));
}

/*
 * The owner of an aggregate must have the right to call its functions, as in
 * the executor.
 */
static void
lookup_function(FmgrInfo *flinfo, Oid aggfnoid, Oid fn, Expr *expr, MemoryContext cxt)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(aggfnoid));
	Oid			owner = HeapTupleIsValid(tuple) ? ((Form_pg_proc) GETSTRUCT(tuple))->proowner : InvalidOid;
	AclResult	acl;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	acl = object_aclcheck(ProcedureRelationId, fn, owner, ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, get_func_name(fn));
	fmgr_info_cxt(fn, flinfo, cxt);
	fmgr_info_set_expr((Node *) expr, flinfo);
}

static void
read_initial_state(PartialAgg *agg, HeapTuple tuple)
{
	bool		isnull;
	Datum		initval = SysCacheGetAttr(AGGFNOID, tuple,
									   Anum_pg_aggregate_agginitval, &isnull);
	Oid			input;
	Oid			ioparam;

	agg->initisnull = isnull || agg->internal;
	if (agg->initisnull)
		return;
	getTypeInputInfo(agg->transtype, &input, &ioparam);
	agg->initvalue = OidInputFunctionCall(input, TextDatumGetCString(initval), ioparam, -1);
}

/* The value as it may go into a tuple; itself when it already may. */
static Datum
flat_copy(PartialAgg *agg, Datum value)
{
	if (agg->statelen == -1 &&
		VARATT_IS_EXTERNAL(DatumGetPointer(value)))
	{
		if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
			return datumCopy(value, false, -1);
		return PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
	}
	return value;
}

/* A transition value that a combine function may change. */
static Datum
own_input(PartialAgg *agg, Datum state)
{
	MemoryContext caller = MemoryContextSwitchTo(agg->aggcontext);
	Datum		result = agg->internal ?
		weir_partial_agg_deserialize(agg, (fmNodePtr) agg->aggstate, state) :
		datumCopy(flat_copy(agg, state), agg->statebyval, agg->statelen);

	MemoryContextSwitchTo(caller);
	return result;
}

/*
 * A copy of a transition value that outlives the call; what is internal sees
 * to that itself.
 */
static Datum
keep_trans(PartialAgg *agg, Datum value)
{
	MemoryContext caller;
	Datum		result;

	if (agg->internal || agg->statebyval)
		return value;
	caller = MemoryContextSwitchTo(agg->aggcontext);
	result = datumCopy(value, false, agg->statelen);
	MemoryContextSwitchTo(caller);
	return result;
}

static void
lookup_transfn(PartialAgg *agg)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(agg));
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(agg->aggfnoid));
	Oid			transfn;
	Expr	   *expr;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", agg->aggfnoid);
	transfn = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn;
	ReleaseSysCache(tuple);
	build_aggregate_transfn_expr(agg->argtypes, agg->nargs, 0, false, agg->transtype, agg->inputcollid,
								 transfn, InvalidOid, &expr, NULL);
	lookup_function(&agg->transfn, agg->aggfnoid, transfn, expr, GetMemoryChunkContext(agg));
	MemoryContextSwitchTo(caller);
}
