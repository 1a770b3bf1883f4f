/*
 * states.c
 *	  weir.finalize and weir.combine: what a continuous view's query does with
 *	  the states in its matrel.
 *
 *	finalize(aggregate regprocedure, [argument types regtype[],] state,
 *	NULL::result type)
 *	combine(aggregate regprocedure, [argument types regtype[],] state,
 *	NULL::result type)
 *	combine_state: the same, but the result is the state
 *
 * The aggregate is named by a constant that dumps and restores as text.  The
 * last argument is there for its type, which becomes the call's.  Argument
 * types are given for aggregates whose types depend on them.
 *
 * In a parallel plan each worker combines its part and hands it over as
 *
 *	part := collation, result type, aggregate, number of arguments, their types
 *	(uint32 each),
 *			is there a state (a byte), the state as it is in a matrel
 *
 * in the server's byte order: it never leaves the query.
 *
 * Run in any backend that reads a view, as the reader.  Types are checked
 * against the aggregate at the first call of a plan node; what was looked up
 * stays in fn_extra.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "agg/buffer.h"
#include "agg/partial.h"
#include "base/compat.h"
#include "read/states.h"

/* What combine keeps between the rows of a group. */
typedef struct CombineState
{
	PartialAgg *agg;
	Datum		trans;
	bool		isnull;
	bool		started;		/* trans was set, if only to NULL */
} CombineState;

WEIR_FUNCTION(weir_finalize);
WEIR_FUNCTION(weir_combine_trans);
WEIR_FUNCTION(weir_combine_final);
WEIR_FUNCTION(weir_combine_state_final);
WEIR_FUNCTION(weir_combine_states);
WEIR_FUNCTION(weir_combine_serialize);
WEIR_FUNCTION(weir_combine_deserialize);

static PartialAgg *get_partial_agg(FunctionCallInfo fcinfo, int first);
static PartialAgg *lookup_partial_agg(FunctionCallInfo fcinfo, int first);
static void read_types(ArrayType *array, Oid aggfnoid, int nargs, const Oid *declared, Oid *actual);
static void check_types(FunctionCallInfo fcinfo, PartialAgg *agg);
static void combine_row(FunctionCallInfo fcinfo, MemoryContext cxt,
						CombineState *state, Datum value, bool isnull);
static void keep_trans(PartialAgg *agg, MemoryContext cxt, CombineState *state,
					   Datum result, bool isnull);

Datum
weir_finalize(PG_FUNCTION_ARGS)
{
	PartialAgg *agg = get_partial_agg(fcinfo, 0);
	int			arg = PG_NARGS() - 2;
	MemoryContext caller = CurrentMemoryContext;
	Datum		state = PG_GETARG_DATUM(arg);
	Datum		result;
	bool		isnull;

	/* Deserialized states are large; the result may point into one. */
	weir_partial_agg_reset(agg);
	if (agg->internal)
	{
		MemoryContextSwitchTo(agg->aggcontext);
		if (!PG_ARGISNULL(arg))
			state = weir_partial_agg_unpack(agg, state);
	}
	result = weir_partial_agg_finalize(agg, state, PG_ARGISNULL(arg), &isnull);
	MemoryContextSwitchTo(caller);
	if (isnull)
		PG_RETURN_NULL();
	if (agg->internal)
		result = datumCopy(result, agg->resultbyval, agg->resultlen);
	PG_RETURN_DATUM(result);
}

Datum
weir_combine_trans(PG_FUNCTION_ARGS)
{
	CombineState *state = PG_ARGISNULL(0) ? NULL : (CombineState *) PG_GETARG_POINTER(0);
	int			arg = PG_NARGS() - 2;
	MemoryContext cxt = weir_agg_context(fcinfo);

	if (state == NULL)
	{
		state = MemoryContextAllocZero(cxt, sizeof(CombineState));
		state->agg = get_partial_agg(fcinfo, 1);
		state->isnull = true;
	}
	combine_row(fcinfo, cxt, state, PG_GETARG_DATUM(arg), PG_ARGISNULL(arg));
	PG_RETURN_POINTER(state);
}

