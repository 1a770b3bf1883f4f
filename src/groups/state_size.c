/*
 * state_size.c
 *	  Groups whose states come near to what PostgreSQL can have in one value.
 *
 * A value, and a row in memory, has at most 1 GB; some have lower limits of
 * their own (the number of an array's elements).  States that outgrow that are
 * the view's fault, which is suspended for it or, where a single row does it,
 * has a dead letter.  Whoever reads the reason wants to know which group
 * it was, and not the size of a memory request.
 *
 * Process-local; all that is made goes to the current context.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "groups/state_size.h"

/* From here on errors are caught to say more. */
#define LARGE_BYTES (64 * 1024 * 1024)

/* Less than MaxAllocSize, as a row and its compressed form have headers. */
#define MAX_GROUP_BYTES (MaxAllocSize - 1024 * 1024)

/* Of each key in messages. */
#define KEY_BYTES 64

static Size size_of(PartialAgg *agg, Datum state, bool null);
static char *name_of_group(GroupSpec *spec, const Datum *key, const bool *nulls);

Datum
weir_group_combine(GroupSpec *spec, int n, const Datum *key, const bool *key_nulls,
				   Datum a, bool a_null, Datum b, bool b_null, bool *result_null)
{
	PartialAgg *agg = spec->states[n];
	MemoryContext cxt = CurrentMemoryContext;
	Datum		result = (Datum) 0;

	if (size_of(agg, a, a_null) + size_of(agg, b, b_null) < LARGE_BYTES)
		return weir_partial_agg_combine(agg, a, a_null, b, b_null, result_null);
	PG_TRY();
	{
		result = weir_partial_agg_combine(agg, a, a_null, b, b_null, result_null);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			code;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		code = error->sqlerrcode;
		if (code != ERRCODE_PROGRAM_LIMIT_EXCEEDED && code != ERRCODE_INTERNAL_ERROR)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("states of group %s cannot be combined: %s",
						name_of_group(spec, key, key_nulls), error->message),
				 errdetail("They have %zu and %zu bytes.", size_of(agg, a, a_null), size_of(agg, b, b_null))));
	}
	PG_END_TRY();
	return result;
}

void
weir_group_check_size(GroupSpec *spec, const Datum *values, const bool *nulls)
{
	int			nkeys = spec->keys.nkeys;
	Size		total = 0;

	for (int i = 0; i < spec->nstates; i++)
		total += size_of(spec->states[i], values[nkeys + i], nulls[nkeys + i]);
	if (total > MAX_GROUP_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("states of group %s exceed the maximum of %zu bytes",
						name_of_group(spec, values, nulls), MAX_GROUP_BYTES),
				 errdetail("They have %zu bytes.", total)));
}

/* Small ones of fixed length do not count. */
static Size
size_of(PartialAgg *agg, Datum state, bool null)
{
	return null || agg->statelen != -1 ? 0 : toast_raw_datum_size(state);
}

/* (k, g)=(1, abc) */
static char *
name_of_group(GroupSpec *spec, const Datum *key, const bool *nulls)
{
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < spec->keys.nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(spec->desc, i);
		char	   *text = pstrdup("null");
		Oid			output;
		bool		is_varlena;

		if (!nulls[i])
		{
			getTypeOutputInfo(att->atttypid, &output, &is_varlena);
			text = OidOutputFunctionCall(output, key[i]);
		}
		if (strlen(text) > KEY_BYTES)
			strcpy(text + pg_mbcliplen(text, strlen(text), KEY_BYTES - 3), "...");
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", NameStr(att->attname));
		appendStringInfo(&values, "%s%s", i > 0 ? ", " : "", text);
	}
	return psprintf("(%s)=(%s)", names.data, values.data);
}
