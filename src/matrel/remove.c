/*
 * remove.c
 *	  Deleting rows of a matrel, with their values.
 *
 * One statement deletes both, so a group and its values are there together or
 * not at all:
 *
 *	WITH gone AS (DELETE FROM v_mrel WHERE ctid = ANY (ARRAY(rows)) RETURNING k),
 *		 values1 AS (DELETE FROM v_vals1 a USING gone g WHERE a.k is g.k)
 *	SELECT count(*) FROM gone
 *
 * Values are found by the index on the hash of the keys, as when they are read.
 */
#include "postgres.h"

#include "matrel/remove.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "matrel/shape.h"
#include "query/values.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static char *relation_name(Oid relid);
static void append_keys(StringInfo sql, const ContQuery *query, List *keys, const char *prefix);
static void append_values(StringInfo sql, const ContQuery *query, int n, Oid relid);
static void append_same_key(StringInfo sql, const ContKey *key);

int64
weir_matrel_remove(const ContView *view, const ContQuery *query, const char *rows,
				   int nargs, Oid *types, Datum *args)
{
	StringInfoData sql;
	int			guc_level;
	int64		deleted;
	bool		isnull;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH gone AS (DELETE FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(%s)) RETURNING ",
					 relation_name(view->matrelid), rows);
	for (int i = 0; i < query->nkeys; i++)
		appendStringInfo(&sql, "%s AS k%d, ", quote_identifier(query->keys[i].colname), i);
	appendStringInfoString(&sql, "true)");
	for (int i = 0; i < view->nvalues; i++)
		append_values(&sql, query, i, view->values[i]);
	appendStringInfoString(&sql, " SELECT pg_catalog.count(*) FROM gone");

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/* Most of the time little is to be found. */
	guc_level = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	weir_matrel_writable = true;
	PG_TRY();
	{
		if (SPI_execute_with_args(sql.data, nargs, types, args, NULL, false, 0) != SPI_OK_SELECT ||
			SPI_processed != 1)
			elog(ERROR, "could not delete rows of a materialization table");
	}
	PG_FINALLY();
	{
		weir_matrel_writable = false;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, guc_level);
	deleted = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return deleted;
}

static char *
relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static void
append_keys(StringInfo sql, const ContQuery *query, List *keys, const char *prefix)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		int			i = lfirst_int(lc);

		appendStringInfo(sql, "%s%s%s", lc == list_head(keys) ? "" : ", ", prefix,
						 strcmp(prefix, "a.") == 0 ? quote_identifier(query->keys[i].colname) : psprintf("k%d", i));
	}
}

/* Names of the view's keys are the same in the matrel and in its values relations. */
static void
append_values(StringInfo sql, const ContQuery *query, int n, Oid relid)
{
	int			then;
	List	   *keys = weir_values_index_keys(query, &then);

	appendStringInfo(sql, ", values%d AS (DELETE FROM %s a USING gone g WHERE true", n, relation_name(relid));
	if (keys != NIL)
	{
		appendStringInfoString(sql, " AND weir.hash_key(");
		append_keys(sql, query, keys, "a.");
		appendStringInfoString(sql, ") OPERATOR(pg_catalog.=) weir.hash_key(");
		append_keys(sql, query, keys, "g.");
		appendStringInfoChar(sql, ')');
	}
	for (int i = 0; i < query->nkeys; i++)
	{
		const char *name = quote_identifier(query->keys[i].colname);

		appendStringInfo(sql, " AND (a.%s ", name);
		append_same_key(sql, &query->keys[i]);
		appendStringInfo(sql, " g.k%d", i);
		if (i != then)
			appendStringInfo(sql, " OR a.%s IS NULL AND g.k%d IS NULL", name, i);
		appendStringInfoChar(sql, ')');
	}
	appendStringInfoChar(sql, ')');
}

static void
append_same_key(StringInfo sql, const ContKey *key)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(key->eqop));
	Form_pg_operator form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", key->eqop);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	appendStringInfo(sql, "OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname));
	ReleaseSysCache(tuple);
}
