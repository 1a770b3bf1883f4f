/*
 * tdigest.c
 *	  t-digest: how values are distributed, in little memory.
 *
 * T. Dunning, O. Ertl: Computing extremely accurate quantiles using t-digests,
 * 2019: the merging variant with scale function k1.  Values that lie together
 * are one centroid, their mean and number.  At quantile q a centroid has at
 * most about 2 pi sqrt(q (1 - q)) / compression of all values, so what is
 * asked for at the ends is known best.  Up to as many values as the
 * compression says are kept as they are; then quantiles are those of
 * percentile_cont.
 *
 *	sketch	:= header(kind 'D', parameter 0) compression (uint32) sorted
 *	(uint32) n (uint32)
 *			   least, greatest (float64), n centroids, room for more
 *	centroid:= mean (float64) weight (uint64)
 *
 * The first sorted centroids are in order of their means; values are appended
 * behind them until there is no more room.  In text and binary form all are
 * sorted and there is no room.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/float.h"

#include "base/weir.h"
#include "sketch/sketch.h"

#define DIGEST_KIND 'D'
#define MIN_COMPRESSION 20
#define MAX_COMPRESSION 1000
#define DEFAULT_COMPRESSION 200
#define FIRST_ROOM 8
/* of entries; what is above the compression is a buffer */
#define LIMIT(compression) (6 * (compression))

typedef struct Digest
{
	Sketch		header;
	uint8		compression[4];
	uint8		sorted[4];
	uint8		n[4];
	uint8		least[8];
	uint8		greatest[8];
	uint8		data[FLEXIBLE_ARRAY_MEMBER];
} Digest;

typedef struct Centroid
{
	double		mean;
	uint64		weight;
} Centroid;

#define CENTROID_SIZE 16
#define DIGEST_SIZE(room) (offsetof(Digest, data) + CENTROID_SIZE * (Size) (room))
#define ROOM(d) ((uint32) ((VARSIZE(d) - DIGEST_SIZE(0)) / CENTROID_SIZE))
#define COMPRESSION(d) sketch_get32((d)->compression)
#define N(d) sketch_get32((d)->n)
#define SORTED(d) sketch_get32((d)->sorted)
#define ENTRY(d, i) ((d)->data + CENTROID_SIZE * (Size) (i))

WEIR_FUNCTION(weir_tdigest_in);
WEIR_FUNCTION(weir_tdigest_out);
WEIR_FUNCTION(weir_tdigest_recv);
WEIR_FUNCTION(weir_tdigest_send);
WEIR_FUNCTION(weir_tdigest_empty);
WEIR_FUNCTION(weir_tdigest_compress);
WEIR_FUNCTION(weir_tdigest_count);
WEIR_FUNCTION(weir_dist_add);
WEIR_FUNCTION(weir_dist_quantile);
WEIR_FUNCTION(weir_dist_cdf);
WEIR_FUNCTION(weir_dist_trans);
WEIR_FUNCTION(weir_dist_combine);

static bool digest_check(const Sketch *sketch, Size size);
static uint32 given_compression(FunctionCallInfo fcinfo, int arg);
static Digest *new_digest(uint32 compression, uint32 room);
static Digest *add_value(Digest *d, double value, uint64 weight);
static Digest *append(Digest *d, double mean, uint64 weight);
static Digest *trimmed(Digest *d);
static Centroid *read_centroids(Digest *d);
static void write_centroids(Digest *d, const Centroid *centroids, uint32 n);
static void compress(Digest *d);
static uint32 merge(Centroid *centroids, uint32 n, uint64 total, uint32 compression);
static double quantile(const Centroid *centroids, uint32 n, double least, double greatest, double q);
static double cdf(const Centroid *centroids, uint32 n, double least, double greatest, double x);
static uint64 total_weight(const Centroid *centroids, uint32 n);

static double
get_double(const void *p)
{
	uint64		bits = sketch_get64(p);
	double		v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void
put_double(void *p, double v)
{
	uint64		bits;

	memcpy(&bits, &v, sizeof(bits));
	sketch_put64(p, bits);
}

Datum
weir_tdigest_in(PG_FUNCTION_ARGS)
{
	return weir_sketch_in(fcinfo, "tdigest", digest_check);
}

Datum
weir_tdigest_recv(PG_FUNCTION_ARGS)
{
	return weir_sketch_recv(fcinfo, "tdigest", digest_check);
}

Datum
weir_tdigest_out(PG_FUNCTION_ARGS)
{
	return weir_sketch_text((Sketch *) trimmed((Digest *) weir_sketch_arg_to_change(fcinfo, 0)));
}

Datum
weir_tdigest_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(trimmed((Digest *) weir_sketch_arg_to_change(fcinfo, 0)));
}

