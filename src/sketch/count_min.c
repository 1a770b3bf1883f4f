/*
 * count_min.c
 *	  Count-min sketch: how often did a value come?
 *
 * G. Cormode, S. Muthukrishnan: An improved data stream summary: the count-min
 * sketch and its applications, 2005; conservative update: C. Estan, G.
 * Varghese: New directions in traffic measurement and accounting, 2002.
 *
 * d = ceil(ln(1 / (1 - p))) rows of w = ceil(e / eps) counters.  What is said
 * is never less than the truth, and with probability p at most eps times the
 * sum of all counts more.  Adding up two sketches keeps both.
 *
 *	sketch	:= header(kind 'F', parameter d) w (uint32) zero (uint32)
 *			   total (uint64) counters (uint64 each, row by row)
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"

#include "base/weir.h"
#include "sketch/sketch.h"

#define CMS_KIND 'F'
#define DEFAULT_EPS 0.002
#define DEFAULT_P 0.995
#define MAX_D 64
#define MAX_BYTES (64 * 1024 * 1024)

typedef struct CountMin
{
	Sketch		header;
	uint8		w[4];
	uint8		zero[4];
	uint8		total[8];
	uint8		counters[FLEXIBLE_ARRAY_MEMBER];
} CountMin;

#define CMS_SIZE(d, w) (offsetof(CountMin, counters) + sizeof(uint64) * (Size) (d) * (Size) (w))

WEIR_FUNCTION(weir_cms_in);
WEIR_FUNCTION(weir_cms_recv);
WEIR_FUNCTION(weir_cms_empty);
WEIR_FUNCTION(weir_cms_add);
WEIR_FUNCTION(weir_cms_freq);
WEIR_FUNCTION(weir_cms_norm);
WEIR_FUNCTION(weir_cms_total);
WEIR_FUNCTION(weir_cms_trans);
WEIR_FUNCTION(weir_cms_combine);

static bool cms_check(const Sketch *sketch, Size size);
static CountMin *given(FunctionCallInfo fcinfo, int arg);
static void add_hash(CountMin *cms, uint64 hash, int64 n);
static uint64 count_of(CountMin *cms, uint64 hash);
static uint8 *counter(CountMin *cms, int row, uint64 hash);
static uint64 sum(uint64 a, uint64 b);

Datum
weir_cms_in(PG_FUNCTION_ARGS)
{
	return weir_sketch_in(fcinfo, "cmsketch", cms_check);
}

Datum
weir_cms_recv(PG_FUNCTION_ARGS)
{
	return weir_sketch_recv(fcinfo, "cmsketch", cms_check);
}

/* ([eps float8, p float8]) -> cmsketch */
Datum
weir_cms_empty(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(given(fcinfo, 0));
}

/* (cmsketch, value [, n bigint]) -> cmsketch */
Datum
weir_cms_add(PG_FUNCTION_ARGS)
{
	CountMin   *cms = (CountMin *) weir_sketch_arg_to_change(fcinfo, 0);

	add_hash(cms, weir_sketch_hash(fcinfo, 1), PG_NARGS() > 2 ? PG_GETARG_INT64(2) : 1);
	PG_RETURN_POINTER(cms);
}

/* (cmsketch, value) -> bigint */
Datum
weir_cms_freq(PG_FUNCTION_ARGS)
{
	CountMin   *cms = (CountMin *) weir_sketch_arg_to_ask(fcinfo, 0);

	PG_RETURN_INT64((int64) count_of(cms, weir_sketch_hash(fcinfo, 1)));
}

/*
 * (cmsketch, value) -> float8: the part of all that is this value; 0 of
 * nothing
 */
Datum
weir_cms_norm(PG_FUNCTION_ARGS)
{
	CountMin   *cms = (CountMin *) weir_sketch_arg_to_ask(fcinfo, 0);
	uint64		total = sketch_get64(cms->total);

	if (total == 0)
		PG_RETURN_FLOAT8(0);
	PG_RETURN_FLOAT8((double) count_of(cms, weir_sketch_hash(fcinfo, 1)) / total);
}

/* (cmsketch) -> bigint */
Datum
weir_cms_total(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) sketch_get64(((CountMin *) weir_sketch_arg_to_ask(fcinfo, 0))->total));
}

/*
 * (state cmsketch, value [, eps float8, p float8]) -> cmsketch; NULL values do
 * not count
 */
