/*
 * event_options.h
 *	  A stream's options for event time.
 */
#ifndef WEIR_META_EVENT_OPTIONS_H
#define WEIR_META_EVENT_OPTIONS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

/* Lengths in microseconds. */
typedef struct EventOptions
{
	Oid			streamid;		/* hash key */
	bool		valid;
	AttrNumber	column;			/* 0: the stream has no event time */
	Oid			type;			/* timestamp or timestamptz */
	int64		watermark;		/* how far rows may be out of order */
	int64		idle_timeout;	/* 0: a partition is never taken for idle */

	/* how far a time may be ahead of the clock; -1: any */
	int64		max_future;
} EventOptions;

/*
 * Options of a stream; cached, good until the end of the transaction.  Never
 * NULL; an unknown stream has no event time.  Needs a transaction.
 */
extern const EventOptions *weir_event_options(Oid streamid);

/* Is it one of them?  Errors if it is and its value is none. */
extern bool weir_event_option_check(const char *name, const char *value);
extern bool weir_event_option_is(const char *name);

/* Errors if a stream's options do not fit each other or its columns. */
extern void weir_event_options_check_stream(Oid streamid, List *options);

#endif
