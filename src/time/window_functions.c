/*
 * window_functions.c
 *	  Windows of time as SQL functions: tumble, hop, cumulate, time_bucket.
 *
 * They are ordinary functions of one time each: a batch query over a table
 * gives by them what a continuous view shows.  query/window.c recognizes them
 * in a view's query.
 *
 * All windows begin and end at boundaries of a grid (window.h).  Grids of
 * hours, minutes and seconds are the same everywhere; those of days and months
 * follow the calendar of a time zone: the one that is given, else the
 * session's, as date_trunc does.  A window always holds its time: where a
 * local midnight occurs twice or not at all, the boundary is moved to the one
 * that does.
 *
 * NULL is in no window: tumble and time_bucket give NULL, the others no row.
 * Infinity has no window either, and is an error.
 *
 * Memory: the grid is kept in the call's fn_extra while its arguments stay.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "time/window_functions.h"

/* Windows that one time may be in. */
#define MAX_WINDOWS 100000

#define UNIX_EPOCH_DAYS (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)
#define UNIX_EPOCH_USECS (-(int64) UNIX_EPOCH_DAYS * USECS_PER_DAY)
#define EPOCH_YEAR 1970

/* What a call of one of the functions works with. */
typedef struct WindowCall
{
	Interval	step;			/* as given */
	Interval	size;
	Interval	offset;
	pg_tz	   *tz;				/* NULL: timestamp without time zone */
	TimeGrid	grid;			/* tumble: of the windows */

	/* hop: panes from one window's start to the next */
	int64		slide;

	/* panes in a window; in the longest of cumulate */
	int64		cells;
	TimeGrid	fine;			/* hop, cumulate: of panes */
	TupleDesc	desc;			/* of tumble's result */
} WindowCall;

WEIR_FUNCTION(weir_tumble);
WEIR_FUNCTION(weir_time_bucket);
WEIR_FUNCTION(weir_bucket_end);
WEIR_FUNCTION(weir_hop);
WEIR_FUNCTION(weir_cumulate);
WEIR_FUNCTION(weir_session);

/* ---------------------------------------------------------------------
 * Grids
 * --------------------------------------------------------------------- */

pg_noreturn static void
out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static int64
greatest_common_divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

int64
weir_grid_length(const Interval *interval, GridUnit *unit, const char *what)
{
	int			kinds = (interval->month != 0) + (interval->day != 0) + (interval->time != 0);

	if (kinds > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of a window mixes months, days and hours", what),
				 errdetail("Months and days follow the calendar, hours, minutes and seconds are of fixed length."),
				 errhint("Use one of them: '36 hours' instead of '1 day 12 hours'.")));
	*unit = interval->month != 0 ? GRID_MONTHS : interval->day != 0 ? GRID_DAYS : GRID_USECS;
	if (interval->month < 0 || interval->day < 0 || interval->time < 0 || kinds == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of a window must be greater than zero", what)));
	return interval->month + interval->day + interval->time;
}

Interval *
weir_grid_interval(GridUnit unit, int64 length)
{
	Interval   *result = palloc0(sizeof(Interval));

	if (unit == GRID_MONTHS)
		result->month = length;
	else if (unit == GRID_DAYS)
		result->day = length;
	else
		result->time = length;
	return result;
}

void
weir_grid_init(TimeGrid *grid, GridUnit unit, int64 step, const Interval *offset, pg_tz *tz)
{
	grid->unit = unit;
	grid->step = step;
	grid->tz = unit == GRID_USECS ? NULL : tz;
	grid->offset_months = offset->month;
	if ((offset->month != 0 && unit != GRID_MONTHS) || (offset->day != 0 && unit == GRID_USECS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("offset of a window has a larger unit than its size"),
				 errhint(unit == GRID_USECS ? "Give the offset in hours, minutes and seconds." :
						 "Give the offset in days, hours, minutes and seconds.")));
	if (pg_mul_s64_overflow(offset->day, USECS_PER_DAY, &grid->offset_usecs) ||
		pg_add_s64_overflow(grid->offset_usecs, offset->time, &grid->offset_usecs))
		out_of_range();
}

