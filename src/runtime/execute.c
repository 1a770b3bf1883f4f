/*
 * execute.c
 *	  What a worker keeps of each view, and running its continuous query.
 *
 * Process-local.  A runtime is built from the def view's rule when a worker
 * first meets the view.  Its plan is the stock planner's, kept until an
 * invalidation touches a relation or function it depends on (the server's
 * invalidation callbacks only set flags).
 *
 * Locks: as for any cached plan, the relations of a plan are locked before
 * each execution, and the plan is checked again once they are.
 *
 * To start the executor costs many times what a row costs.  So within one
 * transaction, which an ingest worker keeps open over small batches, a plan
 * may stay started: it is rescanned for each batch and ended with the
 * transaction.  This is for plans that read the stream alone and call
 * immutable functions only: what they give does not depend on when they were
 * started.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "common/int.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "query/def.h"
#include "query/primary_key.h"
#include "query/split.h"
#include "query/values.h"
#include "runtime/execute.h"
#include "runtime/on_time.h"
#include "runtime/plan.h"
#include "runtime/run.h"
#include "runtime/spec.h"

static HTAB *runtimes = NULL;
static bool any_started = false;

/* See weir_runtime_late. */
static int *late_rows = NULL;
static int	nlate = 0;

static void end_started(ViewRuntime *runtime);
static void end_with_xact(XactEvent event, void *arg);

/* ---------------------------------------------------------------------
 * The cache
 * --------------------------------------------------------------------- */

ViewRuntime *
weir_runtime_part(ViewRuntime *runtime, int part)
{
	if (part == 0)
		return runtime;
	return part <= runtime->nvalues ? runtime->values[part - 1] : NULL;
}

static void
relation_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	ViewRuntime *runtime;

	hash_seq_init(&status, runtimes);
	while ((runtime = hash_seq_search(&status)) != NULL)
	{
		ViewRuntime *part;

		if (relid == InvalidOid || relid == runtime->defid ||
			(runtime->query && runtime->query->closing && list_member_oid(runtime->query->streams, relid)))
			runtime->valid = false;
		for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
			if (relid == InvalidOid || (runtime->query && list_member_oid(runtime->query->streams, relid)) ||
				(part->plan && list_member_oid(part->plan->relationOids, relid)))
				part->plan_valid = false;
	}
}

static void
object_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	ViewRuntime *runtime;

	hash_seq_init(&status, runtimes);
	while ((runtime = hash_seq_search(&status)) != NULL)
	{
		ViewRuntime *part;

		for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
			part->plan_valid = false;
		if (cacheid == AGGFNOID || cacheid == TYPEOID)
			runtime->valid = false;
	}
}

static void
runtimes_init(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(ViewRuntime);
	runtimes = hash_create("weir views", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	RegisterXactCallback(end_with_xact, NULL);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AGGFNOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, object_changed, (Datum) 0);
}

static void
spec_init(ViewRuntime *runtime)
{
	weir_spec_init(&runtime->spec, runtime->query, runtime->cxt);
	runtime->spec.defid = runtime->defid;
	runtime->spec.viewdef = runtime->view.defid;
}

static void
runtime_forget(ViewRuntime *runtime)
{
	ViewRuntime *part;

	for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
	{
		end_started(part);
		if (part->spec.old_slot)
			ExecClearTuple(part->spec.old_slot);
		if (part->spec.new_slot)
			ExecClearTuple(part->spec.new_slot);
		if (i > 0)
			memset(part, 0, sizeof(ViewRuntime));
	}
	if (runtime->cxt != NULL)
		MemoryContextDelete(runtime->cxt);
	runtime->cxt = NULL;
	runtime->view.path = NULL;
	runtime->nvalues = 0;
	runtime->query = NULL;
	runtime->plan = NULL;
	runtime->plan_cxt = NULL;
	runtime->plan_valid = false;
	runtime->valid = false;
	memset(&runtime->spec, 0, sizeof(GroupSpec));
}

/*
 * States have the types they had when the view was created: an aggregate that
 * was replaced since by one with another state must not meet them.
 */
