/*
 * view_options.h
 *	  Options of CREATE VIEW ... WITH (...) over a stream.
 */
#ifndef WEIR_VIEW_VIEW_OPTIONS_H
#define WEIR_VIEW_VIEW_OPTIONS_H

#include "nodes/pg_list.h"

#include "meta/cont_view.h"
#include "query/sliding.h"

/* As given. */
typedef struct GivenOptions
{
	Interval   *sw;				/* or NULL */
	char	   *sw_column;
	Interval   *ttl;			/* or NULL, as is ttl_column */
	char	   *ttl_column;
	int			step_factor;	/* percent; 0: not given */
	int			fillfactor;		/* 0: not given */
	char	   *pk;				/* a column, or a list; or NULL */
	char	   *emit;			/* these as given, or NULL */
	char	   *late;
	DefElem    *late_stream;
	Interval   *allowed_lateness;
	Interval   *retention;
	char	   *partition_by;	/* or NULL, as is partition_interval */
	Interval   *partition_interval;
	char	   *tablespace;		/* or NULL */
} GivenOptions;

/*
 * Read the options of a continuous view.  *rest gets those that are
 * PostgreSQL's own, to be given to the ordinary view.
 */
extern void weir_view_options_read(List *defelems, GivenOptions *options, List **rest);

/* What is to be stored of the sliding window of a view, given by option or (window, or NULL) in its WHERE. */
extern void weir_view_options_set_window(GivenOptions *given, const SlidingWindow *window,
										 ContViewOptions *options);

/* An option that is an interval. */
extern Interval *weir_view_options_interval(DefElem *defel);

/* What is to be stored of the options for event time.  Errors when they do not fit each other. */
extern void weir_view_options_set_event_time(GivenOptions *given, ContViewOptions *options);

/*
 * The stream that late rows of a view over these go to; InvalidOid if none is
 * given.  Errors with positions in the statement's text.
 */
extern Oid	weir_view_options_late_stream(const GivenOptions *given, List *streams, const char *source_text);

/* Refuse options of continuous views on a view that reads no stream. */
extern void weir_view_options_refuse(List *defelems);

#endif
