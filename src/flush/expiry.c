/*
 * expiry.c
 *	  Deleting what has left sliding windows, or outlived its view's ttl.
 *
 * Called by the flush worker, in the transaction of a flush or in one of its
 * own when nothing is to be flushed.  Reading does not need it, so it takes
 * its time: each call deletes a small portion, whatever has piled up, and
 * takes a view's matrel only if nobody has locked it.
 *
 * A view is looked at when a step of its window (two seconds, if that is
 * longer), or a hundredth of its ttl, has passed since it was last found to
 * have nothing to delete; so flushes in quick succession pay nothing.  A
 * flush that writes much looks at all windows: it may write rows that have
 * left them already (a topic read again).  Views take turns when there is
 * more than a portion.
 *
 * Memory: when each view is next due, process-local; forgotten with the
 * process, when all are due.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/time_limit.h"
#include "flush/expiry.h"
#include "flush/tend.h"
#include "matrel/expire.h"
#include "runtime/execute.h"

/*
 * Rows that were already old when they arrived leave their window soon,
 * however long its steps are: look at least this often.
 */
#define WINDOW_PAUSE_USECS (2 * USECS_PER_SEC)

typedef struct ViewDue
{
	Oid			defid;

	/* last time, by the settable clock, which may be set back */
	TimestampTz looked;
	TimestampTz due;
} ViewDue;

typedef struct Expiry
{
	TimestampTz now;
	int64		limit;
	int64		deleted;
} Expiry;

static HTAB *dues = NULL;
static Oid	turn = InvalidOid;	/* begin with the view after this */

static ViewDue *
due_of(Oid defid)
{
	ViewDue    *due;
	bool		found;

	if (dues == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(ViewDue);
		dues = hash_create("weir expiry", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	due = hash_search(dues, &defid, HASH_ENTER, &found);
	if (!found)
		due->looked = due->due = 0;
	return due;
}

static void
forget_others(List *views)
{
	HASH_SEQ_STATUS status;
	ViewDue    *due;

	if (dues == NULL || hash_get_num_entries(dues) <= list_length(views))
		return;
	hash_seq_init(&status, dues);
	while ((due = hash_seq_search(&status)) != NULL)
		if (weir_cont_views_find(views, due->defid) == NULL)
			hash_search(dues, &due->defid, HASH_REMOVE, NULL);
}

/*
 * For how many microseconds after a look nothing that matters can expire. A
 * ttl need not be exact to the moment, and looking may need a scan.
 */
static int64
pause_of(const ContView *view)
{
	int64		percent;

	if (view->options.sliding)
		return Min(view->options.step_usecs, WINDOW_PAUSE_USECS);
	percent = weir_interval_usecs(&view->options.ttl) / 100;
	return Max(USECS_PER_SEC, Min(percent, USECS_PER_HOUR));
}

static void
expire_view(ContView *view, void *arg)
{
	Expiry	   *expiry = arg;
	OwnerSwitch saved;
	int64		nvalues;

	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	weir_time_limit_lift();
	expiry->deleted = weir_matrel_expire(view, weir_runtime_get(view)->query,
										 expiry->now, (int) expiry->limit, &nvalues);
	expiry->deleted += nvalues;
	weir_owner_leave(&saved);
}

bool
weir_expire_views(List *views, int64 budget, bool all)
{
	TimestampTz now = weir_clock_now();
	int			n = list_length(views);
	int			first = 0;

	forget_others(views);
	while (first < n && ((ContView *) list_nth(views, first))->defid <= turn)
		first++;
	for (int i = 0; i < n; i++)
	{
		ContView   *view = list_nth(views, (first + i) % n);
		Expiry		expiry = {now, budget, 0};
		ViewDue    *due;

		if (!weir_matrel_expires(view))
			continue;
		due = due_of(view->defid);
		if (!(all && view->options.sliding) && now < due->due && now >= due->looked)
			continue;
		if (!weir_view_tend(TEND_EXPIRE, view, RowExclusiveLock, expire_view, &expiry))
			continue;
		budget -= expiry.deleted;
		turn = view->defid;
		if (budget <= 0)
			return true;

		/*
		 * Rows deleted by this call are gone only when the transaction
		 * commits, so look again.
		 */
		if (expiry.deleted > 0)
			continue;
		due->looked = now;
		due->due = now + pause_of(view);
	}
	return false;
}
