/*
 * adopt.c
 *	  The end of a restore: restored continuous views begin to count.
 *
 * pg_dump writes, in this order: definitions, matrels and views; data, among
 * them the rows of weir.continuous_view somewhere between the matrels' and
 * those that say where Kafka streams and watermarks stand; indexes and
 * triggers; and, behind all that, in each way to restore, REFRESH MATERIALIZED
 * VIEW weir.restored.  Until then a row of weir.continuous_view does not make
 * a view that counts (meta/adopted.h).  Dumps without the statement
 * (--data-only, lists of pg_restore) are ended by weir.adopt(), by hand.
 *
 * Definitions without a row (orphan.h) wait for weir.adopt() even where the
 * statement comes: --data-only may follow.
 *
 * A view comes in if all that belongs to it is there, and is what its
 * query writes; it counts rows from that transaction on.  Of others it is
 * remembered, and said, what is missing.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/compat.h"
#include "base/own_table.h"
#include "base/shmem.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "matrel/shape.h"
#include "matrel/whole.h"
#include "meta/adopted.h"
#include "meta/cont_view.h"
#include "meta/options.h"
#include "process/launcher.h"
#include "query/def.h"
#include "query/split.h"
#include "runtime/execute.h"
#include "source/offsets.h"
#include "stream/queue.h"
#include "view/adopt.h"
#include "view/orphan.h"

WEIR_FUNCTION(weir_adopt);

typedef struct Candidate
{
	ContView   *view;
	char	   *missing;
} Candidate;

static List *end_restore(bool orphans);
static List *take_in_orphans(List *guards);
static void warn_of_orphans(void);
static void take_in(Candidate *candidate, List *guards);
static char *relations_missing(const ContView *view);
static bool is_there(Oid relid);
static void look_at(void *arg);
static void stop_without_offsets(const ContView *view);
static void warn_without_watermark(const ContView *view);
static bool has_row(const char *table, Oid streamid);
static void tell(const Candidate *candidate);
static void forget_absent(const char *table);

bool
weir_adopt_refresh(UtilityCall *call)
{
	RefreshMatViewStmt *stmt = castNode(RefreshMatViewStmt, call->pstmt->utilityStmt);
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);

	if (!OidIsValid(relid) || relid != weir_catalog_relid("restored"))
		return false;

	/* pg_upgrade takes the tables along as they are, later. */
	if (IsBinaryUpgrade)
		return true;
	weir_statement_next(call);
	CommandCounterIncrement();
	(void) end_restore(false);
	return true;
}

/* weir.adopt(): the same by hand. */
Datum
weir_adopt(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, end_restore(true))
	{
		Candidate  *candidate = lfirst(lc);
		Datum		values[3] = {0};
		bool		nulls[3] = {false};

		values[0] = ObjectIdGetDatum(candidate->view->defid);
		values[1] = ObjectIdGetDatum(candidate->view->viewid);
		nulls[0] = !is_there(candidate->view->defid);
		nulls[1] = !is_there(candidate->view->viewid);
		nulls[2] = candidate->missing == NULL;
		if (candidate->missing)
			values[2] = CStringGetTextDatum(candidate->missing);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * Takes in what was restored, with orphans or only what has rows; returns
 * Candidates.
 */
static List *
end_restore(bool orphans)
{
	Oid			user;
	int			sec;
	List	   *candidates = NIL;
	List	   *guards = NIL;
	ListCell   *lc;

	/* One at a time. */
	LockRelationOid(weir_catalog_relid("adopted"), ShareRowExclusiveLock);
	GetUserIdAndSecContext(&user, &sec);
	SetUserIdAndSecContext(weir_catalog_owner(), sec | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	forget_absent("source_offsets");
	forget_absent("source_stopped");
	forget_absent("source_resumed");
	forget_absent("watermarks");
	forget_absent("late_counts");
	if (orphans)
	{
		guards = weir_guards();
		candidates = take_in_orphans(guards);
	}
	else
		warn_of_orphans();
	foreach(lc, weir_cont_views_restored())
	{
		Candidate  *candidate = palloc0(sizeof(Candidate));

		candidate->view = lfirst(lc);
		take_in(candidate, guards);
		candidates = lappend(candidates, candidate);
	}
	SetUserIdAndSecContext(user, sec);
	weir_launcher_changed_at_commit();
	return candidates;
}

/* Gives them rows; returns Candidates, those that cannot have one. */
static List *
take_in_orphans(List *guards)
{
	List	   *failed = NIL;
	ListCell   *lc;

	foreach(lc, weir_orphans())
	{
		ErrorData  *error = weir_orphan_make_row(lfirst_oid(lc), guards);
		Candidate  *candidate;

		if (error == NULL)
			continue;
		candidate = palloc0(sizeof(Candidate));
		candidate->view = palloc0(sizeof(ContView));
		candidate->view->defid = lfirst_oid(lc);
		candidate->missing = error->message;
		tell(candidate);
		weir_adopted_set(lfirst_oid(lc), error->message);
		failed = lappend(failed, candidate);
	}
	return failed;
}

static void
warn_of_orphans(void)
{
	ListCell   *lc;
	int			n = 0;

	foreach(lc, weir_orphans())
		n += weir_adopted_get(lfirst_oid(lc), NULL) == ADOPTION_NONE;
	if (n > 0)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_plural("%d continuous view was restored without its data and does not count yet",
							   "%d continuous views were restored without their data and do not count yet", n, n),
				 errhint("Restore the data; then, or to begin with empty views, run SELECT * FROM weir.adopt().")));
}