static void
check_matrel_types(ViewRuntime *runtime)
{
	Oid			matrelid = runtime->view.matrelid;
	TupleDesc	desc = runtime->spec.desc;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			state = i - runtime->query->nkeys;
		Oid			type = get_atttype(matrelid, state < 0 ? att->attnum :
									   runtime->query->states[state].column + 1);

		if (OidIsValid(type) && type != att->atttypid)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of the materialization table has type %s, but the query gives %s",
							NameStr(att->attname), format_type_be(type),
							format_type_be(att->atttypid)),
					 errhint("An aggregate of the query was replaced; drop the view and create it again.")));
	}
}

/* Those of its values relations are in the memory of the view's. */
static void
build_values(ViewRuntime *runtime)
{
	List	   *list = runtime->query->values;
	ListCell   *lc;

	if (list_length(list) != runtime->view.nvalues)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the query needs %d values relations, but the view has %d",
						list_length(list), runtime->view.nvalues),
				 errhint("Drop the view and create it again.")));
	if (runtime->values == NULL)
		runtime->values = MemoryContextAllocZero(TopMemoryContext, sizeof(ViewRuntime *) * MAX_VIEW_VALUES);
	foreach(lc, list)
	{
		ViewRuntime *part = runtime->values[runtime->nvalues];

		if (part == NULL)
		{
			part = MemoryContextAllocZero(TopMemoryContext, sizeof(ViewRuntime));
			runtime->values[runtime->maxvalues++] = part;
		}
		part->view = runtime->view;
		part->view.matrelid = part->defid = runtime->view.values[foreach_current_index(lc)];
		part->cxt = runtime->cxt;
		part->text = runtime->text;
		part->query = ((ValuesRel *) lfirst(lc))->query;
		runtime->values[runtime->nvalues++] = part;
		spec_init(part);
		check_matrel_types(part);
	}
}

static void
runtime_build(ViewRuntime *runtime, ContView *view)
{
	MemoryContext old;
	Query	   *def;

	runtime_forget(runtime);
	runtime->cxt = AllocSetContextCreate(TopMemoryContext, "weir view", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(runtime->cxt);

	/* An invalidation that arrives while building counts. */
	runtime->valid = true;
	runtime->text = psprintf("continuous query of %s", view->name);
	runtime->view.path = pstrdup(view->path);
	def = weir_def_query(view->defid);
	runtime->query = weir_cont_query_build(def, &view->options, NULL);
	spec_init(runtime);
	check_matrel_types(runtime);
	build_values(runtime);
	MemoryContextSwitchTo(old);
}

ViewRuntime *
weir_runtime_get(ContView *view)
{
	ViewRuntime *runtime;
	ViewRuntime *part;
	OwnerSwitch saved;
	char	   *path;
	bool		found;

	if (runtimes == NULL)
		runtimes_init();
	runtime = hash_search(runtimes, &view->defid, HASH_ENTER, &found);
	if (!found)
	{
		Oid			defid = runtime->defid;

		memset(runtime, 0, sizeof(ViewRuntime));
		runtime->defid = defid;
	}
	path = runtime->view.path;
	if (runtime->view.options.ngenerations != view->options.ngenerations ||
		path == NULL || strcmp(path, view->path) != 0)
		runtime->valid = false;
	runtime->view = *view;
	runtime->view.path = path;
	runtime->view.name = NULL;
	runtime->view.streams = NIL;
	if (!runtime->valid || runtime->cxt == NULL || runtime->spec.desc == NULL)
	{
		/*
		 * Initial states go through input functions, which may call anything.
		 */
		weir_owner_enter(&saved, view->owner, view->path, view->defid);
		PG_TRY();
		{
			runtime_build(runtime, view);
		}
		PG_CATCH();
		{
			runtime_forget(runtime);
			PG_RE_THROW();
		}
		PG_END_TRY();
		weir_owner_leave(&saved);
	}
	for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
	{
		Oid			matrelid = part->view.matrelid;

		part->view = runtime->view;
		part->view.matrelid = matrelid;
		part->spec.owner = view->owner;
		part->spec.path = runtime->view.path;
	}
	return runtime;
}

GroupSpec *
weir_runtime_known_spec(Oid defid)
{
	HASH_SEQ_STATUS status;
	ViewRuntime *runtime;
	GroupSpec  *spec = NULL;

	if (runtimes == NULL)
		return NULL;
	hash_seq_init(&status, runtimes);
	while ((runtime = hash_seq_search(&status)) != NULL)
	{
		ViewRuntime *part;

		for (int i = 0; runtime->valid && (part = weir_runtime_part(runtime, i)) != NULL; i++)
			if (part->defid == defid && part->spec.desc)
				spec = &part->spec;
	}
	return spec;
}

void
weir_runtime_purge(List *views)
{
	HASH_SEQ_STATUS status;
	ViewRuntime *runtime;

	if (runtimes == NULL)
		return;
	hash_seq_init(&status, runtimes);
	while ((runtime = hash_seq_search(&status)) != NULL)
	{
		if (weir_cont_views_find(views, runtime->defid) == NULL)
		{
			runtime_forget(runtime);
			for (int i = 0; i < runtime->maxvalues; i++)
				pfree(runtime->values[i]);
			if (runtime->values)
				pfree(runtime->values);
			hash_search(runtimes, &runtime->defid, HASH_REMOVE, NULL);
		}
	}
}

/* ---------------------------------------------------------------------
 * Execution
 * --------------------------------------------------------------------- */

static void
lock_plan_relations(PlannedStmt *plan, bool lock)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION)
			continue;
		if (lock)
			LockRelationOid(rte->relid, rte->rellockmode);
		else
			UnlockRelationOid(rte->relid, rte->rellockmode);
	}
}

