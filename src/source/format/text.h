/*
 * text.h
 *	  A message's text as the one column of a row.
 */
#ifndef WEIR_SOURCE_FORMAT_TEXT_H
#define WEIR_SOURCE_FORMAT_TEXT_H

#include "postgres.h"

#include "source/format/format.h"

extern const Format weir_format_text;

#endif
