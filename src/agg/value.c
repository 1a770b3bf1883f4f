/*
 * value.c
 *	  Values of any type in the states of aggregates.
 *
 * A state outlives the OIDs of types, enum labels and functions that are not
 * PostgreSQL's own: a dump gives them new ones.  So nothing that is written
 * has such an OID in it that reading depends on.  What may change while a
 * state is kept is written with what tells it apart here, and with its name,
 * for a database that was restored: an enum's label, and each column of a
 * composite value.  Columns that its type got since are NULL when it is read,
 * and those that it lost are left out.
 *
 * A type may get and lose columns while a plan, or a worker, knows it: what is
 * known of its columns is looked up again when the type cache has.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/tupdesc.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "agg/buffer.h"
#include "agg/value.h"
#include "base/compat.h"

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
	ValueType  *element;		/* of an array */

	/* Of a row; see refresh_row. */
	MemoryContext cxt;
	Oid			row;			/* the composite type */
	MemoryContext row_cxt;		/* what follows is in it */
	uint64		identifier;		/* the type cache's, of desc */
	TupleDesc	desc;
	ValueType **columns;		/* NULL: dropped */
	uint32	   *names;			/* hashes of their names */
};

/* Hashes what is no row and no array of rows. */
typedef uint64 (*hash_leaf) (ValueType *type, Oid collation, Datum value);

static ValueType *make_type(Oid oid, int32 typmod);
static void refresh_row(ValueType *type);
static bool is_array_of_parts(Oid base);
static bool same_everywhere(Oid oid);
static bool has_labels(Oid oid);
static uint64 hash_by(ValueType *type, Oid collation, Datum value, hash_leaf leaf);
static uint64 hash_row(ValueType *type, Datum value, hash_leaf leaf);
static uint64 hash_elements(ValueType *type, Datum value, hash_leaf leaf);
static uint64 hash_lasting(ValueType *type, Oid collation, Datum value);
static uint64 hash_of_now(ValueType *type, Oid collation, Datum value);
static uint64 hash_labels(ValueType *type, Datum value);
static HeapTupleHeader deform_row(ValueType *type, Datum value, Datum **values, bool **nulls);
static void write_row(StringInfo buf, ValueType *type, Datum value);
static Datum read_row(StringInfo buf, ValueType *type);
static int	find_column(const ValueType *type, bool same, uint32 attnum, uint32 name);
static void write_array(StringInfo buf, ValueType *type, Datum value);
static Datum read_array(StringInfo buf, ValueType *type);
static void skip_value(StringInfo buf);
static Datum read_text(StringInfo bytes, ValueType *type);
static Datum read_scalar(StringInfo bytes, ValueType *type);
static Datum read_enum(StringInfo bytes, ValueType *type);
static Datum call2(FmgrInfo *flinfo, Oid collation, Datum a, Datum b);

ValueType *
weir_value_type(Oid type, MemoryContext cxt)
{
	MemoryContext caller = MemoryContextSwitchTo(cxt);
	ValueType  *result = make_type(type, -1);

	MemoryContextSwitchTo(caller);
	return result;
}

Oid
weir_value_type_oid(const ValueType *type)
{
	return type->oid;
}

