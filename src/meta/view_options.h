/*
 * view_options.h
 *	  The options of CREATE VIEW ... WITH (...) over a stream.
 *
 * One table (view_options.c) has of each option its name, what it takes, the
 * column of weir.continuous_view that keeps it, and how CREATE OR REPLACE VIEW
 * compares it.
 */
#ifndef WEIR_META_VIEW_OPTIONS_H
#define WEIR_META_VIEW_OPTIONS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

#include "meta/view.h"

/* Options as the statement gives them; what it does not give is NULL, or 0. */
typedef struct GivenOptions
{
	Interval   *sw;
	char	   *sw_column;
	Interval   *ttl;			/* comes with ttl_column */
	char	   *ttl_column;
	int			step_factor;	/* percent */
	int			fillfactor;
	char	   *pk;				/* a column, or a list */
	const char *emit;			/* in lower case, as is late */
	const char *late;
	DefElem    *late_stream;
	Interval   *allowed_lateness;
	Interval   *retention;
	char	   *partition_by;	/* comes with partition_interval */
	Interval   *partition_interval;
	char	   *tablespace;

	/* options that are given, by their places in the table */
	Bitmapset  *which;
} GivenOptions;

/*
 * Read the options of a continuous view.  *rest gets those that are
 * PostgreSQL's own, to be given to the ordinary view.
 */
extern void weir_view_options_read(List *defelems, GivenOptions *given, List **rest);

/* An option that is an interval. */
extern Interval *weir_view_options_interval(DefElem *defel);

/* Refuse options of continuous views on a view that reads no stream. */
extern void weir_view_options_refuse(List *defelems);

/*
 * In what does a view with these new options differ from one with the old
 * ones? What decides the view's result is compared always, how it is stored
 * only where the new options were given.  NULL if in nothing.
 */
extern const char *weir_view_options_difference(const GivenOptions *given, const ContViewOptions *new,
												const ContViewOptions *old);

/*
 * A hint: how the option can be changed of a view that exists.  Names are
 * qualified and quoted.
 */
extern char *weir_view_options_change(const char *name, const char *view, const char *matrel);

/* Options to and from a row of weir.continuous_view, taken apart. */
extern void weir_view_options_form(const ContViewOptions *options, Datum *values, bool *nulls);
extern void weir_view_options_deform(ContViewOptions *options, const Datum *values, const bool *nulls);

/*
 * What columns of that row have where no option was given and that is not
 * NULL: a JSON object.
 */
extern char *weir_view_options_defaults(void);

#endif
