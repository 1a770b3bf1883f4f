/*
 * csv.c
 *	  Messages in CSV, as COPY reads it.
 *
 * COPY's own code finds the lines and fields of each message as if it were a
 * file, so options, quoting, line ends and messages are COPY's.  A message may
 * have several lines; each is a row.
 *
 * Each message has a COPY of its own, because the style of line ends, a header
 * and the end of the data are properties of one, and messages come from
 * producers that know nothing of each other.
 *
 * Called by workers, and by backends that give a stream options.
 */
#include "postgres.h"

#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"

#include "source/format/column.h"
#include "source/format/csv.h"

typedef struct CsvDecoder
{
	FormatDecoder base;
	Relation	rel;
	List	   *options;		/* for COPY */

	/* columns that a header has to name; NIL: any header does */
	List	   *names;
	int			ncolumns;
	InputColumn *columns;
	const char *bytes;			/* of the message, not taken yet */
	int			len;
	bool		at_end;			/* COPY knows that there are no more */
	CopyFromState copy;			/* NULL: not begun */
} CsvDecoder;

/* The one whose message COPY reads: its callback is given no argument. */
static CsvDecoder *reading;

/* ----------------------------------------------------------------
 * Options
 * ----------------------------------------------------------------
 */

static List *
copy_options(List *own)
{
	return lcons(makeDefElem("format", (Node *) makeString("csv"), -1), list_copy(own));
}

static void
csv_check_options(List *options)
{
	ProcessCopyOptions(NULL, NULL, true, copy_options(options));
}

static void
csv_check_columns(Relation rel, const bool *skip)
{
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
		if (!skip[i])
			return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_COLUMN_NUMBER),
			 errmsg("format \"csv\" fills columns, but stream \"%s\" has none for it",
					RelationGetRelationName(rel))));
}

static FormatDecoder *
csv_open(Relation rel, const bool *skip, List *options)
{
	TupleDesc	desc = RelationGetDescr(rel);
	CsvDecoder *decoder = palloc0(sizeof(CsvDecoder));
	CopyFormatOptions parsed = {0};

	decoder->rel = rel;
	decoder->options = copy_options(options);
	ProcessCopyOptions(NULL, &parsed, true, decoder->options);
	decoder->options = lappend(decoder->options,
							   makeDefElem("encoding", (Node *) makeString(unconstify(char *, GetDatabaseEncodingName())), -1));
	decoder->columns = palloc0(sizeof(InputColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		if (skip[i])
			continue;
		weir_column_init(&decoder->columns[decoder->ncolumns++], TupleDescAttr(desc, i));
		if (parsed.header_line == COPY_HEADER_MATCH)
			decoder->names = lappend(decoder->names, makeString(NameStr(TupleDescAttr(desc, i)->attname)));
	}
	return &decoder->base;
}

/* ----------------------------------------------------------------
 * Messages
 * ----------------------------------------------------------------
 */

static int
give_bytes(void *buf, int minread, int maxread)
{
	int			n = Min(maxread, reading->len);

	memcpy(buf, reading->bytes, n);
	reading->bytes += n;
	reading->len -= n;
	reading->at_end = n == 0;
	return n;
}

static void
csv_start(FormatDecoder *base, const char *bytes, int len)
{
	CsvDecoder *decoder = (CsvDecoder *) base;

	/*
	 * COPY of an empty file is no error; but no message is to vanish without a
	 * trace.
	 */
	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("message is empty")));
	decoder->bytes = bytes;
	decoder->len = len;
	decoder->at_end = false;

	/*
	 * Without a list of names COPY takes all columns for its own, which saves
	 * it from preparing defaults.  Fields are counted here in any case.
	 */
	decoder->copy = BeginCopyFrom(NULL, decoder->rel, NULL, NULL, false, give_bytes,
								  decoder->names, decoder->options);
}

/* As COPY has it. */
static void
check_number_of_fields(CsvDecoder *decoder, int nfields)
{
	if (nfields > decoder->ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("extra data after last expected column")));
	if (nfields < decoder->ncolumns)
	{
		int			missing = decoder->columns[nfields].attno;

		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("missing data for column \"%s\"",
						NameStr(TupleDescAttr(RelationGetDescr(decoder->rel), missing)->attname))));
	}
}

static bool
csv_next(FormatDecoder *base, Datum *values, bool *nulls, bool *seen)
{
	CsvDecoder *decoder = (CsvDecoder *) base;
	char	  **fields;
	int			nfields;

	CHECK_FOR_INTERRUPTS();
	reading = decoder;
	if (!NextCopyFromRawFields(decoder->copy, &fields, &nfields))
	{
		/*
		 * Before PostgreSQL 18 COPY ends at a line "\.", whatever comes behind
		 * it.
		 */
		if (!decoder->at_end)
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("message has an end-of-copy marker"),
					 errhint("Quote a field that is \"\\.\".")));
		EndCopyFrom(decoder->copy);
		return false;
	}
	check_number_of_fields(decoder, nfields);
	for (int i = 0; i < nfields; i++)
	{
		InputColumn *column = &decoder->columns[i];

		seen[column->attno] = true;
		nulls[column->attno] = fields[i] == NULL;
		if (fields[i] == NULL)
			continue;
		base->column = column->attno;
		values[column->attno] = weir_column_input(column, fields[i]);
		base->column = -1;
	}
	return true;
}

static const char *const csv_options[] = {"delimiter", "quote", "escape", "null", "header", NULL};

const Format weir_format_csv = {
	.name = "csv",
	.options = csv_options,
	.check_options = csv_check_options,
	.check_columns = csv_check_columns,
	.open = csv_open,
	.start = csv_start,
	.next = csv_next
};
