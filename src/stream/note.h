/*
 * note.h
 *	  What an epoch has to tell of rows besides the groups that they gave.
 */
#ifndef WEIR_STREAM_NOTE_H
#define WEIR_STREAM_NOTE_H

#include "postgres.h"

typedef enum NoteKind
{
	/* a row, or group, that could not be taken in */
	NOTE_DEAD_LETTER,
	NOTE_LATE_ROW,				/* a row that came when its window was closed */
	NOTE_LATE_COUNT				/* how many such rows a view has dropped or diverted */
} NoteKind;

/*
 * Of the fields each kind has those that are named for it, and the first
 * three.
 */
typedef struct Note
{
	NoteKind	kind;
	Oid			streamid;
	Oid			viewid;			/* InvalidOid: could not be decoded */

	/* NOTE_DEAD_LETTER, NOTE_LATE_ROW */
	char	   *topic;			/* NULL for inserted rows */
	int32		partition;		/* -1 for inserted rows */
	int64		offset;			/* -1 for inserted rows */
	char	   *payload;		/* bytes of the message, or the row as text */
	int32		payload_len;	/* -1: NULL */

	/* NOTE_DEAD_LETTER */
	int			sqlerrcode;
	char	   *message;

	/* NOTE_LATE_COUNT */
	int64		dropped;
	int64		diverted;
} Note;

#endif
