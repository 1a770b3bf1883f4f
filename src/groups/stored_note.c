/*
 * stored_note.c
 *	  A note of an epoch in shared memory, or in a file.
 */
#include "postgres.h"

#include "groups/stored_note.h"

Size
weir_note_size(const Note *note)
{
	return offsetof(StoredNote, data) + (note->topic ? strlen(note->topic) : 0) +
		(note->message ? strlen(note->message) : 0) + Max(note->payload_len, 0);
}

void
weir_note_store(StoredNote *result, const Note *note)
{
	int32		topic_len = note->topic ? strlen(note->topic) : -1;
	int32		message_len = note->message ? strlen(note->message) : -1;
	char	   *place = result->data;

	result->next = NULL;
	result->kind = note->kind;
	result->streamid = note->streamid;
	result->viewid = note->viewid;
	result->partition = note->partition;
	result->offset = note->offset;
	result->dropped = note->dropped;
	result->diverted = note->diverted;
	result->sqlerrcode = note->sqlerrcode;
	result->time = GetCurrentTimestamp();
	result->topic_len = topic_len;
	result->message_len = message_len;
	result->payload_len = note->payload_len;
	if (topic_len > 0)
		memcpy(place, note->topic, topic_len);
	place += Max(topic_len, 0);
	if (message_len > 0)
		memcpy(place, note->message, message_len);
	place += Max(message_len, 0);
	if (note->payload_len > 0)
		memcpy(place, note->payload, note->payload_len);
}
