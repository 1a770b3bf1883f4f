/*
 * hll.c
 *	  HyperLogLog: how many different values there are, in little memory.
 *
 * P. Flajolet, E. Fusy, O. Gandouet, F. Meunier: HyperLogLog: the analysis of
 * a near-optimal cardinality estimation algorithm, 2007.  Hashes of 64 bits
 * and a sparse form for few values: S. Heule, M. Nunkesser, A. Hall:
 * HyperLogLog in practice, 2013.  The estimate: O. Ertl: New cardinality
 * estimation algorithms for HyperLogLog sketches, 2017, algorithm 6 (improved
 * raw estimator), which needs no table of biases.
 *
 * Of each hash the first p bits choose one of m = 2^p registers, which keeps
 * the largest rank, the position of the first one bit among the others.  The
 * standard error is 1.04 / sqrt(m).  Up to m / 16 values are kept as a sorted
 * list with the registers of p = 25, of which an all but exact count can be
 * made.
 *
 *	sketch	:= header(kind 'H', parameter p) form dense | sparse
 *	form	:= uint32, 0 sparse, 1 dense
 *	dense	:= m registers, a byte each
 *	sparse	:= count (uint32), entries (uint32 each, sorted), room for more
 *	entry	:= 25 bits of the hash, 6 bits of rank
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "base/weir.h"
#include "sketch/sketch.h"

#define HLL_KIND 'H'
#define HLL_MIN_P 4
#define HLL_MAX_P 18
#define HLL_DEFAULT_P 14
#define SPARSE_P 25
#define SPARSE_RANK_BITS 6
#define MAX_SPARSE_RANK (64 - SPARSE_P + 1)
#define FIRST_ROOM 4

typedef struct Hll
{
	Sketch		header;
	uint8		dense[4];

	/* registers; or count and entries */
	uint8		data[FLEXIBLE_ARRAY_MEMBER];
} Hll;

#define HLL_M(hll) ((uint32) 1 << (hll)->header.param)
#define HLL_LIMIT(hll) (HLL_M(hll) / 16)	/* of entries */
#define HLL_DENSE_SIZE(m) (offsetof(Hll, data) + (m))
#define HLL_SPARSE_SIZE(room) (offsetof(Hll, data) + sizeof(uint32) * (1 + (Size) (room)))
#define IS_DENSE(hll) ((hll)->dense[0] != 0)
#define COUNT(hll) sketch_get32((hll)->data)
#define ROOM(hll) ((uint32) ((VARSIZE(hll) - HLL_SPARSE_SIZE(0)) / sizeof(uint32)))
#define ENTRY(hll, i) ((hll)->data + sizeof(uint32) * (1 + (Size) (i)))

WEIR_FUNCTION(weir_hll_in);
WEIR_FUNCTION(weir_hll_out);
WEIR_FUNCTION(weir_hll_recv);
WEIR_FUNCTION(weir_hll_send);
WEIR_FUNCTION(weir_hll_empty);
WEIR_FUNCTION(weir_hll_add);
WEIR_FUNCTION(weir_hll_union);
WEIR_FUNCTION(weir_hll_cardinality);
WEIR_FUNCTION(weir_hll_trans);
WEIR_FUNCTION(weir_hll_combine);

static bool hll_check(const Sketch *sketch, Size size);
static uint8 given_p(FunctionCallInfo fcinfo, int arg);
static Hll *new_sparse(uint8 p, uint32 room);
static Hll *new_dense(uint8 p);
static Hll *add_hash(Hll *hll, uint64 hash);
static Hll *add_entry(Hll *hll, uint32 entry);
static Hll *to_dense(Hll *hll);
static void dense_add_entry(Hll *hll, uint32 entry);
static Hll *unite(Hll *a, Hll *b);
static Hll *trimmed(Hll *hll);
static Hll *unite_sparse(Hll *a, Hll *b);
static double estimate(Hll *hll);
static double sigma(double x);
static double tau(double x);

