/*
 * constants.c
 *	  Constants that would make each row a dead letter.
 *
 * A batch query with such a constant fails, and its user learns of it.  A view
 * would be created, and no row would ever count.  So functions that are known
 * to look at a constant by itself, whatever their other arguments are, are
 * tried once at CREATE VIEW.  Functions of users are not called.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/weir.h"
#include "meta/extension.h"
#include "query/constants.h"

static Const *zone_of(FuncExpr *call);
static Const *own_zone(FuncExpr *call);
static Const *pattern_of(Oid fn, List *args);
static bool takes_unit(Oid fn);
static void try_unit(FuncExpr *call);
static NullableDatum some_value(Oid type);
static Const *constant(Node *node);

void
weir_constants_check(ParseState *pstate, Node *node)
{
	FuncExpr   *call = (FuncExpr *) node;
	Oid			fn = IsA(node, OpExpr) ? get_opcode(((OpExpr *) node)->opno) : call->funcid;
	List	   *args = IsA(node, OpExpr) ? ((OpExpr *) node)->args : call->args;
	Const	   *zone = IsA(node, FuncExpr) ? zone_of(call) : NULL;
	Const	   *pattern = pattern_of(fn, args);
	ParseCallbackState position;

	if (zone == NULL && pattern == NULL && !takes_unit(fn))
		return;
	setup_parser_errposition_callback(&position, pstate, zone && zone->location >= 0 ? zone->location :
									  pattern && pattern->location >= 0 ? pattern->location : exprLocation(node));
	if (zone)
		(void) DirectFunctionCall2(timestamptz_zone, zone->constvalue, TimestampTzGetDatum(0));
	if (pattern)
		(void) DirectFunctionCall2Coll(textregexeq, DEFAULT_COLLATION_OID, PointerGetDatum(cstring_to_text("")),
									   pattern->constvalue);
	if (takes_unit(fn))
		try_unit(call);
	cancel_parser_errposition_callback(&position);
}

static Const *
zone_of(FuncExpr *call)
{
	switch (call->funcid)
	{
		case F_TIMEZONE_TEXT_TIMESTAMP:
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
		case F_TIMEZONE_TEXT_TIMETZ:
			return constant(linitial(call->args));
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			return constant(lthird(call->args));
		default:
			if (call->funcid >= FirstNormalObjectId && get_func_namespace(call->funcid) == weir_schema_oid())
				return own_zone(call);
	}
	return NULL;
}

/*
 * That of weir.tumble and its like: a text, their last argument, by place or
 * by name.
 */
static Const *
own_zone(FuncExpr *call)
{
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);

		if (IsA(arg, NamedArgExpr) && strcmp(((NamedArgExpr *) arg)->name, "zone") == 0)
			return constant((Node *) ((NamedArgExpr *) arg)->arg);
		if (!IsA(arg, NamedArgExpr) && lnext(call->args, lc) == NULL && list_length(call->args) >= 4 &&
			exprType(arg) == TEXTOID)
			return constant(arg);
	}
	return NULL;
}

/* A regular expression is the second argument of all that take one. */
static Const *
pattern_of(Oid fn, List *args)
{
	switch (fn)
	{
		case F_TEXTREGEXEQ:
		case F_TEXTREGEXNE:
		case F_TEXTICREGEXEQ:
		case F_TEXTICREGEXNE:
		case F_SUBSTRING_TEXT_TEXT:
		case F_REGEXP_REPLACE_TEXT_TEXT_TEXT:
		case F_REGEXP_MATCH_TEXT_TEXT:
		case F_REGEXP_MATCHES_TEXT_TEXT:
		case F_REGEXP_SPLIT_TO_TABLE_TEXT_TEXT:
		case F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT:
		case F_REGEXP_COUNT_TEXT_TEXT:
		case F_REGEXP_LIKE_TEXT_TEXT:
		case F_REGEXP_SUBSTR_TEXT_TEXT:
			return constant(lsecond(args));
		default:
			return NULL;
	}
}

/*
 * As its first argument; the others are a time and, sometimes, an origin or a
 * time zone.
 */
