/*
 * batch.h
 *	  Rows on their way from a source to the continuous queries.
 *
 * A batch is built by a source (the queue of committed transactions, or a
 * Kafka client) in a worker, then given to weir_ingest (intake/ingest.h).
 * While a continuous query runs, its stream's foreign scan returns the rows of
 * the range set with weir_batch_scan_set.
 */
#ifndef WEIR_STREAM_BATCH_H
#define WEIR_STREAM_BATCH_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "stream/note.h"
#include "stream/section.h"
#include "stream/stream_row.h"

/* Where a row came from, for dead letters; inserted rows have none. */
typedef struct RowOrigin
{
	int32		partition;
	int64		offset;

	/* not NUL-terminated; may be NULL (tombstone) */
	const char *payload;
	int32		payload_len;	/* -1 for NULL payload */
} RowOrigin;

/* The latest event time of a partition's rows in a batch. */
typedef struct PartitionTime
{
	int32		partition;		/* 0 for inserted rows */
	int64		newest;
} PartitionTime;

/*
 * What rows of one stream are judged by; those of a UNION ALL by the least of
 * its streams'.
 */
typedef struct StreamWatermark
{
	Oid			streamid;
	int64		watermark;
} StreamWatermark;

/* The rows of one stream in a batch, in order of arrival. */
typedef struct StreamRows
{
	Oid			streamid;
	int			nrows;
	int			maxrows;
	StreamRow **rows;

	/*
	 * publication number of each row, or NULL: rows count in every active view
	 */
	int64	   *seqs;
	RowOrigin  *origins;		/* per row, or NULL */
	Size		bytes;

	/* Of a stream with event time; see intake/event_time.h. */

	/* by views of other streams: not of the source */
	bool		derived;
	bool		screened;
	int			ntimes;
	PartitionTime *times;
	int64		watermark;		/* what the rows are judged by */

	/* of streams that views read together with this one */
	int			nwatermarks;
	StreamWatermark *watermarks;
} StreamRows;

/*
 * Where a source stands that can be read again: by partition, as Kafka has it.
 * Offsets count the messages of a partition.
 */
#define SOURCE_OFFSET_UNKNOWN (-1)
/* in the place of an offset: there is no such partition any more */
#define SOURCE_OFFSET_FORGET (-4)

/* names of topics and clusters, and ids, are shorter */
#define SOURCE_NAME_LENGTH 256

/*
 * A message of a partition, to tell whether another one of its offset is the
 * same.
 */
typedef struct SourceMark
{
	int64		offset;			/* SOURCE_OFFSET_UNKNOWN: none */
	int64		timestamp;		/* ms since 1970; -1: none */
	int64		checksum;
} SourceMark;

/*
 * The next offset to read of a partition, stored with the flush of its batch.
 * It is one of a topic, which is one of a cluster; topic_id and cluster are
 * NULL where they are not known.
 */
typedef struct SourceOffset
{
	Oid			streamid;
	int32		partition;
	const char *topic;
	const char *cluster;
	const char *topic_id;
	int64		next_offset;
	SourceMark	last;			/* the last message read */

	/* the last weir.resume that was obeyed; 0: none */
	TimestampTz resumed;

	/*
	 * stored: nobody has read on since; a worker says which it has passed
	 * over; 0: none
	 */
	TimestampTz unread_since;
} SourceOffset;

typedef struct WeirBatch
{
	MemoryContext cxt;			/* owns everything below */

	/* the oldest of its rows: committed, or read from a topic */
	TimestampTz arrived;
	int			nstreams;

	/* of them from the source; rows that views divert come behind */
	int			nsources;
	int			maxstreams;
	StreamRows *streams;
	int			ndead;
	int			maxdead;
	Note	   *dead;			/* rows a decoder refused: dead letters */
	int			noffsets;
	SourceOffset *offsets;
} WeirBatch;

/*
 * Called when a batch is in the epoch for good: must not error, wait or
 * allocate.
 */
typedef void (*weir_merge_callback) (void *arg);

extern WeirBatch *weir_batch_create(MemoryContext parent);
extern StreamRows *weir_batch_stream(WeirBatch *batch, Oid streamid, bool with_origins);

/*
 * Another place for rows of a stream, to which views divert them, empty; with
 * publication numbers or without.  Its arrays are in cxt.
 * weir_batch_drop_derived forgets all of these.
 */
extern StreamRows *weir_batch_add_derived(WeirBatch *batch, Oid streamid, bool numbered, MemoryContext cxt);
extern void weir_batch_drop_derived(WeirBatch *batch);

/*
 * Append a row (pointer kept, not copied).  seq and origin as the stream was
 * made for.
 */
extern void weir_batch_add_row(WeirBatch *batch, StreamRows *rows, StreamRow *row,
							   int64 seq, const RowOrigin *origin);
/* Append the rows of a section of a queue message (pointers kept). */
extern void weir_batch_add_section(WeirBatch *batch, SectionHeader *header, int64 seq);
/* Append the rows of a list of pieces, up to last (NULL: all). */
extern void weir_batch_add_pieces(WeirBatch *batch, QueuePiece *first, QueuePiece *last, int64 seq);
/*
 * Rows [first, last) of a batch, counted over its streams, as one of their
 * own; it shares the rows, so it must not live longer. The part with the first
 * row has what could not be decoded.
 */
extern WeirBatch *weir_batch_slice(WeirBatch *batch, int64 first, int64 last);
extern void weir_batch_add_dead(WeirBatch *batch, const Note *dead);

/*
 * The rows that the foreign scan of rows->streamid returns from now on:
 * [first, last); others of these streams return none.  NULL ends it; then
 * scanning a stream is an error.
 */
extern void weir_batch_scan_set(StreamRows *rows, int first, int last, List *streams);

/* The row that the scan returned last, by its index in the batch. */
extern int	weir_batch_scan_row(void);
extern void weir_batch_scan_note(int row);
extern StreamRows *weir_batch_scan_get(Oid streamid, int *first, int *last);

#endif
