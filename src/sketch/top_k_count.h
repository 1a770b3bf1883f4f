/*
 * top_k_count.h
 *	  A top-k sketch in memory, and counting in it; for top_k.c.
 */
#ifndef WEIR_SKETCH_TOP_K_COUNT_H
#define WEIR_SKETCH_TOP_K_COUNT_H

#include "postgres.h"

#include "utils/expandeddatum.h"

#include "agg/value.h"
#include "sketch/sketch.h"

typedef struct Counter
{
	uint64		hash;
	uint64		count;
	uint64		error;
	Datum		value;
} Counter;

typedef struct TopK
{
	ExpandedObjectHeader hdr;
	ValueType  *type;
	Oid			collation;
	uint32		k;
	uint32		m;
	uint32		h;
	uint32		n;
	Counter    *counters;
	uint64	   *cells;
	uint32	   *monitored;		/* counters of each cell */
	uint32		least;			/* counter with the least count; n: not known */
	Sketch	   *flat;			/* while nothing has changed */
} TopK;

/*
 * Count a value weight times more.  Errors with
 * ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE when a count gets too large.
 */
extern void weir_topk_add(TopK *topk, Datum value, int64 weight);

/*
 * Store a counter at a place among the first n + 1.  The count of a counter that
 * is there goes to its cell.
 */
extern void weir_topk_put(TopK *topk, uint32 place, const Counter *counter);

/* Add what "from" has counted; the sketches have the same sizes. */
extern void weir_topk_merge(TopK *to, TopK *from);

/* Order the counters, most frequent first. */
extern void weir_topk_sort(TopK *topk);

#endif
