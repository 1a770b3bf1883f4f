/*
 * column.h
 *	  Columns that take text through their type's input function.
 */
#ifndef WEIR_SOURCE_FORMAT_COLUMN_H
#define WEIR_SOURCE_FORMAT_COLUMN_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/rel.h"

typedef struct InputColumn
{
	int			attno;			/* attribute number - 1 */
	Oid			typid;
	int32		typmod;
	Oid			ioparam;
	FmgrInfo	input;
} InputColumn;

extern void weir_column_init(InputColumn *column, Form_pg_attribute att);

/* What the type's input function makes of a text, or its error. */
extern Datum weir_column_input(InputColumn *column, char *text);

/*
 * The only column that a payload fills, by attribute number - 1; an error, on
 * behalf of a format, if there is none or more than one.
 */
extern int	weir_column_only(Relation rel, const bool *skip, const char *format);

#endif
