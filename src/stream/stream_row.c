/*
 * stream_row.c
 *	  Rows of a stream in flat form.
 *
 * Written by backends at insertion and by Kafka workers, read by the stream's
 * foreign scan (fdw.c).
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "stream/stream_row.h"

StreamRowType *
weir_stream_row_type(TupleDesc desc)
{
	StreamRowType *type = palloc(sizeof(StreamRowType));

	type->natts = desc->natts;
	type->nrefs = 0;
	type->refs = palloc(sizeof(int) * Max(desc->natts, 1));
	type->lens = palloc(sizeof(int16) * Max(desc->natts, 1));
	type->byval = palloc(sizeof(bool) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		type->lens[i] = att->attlen;
		type->byval[i] = att->attbyval;
		if (!att->attbyval)
			type->refs[type->nrefs++] = i;
	}
	return type;
}

static bool
has_nulls(const StreamRowType *type, const bool *isnull)
{
	for (int i = 0; i < type->natts; i++)
		if (isnull[i])
			return true;
	return false;
}

static Size
head_size(int natts, bool nulls)
{
	return MAXALIGN(sizeof(StreamRow) + (nulls ? (natts + 7) / 8 : 0)) + sizeof(Datum) * natts;
}

Size
weir_stream_row_size(const StreamRowType *type, Datum *values, const bool *isnull)
{
	Size		size = head_size(type->natts, has_nulls(type, isnull));

	for (int r = 0; r < type->nrefs; r++)
	{
		int			i = type->refs[r];

		if (isnull[i])
			continue;
		if (type->lens[i] == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(values[i])))
		{
			if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(values[i])))
				values[i] = datumCopy(values[i], false, -1);
			else
				values[i] = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(values[i])));
		}
		size += MAXALIGN(datumGetSize(values[i], false, type->lens[i]));
	}
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("row of a stream is too large: %zu bytes", size)));
	return size;
}

void
weir_stream_row_fill(const StreamRowType *type, StreamRow *row, Size size,
			  const Datum *values, const bool *isnull)
{
	Datum	   *datums;
	Size		place;

	row->len = size;
	row->natts = type->natts;
	row->has_nulls = has_nulls(type, isnull);
	place = head_size(type->natts, row->has_nulls);
	datums = weir_stream_row_datums(row);
	if (row->has_nulls)
	{
		memset(weir_stream_row_nulls(row), 0, (char *) datums - (char *) weir_stream_row_nulls(row));
		for (int i = 0; i < type->natts; i++)
			if (isnull[i])
				weir_stream_row_nulls(row)[i >> 3] |= 1 << (i & 7);
	}
	for (int i = 0; i < type->natts; i++)
		datums[i] = isnull[i] ? (Datum) 0 : values[i];

	for (int r = 0; r < type->nrefs; r++)
	{
		int			i = type->refs[r];
		Size		len;

		if (isnull[i])
			continue;
		len = datumGetSize(values[i], false, type->lens[i]);
		memcpy((char *) row + place, DatumGetPointer(values[i]), len);
		memset((char *) row + place + len, 0, MAXALIGN(len) - len);
		datums[i] = place;
		place += MAXALIGN(len);
	}
}

void
weir_stream_row_store(const StreamRowType *type, StreamRow *row, TupleTableSlot *slot)
{
	Datum	   *datums = weir_stream_row_datums(row);

	ExecClearTuple(slot);
	for (int i = 0; i < type->natts; i++)
		slot->tts_values[i] = weir_stream_row_get(type, row, datums, i, &slot->tts_isnull[i]);
	ExecStoreVirtualTuple(slot);
}
