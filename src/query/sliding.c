/*
 * sliding.c
 *	  The condition in WHERE that makes a view's window slide.
 *
 *		time > clock_timestamp() - interval [AND time <= clock_timestamp()]
 *
 * in any order of its sides, with the interval on either, and with now(),
 * current_timestamp or another name of the present in its place.  WITH (sw =
 * ...) puts the same condition into the stored query, so that whatever is
 * known of a window is in one place, and columns it names are depended on and
 * renamed as any other.
 *
 * A row's time is compared with the clock each time the view is read, so the
 * condition is no part of the continuous query: it is taken out here, and the
 * view query gets it back in terms of the matrel.  Conditions that compare a
 * column of the stream with the present in another way would have to be looked
 * at again for each row at each reading; they are refused.  Conditions on the
 * present that touch no column of the stream (of a joined table, say) are met
 * when a row is processed.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/extension.h"
#include "query/def.h"
#include "query/expr.h"
#include "query/sliding.h"
#include "query/union.h"

#define SHAPE_HINT "Write <time column> > clock_timestamp() - <interval>, and join it to other conditions by AND. For the time at which a row came, use " WEIR_ARRIVAL_COLUMN "."

typedef struct TakeContext
{
	ParseState *pstate;
	Query	   *query;
	Index		stream;
	SlidingWindow *window;
	int			location;		/* of the latest condition taken */
} TakeContext;

typedef struct FindContext
{
	Oid			clockfn;
	Node	   *found;			/* a call that gives the present */
} FindContext;

static Node *take_from_jointree(TakeContext *cxt, Node *node);
static Node *take_from_quals(TakeContext *cxt, Node *quals, bool conjunct);
static bool compares_with_present(TakeContext *cxt, Node *leaf, int *location);
static bool find_present_walker(Node *node, FindContext *cxt);
static bool is_present(Node *node, Oid clockfn);
static bool check_filters_walker(Node *node, TakeContext *cxt);
static void take_comparison(TakeContext *cxt, Node *leaf, int location);
static bool match_times(TakeContext *cxt, OpExpr *op, bool *is_lower, bool *inclusive,
						Node **time, Node **bound, Interval *distance);
static bool match_age(OpExpr *op, bool *is_lower, bool *inclusive,
					  Node **time, Node **bound, Interval *distance);
static bool comparison_of(Oid opno, bool *greater, bool *inclusive);
static bool clock_expr(Node *node, Interval *offset);
static Node *peel_offset(Node *node, Interval *offset);
static bool const_interval(Node *node, Interval *interval);
static void add_interval(Interval *sum, const Interval *interval, int sign);
static Node *minus_interval(Node *bound, const Interval *interval);
static Node *use_clock_mutator(Node *node, void *context);
static Oid	clock_function(void);
static bool add_to_query(Query *query, const char *column, const Interval *length);
static void add_condition(Query *query, Var *time, const Interval *length);

SlidingWindow *
weir_sliding_take(ParseState *pstate, Query *query, Index stream)
{
	TakeContext cxt = {pstate, query, stream, NULL, -1};

	take_from_jointree(&cxt, (Node *) query->jointree);
	check_filters_walker((Node *) query->targetList, &cxt);
	check_filters_walker(query->havingQual, &cxt);
	if (cxt.window && cxt.window->lower == NULL)
		weir_query_refuse(pstate, cxt.location, "a sliding window without a beginning", SHAPE_HINT);
	return cxt.window;
}

/*
 * WHERE, also of subqueries that were pulled up; what is in ON says what is
 * joined, and no window.
 */
static Node *
take_from_jointree(TakeContext *cxt, Node *node)
{
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		foreach(lc, from->fromlist)
			take_from_jointree(cxt, lfirst(lc));
		from->quals = take_from_quals(cxt, from->quals, true);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		take_from_jointree(cxt, join->larg);
		take_from_jointree(cxt, join->rarg);
		join->quals = take_from_quals(cxt, join->quals, false);
	}
	return node;
}

/*
 * What is left.  conjunct: the rows of the query are those for which this is
 * true.
 */
