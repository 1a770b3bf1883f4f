/*
 * column.c
 *	  Columns that take text through their type's input function.
 *
 * Called by the formats.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "source/format/column.h"
#include "source/format/scalar.h"

void
weir_column_init(InputColumn *column, Form_pg_attribute att)
{
	Oid			input;

	column->attno = att->attnum - 1;
	column->typid = att->atttypid;
	column->typmod = att->atttypmod;
	getTypeInputInfo(att->atttypid, &input, &column->ioparam);
	fmgr_info(input, &column->input);
}

Datum
weir_column_input(InputColumn *column, char *text)
{
	Datum		result;

	if ((column->typid == TIMESTAMPTZOID || column->typid == TIMESTAMPOID) && column->typmod == -1 &&
		weir_scalar_timestamp(text, strlen(text), column->typid == TIMESTAMPTZOID, &result))
		return result;
	return InputFunctionCall(&column->input, text, column->ioparam, column->typmod);
}

int
weir_column_only(Relation rel, const bool *skip, const char *format)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			only = -1;

	for (int i = 0; i < desc->natts; i++)
	{
		if (skip[i])
			continue;
		if (only >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_COLUMN_NUMBER),
					 errmsg("format \"%s\" fills one column, but stream \"%s\" has columns \"%s\" and \"%s\"",
							format, RelationGetRelationName(rel),
							NameStr(TupleDescAttr(desc, only)->attname), NameStr(TupleDescAttr(desc, i)->attname)),
					 errhint("Other columns can be generated, or have the option \"metadata\".")));
		only = i;
	}
	if (only < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_COLUMN_NUMBER),
				 errmsg("format \"%s\" fills one column, but stream \"%s\" has none for it",
						format, RelationGetRelationName(rel))));
	return only;
}
