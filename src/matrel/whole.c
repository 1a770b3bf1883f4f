/*
 * whole.c
 *	  Looks at the relations of a restored view: are they what its query
 *	  writes?
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "agg/partial.h"
#include "base/compat.h"
#include "matrel/shape.h"
#include "matrel/whole.h"
#include "query/values.h"

static char *relation_missing(Oid relid, const ContQuery *cq);
static bool has_column(TupleDesc desc, int column, const char *name, Oid type);
static bool has_columns(Relation rel, const ContQuery *cq);
static bool is_initial_row(const ContQuery *cq);

void
weir_matrel_adopt(ContView *view)
{
	weir_depend_on(view->matrelid, view->defid, DEPENDENCY_AUTO);
	for (int i = 0; i < view->nvalues; i++)
	{
		weir_depend_on(view->values[i], view->defid, DEPENDENCY_AUTO);
		weir_depend_on(view->matrelid, view->values[i], DEPENDENCY_NORMAL);
	}
	if (OidIsValid(view->options.late_stream) && weir_relation_is_stream(view->options.late_stream))
		weir_depend_on(view->viewid, view->options.late_stream, DEPENDENCY_NORMAL);
	CommandCounterIncrement();
}

char *
weir_matrel_missing(const ContView *view, const ContQuery *cq)
{
	char	   *missing = relation_missing(view->matrelid, cq);

	if (missing == NULL && list_length(cq->values) != view->nvalues)
		missing = psprintf("its query needs %d values relations, not %d", list_length(cq->values), view->nvalues);
	for (int i = 0; missing == NULL && i < view->nvalues; i++)
		missing = relation_missing(view->values[i], ((ValuesRel *) list_nth(cq->values, i))->query);
	return missing;
}

static char *
relation_missing(Oid relid, const ContQuery *cq)
{
	Relation	rel = table_open(relid, AccessShareLock);
	const char *problem = NULL;
	bool		hashed;

	if (!has_columns(rel, cq))
		problem = "table %s has not the columns that its query needs";
	else if (!cq->append && cq->nkeys > 0 && !OidIsValid(weir_matrel_lookup_index(rel, cq, &hashed)))
		problem = "table %s has no index on its group key";
	table_close(rel, AccessShareLock);
	return problem == NULL ? NULL :
		psprintf(problem, quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)));
}

static bool
has_columns(Relation rel, const ContQuery *cq)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < cq->nkeys; i++)
		if (!has_column(desc, i, cq->keys[i].colname, cq->keys[i].type))
			return false;
	for (int i = 0; i < cq->nstates; i++)
	{
		ContState  *state = &cq->states[i];

		if (!has_column(desc, state->column, state->colname, state->statetype) ||
			(state->value_column >= 0 &&
			 !has_column(desc, state->value_column, state->value_name, state->aggref->aggtype)) ||
			(cq->block_usecs && !has_column(desc, state->block_column, state->block_name, state->statetype)))
			return false;
	}
	return true;
}

static bool
has_column(TupleDesc desc, int column, const char *name, Oid type)
{
	Form_pg_attribute att;

	if (column >= desc->natts)
		return false;
	att = TupleDescAttr(desc, column);
	return !att->attisdropped && att->atttypid == type && strcmp(NameStr(att->attname), name) == 0;
}

bool
weir_matrel_is_initial(Oid matrelid, const ContQuery *cq, bool *empty)
{
	char	   *sql = psprintf("SELECT * FROM %s LIMIT 2",
							   quote_qualified_identifier(get_namespace_name(get_rel_namespace(matrelid)),
														  get_rel_name(matrelid)));
	bool		result;

	SPI_connect();
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a materialization table");
	*empty = SPI_processed == 0;
	result = *empty ||
		(SPI_processed == 1 && cq->ungrouped && cq->nkeys == 0 && is_initial_row(cq));
	SPI_finish();
	return result;
}

/* What SPI has read, against what weir_matrel_insert_initial puts in. */
static bool
is_initial_row(const ContQuery *cq)
{
	for (int i = 0; i < cq->nstates; i++)
	{
		PartialAgg *agg = weir_partial_agg_from_aggref(CurrentMemoryContext, cq->states[i].aggref);
		Form_pg_attribute att = TupleDescAttr(SPI_tuptable->tupdesc, cq->states[i].column);
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										  cq->states[i].column + 1, &isnull);

		if (isnull != agg->initisnull ||
			(!isnull && !datum_image_eq(value, agg->initvalue, att->attbyval, att->attlen)))
			return false;
	}
	return true;
}