static bool
takes_unit(Oid fn)
{
	switch (fn)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
		case F_DATE_TRUNC_TEXT_INTERVAL:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMP:
		case F_DATE_PART_TEXT_INTERVAL:
		case F_DATE_PART_TEXT_TIME:
		case F_DATE_PART_TEXT_TIMETZ:
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_EXTRACT_TEXT_TIMESTAMP:
		case F_EXTRACT_TEXT_INTERVAL:
		case F_EXTRACT_TEXT_DATE:
		case F_EXTRACT_TEXT_TIME:
		case F_EXTRACT_TEXT_TIMETZ:
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

/* With the beginning of 2000 as the time. */
static void
try_unit(FuncExpr *call)
{
	LOCAL_FCINFO(fcinfo, 3);
	FmgrInfo	flinfo;
	int			nargs = list_length(call->args);

	if (constant(linitial(call->args)) == NULL)
		return;
	fmgr_info(call->funcid, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, nargs, call->inputcollid, NULL, NULL);
	for (int i = 0; i < nargs; i++)
	{
		Const	   *arg = constant(list_nth(call->args, i));

		fcinfo->args[i] = arg ? (NullableDatum) {arg->constvalue, false} : some_value(exprType(list_nth(call->args, i)));
		if (fcinfo->args[i].isnull)
			return;
	}
	(void) FunctionCallInvoke(fcinfo);
}

static NullableDatum
some_value(Oid type)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case TIMEOID:
			return (NullableDatum) {Int64GetDatum(0), false};
		case DATEOID:
			return (NullableDatum) {DateADTGetDatum(0), false};
		case INTERVALOID:
			return (NullableDatum) {PointerGetDatum(palloc0(sizeof(Interval))), false};
		case TIMETZOID:
			return (NullableDatum) {PointerGetDatum(palloc0(sizeof(TimeTzADT))), false};
		case TEXTOID:
			return (NullableDatum) {PointerGetDatum(cstring_to_text("UTC")), false};
		default:
			return (NullableDatum) {(Datum) 0, true};
	}
}

/* NULL: it is none, or NULL itself. */
static Const *
constant(Node *node)
{
	Const	   *value = (Const *) eval_const_expressions(NULL, node);

	return IsA(value, Const) && !value->constisnull ? value : NULL;
}

/*
 * The parameters of an aggregate; they are looked at before the value is.
 */
void
weir_constants_check_aggregate(PartialAgg *agg, Aggref *aggref)
{
	static const struct
	{
		const char *name;
		int			nargs;
		int			first;
		int			last;
	}			parameters[] = {
		{"hll_agg", 2, 1, 1}, {"bloom_agg", 3, 1, 2}, {"freq_agg", 3, 1, 2}, {"topk_agg", 2, 1, 1}, {"topk_agg", 3, 1, 1},
		{"topk_agg", 4, 1, 3}, {"dist_agg", 2, 1, 1}, {"first_values", 2, 0, 0}, {"first_values", 3, 0, 0}, {"top_n", 2, 0, 0},
		{"top_n", 3, 0, 0}
	};
	NullableDatum args[FUNC_MAX_ARGS];
	const char *name = get_func_name(aggref->aggfnoid);

	if (get_func_namespace(aggref->aggfnoid) != weir_schema_oid())
		return;
	for (int i = 0; i < lengthof(parameters); i++)
	{
		bool		known = strcmp(parameters[i].name, name) == 0 && parameters[i].nargs == agg->nargs;

		for (int j = 0; j < agg->nargs; j++)
			args[j] = (NullableDatum) {(Datum) 0, true};
		for (int j = parameters[i].first; known && j <= parameters[i].last; j++)
		{
			Const	   *value = (Const *) eval_const_expressions(NULL, (Node *) list_nth_node(TargetEntry, aggref->args, j)->expr);

			known = IsA(value, Const);
			if (known)
				args[j] = (NullableDatum) {value->constvalue, value->constisnull};
		}
		if (known)
			weir_partial_agg_try(agg, args);
	}
}
