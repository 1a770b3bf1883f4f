/*
 * stored_note.h
 *	  A note of an epoch in shared memory, or in a file.
 */
#ifndef WEIR_GROUPS_STORED_NOTE_H
#define WEIR_GROUPS_STORED_NOTE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "stream/note.h"

/* Lengths, then topic, message and payload. */
typedef struct StoredNote
{
	struct StoredNote *next;
	NoteKind	kind;
	Oid			streamid;
	Oid			viewid;
	int32		partition;
	int64		offset;
	int64		dropped;
	int64		diverted;
	int			sqlerrcode;
	TimestampTz time;
	int32		topic_len;		/* -1: NULL */
	int32		message_len;	/* -1: NULL */
	int32		payload_len;	/* -1: NULL */
	char		data[FLEXIBLE_ARRAY_MEMBER];
} StoredNote;

/* Bytes that a note takes in this form, and putting it there, as of now. */
extern Size weir_note_size(const Note *note);
extern void weir_note_store(StoredNote *result, const Note *note);

#endif
