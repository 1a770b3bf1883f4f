/*
 * text.c
 *	  A message's text as the one column of a row.
 *
 * Called by workers, and by backends that give a stream options.
 */
#include "postgres.h"

#include "source/format/column.h"
#include "source/format/text.h"

typedef struct TextDecoder
{
	FormatDecoder base;
	InputColumn column;
	const char *text;			/* of the message; NULL: done */
	int			len;
} TextDecoder;

static void
text_check_columns(Relation rel, const bool *skip)
{
	(void) weir_column_only(rel, skip, weir_format_text.name);
}

static FormatDecoder *
text_open(Relation rel, const bool *skip, List *options)
{
	TextDecoder *decoder = palloc0(sizeof(TextDecoder));
	int			attno = weir_column_only(rel, skip, weir_format_text.name);

	weir_column_init(&decoder->column, TupleDescAttr(RelationGetDescr(rel), attno));
	return &decoder->base;
}

static void
text_start(FormatDecoder *base, const char *bytes, int len)
{
	TextDecoder *decoder = (TextDecoder *) base;

	decoder->text = bytes;
	decoder->len = len;
}

static bool
text_next(FormatDecoder *base, Datum *values, bool *nulls, bool *seen)
{
	TextDecoder *decoder = (TextDecoder *) base;
	int			attno = decoder->column.attno;

	if (decoder->text == NULL)
		return false;
	base->column = attno;
	values[attno] = weir_column_input(&decoder->column, pnstrdup(decoder->text, decoder->len));
	base->column = -1;
	nulls[attno] = false;
	seen[attno] = true;
	decoder->text = NULL;
	return true;
}

const Format weir_format_text = {
	.name = "text",
	.check_columns = text_check_columns,
	.open = text_open,
	.start = text_start,
	.next = text_next
};
