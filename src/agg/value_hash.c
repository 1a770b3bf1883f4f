/*
 * value_hash.c
 *	  Hashing values of any type, of rows and arrays of rows part by part.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "agg/value.h"
#include "agg/value_type.h"

/* Hashes what is no row and no array of rows. */
typedef uint64 (*hash_leaf) (ValueType *type, Oid collation, Datum value);

static uint64 hash_by(ValueType *type, Oid collation, Datum value, hash_leaf leaf);
static uint64 hash_row(ValueType *type, Datum value, hash_leaf leaf);
static uint64 hash_elements(ValueType *type, Datum value, hash_leaf leaf);
static uint64 hash_lasting(ValueType *type, Oid collation, Datum value);
static uint64 hash_of_now(ValueType *type, Oid collation, Datum value);
static uint64 hash_labels(ValueType *type, Datum value);

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
	HeapTupleHeader header = weir_value_deform(type, value, &values, &nulls);
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
	return DatumGetUInt64(FunctionCall2Coll(&type->cache->hash_extended_proc_finfo, collation, value, UInt64GetDatum(0)));
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