static ValueType *
make_type(Oid oid, int32 typmod)
{
	ValueType  *type = palloc0(sizeof(ValueType));
	Oid			base;
	Oid			function;
	bool		varlena;

	check_stack_depth();
	if (!OidIsValid(oid) || oid == UNKNOWNOID)
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of an argument"),
				 errhint("Cast it to the type you mean.")));
	type->oid = oid;
	type->typmod = typmod;
	get_typlenbyval(oid, &type->len, &type->byval);
	base = getBaseType(oid);
	if (get_typtype(base) == TYPTYPE_COMPOSITE)
	{
		type->form = VALUE_ROW;
		type->cxt = CurrentMemoryContext;
		type->row = base;
		refresh_row(type);
	}
	else if (is_array_of_parts(base))
	{
		type->form = VALUE_ARRAY;
		type->element = make_type(get_element_type(base), -1);
	}
	else if (same_everywhere(oid))
	{
		type->form = VALUE_BINARY;
		getTypeBinaryOutputInfo(oid, &function, &varlena);
		fmgr_info(function, &type->out);
		getTypeBinaryInputInfo(oid, &function, &type->ioparam);
		fmgr_info(function, &type->in);
	}
	else
	{
		bool		is_enum = get_typtype(base) == TYPTYPE_ENUM;

		type->form = is_enum ? VALUE_ENUM : VALUE_TEXT;
		getTypeOutputInfo(oid, &function, &varlena);
		fmgr_info(function, &type->out);
		getTypeInputInfo(is_enum ? base : oid, &function, &type->ioparam);
		fmgr_info(function, &type->in);
	}
	type->has_labels = type->form != VALUE_ROW && type->form != VALUE_ARRAY && has_labels(oid);
	if (type->has_labels)
	{
		getTypeOutputInfo(oid, &function, &varlena);
		fmgr_info(function, &type->text_out);
	}
	return type;
}

/* Is it one whose elements are written one by one? */
static bool
is_array_of_parts(Oid base)
{
	Oid			element = get_element_type(base);

	if (!OidIsValid(element))
		return false;
	element = getBaseType(element);
	return get_typtype(element) == TYPTYPE_COMPOSITE || get_typtype(element) == TYPTYPE_ENUM ||
		is_array_of_parts(element);
}

bool
weir_value_has_rows(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element;

	if (get_typtype(base) == TYPTYPE_COMPOSITE)
		return true;
	element = get_element_type(base);
	return OidIsValid(element) && weir_value_has_rows(element);
}

/*
 * To be called before the columns of a row are looked at.  The type cache
 * gives a description another identifier when it makes it anew.
 */
static void
refresh_row(ValueType *type)
{
	TypeCacheEntry *entry = lookup_type_cache(type->row, TYPECACHE_TUPDESC);
	MemoryContext row_cxt;
	MemoryContext caller;
	TupleDesc	desc;
	ValueType **columns;
	uint32	   *names;

	if (entry->tupDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("type %s is not composite", format_type_be(type->row))));
	if (type->desc && type->identifier == entry->tupDesc_identifier)
		return;
	row_cxt = AllocSetContextCreate(type->cxt, "weir row type", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(row_cxt);
	type->identifier = entry->tupDesc_identifier;
	desc = CreateTupleDescCopyConstr(entry->tupDesc);
	columns = palloc0(sizeof(ValueType *) * Max(desc->natts, 1));
	names = palloc0(sizeof(uint32) * Max(desc->natts, 1));
	type->desc = NULL;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		pg_crc32c	crc;

		if (att->attisdropped)
			continue;
		columns[i] = make_type(att->atttypid, att->atttypmod);
		INIT_CRC32C(crc);
		COMP_CRC32C(crc, NameStr(att->attname), strlen(NameStr(att->attname)));
		FIN_CRC32C(crc);
		names[i] = crc;
	}
	MemoryContextSwitchTo(caller);
	if (type->row_cxt)
		MemoryContextDelete(type->row_cxt);
	type->row_cxt = row_cxt;
	type->desc = desc;
	type->columns = columns;
	type->names = names;
}

/* Is its text made of labels that a dump gives other OIDs? */
static bool
has_labels(Oid oid)
{
	Oid			base = getBaseType(oid);
	Oid			part = get_element_type(base);

	if (get_typtype(base) == TYPTYPE_ENUM)
		return true;
	if (get_typtype(base) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc_copy(base, -1);
		bool		found = false;

		for (int i = 0; i < desc->natts; i++)
			found = found || (!TupleDescAttr(desc, i)->attisdropped && has_labels(TupleDescAttr(desc, i)->atttypid));
		return found;
	}
	if (!OidIsValid(part) && type_is_range(base))
		part = get_range_subtype(base);
	if (!OidIsValid(part) && type_is_multirange(base))
		part = get_range_subtype(get_multirange_range(base));
	return OidIsValid(part) && has_labels(part);
}

/*
 * Has the type a binary form without OIDs that differ from database to
 * database?  Arrays, ranges and domains of PostgreSQL's own types do.
 */
