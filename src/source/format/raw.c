/*
 * raw.c
 *	  A message's bytes as the one column of a row.
 *
 * Called by workers, and by backends that give a stream options.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "source/format/column.h"
#include "source/format/raw.h"

typedef struct RawDecoder
{
	FormatDecoder base;
	int			attno;
	const char *bytes;			/* of the message; NULL: done */
	int			len;
} RawDecoder;

static void
raw_check_columns(Relation rel, const bool *skip)
{
	int			attno = weir_column_only(rel, skip, weir_format_raw.name);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno);

	if (att->atttypid != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" of stream \"%s\" cannot take format \"raw\"",
						NameStr(att->attname), RelationGetRelationName(rel)),
				 errdetail("Its type is %s.", format_type_be(att->atttypid)),
				 errhint("Use type bytea, or format \"text\".")));
}

static FormatDecoder *
raw_open(Relation rel, const bool *skip, List *options)
{
	RawDecoder *decoder = palloc0(sizeof(RawDecoder));

	decoder->attno = weir_column_only(rel, skip, weir_format_raw.name);
	return &decoder->base;
}

static void
raw_start(FormatDecoder *base, const char *bytes, int len)
{
	RawDecoder *decoder = (RawDecoder *) base;

	decoder->bytes = bytes;
	decoder->len = len;
}

static bool
raw_next(FormatDecoder *base, Datum *values, bool *nulls, bool *seen)
{
	RawDecoder *decoder = (RawDecoder *) base;

	if (decoder->bytes == NULL)
		return false;
	values[decoder->attno] = PointerGetDatum(cstring_to_text_with_len(decoder->bytes, decoder->len));
	nulls[decoder->attno] = false;
	seen[decoder->attno] = true;
	decoder->bytes = NULL;
	return true;
}

const Format weir_format_raw = {
	.name = "raw",
	.binary = true,
	.check_columns = raw_check_columns,
	.open = raw_open,
	.start = raw_start,
	.next = raw_next
};
