/*
 * formats.h
 *	  The formats that there are.
 */
#ifndef WEIR_SOURCE_FORMAT_FORMATS_H
#define WEIR_SOURCE_FORMAT_FORMATS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "source/format/format.h"

#define WEIR_DEFAULT_FORMAT "json"

/* The format of a name; NULL: there is none. */
extern const Format *weir_format_find(const char *name);

/* All names, NULL-terminated, palloc'd. */
extern const char *const *weir_format_names(void);

/* The format that has an option of its own of this name; NULL: none has. */
extern const Format *weir_format_with_option(const char *option);

/* Of options (of DefElem), those that are the format's own. */
extern List *weir_format_own_options(const Format *format, List *options);

#endif
