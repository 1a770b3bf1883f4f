/*
 * tend.c
 *	  Work for one view that fails alone.
 *
 * Housekeeping is never urgent, and what stands in its way (a lock, a full
 * disk, an index on an expression that fails) is one view's matter.  So it
 * runs in a subtransaction, waits for no lock longer than a moment, and what
 * fails is tried again after a pause that doubles.
 *
 * Memory: what has failed, process-local.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/attempt.h"
#include "base/clock.h"
#include "base/stats.h"
#include "flush/aside_list.h"
#include "flush/tend.h"
#include "process/view_trouble.h"
#include "process/worker.h"

#define LOCK_MS 5
#define PAUSE_MS 1000
#define PAUSE_MOST_MS 300000

typedef struct TendKey
{
	Oid			defid;
	int			kind;
} TendKey;

typedef struct Failing
{
	TendKey		key;
	int			failures;
	TimestampTz next;			/* weir_clock_steady */
} Failing;

typedef struct Work
{
	ViewWork	work;
	ContView   *view;
	void	   *arg;
} Work;

static const char *const names[] = {
	[TEND_ADOPT] = "adopt it",
	[TEND_EXPIRE] = "delete expired rows",
	[TEND_CLOSED] = "delete closed windows",
	[TEND_MAKE_PARTITIONS] = "make partitions",
	[TEND_DROP_PARTITIONS] = "drop a partition"
};

static HTAB *failing = NULL;

static void
do_work(void *arg)
{
	Work	   *work = arg;

	work->work(work->view, work->arg);
}

ErrorData *
weir_view_try(ViewWork work, ContView *view, void *arg)
{
	Work		todo = {work, view, arg};
	ErrorData  *error = weir_attempt(do_work, &todo);

	/* Reset whose code was running when it failed. */
	if (error)
		weir_errors_end(InvalidOid);
	return error;
}

ErrorKind
weir_view_error_kind(Oid defid, const ErrorData *error)
{
	Oid			before = weir_errors_begin(defid);
	ErrorKind	kind = weir_errors_kind(error);

	weir_errors_end(before);
	return kind;
}

void
weir_tend_hurry(int ms)
{
	(void) set_config_option("lock_timeout", psprintf("%d", ms), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

static void
wait_for_lock(void *arg)
{
	const MatrelBlocker *blocker = arg;

	LockRelationOid(blocker->relid, blocker->mode);
}

void
weir_tend_wait(const MatrelBlocker *blocker, int ms)
{
	ErrorData  *error;

	weir_worker_begin();
	MemoryContextSwitchTo(weir_worker_self->cxt);
	weir_tend_hurry(ms);
	error = weir_attempt(wait_for_lock, unconstify(MatrelBlocker *, blocker));
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	weir_worker_commit();
}

static void
work_hastily(void *arg)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", psprintf("%d", LOCK_MS), PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	do_work(arg);
	AtEOXact_GUC(false, level);
}

bool
weir_view_tend(TendKind kind, ContView *view, LOCKMODE lock, ViewWork work, void *arg)
{
	Work		todo = {work, view, arg};
	MatrelBlocker blocker;
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	if (!weir_tend_is_due(kind, view->defid) || weir_aside_list_has(view->defid) ||
		!weir_matrel_try_lock(view, lock, &blocker))
		return false;
	if (get_rel_name(view->matrelid) == NULL || get_rel_name(view->defid) == NULL)
		return true;			/* dropped meanwhile */
	error = weir_attempt(work_hastily, &todo);
	weir_tend_note(kind, view, error);
	return error == NULL;
}

/* ---------------------------------------------------------------------
 * What has failed
 * --------------------------------------------------------------------- */

static Failing *
find_failing(TendKind kind, Oid defid, HASHACTION action)
{
	TendKey		key = {defid, kind};
	Failing    *entry;
	bool		found;

	if (failing == NULL)
	{
		HASHCTL		ctl;

		if (action != HASH_ENTER)
			return NULL;
		ctl.keysize = sizeof(TendKey);
		ctl.entrysize = sizeof(Failing);
		failing = hash_create("weir failing housekeeping", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(failing, &key, action, &found);
	if (action == HASH_ENTER && !found)
		entry->failures = 0;
	return entry;
}

bool
weir_tend_is_due(TendKind kind, Oid defid)
{
	Failing    *entry = find_failing(kind, defid, HASH_FIND);

	return entry == NULL || weir_clock_steady() >= entry->next;
}

void
weir_tend_note(TendKind kind, const ContView *view, const ErrorData *error)
{
	Failing    *entry;
	char	   *text;

	if (error == NULL)
	{
		if (find_failing(kind, view->defid, HASH_REMOVE))
			weir_view_trouble_note(view->defid, kind, NULL);
		return;
	}
	weir_errors_end(InvalidOid);
	entry = find_failing(kind, view->defid, HASH_ENTER);
	entry->next = TimestampTzPlusMilliseconds(weir_clock_steady(), Min((int64) PAUSE_MS << Min(entry->failures, 20), PAUSE_MOST_MS));
	entry->failures++;
	text = psprintf("could not %s: %s", names[kind],
					error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ? "another transaction holds a lock on it" : error->message);
	weir_view_trouble_note(view->defid, kind, text);
	weir_stats_view_error(view->defid);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("continuous view %s: %s", view->name, text),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 errhint("It goes on counting, and this is tried again.")));
}

void
weir_tend_purge(List *views)
{
	HASH_SEQ_STATUS status;
	Failing    *entry;

	if (failing == NULL || hash_get_num_entries(failing) == 0)
		return;
	hash_seq_init(&status, failing);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (weir_cont_views_find(views, entry->key.defid) == NULL)
			hash_search(failing, &entry->key, HASH_REMOVE, NULL);
}
