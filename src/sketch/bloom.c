/*
 * bloom.c
 *	  Bloom filter: has a value been seen?  No false no, few false yes.
 *
 * B. H. Bloom: Space/time trade-offs in hash coding with allowable errors,
 * 1970.  The k positions of a value are h1 + i * h2 (A. Kirsch, M.
 * Mitzenmacher: Less hashing, same performance: building a better Bloom
 * filter, 2006).  The number of values follows from the bits that are set (S.
 * J. Swamidass, P. Baldi: Mathematical correction for fingerprint similarity
 * measures, 2007).
 *
 * For n values and a probability p of a false yes there are -n ln p / (ln 2)^2
 * bits and k = bits / n * ln 2.
 *
 *	filter	:= header(kind 'B', parameter k) bits (uint64 each)
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "base/weir.h"
#include "sketch/sketch.h"

#define BLOOM_KIND 'B'
#define DEFAULT_P 0.02
#define DEFAULT_N 32768
#define MAX_K 64
#define MAX_BYTES (64 * 1024 * 1024)

typedef struct Bloom
{
	Sketch		header;
	uint8		bits[FLEXIBLE_ARRAY_MEMBER];
} Bloom;

#define BLOOM_BYTES(bloom) (VARSIZE(bloom) - offsetof(Bloom, bits))
#define BLOOM_BITS(bloom) ((uint64) BLOOM_BYTES(bloom) * 8)

WEIR_FUNCTION(weir_bloom_in);
WEIR_FUNCTION(weir_bloom_recv);
WEIR_FUNCTION(weir_bloom_empty);
WEIR_FUNCTION(weir_bloom_add);
WEIR_FUNCTION(weir_bloom_contains);
WEIR_FUNCTION(weir_bloom_cardinality);
WEIR_FUNCTION(weir_bloom_union);
WEIR_FUNCTION(weir_bloom_intersection);
WEIR_FUNCTION(weir_bloom_trans);
WEIR_FUNCTION(weir_bloom_combine);
WEIR_FUNCTION(weir_bloom_intersect);

static bool bloom_check(const Sketch *sketch, Size size);
static Bloom *given(FunctionCallInfo fcinfo, int arg);
static void add_hash(Bloom *bloom, uint64 hash);
static void merge(Bloom *a, const Bloom *b, bool both);
static Datum merge_all(FunctionCallInfo fcinfo, bool both);

Datum
weir_bloom_in(PG_FUNCTION_ARGS)
{
	return weir_sketch_in(fcinfo, "bloom", bloom_check);
}

Datum
weir_bloom_recv(PG_FUNCTION_ARGS)
{
	return weir_sketch_recv(fcinfo, "bloom", bloom_check);
}

/* ([p float8, n bigint]) -> bloom */
Datum
weir_bloom_empty(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(given(fcinfo, 0));
}

/* (bloom, value) -> bloom */
Datum
weir_bloom_add(PG_FUNCTION_ARGS)
{
	Bloom	   *bloom = (Bloom *) weir_sketch_arg_to_change(fcinfo, 0);

	add_hash(bloom, weir_sketch_hash(fcinfo, 1));
	PG_RETURN_POINTER(bloom);
}

