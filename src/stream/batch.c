/*
 * batch.c
 *	  Rows on their way from a source to the continuous queries.
 *
 * Process-local.  The batch's context owns its arrays; rows are pointers into
 * the source's memory (queue messages, or the batch context).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "stream/batch.h"

/* What stream scans of this process return; see weir_batch_scan_set. */
static StreamRows *scan_rows = NULL;
static List *scan_streams = NIL;
static int	scan_first = 0;
static int	scan_last = 0;
static int	scan_row = 0;

static StreamRows *add_stream(WeirBatch *batch, Oid streamid, MemoryContext cxt);

WeirBatch *
weir_batch_create(MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "weir batch", ALLOCSET_DEFAULT_SIZES);
	WeirBatch  *batch = MemoryContextAllocZero(cxt, sizeof(WeirBatch));

	batch->cxt = cxt;
	batch->arrived = GetCurrentTimestamp();
	return batch;
}

StreamRows *
weir_batch_stream(WeirBatch *batch, Oid streamid, bool with_origins)
{
	StreamRows *rows;

	for (int i = 0; i < batch->nstreams; i++)
		if (batch->streams[i].streamid == streamid)
			return &batch->streams[i];

	rows = add_stream(batch, streamid, batch->cxt);
	if (with_origins)
		rows->origins = MemoryContextAlloc(batch->cxt, sizeof(RowOrigin) * rows->maxrows);
	else
		rows->seqs = MemoryContextAlloc(batch->cxt, sizeof(int64) * rows->maxrows);
	batch->nsources = batch->nstreams;
	return rows;
}

StreamRows *
weir_batch_add_derived(WeirBatch *batch, Oid streamid, bool numbered, MemoryContext cxt)
{
	StreamRows *rows = add_stream(batch, streamid, cxt);

	rows->derived = true;
	if (numbered)
		rows->seqs = MemoryContextAlloc(cxt, sizeof(int64) * rows->maxrows);
	return rows;
}

void
weir_batch_drop_derived(WeirBatch *batch)
{
	batch->nstreams = batch->nsources;
}

WeirBatch *
weir_batch_slice(WeirBatch *batch, int64 first, int64 last)
{
	WeirBatch  *result = weir_batch_create(batch->cxt);
	int64		before = 0;

	result->arrived = batch->arrived;
	for (int i = 0; i < batch->nsources; i++)
	{
		StreamRows *from = &batch->streams[i];
		int64		begin = Max(first - before, 0);
		int64		end = Min(last - before, from->nrows);
		StreamRows *to;

		before += from->nrows;
		if (begin >= end)
			continue;
		to = add_stream(result, from->streamid, result->cxt);
		to->nrows = to->maxrows = end - begin;
		to->rows = from->rows + begin;
		to->seqs = from->seqs ? from->seqs + begin : NULL;
		to->origins = from->origins ? from->origins + begin : NULL;
		to->bytes = from->bytes * (end - begin) / from->nrows;
	}
	result->nsources = result->nstreams;
	if (first == 0)
	{
		result->dead = batch->dead;
		result->ndead = result->maxdead = batch->ndead;
	}
	return result;
}

/* The list of streams is the batch's, the list of rows in cxt. */
static StreamRows *
add_stream(WeirBatch *batch, Oid streamid, MemoryContext cxt)
{
	StreamRows *rows;

	if (batch->streams == NULL)
	{
		batch->maxstreams = 4;
		batch->streams = MemoryContextAlloc(batch->cxt, sizeof(StreamRows) * batch->maxstreams);
	}
	else if (batch->nstreams == batch->maxstreams)
	{
		batch->maxstreams *= 2;
		batch->streams = repalloc(batch->streams, sizeof(StreamRows) * batch->maxstreams);
	}
	rows = &batch->streams[batch->nstreams++];
	memset(rows, 0, sizeof(StreamRows));
	rows->streamid = streamid;
	rows->maxrows = 64;
	rows->rows = MemoryContextAlloc(cxt, sizeof(StreamRow *) * rows->maxrows);
	return rows;
}

void
weir_batch_add_row(WeirBatch *batch, StreamRows *rows, StreamRow *row,
				   int64 seq, const RowOrigin *origin)
{
	if (rows->nrows == rows->maxrows)
	{
		rows->maxrows *= 2;
		rows->rows = repalloc_huge(rows->rows, sizeof(StreamRow *) * rows->maxrows);
		if (rows->seqs)
			rows->seqs = repalloc_huge(rows->seqs, sizeof(int64) * rows->maxrows);
		if (rows->origins)
			rows->origins = repalloc_huge(rows->origins, sizeof(RowOrigin) * rows->maxrows);
	}
	rows->rows[rows->nrows] = row;
	if (rows->seqs)
		rows->seqs[rows->nrows] = seq;
	if (rows->origins)
		rows->origins[rows->nrows] = *origin;
	rows->bytes += row->len;
	rows->nrows++;
}

void
weir_batch_add_dead(WeirBatch *batch, const Note *dead)
{
	if (batch->dead == NULL)
	{
		batch->maxdead = 16;
		batch->dead = MemoryContextAlloc(batch->cxt, sizeof(Note) * batch->maxdead);
	}
	else if (batch->ndead == batch->maxdead)
	{
		batch->maxdead *= 2;
		batch->dead = repalloc(batch->dead, sizeof(Note) * batch->maxdead);
	}
	batch->dead[batch->ndead++] = *dead;
}

void
weir_batch_scan_set(StreamRows *rows, int first, int last, List *streams)
{
	scan_streams = streams;
	scan_rows = rows;
	scan_first = first;
	scan_last = last;
}

int
weir_batch_scan_row(void)
{
	return scan_row;
}

void
weir_batch_scan_note(int row)
{
	scan_row = row;
}

StreamRows *
weir_batch_scan_get(Oid streamid, int *first, int *last)
{
	if (scan_rows == NULL || !list_member_oid(scan_streams, streamid))
		return NULL;
	*first = scan_first;
	*last = scan_rows->streamid == streamid ? scan_last : scan_first;
	return scan_rows;
}

void
weir_batch_add_section(WeirBatch *batch, SectionHeader *header, int64 seq)
{
	StreamRows *rows = weir_batch_stream(batch, header->streamid, false);
	char	   *place = (char *) header + SECTION_HEADER_SIZE;

	for (uint32 i = 0; i < header->nrows; i++)
	{
		StreamRow  *row = (StreamRow *) place;

		weir_batch_add_row(batch, rows, row, seq, NULL);
		place += row->len;
	}
}

void
weir_batch_add_pieces(WeirBatch *batch, QueuePiece *first, QueuePiece *last, int64 seq)
{
	for (QueuePiece *piece = first; piece; piece = piece == last ? NULL : piece->next)
	{
		char	   *place = PIECE_DATA(piece);
		char	   *end = place + piece->len;

		while (place < end)
		{
			SectionHeader *header = (SectionHeader *) place;

			weir_batch_add_section(batch, header, seq);
			place += SECTION_HEADER_SIZE + header->len;
		}
	}
}
