/*
 * set_aside.c
 *	  Groups of views that cannot be written now.
 *
 * A lock on what a view is kept in, or on rows of it, may last as long as a
 * user pleases, and an error that may pass takes its time.  The flush does
 * not wait for either: it puts what its epoch has of the view into
 * weir.set_aside, in its own transaction.  So the epoch is on disk as a
 * whole, with its Kafka offsets, and a crash or a promotion loses nothing.
 * While something of a view is set aside, what later epochs have of it is
 * added to that.  When the way is free, the flush worker writes it back, in
 * portions between flushes, oldest first, and the view goes on as ever.
 *
 * What waits: who inserted rows of a stream of such a view with
 * weir.synchronous_insert (stream/queue.h), and weir.flush().  A view with
 * emit = final shows what it showed when it was set aside: weir.waiting has
 * its watermark as of then.
 *
 * Bound: weir.set_aside_limit, in all views of the database.  Beyond it the
 * view that has most is suspended: what is set aside of it is written, what
 * comes later is not counted.
 *
 * State: aside_list.c.
 *
 * Failure: an abort undoes what was changed.  A restart reads weir.waiting.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/own_table.h"
#include "base/settings.h"
#include "flush/aside_list.h"
#include "flush/aside_table.h"
#include "flush/notes.h"
#include "flush/partitioning.h"
#include "flush/set_aside.h"
#include "flush/tend.h"
#include "flush/write_view.h"
#include "meta/view_changes.h"
#include "process/view_trouble.h"
#include "process/worker.h"
#include "stream/queue_wait.h"

/*
 * Size of a portion that is written back at once, or twice the size of the
 * last addition if that is more, so that it catches up.
 */
#define PORTION_BYTES (1024 * 1024)
#define READ_MS 100

/*
 * Portion of a view whose groups take long to write: the fewer portions the
 * better, so it is read for as long as writing takes.
 */
#define SLOW_PORTION_BYTES (32 * 1024 * 1024)

/*
 * Pauses before the next attempt after a lock or an error, doubled each time.
 */
#define LOCK_PAUSE_MS 5
#define LOCK_PAUSE_MOST_MS 100
#define ERROR_PAUSE_MS 100
#define ERROR_PAUSE_MOST_MS 10000

/* generation of the list of views that was loaded */
static uint64 loaded = 0;

/* being read or written back; this process deletes its files */
static AsidePortion *portion = NULL;

static void load(void);
static bool forget_dropped(Aside *aside);
static void enforce_limit(List *views);
static void put_off(Aside *aside, const MatrelBlocker *blocker, const char *reason);
static void await_turn(Aside *aside);

void
weir_set_aside_start(void)
{
	weir_aside_list_start();
}

static void
free_portion(void)
{
	if (portion)
		weir_aside_portion_free(portion);
	portion = NULL;
}

void
weir_set_aside_stop(void)
{
	free_portion();
}

/* ---------------------------------------------------------------------
 * Setting aside
 * --------------------------------------------------------------------- */

/* Records the watermark that readers see until this transaction commits. */
static void
begin_waiting(ContView *view, TimestampTz since)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[4] = {OIDOID, OIDOID, TIMESTAMPTZOID, REGCLASSARRAYOID};
	Datum		values[4];

	values[0] = ObjectIdGetDatum(view->defid);
	values[1] = ObjectIdGetDatum(view->matrelid);
	values[2] = TimestampTzGetDatum(since);
	values[3] = weir_own_oids(view->streams, REGCLASSOID);
	SPI_connect();
	(void) weir_own_execute(&plan, "INSERT INTO weir.waiting (view, matrel, since, watermark)"
							" VALUES ($1, $2, $3, weir.watermark($4[1], VARIADIC $4[2:]))", 4, types, values, NULL);
	SPI_finish();
}

static void
end_waiting(Oid defid)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(defid)};

	SPI_connect();
	(void) weir_own_execute(&plan, "DELETE FROM weir.waiting WHERE view OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	SPI_finish();
}

void
weir_set_aside(ContView *view, Epoch *epoch, const MatrelBlocker *blocker, const char *reason)
{
	Aside	   *aside = weir_aside_list_find(view->defid);
	int64		bytes = weir_aside_table_add(view, epoch);

	if (bytes == 0)
		return;
	weir_aside_list_changing();
	if (aside == NULL)
	{
		aside = weir_aside_list_add(view->defid, GetCurrentTimestamp());
		aside->view.from_seq = weir_queue_flushed_seq(weir_worker_self->slot);
		begin_waiting(view, aside->view.since);
		put_off(aside, blocker, reason);
		await_turn(aside);
	}
	aside->added = bytes;
	aside->change += bytes;
}

