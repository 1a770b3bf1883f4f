/*
 * ttl.c
 *	  How long the rows of a continuous view live: options ttl and ttl_column,
 *	  weir.set_ttl and weir.ttl_expire.
 *
 * A row is deleted some time after the time in one of its columns is so long
 * ago: by the flush worker, in portions, or at once by weir.ttl_expire.  The
 * column is remembered as the matrel's, which nobody can rename.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/compat.h"
#include "matrel/expire.h"
#include "matrel/guard.h"
#include "matrel/partition_drop.h"
#include "matrel/shape.h"
#include "query/def.h"
#include "query/split.h"
#include "runtime/execute.h"
#include "view/control.h"
#include "view/ttl.h"

#define PORTION 10000

WEIR_FUNCTION(weir_set_ttl);
WEIR_FUNCTION(weir_ttl_expire);

static AttrNumber matrel_column(const ContView *view, const char *name);

void
weir_ttl_give(ContView *view, const ContQuery *cq, const Interval *ttl, const char *column)
{
	AttrNumber	attno;

	if (view->options.sliding)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("TTLs cannot be specified in conjunction with sliding windows"),
				 errhint("What has left a sliding window is deleted by itself.")));
	if (cq->ungrouped)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a view without GROUP BY cannot have a ttl"),
				 errdetail("It always has its one row.")));
	if (weir_interval_usecs(ttl) < USECS_PER_SEC)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must be a minimum of 1 second")));

	/* Errors here rather than in a worker. */
	(void) DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(weir_clock_now()),
							   IntervalPGetDatum(ttl));
	attno = matrel_column(view, column);
	if (view->options.partitioned &&
		strcmp(get_attname(view->matrelid, attno, false), NameStr(view->options.partition_column)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ttl_column of a view in partitions must be its partition_by column"),
				 errdetail("Whole partitions are dropped when all in them has expired.")));
	view->options.has_ttl = true;
	view->options.ttl = *ttl;
	namestrcpy(&view->options.ttl_column, get_attname(view->matrelid, attno, false));

	/* That of a result would be written with every change of its group. */
	if (attno <= cq->nkeys && !view->options.partitioned)
		weir_matrel_index_column(view->matrelid, attno, "ttl");
}

static AttrNumber
matrel_column(const ContView *view, const char *name)
{
	AttrNumber	attno = get_attnum(view->viewid, name);
	Query	   *query = weir_def_query(view->viewid);
	TargetEntry *tle;
	Oid			type;

	if (attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist", name)));
	tle = list_nth_node(TargetEntry, query->targetList, attno - 1);
	type = exprType((Node *) tle->expr);
	if (IsA(tle->expr, Var) && (((Var *) tle->expr)->varno != 1 ||
								get_attname(view->matrelid, ((Var *) tle->expr)->varattno, true) == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ttl_column cannot be a column of a hopping, cumulating or session window"),
				 errdetail("A window is kept in several rows, which have to be deleted together."),
				 errhint("Use the option retention.")));
	if (!IsA(tle->expr, Var) || (type != TIMESTAMPOID && type != TIMESTAMPTZOID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("ttl_column must refer to a timestamp or timestamptz column"),
				 type == TIMESTAMPOID || type == TIMESTAMPTZOID ?
				 errdetail("\"%s\" is computed when the view is read.", name) : 0,
				 errhint("Use a group key, or the maximum of a time.")));
	return ((Var *) tle->expr)->varattno;
}

Datum
weir_set_ttl(PG_FUNCTION_ARGS)
{
	ContView	view;
	ContQuery  *cq;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("continuous view name is null")));
	view = weir_owned_view(PG_GETARG_OID(0));
	if (view.options.sliding)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the ttl of a sliding-window continuous view cannot be changed")));
	if (PG_ARGISNULL(1) != PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 PG_ARGISNULL(2) ?
				 errmsg("ttl_column must be specified in conjunction with ttl") :
				 errmsg("ttl must be specified in conjunction with ttl_column")));
	if (PG_ARGISNULL(1))
	{
		weir_cont_view_set_ttl(view.defid, NULL, NULL);
		weir_guard_describe(&view);
		PG_RETURN_VOID();
	}
	cq = weir_cont_query_build(weir_def_query(view.defid), &view.options, NULL);
	weir_ttl_give(&view, cq, PG_GETARG_INTERVAL_P(1), text_to_cstring(PG_GETARG_TEXT_PP(2)));
	weir_cont_view_set_ttl(view.defid, &view.options.ttl, NameStr(view.options.ttl_column));
	weir_guard_describe(&view);
	PG_RETURN_VOID();
}

/* Returns how many rows there were. */
static int64
drop_expired(const ContView *view, const ContQuery *cq)
{
	List	   *expired = weir_partition_expired(view, cq);
	int64		total = 0;
	ListCell   *lc;

	foreach(lc, expired)
	{
		total += weir_partition_rows(lfirst_oid(lc));
		weir_partition_drop(view, cq, lfirst_oid(lc));
	}
	return total;
}

/* The flush waits meanwhile, until the end of the transaction. */
Datum
weir_ttl_expire(PG_FUNCTION_ARGS)
{
	ContView	view = weir_owned_view(PG_GETARG_OID(0));
	ContQuery  *cq;
	OwnerSwitch saved;
	int64		deleted;
	int64		nvalues;
	int64		total = 0;

	if (!weir_matrel_expires(&view))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view %s does not have a TTL", view.name)));
	LockRelationOid(view.matrelid, view.options.partitioned ? AccessExclusiveLock : ShareRowExclusiveLock);
	cq = weir_cont_query_build(weir_def_query(view.defid), &view.options, NULL);
	if (view.options.partitioned)
		total = drop_expired(&view, cq);
	weir_owner_enter(&saved, view.owner, view.path, view.defid);
	do
	{
		CHECK_FOR_INTERRUPTS();
		deleted = weir_matrel_expire(&view, cq, weir_clock_now(), PORTION, &nvalues);
		total += deleted;
	} while (deleted > 0 && deleted + nvalues >= PORTION);
	weir_owner_leave(&saved);
	PG_RETURN_INT64(total);
}