static Timestamp
to_local(TimestampTz time, pg_tz *tz)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;
	Timestamp	result;

	if (timestamp2tm(time, &zone, &tm, &fsec, NULL, tz) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &result) != 0)
		out_of_range();
	return result;
}

static TimestampTz
from_local(Timestamp local, pg_tz *tz)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;
	TimestampTz result;

	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		out_of_range();
	zone = DetermineTimeZoneOffset(&tm, tz);
	if (tm2timestamp(&tm, fsec, &zone, &result) != 0)
		out_of_range();
	return result;
}

static int64
month_cell(const TimeGrid *grid, Timestamp local)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		out_of_range();
	return floor_div(((int64) tm.tm_year - EPOCH_YEAR) * MONTHS_PER_YEAR + tm.tm_mon - 1 -
					 grid->offset_months, grid->step);
}

static int64
cell_of(const TimeGrid *grid, Timestamp local)
{
	if (pg_sub_s64_overflow(local, grid->offset_usecs, &local))
		out_of_range();
	if (grid->unit == GRID_MONTHS)
		return month_cell(grid, local);
	if (pg_sub_s64_overflow(local, UNIX_EPOCH_USECS, &local))
		out_of_range();
	if (grid->unit == GRID_DAYS)
		return floor_div(floor_div(local, USECS_PER_DAY), grid->step);
	return floor_div(local, grid->step);
}

int64
weir_grid_cell(const TimeGrid *grid, Timestamp time)
{
	int64		cell = cell_of(grid, grid->tz ? to_local(time, grid->tz) : time);

	/* A local time that occurs twice stands for one of the two. */
	if (grid->tz)
	{
		while (weir_grid_start(grid, cell) > time)
			cell--;
		while (weir_grid_start(grid, cell + 1) <= time)
			cell++;
	}
	return cell;
}

Timestamp
weir_grid_start(const TimeGrid *grid, int64 cell)
{
	int64		result;

	if (pg_mul_s64_overflow(cell, grid->step, &result))
		out_of_range();
	if (grid->unit == GRID_MONTHS)
	{
		int64		month = result + grid->offset_months;
		int64		year = EPOCH_YEAR + floor_div(month, MONTHS_PER_YEAR);

		if (year < -4713 || year > 294276)
			out_of_range();
		result = (int64) (date2j((int) year, (int) (month - floor_div(month, MONTHS_PER_YEAR) * MONTHS_PER_YEAR) + 1, 1) -
						  POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	}
	else if (grid->unit == GRID_DAYS)
	{
		if (pg_sub_s64_overflow(result, UNIX_EPOCH_DAYS, &result) ||
			pg_mul_s64_overflow(result, USECS_PER_DAY, &result))
			out_of_range();
	}
	else if (pg_add_s64_overflow(result, UNIX_EPOCH_USECS, &result))
		out_of_range();
	if (pg_add_s64_overflow(result, grid->offset_usecs, &result) ||
		!IS_VALID_TIMESTAMP(result))
		out_of_range();
	return grid->tz ? from_local(result, grid->tz) : result;
}

int64
weir_hop_panes(const Interval *slide_interval, const Interval *size_interval, GridUnit *unit, int64 *panes)
{
	GridUnit	size_unit;
	int64		slide = weir_grid_length(slide_interval, unit, "slide");
	int64		size = weir_grid_length(size_interval, &size_unit, "size");
	int64		length = greatest_common_divisor(slide, size);

	if (*unit != size_unit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slide and size of a window differ in their unit"),
				 errhint("Use '24 hours' instead of '1 day' beside hours, minutes and seconds.")));
	if (size / slide > MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size of a window is more than %d times its slide", MAX_WINDOWS)));
	if (panes)
		*panes = size / length;
	return length;
}

int64
weir_cumulate_panes(const Interval *step_interval, const Interval *max_interval, GridUnit *unit, int64 *panes)
{
	GridUnit	max_unit;
	int64		step = weir_grid_length(step_interval, unit, "step");
	int64		max = weir_grid_length(max_interval, &max_unit, "maximum size");

	if (*unit != max_unit || max % step != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("maximum size of a cumulating window must be a multiple of its step")));
	if (max / step > MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("maximum size of a window is more than %d times its step", MAX_WINDOWS)));
	if (panes)
		*panes = max / step;
	return step;
}

