/*
 * message.c
 *	  The memory of a message.
 */
#include "postgres.h"

#include "base/shmem.h"
#include "stream/message.h"

QueueMessage *
weir_message_alloc(bool spooled)
{
	QueueMessage *message = spooled ?
		weir_shared_alloc_reserve(WEIR_MEMORY_QUEUE, sizeof(QueueMessage)) :
		weir_shared_alloc(WEIR_MEMORY_QUEUE, sizeof(QueueMessage));

	if (message != NULL)
		memset(message, 0, sizeof(QueueMessage));
	return message;
}

void
weir_message_free(QueueMessage *message, bool remove_spool)
{
	if (message->spooled && remove_spool)
		FileSetDeleteAll(&message->fileset);
	weir_pieces_free(message->pieces);
	weir_shared_free(message);
}