Datum
weir_combine_final(PG_FUNCTION_ARGS)
{
	CombineState *state;
	Datum		result;
	bool		isnull;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (CombineState *) PG_GETARG_POINTER(0);
	result = weir_partial_agg_finalize_trans(state->agg, fcinfo->context,
											 state->trans, state->isnull, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	if (state->agg->resultlen == -1)
		result = PointerGetDatum(PG_DETOAST_DATUM_PACKED(result));
	PG_RETURN_DATUM(result);
}

/* weir.combine_state ends in the state, as it would be in a matrel. */
Datum
weir_combine_state_final(PG_FUNCTION_ARGS)
{
	CombineState *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (CombineState *) PG_GETARG_POINTER(0);
	if (state->isnull)
		PG_RETURN_NULL();
	if (!state->agg->internal)
		PG_RETURN_DATUM(state->trans);
	PG_RETURN_DATUM(weir_partial_agg_pack(state->agg,
										  weir_partial_agg_serialize(state->agg, fcinfo->context, state->trans)));
}

/*
 * What a part is to the leader: the value is in memory that the next part may
 * take.
 */
typedef struct CombinePart
{
	PartialAgg *agg;
	Datum		value;
	bool		isnull;
} CombinePart;

/*
 * The parallel plan's combine function: its second argument is always a
 * CombinePart.
 */
Datum
weir_combine_states(PG_FUNCTION_ARGS)
{
	CombineState *state = PG_ARGISNULL(0) ? NULL : (CombineState *) PG_GETARG_POINTER(0);
	CombinePart *part = PG_ARGISNULL(1) ? NULL : (CombinePart *) PG_GETARG_POINTER(1);
	MemoryContext cxt = weir_agg_context(fcinfo);

	if (part != NULL)
	{
		if (state == NULL)
		{
			state = MemoryContextAllocZero(cxt, sizeof(CombineState));
			state->agg = part->agg;
			state->isnull = true;
		}
		combine_row(fcinfo, cxt, state, part->value, part->isnull);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

Datum
weir_combine_serialize(PG_FUNCTION_ARGS)
{
	CombineState *state = (CombineState *) PG_GETARG_POINTER(0);
	PartialAgg *agg = state->agg;
	bool		isnull = state->isnull;
	Datum		value = state->trans;
	StringInfoData part;
	uint32		header[4] = {agg->inputcollid, agg->resulttype, agg->aggfnoid, agg->nargs};

	if (agg->internal && !isnull)
		value = weir_partial_agg_pack(agg, weir_partial_agg_serialize(agg, fcinfo->context, value));

	initStringInfo(&part);
	appendStringInfoSpaces(&part, VARHDRSZ);
	appendBinaryStringInfo(&part, (char *) header, sizeof(header));
	appendBinaryStringInfo(&part, (char *) agg->argtypes, sizeof(Oid) * agg->nargs);
	appendStringInfoChar(&part, isnull ? 0 : 1);
	if (!isnull)
	{
		if (agg->statebyval)
			appendBinaryStringInfo(&part, (char *) &value, sizeof(Datum));
		else
		{
			Datum		flat = agg->statelen == -1 ?
				PointerGetDatum(PG_DETOAST_DATUM(value)) : value;

			appendBinaryStringInfo(&part, DatumGetPointer(flat),
								   (int) datumGetSize(flat, false, agg->statelen));
		}
	}
	SET_VARSIZE(part.data, part.len);
	PG_RETURN_BYTEA_P(part.data);
}

Datum
weir_combine_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	char	   *data = VARDATA_ANY(bytes);
	Size		len = VARSIZE_ANY_EXHDR(bytes);
	PartialAgg *agg = fcinfo->flinfo->fn_extra;
	CombinePart *part = palloc0(sizeof(CombinePart));
	uint32		header[4];
	Oid			argtypes[FUNC_MAX_ARGS];
	Size		read;

	memcpy(header, data, sizeof(header));
	read = sizeof(header) + sizeof(Oid) * header[3] + 1;
	memcpy(argtypes, data + sizeof(header), sizeof(Oid) * header[3]);
	if (agg == NULL)
	{
		agg = weir_partial_agg_create(fcinfo->flinfo->fn_mcxt, header[2], header[3], argtypes,
									  header[1], header[0]);
		fcinfo->flinfo->fn_extra = agg;
	}
	part->agg = agg;
	part->isnull = data[read - 1] == 0;
	if (part->isnull)
		PG_RETURN_POINTER(part);

	if (agg->statebyval)
		memcpy(&part->value, data + read, sizeof(Datum));
	else
	{
		/* Where it is, it is not aligned. */
		char	   *copy = palloc(len - read);

		memcpy(copy, data + read, len - read);
		part->value = PointerGetDatum(copy);
	}
	PG_RETURN_POINTER(part);
}

/* As the executor's advance_combine_function. */
static void
combine_row(FunctionCallInfo fcinfo, MemoryContext cxt, CombineState *state,
			Datum value, bool isnull)
{
	PartialAgg *agg = state->agg;
	Datum		result;
	bool		result_null;

	if (agg->combine_strict && isnull)
		return;
	if (agg->internal && !isnull)
	{
		/* A first state is kept as it is; others are only read. */
		MemoryContext caller = CurrentMemoryContext;

		if (state->isnull && agg->combine_strict)
			MemoryContextSwitchTo(cxt);
		value = weir_partial_agg_deserialize(agg, fcinfo->context,
											 weir_partial_agg_unpack(agg, value));
		MemoryContextSwitchTo(caller);
	}
	result = weir_partial_agg_combine_trans(agg, fcinfo->context,
											state->trans, state->isnull,
											value, isnull, &result_null);
	keep_trans(agg, cxt, state, result, result_null);
}

static void
keep_trans(PartialAgg *agg, MemoryContext cxt, CombineState *state,
		   Datum result, bool isnull)
{
	/*
	 * As the executor does: an expanded object in its memory stays what it is.
	 */
	bool		keeps = !isnull && DatumIsReadWriteExpandedObject(result, false, agg->statelen) &&
		MemoryContextGetParent(DatumGetEOHP(result)->eoh_context) == cxt;

	if (!agg->statebyval && !agg->internal &&
		(isnull || state->isnull || result != state->trans))
	{
		Datum		old = state->trans;
		bool		old_null = state->isnull;

		if (!isnull && !keeps)
		{
			MemoryContext caller = MemoryContextSwitchTo(cxt);

			if (agg->statelen == -1)
				result = PointerGetDatum(PG_DETOAST_DATUM_COPY(result));
			else
				result = datumCopy(result, false, agg->statelen);
			MemoryContextSwitchTo(caller);
		}
		if (!old_null && DatumIsReadWriteExpandedObject(old, false, agg->statelen))
			DeleteExpandedObject(old);
		else if (!old_null)
			pfree(DatumGetPointer(old));
	}
	state->trans = result;
	state->isnull = isnull;
	state->started = true;
}

static PartialAgg *
get_partial_agg(FunctionCallInfo fcinfo, int first)
{
	PartialAgg *agg = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(first))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("aggregate must not be null")));
	if (agg == NULL || agg->aggfnoid != PG_GETARG_OID(first))
	{
		agg = lookup_partial_agg(fcinfo, first);
		fcinfo->flinfo->fn_extra = agg;
	}
	return agg;
}

