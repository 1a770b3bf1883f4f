/*
 * show.c
 *	  The functions behind weir.stat_stream, weir.stat_view, weir.stat_worker
 *	  and weir.stat_memory.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "monitor/waiting.h"
#include "process/launcher.h"
#include "process/missing.h"
#include "process/registry.h"
#include "source/kafka/stat.h"

WEIR_FUNCTION(weir_stat_stream);
WEIR_FUNCTION(weir_stat_view);
WEIR_FUNCTION(weir_stat_waiting);
WEIR_FUNCTION(weir_stat_worker);
WEIR_FUNCTION(weir_stat_memory);
WEIR_FUNCTION(weir_stat_reset);
WEIR_FUNCTION(weir_extension_created);

#define MAX_COLUMNS 16

typedef struct Row
{
	int			n;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Row;

static void
put(Row *row, Datum value)
{
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

static void
put_null(Row *row)
{
	row->nulls[row->n] = true;
	row->values[row->n++] = (Datum) 0;
}

static void
put_time(Row *row, TimestampTz time)
{
	if (time == 0)
		put_null(row);
	else
		put(row, TimestampTzGetDatum(time));
}

static void
put_text(Row *row, const char *text)
{
	if (text == NULL || text[0] == '\0')
		put_null(row);
	else
		put(row, CStringGetTextDatum(text));
}

static void
put_oid(Row *row, Oid oid)
{
	if (oid == InvalidOid)
		put_null(row);
	else
		put(row, ObjectIdGetDatum(oid));
}

static ReturnSetInfo *
begin_rows(FunctionCallInfo fcinfo)
{
	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

static void
end_row(ReturnSetInfo *result, Row *row)
{
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

Datum
weir_stat_stream(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	TimestampTz reset = weir_stats_reset_time();
	ListCell   *lc;

	foreach(lc, weir_stats_streams())
	{
		StreamStat *s = lfirst(lc);
		Row			row = {0};

		put_oid(&row, s->entry.relid);
		put(&row, Int64GetDatum(s->rows));
		put(&row, Int64GetDatum(s->bytes));
		put(&row, Int64GetDatum(s->batches));
		put_time(&row, s->last_arrival);
		put_time(&row, reset);
		end_row(result, &row);
	}
	return (Datum) 0;
}

Datum
weir_stat_view(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	TimestampTz reset = weir_stats_reset_time();
	ListCell   *lc;

	foreach(lc, weir_stats_views())
	{
		ViewStat   *v = lfirst(lc);
		Row			row = {0};

		put_oid(&row, v->entry.relid);
		put(&row, Int64GetDatum(v->rows_in));
		put(&row, Int64GetDatum(v->groups_merged));
		put(&row, Int64GetDatum(v->rows_written));
		put(&row, Int64GetDatum(v->flushes));
		put(&row, Float8GetDatum(v->flush_usecs / 1000.0));
		put(&row, Int64GetDatum(v->errors));
		put_time(&row, v->last_flush);
		put_time(&row, reset);
		end_row(result, &row);
	}
	return (Datum) 0;
}

/*
 * What a worker that is not there, or does not reach its broker, cannot read.
 */
static List *
unread_streams(void)
{
	List	   *result = NIL;
	MissingWorker worker;
	ListCell   *lc;

	foreach(lc, weir_kafka_stat_list())
	{
		KafkaStat  *stat = lfirst(lc);

		if (stat->entry.subid < 0 && stat->away_since != 0 &&
			weir_registry_wanted(MyDatabaseId, stat->entry.relid, -1 - stat->entry.subid))
			result = lappend(result, weir_waiting_new(stat->entry.relid, stat->away_since));
	}
	for (int i = 0; weir_missing_get(MyDatabaseId, i, &worker); i++)
		if (worker.task.kind == WORKER_KAFKA)
			result = lappend(result, weir_waiting_new(worker.task.streamid, worker.since));
	return result;
}

Datum
weir_stat_waiting(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	List	   *waiting = list_concat(weir_waiting_rows(), unread_streams());
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Waiting    *w = lfirst(lc);
		Row			row = {0};

		put_oid(&row, w->streamid);
		put_time(&row, w->since);
		end_row(result, &row);
	}
	return (Datum) 0;
}

