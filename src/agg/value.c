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

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "agg/value.h"
#include "agg/value_type.h"
#include "base/compat.h"

static ValueType *make_type(Oid oid, int32 typmod);
static bool is_array_of_parts(Oid base);
static bool same_everywhere(Oid oid);
static bool has_labels(Oid oid);

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
		weir_value_refresh_row(type);
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
void
weir_value_refresh_row(ValueType *type)
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
	return DatumGetInt32(FunctionCall2Coll(&type->cache->cmp_proc_finfo, collation, a, b));
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
	return DatumGetBool(FunctionCall2Coll(&type->cache->eq_opr_finfo, collation, a, b));
}

/* The row's columns, as its type has them now; returns the detoasted row. */
HeapTupleHeader
weir_value_deform(ValueType *type, Datum value, Datum **values, bool **nulls)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};

	weir_value_refresh_row(type);
	*values = palloc(sizeof(Datum) * Max(type->desc->natts, 1));
	*nulls = palloc(sizeof(bool) * Max(type->desc->natts, 1));
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, type->desc, *values, *nulls);
	return header;
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