static bool
reads_stream_alone(PlannedStmt *plan)
{
	int			nrelations = 0;
	ListCell   *lc;

	foreach(lc, plan->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_RELATION)
			nrelations++;
	return nrelations == 1 && plan->subplans == NIL;
}

static bool
is_immutable(Oid function)
{
	return !OidIsValid(function) || func_volatile(function) == PROVOLATILE_IMMUTABLE;
}

/* An aggregate counts as immutable whatever its functions are. */
static bool
aggregates_are_immutable(ViewRuntime *runtime)
{
	GroupSpec  *spec = &runtime->spec;

	for (int i = 0; i < spec->nstates; i++)
	{
		PartialAgg *agg = spec->states[i];
		HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(agg->aggfnoid));
		Oid			transfn;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for aggregate %u", agg->aggfnoid);
		transfn = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggtransfn;
		ReleaseSysCache(tuple);
		if (!is_immutable(transfn) || !is_immutable(agg->combinefn.fn_oid) ||
			!is_immutable(agg->serialfn.fn_oid) || !is_immutable(agg->deserialfn.fn_oid))
			return false;
	}
	return true;
}

static void
make_plan(ViewRuntime *runtime)
{
	MemoryContext old;

	end_started(runtime);
	if (runtime->plan_cxt)
		MemoryContextDelete(runtime->plan_cxt);
	runtime->plan = NULL;
	runtime->plan_cxt = AllocSetContextCreate(runtime->cxt, "weir plan", ALLOCSET_DEFAULT_SIZES);
	runtime->plan_valid = true;
	old = MemoryContextSwitchTo(runtime->plan_cxt);
	runtime->plan = weir_cont_query_plan(runtime->query, runtime->text);
	runtime->keepable = reads_stream_alone(runtime->plan) &&
		!contain_mutable_functions((Node *) runtime->query->query) &&
		aggregates_are_immutable(runtime);
	MemoryContextSwitchTo(old);
}

/*
 * A plan that is valid now, with its relations locked.  Planning takes the
 * locks itself, so a fresh plan is good for this execution whatever arrives
 * meanwhile.
 */
static void
ready_plan(ViewRuntime *runtime)
{
	if (runtime->plan_valid && runtime->plan != NULL)
	{
		lock_plan_relations(runtime->plan, true);
		if (runtime->plan_valid)
			return;
		lock_plan_relations(runtime->plan, false);
	}
	make_plan(runtime);
}