static const char *
kind_label(WorkerKind kind)
{
	switch (kind)
	{
		case WORKER_FLUSH:
			return "flush";
		case WORKER_INGEST:
			return "ingest";
		case WORKER_KAFKA:
			return "kafka";
	}
	return NULL;
}

static void
worker_row(ReturnSetInfo *result, const WorkerEntry *worker)
{
	Row			row = {0};

	if (worker->pid != 0)
		put(&row, Int32GetDatum(worker->pid));
	else
		put_null(&row);
	put_text(&row, kind_label(worker->task.kind));
	put(&row, Int32GetDatum(worker->task.index));
	put_oid(&row, worker->task.streamid);
	put_text(&row, worker->pid == 0 ? "starting" : worker->failing_since != 0 ? "failing" : "running");
	put_time(&row, worker->pid == 0 ? worker->added :
			 worker->failing_since != 0 ? worker->failing_since : worker->started);
	put_time(&row, worker->started);
	put(&row, Int64GetDatum(worker->batches));
	put(&row, Int64GetDatum(worker->rows));
	put(&row, Int64GetDatum(worker->errors));
	put_time(&row, worker->last_error_time);
	put_text(&row, weir_stats_error_text(worker->last_error, InvalidOid));
	end_row(result, &row);
}

static void
missing_row(ReturnSetInfo *result, const MissingWorker *worker)
{
	Row			row = {0};

	put_null(&row);
	put_text(&row, kind_label(worker->task.kind));
	put(&row, Int32GetDatum(worker->task.index));
	put_oid(&row, worker->task.streamid);
	put_text(&row, worker->no_slot ? "no slot" : "ended");
	put_time(&row, worker->since);
	put_null(&row);
	put(&row, Int64GetDatum(0));
	put(&row, Int64GetDatum(0));
	put(&row, Int64GetDatum(worker->attempts));
	put_null(&row);
	put_text(&row, worker->no_slot ? worker->reason : weir_stats_error_text(worker->reason, InvalidOid));
	end_row(result, &row);
}

Datum
weir_stat_worker(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	MissingWorker missing;

	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry worker;

		weir_registry_get(i, &worker);
		if (worker.used && worker.task.dboid == MyDatabaseId)
			worker_row(result, &worker);
	}
	for (int i = 0; weir_missing_get(MyDatabaseId, i, &missing); i++)
		missing_row(result, &missing);
	return (Datum) 0;
}

static void
memory_row(ReturnSetInfo *result, const char *name, Size limit, Size used, Size peak)
{
	Row			row = {0};

	put_text(&row, name);
	put(&row, Int64GetDatum(limit));
	put(&row, Int64GetDatum(used));
	put(&row, Int64GetDatum(peak));
	end_row(result, &row);
}

Datum
weir_stat_memory(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	static const char *const names[] = {"queue", "groups", "statistics"};
	Size		limit;
	Size		used = 0;
	Size		peak = 0;

	for (int kind = 0; kind < WEIR_MEMORY_KINDS; kind++)
	{
		memory_row(result, names[kind], weir_memory_limit(kind), weir_memory_used(kind),
				   weir_memory_peak(kind));
		used += weir_memory_used(kind);
		peak += weir_memory_peak(kind);
	}
	memory_row(result, "total", weir_memory_total(), used, peak);
	weir_kafka_memory(&limit, &used, &peak);
	memory_row(result, "kafka", limit, used, peak);
	return (Datum) 0;
}

Datum
weir_stat_reset(PG_FUNCTION_ARGS)
{
	weir_shmem_require();
	weir_stats_reset();
	weir_memory_peak_reset();
	weir_kafka_stat_reset();
	PG_RETURN_VOID();
}

/* CREATE EXTENSION ends with this: workers start when it has committed. */
Datum
weir_extension_created(PG_FUNCTION_ARGS)
{
	weir_launcher_created_at_commit();
	PG_RETURN_VOID();
}
