/*
 * health.c
 *	  weir.health_raw(): the part of weir.health() that shared memory tells.
 *
 * A row a problem.  The rest, what the catalog tells, is added by the SQL of
 * weir.health().  Both work without any worker and wait for no lock that
 * users can hold: names of relations come from the catalog caches.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "meta/cont_view.h"
#include "monitor/problems.h"
#include "monitor/waiting.h"
#include "process/registry.h"
#include "process/view_trouble.h"
#include "source/kafka/stat.h"
#include "stream/queue_park.h"
#include "time/watermark.h"

WEIR_FUNCTION(weir_health);

/* What lasts no longer than this is how things go. */
#define PATIENCE_MS 5000

static const char *
relation_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name ? quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name) :
		psprintf("%u", relid);
}

static void
add_row(ReturnSetInfo *result, const char *object, const char *code, const char *reason,
		TimestampTz since, const char *remedy)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(object);
	values[1] = CStringGetTextDatum(code);
	values[2] = CStringGetTextDatum(reason);
	values[3] = TimestampTzGetDatum(since);
	nulls[3] = since == 0;
	values[4] = CStringGetTextDatum(remedy);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static const char *
worker_name(const WorkerTask *task)
{
	switch (task->kind)
	{
		case WORKER_FLUSH:
			return "flush worker";
		case WORKER_INGEST:
			return psprintf("ingest worker %d", task->index);
		case WORKER_KAFKA:
			return psprintf("kafka worker %d of %s", task->index, relation_name(task->streamid));
	}
	return "worker";
}

/* "; it is held by process 123" */
static const char *
blockers(int pid)
{
	ArrayType  *array = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
	int32	   *pids = (int32 *) ARR_DATA_PTR(array);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s %d", i == 0 ? "; it is held by process" : ",", pids[i]);
	return text.data;
}

static void
problem_row(const Problem *problem, void *arg)
{
	const char *reason = problem->reason;

	if (problem->error[0])
		reason = psprintf("%s: %s", reason, problem->error);
	else if (strcmp(problem->code, "worker_waits") == 0)
		reason = psprintf("%s%s", reason, blockers(problem->pid));
	add_row(arg, problem->of_worker ? worker_name(&problem->task) : problem->object, problem->code,
			reason, problem->since, problem->remedy);
}

static bool
lasts(TimestampTz since)
{
	return weir_clock_passed(since, PATIENCE_MS);
}

static void
waiting_rows(ReturnSetInfo *result)
{
	List	   *waiting = weir_waiting_rows();
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Waiting    *w = lfirst(lc);

		if (lasts(w->since))
			add_row(result, OidIsValid(w->streamid) ? relation_name(w->streamid) : "streams", "rows_wait",
					"rows that are committed are in no view yet", w->since,
					"Look for what keeps the workers in the other rows, in weir.stat_worker and in pg_stat_activity; nothing is lost meanwhile.");
	}
}

/* Streams whose rows are left in the queue since a lock is not free. */
static void
parked_rows(ReturnSetInfo *result, int slot)
{
	ParkedStream parked[MAX_PARKED_STREAMS];
	int			n = weir_queue_parked(slot, parked);

	for (int i = 0; i < n; i++)
		add_row(result, relation_name(parked[i].streamid), "rows_locked",
				"its rows wait for a lock that its views need: on the stream, a table that they join, or one that a function of theirs uses",
				parked[i].since,
				"End the transaction that holds the lock (pg_locks shows those of mode AccessExclusiveLock); the rows are taken in then.");
}

static void
kafka_rows(ReturnSetInfo *result)
{
	ListCell   *lc;

	foreach(lc, weir_kafka_stat_list())
	{
		KafkaStat  *stat = lfirst(lc);

		/* What is stopped is in weir.source_stopped. */
		if (stat->entry.subid >= 0 || stat->away_since == 0 || stat->state == KAFKA_STATE_STOPPED ||
			!lasts(stat->away_since) ||
			!weir_registry_wanted(MyDatabaseId, stat->entry.relid, -1 - stat->entry.subid))
			continue;
		add_row(result, relation_name(stat->entry.relid), "topic_not_read",
				psprintf("the state of its worker is %s%s%s", weir_kafka_state_name(stat->state),
						 stat->error[0] ? ": " : "", stat->error),
				stat->away_since,
				"Look at the stream's options, the broker and the topic; reading goes on where it was.");
	}
}

static void
watermark_rows(ReturnSetInfo *result, int slot)
{
	WatermarkHeld held;

	for (int i = 0; weir_watermark_held(slot, i, PATIENCE_MS * (int64) 1000, &held); i++)
	{
		if (held.partition == WHOLE_STREAM)
			add_row(result, relation_name(held.streamid), "watermark_held",
					"its watermark waits for rows of a transaction that has not ended", held.since,
					"End transactions that have inserted into the stream and are idle.");
		else
			add_row(result, relation_name(held.streamid), "watermark_held",
					psprintf("its watermark waits for partition %d, which brings no rows while others do", held.partition),
					held.since,
					"Give the stream the option idle_timeout, or have the partition's producer send something.");
	}
}

static char *
pids_text(const int *pids, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&text, i == 0 ? " by " : ", ");
		if (pids[i] != 0)
			appendStringInfo(&text, "process %d", pids[i]);
		else
			appendStringInfoString(&text, "a prepared transaction");
	}
	return text.data;
}

static void
view_rows(ReturnSetInfo *result)
{
	ViewTrouble	aside;

	for (int i = 0; weir_view_trouble_get(i, &aside); i++)
	{
		ContView   *view = weir_cont_view_by_def(aside.defid);
		const char *name = view ? view->name : relation_name(aside.defid);

		if (aside.trouble_since != 0)
			add_row(result, name, "housekeeping_fails", aside.trouble, aside.trouble_since,
					"The view counts on. Remove the cause; it is tried again, at the latest after five minutes.");
		if (aside.since != 0 && lasts(aside.since))
			add_row(result, name, "view_waits",
					psprintf("%s%s%s", aside.reason, pids_text(aside.pids, aside.npids),
							 aside.bytes > 0 ? psprintf("; %lld kB of it are set aside", (long long) (aside.bytes + 1023) / 1024) : ""),
					aside.since,
					aside.npids > 0 ? "End the transactions in its way: what is set aside is written then." :
					"Remove the cause: what is set aside is written then.");
	}
}

Datum
weir_health(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			slot;

	InitMaterializedSRF(fcinfo, 0);
	if (!weir_shmem_ready())
	{
		add_row(result, "server", "not_preloaded", "weir is not in shared_preload_libraries: nothing is counted", PgStartTime,
				"Add weir to shared_preload_libraries in postgresql.conf and restart the server.");
		return (Datum) 0;
	}
	weir_problems_each(problem_row, result);
	slot = weir_database_slot(MyDatabaseId, false);
	waiting_rows(result);
	kafka_rows(result);
	view_rows(result);
	if (slot >= 0)
	{
		parked_rows(result, slot);
		watermark_rows(result, slot);
	}
	return (Datum) 0;
}
