/*
 * top_k.c
 *	  Filtered space-saving: the most frequent values, and about how often they
 *	  came.
 *
 * N. Homem, J. P. Carvalho: Finding top-k elements in data streams, 2010.
 *
 * m values are monitored, each with a count and by how much that may be too
 * large.  Others are counted together in h cells by their hash.  A value
 * that is not monitored takes the place of the one with the least count once
 * its cell has come up to that; what it takes over from the cell is its
 * error.  No count is too small, count - error is never too large, and the
 * error is at most N / m for N values.  Merging sketches adds, for a value
 * that is monitored in one of them only, the other one's cell to count and
 * error, so that this holds again, with the errors added up.
 *
 * As a transition state a sketch is in expanded form.  Flat it is
 *
 *	sketch	:= header(kind 'K', parameter 0) type k m h n (uint32 each)
 *			   cells (uint64, h of them) counters (n of them)
 *	counter := count error (uint64 each) value
 *
 * where type is the OID of the values' type, and values are written as in
 * agg/value.h.  The text form is the name of the type, a blank, and this in
 * hexadecimal, with type 0; the binary form is the same text.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "parser/parse_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "agg/buffer.h"
#include "base/weir.h"
#include "sketch/top_k_count.h"

#define TOPK_KIND 'K'
#define MAX_K 1000
#define MAX_M 10000
#define MAX_H 1000000

WEIR_FUNCTION(weir_topk_in);
WEIR_FUNCTION(weir_topk_out);
WEIR_FUNCTION(weir_topk_recv);
WEIR_FUNCTION(weir_topk_send);
WEIR_FUNCTION(weir_topk_trans);
WEIR_FUNCTION(weir_topk_trans_weight);
WEIR_FUNCTION(weir_topk_trans_sizes);
WEIR_FUNCTION(weir_topk_combine);
WEIR_FUNCTION(weir_topk_empty);
WEIR_FUNCTION(weir_topk_increment);
WEIR_FUNCTION(weir_topk);
WEIR_FUNCTION(weir_topk_values);
WEIR_FUNCTION(weir_topk_freqs);
WEIR_FUNCTION(weir_topk_errors);

static Size topk_flat_size(ExpandedObjectHeader *eohptr);
static void topk_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size);
static TopK *make(MemoryContext parent, Oid type, Oid collation, int64 k, int64 m, int64 h);
static TopK *load(MemoryContext parent, Datum value, Oid collation);
static TopK *state_of(FunctionCallInfo fcinfo, MemoryContext cxt);
static void check_type(const TopK *topk, Oid type);
static TopK *argument(FunctionCallInfo fcinfo);
static Datum transition(FunctionCallInfo fcinfo, int64 weight, int64 m, int64 h);
static Datum from_text(char *text);
static char *to_text(Sketch *sketch);
static Datum numbers(FunctionCallInfo fcinfo, bool errors);

static const ExpandedObjectMethods topk_methods = {topk_flat_size, topk_flatten};

/* ---------------------------------------------------------------------
 * The aggregate
 * --------------------------------------------------------------------- */

/* (state topk, value, k integer) -> topk; NULL values do not count */
Datum
weir_topk_trans(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, 1, -1, -1);
}

/* (state topk, value, k integer, weight bigint) -> topk */
Datum
weir_topk_trans_weight(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3), -1, -1);
}

/* (state topk, value, k integer, m integer, h integer) -> topk */
Datum
weir_topk_trans_sizes(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, 1, PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3),
					  PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4));
}

/* (topk, topk) -> topk, strict */
Datum
weir_topk_combine(PG_FUNCTION_ARGS)
{
	TopK	   *to = state_of(fcinfo, weir_agg_context(fcinfo));
	TopK	   *from = load(CurrentMemoryContext, PG_GETARG_DATUM(1), PG_GET_COLLATION());

	weir_topk_merge(to, from);
	MemoryContextDelete(from->hdr.eoh_context);
	return EOHPGetRWDatum(&to->hdr);
}