bool
weir_runtime_is_started(Oid defid)
{
	ViewRuntime *runtime = runtimes ? hash_search(runtimes, &defid, HASH_FIND, NULL) : NULL;
	ViewRuntime *part;

	if (runtime == NULL || !runtime->valid)
		return false;
	for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
		if (part->started == NULL || !part->plan_valid)
			return false;
	return true;
}

static void
end_started(ViewRuntime *runtime)
{
	StartedPlan *started = runtime->started;

	runtime->started = NULL;
	if (started)
		weir_run_end(started);
}

/* A started plan is in the memory of its transaction. */
static void
end_with_xact(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS status;
	ViewRuntime *runtime;

	if (!any_started || (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_ABORT))
		return;
	hash_seq_init(&status, runtimes);
	while ((runtime = hash_seq_search(&status)) != NULL)
	{
		ViewRuntime *part;

		for (int i = 0; (part = weir_runtime_part(runtime, i)) != NULL; i++)
		{
			if (event == XACT_EVENT_PRE_COMMIT)
				end_started(part);
			part->started = NULL;
		}
	}

	/* Not before: an error of one above leaves the others to the abort. */
	any_started = false;
}

/* The least of the view's streams. */
static int64
watermark_for(ViewRuntime *runtime, StreamRows *rows)
{
	int64		least = rows->watermark;
	ListCell   *lc;

	foreach(lc, runtime->query->streams)
	{
		int			i = 0;

		if (lfirst_oid(lc) == rows->streamid)
			continue;
		while (i < rows->nwatermarks && rows->watermarks[i].streamid != lfirst_oid(lc))
			i++;

		/*
		 * It is held before the queries run; a view that came after that waits
		 * for the next try.
		 */
		if (i == rows->nwatermarks)
			ereport(ERROR,
					(errcode(ERRCODE_WEIR_CHANGED),
					 errmsg("the watermark of stream \"%s\" is not held", get_rel_name(lfirst_oid(lc)))));
		least = Min(least, rows->watermarks[i].watermark);
	}
	return least;
}

/* Windows that end by then are closed to these rows. */
static int64
late_threshold(ViewRuntime *runtime, StreamRows *rows)
{
	int64		result;

	if (pg_sub_s64_overflow(watermark_for(runtime, rows), weir_interval_usecs(&runtime->view.options.lateness), &result))
		return PG_INT64_MIN;
	return result;
}

int *
weir_runtime_late(int *n)
{
	*n = nlate;
	return late_rows;
}

bool
weir_runtime_execute(ViewRuntime *runtime, StreamRows *rows, int first, int last, bool keep,
					 MinimalTuple **tuples, int *ntuples)
{
	OwnerSwitch saved;

	late_rows = NULL;
	nlate = 0;
	weir_owner_enter(&saved, runtime->view.owner, runtime->view.path, runtime->view.defid);
	weir_batch_scan_set(rows, first, last, runtime->query->streams);
	if (runtime->query->closing)
		weir_on_time_begin(late_threshold(runtime, rows), first, last);
	PG_TRY();
	{
		if (runtime->started == NULL || !runtime->plan_valid)
			ready_plan(runtime);
		keep = keep && runtime->keepable;
		if (keep && runtime->started == NULL)
		{
			runtime->started = weir_run_start(runtime->plan, runtime->text);
			any_started = true;
		}
		if (keep)
			weir_run_again(runtime->started, last - first, tuples, ntuples);
		else
			weir_run_once(runtime->plan, runtime->text, last - first, tuples, ntuples);
	}
	PG_FINALLY();
	{
		weir_batch_scan_set(NULL, 0, 0, NIL);
		late_rows = weir_on_time_end(&nlate);
	}
	PG_END_TRY();
	weir_owner_leave(&saved);
	if (runtime->query->primary_key)
		weir_primary_key_check(runtime->query, runtime->spec.desc, *tuples, *ntuples);
	return keep;
}
