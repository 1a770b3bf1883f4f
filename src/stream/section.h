/*
 * section.h
 *	  The form of rows on their way from backends to workers.
 *
 * The same in a backend's memory, in shared memory and in a spool file.
 */
#ifndef WEIR_STREAM_SECTION_H
#define WEIR_STREAM_SECTION_H

#include "postgres.h"

/*
 * Rows of one stream, one after the other: a header, then nrows rows
 * (stream_row.h); len counts the bytes after the header.
 */
typedef struct SectionHeader
{
	Oid			streamid;
	uint32		nrows;
	Size		len;
} SectionHeader;

#define SECTION_HEADER_SIZE MAXALIGN(sizeof(SectionHeader))

/* A contiguous run of sections in shared memory. */
typedef struct QueuePiece
{
	struct QueuePiece *next;

	/* of what follows, at MAXALIGN(sizeof(QueuePiece)) */
	Size		len;
} QueuePiece;

#define PIECE_DATA(piece) ((char *) (piece) + MAXALIGN(sizeof(QueuePiece)))

/* An allocation of kind WEIR_MEMORY_QUEUE; NULL when there is no room. */
extern QueuePiece *weir_piece_alloc(Size len);

/* Free a list of pieces. */
extern void weir_pieces_free(QueuePiece *first);

/* Streams that rows may be of. */
#define STREAM_SET_MAX 6
typedef struct StreamSet
{
	int			n;				/* larger than that: of others, too */
	Oid			streams[STREAM_SET_MAX];
} StreamSet;

extern void weir_stream_set_add(StreamSet *set, Oid streamid);

/*
 * Have both a stream, as far as they are known; and are they known to be the
 * same?
 */
extern bool weir_stream_sets_overlap(const StreamSet *a, const StreamSet *b);
extern bool weir_stream_sets_equal(const StreamSet *a, const StreamSet *b);

#endif