/* (bloom, value) -> boolean */
Datum
weir_bloom_contains(PG_FUNCTION_ARGS)
{
	Bloom	   *bloom = (Bloom *) weir_sketch_arg_to_ask(fcinfo, 0);
	uint64		hash = weir_sketch_hash(fcinfo, 1);
	uint64		step = (hash >> 32) | 1;
	uint64		nbits = BLOOM_BITS(bloom);

	for (int i = 0; i < bloom->header.param; i++, hash += step)
		if (!(bloom->bits[hash % nbits / 8] & (1 << (hash % nbits % 8))))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

/* (bloom) -> bigint */
Datum
weir_bloom_cardinality(PG_FUNCTION_ARGS)
{
	Bloom	   *bloom = (Bloom *) weir_sketch_arg(fcinfo, 0);
	double		nbits = BLOOM_BITS(bloom);
	double		set = pg_popcount((const char *) bloom->bits, BLOOM_BYTES(bloom));

	/* of a full one nothing is known but that there are many */
	if (set >= nbits)
		set = nbits - 1;
	PG_RETURN_INT64((int64) rint(-nbits / bloom->header.param * log1p(-set / nbits)));
}

/* (VARIADIC bloom[]) -> bloom */
Datum
weir_bloom_union(PG_FUNCTION_ARGS)
{
	return merge_all(fcinfo, false);
}

Datum
weir_bloom_intersection(PG_FUNCTION_ARGS)
{
	return merge_all(fcinfo, true);
}

/*
 * (state bloom, value [, p float8, n bigint]) -> bloom; NULL values do not
 * count
 */
Datum
weir_bloom_trans(PG_FUNCTION_ARGS)
{
	Bloom	   *bloom = PG_ARGISNULL(0) ? given(fcinfo, 2) :
		(Bloom *) weir_sketch_arg_to_change(fcinfo, 0);

	if (!PG_ARGISNULL(1))
		add_hash(bloom, weir_sketch_hash(fcinfo, 1));
	PG_RETURN_POINTER(bloom);
}

/* (bloom, bloom) -> bloom, strict */
Datum
weir_bloom_combine(PG_FUNCTION_ARGS)
{
	Bloom	   *a = (Bloom *) weir_sketch_arg_to_change(fcinfo, 0);

	merge(a, (Bloom *) weir_sketch_arg(fcinfo, 1), false);
	PG_RETURN_POINTER(a);
}

Datum
weir_bloom_intersect(PG_FUNCTION_ARGS)
{
	Bloom	   *a = (Bloom *) weir_sketch_arg_to_change(fcinfo, 0);

	merge(a, (Bloom *) weir_sketch_arg(fcinfo, 1), true);
	PG_RETURN_POINTER(a);
}

static bool
bloom_check(const Sketch *sketch, Size size)
{
	Size		bytes = size - offsetof(Bloom, bits);

	return weir_sketch_begins(sketch, size, BLOOM_KIND) &&
		bytes >= 8 && bytes % 8 == 0 && bytes <= MAX_BYTES &&
		sketch->param >= 1 && sketch->param <= MAX_K;
}

/* An empty one with the arguments from arg on, or the defaults. */
static Bloom *
given(FunctionCallInfo fcinfo, int arg)
{
	double		p = DEFAULT_P;
	double		n = DEFAULT_N;
	double		bytes;
	double		k;

	if (PG_NARGS() > arg)
	{
		p = weir_sketch_fraction(fcinfo, arg, "p");
		n = PG_ARGISNULL(arg + 1) ? 0 : (double) PG_GETARG_INT64(arg + 1);
		if (n < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("n must be greater than or equal to 1")));
	}
	bytes = ceil(-n * log(p) / (M_LN2 * M_LN2) / 64) * 8;
	if (bytes > MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a Bloom filter for these parameters would be larger than %d bytes", MAX_BYTES),
				 errhint("Choose a larger p or a smaller n.")));
	bytes = Max(bytes, 8);
	k = Min(Max(rint(bytes * 8 / n * M_LN2), 1), MAX_K);
	return (Bloom *) weir_sketch_new(offsetof(Bloom, bits) + (Size) bytes, BLOOM_KIND, (uint8) k);
}

static void
add_hash(Bloom *bloom, uint64 hash)
{
	uint64		step = (hash >> 32) | 1;
	uint64		nbits = BLOOM_BITS(bloom);

	for (int i = 0; i < bloom->header.param; i++, hash += step)
		bloom->bits[hash % nbits / 8] |= 1 << (hash % nbits % 8);
}

/* Into a; both: what is in both. */
static void
merge(Bloom *a, const Bloom *b, bool both)
{
	Size		bytes = BLOOM_BYTES(a);

	if (bytes != BLOOM_BYTES(b) || a->header.param != b->header.param)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("Bloom filters must have the same p and n")));
	for (Size i = 0; i < bytes; i++)
		a->bits[i] = both ? a->bits[i] & b->bits[i] : a->bits[i] | b->bits[i];
}

/* NULL of none. */
static Datum
merge_all(FunctionCallInfo fcinfo, bool both)
{
	Sketch	  **sketches;
	int			n = weir_sketch_array(fcinfo, 0, &sketches);
	Bloom	   *result;

	if (n == 0)
		PG_RETURN_NULL();
	result = (Bloom *) PG_DETOAST_DATUM_COPY(PointerGetDatum(sketches[0]));
	for (int i = 1; i < n; i++)
		merge(result, (Bloom *) sketches[i], both);
	PG_RETURN_POINTER(result);
}
