/*
 * json.h
 *	  A JSON object into the columns of a row.
 */
#ifndef WEIR_SOURCE_FORMAT_JSON_H
#define WEIR_SOURCE_FORMAT_JSON_H

#include "postgres.h"

#include "access/tupdesc.h"

typedef struct JsonDecoder JsonDecoder;

/*
 * A decoder for rows of this shape, in the current memory context.  Columns
 * marked in skip (by attribute number - 1) take nothing from fields.
 */
extern JsonDecoder *weir_json_open(TupleDesc desc, const bool *skip);

/*
 * Decode one object.  Fields of no column are checked for syntax and ignored;
 * of a repeated field the last counts.  Sets values, nulls and seen of columns
 * whose field is there, leaves the others as they are.  The text is in the
 * database's encoding and verified.  Values live in the current memory context
 * or point nowhere else; input functions' errors pass through.
 */
extern void weir_json_decode(JsonDecoder *decoder, const char *json, int len,
							 Datum *values, bool *nulls, bool *seen);

/* The column an error left half-way; NULL if it was not about a column. */
extern const char *weir_json_current_column(const JsonDecoder *decoder);

#endif