/* ---------------------------------------------------------------------
 * Arguments
 * --------------------------------------------------------------------- */

/* Arguments after the time: intervals, then for timestamptz the zone. */
static bool
any_null(FunctionCallInfo fcinfo, int nintervals)
{
	for (int i = 0; i <= nintervals; i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

static pg_tz *
zone_argument(FunctionCallInfo fcinfo, int n)
{
	char		name[TZ_STRLEN_MAX + 1];
	pg_tz	   *tz;

	if (n >= PG_NARGS())
		return NULL;
	if (PG_ARGISNULL(n))
		return session_timezone;
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(n), name, sizeof(name));
	tz = pg_tzset(name);
	if (tz == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("Use a name of the view pg_timezone_names.")));
	return tz;
}

static void
check_time(Timestamp time)
{
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("an infinite time is in no window")));
}

static void
set_tumble(WindowCall *call)
{
	GridUnit	unit;
	int64		size = weir_grid_length(&call->size, &unit, "size");

	weir_grid_init(&call->grid, unit, size, &call->offset, call->tz);
}

static void
set_hop(WindowCall *call)
{
	GridUnit	unit;
	int64		length = weir_hop_panes(&call->step, &call->size, &unit, &call->cells);

	weir_grid_init(&call->fine, unit, length, &call->offset, call->tz);
	call->slide = weir_grid_length(&call->step, &unit, "slide") / length;
}

static void
set_cumulate(WindowCall *call)
{
	GridUnit	unit;
	int64		length = weir_cumulate_panes(&call->step, &call->size, &unit, &call->cells);

	weir_grid_init(&call->fine, unit, length, &call->offset, call->tz);
}

/*
 * The call's grid.  The arguments are a time, with has_step a step, a size
 * (time_bucket: the size before the time), an offset and perhaps a zone.
 */
static WindowCall *
window_call(FunctionCallInfo fcinfo, int size_arg, bool has_step,
			void (*set) (WindowCall *call))
{
	static const Interval none = {0};
	const Interval *step = has_step ? PG_GETARG_INTERVAL_P(1) : &none;
	const Interval *size = PG_GETARG_INTERVAL_P(size_arg);
	const Interval *offset = PG_GETARG_INTERVAL_P(2 + has_step);
	pg_tz	   *tz = zone_argument(fcinfo, 3 + has_step);
	WindowCall *call = fcinfo->flinfo->fn_extra;

	if (call != NULL && call->tz == tz &&
		memcmp(&call->step, step, sizeof(Interval)) == 0 &&
		memcmp(&call->size, size, sizeof(Interval)) == 0 &&
		memcmp(&call->offset, offset, sizeof(Interval)) == 0)
		return call;
	call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(WindowCall));
	call->step = *step;
	call->size = *size;
	call->offset = *offset;
	call->tz = tz;
	set(call);
	if (fcinfo->flinfo->fn_extra)
		pfree(fcinfo->flinfo->fn_extra);
	fcinfo->flinfo->fn_extra = call;
	return call;
}

/* ---------------------------------------------------------------------
 * One window a time
 * --------------------------------------------------------------------- */

/* time_bucket(size, time [, offset [, zone]]) */
Datum
weir_time_bucket(PG_FUNCTION_ARGS)
{
	Timestamp	time;
	WindowCall *call;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(1);
	check_time(time);

	call = window_call(fcinfo, 0, false, set_tumble);
	PG_RETURN_TIMESTAMP(weir_grid_start(&call->grid, weir_grid_cell(&call->grid, time)));
}

