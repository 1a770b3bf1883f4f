/*
 * offsets.h
 *	  Where a source stands with a stream: next offsets, whether it was
 *	  stopped, and how it was resumed.
 */
#ifndef WEIR_SOURCE_OFFSETS_H
#define WEIR_SOURCE_OFFSETS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "stream/batch.h"

/* Where weir.resume said that partitions begin whose stored offset is lost. */
typedef enum SourceResume
{
	SOURCE_RESUME_STRICT,		/* nothing said: stop again */
	SOURCE_RESUME_EARLIEST,
	SOURCE_RESUME_LATEST,
	SOURCE_RESUME_STORED		/* another topic or cluster, and yet these offsets */
} SourceResume;

/* What is known of a stream's topic. */
typedef struct SourceStanding
{
	/* of partitions 0 .. n - 1; next_offset SOURCE_OFFSET_UNKNOWN: none */
	SourceOffset *offsets;
	List	   *beyond;			/* of SourceOffset *, of partitions from n on */
	bool		stored;			/* of any partition */
	bool		merged;			/* of any, and not flushed yet */
	bool		unread;			/* any is marked as not read on */

	/* the last weir.resume, or change of the topic, and when; 0: never */
	SourceResume resume;
	TimestampTz resumed;
} SourceStanding;

/*
 * Next offsets of partitions, merged or flushed, whichever is newer.  Needs a
 * transaction; takes a snapshot of its own.  In the current context.
 */
extern void weir_offsets_load(Oid streamid, const char *topic, int n, SourceStanding *result);

/*
 * Next offsets in the table only, i.e. what views show; SOURCE_OFFSET_UNKNOWN
 * where none is.
 */
extern void weir_offsets_load_stored(Oid streamid, const char *topic, int n, int64 *offsets);

/*
 * A stopped stream is consumed no more until weir.resume.  Both need a
 * transaction; stop is part of it.
 */
extern bool weir_source_is_stopped(Oid streamid);
extern void weir_source_set_stopped(Oid streamid, const char *reason);

/*
 * The stream has been given another topic: with startup 'latest' it begins as
 * of now.
 */
extern void weir_source_topic_changed(Oid streamid);

#endif