/* With guards, also what has to be made for it. */
static void
take_in(Candidate *candidate, List *guards)
{
	ContView   *view = candidate->view;
	ErrorData  *error = NULL;
	int64		boot;
	int64		seq;

	if (guards != NIL && is_there(view->defid) && is_there(view->matrelid) && !is_there(view->viewid))
		error = weir_orphan_make_view(view, guards);
	candidate->missing = error ? error->message : relations_missing(view);
	if (candidate->missing == NULL)
		error = weir_attempt(look_at, candidate);
	if (error)
		candidate->missing = error->message;
	if (candidate->missing)
		tell(candidate);
	else
	{
		weir_matrel_adopt(view);
		weir_queue_position(&boot, &seq);
		weir_cont_view_set_position(view->defid, boot, seq);
	}

	/* Without a definition there is nothing that could still be mended. */
	if (is_there(view->defid))
		weir_adopted_set(view->defid, candidate->missing);
	else
		(void) weir_cont_view_forget(view->defid, view);
}

static char *
relations_missing(const ContView *view)
{
	bool		values = true;
	bool		streams = true;
	ListCell   *lc;

	for (int i = 0; i < view->nvalues; i++)
		values &= is_there(view->values[i]);
	foreach(lc, view->streams)
		streams &= is_there(lfirst_oid(lc));
	if (!is_there(view->defid))
		return "its definition is not there";
	if (!is_there(view->viewid))
		return "the view is not there";
	if (!is_there(view->matrelid))
		return "its materialization table is not there";
	if (!values)
		return "a table of its values is not there";
	if (!streams)
		return "a stream that it reads is not there";
	if (OidIsValid(view->options.late_stream) && !is_there(view->options.late_stream))
		return "the stream that it diverts late rows to is not there";
	return NULL;
}

static bool
is_there(Oid relid)
{
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid));
}

/*
 * In a subtransaction, as the view's owner: the query names users' functions.
 */
static void
look_at(void *arg)
{
	Candidate  *candidate = arg;
	ContView   *view = candidate->view;
	OwnerSwitch saved;
	ContQuery  *cq;
	bool		initial;
	bool		empty = false;

	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	cq = weir_cont_query_build(weir_def_query(view->defid), &view->options, NULL);
	candidate->missing = weir_matrel_missing(view, cq);
	initial = candidate->missing == NULL && weir_matrel_is_initial(view->matrelid, cq, &empty);
	if (empty && cq->ungrouped && cq->nkeys == 0)
		weir_matrel_insert_initial(view->matrelid, cq);
	weir_owner_leave(&saved);
	if (candidate->missing == NULL && !initial)
	{
		stop_without_offsets(view);
		warn_without_watermark(view);
	}
}

/*
 * A view that has counted, of a Kafka stream that does not know how far: its
 * topic would be counted from the start, on top.
 */
static void
stop_without_offsets(const ContView *view)
{
	ListCell   *lc;

	foreach(lc, view->streams)
	{
		Oid			streamid = lfirst_oid(lc);

		if (!weir_relation_is_stream(streamid) ||
			!weir_options_is_kafka_server(GetForeignTable(streamid)->serverid) ||
			has_row("source_offsets", streamid) || weir_source_is_stopped(streamid))
			continue;
		weir_source_set_stopped(streamid, "restored without offsets, though views have counted its messages");
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream \"%s\" is stopped: where it stands in its topic was not restored", get_rel_name(streamid)),
				 errhint("Restore the rows of weir.source_offsets, or empty its views with weir.truncate; then call weir.resume('%1$s').  With weir.resume('%1$s', 'latest') it goes on at the messages that are to come.",
						 get_rel_name(streamid))));
	}
}

/*
 * Until rows of later times come, it does not know which windows it has shown,
 * and closed.
 */
static void
warn_without_watermark(const ContView *view)
{
	ListCell   *lc;

	if (!view->options.final && view->options.late == LATE_UPDATE)
		return;
	foreach(lc, view->streams)
		if (!has_row("watermarks", lfirst_oid(lc)))
			ereport(WARNING,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the watermark of stream \"%s\" was not restored", get_rel_name(lfirst_oid(lc))),
					 errdetail("Until its rows reach the time where it stood, rows for windows that view %s had closed count again.",
							   view->name),
					 errhint("Restore the rows of weir.watermarks.")));
}

/* Has the table one of this stream, its first column? */
static bool
has_row(const char *table, Oid streamid)
{
	Relation	rel = table_open(weir_catalog_relid(table), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	bool		found = false;
	HeapTuple	tuple;
	bool		isnull;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull)) == streamid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static void
tell(const Candidate *candidate)
{
	ContView   *view = candidate->view;
	char	   *def = get_rel_name(view->defid);

	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 view->name ? errmsg("continuous view %s was not restored as a whole and does not count: %s",
								 view->name, candidate->missing) :
			 def ? errmsg("the continuous view defined by %s was not restored as a whole and does not count: %s",
						  quote_qualified_identifier(WEIR_SCHEMA, def), candidate->missing) :
			 errmsg("a continuous view was not restored: %s", candidate->missing)));
}

/*
 * Delete what is said of streams or views that were not restored; they are the
 * first column of these tables.
 */
static void
forget_absent(const char *table)
{
	Relation	rel = table_open(weir_catalog_relid(table), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		first = heap_getattr(tuple, 1, RelationGetDescr(rel), &isnull);

		if (!isnull && !is_there(DatumGetObjectId(first)))
			weir_own_delete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(rel, RowExclusiveLock);
}
