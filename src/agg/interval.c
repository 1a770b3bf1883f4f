/*
 * interval.c
 *	  weir.avg and weir.sum: avg and sum of intervals, with states that every
 *	  version of PostgreSQL reads.
 *
 * Of all aggregates with a combine function these two are the ones whose
 * states have changed since PostgreSQL 15: 17 keeps another type.  Views have
 * these instead on every version, so that a matrel goes with an upgrade.
 *
 *	state := interval[]: sum of the finite values, their number
 *			 [, number of those that are infinity, of those that are -infinity]
 *
 * A number is the microseconds of an interval; the last two are there once
 * there was an infinite value, which PostgreSQL has from 17 on.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "agg/buffer.h"
#include "base/compat.h"

enum
{
	PART_SUM,
	PART_NUMBER,
	FINITE_PARTS,
	PART_INFINITE = FINITE_PARTS,
	PART_NEGATIVE,
	ALL_PARTS
};

WEIR_FUNCTION(weir_interval_trans);
WEIR_FUNCTION(weir_interval_combine);
WEIR_FUNCTION(weir_interval_sum);
WEIR_FUNCTION(weir_interval_avg);

static ArrayType *state_to_change(FunctionCallInfo fcinfo, bool infinite);
static Interval *parts_of(ArrayType *state, int *n);
static void add(Interval *sum, const Interval *value);
static bool infinite_result(const Interval *parts, int n, Interval *result);

/* (state interval[], interval) -> interval[], strict */
Datum
weir_interval_trans(PG_FUNCTION_ARGS)
{
	Interval   *value = PG_GETARG_INTERVAL_P(1);
	int			sign = weir_interval_infinity(value);
	ArrayType  *state = state_to_change(fcinfo, sign != 0);
	Interval   *parts;
	int			n;

	parts = parts_of(state, &n);
	if (sign != 0)
		parts[sign > 0 ? PART_INFINITE : PART_NEGATIVE].time++;
	else
	{
		add(&parts[PART_SUM], value);
		parts[PART_NUMBER].time++;
	}
	PG_RETURN_ARRAYTYPE_P(state);
}

/* (interval[], interval[]) -> interval[], strict */
Datum
weir_interval_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *other = PG_GETARG_ARRAYTYPE_P(1);
	int			nothers;
	Interval   *others = parts_of(other, &nothers);
	ArrayType  *state = state_to_change(fcinfo, nothers > FINITE_PARTS);
	Interval   *parts;
	int			n;

	parts = parts_of(state, &n);
	add(&parts[PART_SUM], &others[PART_SUM]);
	for (int i = PART_NUMBER; i < nothers; i++)
		if (pg_add_s64_overflow(parts[i].time, others[i].time, &parts[i].time))
			weir_agg_bad_state();
	PG_RETURN_ARRAYTYPE_P(state);
}

/* (interval[]) -> interval, strict; NULL of no values */
Datum
weir_interval_sum(PG_FUNCTION_ARGS)
{
	Interval   *result = palloc(sizeof(Interval));
	int			n;
	Interval   *parts = parts_of(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (infinite_result(parts, n, result))
		PG_RETURN_INTERVAL_P(result);
	if (parts[PART_NUMBER].time == 0)
		PG_RETURN_NULL();
	*result = parts[PART_SUM];
	PG_RETURN_INTERVAL_P(result);
}

/* (interval[]) -> interval, strict; NULL of no values */
Datum
weir_interval_avg(PG_FUNCTION_ARGS)
{
	Interval   *result = palloc(sizeof(Interval));
	int			n;
	Interval   *parts = parts_of(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (infinite_result(parts, n, result))
		PG_RETURN_INTERVAL_P(result);
	if (parts[PART_NUMBER].time == 0)
		PG_RETURN_NULL();
	return DirectFunctionCall2(interval_div, IntervalPGetDatum(&parts[PART_SUM]),
							   Float8GetDatum((float8) parts[PART_NUMBER].time));
}

/*
 * Argument 0, in an aggregate itself, else a copy; with room for infinite
 * values if they are wanted.
 */
static ArrayType *
state_to_change(FunctionCallInfo fcinfo, bool infinite)
{
	ArrayType  *state = AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0) :
		PG_GETARG_ARRAYTYPE_P_COPY(0);
	int			n;
	Interval   *parts = parts_of(state, &n);
	Interval	all[ALL_PARTS] = {0};
	Datum		elems[ALL_PARTS];

	if (!infinite || n == ALL_PARTS)
		return state;
	memcpy(all, parts, sizeof(Interval) * n);
	for (int i = 0; i < ALL_PARTS; i++)
		elems[i] = IntervalPGetDatum(&all[i]);
	return construct_array(elems, ALL_PARTS, INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE);
}

/* Errors for what is no state: anybody can pass anything. */
static Interval *
parts_of(ArrayType *state, int *n)
{
	Interval   *parts = (Interval *) ARR_DATA_PTR(state);

	if (ARR_NDIM(state) != 1 || ARR_HASNULL(state) || ARR_ELEMTYPE(state) != INTERVALOID ||
		(ARR_DIMS(state)[0] != FINITE_PARTS && ARR_DIMS(state)[0] != ALL_PARTS))
		weir_agg_bad_state();
	*n = ARR_DIMS(state)[0];
	for (int i = PART_NUMBER; i < *n; i++)
		if (parts[i].time < 0 || parts[i].day != 0 || parts[i].month != 0)
			weir_agg_bad_state();
	return parts;
}

static void
add(Interval *sum, const Interval *value)
{
	*sum = *DatumGetIntervalP(DirectFunctionCall2(interval_pl, IntervalPGetDatum(sum), IntervalPGetDatum(value)));
}

/*
 * False when there are finite values only.  Infinity and -infinity have
 * neither sum nor average.
 */
static bool
infinite_result(const Interval *parts, int n, Interval *result)
{
	bool		positive = n == ALL_PARTS && parts[PART_INFINITE].time > 0;
	bool		negative = n == ALL_PARTS && parts[PART_NEGATIVE].time > 0;

	if (positive && negative)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	if (positive || negative)
		weir_interval_make_infinite(result, positive);
	return positive || negative;
}
