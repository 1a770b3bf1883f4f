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
#include "meta/extension.h"
#include "meta/view_row.h"

enum
{
	ANUM_DEF = 1,
	ANUM_VIEW,
	ANUM_MATREL,
	ANUM_VALUES,
	ANUM_STREAMS,
	ANUM_STATE,
	ANUM_REASON,
	ANUM_SINCE,
	ANUM_SW,
	ANUM_STEP,
	ANUM_TTL,
	ANUM_TTL_COLUMN,
	ANUM_FILLFACTOR,
	ANUM_PK,
	ANUM_EMIT,
	ANUM_LATE,
	ANUM_LATE_STREAM,
	ANUM_LATENESS,
	ANUM_RETENTION,
	ANUM_PARTITION_BY,
	ANUM_PARTITION_INTERVAL,
	ANUM_GENERATIONS,
	ANUM_REPLACED,
	ANUM_START_BOOT,
	ANUM_START_SEQ,
	ANUM_CREATED,
	ANUM_PATH,
	NATTS = ANUM_PATH
};

static const char *const state_names[] = {"active", "inactive", "suspended"};
static const char *const late_names[] = {"update", "drop", "divert"};

static void relations_from_row(ContView *view, const Datum *values);
static Datum array_of_values(const ContView *view, Oid type);
static List *streams_list(Datum array);
static Datum array_of_names(List *names);
static List *names_list(ArrayType *array);
static void read_generations(ContViewOptions *options, ArrayType *array);
static ContViewState state_from_name(const char *name);
static Interval *make_interval_usecs(int64 usecs);

