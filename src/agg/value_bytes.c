/*
 * value_bytes.c
 *	  Values of any type as bytes that can be read after a dump or an upgrade.
 *
 * value.h has the form.
 */
#include "postgres.h"

#include "catalog/pg_enum.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/syscache.h"

#include "agg/buffer.h"
#include "agg/value.h"
#include "agg/value_type.h"

static void write_row(StringInfo buf, ValueType *type, Datum value);
static Datum read_row(StringInfo buf, ValueType *type);
static int	find_column(const ValueType *type, bool same, uint32 attnum, uint32 name);
static void write_array(StringInfo buf, ValueType *type, Datum value);
static Datum read_array(StringInfo buf, ValueType *type);
static void skip_value(StringInfo buf);
static Datum read_text(StringInfo bytes, ValueType *type);
static Datum read_scalar(StringInfo bytes, ValueType *type);
static Datum read_enum(StringInfo bytes, ValueType *type);

void
weir_value_write(StringInfo buf, ValueType *type, Datum value, bool isnull)
{
	int			start = buf->len;
	uint32		len;

	if (isnull)
	{
		pq_sendint32(buf, PG_UINT32_MAX);
		return;
	}
	pq_sendint32(buf, 0);
	if (type->form == VALUE_ROW)
		write_row(buf, type, value);
	else if (type->form == VALUE_ARRAY)
		write_array(buf, type, value);
	else if (type->form == VALUE_BINARY)
	{
		bytea	   *bytes = SendFunctionCall(&type->out, value);

		appendBinaryStringInfo(buf, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
		pfree(bytes);
	}
	else
	{
		char	   *string = OutputFunctionCall(&type->out, value);

		if (type->form == VALUE_ENUM)
			pq_sendint32(buf, DatumGetObjectId(value));
		appendStringInfoString(buf, string);
		pfree(string);
	}
	len = pg_hton32(buf->len - start - sizeof(uint32));
	memcpy(buf->data + start, &len, sizeof(len));
}

Datum
weir_value_read(StringInfo buf, ValueType *type, bool *isnull)
{
	uint32		len = pq_getmsgint(buf, 4);
	StringInfoData bytes;
	Datum		result;

	*isnull = len == PG_UINT32_MAX;
	if (*isnull)
		return (Datum) 0;
	if (len > buf->len - buf->cursor)
		weir_agg_bad_state();

	/* With a zero at its end, as input and receive functions want it. */
	initStringInfo(&bytes);
	appendBinaryStringInfo(&bytes, pq_getmsgbytes(buf, len), len);
	if (type->form == VALUE_ROW)
		result = read_row(&bytes, type);
	else if (type->form == VALUE_ARRAY)
		result = read_array(&bytes, type);
	else
		result = read_scalar(&bytes, type);
	pfree(bytes.data);
	return result;
}

static Datum
read_scalar(StringInfo bytes, ValueType *type)
{
	Datum		result;

	if (type->form == VALUE_TEXT)
		return read_text(bytes, type);
	if (type->form == VALUE_ENUM)
		return read_enum(bytes, type);
	result = ReceiveFunctionCall(&type->in, bytes, type->ioparam, type->typmod);
	if (bytes->cursor != bytes->len)
		weir_agg_bad_state();
	return result;
}

/* By its OID, if that is a label of the type, else by its label. */
static Datum
read_enum(StringInfo bytes, ValueType *type)
{
	Oid			oid = pq_getmsgint(bytes, 4);
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(oid));
	bool		known = HeapTupleIsValid(tuple) &&
		((Form_pg_enum) GETSTRUCT(tuple))->enumtypid == type->ioparam;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (known)
		return ObjectIdGetDatum(oid);
	return read_text(bytes, type);
}

/*
 * The rest of the bytes by the type's input function, which takes them for
 * text of the database's encoding.
 */
static Datum
read_text(StringInfo bytes, ValueType *type)
{
	char	   *text = bytes->data + bytes->cursor;
	int			len = bytes->len - bytes->cursor;

	if (!pg_verifymbstr(text, len, true) || strlen(text) != len)
		weir_agg_bad_state();
	return InputFunctionCall(&type->in, text, type->ioparam, type->typmod);
}