/* ([compression integer]) -> tdigest */
Datum
weir_tdigest_empty(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(new_digest(given_compression(fcinfo, 0), 0));
}

/* (tdigest) -> tdigest, as small as it may be */
Datum
weir_tdigest_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(trimmed((Digest *) weir_sketch_arg_to_change(fcinfo, 0)));
}

/* (tdigest) -> bigint */
Datum
weir_tdigest_count(PG_FUNCTION_ARGS)
{
	Digest	   *d = (Digest *) weir_sketch_arg(fcinfo, 0);

	PG_RETURN_INT64((int64) total_weight(read_centroids(d), N(d)));
}

/* (tdigest, value float8 [, n integer]) -> tdigest */
Datum
weir_dist_add(PG_FUNCTION_ARGS)
{
	Digest	   *d = (Digest *) weir_sketch_arg_to_change(fcinfo, 0);
	int32		n = PG_NARGS() > 2 ? PG_GETARG_INT32(2) : 1;

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be non-negative")));
	if (n > 0)
		d = add_value(d, PG_GETARG_FLOAT8(1), n);
	PG_RETURN_POINTER(d);
}

/* (tdigest, q float8) -> float8; NULL of no values */
Datum
weir_dist_quantile(PG_FUNCTION_ARGS)
{
	Digest	   *d = (Digest *) weir_sketch_arg_to_change(fcinfo, 0);
	double		q = PG_GETARG_FLOAT8(1);

	/* so that NaN is refused too */
	if (!(q >= 0 && q <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("quantile %g is not between 0 and 1", q)));
	if (N(d) == 0)
		PG_RETURN_NULL();
	compress(d);
	PG_RETURN_FLOAT8(quantile(read_centroids(d), N(d), get_double(d->least), get_double(d->greatest), q));
}

/*
 * (tdigest, x float8) -> float8: the part of the values that are at most x;
 * NULL of no values
 */
Datum
weir_dist_cdf(PG_FUNCTION_ARGS)
{
	Digest	   *d = (Digest *) weir_sketch_arg_to_change(fcinfo, 0);
	double		x = PG_GETARG_FLOAT8(1);

	if (N(d) == 0)
		PG_RETURN_NULL();
	compress(d);

	/* NaN is greater than all numbers, as everywhere. */
	PG_RETURN_FLOAT8(isnan(x) ? 1.0 :
					 cdf(read_centroids(d), N(d), get_double(d->least), get_double(d->greatest), x));
}

/*
 * (state tdigest, value float8 [, compression integer]) -> tdigest; NULL
 * values do not count
 */
Datum
weir_dist_trans(PG_FUNCTION_ARGS)
{
	Digest	   *d;

	if (PG_ARGISNULL(0))
		d = new_digest(given_compression(fcinfo, 2), FIRST_ROOM);
	else
		d = (Digest *) weir_sketch_arg_to_change(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		d = add_value(d, PG_GETARG_FLOAT8(1), 1);
	PG_RETURN_POINTER(d);
}

/* (tdigest, tdigest) -> tdigest, strict */
Datum
weir_dist_combine(PG_FUNCTION_ARGS)
{
	Digest	   *a = (Digest *) weir_sketch_arg_to_change(fcinfo, 0);
	Digest	   *b = (Digest *) weir_sketch_arg(fcinfo, 1);
	bool		first = N(a) == 0;

	if (COMPRESSION(a) != COMPRESSION(b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("t-digests must have the same compression"),
				 errdetail("They have %u and %u.", COMPRESSION(a), COMPRESSION(b))));
	if (N(b) == 0)
		PG_RETURN_POINTER(a);
	for (uint32 i = 0; i < N(b); i++)
		a = append(a, get_double(ENTRY(b, i)), sketch_get64(ENTRY(b, i) + 8));
	if (first || get_double(b->least) < get_double(a->least))
		memcpy(a->least, b->least, sizeof(a->least));
	if (first || get_double(b->greatest) > get_double(a->greatest))
		memcpy(a->greatest, b->greatest, sizeof(a->greatest));
	compress(a);
	PG_RETURN_POINTER(a);
}

static bool
digest_check(const Sketch *sketch, Size size)
{
	Digest	   *d = (Digest *) sketch;
	uint64		total = 0;
	double		before = -DBL_MAX;

	if (!weir_sketch_begins(sketch, size, DIGEST_KIND) || size < DIGEST_SIZE(0) ||
		sketch->param != 0 || COMPRESSION(d) < MIN_COMPRESSION || COMPRESSION(d) > MAX_COMPRESSION ||
		N(d) > LIMIT(COMPRESSION(d)) || SORTED(d) != N(d) || size != DIGEST_SIZE(N(d)))
		return false;
	for (uint32 i = 0; i < N(d); i++)
	{
		double		mean = get_double(ENTRY(d, i));
		uint64		weight = sketch_get64(ENTRY(d, i) + 8);

		if (!isfinite(mean) || mean < before || weight == 0 || weight > PG_INT64_MAX - total)
			return false;
		before = mean;
		total += weight;
	}
	if (N(d) == 0)
		return get_double(d->least) == 0 && get_double(d->greatest) == 0;
	return isfinite(get_double(d->least)) && isfinite(get_double(d->greatest)) &&
		get_double(d->least) <= get_double(ENTRY(d, 0)) && get_double(d->greatest) >= before;
}

static uint32
given_compression(FunctionCallInfo fcinfo, int arg)
{
	int			compression;

	if (PG_NARGS() <= arg)
		return DEFAULT_COMPRESSION;
	compression = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT32(arg);
	if (compression < 1 || compression > MAX_COMPRESSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("compression must be in [1, %d]", MAX_COMPRESSION)));

	/* Less saves nothing, and PipelineDB takes it. */
	return Max(compression, MIN_COMPRESSION);
}