Datum
weir_hll_in(PG_FUNCTION_ARGS)
{
	return weir_sketch_in(fcinfo, "hyperloglog", hll_check);
}

Datum
weir_hll_recv(PG_FUNCTION_ARGS)
{
	return weir_sketch_recv(fcinfo, "hyperloglog", hll_check);
}

Datum
weir_hll_out(PG_FUNCTION_ARGS)
{
	return weir_sketch_text((Sketch *) trimmed((Hll *) weir_sketch_arg_to_change(fcinfo, 0)));
}

Datum
weir_hll_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(trimmed((Hll *) weir_sketch_arg_to_change(fcinfo, 0)));
}

/* ([p integer]) -> hyperloglog */
Datum
weir_hll_empty(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(new_sparse(given_p(fcinfo, 0), 0));
}

/* (hyperloglog, value) -> hyperloglog */
Datum
weir_hll_add(PG_FUNCTION_ARGS)
{
	Hll		   *hll = (Hll *) weir_sketch_arg_to_change(fcinfo, 0);

	PG_RETURN_POINTER(add_hash(hll, weir_sketch_hash(fcinfo, 1)));
}

/* (VARIADIC hyperloglog[]) -> hyperloglog; NULL of none */
Datum
weir_hll_union(PG_FUNCTION_ARGS)
{
	Sketch	  **sketches;
	int			n = weir_sketch_array(fcinfo, 0, &sketches);
	Hll		   *result;

	if (n == 0)
		PG_RETURN_NULL();
	result = (Hll *) PG_DETOAST_DATUM_COPY(PointerGetDatum(sketches[0]));
	for (int i = 1; i < n; i++)
		result = unite(result, (Hll *) sketches[i]);
	PG_RETURN_POINTER(result);
}

/* (hyperloglog) -> bigint; 0 of NULL, as the count of no rows */
Datum
weir_hll_cardinality(PG_FUNCTION_ARGS)
{
	double		count;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	count = rint(estimate((Hll *) weir_sketch_arg(fcinfo, 0)));
	PG_RETURN_INT64(count < (double) PG_INT64_MAX ? (int64) count : PG_INT64_MAX);
}

/*
 * (state hyperloglog, value [, p integer]) -> hyperloglog; NULL values do not
 * count
 */