void
weir_set_aside_finish(List *views)
{
	if (!weir_aside_list_is_changing())
		return;
	enforce_limit(views);
	weir_aside_list_prepare_commit(views);
}

static void
suspend(ContView *view, void *arg)
{
	(void) weir_cont_view_suspend(view->defid, arg, true);
}

/*
 * Suspend the view that has most set aside, not the one that was last to come.
 */
static void
enforce_limit(List *views)
{
	int64		total = 0;
	Aside	   *largest = NULL;
	ContView   *its_view = NULL;
	char	   *reason;
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);
		Aside	   *aside = weir_aside_list_find(view->defid);

		if (aside == NULL)
			continue;
		total += aside->view.bytes + aside->change;
		if (view->state != CONT_VIEW_SUSPENDED &&
			(largest == NULL || aside->view.bytes + aside->change > largest->view.bytes + largest->change))
		{
			largest = aside;
			its_view = view;
		}
	}
	if (largest == NULL || total <= (int64) weir_set_aside_limit_kb * 1024)
		return;
	reason = psprintf("more than weir.set_aside_limit is set aside: %s", largest->view.reason);
	if (weir_view_try(suspend, its_view, reason) != NULL)

		/* a concurrent change of the view: the next flush tries again */
		return;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("continuous view %s is suspended: %s", its_view->name, reason),
			 errdetail("Groups that are set aside will be written when they can be; rows from now on are not counted."),
			 errhint("Call weir.activate('%s') when the way is free; see weir.views.", its_view->name)));
}

/* ---------------------------------------------------------------------
 * Who or what is in the way
 * --------------------------------------------------------------------- */

static void
look_who(Aside *aside)
{
	ViewTrouble  *view = &aside->view;

	view->looked = weir_clock_steady();
	view->npids = weir_matrel_blocking_pids(&aside->view.blocker, view->pids, VIEW_TROUBLE_PIDS);
}

/*
 * Schedule the next attempt; a lock is polled more often than an error is
 * retried.
 */
static void
put_off(Aside *aside, const MatrelBlocker *blocker, const char *reason)
{
	bool		locked = blocker && OidIsValid(blocker->relid);
	int64		pause = locked ? Min(LOCK_PAUSE_MS << Min(aside->failures, 10), LOCK_PAUSE_MOST_MS) :
		Min(ERROR_PAUSE_MS << Min(aside->failures, 10), ERROR_PAUSE_MOST_MS);

	if (locked)
		aside->view.blocker = *blocker;
	else
		aside->view.blocker.relid = InvalidOid;
	aside->view.is_error = !locked;
	if (reason)
		strlcpy(aside->view.reason, reason, VIEW_TROUBLE_TEXT);
	look_who(aside);
	aside->failures++;
	aside->next = TimestampTzPlusMilliseconds(weir_clock_steady(), pause);
	if (!aside->fresh)
		weir_view_trouble_set(&aside->view);
}

/* A view that takes long to write waits for its turn. */
static void
await_turn(Aside *aside)
{
	TimestampTz next;
	int			ms;

	if (weir_write_view_is_slow(aside->view.defid, &next, &ms))
		aside->next = Max(aside->next, next);
}

/* ---------------------------------------------------------------------
 * Writing back
 * --------------------------------------------------------------------- */

static void
begin(void)
{
	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	weir_tend_hurry(TEND_WRITE_WAIT_MS);
}

/*
 * Returns true when the view has been dropped. Its rows are deleted together
 * with other rows of dropped views (flush/notes.h). In a transaction.
 */
static bool
forget_dropped(Aside *aside)
{
	aside->over |= weir_cont_view_by_def(aside->view.defid) == NULL;
	if (aside->over)
		weir_aside_list_changing();
	return aside->over;
}

/*
 * The view with all locks that writing it needs; NULL when it is gone or a
 * lock is not free. In a transaction.
 */
static ContView *
lock_view(Aside *aside)
{
	ContView   *view;
	MatrelBlocker blocker;

	if (forget_dropped(aside))
		return NULL;
	view = weir_cont_view_by_def(aside->view.defid);
	if (!weir_matrel_try_lock(view, RowExclusiveLock, &blocker))
	{
		put_off(aside, &blocker, weir_matrel_blocker_text(&blocker));
		return NULL;
	}

	/* It may have been dropped before the locks were granted. */
	return forget_dropped(aside) ? NULL : weir_cont_view_by_def(aside->view.defid);
}

