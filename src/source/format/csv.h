/*
 * csv.h
 *	  Messages in CSV, as COPY reads it.
 */
#ifndef WEIR_SOURCE_FORMAT_CSV_H
#define WEIR_SOURCE_FORMAT_CSV_H

#include "postgres.h"

#include "source/format/format.h"

extern const Format weir_format_csv;

#endif
