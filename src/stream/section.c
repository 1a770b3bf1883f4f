/*
 * section.c
 *	  Memory for rows on their way to workers, and the set of streams they are
 *	  of.
 */
#include "postgres.h"

#include "base/shmem.h"
#include "stream/section.h"

QueuePiece *
weir_piece_alloc(Size len)
{
	QueuePiece *piece = weir_shared_alloc(WEIR_MEMORY_QUEUE, MAXALIGN(sizeof(QueuePiece)) + len);

	if (piece != NULL)
	{
		piece->next = NULL;
		piece->len = len;
	}
	return piece;
}

void
weir_pieces_free(QueuePiece *first)
{
	while (first != NULL)
	{
		QueuePiece *next = first->next;

		weir_shared_free(first);
		first = next;
	}
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

bool
weir_stream_sets_overlap(const StreamSet *a, const StreamSet *b)
{
	for (int i = 0; i < Min(a->n, STREAM_SET_MAX); i++)
		for (int j = 0; j < Min(b->n, STREAM_SET_MAX); j++)
			if (a->streams[i] == b->streams[j])
				return true;
	return false;
}

bool
weir_stream_sets_equal(const StreamSet *a, const StreamSet *b)
{
	return a->n == b->n && a->n <= STREAM_SET_MAX && memcmp(a->streams, b->streams, sizeof(Oid) * a->n) == 0;
}