static Digest *
new_digest(uint32 compression, uint32 room)
{
	Digest	   *d = (Digest *) weir_sketch_new(DIGEST_SIZE(room), DIGEST_KIND, 0);

	sketch_put32(d->compression, compression);
	return d;
}

/* The sketch itself, changed, or another one. */
static Digest *
add_value(Digest *d, double value, uint64 weight)
{
	bool		first = N(d) == 0;

	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a t-digest takes no %s", isnan(value) ? "NaN" : "infinity")));
	if (value == 0)
		value = 0;				/* of -0 */
	d = append(d, value, weight);
	if (first || value < get_double(d->least))
		put_double(d->least, value);
	if (first || value > get_double(d->greatest))
		put_double(d->greatest, value);
	return d;
}

static Digest *
append(Digest *d, double mean, uint64 weight)
{
	uint32		limit = LIMIT(COMPRESSION(d));
	uint32		n = N(d);

	if (n == limit)
	{
		compress(d);
		n = N(d);
	}
	else if (n == ROOM(d))
	{
		uint32		room = Min(Max(n + n / 2, FIRST_ROOM), limit);
		Digest	   *larger = new_digest(COMPRESSION(d), room);

		memcpy((char *) larger + sizeof(Sketch), (char *) d + sizeof(Sketch), DIGEST_SIZE(n) - sizeof(Sketch));
		d = larger;
	}
	put_double(ENTRY(d, n), mean);
	sketch_put64(ENTRY(d, n) + 8, weight);
	sketch_put32(d->n, n + 1);
	return d;
}

/* Changes it. */
static Digest *
trimmed(Digest *d)
{
	compress(d);
	SET_VARSIZE(d, DIGEST_SIZE(N(d)));
	return d;
}

static Centroid *
read_centroids(Digest *d)
{
	Centroid   *centroids = palloc(sizeof(Centroid) * Max(N(d), 1));

	for (uint32 i = 0; i < N(d); i++)
	{
		centroids[i].mean = get_double(ENTRY(d, i));
		centroids[i].weight = sketch_get64(ENTRY(d, i) + 8);
	}
	return centroids;
}

static void
write_centroids(Digest *d, const Centroid *centroids, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
	{
		put_double(ENTRY(d, i), centroids[i].mean);
		sketch_put64(ENTRY(d, i) + 8, centroids[i].weight);
	}
	memset(ENTRY(d, n), 0, CENTROID_SIZE * (Size) (ROOM(d) - n));
	sketch_put32(d->n, n);
	sketch_put32(d->sorted, n);
}

static uint64
total_weight(const Centroid *centroids, uint32 n)
{
	uint64		total = 0;

	for (uint32 i = 0; i < n; i++)
	{
		if (centroids[i].weight > PG_INT64_MAX - total)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("too many values for a t-digest")));
		total += centroids[i].weight;
	}
	return total;
}

