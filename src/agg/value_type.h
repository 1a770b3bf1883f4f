/*
 * value_type.h
 *	  What is known of a type whose values are in states: for value*.c only.
 */
#ifndef WEIR_AGG_VALUE_TYPE_H
#define WEIR_AGG_VALUE_TYPE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "utils/typcache.h"

typedef enum ValueForm
{
	VALUE_BINARY,
	VALUE_TEXT,
	VALUE_ENUM,
	VALUE_ROW,
	VALUE_ARRAY					/* of rows or enums */
} ValueForm;

struct ValueType
{
	Oid			oid;
	int32		typmod;
	int16		len;
	bool		byval;
	ValueForm	form;

	/* an enum, or something made of one that is no row */
	bool		has_labels;
	FmgrInfo	text_out;		/* of one that has labels: output */
	FmgrInfo	out;			/* send or output */
	FmgrInfo	in;				/* receive or input */
	Oid			ioparam;
	TypeCacheEntry *cache;
	struct ValueType  *element;		/* of an array */

	/* Of a row; see refresh_row. */
	MemoryContext cxt;
	Oid			row;			/* the composite type */
	MemoryContext row_cxt;		/* what follows is in it */
	uint64		identifier;		/* the type cache's, of desc */
	TupleDesc	desc;
	struct ValueType **columns;		/* NULL: dropped */
	uint32	   *names;			/* hashes of their names */
};

/*
 * Look up the columns of a composite type again if the type has changed since
 * that was done last.
 */
extern void weir_value_refresh_row(struct ValueType *type);

/*
 * The columns of a composite value, palloc'd.  The header that is returned is a
 * copy, to be freed, if it is not the value itself.
 */
extern HeapTupleHeader weir_value_deform(struct ValueType *type, Datum value, Datum **values, bool **nulls);

#endif