/* bucket_end(time, size, offset [, zone]): where the bucket of a time ends */
Datum
weir_bucket_end(PG_FUNCTION_ARGS)
{
	Timestamp	time;
	WindowCall *call;

	if (any_null(fcinfo, 2))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(0);
	check_time(time);
	call = window_call(fcinfo, 1, false, set_tumble);
	PG_RETURN_TIMESTAMP(weir_grid_start(&call->grid, weir_grid_cell(&call->grid, time) + 1));
}

static TupleDesc
window_desc(FunctionCallInfo fcinfo, WindowCall *call)
{
	MemoryContext old;
	TupleDesc	desc;

	if (call->desc)
		return call->desc;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != 2)
		elog(ERROR, "a window is a composite type of two columns");
	call->desc = BlessTupleDesc(desc);
	MemoryContextSwitchTo(old);
	return call->desc;
}

static Datum
make_window(TupleDesc desc, Timestamp start, Timestamp end)
{
	Datum		values[2] = {TimestampGetDatum(start), TimestampGetDatum(end)};
	bool		nulls[2] = {false, false};

	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* tumble(time, size [, offset [, zone]]) */
Datum
weir_tumble(PG_FUNCTION_ARGS)
{
	Timestamp	time;
	WindowCall *call;
	int64		cell;

	if (any_null(fcinfo, 2))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(0);
	check_time(time);
	call = window_call(fcinfo, 1, false, set_tumble);
	cell = weir_grid_cell(&call->grid, time);
	PG_RETURN_DATUM(make_window(window_desc(fcinfo, call), weir_grid_start(&call->grid, cell),
								weir_grid_start(&call->grid, cell + 1)));
}

/* ---------------------------------------------------------------------
 * Several windows a time
 * --------------------------------------------------------------------- */

static void
put_window(ReturnSetInfo *rsinfo, Timestamp start, Timestamp end)
{
	Datum		values[2] = {TimestampGetDatum(start), TimestampGetDatum(end)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * hop(time, slide, size [, offset [, zone]]): each window that holds the time,
 * earliest first
 */
Datum
weir_hop(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Timestamp	time;
	WindowCall *call;
	int64		pane;
	int64		last;

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	if (any_null(fcinfo, 3))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(0);
	check_time(time);
	call = window_call(fcinfo, 2, true, set_hop);

	pane = weir_grid_cell(&call->fine, time);
	last = floor_div(pane, call->slide);
	for (int64 n = floor_div(pane - call->cells, call->slide) + 1; n <= last; n++)
		put_window(rsinfo, weir_grid_start(&call->fine, n * call->slide),
				   weir_grid_start(&call->fine, n * call->slide + call->cells));
	return (Datum) 0;
}

/*
 * cumulate(time, step, max [, offset [, zone]]): windows from the start of
 * each max on, a step longer each
 */
Datum
weir_cumulate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Timestamp	time;
	WindowCall *call;
	int64		pane;
	int64		base;

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	if (any_null(fcinfo, 3))
		PG_RETURN_NULL();
	time = PG_GETARG_TIMESTAMP(0);
	check_time(time);
	call = window_call(fcinfo, 2, true, set_cumulate);

	pane = weir_grid_cell(&call->fine, time);
	base = floor_div(pane, call->cells) * call->cells;
	for (int64 end = pane + 1; end <= base + call->cells; end++)
		put_window(rsinfo, weir_grid_start(&call->fine, base),
				   weir_grid_start(&call->fine, end));
	return (Datum) 0;
}

/* ---------------------------------------------------------------------
 * Sessions
 * --------------------------------------------------------------------- */

/* What a session is depends on other rows: only a continuous view has it. */
Datum
weir_session(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("session windows are found by continuous views only"),
			 errhint("In a query over a table, number the sessions with window functions: see doc/time.md.")));
}