static void
read_some(Aside *aside, ContView *view)
{
	int64		budget = aside->lacking ? PORTION_BYTES : Max(PORTION_BYTES, aside->added * 2);
	int			read_ms = READ_MS;
	TimestampTz next;
	int			ms;

	if (weir_write_view_is_slow(view->defid, &next, &ms) && !aside->lacking)
	{
		budget = Max(budget, SLOW_PORTION_BYTES);
		read_ms = Max(read_ms, ms);
	}
	portion = weir_aside_portion_make(read_ms);
	weir_aside_table_read(portion, weir_runtime_get(view), budget);
}

/*
 * First half of writing back: read a portion into local memory. Returns false
 * when the view cannot be written now.
 */
static bool
read_portion(Aside *aside, bool *partitioned)
{
	ContView   *view;

	begin();
	view = lock_view(aside);
	if (view)
	{
		*partitioned = view->options.partitioned;
		read_some(aside, view);
	}
	weir_aside_list_prepare_commit(weir_cont_views_whole());
	weir_worker_commit();
	return view != NULL;
}

/*
 * Second half: write the portion and delete it from the table. Errors when the
 * view cannot be written.
 */
static void
write_portion(Aside *aside)
{
	Oid			defid = aside->view.defid;
	ContView   *view;

	weir_notes_begin();
	begin();
	view = lock_view(aside);
	if (view)
	{
		int64		written = 0;
		ErrorData  *error = weir_write_view_carefully(view, &portion->epoch, &written);

		if (error)
			ReThrowError(error);
		weir_notes_write_added();
		weir_aside_table_delete(defid, portion->last);
		weir_aside_list_changing();
		aside->change = -portion->bytes;
		aside->over = !portion->more;
		if (aside->over)
			end_waiting(defid);
		weir_worker_commit_to_disk();
	}
	weir_aside_list_prepare_commit(weir_cont_views_whole());
	weir_worker_commit();
	weir_write_view_began(defid, portion->begun);
	if (view && (aside = weir_aside_list_find(defid)) != NULL)
	{
		aside->failures = 0;
		aside->next = 0;
		await_turn(aside);
		aside->view.blocker.relid = InvalidOid;
	}
}

/* Is so much set aside that flushes should wait rather than add to it? */
static bool
is_much(const Aside *aside)
{
	return aside->view.bytes > (int64) weir_set_aside_limit_kb * 1024 / 4;
}

/*
 * Make the partitions that the portion needs first, each time for a moment
 * only, so that flushes go on.
 */
static void
write_back(Aside *aside)
{
	Oid			defid = aside->view.defid;
	bool		partitioned;
	bool		lacking;

	if (!read_portion(aside, &partitioned))
		return;
	do
		lacking = partitioned && weir_partitions_make(defid, &portion->epoch);
	while (lacking && (aside = weir_aside_list_find(defid)) != NULL && is_much(aside));
	if ((aside = weir_aside_list_find(defid)) == NULL)
		return;
	aside->lacking = lacking;
	if (!lacking)
		write_portion(aside);
}

/*
 * Suspend a view that failed for its own sake, and forget what is set aside of
 * it.
 */
static void
give_up(Aside *aside)
{
	Oid			defid = aside->view.defid;
	char	   *reason = pstrdup(aside->view.reason);
	ContView   *view;

	begin();
	view = weir_cont_view_by_def(defid);
	if (view && weir_cont_view_suspend(defid, reason, true))
		ereport(WARNING,
				(errmsg("continuous view %s is suspended: %s", view->name, reason),
				 errhint("Fix the cause, then call weir.activate('%s').", view->name)));
	weir_aside_table_forget(defid);
	end_waiting(defid);
	aside->over = true;
	weir_aside_list_changing();
	weir_aside_list_prepare_commit(weir_cont_views_whole());
	weir_worker_commit();
}

/*
 * Run work. Returns its error, with no transaction open, or NULL. Afterwards
 * the view may not be set aside any more.
 */
static ErrorData *
attempt(void (*work) (Aside *aside), Aside *aside)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		work(aside);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(weir_worker_self->cxt);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		weir_errors_end(InvalidOid);
		MemoryContextSwitchTo(weir_worker_self->cxt);
	}
	PG_END_TRY();
	free_portion();
	return error;
}