static Node *
take_from_quals(TakeContext *cxt, Node *quals, bool conjunct)
{
	int			location;

	if (quals == NULL)
		return NULL;
	if (IsA(quals, BoolExpr))
	{
		BoolExpr   *expr = (BoolExpr *) quals;
		bool		is_and = conjunct && expr->boolop == AND_EXPR;
		List	   *rest = NIL;
		ListCell   *lc;

		foreach(lc, expr->args)
		{
			Node	   *arg = take_from_quals(cxt, lfirst(lc), is_and);

			if (arg)
				rest = lappend(rest, arg);
		}
		expr->args = rest;
		if (list_length(rest) > 1 || expr->boolop == NOT_EXPR)
			return quals;
		return rest ? linitial(rest) : NULL;
	}
	if (!compares_with_present(cxt, quals, &location))
		return quals;
	if (!conjunct)
		weir_query_refuse(cxt->pstate, location,
						  "comparing a stream's column with the present under OR, under NOT or in ON",
						  SHAPE_HINT);
	take_comparison(cxt, quals, location);
	return NULL;
}

static bool
compares_with_present(TakeContext *cxt, Node *leaf, int *location)
{
	FindContext find = {clock_function(), NULL};

	if (!find_present_walker(leaf, &find))
		return false;
	*location = exprLocation(find.found);
	leaf = weir_flatten_join_alias_vars(cxt->query, leaf);
	return bms_is_member(cxt->stream, pull_varnos(NULL, leaf));
}

/* FILTER is met when a row is processed, and could not be met again. */
static bool
check_filters_walker(Node *node, TakeContext *cxt)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Node	   *filter = (Node *) ((Aggref *) node)->aggfilter;
		int			location;

		if (filter && compares_with_present(cxt, filter, &location))
			weir_query_refuse(cxt->pstate, location,
							  "comparing a stream's column with the present in FILTER",
							  "Define a view with a sliding window: write the condition into WHERE.");
		return false;
	}
	return expression_tree_walker(node, check_filters_walker, cxt);
}

static bool
find_present_walker(Node *node, FindContext *cxt)
{
	if (node == NULL)
		return false;
	if (is_present(node, cxt->clockfn))
	{
		cxt->found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_present_walker, cxt, 0);
	return expression_tree_walker(node, find_present_walker, cxt);
}

/* Whatever is called so in SQL. */
static bool
is_present(Node *node, Oid clockfn)
{
	if (IsA(node, FuncExpr))
	{
		Oid			fn = ((FuncExpr *) node)->funcid;

		return fn == F_CLOCK_TIMESTAMP || fn == F_NOW || fn == F_STATEMENT_TIMESTAMP ||
			fn == F_TRANSACTION_TIMESTAMP || fn == F_TIMEOFDAY ||
			fn == F_AGE_TIMESTAMPTZ || fn == F_AGE_TIMESTAMP || fn == clockfn;
	}
	if (IsA(node, SQLValueFunction))
	{
		switch (((SQLValueFunction *) node)->op)
		{
			case SVFOP_CURRENT_DATE:
			case SVFOP_CURRENT_TIME:
			case SVFOP_CURRENT_TIME_N:
			case SVFOP_CURRENT_TIMESTAMP:
			case SVFOP_CURRENT_TIMESTAMP_N:
			case SVFOP_LOCALTIME:
			case SVFOP_LOCALTIME_N:
			case SVFOP_LOCALTIMESTAMP:
			case SVFOP_LOCALTIMESTAMP_N:
				return true;
			default:
				return false;
		}
	}
	return false;
}

