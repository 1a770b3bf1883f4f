/*
 * buckets.c
 *	  Values in buckets, each value in the one that it was put into last: how
 *	  many different values each bucket has.
 *
 * What was the latest is said by a time, or else by the order of arrival.  Of
 * a value its hash of 64 bits is kept: two values have the same with a
 * probability of n^2 / 2^65 among n of them, then they count as one.
 *
 *	sketch	:= header(kind 'S', parameter 0) sorted (uint32) n (uint32) n
 *	entries, room for more
 *	entry	:= hash (uint64) time (int64) bucket (int32)
 *
 * The first sorted entries are in order of their hashes, each hash once;
 * others are appended behind them until there is no more room.  In text and
 * binary form all are sorted and there is no room.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/weir.h"
#include "sketch/sketch.h"

#define BUCKETS_KIND 'S'
#define FIRST_ROOM 8

typedef struct Buckets
{
	Sketch		header;
	uint8		sorted[4];
	uint8		n[4];
	uint8		data[FLEXIBLE_ARRAY_MEMBER];
} Buckets;

typedef struct Entry
{
	uint64		hash;
	int64		time;
	int32		bucket;
	uint32		place;			/* later ones arrived later */
} Entry;

/* How many values a bucket has. */
typedef struct BucketCount
{
	int32		bucket;
	int64		n;
} BucketCount;

#define ENTRY_SIZE 20
#define BUCKETS_SIZE(room) (offsetof(Buckets, data) + ENTRY_SIZE * (Size) (room))
#define MAX_ROOM ((MaxAllocSize - offsetof(Buckets, data)) / ENTRY_SIZE)
#define ROOM(b) ((uint32) ((VARSIZE(b) - BUCKETS_SIZE(0)) / ENTRY_SIZE))
#define N(b) sketch_get32((b)->n)
#define SORTED(b) sketch_get32((b)->sorted)
#define ENTRY(b, i) ((b)->data + ENTRY_SIZE * (Size) (i))

WEIR_FUNCTION(weir_buckets_in);
WEIR_FUNCTION(weir_buckets_out);
WEIR_FUNCTION(weir_buckets_recv);
WEIR_FUNCTION(weir_buckets_send);
WEIR_FUNCTION(weir_bucket_trans);
WEIR_FUNCTION(weir_bucket_combine);
WEIR_FUNCTION(weir_bucket_ids);
WEIR_FUNCTION(weir_bucket_cardinalities);
WEIR_FUNCTION(weir_bucket_cardinality);

static bool buckets_check(const Sketch *sketch, Size size);
static Buckets *new_buckets(uint32 room);
static Buckets *append(Buckets *b, const uint8 *entry);
static void settle(Buckets *b);
static Buckets *trimmed(Buckets *b);
static BucketCount *count(Buckets *b, int *n);

Datum
weir_buckets_in(PG_FUNCTION_ARGS)
{
	return weir_sketch_in(fcinfo, "buckets", buckets_check);
}

Datum
weir_buckets_recv(PG_FUNCTION_ARGS)
{
	return weir_sketch_recv(fcinfo, "buckets", buckets_check);
}

Datum
weir_buckets_out(PG_FUNCTION_ARGS)
{
	return weir_sketch_text((Sketch *) trimmed((Buckets *) weir_sketch_arg_to_change(fcinfo, 0)));
}

Datum
weir_buckets_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(trimmed((Buckets *) weir_sketch_arg_to_change(fcinfo, 0)));
}

/*
 * (state buckets, value, bucket integer [, time timestamptz]) -> buckets; rows
 * without value or time do not count
 */
Datum
weir_bucket_trans(PG_FUNCTION_ARGS)
{
	Buckets    *b = PG_ARGISNULL(0) ? new_buckets(FIRST_ROOM) : (Buckets *) weir_sketch_arg_to_change(fcinfo, 0);
	bool		timed = PG_NARGS() > 3;
	uint8		entry[ENTRY_SIZE];

	if (PG_ARGISNULL(1) || (timed && PG_ARGISNULL(3)))
		PG_RETURN_POINTER(b);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("bucket must not be null")));
	sketch_put64(entry, weir_sketch_hash(fcinfo, 1));
	sketch_put64(entry + 8, timed ? (uint64) PG_GETARG_TIMESTAMPTZ(3) : 0);
	sketch_put32(entry + 16, (uint32) PG_GETARG_INT32(2));
	PG_RETURN_POINTER(append(b, entry));
}

/*
 * (buckets, buckets) -> buckets, strict; what is in the second arrived later
 */
Datum
weir_bucket_combine(PG_FUNCTION_ARGS)
{
	Buckets    *a = (Buckets *) weir_sketch_arg_to_change(fcinfo, 0);
	Buckets    *b = (Buckets *) weir_sketch_arg(fcinfo, 1);

	for (uint32 i = 0; i < N(b); i++)
		a = append(a, ENTRY(b, i));
	settle(a);
	PG_RETURN_POINTER(a);
}

