/*
 * scalar.h
 *	  Short cuts for scalars: what a type's input function gives, sooner.
 */
#ifndef WEIR_SOURCE_FORMAT_SCALAR_H
#define WEIR_SOURCE_FORMAT_SCALAR_H

#include "postgres.h"

/*
 * True with the value when the text is plain enough; false leaves it to the
 * type's input function, which may take it or error.
 */
extern bool weir_scalar_integer(const char *text, int len, Oid typid, Datum *result);
extern bool weir_scalar_timestamp(const char *text, int len, bool with_zone, Datum *result);

#endif
