/*
 * top_k_count.c
 *	  Counting in a top-k sketch.
 *
 * The algorithm is told in top_k.c.
 */
#include "postgres.h"

#include "common/int.h"

#include "sketch/top_k_count.h"

static int	find(TopK *topk, uint64 hash, Datum value);
static uint32 least(TopK *topk);
static uint64 others(TopK *topk, uint64 hash);
static int	compare_counters(const void *a, const void *b);
static uint64 sum(uint64 a, uint64 b);

void
weir_topk_add(TopK *topk, Datum value, int64 weight)
{
	uint64		hash = weir_value_hash(topk->type, topk->collation, value);
	uint64	   *cell = &topk->cells[hash % topk->h];
	MemoryContext caller;
	Counter		counter;
	int			place;

	if (weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a weight must not be negative")));
	if (weight == 0)
		return;
	if (topk->flat)
		pfree(topk->flat);
	topk->flat = NULL;
	place = find(topk, hash, value);
	if (place >= 0)
	{
		topk->counters[place].count = sum(topk->counters[place].count, weight);
		if (topk->least == (uint32) place)
			topk->least = topk->n;
		return;
	}
	counter.hash = hash;
	counter.error = *cell;
	counter.count = sum(*cell, weight);
	if (topk->n == topk->m && counter.count < topk->counters[least(topk)].count)
	{
		*cell = counter.count;
		return;
	}
	caller = MemoryContextSwitchTo(topk->hdr.eoh_context);
	counter.value = weir_value_copy(topk->type, value);
	weir_topk_put(topk, topk->n < topk->m ? topk->n : least(topk), &counter);
	MemoryContextSwitchTo(caller);
}

static int
find(TopK *topk, uint64 hash, Datum value)
{
	if (topk->monitored[hash % topk->h] == 0)
		return -1;
	for (uint32 i = 0; i < topk->n; i++)
		if (topk->counters[i].hash == hash &&
			weir_value_equal(topk->type, topk->collation, topk->counters[i].value, value))
			return i;
	return -1;
}

/* In place of the counter there, whose count goes to its cell. */
void
weir_topk_put(TopK *topk, uint32 place, const Counter *counter)
{
	Counter    *to = &topk->counters[place];

	if (place < topk->n)
	{
		uint64	   *cell = &topk->cells[to->hash % topk->h];

		*cell = Max(*cell, to->count);
		topk->monitored[to->hash % topk->h]--;
		weir_value_free(topk->type, to->value);
	}
	else
		topk->n++;
	*to = *counter;
	topk->monitored[counter->hash % topk->h]++;
	topk->least = topk->n;
}

static uint32
least(TopK *topk)
{
	if (topk->least >= topk->n)
	{
		topk->least = 0;
		for (uint32 i = 1; i < topk->n; i++)
			if (topk->counters[i].count < topk->counters[topk->least].count)
				topk->least = i;
	}
	return topk->least;
}

/* How often a value that is not monitored may have come. */
static uint64
others(TopK *topk, uint64 hash)
{
	return topk->cells[hash % topk->h];
}

void
weir_topk_merge(TopK *to, TopK *from)
{
	uint32		n = to->n;
	MemoryContext caller;

	if (weir_value_type_oid(to->type) != weir_value_type_oid(from->type) ||
		to->k != from->k || to->m != from->m || to->h != from->h)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("top-k sketches must have the same type of values, k, m and h")));
	if (to->flat)
		pfree(to->flat);
	to->flat = NULL;

	/* Each value's count in both; then the cells; then the best m. */
	caller = MemoryContextSwitchTo(to->hdr.eoh_context);
	to->counters = repalloc(to->counters, sizeof(Counter) * (to->m + from->n));
	for (uint32 i = 0; i < from->n; i++)
	{
		Counter    *other = &from->counters[i];
		int			place = find(to, other->hash, other->value);
		Counter    *counter = &to->counters[place >= 0 ? (uint32) place : to->n];

		if (place < 0)
		{
			counter->hash = other->hash;
			counter->value = weir_value_copy(to->type, other->value);
			counter->count = counter->error = others(to, other->hash);
			to->n++;
		}
		counter->count = sum(counter->count, other->count);
		counter->error = sum(counter->error, other->error);
	}
	for (uint32 i = 0; i < n; i++)
	{
		Counter    *counter = &to->counters[i];

		if (find(from, counter->hash, counter->value) < 0)
		{
			counter->count = sum(counter->count, others(from, counter->hash));
			counter->error = sum(counter->error, others(from, counter->hash));
		}
	}
	for (uint32 i = 0; i < to->h; i++)
		to->cells[i] = sum(to->cells[i], from->cells[i]);
	weir_topk_sort(to);
	while (to->n > to->m)
	{
		Counter    *out = &to->counters[--to->n];
		uint64	   *cell = &to->cells[out->hash % to->h];

		*cell = Max(*cell, out->count);
		weir_value_free(to->type, out->value);
	}
	memset(to->monitored, 0, sizeof(uint32) * to->h);
	for (uint32 i = 0; i < to->n; i++)
		to->monitored[to->counters[i].hash % to->h]++;
	to->least = to->n;
	MemoryContextSwitchTo(caller);
}

/* Most frequent first; of equal counts the surer one, then any fixed order. */
static int
compare_counters(const void *a, const void *b)
{
	const Counter *x = a;
	const Counter *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->error != y->error)
		return x->error < y->error ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

void
weir_topk_sort(TopK *topk)
{
	qsort(topk->counters, topk->n, sizeof(Counter), compare_counters);
	topk->least = topk->n;
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