Datum
weir_hll_trans(PG_FUNCTION_ARGS)
{
	Hll		   *hll;

	if (PG_ARGISNULL(0))
		hll = new_sparse(given_p(fcinfo, 2), FIRST_ROOM);
	else
		hll = (Hll *) weir_sketch_arg_to_change(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		hll = add_hash(hll, weir_sketch_hash(fcinfo, 1));
	PG_RETURN_POINTER(hll);
}

/* (hyperloglog, hyperloglog) -> hyperloglog, strict */
Datum
weir_hll_combine(PG_FUNCTION_ARGS)
{
	Hll		   *a = (Hll *) weir_sketch_arg_to_change(fcinfo, 0);

	PG_RETURN_POINTER(unite(a, (Hll *) weir_sketch_arg(fcinfo, 1)));
}

static bool
hll_check(const Sketch *sketch, Size size)
{
	Hll		   *hll = (Hll *) sketch;
	uint32		form;

	if (!weir_sketch_begins(sketch, size, HLL_KIND) || size < HLL_SPARSE_SIZE(0) ||
		sketch->param < HLL_MIN_P || sketch->param > HLL_MAX_P)
		return false;
	form = sketch_get32(hll->dense);
	if (form == 1)
	{
		if (size != HLL_DENSE_SIZE(HLL_M(hll)))
			return false;
		for (uint32 i = 0; i < HLL_M(hll); i++)
			if (hll->data[i] > 64 - sketch->param + 1)
				return false;
		return true;
	}
	if (form != 0 || size > HLL_SPARSE_SIZE(HLL_LIMIT(hll)) ||
		size != HLL_SPARSE_SIZE(ROOM(hll)) || COUNT(hll) > ROOM(hll))
		return false;
	for (uint32 i = 0; i < COUNT(hll); i++)
	{
		uint32		entry = sketch_get32(ENTRY(hll, i));
		uint32		rank = entry & ((1 << SPARSE_RANK_BITS) - 1);

		if (rank < 1 || rank > MAX_SPARSE_RANK || entry >> (SPARSE_P + SPARSE_RANK_BITS) != 0 ||
			(i > 0 && entry >> SPARSE_RANK_BITS <= sketch_get32(ENTRY(hll, i - 1)) >> SPARSE_RANK_BITS))
			return false;
	}
	return true;
}

static uint8
given_p(FunctionCallInfo fcinfo, int arg)
{
	int			p;

	if (PG_NARGS() <= arg)
		return HLL_DEFAULT_P;
	p = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT32(arg);
	if (p < HLL_MIN_P || p > HLL_MAX_P)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p must be in [%d, %d]", HLL_MIN_P, HLL_MAX_P)));
	return p;
}

static Hll *
new_sparse(uint8 p, uint32 room)
{
	room = Min(room, ((uint32) 1 << p) / 16);
	return (Hll *) weir_sketch_new(HLL_SPARSE_SIZE(room), HLL_KIND, p);
}

static Hll *
new_dense(uint8 p)
{
	Hll		   *hll = (Hll *) weir_sketch_new(HLL_DENSE_SIZE((Size) 1 << p), HLL_KIND, p);

	hll->dense[0] = 1;
	return hll;
}

/* The sketch itself, changed, or another one. */
static Hll *
add_hash(Hll *hll, uint64 hash)
{
	if (IS_DENSE(hll))
	{
		uint8		p = hll->header.param;
		uint64		rest = hash << p;
		uint8		rank = rest ? 64 - pg_leftmost_one_pos64(rest) : 64 - p + 1;
		uint8	   *place = &hll->data[hash >> (64 - p)];

		*place = Max(*place, rank);
		return hll;
	}
	else
	{
		uint64		rest = hash << SPARSE_P;
		uint32		rank = rest ? 64 - pg_leftmost_one_pos64(rest) : MAX_SPARSE_RANK;

		return add_entry(hll, (uint32) (hash >> (64 - SPARSE_P)) << SPARSE_RANK_BITS | rank);
	}
}

static Hll *
add_entry(Hll *hll, uint32 entry)
{
	uint32		count = COUNT(hll);
	uint32		room = ROOM(hll);
	uint32		low = 0;
	uint32		high = count;

	while (low < high)
	{
		uint32		mid = (low + high) / 2;

		if (sketch_get32(ENTRY(hll, mid)) >> SPARSE_RANK_BITS < entry >> SPARSE_RANK_BITS)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < count && sketch_get32(ENTRY(hll, low)) >> SPARSE_RANK_BITS == entry >> SPARSE_RANK_BITS)
	{
		if (sketch_get32(ENTRY(hll, low)) < entry)
			sketch_put32(ENTRY(hll, low), entry);
		return hll;
	}
	if (count == HLL_LIMIT(hll))
	{
		hll = to_dense(hll);
		dense_add_entry(hll, entry);
		return hll;
	}
	if (count == room)
	{
		Hll		   *larger = new_sparse(hll->header.param, Max(room + room / 2, FIRST_ROOM));

		memcpy(larger->data, hll->data, VARSIZE(hll) - offsetof(Hll, data));
		hll = larger;
	}
	memmove(ENTRY(hll, low + 1), ENTRY(hll, low), sizeof(uint32) * (count - low));
	sketch_put32(ENTRY(hll, low), entry);
	sketch_put32(hll->data, count + 1);
	return hll;
}

static Hll *
to_dense(Hll *hll)
{
	Hll		   *dense = new_dense(hll->header.param);

	for (uint32 i = 0; i < COUNT(hll); i++)
		dense_add_entry(dense, sketch_get32(ENTRY(hll, i)));
	return dense;
}

/* Bits of the entry that are not among the first p count for the rank. */
static void
dense_add_entry(Hll *hll, uint32 entry)
{
	int			more = SPARSE_P - hll->header.param;
	uint32		bits = entry >> SPARSE_RANK_BITS;
	uint32		rest = bits & (((uint32) 1 << more) - 1);
	uint8		rank = rest ? more - pg_leftmost_one_pos32(rest) :
		more + (entry & ((1 << SPARSE_RANK_BITS) - 1));
	uint8	   *place = &hll->data[bits >> more];

	*place = Max(*place, rank);
}

/* May change a, not b. */
static Hll *
unite(Hll *a, Hll *b)
{
	if (a->header.param != b->header.param)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hyperloglogs must have the same p"),
				 errdetail("They have %d and %d.", a->header.param, b->header.param)));
	if (!IS_DENSE(a) && !IS_DENSE(b))
		return unite_sparse(a, b);
	if (!IS_DENSE(a))
		a = to_dense(a);
	if (IS_DENSE(b))
		for (uint32 i = 0; i < HLL_M(a); i++)
			a->data[i] = Max(a->data[i], b->data[i]);
	else
		for (uint32 i = 0; i < COUNT(b); i++)
			dense_add_entry(a, sketch_get32(ENTRY(b, i)));
	return a;
}

