/*
 * value.c
 *	  Values of any type in the states of aggregates.
 *
 * A state outlives the OIDs of types, enum labels and functions that are not
 * PostgreSQL's own: a dump gives them new ones.  So nothing that is written has
 * such an OID in it.  A composite value is written column by column: columns that
 * its type got since are NULL when it is read.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/tupdesc.h"
#include "agg/buffer.h"
#include "agg/value.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef enum ValueForm
{
	VALUE_BINARY,
	VALUE_TEXT,
	VALUE_ROW
} ValueForm;

struct ValueType
{
	Oid			oid;
	int32		typmod;
	int16		len;
	bool		byval;
	ValueForm	form;
	bool		has_labels;		/* an enum, or something made of one that is no row */
	FmgrInfo	text_out;		/* of one that has labels: output */
	FmgrInfo	out;			/* send or output */
	FmgrInfo	in;				/* receive or input */
	Oid			ioparam;
	TypeCacheEntry *cache;
	TupleDesc	desc;			/* of a row */
	ValueType **columns;		/* of a row; NULL: dropped */
};

static ValueType *make_type(Oid oid, int32 typmod);
static bool same_everywhere(Oid oid);
static bool has_labels(Oid oid);
static uint64 hash_row(ValueType *type, Datum value);
static uint64 hash_labels(ValueType *type, Datum value);
static void write_row(StringInfo buf, ValueType *type, Datum value);
static Datum read_row(StringInfo buf, ValueType *type);
static Datum read_scalar(StringInfo bytes, ValueType *type);
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
	if (get_typtype(oid) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc_copy(oid, -1);

		type->form = VALUE_ROW;
		type->desc = desc;
		type->columns = palloc0(sizeof(ValueType *) * Max(desc->natts, 1));
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped)
				type->columns[i] = make_type(att->atttypid, att->atttypmod);
		}
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
		type->form = VALUE_TEXT;
		getTypeOutputInfo(oid, &function, &varlena);
		fmgr_info(function, &type->out);
		getTypeInputInfo(oid, &function, &type->ioparam);
		fmgr_info(function, &type->in);
	}
	type->has_labels = type->form != VALUE_ROW && has_labels(oid);
	if (type->has_labels)
	{
		getTypeOutputInfo(oid, &function, &varlena);
		fmgr_info(function, &type->text_out);
	}
	return type;
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
 * Has the type a binary form without OIDs that differ from database to database?
 * Arrays, ranges and domains of PostgreSQL's own types do; enums send their labels.
 */
static bool
same_everywhere(Oid oid)
{
	TypeCacheEntry *cache = lookup_type_cache(oid, 0);
	bool		kind = cache->typtype == TYPTYPE_ENUM ||
		(cache->typtype == TYPTYPE_BASE && !OidIsValid(get_element_type(oid))) ||
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
	TupleDesc	desc;
	bool		result = true;

	check_stack_depth();
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return has_labels(type) || OidIsValid(lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc);
	desc = lookup_rowtype_tupdesc_copy(type, -1);
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

/*
 * Hashes are kept in sketches, so they must not come from the OIDs of an enum's
 * labels, as those of its own hash function do.
 */
uint64
weir_value_hash(ValueType *type, Oid collation, Datum value)
{
	if (type->form == VALUE_ROW)
		return hash_row(type, value);
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

static uint64
hash_row(ValueType *type, Datum value)
{
	int			natts = type->desc->natts;
	Datum	   *values = palloc(sizeof(Datum) * Max(natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(natts, 1));
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	uint64		h = 0;

	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, type->desc, values, nulls);
	for (int i = 0; i < natts; i++)
		if (type->columns[i])
			h = hash_combine64(h, nulls[i] ? 0 :
							   weir_value_hash(type->columns[i], TupleDescAttr(type->desc, i)->attcollation, values[i]));
	pfree(values);
	pfree(nulls);
	if ((Pointer) header != DatumGetPointer(value))
		pfree(header);
	return h;
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
	else if (type->form == VALUE_BINARY)
	{
		bytea	   *bytes = SendFunctionCall(&type->out, value);

		appendBinaryStringInfo(buf, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
		pfree(bytes);
	}
	else
	{
		char	   *string = OutputFunctionCall(&type->out, value);

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
		return InputFunctionCall(&type->in, bytes->data, type->ioparam, type->typmod);
	result = ReceiveFunctionCall(&type->in, bytes, type->ioparam, type->typmod);
	if (bytes->cursor != bytes->len)
		weir_agg_bad_state();
	return result;
}

static void
write_row(StringInfo buf, ValueType *type, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = type->desc;
	HeapTupleData tuple;
	Datum	   *values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	int			n = 0;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
		n += type->columns[i] != NULL;
	pq_sendint32(buf, n);
	for (int i = 0; i < desc->natts; i++)
		if (type->columns[i])
			weir_value_write(buf, type->columns[i], values[i], nulls[i]);
	pfree(values);
	pfree(nulls);
}

static Datum
read_row(StringInfo buf, ValueType *type)
{
	TupleDesc	desc = type->desc;
	uint32		n = pq_getmsgint(buf, 4);
	Datum	   *values = palloc0(sizeof(Datum) * Max(desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(desc->natts, 1));

	for (int i = 0; i < desc->natts; i++)
	{
		nulls[i] = true;
		if (type->columns[i] && n > 0)
		{
			values[i] = weir_value_read(buf, type->columns[i], &nulls[i]);
			n--;
		}
	}
	if (n > 0 || buf->cursor != buf->len)
		weir_agg_bad_state();
	return heap_copy_tuple_as_datum(heap_form_tuple(desc, values, nulls), desc);
}

/*
 * Send and receive functions take text to be the client's.  A parallel worker is
 * its own client, in the database's encoding.
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