static Datum
transition(FunctionCallInfo fcinfo, int64 weight, int64 m, int64 h)
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	TopK	   *topk;

	if (PG_ARGISNULL(0))
	{
		int64		k = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);

		topk = make(cxt, get_fn_expr_argtype(fcinfo->flinfo, 1), PG_GET_COLLATION(),
					k, m < 0 ? k * 3 : m, h < 0 ? k * 18 : h);
	}
	else
	{
		topk = state_of(fcinfo, cxt);
		check_type(topk, get_fn_expr_argtype(fcinfo->flinfo, 1));
	}
	if (!PG_ARGISNULL(1))
		weir_topk_add(topk, PG_GETARG_DATUM(1), weight);
	return EOHPGetRWDatum(&topk->hdr);
}

/* ---------------------------------------------------------------------
 * Other functions
 * --------------------------------------------------------------------- */

Datum
weir_topk_in(PG_FUNCTION_ARGS)
{
	return from_text(PG_GETARG_CSTRING(0));
}

Datum
weir_topk_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(to_text(weir_sketch_arg(fcinfo, 0)));
}

Datum
weir_topk_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;

	return from_text(pq_getmsgtext(buf, buf->len - buf->cursor, &len));
}

Datum
weir_topk_send(PG_FUNCTION_ARGS)
{
	StringInfoData buf;
	char	   *text = to_text(weir_sketch_arg(fcinfo, 0));

	pq_begintypsend(&buf);
	pq_sendtext(&buf, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* (type regtype, k integer [, m integer, h integer]) -> topk */
Datum
weir_topk_empty(PG_FUNCTION_ARGS)
{
	int64		k = PG_GETARG_INT32(1);

	return EOHPGetRODatum(&make(CurrentMemoryContext, PG_GETARG_OID(0), InvalidOid, k,
								PG_NARGS() > 2 ? PG_GETARG_INT32(2) : k * 3,
								PG_NARGS() > 2 ? PG_GETARG_INT32(3) : k * 18)->hdr);
}

/* (topk, value [, weight bigint]) -> topk */
Datum
weir_topk_increment(PG_FUNCTION_ARGS)
{
	TopK	   *topk = argument(fcinfo);

	check_type(topk, weir_sketch_value_type(fcinfo, 1));
	weir_topk_add(topk, weir_sketch_value(fcinfo, 1), PG_NARGS() > 2 ? PG_GETARG_INT64(2) : 1);
	return EOHPGetRODatum(&topk->hdr);
}

/* (topk) -> setof (value text, frequency bigint), the most frequent first */
Datum
weir_topk(PG_FUNCTION_ARGS)
{
	TopK	   *topk = argument(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			out;
	bool		varlena;

	InitMaterializedSRF(fcinfo, 0);
	getTypeOutputInfo(weir_value_type_oid(topk->type), &out, &varlena);
	weir_topk_sort(topk);
	for (uint32 i = 0; i < Min(topk->k, topk->n); i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = CStringGetTextDatum(OidOutputFunctionCall(out, topk->counters[i].value));
		values[1] = Int64GetDatum((int64) topk->counters[i].count);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* (topk, anyarray) -> anyarray; the second argument is there for its type */
Datum
weir_topk_values(PG_FUNCTION_ARGS)
{
	TopK	   *topk;
	ArrayBuildState *array;
	Oid			type = get_fn_expr_rettype(fcinfo->flinfo);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of the result")));
	type = get_element_type(getBaseType(type));
	topk = argument(fcinfo);
	check_type(topk, type);
	array = initArrayResult(type, CurrentMemoryContext, false);
	weir_topk_sort(topk);
	for (uint32 i = 0; i < Min(topk->k, topk->n); i++)
		array = accumArrayResult(array, topk->counters[i].value, false, type, CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(array, CurrentMemoryContext));
}

/* (topk) -> bigint[] */
Datum
weir_topk_freqs(PG_FUNCTION_ARGS)
{
	return numbers(fcinfo, false);
}

Datum
weir_topk_errors(PG_FUNCTION_ARGS)
{
	return numbers(fcinfo, true);
}

static Datum
numbers(FunctionCallInfo fcinfo, bool errors)
{
	TopK	   *topk = argument(fcinfo);
	ArrayBuildState *array = initArrayResult(INT8OID, CurrentMemoryContext, false);

	weir_topk_sort(topk);
	for (uint32 i = 0; i < Min(topk->k, topk->n); i++)
		array = accumArrayResult(array, Int64GetDatum((int64) (errors ? topk->counters[i].error : topk->counters[i].count)),
								 false, INT8OID, CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(array, CurrentMemoryContext));
}

/*
 * A sketch says itself of which type its values are: anybody can put it beside
 * others.
 */
static void
check_type(const TopK *topk, Oid type)
{
	if (type != weir_value_type_oid(topk->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the values of the sketch are of type %s, not %s",
						format_type_be(weir_value_type_oid(topk->type)), format_type_be(type))));
}

/* A copy of the first argument. */
static TopK *
argument(FunctionCallInfo fcinfo)
{
	return load(CurrentMemoryContext, PG_GETARG_DATUM(0), PG_GET_COLLATION());
}

/* ---------------------------------------------------------------------
 * Forms
 * --------------------------------------------------------------------- */

static TopK *
make(MemoryContext parent, Oid type, Oid collation, int64 k, int64 m, int64 h)
{
	MemoryContext cxt;
	TopK	   *topk;

	if (k < 1 || k > MAX_K || m < k || m > MAX_M || h < 1 || h > MAX_H)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be between 1 and %d, m between k and %d, h between 1 and %d", MAX_K, MAX_M, MAX_H)));
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type with OID %u does not exist", type)));
	if (get_typtype(type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a sketch cannot keep values of type %s", format_type_be(type)),
				 weir_value_is_record(type) ? errhint("%s", WEIR_RECORD_HINT) : 0));
	cxt = AllocSetContextCreate(parent, "weir top-k", ALLOCSET_SMALL_SIZES);
	topk = MemoryContextAllocZero(cxt, sizeof(TopK));
	EOH_init_header(&topk->hdr, &topk_methods, cxt);
	topk->type = weir_value_type(type, cxt);
	topk->collation = OidIsValid(collation) ? collation : DEFAULT_COLLATION_OID;
	topk->k = k;
	topk->m = m;
	topk->h = h;
	topk->counters = MemoryContextAlloc(cxt, sizeof(Counter) * m);
	topk->cells = MemoryContextAllocZero(cxt, sizeof(uint64) * h);
	topk->monitored = MemoryContextAllocZero(cxt, sizeof(uint32) * h);
	return topk;
}

/*
 * The state that is passed, or what a flat one holds, for as long as the
 * aggregate's states live.
 */
static TopK *
state_of(FunctionCallInfo fcinfo, MemoryContext cxt)
{
	if (VARATT_IS_EXTERNAL_EXPANDED_RW(PG_GETARG_POINTER(0)))
	{
		TopK	   *topk = (TopK *) DatumGetEOHP(PG_GETARG_DATUM(0));

		if (topk->hdr.eoh_methods == &topk_methods)
			return topk;
	}
	return load(cxt, PG_GETARG_DATUM(0), PG_GET_COLLATION());
}

static TopK *
load(MemoryContext parent, Datum value, Oid collation)
{
	Sketch	   *sketch = weir_sketch_known((Sketch *) PG_DETOAST_DATUM(value));
	StringInfoData buf;
	uint8		number[8];
	uint32		head[5];
	TopK	   *topk;
	MemoryContext caller;
	int			nest;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (char *) (sketch + 1), VARSIZE(sketch) - sizeof(Sketch));
	for (int i = 0; i < lengthof(head); i++)
	{
		pq_copymsgbytes(&buf, (char *) number, sizeof(uint32));
		head[i] = sketch_get32(number);
	}
	topk = make(parent, head[0], collation, head[1], head[2], head[3]);
	caller = MemoryContextSwitchTo(topk->hdr.eoh_context);
	if (head[4] > topk->m)
		weir_agg_bad_state();
	for (uint32 i = 0; i < topk->h; i++)
	{
		pq_copymsgbytes(&buf, (char *) number, sizeof(number));
		topk->cells[i] = sketch_get64(number);
		if (topk->cells[i] > PG_INT64_MAX)
			weir_agg_bad_state();
	}
	nest = weir_value_settings_begin();
	for (uint32 i = 0; i < head[4]; i++)
	{
		Counter		counter;
		bool		isnull;

		pq_copymsgbytes(&buf, (char *) number, sizeof(number));
		counter.count = sketch_get64(number);
		pq_copymsgbytes(&buf, (char *) number, sizeof(number));
		counter.error = sketch_get64(number);
		counter.value = weir_value_read(&buf, topk->type, &isnull);
		if (isnull || counter.count > PG_INT64_MAX || counter.error > counter.count)
			weir_agg_bad_state();
		counter.hash = weir_value_hash(topk->type, topk->collation, counter.value);
		weir_topk_put(topk, i, &counter);
	}
	weir_value_settings_end(nest);
	pq_getmsgend(&buf);
	MemoryContextSwitchTo(caller);
	pfree(buf.data);
	return topk;
}

static Size
topk_flat_size(ExpandedObjectHeader *eohptr)
{
	TopK	   *topk = (TopK *) eohptr;
	uint32		head[5] = {weir_value_type_oid(topk->type), topk->k, topk->m, topk->h, topk->n};
	MemoryContext caller;
	StringInfoData buf;
	uint8		number[8];
	int			nest;

	if (topk->flat)
		return VARSIZE(topk->flat);
	caller = MemoryContextSwitchTo(topk->hdr.eoh_context);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (char *) weir_sketch_new(sizeof(Sketch), TOPK_KIND, 0), sizeof(Sketch));
	for (int i = 0; i < lengthof(head); i++)
	{
		sketch_put32(number, head[i]);
		appendBinaryStringInfo(&buf, (char *) number, sizeof(uint32));
	}
	for (uint32 i = 0; i < topk->h; i++)
	{
		sketch_put64(number, topk->cells[i]);
		appendBinaryStringInfo(&buf, (char *) number, sizeof(number));
	}
	weir_topk_sort(topk);
	nest = weir_value_settings_begin();
	for (uint32 i = 0; i < topk->n; i++)
	{
		sketch_put64(number, topk->counters[i].count);
		appendBinaryStringInfo(&buf, (char *) number, sizeof(number));
		sketch_put64(number, topk->counters[i].error);
		appendBinaryStringInfo(&buf, (char *) number, sizeof(number));
		weir_value_write(&buf, topk->type, topk->counters[i].value, false);
	}
	weir_value_settings_end(nest);
	MemoryContextSwitchTo(caller);
	SET_VARSIZE(buf.data, buf.len);
	topk->flat = (Sketch *) buf.data;
	return buf.len;
}

static void
topk_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size)
{
	memcpy(result, ((TopK *) eohptr)->flat, allocated_size);
}

static char *
to_text(Sketch *sketch)
{
	StringInfoData buf;
	Size		len = VARSIZE(sketch) - VARHDRSZ;
	Oid			type = sketch_get32((char *) (sketch + 1));
	char	   *bytes = palloc(len);

	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type with OID %u does not exist", type)));
	memcpy(bytes, (char *) sketch + VARHDRSZ, len);
	memset(bytes + sizeof(Sketch) - VARHDRSZ, 0, sizeof(uint32));
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s \\x", format_type_be_qualified(type));
	enlargeStringInfo(&buf, len * 2 + 1);
	buf.len += hex_encode(bytes, len, buf.data + buf.len);
	buf.data[buf.len] = '\0';
	return buf.data;
}

/* Whatever it is: it is read in full, and what was read is the value. */
static Datum
from_text(char *text)
{
	char	   *blank = strrchr(text, ' ');
	bytea	   *bytes;
	Oid			type;
	int32		typmod;
	TopK	   *topk;

	if (blank == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid value of type %s.topk", WEIR_SCHEMA)));
	bytes = DatumGetByteaP(DirectFunctionCall1(byteain, CStringGetDatum(blank + 1)));
	if (!weir_sketch_begins((Sketch *) bytes, VARSIZE(bytes), TOPK_KIND) ||
		VARSIZE(bytes) < sizeof(Sketch) + sizeof(uint32) * 5)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid value of type %s.topk", WEIR_SCHEMA)));
	weir_type_of_name(pnstrdup(text, blank - text), &type, &typmod);
	sketch_put32((char *) bytes + sizeof(Sketch), type);
	topk = load(CurrentMemoryContext, PointerGetDatum(bytes), InvalidOid);
	return EOHPGetRODatum(&topk->hdr);
}
