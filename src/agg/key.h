/*
 * key.h
 *	  Hashing and comparing group keys, as GROUP BY does.
 */
#ifndef WEIR_AGG_KEY_H
#define WEIR_AGG_KEY_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/sortsupport.h"

#include "agg/value.h"

typedef struct KeySet
{
	int			nkeys;
	FmgrInfo   *hash;
	FmgrInfo   *equal;
	Oid		   *collations;

	/* of keys that are or have rows, whose hash must last; else NULL */
	ValueType **rows;

	/* one for each key; NULL: groups are ordered by their hash */
	SortSupport order;

	/* order of the first key: that of its Datum as an int64 */
	bool		first_is_integer;
} KeySet;

/*
 * For keys of these types, compared by these equality operators under these
 * collations.  Errors when a type cannot be hashed.  Allocated in cxt.
 */
extern void weir_keys_init(KeySet *keys, MemoryContext cxt, int nkeys,
						   const Oid *types, const Oid *eqops, const Oid *collations);

/*
 * Order groups by these keys: types are theirs, each with a default btree
 * operator class.
 */
extern void weir_keys_init_order(KeySet *keys, MemoryContext cxt, const Oid *types);

/* Equal keys have equal hashes; NULL is equal to NULL. */
extern uint32 weir_keys_hash(KeySet *keys, const Datum *values, const bool *nulls);

/* What weir.hash_key gives of the first of them, of which it takes so many. */
#define WEIR_MAX_HASHED_KEYS FUNC_MAX_ARGS
extern uint32 weir_keys_hash_key(KeySet *keys, const Datum *values, const bool *nulls);

/* Those of a list of keys. */
#define weir_keys_of_hash(keys) list_truncate(list_copy(keys), WEIR_MAX_HASHED_KEYS)
extern bool weir_keys_equal(KeySet *keys,
							const Datum *a, const bool *a_nulls,
							const Datum *b, const bool *b_nulls);

#endif