static Hll *
unite_sparse(Hll *a, Hll *b)
{
	uint32		na = COUNT(a);
	uint32		nb = COUNT(b);
	uint32		i = 0;
	uint32		j = 0;
	uint32		n = 0;
	Hll		   *result;

	if (nb == 0)
		return a;
	if (na + nb > HLL_LIMIT(a))
	{
		/* It may yet fit, if they have many in common. */
		for (; j < nb; j++)
			if (IS_DENSE(a))
				dense_add_entry(a, sketch_get32(ENTRY(b, j)));
			else
				a = add_entry(a, sketch_get32(ENTRY(b, j)));
		return a;
	}
	result = new_sparse(a->header.param, na + nb);
	while (i < na || j < nb)
	{
		uint32		x = i < na ? sketch_get32(ENTRY(a, i)) : PG_UINT32_MAX;
		uint32		y = j < nb ? sketch_get32(ENTRY(b, j)) : PG_UINT32_MAX;
		bool		same = x >> SPARSE_RANK_BITS == y >> SPARSE_RANK_BITS;

		sketch_put32(ENTRY(result, n++), same ? Max(x, y) : Min(x, y));
		i += same || x < y;
		j += same || y < x;
	}
	sketch_put32(result->data, n);
	SET_VARSIZE(result, HLL_SPARSE_SIZE(n));
	return result;
}

/*
 * Without room, so that the same values give the same bytes in whatever order
 * they came.  Changes it.
 */
static Hll *
trimmed(Hll *hll)
{
	if (!IS_DENSE(hll))
		SET_VARSIZE(hll, HLL_SPARSE_SIZE(COUNT(hll)));
	return hll;
}

static double
estimate(Hll *hll)
{
	double		m = HLL_M(hll);
	int			q = 64 - hll->header.param;
	uint32		counts[64 + 2] = {0};
	double		z;

	if (!IS_DENSE(hll))
	{
		/* linear counting of 2^25 registers */
		double		sparse_m = (double) (1 << SPARSE_P);

		return sparse_m * log(sparse_m / (sparse_m - COUNT(hll)));
	}
	for (uint32 i = 0; i < HLL_M(hll); i++)
		counts[hll->data[i]]++;
	z = m * tau(1 - counts[q + 1] / m);
	for (int k = q; k >= 1; k--)
		z = 0.5 * (z + counts[k]);
	z += m * sigma(counts[0] / m);
	return m * m / (2 * M_LN2 * z);
}

static double
sigma(double x)
{
	double		y = 1;
	double		z = x;
	double		before;

	if (x == 1)
		return INFINITY;
	do
	{
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double		y = 1;
	double		z = 1 - x;
	double		before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}