/* So that the same values give the same bytes: lighter ones first. */
static int
compare_centroids(const void *a, const void *b)
{
	const Centroid *x = a;
	const Centroid *y = b;

	if (x->mean != y->mean)
		return x->mean < y->mean ? -1 : 1;
	return x->weight < y->weight ? -1 : x->weight > y->weight ? 1 : 0;
}

/* Sort, and merge if there are more than the compression allows. */
static void
compress(Digest *d)
{
	uint32		n = N(d);
	Centroid   *centroids;

	if (SORTED(d) == n && n <= COMPRESSION(d))
		return;
	centroids = read_centroids(d);
	qsort(centroids, n, sizeof(Centroid), compare_centroids);
	if (n > COMPRESSION(d))
		n = merge(centroids, n, total_weight(centroids, n), COMPRESSION(d));
	write_centroids(d, centroids, n);
	pfree(centroids);
}

/*
 * How many of the total may lie below the end of a centroid that begins where
 * so many do.
 */
static double
weight_limit(double below, double total, double compression)
{
	double		k = compression / (2 * M_PI) * asin(2 * Min(below / total, 1) - 1) + 1;

	return k >= compression / 4 ? total : total * (sin(2 * M_PI * k / compression) + 1) / 2;
}

/* In place; returns how many are left. */
static uint32
merge(Centroid *centroids, uint32 n, uint64 total, uint32 compression)
{
	uint32		last = 0;
	double		below = 0;		/* weight before the last one */
	double		limit = weight_limit(0, total, compression);

	for (uint32 i = 1; i < n; i++)
	{
		Centroid   *c = &centroids[last];
		uint64		weight = c->weight + centroids[i].weight;

		if (below + weight <= limit)
		{
			double		part = (double) centroids[i].weight / weight;
			double		mean = c->mean * (1 - part) + centroids[i].mean * part;

			c->mean = Max(c->mean, Min(mean, centroids[i].mean));
			c->weight = weight;
			continue;
		}
		below += c->weight;
		limit = weight_limit(below, total, compression);
		centroids[++last] = centroids[i];
	}
	return last + 1;
}

static double
between(double low, double high, double part)
{
	double		result = low + part * (high - low);

	if (!isfinite(result))
		result = low * (1 - part) + high * part;
	return Max(low, Min(result, high));
}

/*
 * Ranks count from 0.  A centroid stands for the ranks of its values, and its
 * mean for the middle one; between means, and to the least and greatest value,
 * it goes in straight lines.
 */
static double
quantile(const Centroid *centroids, uint32 n, double least, double greatest, double q)
{
	double		last_rank = (double) total_weight(centroids, n) - 1;
	double		rank = q * last_rank;
	double		below = 0;
	double		rank_before = 0;
	double		before = least;

	/*
	 * The outermost mean need not be theirs: centroids of digests that were
	 * put together overlap.
	 */
	if (rank <= 0)
		return least;
	if (rank >= last_rank)
		return greatest;
	for (uint32 i = 0; i < n; i++)
	{
		double		middle = below + ((double) centroids[i].weight - 1) / 2;

		if (rank <= middle)
			return middle == rank_before ? centroids[i].mean :
				between(before, centroids[i].mean, (rank - rank_before) / (middle - rank_before));
		rank_before = middle;
		before = centroids[i].mean;
		below += centroids[i].weight;
	}
	return last_rank > rank_before ?
		between(before, greatest, (rank - rank_before) / (last_rank - rank_before)) : greatest;
}

/*
 * How far x is on the way from low to high, which may be farther apart than a
 * number can say.
 */
static double
part_of_way(double low, double high, double x)
{
	if (isfinite(high - low))
		return (x - low) / (high - low);
	return (x / 2 - low / 2) / (high / 2 - low / 2);
}

/* The other way round: of ranks that have the value, the last. */
static double
cdf(const Centroid *centroids, uint32 n, double least, double greatest, double x)
{
	double		total = (double) total_weight(centroids, n);
	double		below = 0;
	double		rank_before = 0;
	double		before = least;

	if (x < least)
		return 0;
	if (x >= greatest)
		return 1;
	for (uint32 i = 0; i < n; i++)
	{
		double		middle = below + ((double) centroids[i].weight - 1) / 2;

		if (x < centroids[i].mean)
			return (1 + rank_before + (middle - rank_before) * part_of_way(before, centroids[i].mean, x)) / total;
		rank_before = middle;
		before = centroids[i].mean;
		below += centroids[i].weight;
	}
	return (1 + rank_before + (total - 1 - rank_before) * part_of_way(before, greatest, x)) / total;
}