static void
write_row(StringInfo buf, ValueType *type, Datum value)
{
	Datum	   *values;
	bool	   *nulls;
	int			n = 0;

	(void) weir_value_deform(type, value, &values, &nulls);
	for (int i = 0; i < type->desc->natts; i++)
		n += type->columns[i] != NULL;
	pq_sendint32(buf, type->row);
	pq_sendint32(buf, n);
	for (int i = 0; i < type->desc->natts; i++)
	{
		if (type->columns[i] == NULL)
			continue;
		pq_sendint16(buf, i + 1);
		pq_sendint32(buf, type->names[i]);
		weir_value_write(buf, type->columns[i], values[i], nulls[i]);
	}
	pfree(values);
	pfree(nulls);
}

static Datum
read_row(StringInfo buf, ValueType *type)
{
	bool		same = pq_getmsgint(buf, 4) == type->row;
	uint32		n = pq_getmsgint(buf, 4);
	Datum	   *values;
	bool	   *nulls;

	weir_value_refresh_row(type);
	values = palloc0(sizeof(Datum) * Max(type->desc->natts, 1));
	nulls = palloc(sizeof(bool) * Max(type->desc->natts, 1));
	memset(nulls, true, sizeof(bool) * type->desc->natts);
	for (; n > 0; n--)
	{
		uint32		attnum = pq_getmsgint(buf, 2);
		int			i = find_column(type, same, attnum, pq_getmsgint(buf, 4));

		if (i >= 0)
			values[i] = weir_value_read(buf, type->columns[i], &nulls[i]);
		else
			skip_value(buf);
	}
	if (buf->cursor != buf->len)
		weir_agg_bad_state();
	return heap_copy_tuple_as_datum(heap_form_tuple(type->desc, values, nulls), type->desc);
}

/* -1: there is none any more. */
static int
find_column(const ValueType *type, bool same, uint32 attnum, uint32 name)
{
	if (same && attnum >= 1 && attnum <= type->desc->natts)
		return type->columns[attnum - 1] ? attnum - 1 : -1;
	for (int i = 0; i < type->desc->natts; i++)
		if (type->columns[i] && type->names[i] == name)
			return i;
	return -1;
}

static void
skip_value(StringInfo buf)
{
	uint32		len = pq_getmsgint(buf, 4);

	if (len != PG_UINT32_MAX)
		(void) pq_getmsgbytes(buf, len);
}

static void
write_array(StringInfo buf, ValueType *type, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	ArrayIterator it = array_create_iterator(array, 0, NULL);
	Datum		element;
	bool		isnull;

	pq_sendint32(buf, ARR_NDIM(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		pq_sendint32(buf, ARR_DIMS(array)[i]);
		pq_sendint32(buf, ARR_LBOUND(array)[i]);
	}
	while (array_iterate(it, &element, &isnull))
		weir_value_write(buf, type->element, element, isnull);
	array_free_iterator(it);
}

static Datum
read_array(StringInfo buf, ValueType *type)
{
	uint32		ndim = pq_getmsgint(buf, 4);
	ValueType  *element = type->element;
	int			dims[MAXDIM];
	int			bounds[MAXDIM];
	Datum	   *values;
	bool	   *nulls;
	char		align;
	int			n;

	if (ndim > MAXDIM)
		weir_agg_bad_state();
	for (uint32 i = 0; i < ndim; i++)
	{
		dims[i] = pq_getmsgint(buf, 4);
		bounds[i] = pq_getmsgint(buf, 4);
	}
	n = ArrayGetNItems(ndim, dims);
	ArrayCheckBounds(ndim, dims, bounds);
	if (n > (buf->len - buf->cursor) / (int) sizeof(uint32))
		weir_agg_bad_state();
	values = palloc(sizeof(Datum) * Max(n, 1));
	nulls = palloc(sizeof(bool) * Max(n, 1));
	for (int i = 0; i < n; i++)
		values[i] = weir_value_read(buf, element, &nulls[i]);
	if (buf->cursor != buf->len)
		weir_agg_bad_state();
	get_typlenbyvalalign(element->oid, &element->len, &element->byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, ndim, dims, bounds, element->oid,
											  element->len, element->byval, align));
}