HeapTuple
weir_view_row_form(const ContView *view, TupleDesc desc)
{
	const ContViewOptions *options = &view->options;
	Datum		values[NATTS] = {0};
	bool		nulls[NATTS] = {false};
	Oid			type;

	values[ANUM_DEF - 1] = ObjectIdGetDatum(view->defid);
	values[ANUM_VIEW - 1] = ObjectIdGetDatum(view->viewid);
	values[ANUM_MATREL - 1] = ObjectIdGetDatum(view->matrelid);
	type = TupleDescAttr(desc, ANUM_DEF - 1)->atttypid;
	values[ANUM_VALUES - 1] = array_of_values(view, type);
	values[ANUM_STREAMS - 1] = weir_own_oids(view->streams, type);
	values[ANUM_STATE - 1] = CStringGetTextDatum(weir_view_state_name(view->state));
	nulls[ANUM_REASON - 1] = true;
	values[ANUM_SINCE - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (options->sliding)
	{
		values[ANUM_SW - 1] = IntervalPGetDatum(&options->sw);
		values[ANUM_STEP - 1] = IntervalPGetDatum(make_interval_usecs(options->step_usecs));
	}
	else
		nulls[ANUM_SW - 1] = nulls[ANUM_STEP - 1] = true;
	if (options->has_ttl)
	{
		values[ANUM_TTL - 1] = IntervalPGetDatum(&options->ttl);
		values[ANUM_TTL_COLUMN - 1] = NameGetDatum(&options->ttl_column);
	}
	else
		nulls[ANUM_TTL - 1] = nulls[ANUM_TTL_COLUMN - 1] = true;
	if (options->fillfactor > 0)
		values[ANUM_FILLFACTOR - 1] = Int32GetDatum(options->fillfactor);
	else
		nulls[ANUM_FILLFACTOR - 1] = true;
	values[ANUM_PK - 1] = array_of_names(options->pk);
	nulls[ANUM_PK - 1] = options->pk == NIL;
	values[ANUM_EMIT - 1] = CStringGetTextDatum(options->final ? "final" : "changes");
	values[ANUM_LATE - 1] = CStringGetTextDatum(late_names[options->late]);
	values[ANUM_LATE_STREAM - 1] = ObjectIdGetDatum(options->late_stream);
	nulls[ANUM_LATE_STREAM - 1] = !OidIsValid(options->late_stream);
	values[ANUM_LATENESS - 1] = IntervalPGetDatum(&options->lateness);
	values[ANUM_RETENTION - 1] = IntervalPGetDatum(&options->retention);
	nulls[ANUM_RETENTION - 1] = !options->retained;
	values[ANUM_PARTITION_BY - 1] = NameGetDatum(&options->partition_column);
	values[ANUM_PARTITION_INTERVAL - 1] = IntervalPGetDatum(&options->partition_interval);
	nulls[ANUM_PARTITION_BY - 1] = nulls[ANUM_PARTITION_INTERVAL - 1] = !options->partitioned;
	nulls[ANUM_GENERATIONS - 1] = nulls[ANUM_REPLACED - 1] = true;
	values[ANUM_START_BOOT - 1] = Int64GetDatum(weir_view_row_boot(view->start_boot));
	values[ANUM_START_SEQ - 1] = Int64GetDatum(view->start_seq);
	values[ANUM_CREATED - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[ANUM_PATH - 1] = CStringGetTextDatum(view->path);
	return heap_form_tuple(desc, values, nulls);
}

ContView *
weir_view_row_read(HeapTuple tuple, TupleDesc desc)
{
	ContView   *view = palloc0(sizeof(ContView));
	ContViewOptions *options = &view->options;
	Datum		values[NATTS];
	bool		nulls[NATTS];

	heap_deform_tuple(tuple, desc, values, nulls);
	relations_from_row(view, values);
	view->streams = streams_list(values[ANUM_STREAMS - 1]);
	view->state = state_from_name(TextDatumGetCString(values[ANUM_STATE - 1]));
	view->since = DatumGetTimestampTz(values[ANUM_SINCE - 1]);
	options->sliding = !nulls[ANUM_SW - 1];
	if (options->sliding)
	{
		options->sw = *DatumGetIntervalP(values[ANUM_SW - 1]);
		options->step_usecs = weir_interval_usecs(DatumGetIntervalP(values[ANUM_STEP - 1]));
	}
	options->has_ttl = !nulls[ANUM_TTL - 1] && !nulls[ANUM_TTL_COLUMN - 1];
	if (options->has_ttl)
	{
		options->ttl = *DatumGetIntervalP(values[ANUM_TTL - 1]);
		options->ttl_column = *DatumGetName(values[ANUM_TTL_COLUMN - 1]);
	}
	if (!nulls[ANUM_FILLFACTOR - 1])
		options->fillfactor = DatumGetInt32(values[ANUM_FILLFACTOR - 1]);
	if (!nulls[ANUM_PK - 1])
		options->pk = names_list(DatumGetArrayTypeP(values[ANUM_PK - 1]));
	options->final = strcmp(TextDatumGetCString(values[ANUM_EMIT - 1]), "final") == 0;
	for (int i = 0; i < lengthof(late_names); i++)
		if (strcmp(TextDatumGetCString(values[ANUM_LATE - 1]), late_names[i]) == 0)
			options->late = (LateAction) i;
	if (!nulls[ANUM_LATE_STREAM - 1])
		options->late_stream = DatumGetObjectId(values[ANUM_LATE_STREAM - 1]);
	options->lateness = *DatumGetIntervalP(values[ANUM_LATENESS - 1]);
	options->retained = !nulls[ANUM_RETENTION - 1];
	if (options->retained)
		options->retention = *DatumGetIntervalP(values[ANUM_RETENTION - 1]);
	options->partitioned = !nulls[ANUM_PARTITION_BY - 1] && !nulls[ANUM_PARTITION_INTERVAL - 1];
	if (options->partitioned)
	{
		options->partition_column = *DatumGetName(values[ANUM_PARTITION_BY - 1]);
		options->partition_interval = *DatumGetIntervalP(values[ANUM_PARTITION_INTERVAL - 1]);
	}
	if (!nulls[ANUM_GENERATIONS - 1])
		read_generations(options, DatumGetArrayTypeP(values[ANUM_GENERATIONS - 1]));
	view->start_boot = weir_view_row_boot(DatumGetInt64(values[ANUM_START_BOOT - 1]));
	view->start_seq = DatumGetInt64(values[ANUM_START_SEQ - 1]);
	view->path = TextDatumGetCString(values[ANUM_PATH - 1]);
	return view;
}

void
weir_view_row_relations(ContView *view, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NATTS];
	bool		nulls[NATTS];

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

	view->defid = DatumGetObjectId(values[ANUM_DEF - 1]);
	view->viewid = DatumGetObjectId(values[ANUM_VIEW - 1]);
	view->matrelid = DatumGetObjectId(values[ANUM_MATREL - 1]);
	deconstruct_array(DatumGetArrayTypeP(values[ANUM_VALUES - 1]),
					  ARR_ELEMTYPE(DatumGetArrayTypeP(values[ANUM_VALUES - 1])), sizeof(Oid), true, TYPALIGN_INT,
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

static Datum
array_of_names(List *names)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(list_length(names), 1));
	ListCell   *lc;

	foreach(lc, names)
		elems[foreach_current_index(lc)] = DirectFunctionCall1(namein, CStringGetDatum(lfirst(lc)));
	return PointerGetDatum(construct_array(elems, list_length(names), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

static List *
names_list(ArrayType *array)
{
	List	   *names = NIL;
	Datum	   *elems;
	int			n;

	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elems, NULL, &n);
	for (int i = 0; i < n; i++)
		names = lappend(names, pstrdup(NameStr(*DatumGetName(elems[i]))));
	return names;
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

static Interval *
make_interval_usecs(int64 usecs)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = usecs;
	return interval;
}