static bool
same_everywhere(Oid oid)
{
	TypeCacheEntry *cache = lookup_type_cache(oid, 0);
	bool		kind = (cache->typtype == TYPTYPE_BASE && !OidIsValid(get_element_type(oid))) ||
		(oid < FirstNormalObjectId && cache->typtype != TYPTYPE_PSEUDO);
	bool		result = false;
	HeapTuple	tuple;

	if (!kind)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(oid));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

		result = OidIsValid(form->typsend) && OidIsValid(form->typreceive);
		ReleaseSysCache(tuple);
	}
	return result;
}

bool
weir_value_is_record(Oid type)
{
	return type == RECORDOID || type == RECORDARRAYOID;
}

Datum
weir_value_copy(const ValueType *type, Datum value)
{
	if (type->len == -1)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	return datumCopy(value, type->byval, type->len);
}

void
weir_value_free(const ValueType *type, Datum value)
{
	if (!type->byval)
		pfree(DatumGetPointer(value));
}

int
weir_value_compare(ValueType *type, Oid collation, Datum a, Datum b)
{
	if (type->cache == NULL || !OidIsValid(type->cache->cmp_proc_finfo.fn_oid))
	{
		type->cache = lookup_type_cache(type->oid, TYPECACHE_CMP_PROC_FINFO);
		if (!OidIsValid(type->cache->cmp_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify a comparison function for type %s", format_type_be(type->oid))));
	}
	return DatumGetInt32(call2(&type->cache->cmp_proc_finfo, collation, a, b));
}

bool
weir_value_has_order(Oid type)
{
	return OidIsValid(lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc);
}

bool
weir_value_has_hash(Oid type)
{
	Oid			base = getBaseType(type);
	TupleDesc	desc;
	bool		result = true;

	check_stack_depth();
	if (!weir_value_has_rows(base))
		return has_labels(type) || OidIsValid(lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc);
	if (get_typtype(base) != TYPTYPE_COMPOSITE)
		return weir_value_has_hash(get_element_type(base));
	desc = lookup_rowtype_tupdesc_copy(base, -1);
	for (int i = 0; i < desc->natts && result; i++)
		result = TupleDescAttr(desc, i)->attisdropped || weir_value_has_hash(TupleDescAttr(desc, i)->atttypid);
	return result;
}

bool
weir_value_equal(ValueType *type, Oid collation, Datum a, Datum b)
{
	if (type->cache == NULL || !OidIsValid(type->cache->eq_opr_finfo.fn_oid))
	{
		type->cache = lookup_type_cache(type->oid, TYPECACHE_EQ_OPR_FINFO);
		if (!OidIsValid(type->cache->eq_opr_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify an equality operator for type %s", format_type_be(type->oid))));
	}
	return DatumGetBool(call2(&type->cache->eq_opr_finfo, collation, a, b));
}

uint64
weir_value_hash(ValueType *type, Oid collation, Datum value)
{
	return hash_by(type, collation, value, hash_lasting);
}

uint32
weir_value_key_hash(ValueType *type, Oid collation, Datum value)
{
	uint64		h = hash_by(type, collation, value, hash_of_now);

	return (uint32) (h ^ (h >> 32));
}

static uint64
hash_by(ValueType *type, Oid collation, Datum value, hash_leaf leaf)
{
	if (type->form == VALUE_ROW)
		return hash_row(type, value, leaf);
	if (type->form == VALUE_ARRAY)
		return hash_elements(type, value, leaf);
	return leaf(type, collation, value);
}

/*
 * A row from before its type got a column has the hash of one that has NULL in
 * it: they are equal.
 */
static uint64
hash_row(ValueType *type, Datum value, hash_leaf leaf)
{
	Datum	   *values;
	bool	   *nulls;
	HeapTupleHeader header = deform_row(type, value, &values, &nulls);
	uint64		n = 0;
	uint64		h = 0;

	for (int i = 0; i < type->desc->natts; i++)
	{
		if (type->columns[i] == NULL)
			continue;
		n++;
		if (!nulls[i])
			h = hash_combine64(h, hash_combine64(n, hash_by(type->columns[i], TupleDescAttr(type->desc, i)->attcollation,
															values[i], leaf)));
	}
	pfree(values);
	pfree(nulls);
	if ((Pointer) header != DatumGetPointer(value))
		pfree(header);
	return h;
}

static uint64
hash_elements(ValueType *type, Datum value, hash_leaf leaf)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	ArrayIterator it = array_create_iterator(array, 0, NULL);
	uint64		h = ARR_NDIM(array);
	Datum		element;
	bool		isnull;

	while (array_iterate(it, &element, &isnull))
		h = hash_combine64(h, isnull ? 0 : hash_by(type->element, InvalidOid, element, leaf));
	array_free_iterator(it);
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
	return h;
}

/*
 * For hashes that are kept in sketches: they must not come from the OIDs of an
 * enum's labels, as those of its own hash function do.
 */
static uint64
hash_lasting(ValueType *type, Oid collation, Datum value)
{
	if (type->has_labels)
		return hash_labels(type, value);
	if (type->cache == NULL || !OidIsValid(type->cache->hash_extended_proc_finfo.fn_oid))
	{
		type->cache = lookup_type_cache(type->oid, TYPECACHE_HASH_EXTENDED_PROC_FINFO);
		if (!OidIsValid(type->cache->hash_extended_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify an extended hash function for type %s", format_type_be(type->oid)),
					 weir_value_is_record(type->oid) ? errhint("%s", WEIR_RECORD_HINT) : 0));
	}
	return DatumGetUInt64(call2(&type->cache->hash_extended_proc_finfo, collation, value, UInt64GetDatum(0)));
}

/* As GROUP BY does it. */
static uint64
hash_of_now(ValueType *type, Oid collation, Datum value)
{
	if (type->cache == NULL || !OidIsValid(type->cache->hash_proc_finfo.fn_oid))
	{
		type->cache = lookup_type_cache(type->oid, TYPECACHE_HASH_PROC_FINFO);
		if (!OidIsValid(type->cache->hash_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify a hash function for type %s", format_type_be(type->oid)),
					 weir_value_is_record(type->oid) ? errhint("%s", WEIR_RECORD_HINT) : 0));
	}
	return DatumGetUInt32(FunctionCall1Coll(&type->cache->hash_proc_finfo, collation, value));
}

static uint64
hash_labels(ValueType *type, Datum value)
{
	char	   *text = OutputFunctionCall(&type->text_out, value);
	uint64		h = DatumGetUInt64(hash_any_extended((unsigned char *) text, strlen(text), 0));

	pfree(text);
	return h;
}

static Datum
call2(FmgrInfo *flinfo, Oid collation, Datum a, Datum b)
{
	return FunctionCall2Coll(flinfo, collation, a, b);
}

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

/* The row's columns, as its type has them now; returns the detoasted row. */
static HeapTupleHeader
deform_row(ValueType *type, Datum value, Datum **values, bool **nulls)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};

	refresh_row(type);
	*values = palloc(sizeof(Datum) * Max(type->desc->natts, 1));
	*nulls = palloc(sizeof(bool) * Max(type->desc->natts, 1));
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, type->desc, *values, *nulls);
	return header;
}

static void
write_row(StringInfo buf, ValueType *type, Datum value)
{
	Datum	   *values;
	bool	   *nulls;
	int			n = 0;

	(void) deform_row(type, value, &values, &nulls);
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

	refresh_row(type);
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

/*
 * Send and receive functions take text to be the client's.  A parallel worker
 * is its own client, in the database's encoding.
 */
int
weir_value_settings_begin(void)
{
	int			nest = NewGUCNestLevel();

	if (pg_get_client_encoding() != GetDatabaseEncoding())
		(void) set_config_option("client_encoding", GetDatabaseEncodingName(), PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (DateStyle != USE_ISO_DATES)
		(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (IntervalStyle != INTSTYLE_POSTGRES)
		(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (extra_float_digits < 3)
		(void) set_config_option("extra_float_digits", "3", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

void
weir_value_settings_end(int nest)
{
	AtEOXact_GUC(true, nest);
}
