/*
 * key.c
 *	  Hashing and comparing group keys, as GROUP BY does.
 *
 * Also weir.hash_key(...), which gives the same hash in SQL: the expression of
 * a matrel's lookup index.  It takes each argument's default equality, which
 * is what GROUP BY uses, under the argument's own collation.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "agg/key.h"
#include "base/compat.h"

WEIR_FUNCTION(weir_hash_key);

void
weir_keys_init(KeySet *keys, MemoryContext cxt, int nkeys,
			   const Oid *types, const Oid *eqops, const Oid *collations)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);

	keys->nkeys = nkeys;
	keys->hash = palloc0(sizeof(FmgrInfo) * Max(nkeys, 1));
	keys->equal = palloc0(sizeof(FmgrInfo) * Max(nkeys, 1));
	keys->collations = palloc0(sizeof(Oid) * Max(nkeys, 1));
	keys->rows = palloc0(sizeof(ValueType *) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		RegProcedure left;
		RegProcedure right;

		if (!get_op_hash_functions(eqops[i], &left, &right))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not find a hash function for equality operator %u", eqops[i])));
		fmgr_info_cxt(left, &keys->hash[i], cxt);
		fmgr_info_cxt(get_opcode(eqops[i]), &keys->equal[i], cxt);
		keys->collations[i] = collations[i];
		if (weir_value_has_rows(types[i]))
			keys->rows[i] = weir_value_type(types[i], cxt);
	}
	MemoryContextSwitchTo(old);
}

void
weir_keys_init_order(KeySet *keys, MemoryContext cxt, const Oid *types)
{
	keys->order = MemoryContextAllocZero(cxt, sizeof(SortSupportData) * Max(keys->nkeys, 1));
	for (int i = 0; i < keys->nkeys; i++)
	{
		SortSupport order = &keys->order[i];

		order->ssup_cxt = cxt;
		order->ssup_collation = keys->collations[i];
		order->ssup_attno = i + 1;
		PrepareSortSupportFromOrderingOp(lookup_type_cache(getBaseType(types[i]), TYPECACHE_LT_OPR)->lt_opr,
										 order);
	}
#if SIZEOF_DATUM >= 8
	keys->first_is_integer = keys->nkeys > 0 &&
		(keys->order[0].comparator == ssup_datum_signed_cmp ||
		 keys->order[0].comparator == ssup_datum_int32_cmp);
#endif
}

/* The hash of a row must not change when its type gets a column. */
static inline uint32
hash_one(FmgrInfo *function, Oid collation, ValueType *row, Datum value)
{
	if (row)
		return weir_value_key_hash(row, collation, value);
	return DatumGetUInt32(FunctionCall1Coll(function, collation, value));
}

static inline uint32
add_hash(uint32 hash, uint32 value)
{
	return hash_combine(hash, murmurhash32(value));
}

static uint32
hash_of(KeySet *keys, int nkeys, const Datum *values, const bool *nulls)
{
	uint32		hash = 0;

	for (int i = 0; i < nkeys; i++)
		hash = add_hash(hash, nulls[i] ? 0 :
						hash_one(&keys->hash[i], keys->collations[i], keys->rows[i], values[i]));
	return hash;
}

uint32
weir_keys_hash(KeySet *keys, const Datum *values, const bool *nulls)
{
	return hash_of(keys, keys->nkeys, values, nulls);
}

uint32
weir_keys_hash_key(KeySet *keys, const Datum *values, const bool *nulls)
{
	return hash_of(keys, Min(keys->nkeys, WEIR_MAX_HASHED_KEYS), values, nulls);
}

bool
weir_keys_equal(KeySet *keys,
				const Datum *a, const bool *a_nulls,
				const Datum *b, const bool *b_nulls)
{
	for (int i = 0; i < keys->nkeys; i++)
	{
		if (a_nulls[i] != b_nulls[i])
			return false;
		if (!a_nulls[i] &&
			!DatumGetBool(FunctionCall2Coll(&keys->equal[i], keys->collations[i], a[i], b[i])))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------------
 * weir.hash_key
 * --------------------------------------------------------------------- */

typedef struct HashKeyCache
{
	int			nargs;
	FmgrInfo   *functions[FUNC_MAX_ARGS];
	Oid			collations[FUNC_MAX_ARGS];
	ValueType  *rows[FUNC_MAX_ARGS];
} HashKeyCache;

static HashKeyCache *
hash_key_cache(FunctionCallInfo fcinfo)
{
	HashKeyCache *cache = fcinfo->flinfo->fn_extra;
	List	   *args;

	if (cache != NULL)
		return cache;
	if (get_fn_expr_variadic(fcinfo->flinfo) || fcinfo->flinfo->fn_expr == NULL ||
		!IsA(fcinfo->flinfo->fn_expr, FuncExpr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("weir.hash_key takes its keys as separate arguments")));

	cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HashKeyCache));
	args = ((FuncExpr *) fcinfo->flinfo->fn_expr)->args;
	cache->nargs = list_length(args);
	for (int i = 0; i < cache->nargs; i++)
	{
		Node	   *arg = list_nth(args, i);
		TypeCacheEntry *type = lookup_type_cache(exprType(arg), TYPECACHE_HASH_PROC_FINFO);

		if (!OidIsValid(type->hash_proc))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify a hash function for type %s",
							format_type_be(exprType(arg)))));
		cache->functions[i] = &type->hash_proc_finfo;
		cache->collations[i] = exprCollation(arg);
		if (weir_value_has_rows(exprType(arg)))
			cache->rows[i] = weir_value_type(exprType(arg), fcinfo->flinfo->fn_mcxt);
	}
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

Datum
weir_hash_key(PG_FUNCTION_ARGS)
{
	HashKeyCache *cache = hash_key_cache(fcinfo);
	uint32		hash = 0;

	for (int i = 0; i < cache->nargs; i++)
		hash = add_hash(hash, PG_ARGISNULL(i) ? 0 :
						hash_one(cache->functions[i], cache->collations[i], cache->rows[i], PG_GETARG_DATUM(i)));
	PG_RETURN_INT32((int32) hash);
}
