/*
 * stored_options.h
 *	  From the options that CREATE VIEW gives to those that are stored: where
 *	  it takes more than one option, or the query.
 */
#ifndef WEIR_VIEW_STORED_OPTIONS_H
#define WEIR_VIEW_STORED_OPTIONS_H

#include "meta/view_options.h"
#include "query/sliding.h"

/* The options for event time.  Errors when they do not fit each other. */
extern void weir_stored_options_event_time(const GivenOptions *given, ContViewOptions *options);

/*
 * The sliding window of a view, given by option or (window, or NULL) in its
 * WHERE.
 */
extern void weir_stored_options_window(const GivenOptions *given, const SlidingWindow *window,
									   ContViewOptions *options);

/*
 * The stream that late rows of a view over these go to; InvalidOid if none is
 * given.  Errors with positions in the statement's text.
 */
extern Oid	weir_stored_options_late_stream(const GivenOptions *given, List *streams, const char *source_text);

#endif
