/*
 * remove.c
 *	  Deleting rows of a matrel, with their values.
 *
 * One statement deletes both, so a group and its values are there together or
 * not at all:
 *
 *	WITH gone AS (DELETE FROM v_mrel WHERE ctid = ANY (ARRAY(rows)) RETURNING
 *	k),
 *		 values1 AS (DELETE FROM v_vals1 a USING gone g WHERE a.k is g.k)
 *	SELECT count(*) FROM gone
 *
 * Values are found by the index on the hash of the keys, as when they are
 * read.
 *
 * A group may have millions of values.  So these are counted first, group by
 * group, and no more groups are taken than a portion may have rows and values
 * together: but always one, as a group is deleted as a whole.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "agg/key.h"
#include "matrel/guard.h"
#include "matrel/remove.h"
#include "query/values.h"

static ArrayType *choose_rows(const ContView *view, const ContQuery *query, const char *rows,
							  int nargs, Oid *types, Datum *args, int64 limit, int64 *nvalues);
static int64 delete_rows(const ContView *view, const ContQuery *query, const char *rows,
						 int nargs, Oid *types, Datum *args);
static void append_key_columns(StringInfo sql, const ContQuery *query);
static char *relation_name(Oid relid);
static void append_keys(StringInfo sql, const ContQuery *query, List *keys, const char *prefix);
static void append_same_group(StringInfo sql, const ContQuery *query);
static void append_same_key(StringInfo sql, const ContKey *key);

int64
weir_matrel_remove(const ContView *view, const ContQuery *query, const char *rows,
				   int nargs, Oid *types, Datum *args, int64 limit, int64 *nvalues)
{
	int			guc_level = NewGUCNestLevel();
	int64		deleted;

	*nvalues = 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/*
	 * Most of the time little is to be found.  What a plan without indexes is
	 * said to cost would be compiled.
	 */
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (view->nvalues == 0 || limit == 0)
		deleted = delete_rows(view, query, psprintf("ARRAY(%s)", rows), nargs, types, args);
	else
	{
		Oid			type = TIDARRAYOID;
		Datum		chosen = PointerGetDatum(choose_rows(view, query, rows, nargs, types, args, limit, nvalues));

		deleted = delete_rows(view, query, "$1", 1, &type, &chosen);
	}
	AtEOXact_GUC(true, guc_level);
	SPI_finish();
	return deleted;
}

/*
 * Of the rows that a query gives the first ones, up to as many as have limit
 * values with themselves; how many values these are goes to *nvalues.
 */
static ArrayType *
choose_rows(const ContView *view, const ContQuery *query, const char *rows,
			int nargs, Oid *types, Datum *args, int64 limit, int64 *nvalues)
{
	StringInfoData sql;
	Portal		portal;
	ArrayBuildState *chosen = initArrayResult(TIDOID, CurrentMemoryContext, false);
	int64		taken = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT g.id");
	for (int i = 0; i < view->nvalues; i++)
	{
		appendStringInfo(&sql, "%s(SELECT pg_catalog.count(*) FROM (SELECT FROM %s a WHERE ",
						 i == 0 ? ", " : " OPERATOR(pg_catalog.+) ", relation_name(view->values[i]));
		append_same_group(&sql, query);
		appendStringInfo(&sql, " LIMIT " INT64_FORMAT ") c)", limit);
	}
	appendStringInfoString(&sql, " FROM (SELECT ctid AS id");
	append_key_columns(&sql, query);
	appendStringInfo(&sql, " FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(%s))) g",
					 relation_name(view->matrelid), rows);

	portal = SPI_cursor_open_with_args(NULL, sql.data, nargs, types, args, NULL, false, 0);
	while (taken < limit)
	{
		bool		isnull;
		Datum		id;
		int64		n;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, 1);
		if (SPI_processed == 0)
			break;
		id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		(void) accumArrayResult(chosen, id, false, TIDOID, CurrentMemoryContext);
		SPI_freetuptable(SPI_tuptable);
		*nvalues += n;
		taken += n + 1;
	}
	SPI_cursor_close(portal);
	return DatumGetArrayTypeP(makeArrayResult(chosen, CurrentMemoryContext));
}

/* rows: an expression of type tid[]. */
static int64
delete_rows(const ContView *view, const ContQuery *query, const char *rows,
			int nargs, Oid *types, Datum *args)
{
	StringInfoData sql;
	bool		isnull;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH gone AS (DELETE FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (%s) RETURNING true",
					 relation_name(view->matrelid), rows);
	append_key_columns(&sql, query);
	appendStringInfoChar(&sql, ')');
	for (int i = 0; i < view->nvalues; i++)
	{
		appendStringInfo(&sql, ", values%d AS (DELETE FROM %s a USING gone g WHERE ", i, relation_name(view->values[i]));
		append_same_group(&sql, query);
		appendStringInfoChar(&sql, ')');
	}
	appendStringInfoString(&sql, " SELECT pg_catalog.count(*) FROM gone");
	weir_matrel_writable = view->defid;
	PG_TRY();
	{
		if (SPI_execute_with_args(sql.data, nargs, types, args, NULL, false, 0) != SPI_OK_SELECT ||
			SPI_processed != 1)
			elog(ERROR, "could not delete rows of a materialization table");
	}
	PG_FINALLY();
	{
		weir_matrel_writable = InvalidOid;
	}
	PG_END_TRY();
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
append_key_columns(StringInfo sql, const ContQuery *query)
{
	for (int i = 0; i < query->nkeys; i++)
		appendStringInfo(sql, ", %s AS k%d", quote_identifier(query->keys[i].colname), i);
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

/*
 * Values a are those of the group g.  Names of the view's keys are the same in
 * the matrel and in its values relations.
 */
static void
append_same_group(StringInfo sql, const ContQuery *query)
{
	int			then;
	List	   *keys = weir_values_index_keys(query, &then);

	appendStringInfoString(sql, "true");
	if (keys != NIL)
	{
		keys = weir_keys_of_hash(keys);
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
