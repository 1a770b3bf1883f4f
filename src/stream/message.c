/*
 * message.c
 *	  What a message of the queue is made of: its memory, and the set of streams that its rows are of.
 */
#include "postgres.h"

#include "base/shmem.h"
#include "stream/feed.h"
#include "stream/queue.h"

QueueMessage *
weir_queue_message_alloc(bool spooled)
{
	QueueMessage *message = spooled ?
		weir_shared_alloc_reserve(WEIR_MEMORY_QUEUE, sizeof(QueueMessage)) :
		weir_shared_alloc(WEIR_MEMORY_QUEUE, sizeof(QueueMessage));

	if (message != NULL)
		memset(message, 0, sizeof(QueueMessage));
	return message;
}

QueuePiece *
weir_queue_piece_alloc(Size len)
{
	QueuePiece *piece = weir_shared_alloc(WEIR_MEMORY_QUEUE,
										  MAXALIGN(sizeof(QueuePiece)) + len);

	if (piece != NULL)
	{
		piece->next = NULL;
		piece->len = len;
	}
	return piece;
}

void
weir_queue_message_free(QueueMessage *message, bool remove_spool)
{
	QueuePiece *piece = message->pieces;

	if (message->feed)
		weir_feed_kill(message->feed);
	if (message->spooled && remove_spool)
		FileSetDeleteAll(&message->fileset);
	while (piece != NULL)
	{
		QueuePiece *next = piece->next;

		weir_shared_free(piece);
		piece = next;
	}
	weir_shared_free(message);
}

void
weir_stream_set_add(StreamSet *set, Oid streamid)
{
	for (int i = 0; i < Min(set->n, STREAM_SET_MAX); i++)
		if (set->streams[i] == streamid)
			return;
	if (set->n < STREAM_SET_MAX)
		set->streams[set->n] = streamid;
	set->n = Min(set->n, STREAM_SET_MAX) + 1;
}
