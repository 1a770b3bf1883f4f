/*
 * formats.c
 *	  The formats that there are.
 *
 * Called by backends that give a stream options, and by workers.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "source/format/csv.h"
#include "source/format/formats.h"
#include "source/format/json.h"
#include "source/format/raw.h"
#include "source/format/text.h"

static const Format *const formats[] = {
	&weir_format_json,
	&weir_format_csv,
	&weir_format_text,
	&weir_format_raw
};

const Format *
weir_format_find(const char *name)
{
	for (int i = 0; i < lengthof(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

const char *const *
weir_format_names(void)
{
	const char **names = palloc0(sizeof(char *) * (lengthof(formats) + 1));

	for (int i = 0; i < lengthof(formats); i++)
		names[i] = formats[i]->name;
	return names;
}

static bool
has_option(const Format *format, const char *option)
{
	for (const char *const *own = format->options; own && *own; own++)
		if (strcmp(*own, option) == 0)
			return true;
	return false;
}

const Format *
weir_format_with_option(const char *option)
{
	for (int i = 0; i < lengthof(formats); i++)
		if (has_option(formats[i], option))
			return formats[i];
	return NULL;
}

List *
weir_format_own_options(const Format *format, List *options)
{
	List	   *own = NIL;
	ListCell   *lc;

	foreach(lc, options)
		if (has_option(format, lfirst_node(DefElem, lc)->defname))
			own = lappend(own, lfirst(lc));
	return own;
}
