/*
 * window_functions.h
 *	  Windows of time: the grid that their boundaries lie on.
 */
#ifndef WEIR_TIME_WINDOW_FUNCTIONS_H
#define WEIR_TIME_WINDOW_FUNCTIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef enum GridUnit
{
	GRID_USECS,					/* hours, minutes, seconds: of fixed length */
	GRID_DAYS,					/* of the calendar, in a time zone */
	GRID_MONTHS
} GridUnit;

/*
 * Boundaries at 1970-01-01 plus offset plus every multiple of step.  Days and
 * months are counted in the local time of tz, NULL for timestamp without time
 * zone.
 */
typedef struct TimeGrid
{
	GridUnit	unit;
	int64		step;			/* in the unit, > 0 */
	int64		offset_months;
	int64		offset_usecs;	/* the rest of the offset */
	pg_tz	   *tz;
} TimeGrid;

/*
 * How long an interval is, in its unit.  Errors when units are mixed, or it
 * is not > 0; what names it.
 */
extern int64 weir_grid_length(const Interval *interval, GridUnit *unit, const char *what);

/* Errors when the offset does not fit the unit. */
extern void weir_grid_init(TimeGrid *grid, GridUnit unit, int64 step, const Interval *offset, pg_tz *tz);

/*
 * Number of the cell that holds a finite time, and where a cell begins.
 * Errors when out of range.
 */
extern int64 weir_grid_cell(const TimeGrid *grid, Timestamp time);
extern Timestamp weir_grid_start(const TimeGrid *grid, int64 cell);

/*
 * Length of the panes that the windows of hop and cumulate are made of, and
 * how many make a window (the longest of cumulate).  Errors when lengths do
 * not fit.
 */
extern int64 weir_hop_panes(const Interval *slide, const Interval *size, GridUnit *unit, int64 *panes);
extern int64 weir_cumulate_panes(const Interval *step, const Interval *max, GridUnit *unit, int64 *panes);

/* The interval that weir_grid_length reads as this. */
extern Interval *weir_grid_interval(GridUnit unit, int64 length);

#endif
