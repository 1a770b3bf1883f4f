/*
 * aside_list.c
 *	  Which views have groups that are set aside, as this flush worker knows
 *	  it.
 *
 * A list in this process, as of the last commit but for what is marked as
 * being under way; what others see of it, in shared memory
 * (process/view_trouble.h, stream/queue.h), changes in the commit callback,
 * for which memory is taken before.
 *
 * Failure: an abort undoes what is under way.  A restart reads weir.waiting
 * (set_aside.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "flush/aside_list.h"
#include "groups/epoch.h"
#include "process/worker.h"
#include "stream/queue_wait.h"

static List *asides = NIL;		/* of Aside, in TopMemoryContext */
static bool changing = false;	/* the current transaction changes some entry */
static HeldStreams *held = NULL;	/* by its commit */

static void xact_callback(XactEvent event, void *arg);
static void hold_streams(List *views);

void
weir_aside_list_start(void)
{
	RegisterXactCallback(xact_callback, NULL);
}

List *
weir_aside_list(void)
{
	return asides;
}

void
weir_aside_list_changing(void)
{
	changing = true;
}

bool
weir_aside_list_is_changing(void)
{
	return changing;
}

bool
weir_aside_list_has(Oid defid)
{
	return asides != NIL && weir_aside_list_find(defid) != NULL;
}

List *
weir_aside_list_views(void)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, asides)
		result = lappend_oid(result, ((Aside *) lfirst(lc))->view.defid);
	return result;
}

Aside *
weir_aside_list_find(Oid defid)
{
	ListCell   *lc;

	foreach(lc, asides)
		if (((Aside *) lfirst(lc))->view.defid == defid)
			return lfirst(lc);
	return NULL;
}

Aside *
weir_aside_list_add(Oid defid, TimestampTz since)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Aside	   *aside = palloc0(sizeof(Aside));

	aside->view.defid = defid;
	aside->view.since = since;
	aside->view.begun = weir_clock_steady();
	aside->fresh = true;
	asides = lappend(asides, aside);
	MemoryContextSwitchTo(old);
	return aside;
}

/* ---------------------------------------------------------------------
 * What a commit makes known
 * --------------------------------------------------------------------- */

static void
commit_changes(void)
{
	int			slot = weir_worker_self->slot;
	bool		released = false;
	ListCell   *lc;

	foreach(lc, asides)
	{
		Aside	   *aside = lfirst(lc);

		aside->view.bytes += aside->change;
		aside->change = 0;
		aside->fresh = false;
		if (aside->over)
			aside->view.since = 0;
		weir_view_trouble_set(&aside->view);
		if (!aside->over)
			continue;
		released = true;
		asides = foreach_delete_current(asides, lc);
		pfree(aside);
	}
	weir_queue_hold(slot, held);
	held = NULL;
	if (released)
		weir_queue_set_flushed(slot, weir_queue_flushed_seq(slot), weir_epoch_flushed(slot));
}

static void
undo_changes(void)
{
	ListCell   *lc;

	foreach(lc, asides)
	{
		Aside	   *aside = lfirst(lc);

		aside->change = 0;
		aside->over = false;
		if (!aside->fresh)
			continue;
		asides = foreach_delete_current(asides, lc);
		pfree(aside);
	}
	if (held)
		weir_queue_held_free(held);
	held = NULL;
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (!changing || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	changing = false;
	if (event == XACT_EVENT_COMMIT)
		commit_changes();
	else
		undo_changes();
}

/* Memory for all that. */
void
weir_aside_list_prepare_commit(List *views)
{
	ListCell   *lc;

	if (!changing)
		return;
	foreach(lc, asides)
		if (!weir_view_trouble_reserve(((Aside *) lfirst(lc))->view.defid))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("weir.memory is exhausted")));
	hold_streams(views);
}

typedef struct Holding
{
	HeldStream *streams;
	int			n;
	int			max;
} Holding;

/* True when that is new. */
static bool
hold_stream(Holding *holding, Oid streamid, int64 from)
{
	for (int i = 0; i < holding->n; i++)
	{
		HeldStream *stream = &holding->streams[i];

		if (stream->streamid != streamid)
			continue;
		if (stream->from <= from)
			return false;
		stream->from = from;
		return true;
	}
	if (holding->n == holding->max)
	{
		holding->max = Max(holding->max * 2, 16);
		holding->streams = holding->streams == NULL ? palloc(sizeof(HeldStream) * holding->max) :
			repalloc(holding->streams, sizeof(HeldStream) * holding->max);
	}
	holding->streams[holding->n++] = (HeldStream) {streamid, from};
	return true;
}

static bool
hold_streams_of(Holding *holding, const ContView *view, int64 from)
{
	bool		is_new = false;
	ListCell   *lc;

	foreach(lc, view->streams)
		is_new |= hold_stream(holding, lfirst_oid(lc), from);
	return is_new;
}

/*
 * Rows that a view diverts to a stream are waited for together with the rows
 * that the view was given: hold the streams of the diverting view, too.
 */
static bool
hold_diverting(Holding *holding, List *views)
{
	bool		is_new = false;
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);

		for (int i = 0; i < holding->n && OidIsValid(view->options.late_stream); i++)
			if (holding->streams[i].streamid == view->options.late_stream)
				is_new |= hold_streams_of(holding, view, holding->streams[i].from);
	}
	return is_new;
}

static void
hold_streams(List *views)
{
	Holding		holding = {NULL};
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);
		Aside	   *aside = weir_aside_list_find(view->defid);

		if (aside && !aside->over)
			(void) hold_streams_of(&holding, view, aside->view.from_seq);
	}
	while (hold_diverting(&holding, views))
		;
	if (held)
		weir_queue_held_free(held);
	held = NULL;
	if (holding.n == 0)
		return;
	held = weir_queue_held_make(holding.streams, holding.n);
	if (held == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("weir.memory is exhausted")));
}
