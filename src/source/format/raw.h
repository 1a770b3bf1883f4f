/*
 * raw.h
 *	  A message's bytes as the one column of a row.
 */
#ifndef WEIR_SOURCE_FORMAT_RAW_H
#define WEIR_SOURCE_FORMAT_RAW_H

#include "postgres.h"

#include "source/format/format.h"

extern const Format weir_format_raw;

#endif