/* Write back one view; its errors do not concern others. */
static void
try_to_write_back(Aside *aside)
{
	Oid			defid = aside->view.defid;
	MatrelBlocker blocker;
	ErrorData  *error;

	(void) weir_matrel_blocked_by();	/* what an earlier error has left */
	error = attempt(write_back, aside);
	if (error == NULL || (aside = weir_aside_list_find(defid)) == NULL)
		return;
	blocker = weir_matrel_blocked_by();
	put_off(aside, &blocker, error->message);
	if (weir_view_error_kind(defid, error) != ERROR_RETRY)
		(void) attempt(give_up, aside);
}

/* Does the same transaction as before still hold the locked rows? */
static bool
is_still_blocked(Aside *aside)
{
	if (!weir_matrel_is_blocked(&aside->view.blocker))
		return false;
	put_off(aside, &aside->view.blocker, NULL);
	return true;
}

long
weir_set_aside_write_back(void)
{
	TimestampTz now;
	TimestampTz next = DT_NOEND;
	List	   *views;

	/* partitions are being made for one view at a time */
	bool		making = false;
	ListCell   *lc;

	if (loaded != weir_cont_views_generation())
		load();
	if (weir_aside_list() == NIL)
		return -1;
	now = weir_clock_steady();
	views = weir_aside_list_views();
	foreach(lc, views)
	{
		Aside	   *aside = weir_aside_list_find(lfirst_oid(lc));

		if (aside && now >= aside->next && !(making && aside->lacking) && !is_still_blocked(aside))
			try_to_write_back(aside);
		making |= (aside = weir_aside_list_find(lfirst_oid(lc))) != NULL && aside->lacking;
	}
	foreach(lc, weir_aside_list())
		next = Min(next, ((Aside *) lfirst(lc))->next);
	now = weir_clock_steady();
	return weir_aside_list() == NIL ? -1 : now >= next ? 0 : TimestampDifferenceMilliseconds(now, next);
}

/* ---------------------------------------------------------------------
 * What is in the tables
 * --------------------------------------------------------------------- */

/*
 * Load the views that are not in the list yet, with their sizes, which takes
 * time.
 */
static void
load_rows(List *views)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {OIDARRAYOID};
	Datum		values[1] = {weir_own_oids(weir_aside_list_views(), OIDOID)};

	SPI_connect();
	(void) weir_own_execute(&plan, "SELECT w.view, w.since, (SELECT coalesce(pg_catalog.sum(pg_catalog.octet_length(s.groups)), 0)::pg_catalog.int8"
							" FROM weir.set_aside s WHERE s.view OPERATOR(pg_catalog.=) w.view) FROM weir.waiting w"
							" WHERE w.view::pg_catalog.oid OPERATOR(pg_catalog.<>) ALL ($1)", 1, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Oid			defid = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		Aside	   *aside;

		if (weir_cont_views_find(views, defid) == NULL)
			continue;
		aside = weir_aside_list_add(defid, DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull)));
		aside->view.bytes = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		strlcpy(aside->view.reason, "not tried since the worker has started", VIEW_TROUBLE_TEXT);
	}
	SPI_finish();
}

/*
 * Complete the list with what shared memory knows: up to which publication
 * number rows are in a view. Views that were dropped while no worker was
 * running are over for those who wait for them.
 */
static void
load_known(void)
{
	ViewTrouble	view;

	for (int i = 0; weir_view_trouble_get(i, &view); i++)
	{
		Aside	   *aside = weir_aside_list_find(view.defid);

		if (view.since == 0)
			continue;
		if (aside == NULL)
		{
			aside = weir_aside_list_add(view.defid, view.since);
			aside->over = true;
		}
		aside->view.from_seq = view.from_seq;
		aside->view.begun = view.begun;
	}
}

/*
 * Load the list when views were created or dropped, or this process has just
 * started.
 */
static void
load(void)
{
	uint64		generation = weir_cont_views_generation();
	List	   *views;
	ListCell   *lc;

	begin();
	if (!weir_extension_exists())
	{
		weir_worker_commit();
		return;
	}
	views = weir_cont_views_whole();
	weir_aside_list_changing();
	load_rows(views);
	load_known();
	foreach(lc, weir_aside_list())
		(void) forget_dropped(lfirst(lc));
	weir_aside_list_prepare_commit(views);
	weir_worker_commit();
	loaded = generation;
}
