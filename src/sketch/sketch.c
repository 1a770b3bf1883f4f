/*
 * sketch.c
 *	  What the sketches have in common: header, bytes, hashing, input and
 *	  output.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "agg/value.h"
#include "base/weir.h"
#include "sketch/sketch.h"

WEIR_FUNCTION(weir_sketch_out);
WEIR_FUNCTION(weir_sketch_send);

/* What a function keeps between its calls. */
typedef struct SketchCall
{
	ValueType  *type;			/* of the value */
	struct varatt_external toasted; /* of a sketch that is in a table, */
	struct varlena *sketch;		/* and the sketch */
} SketchCall;

static SketchCall *call_of(FunctionCallInfo fcinfo);
static Datum checked(bytea *bytes, const char *type, sketch_check check);

Sketch *
weir_sketch_new(Size size, uint8 kind, uint8 param)
{
	Sketch	   *sketch = palloc0(size);

	SET_VARSIZE(sketch, size);
	sketch->magic = SKETCH_MAGIC;
	sketch->kind = kind;
	sketch->version = SKETCH_VERSION;
	sketch->param = param;
	return sketch;
}

static SketchCall *
call_of(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SketchCall));
	return fcinfo->flinfo->fn_extra;
}

Sketch *
weir_sketch_arg(FunctionCallInfo fcinfo, int arg)
{
	return weir_sketch_known((Sketch *) PG_DETOAST_DATUM(PG_GETARG_DATUM(arg)));
}

/* One sketch is asked for many values: fetched once, if it is toasted. */
Sketch *
weir_sketch_arg_to_ask(FunctionCallInfo fcinfo, int arg)
{
	struct varlena *value = (struct varlena *) PG_GETARG_POINTER(arg);
	SketchCall *call = call_of(fcinfo);
	struct varatt_external toasted;
	MemoryContext caller;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return weir_sketch_arg(fcinfo, arg);
	VARATT_EXTERNAL_GET_POINTER(toasted, value);
	if (call->sketch && memcmp(&toasted, &call->toasted, sizeof(toasted)) == 0)
		return weir_sketch_known((Sketch *) call->sketch);
	if (call->sketch)
		pfree(call->sketch);
	call->sketch = NULL;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	call->sketch = PG_DETOAST_DATUM(PointerGetDatum(value));
	MemoryContextSwitchTo(caller);
	call->toasted = toasted;
	return weir_sketch_known((Sketch *) call->sketch);
}

Sketch *
weir_sketch_arg_to_change(FunctionCallInfo fcinfo, int arg)
{
	if (arg == 0 && AggCheckCallContext(fcinfo, NULL) && !VARATT_IS_EXTENDED(PG_GETARG_POINTER(arg)))
		return weir_sketch_known((Sketch *) PG_GETARG_POINTER(arg));
	return weir_sketch_known((Sketch *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(arg)));
}

Sketch *
weir_sketch_known(Sketch *sketch)
{
	weir_check_version("sketch", sketch->version, SKETCH_VERSION);
	return sketch;
}

/*
 * Hash functions of types are made for tables of some thousand buckets;
 * sketches look at every bit.  So the bits are mixed again, by the finalizer
 * of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014).
 */
uint64
weir_sketch_hash(FunctionCallInfo fcinfo, int arg)
{
	SketchCall *call = call_of(fcinfo);
	Oid			type = weir_sketch_value_type(fcinfo, arg);
	bool		literal = get_fn_expr_argtype(fcinfo->flinfo, arg) == UNKNOWNOID;
	uint64		h;

	if (call->type == NULL)
		call->type = weir_value_type(type, fcinfo->flinfo->fn_mcxt);
	h = weir_value_hash(call->type, literal ? DEFAULT_COLLATION_OID : PG_GET_COLLATION(), weir_sketch_value(fcinfo, arg));
	h = (h ^ (h >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

Oid
weir_sketch_value_type(FunctionCallInfo fcinfo, int arg)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, arg);

	return type == UNKNOWNOID ? TEXTOID : type;
}

Datum
weir_sketch_value(FunctionCallInfo fcinfo, int arg)
{
	if (get_fn_expr_argtype(fcinfo->flinfo, arg) == UNKNOWNOID)
		return CStringGetTextDatum(DatumGetCString(PG_GETARG_DATUM(arg)));
	return PG_GETARG_DATUM(arg);
}

bool
weir_sketch_begins(const Sketch *sketch, Size size, uint8 kind)
{
	if (size < sizeof(Sketch) || sketch->magic != SKETCH_MAGIC || sketch->kind != kind)
		return false;
	(void) weir_sketch_known((Sketch *) sketch);
	return true;
}

Datum
weir_sketch_in(FunctionCallInfo fcinfo, const char *type, sketch_check check)
{
	return checked(DatumGetByteaP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0))), type, check);
}

Datum
weir_sketch_recv(FunctionCallInfo fcinfo, const char *type, sketch_check check)
{
	return checked(DatumGetByteaP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0))), type, check);
}

static Datum
checked(bytea *bytes, const char *type, sketch_check check)
{
	if (!check((Sketch *) bytes, VARSIZE(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid value of type %s.%s", WEIR_SCHEMA, type)));
	PG_RETURN_BYTEA_P(bytes);
}

/* Of every kind whose bytes have no room in them. */
Datum
weir_sketch_out(PG_FUNCTION_ARGS)
{
	return weir_sketch_text((Sketch *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0)));
}

Datum
weir_sketch_text(const Sketch *sketch)
{
	Size		len = VARSIZE(sketch) - VARHDRSZ;
	char	   *result = palloc_extended(len * 2 + 3, MCXT_ALLOC_HUGE);

	result[0] = '\\';
	result[1] = 'x';
	hex_encode(VARDATA(sketch), len, result + 2);
	result[len * 2 + 2] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
weir_sketch_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

int
weir_sketch_array(FunctionCallInfo fcinfo, int arg, Sketch ***sketches)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	Datum	   *values;
	bool	   *nulls;
	int			nvalues;
	int			n = 0;
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &len, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), len, byval, align, &values, &nulls, &nvalues);
	*sketches = palloc(sizeof(Sketch *) * Max(nvalues, 1));
	for (int i = 0; i < nvalues; i++)
		if (!nulls[i])
			(*sketches)[n++] = weir_sketch_known((Sketch *) PG_DETOAST_DATUM(values[i]));
	return n;
}

double
weir_sketch_fraction(FunctionCallInfo fcinfo, int arg, const char *name)
{
	double		value = PG_ARGISNULL(arg) ? 0 : PG_GETARG_FLOAT8(arg);

	/* so that NaN is refused too */
	if (!(value > 0 && value < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be in (0, 1)", name)));
	return value;
}
