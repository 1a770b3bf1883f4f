/*
 * relation.c
 *	  Type weir.relation: what the extension's tables say of relations.
 *
 * Within a database it is an OID, as regclass, and follows a relation that is
 * renamed; in a dump it is a name.  A dump of a part of a database has rows
 * about relations that it leaves out.  regclass would have such a row fail,
 * and all others of its COPY with it, among them where Kafka streams stand.
 * Here an unknown name becomes a number that is no relation's: the same for
 * the same name, so that keys stay unique, and high, where OIDs hardly ever
 * come.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "nodes/makefuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/weir.h"

#define UNKNOWN_FIRST 0xF0000000
#define REMEMBERED 64

WEIR_FUNCTION(weir_relation_in);

static Oid	number_of_unknown(const char *name);
static void warn_once(const char *name, Oid number);

Datum
weir_relation_in(PG_FUNCTION_ARGS)
{
	char	   *name = PG_GETARG_CSTRING(0);
	RangeVar   *relation;
	Oid			result;

	if (strcmp(name, "-") == 0)
		PG_RETURN_OID(InvalidOid);

	/* Of a relation that had been dropped when it was dumped. */
	if (name[0] >= '0' && name[0] <= '9' && strspn(name, "0123456789") == strlen(name))
	{
		unsigned long number = strtoul(name, NULL, 10);

		PG_RETURN_OID(number >= UNKNOWN_FIRST && number <= PG_UINT32_MAX ?
					  (Oid) number : number_of_unknown(name));
	}
	relation = makeRangeVarFromNameList(weir_qualified_name_list(name));
	result = RangeVarGetRelid(relation, NoLock, true);
	if (!OidIsValid(result))
	{
		result = number_of_unknown(name);
		warn_once(name, result);
	}
	PG_RETURN_OID(result);
}

static Oid
number_of_unknown(const char *name)
{
	Oid			number = UNKNOWN_FIRST | hash_bytes((const unsigned char *) name, strlen(name));

	while (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(number)))
		number = UNKNOWN_FIRST | (number + 1);
	return number;
}

/* Once in a statement: there may be many rows about one relation. */
static void
warn_once(const char *name, Oid number)
{
	static Oid	warned[REMEMBERED];
	static uint32 nwarned = 0;
	static TimestampTz warned_by = 0;
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (warned_by != statement)
		nwarned = 0;
	warned_by = statement;
	for (uint32 i = 0; i < Min(nwarned, REMEMBERED); i++)
		if (warned[i] == number)
			return;
	warned[nwarned++ % REMEMBERED] = number;
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s\" does not exist", name)));
}