static void
take_comparison(TakeContext *cxt, Node *leaf, int location)
{
	SlidingWindow *window = cxt->window ? cxt->window : palloc0(sizeof(SlidingWindow));
	OpExpr	   *op = (OpExpr *) weir_flatten_join_alias_vars(cxt->query, copyObject(leaf));
	bool		is_lower = false;
	bool		inclusive = false;
	Node	   *time = NULL;
	Node	   *bound = NULL;
	Interval	distance = {0};	/* from the bound to the clock */
	Bitmapset  *rels;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
		(!match_times(cxt, op, &is_lower, &inclusive, &time, &bound, &distance) &&
		 !match_age(op, &is_lower, &inclusive, &time, &bound, &distance)))
		weir_query_refuse(cxt->pstate, location,
						  "comparing a stream's column with the present other than as a sliding window",
						  SHAPE_HINT);

	rels = pull_varnos(NULL, time);
	if ((exprType(time) != TIMESTAMPOID && exprType(time) != TIMESTAMPTZOID) ||
		bms_membership(rels) != BMS_SINGLETON || checkExprHasSubLink(time) ||
		contain_volatile_functions(time))
		weir_query_refuse(cxt->pstate, exprLocation(time),
						  psprintf("a sliding window over this expression of type %s",
								   format_type_be(exprType(time))),
						  "Let it slide over a timestamp or timestamptz that depends on columns of the stream alone; a date can be cast to one.");
	if ((is_lower ? window->lower : window->upper) != NULL ||
		(window->time != NULL && !equal(window->time, time)))
		weir_query_refuse(cxt->pstate, location, "more than one sliding window",
						  "Keep the widest, and combine less of it in an ordinary view.");

	if (is_lower && weir_interval_usecs(&distance) < USECS_PER_SEC)
		weir_query_refuse(cxt->pstate, location,
						  weir_interval_usecs(&distance) > 0 ? "a sliding window shorter than a second" :
						  "a sliding window that begins at the present or later",
						  "Write <time column> > clock_timestamp() - <interval>. For rows whose time is still to come, write the condition into an ordinary view over a continuous view that keeps them.");

	window->time = time;
	if (is_lower)
	{
		window->lower = use_clock_mutator(bound, NULL);
		window->lower_inclusive = inclusive;
		window->length = distance;
	}
	else
	{
		window->upper = use_clock_mutator(bound, NULL);
		window->upper_inclusive = inclusive;
	}
	cxt->window = window;
	cxt->location = location;
}

/* time [+ interval] > clock [- interval], or the other way round */
static bool
match_times(TakeContext *cxt, OpExpr *op, bool *is_lower, bool *inclusive,
			Node **time, Node **bound, Interval *distance)
{
	Node	   *left = linitial(op->args);
	Node	   *right = lsecond(op->args);
	Interval	offset = {0};
	Interval	clock_offset = {0};

	if (!comparison_of(op->opno, is_lower, inclusive))
		return false;
	if (clock_expr(left, &clock_offset))
	{
		Node	   *clock = left;

		left = right;
		right = clock;
		*is_lower = !*is_lower;
	}
	else
	{
		memset(&clock_offset, 0, sizeof(Interval));
		if (!clock_expr(right, &clock_offset))
			return false;
	}

	*time = peel_offset(left, &offset);
	*bound = minus_interval(right, &offset);
	*distance = offset;
	add_interval(distance, &clock_offset, -1);
	return true;
}

/* clock - time < interval, and its like */
static bool
match_age(OpExpr *op, bool *is_lower, bool *inclusive,
		  Node **time, Node **bound, Interval *distance)
{
	OpExpr	   *age = linitial(op->args);
	Interval	limit;
	Interval	offset = {0};
	bool		from_clock;
	Node	   *clock;

	if (!comparison_of(op->opno, is_lower, inclusive))
		return false;
	if (const_interval((Node *) age, &limit))
	{
		age = lsecond(op->args);
		*is_lower = !*is_lower;
	}
	else if (!const_interval(lsecond(op->args), &limit))
		return false;
	if (!IsA(age, OpExpr))
		return false;
	set_opfuncid(age);
	if (age->opfuncid != F_TIMESTAMPTZ_MI && age->opfuncid != F_TIMESTAMP_MI)
		return false;

	/* Intervals are compared with days of 24 hours. */
	limit.time = weir_interval_usecs(&limit);
	limit.day = limit.month = 0;

	from_clock = clock_expr(linitial(age->args), &offset);
	if (from_clock)
	{
		/* clock - time > limit: time < clock - limit */
		clock = linitial(age->args);
		*time = lsecond(age->args);
		*is_lower = !*is_lower;
		*bound = minus_interval(clock, &limit);
		*distance = limit;
	}
	else
	{
		/* time - clock > limit: time > clock + limit */
		memset(&offset, 0, sizeof(Interval));
		if (!clock_expr(lsecond(age->args), &offset))
			return false;
		clock = lsecond(age->args);
		*time = linitial(age->args);
		limit.time = -limit.time;
		*bound = minus_interval(clock, &limit);
		*distance = limit;
	}
	add_interval(distance, &offset, -1);
	return true;
}

/* Is the operator >, >= (greater), < or <= of a btree? */
static bool
comparison_of(Oid opno, bool *greater, bool *inclusive)
{
	ListCell   *lc;

	foreach(lc, weir_op_interpretations(opno))
	{
		int			strategy = weir_op_strategy((WeirOpInterpretation *) lfirst(lc));

		if (strategy == BTEqualStrategyNumber || strategy > BTMaxStrategyNumber)
			continue;
		*greater = strategy == BTGreaterStrategyNumber ||
			strategy == BTGreaterEqualStrategyNumber;
		*inclusive = strategy == BTGreaterEqualStrategyNumber ||
			strategy == BTLessEqualStrategyNumber;
		return true;
	}
	return false;
}

