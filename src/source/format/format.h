/*
 * format.h
 *	  What a format of messages does: bytes into columns of rows.
 *
 * A format is a constant of type Format that formats.c lists.  It knows
 * nothing of where the bytes come from, nor of streams; it is given a relation
 * and which of its columns a message's payload fills.
 */
#ifndef WEIR_SOURCE_FORMAT_FORMAT_H
#define WEIR_SOURCE_FORMAT_FORMAT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

typedef struct Format Format;

/* What a format needs to decode messages; its own struct begins with this. */
typedef struct FormatDecoder
{
	const Format *format;

	/*
	 * attribute number - 1 of the column at work, also after an error; -1:
	 * none
	 */
	int			column;
} FormatDecoder;

struct Format
{
	const char *name;			/* as option "format" says it */

	/*
	 * Names of the options that only this format has, NULL-terminated; or
	 * NULL.
	 */
	const char *const *options;

	/*
	 * Payloads are bytes.  Otherwise they are text in the database's
	 * encoding, verified.
	 */
	bool		binary;

	/*
	 * Error if the values of these options (of DefElem) are not valid, or if
	 * the columns are not such as the format can fill.  NULL: nothing to
	 * check.  Columns marked in skip (by attribute number - 1) are not for
	 * payloads.
	 */
	void		(*check_options) (List *options);
	void		(*check_columns) (Relation rel, const bool *skip);

	/*
	 * A decoder for rows of a relation that stays open, in the current memory
	 * context.  It is freed with that context, also after an error, when it is
	 * of no other use any more.
	 */
	FormatDecoder *(*open) (Relation rel, const bool *skip, List *options);

	/*
	 * Begin a message.  Its bytes, and the current memory context, are there
	 * until the message is done.
	 */
	void		(*start) (FormatDecoder *decoder, const char *bytes, int len);

	/*
	 * The next row of the message; false: there are no more.  Sets values,
	 * nulls and seen of the columns that the message says something about, and
	 * leaves the others as they are.  Values are in the current memory
	 * context, which is reset for each row, or are constants.  A message that
	 * is not valid, and a value that a type's input function refuses, is an
	 * error.
	 */
	bool		(*next) (FormatDecoder *decoder, Datum *values, bool *nulls, bool *seen);
};

#endif
