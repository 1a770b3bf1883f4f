/*
 * value.h
 *	  Values of any type in the states of aggregates: copied, and written so
 *	  that they can be read after a dump, an upgrade, or on another machine.
 */
#ifndef WEIR_AGG_VALUE_H
#define WEIR_AGG_VALUE_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

/* What is known of a type; made once a plan node, in its memory. */
typedef struct ValueType ValueType;

extern ValueType *weir_value_type(Oid type, MemoryContext cxt);
extern Oid	weir_value_type_oid(const ValueType *type);

/* Is it a row that has no type of its own, or an array of such rows? */
extern bool weir_value_is_record(Oid type);
#define WEIR_RECORD_HINT "Cast it to a composite type that you create: ROW(...)::type."

/*
 * A copy in CurrentMemoryContext that points nowhere else, and giving it back.
 */
extern Datum weir_value_copy(const ValueType *type, Datum value);
extern void weir_value_free(const ValueType *type, Datum value);

/*
 * Order and equality as the type's default operator classes have them; errors
 * with ERRCODE_UNDEFINED_FUNCTION for types that have none.
 */
extern int	weir_value_compare(ValueType *type, Oid collation, Datum a, Datum b);
extern bool weir_value_equal(ValueType *type, Oid collation, Datum a, Datum b);

/* Do weir_value_compare and weir_value_hash take values of this type? */
extern bool weir_value_has_order(Oid type);
extern bool weir_value_has_hash(Oid type);

/* Is it composite, a domain over that, or an array of such? */
extern bool weir_value_has_rows(Oid type);

/*
 * 64 bits; values that are equal have the same, in every database.  By the
 * type's extended hash function, of rows column by column.
 */
extern uint64 weir_value_hash(ValueType *type, Oid collation, Datum value);

/*
 * 32 bits, by the types' hash functions, with what these take from OIDs of
 * this database.
 */
extern uint32 weir_value_key_hash(ValueType *type, Oid collation, Datum value);

/*
 * value := length bytes, length (uint32, high byte first) 0xffffffff: NULL.
 * The bytes are, in this order of preference:
 *	of a composite type		OID of the type (uint32), number of columns
 *	(uint32), columns
 *		a column			number in the type (uint16), CRC-32C of its name
 *		(uint32), value
 *	of an enum				OID of the label (uint32), label
 *	of an array of these	number of dimensions (uint32), of each length and
 *	lower bound (int32), values
 *	of a type that is the same in every database, what its send function gives;
 *	else text.
 */
extern void weir_value_write(StringInfo buf, ValueType *type, Datum value, bool isnull);
extern Datum weir_value_read(StringInfo buf, ValueType *type, bool *isnull);

/*
 * While values are written or read: settings that decide how text looks.
 * Returns what end takes; an error ends it too.
 */
extern int	weir_value_settings_begin(void);
extern void weir_value_settings_end(int nest);

#endif