Datum
weir_cms_trans(PG_FUNCTION_ARGS)
{
	CountMin   *cms = PG_ARGISNULL(0) ? given(fcinfo, 2) :
		(CountMin *) weir_sketch_arg_to_change(fcinfo, 0);

	if (!PG_ARGISNULL(1))
		add_hash(cms, weir_sketch_hash(fcinfo, 1), 1);
	PG_RETURN_POINTER(cms);
}

/* (cmsketch, cmsketch) -> cmsketch, strict */
Datum
weir_cms_combine(PG_FUNCTION_ARGS)
{
	CountMin   *a = (CountMin *) weir_sketch_arg_to_change(fcinfo, 0);
	CountMin   *b = (CountMin *) weir_sketch_arg(fcinfo, 1);
	Size		n = (Size) a->header.param * sketch_get32(a->w);

	if (a->header.param != b->header.param || sketch_get32(a->w) != sketch_get32(b->w))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("count-min sketches must have the same eps and p")));
	sketch_put64(a->total, sum(sketch_get64(a->total), sketch_get64(b->total)));
	for (Size i = 0; i < n; i++)
	{
		uint8	   *to = a->counters + i * sizeof(uint64);

		sketch_put64(to, sum(sketch_get64(to), sketch_get64(b->counters + i * sizeof(uint64))));
	}
	PG_RETURN_POINTER(a);
}

/* No counter is above the total, which is a bigint. */
static bool
cms_check(const Sketch *sketch, Size size)
{
	CountMin   *cms = (CountMin *) sketch;
	uint64		total;
	Size		n;

	if (!weir_sketch_begins(sketch, size, CMS_KIND) || size < CMS_SIZE(1, 1) ||
		sketch->param < 1 || sketch->param > MAX_D || sketch_get32(cms->zero) != 0 ||
		sketch_get32(cms->w) < 1 || sketch_get32(cms->w) > MAX_BYTES ||
		size != CMS_SIZE(sketch->param, sketch_get32(cms->w)))
		return false;
	total = sketch_get64(cms->total);
	if (total > PG_INT64_MAX)
		return false;
	n = (Size) sketch->param * sketch_get32(cms->w);
	for (Size i = 0; i < n; i++)
		if (sketch_get64(cms->counters + i * sizeof(uint64)) > total)
			return false;
	return true;
}

static CountMin *
given(FunctionCallInfo fcinfo, int arg)
{
	double		eps = DEFAULT_EPS;
	double		p = DEFAULT_P;
	double		w;
	double		d;
	CountMin   *cms;

	if (PG_NARGS() > arg)
	{
		eps = weir_sketch_fraction(fcinfo, arg, "eps");
		p = weir_sketch_fraction(fcinfo, arg + 1, "p");
	}
	w = ceil(exp(1) / eps);
	d = Max(ceil(-log1p(-p)), 1);
	if (d > MAX_D || d * w * sizeof(uint64) > MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a count-min sketch for these parameters would be larger than %d bytes", MAX_BYTES),
				 errhint("Choose a larger eps or a smaller p.")));
	cms = (CountMin *) weir_sketch_new(CMS_SIZE(d, w), CMS_KIND, (uint8) d);
	sketch_put32(cms->w, (uint32) w);
	return cms;
}

static uint8 *
counter(CountMin *cms, int row, uint64 hash)
{
	uint32		w = sketch_get32(cms->w);
	uint64		place = (hash + row * ((hash >> 32) | 1)) % w;

	return cms->counters + sizeof(uint64) * ((Size) row * w + place);
}

/* Conservative: no counter grows above what the value's own count can be. */
static void
add_hash(CountMin *cms, uint64 hash, int64 n)
{
	uint64		count;

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a count-min sketch cannot take a negative number")));
	count = sum(count_of(cms, hash), n);
	sketch_put64(cms->total, sum(sketch_get64(cms->total), n));
	for (int row = 0; row < cms->header.param; row++)
	{
		uint8	   *place = counter(cms, row, hash);

		if (sketch_get64(place) < count)
			sketch_put64(place, count);
	}
}

static uint64
count_of(CountMin *cms, uint64 hash)
{
	uint64		count = PG_UINT64_MAX;

	for (int row = 0; row < cms->header.param; row++)
		count = Min(count, sketch_get64(counter(cms, row, hash)));
	return count;
}

static uint64
sum(uint64 a, uint64 b)
{
	int64		result;

	if (pg_add_s64_overflow((int64) a, (int64) b, &result))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	return (uint64) result;
}
