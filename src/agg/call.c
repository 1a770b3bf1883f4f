/*
 * call.c
 *	  Calls of PostgreSQL's functions that ask for the types of their
 *	  arguments.
 *
 * to_json(anyelement) and json_build_object("any", ...) take their argument
 * types from the expression that calls them.  An aggregate's transition
 * function gives them one with the types of its own arguments.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "agg/call.h"

AnyCall *
weir_any_call(FunctionCallInfo fcinfo, Oid function, int nargs)
{
	AnyCall    *call = fcinfo->flinfo->fn_extra;
	MemoryContext caller;
	List	   *args = NIL;

	if (call)
		return call;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call = palloc0(sizeof(AnyCall));
	call->nargs = nargs;
	for (int i = 0; i < nargs; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i + 1);

		if (!OidIsValid(type))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("could not determine data type for argument %d", i + 1)));
		call->literal[i] = type == UNKNOWNOID;
		call->types[i] = call->literal[i] ? TEXTOID : type;
		args = lappend(args, makeNullConst(call->types[i], -1, InvalidOid));
	}
	fmgr_info_cxt(function, &call->flinfo, CurrentMemoryContext);
	fmgr_info_set_expr((Node *) makeFuncExpr(function, get_func_rettype(function), args,
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &call->flinfo);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = call;
	return call;
}

Datum
weir_any_call_invoke(AnyCall *call, FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(inner, 2);
	Datum		result;

	InitFunctionCallInfoData(*inner, &call->flinfo, call->nargs, InvalidOid, NULL, NULL);
	for (int i = 0; i < call->nargs; i++)
	{
		inner->args[i] = fcinfo->args[i + 1];
		if (call->literal[i] && !inner->args[i].isnull)
			inner->args[i].value = CStringGetTextDatum(DatumGetCString(inner->args[i].value));
	}
	result = FunctionCallInvoke(inner);
	if (inner->isnull)
		elog(ERROR, "function %u returned NULL", call->flinfo.fn_oid);
	return result;
}