/* (buckets) -> integer[], in order */
Datum
weir_bucket_ids(PG_FUNCTION_ARGS)
{
	int			n;
	BucketCount *counts = count((Buckets *) weir_sketch_arg_to_change(fcinfo, 0), &n);
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		ids[i] = Int32GetDatum(counts[i].bucket);
	PG_RETURN_ARRAYTYPE_P(construct_array(ids, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* (buckets) -> bigint[], in the order of weir.bucket_ids */
Datum
weir_bucket_cardinalities(PG_FUNCTION_ARGS)
{
	int			n;
	BucketCount *counts = count((Buckets *) weir_sketch_arg_to_change(fcinfo, 0), &n);
	Datum	   *numbers = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		numbers[i] = Int64GetDatum(counts[i].n);
	PG_RETURN_ARRAYTYPE_P(construct_array(numbers, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* (buckets [, bucket integer]) -> bigint */
Datum
weir_bucket_cardinality(PG_FUNCTION_ARGS)
{
	int			n;
	BucketCount *counts = count((Buckets *) weir_sketch_arg_to_change(fcinfo, 0), &n);
	int64		result = 0;

	for (int i = 0; i < n; i++)
		if (PG_NARGS() < 2 || counts[i].bucket == PG_GETARG_INT32(1))
			result += counts[i].n;
	PG_RETURN_INT64(result);
}

static bool
buckets_check(const Sketch *sketch, Size size)
{
	Buckets    *b = (Buckets *) sketch;

	if (!weir_sketch_begins(sketch, size, BUCKETS_KIND) || size < BUCKETS_SIZE(0) ||
		sketch->param != 0 || SORTED(b) != N(b) || size != BUCKETS_SIZE(N(b)))
		return false;
	for (uint32 i = 1; i < N(b); i++)
		if (sketch_get64(ENTRY(b, i)) <= sketch_get64(ENTRY(b, i - 1)))
			return false;
	return true;
}

static Buckets *
new_buckets(uint32 room)
{
	return (Buckets *) weir_sketch_new(BUCKETS_SIZE(room), BUCKETS_KIND, 0);
}

/*
 * The sketch itself, changed, or another one.  A full one is sorted; if that
 * does not give back a third of it, it grows: so a value costs no more than
 * its part of sorting.
 */
static Buckets *
append(Buckets *b, const uint8 *entry)
{
	if (N(b) == ROOM(b))
	{
		settle(b);
		if (N(b) >= MAX_ROOM)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many different values for bucket_agg"),
					 errdetail("The limit is %zu.", (Size) MAX_ROOM)));
		if (N(b) >= ROOM(b) - ROOM(b) / 3)
		{
			Buckets    *larger = new_buckets(Min(Max((Size) N(b) * 2, FIRST_ROOM), MAX_ROOM));

			memcpy((char *) larger + sizeof(Sketch), (char *) b + sizeof(Sketch),
				   BUCKETS_SIZE(N(b)) - sizeof(Sketch));
			b = larger;
		}
	}
	memcpy(ENTRY(b, N(b)), entry, ENTRY_SIZE);
	sketch_put32(b->n, N(b) + 1);
	return b;
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* Sort, and leave of each hash the latest. */
static void
settle(Buckets *b)
{
	uint32		n = N(b);
	uint32		kept = 0;
	Entry	   *entries;

	if (SORTED(b) == n)
		return;
	entries = palloc_extended(sizeof(Entry) * n, MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < n; i++)
	{
		entries[i].hash = sketch_get64(ENTRY(b, i));
		entries[i].time = (int64) sketch_get64(ENTRY(b, i) + 8);
		entries[i].bucket = (int32) sketch_get32(ENTRY(b, i) + 16);
		entries[i].place = i;
	}
	qsort(entries, n, sizeof(Entry), compare_entries);
	for (uint32 i = 0; i < n; i++)
	{
		if (i + 1 < n && entries[i + 1].hash == entries[i].hash)
			continue;
		sketch_put64(ENTRY(b, kept), entries[i].hash);
		sketch_put64(ENTRY(b, kept) + 8, (uint64) entries[i].time);
		sketch_put32(ENTRY(b, kept) + 16, (uint32) entries[i].bucket);
		kept++;
	}
	memset(ENTRY(b, kept), 0, ENTRY_SIZE * (Size) (ROOM(b) - kept));
	sketch_put32(b->n, kept);
	sketch_put32(b->sorted, kept);
	pfree(entries);
}

/* Changes it. */
static Buckets *
trimmed(Buckets *b)
{
	settle(b);
	SET_VARSIZE(b, BUCKETS_SIZE(N(b)));
	return b;
}

static int
compare_buckets(const void *a, const void *b)
{
	const BucketCount *x = a;
	const BucketCount *y = b;

	return x->bucket < y->bucket ? -1 : x->bucket > y->bucket ? 1 : 0;
}

/*
 * How many values are in each bucket that has any, in order of buckets.
 * Changes it.
 */
static BucketCount *
count(Buckets *b, int *n)
{
	BucketCount *counts;
	int			last = -1;

	settle(b);
	counts = palloc_extended(sizeof(BucketCount) * Max(N(b), 1), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < N(b); i++)
		counts[i].bucket = (int32) sketch_get32(ENTRY(b, i) + 16);
	qsort(counts, N(b), sizeof(BucketCount), compare_buckets);
	for (uint32 i = 0; i < N(b); i++)
	{
		if (last < 0 || counts[last].bucket != counts[i].bucket)
		{
			counts[++last].bucket = counts[i].bucket;
			counts[last].n = 0;
		}
		counts[last].n++;
	}
	*n = last + 1;
	return counts;
}