/*
 * Does this give the present, moved by constant intervals, in a time zone or
 * another?  Adds to offset by how much it is moved.
 */
static bool
clock_expr(Node *node, Interval *offset)
{
	if (is_present(node, clock_function()))
		return exprType(node) == TIMESTAMPTZOID || exprType(node) == TIMESTAMPOID;
	if (IsA(node, RelabelType))
		return clock_expr((Node *) ((RelabelType *) node)->arg, offset);
	if (IsA(node, FuncExpr))
	{
		List	   *args = ((FuncExpr *) node)->args;

		switch (((FuncExpr *) node)->funcid)
		{
			case F_TIMESTAMP_TIMESTAMPTZ:
			case F_TIMESTAMPTZ_TIMESTAMP:
			case F_TIMESTAMPTZ_TIMESTAMPTZ_INT4:
			case F_TIMESTAMP_TIMESTAMP_INT4:
				return clock_expr(linitial(args), offset);
			case F_TIMEZONE_TEXT_TIMESTAMP:
			case F_TIMEZONE_TEXT_TIMESTAMPTZ:
			case F_TIMEZONE_INTERVAL_TIMESTAMP:
			case F_TIMEZONE_INTERVAL_TIMESTAMPTZ:
				return IsA(linitial(args), Const) && clock_expr(lsecond(args), offset);
			default:
				return false;
		}
	}
	if (IsA(node, OpExpr))
	{
		Node	   *rest = peel_offset(node, offset);

		return rest != node && clock_expr(rest, offset);
	}
	return false;
}

/* An expression without the constant intervals that are added to it. */
static Node *
peel_offset(Node *node, Interval *offset)
{
	while (IsA(node, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) node;
		Interval	moved;
		int			sign = 1;

		set_opfuncid(op);
		switch (op->opfuncid)
		{
			case F_TIMESTAMPTZ_MI_INTERVAL:
			case F_TIMESTAMP_MI_INTERVAL:
				sign = -1;
				/* FALLTHROUGH */
			case F_TIMESTAMPTZ_PL_INTERVAL:
			case F_TIMESTAMP_PL_INTERVAL:
				if (!const_interval(lsecond(op->args), &moved))
					return node;
				node = linitial(op->args);
				break;
			case F_INTERVAL_PL_TIMESTAMPTZ:
			case F_INTERVAL_PL_TIMESTAMP:
				if (!const_interval(linitial(op->args), &moved))
					return node;
				node = lsecond(op->args);
				break;
			default:
				return node;
		}
		add_interval(offset, &moved, sign);
	}
	return node;
}

static bool
const_interval(Node *node, Interval *interval)
{
	Node	   *value;

	if (exprType(node) != INTERVALOID || contain_mutable_functions(node) ||
		pull_varnos(NULL, node) != NULL || checkExprHasSubLink(node))
		return false;
	value = eval_const_expressions(NULL, node);
	if (!IsA(value, Const) || ((Const *) value)->constisnull)
		return false;
	*interval = *DatumGetIntervalP(((Const *) value)->constvalue);
	return true;
}

static void
add_interval(Interval *sum, const Interval *interval, int sign)
{
	*sum = *DatumGetIntervalP(DirectFunctionCall2(sign > 0 ? interval_pl : interval_mi,
												  IntervalPGetDatum(sum),
												  IntervalPGetDatum(interval)));
}

static Node *
minus_interval(Node *bound, const Interval *interval)
{
	if (interval->time == 0 && interval->day == 0 && interval->month == 0)
		return bound;
	return weir_make_op("-", bound, (Node *) weir_make_interval(interval));
}

void
weir_sliding_narrow(SlidingWindow *window, const Interval *length)
{
	Interval	difference = window->length;
	OpExpr	   *op = (OpExpr *) window->lower;
	Interval	moved;

	add_interval(&difference, length, -1);
	window->length = *length;

	/* lower is at a distance of so much less. */
	if (IsA(op, OpExpr) && const_interval(lsecond(op->args), &moved))
	{
		set_opfuncid(op);
		if (op->opfuncid == F_TIMESTAMPTZ_MI_INTERVAL || op->opfuncid == F_TIMESTAMP_MI_INTERVAL)
		{
			add_interval(&moved, &difference, -1);
			window->lower = minus_interval(linitial(op->args), &moved);
			return;
		}
	}
	memset(&moved, 0, sizeof(Interval));
	add_interval(&moved, &difference, -1);
	window->lower = minus_interval(window->lower, &moved);
}

