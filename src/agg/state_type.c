/*
 * state_type.c
 *	  The type weir.state: a serialized partial state that nobody made up.
 *
 * The column type of states whose transition type is internal.  A deserialize
 * function takes what it is given for what its serialize function made, and
 * few check; so nobody may be able to make up a state.  Only superusers can
 * enter one (they restore dumps), nothing casts to it, and its only operator
 * is equality of bytes.  As anybody may take states of own views to any
 * aggregate, each state has a mark of the function that reads it.
 *
 * It is collatable, so that a column of states has the collation by which its
 * aggregate compares: that of what it aggregates need not be that of its
 * result.
 *
 * Format:  state   := version mark bytes
 *			version := a byte, WEIR_STATE_VERSION of compat.h
 *			mark    := uint32, high byte first
 *			bytes   := what the aggregate's serialize function returned
 *
 * The mark has to stay the same through renaming, dump and upgrade: it is made
 * of the name of the deserialize function's C code, not of OIDs.  What
 * serialize functions return is PostgreSQL's own affair and for use within one
 * query: the version says which form it is, so that a server that has another
 * one can tell those that it finds.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "agg/state_type.h"
#include "base/compat.h"
#include "base/weir.h"
#include "meta/extension.h"

#define HEADER_SIZE (1 + sizeof(uint32))

WEIR_FUNCTION(weir_state_in);
WEIR_FUNCTION(weir_state_out);
WEIR_FUNCTION(weir_state_recv);
WEIR_FUNCTION(weir_state_send);

static void check_may_enter(void);

Oid
weir_state_type(void)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									   CStringGetDatum("state"),
									   ObjectIdGetDatum(weir_schema_oid()));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"%s.state\" does not exist", WEIR_SCHEMA)));
	return type;
}

uint32
weir_state_mark(Oid deserialfn, int ntypes, const Oid *types)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(deserialfn));
	bool		isnull;
	char	   *symbol;
	pg_crc32c	crc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", deserialfn);
	symbol = TextDatumGetCString(SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull));
	ReleaseSysCache(tuple);

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, symbol, strlen(symbol));
	for (int i = 0; types && i < ntypes; i++)
	{
		char	   *name = format_type_be_qualified(types[i]);

		COMP_CRC32C(crc, ",", 1);
		COMP_CRC32C(crc, name, strlen(name));
	}
	FIN_CRC32C(crc);
	return crc;
}

Datum
weir_state_pack(uint32 mark, Datum serialized)
{
	bytea	   *bytes = DatumGetByteaPP(serialized);
	Size		len = VARSIZE_ANY_EXHDR(bytes);
	bytea	   *state = palloc(VARHDRSZ + HEADER_SIZE + len);

	mark = pg_hton32(mark);
	SET_VARSIZE(state, VARHDRSZ + HEADER_SIZE + len);
	*VARDATA(state) = WEIR_STATE_VERSION;
	memcpy(VARDATA(state) + 1, &mark, sizeof(mark));
	memcpy(VARDATA(state) + HEADER_SIZE, VARDATA_ANY(bytes), len);
	return PointerGetDatum(state);
}

Datum
weir_state_unpack(uint32 mark, Datum state)
{
	bytea	   *packed = DatumGetByteaPP(state);
	Size		len = VARSIZE_ANY_EXHDR(packed);
	uint32		found = 0;
	bytea	   *bytes;

	if (len > 0)
		weir_check_version("partial state", *(uint8 *) VARDATA_ANY(packed), WEIR_STATE_VERSION);
	if (len >= HEADER_SIZE)
		memcpy(&found, VARDATA_ANY(packed) + 1, sizeof(found));
	if (len < HEADER_SIZE || pg_ntoh32(found) != mark)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the state is one of another aggregate")));
	len -= HEADER_SIZE;
	bytes = palloc(VARHDRSZ + len);
	SET_VARSIZE(bytes, VARHDRSZ + len);
	memcpy(VARDATA(bytes), VARDATA_ANY(packed) + HEADER_SIZE, len);
	if ((Pointer) packed != DatumGetPointer(state))
		pfree(packed);
	return PointerGetDatum(bytes);
}

Datum
weir_state_in(PG_FUNCTION_ARGS)
{
	check_may_enter();
	return DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));
}

/* Hexadecimal whatever bytea_output says. */
Datum
weir_state_out(PG_FUNCTION_ARGS)
{
	bytea	   *state = PG_GETARG_BYTEA_PP(0);
	Size		len = VARSIZE_ANY_EXHDR(state);
	char	   *result = palloc_extended(len * 2 + 3, MCXT_ALLOC_HUGE);

	result[0] = '\\';
	result[1] = 'x';
	hex_encode(VARDATA_ANY(state), len, result + 2);
	result[len * 2 + 2] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
weir_state_recv(PG_FUNCTION_ARGS)
{
	check_may_enter();
	return DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0));
}

Datum
weir_state_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

static void
check_may_enter(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to enter a value of type %s.state", WEIR_SCHEMA),
				 errdetail("Only superusers may, as they do to restore a dump."),
				 errhint("Partial states come from the view's materialization table.")));
}
