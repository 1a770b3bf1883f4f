/*
 * stream_row.h
 *	  Rows of a stream in flat form: what is queued, spooled and scanned.
 */
#ifndef WEIR_STREAM_STREAM_ROW_H
#define WEIR_STREAM_STREAM_ROW_H

#include "postgres.h"

#include "executor/tuptable.h"

/*
 * A row: this header, a null bitmap when there are NULLs (bit set: NULL), then
 * at a MAXALIGNed place one Datum per column: the value when passed by value,
 * else its distance from the row's beginning.  Values follow, each MAXALIGNed.
 *
 * As large as a minimal tuple, or smaller; reading a column is one load, and
 * columns that nobody wants cost nothing.  Never leaves this server run.
 */
typedef struct StreamRow
{
	uint32		len;			/* MAXALIGNed */
	uint16		natts;			/* columns added since are missing */
	uint16		has_nulls;
} StreamRow;

/*
 * How the columns of a stream are stored.  Columns by reference come as a
 * list, most streams have few.
 */
typedef struct StreamRowType
{
	int			natts;
	int			nrefs;
	int		   *refs;			/* column indexes, from 0 */
	int16	   *lens;			/* of each column */
	bool	   *byval;
} StreamRowType;

/* In CurrentMemoryContext. */
extern StreamRowType *weir_stream_row_type(TupleDesc desc);

/*
 * Bytes that a row of these values takes.  What is stored outside of a value
 * (toasted, expanded) is fetched into CurrentMemoryContext, and values changed
 * accordingly; call fill with the same.
 */
extern Size weir_stream_row_size(const StreamRowType *type, Datum *values, const bool *isnull);
extern void weir_stream_row_fill(const StreamRowType *type, StreamRow *row, Size size,
						  const Datum *values, const bool *isnull);

static inline bits8 *
weir_stream_row_nulls(StreamRow *row)
{
	return (bits8 *) (row + 1);
}

static inline Datum *
weir_stream_row_datums(StreamRow *row)
{
	Size		start = sizeof(StreamRow) + (row->has_nulls ? (row->natts + 7) / 8 : 0);

	return (Datum *) ((char *) row + MAXALIGN(start));
}

/* All columns into a virtual slot, which points into the row. */
extern void weir_stream_row_store(const StreamRowType *type, StreamRow *row, TupleTableSlot *slot);

/* One column; by reference: points into the row. */
static inline Datum
weir_stream_row_get(const StreamRowType *type, StreamRow *row, Datum *datums, int column, bool *isnull)
{
	if (column >= row->natts ||
		(row->has_nulls && (weir_stream_row_nulls(row)[column >> 3] & (1 << (column & 7)))))
	{
		*isnull = true;
		return (Datum) 0;
	}
	*isnull = false;
	return type->byval[column] ? datums[column] : PointerGetDatum((char *) row + datums[column]);
}

#endif