/* The present is what weir.clock says. */
static Node *
use_clock_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (is_present(node, InvalidOid))
	{
		Node	   *clock = (Node *) makeFuncExpr(clock_function(), TIMESTAMPTZOID, NIL, InvalidOid,
												  InvalidOid, COERCE_EXPLICIT_CALL);

		if (exprType(node) == TIMESTAMPOID)
			clock = coerce_to_target_type(NULL, clock, TIMESTAMPTZOID, TIMESTAMPOID, -1,
										  COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		return clock;
	}
	return expression_tree_mutator(node, use_clock_mutator, context);
}

static Oid
clock_function(void)
{
	return weir_own_function("clock", 0, NULL);
}

Query *
weir_sliding_add(Query *query, const char *column, const Interval *length)
{
	query = weir_union_wrap(NULL, query);
	if (!add_to_query(query, column, length))
		elog(ERROR, "query does not read a stream");
	return query;
}

/* Where the stream, or a UNION ALL of streams, stands in FROM. */
static bool
add_to_query(Query *query, const char *column, const Interval *length)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Index		rti = foreach_current_index(lc) + 1;
		AttrNumber	attno;
		Oid			type = InvalidOid;
		int32		typmod = -1;
		Oid			collation;

		if (weir_query_entry_is_stream(rte))
		{
			attno = get_attnum(rte->relid, column);
			if (attno > 0)
				get_atttypetypmodcoll(rte->relid, attno, &type, &typmod, &collation);
			if (type != TIMESTAMPOID && type != TIMESTAMPTZOID)
				ereport(ERROR,
						(errcode(attno > 0 ? ERRCODE_DATATYPE_MISMATCH : ERRCODE_UNDEFINED_COLUMN),
						 errmsg("sw_column \"%s\" must refer to a timestamp or timestamptz column of stream \"%s\"",
								column, get_rel_name(rte->relid))));
		}
		else if (rte->rtekind == RTE_SUBQUERY && rte->subquery->setOperations && OidIsValid(weir_query_stream(rte->subquery)))
		{
			attno = weir_union_time_column(query, rti, column, &type, &typmod);
			if (type != TIMESTAMPOID && type != TIMESTAMPTZOID)
				ereport(ERROR,
						(errcode(attno > 0 ? ERRCODE_DATATYPE_MISMATCH : ERRCODE_UNDEFINED_COLUMN),
						 errmsg("sw_column \"%s\" must refer to a timestamp or timestamptz column of the UNION ALL, or of each of its streams",
								column),
						 errhint("Give it this name in the first branch, or write the window as a condition: WHERE u.%s > clock_timestamp() - interval '...'.",
								 quote_identifier(column))));
		}
		else if (rte->rtekind == RTE_SUBQUERY && add_to_query(rte->subquery, column, length))
			return true;
		else
			continue;
		if (rte->rtekind == RTE_RELATION)
			weir_add_selected_column(query, rte, attno);
		add_condition(query, makeVar(rti, attno, type, typmod, InvalidOid, 0), length);
		return true;
	}
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (castNode(Query, cte->ctequery)->setOperations && OidIsValid(weir_query_stream((Query *) cte->ctequery)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"sw\" cannot be used with UNION ALL inside WITH"),
					 errhint("Write the UNION ALL into FROM, or the window as a condition: WHERE %s.%s > clock_timestamp() - interval '...'.",
							 quote_identifier(cte->ctename), quote_identifier(column))));
		if (add_to_query(castNode(Query, cte->ctequery), column, length))
			return true;
	}
	return false;
}

static void
add_condition(Query *query, Var *time, const Interval *length)
{
	Node	   *bound = minus_interval((Node *) makeFuncExpr(F_CLOCK_TIMESTAMP, TIMESTAMPTZOID, NIL, InvalidOid,
															 InvalidOid, COERCE_EXPLICIT_CALL), length);

	query->jointree->quals = make_and_qual(query->jointree->quals, weir_make_op(">", (Node *) time, bound));
}
