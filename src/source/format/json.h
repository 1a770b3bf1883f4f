/*
 * json.h
 *	  Messages that are JSON objects: fields into the columns of their names.
 */
#ifndef WEIR_SOURCE_FORMAT_JSON_H
#define WEIR_SOURCE_FORMAT_JSON_H

#include "postgres.h"

#include "source/format/format.h"

extern const Format weir_format_json;

#endif
