/*
 * view_row.c
 *	  A row of weir.continuous_view, and what it says of a view.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/own_table.h"
#include "meta/view_options.h"
#include "meta/view_row.h"

static const char *const state_names[] = {"active", "inactive", "suspended"};

static void relations_from_row(ContView *view, const Datum *values);
static Datum array_of_values(const ContView *view, Oid type);
static List *streams_list(Datum array);
static void read_generations(ContViewOptions *options, ArrayType *array);
static ContViewState state_from_name(const char *name);

HeapTuple
weir_view_row_form(const ContView *view, TupleDesc desc)
{
	Datum		values[NVIEW_COLUMNS] = {0};
	bool		nulls[NVIEW_COLUMNS] = {false};
	Oid			type;

	values[Anum_view_def - 1] = ObjectIdGetDatum(view->defid);
	values[Anum_view_view - 1] = ObjectIdGetDatum(view->viewid);
	values[Anum_view_matrel - 1] = ObjectIdGetDatum(view->matrelid);
	type = TupleDescAttr(desc, Anum_view_def - 1)->atttypid;
	values[Anum_view_values - 1] = array_of_values(view, type);
	values[Anum_view_streams - 1] = weir_own_oids(view->streams, type);
	values[Anum_view_state - 1] = CStringGetTextDatum(weir_view_state_name(view->state));
	nulls[Anum_view_reason - 1] = true;
	values[Anum_view_since - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	weir_view_options_form(&view->options, values, nulls);
	nulls[Anum_view_generations - 1] = nulls[Anum_view_replaced - 1] = true;
	values[Anum_view_start_boot - 1] = Int64GetDatum(weir_view_row_boot(view->start_boot));
	values[Anum_view_start_seq - 1] = Int64GetDatum(view->start_seq);
	values[Anum_view_created - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[Anum_view_search_path - 1] = CStringGetTextDatum(view->path);
	return heap_form_tuple(desc, values, nulls);
}

ContView *
weir_view_row_read(HeapTuple tuple, TupleDesc desc)
{
	ContView   *view = palloc0(sizeof(ContView));
	Datum		values[NVIEW_COLUMNS];
	bool		nulls[NVIEW_COLUMNS];

	heap_deform_tuple(tuple, desc, values, nulls);
	relations_from_row(view, values);
	view->streams = streams_list(values[Anum_view_streams - 1]);
	view->state = state_from_name(TextDatumGetCString(values[Anum_view_state - 1]));
	view->since = DatumGetTimestampTz(values[Anum_view_since - 1]);
	weir_view_options_deform(&view->options, values, nulls);
	if (!nulls[Anum_view_generations - 1])
		read_generations(&view->options, DatumGetArrayTypeP(values[Anum_view_generations - 1]));
	view->start_boot = weir_view_row_boot(DatumGetInt64(values[Anum_view_start_boot - 1]));
	view->start_seq = DatumGetInt64(values[Anum_view_start_seq - 1]);
	view->path = TextDatumGetCString(values[Anum_view_search_path - 1]);
	return view;
}

void
weir_view_row_relations(ContView *view, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NVIEW_COLUMNS];
	bool		nulls[NVIEW_COLUMNS];

	heap_deform_tuple(tuple, desc, values, nulls);
	relations_from_row(view, values);
}

const char *
weir_view_state_name(ContViewState state)
{
	return state_names[state];
}

static void
relations_from_row(ContView *view, const Datum *values)
{
	Datum	   *relids;

	view->defid = DatumGetObjectId(values[Anum_view_def - 1]);
	view->viewid = DatumGetObjectId(values[Anum_view_view - 1]);
	view->matrelid = DatumGetObjectId(values[Anum_view_matrel - 1]);
	deconstruct_array(DatumGetArrayTypeP(values[Anum_view_values - 1]),
					  ARR_ELEMTYPE(DatumGetArrayTypeP(values[Anum_view_values - 1])), sizeof(Oid), true, TYPALIGN_INT,
					  &relids, NULL, &view->nvalues);
	if (view->nvalues > MAX_VIEW_VALUES)
		elog(ERROR, "continuous view has %d values relations", view->nvalues);
	for (int i = 0; i < view->nvalues; i++)
		view->values[i] = DatumGetObjectId(relids[i]);
}

static Datum
array_of_values(const ContView *view, Oid type)
{
	Datum		relids[MAX_VIEW_VALUES];

	for (int i = 0; i < view->nvalues; i++)
		relids[i] = ObjectIdGetDatum(view->values[i]);
	return PointerGetDatum(construct_array(relids, view->nvalues, type, sizeof(Oid), true, TYPALIGN_INT));
}

static void
read_generations(ContViewOptions *options, ArrayType *array)
{
	Datum	   *elems;
	int			n;

	deconstruct_array(array, INT2OID, sizeof(int16), true, TYPALIGN_SHORT, &elems, NULL, &n);
	if (n > MAX_VIEW_GENERATIONS)
		elog(ERROR, "too many generations of a continuous view");
	options->ngenerations = n;
	for (int i = 0; i < n; i++)
		options->generations[i] = DatumGetInt16(elems[i]);
}

static ContViewState
state_from_name(const char *name)
{
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(name, state_names[i]) == 0)
			return (ContViewState) i;
	elog(ERROR, "unknown state \"%s\" of a continuous view", name);
}

static List *
streams_list(Datum array)
{
	List	   *streams = NIL;
	Datum	   *elems;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), ARR_ELEMTYPE(DatumGetArrayTypeP(array)), sizeof(Oid),
					  true, TYPALIGN_INT, &elems, NULL, &n);
	for (int i = 0; i < n; i++)
		streams = lappend_oid(streams, DatumGetObjectId(elems[i]));
	return streams;
}

int64
weir_view_row_boot(int64 boot)
{
	return boot ^ ((int64) MyDatabaseId << 16);
}