/* first: position of the aggregate among the arguments */
static PartialAgg *
lookup_partial_agg(FunctionCallInfo fcinfo, int first)
{
	Oid			aggfnoid = PG_GETARG_OID(first);
	Oid		   *declared;
	Oid			actual[FUNC_MAX_ARGS];
	int			nargs;
	Oid			resulttype;
	PartialAgg *agg;
	AclResult	acl;

	if (!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(aggfnoid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", aggfnoid)));
	if (get_func_prokind(aggfnoid) != PROKIND_AGGREGATE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %s is not an aggregate", format_procedure(aggfnoid))));
	acl = object_aclcheck(ProcedureRelationId, aggfnoid, GetUserId(), ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_AGGREGATE, get_func_name(aggfnoid));

	resulttype = get_func_signature(aggfnoid, &declared, &nargs);
	if (PG_NARGS() - first == 4 && !PG_ARGISNULL(first + 1))
	{
		read_types(PG_GETARG_ARRAYTYPE_P(first + 1), aggfnoid, nargs, declared, actual);
		resulttype = enforce_generic_type_consistency(actual, declared, nargs,
													  resulttype, false);
	}
	else
		memcpy(actual, declared, sizeof(Oid) * nargs);

	agg = weir_partial_agg_create(fcinfo->flinfo->fn_mcxt, aggfnoid, nargs, actual,
								  resulttype, PG_GET_COLLATION());
	check_types(fcinfo, agg);
	return agg;
}

/*
 * The types that an aggregate is said to be called with: those that a call
 * could have.
 */
static void
read_types(ArrayType *array, Oid aggfnoid, int nargs, const Oid *declared, Oid *actual)
{
	Datum	   *types;
	int			ntypes;

	deconstruct_array(array, REGTYPEOID, sizeof(Oid), true, TYPALIGN_INT,
					  &types, NULL, &ntypes);
	if (ntypes != nargs)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("aggregate %s has %d arguments, not %d",
						format_procedure(aggfnoid), nargs, ntypes)));
	for (int i = 0; i < nargs; i++)
	{
		actual[i] = DatumGetObjectId(types[i]);
		if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(actual[i])))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("type with OID %u does not exist", actual[i])));
		if (!can_coerce_type(1, &actual[i], &declared[i], COERCION_IMPLICIT))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("argument %d of aggregate %s cannot be of type %s", i + 1,
							format_procedure(aggfnoid), format_type_be(actual[i]))));
	}
}

/* A state read as what it is not could crash the server. */
static void
check_types(FunctionCallInfo fcinfo, PartialAgg *agg)
{
	Oid			state = get_fn_expr_argtype(fcinfo->flinfo, PG_NARGS() - 2);
	Oid			result = get_fn_expr_argtype(fcinfo->flinfo, PG_NARGS() - 1);

	if (getBaseType(state) != getBaseType(agg->statetype) || result != agg->resulttype)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("aggregate %s has states of type %s and results of type %s, not %s and %s",
						format_procedure(agg->aggfnoid),
						format_type_be(agg->statetype), format_type_be(agg->resulttype),
						format_type_be(state), format_type_be(result))));
}
