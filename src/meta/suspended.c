/*
 * suspended.c
 *	  Suspended views, in shared memory: for those who commit rows that these
 *	  lack.
 *
 * A worker that suspends a view adds it as it commits that, before the rows
 * that it had in hand are flushed: so who waits for them is told in time.  The
 * flush worker puts the list right when anything changes, and after a restart.
 *
 * Locking: one LWLock, held to look and to copy.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/shmem.h"
#include "meta/suspended.h"

#define MAX_SUSPENDED 32
#define MAX_STREAMS 8
#define NAME_LENGTH (4 * NAMEDATALEN + 4)	/* schema and view, quoted */
#define MAX_WARNED 64

typedef struct Suspended
{
	Oid			defid;
	TimestampTz since;			/* when it was put here */
	int			nstreams;		/* MAX_STREAMS + 1: of more than these */
	Oid			streams[MAX_STREAMS];
	char		name[NAME_LENGTH];
} Suspended;

typedef struct SuspendedViews
{
	int			n;
	Suspended	views[MAX_SUSPENDED];
} SuspendedViews;

typedef struct SuspendedShared
{
	LWLock		lock;
	SuspendedViews databases[WEIR_MAX_DATABASES];
} SuspendedShared;

typedef struct Warned
{
	Oid			defid;
	TimestampTz since;
} Warned;

static SuspendedShared *shared = NULL;
static List *added = NIL;		/* of Suspended, by the current transaction, */
static List *removed = NIL;		/* and OIDs; both in TopTransactionContext */
static Warned warned[MAX_WARNED];	/* in this session, in turn */
static int	nwarned = 0;

static void xact_callback(XactEvent event, void *arg);

static Size
suspended_shmem_size(void)
{
	return sizeof(SuspendedShared);
}

static void
suspended_shmem_init(void *address, bool found)
{
	shared = address;
	if (!found)
		weir_lwlock_init(&shared->lock);
}

void
weir_suspended_init(void)
{
	static const WeirShmemStruct shmem = {"weir suspended views", suspended_shmem_size, suspended_shmem_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(xact_callback, NULL);
}

/* ---------------------------------------------------------------------
 * The list; the lock is held
 * --------------------------------------------------------------------- */

static Suspended *
find(SuspendedViews *views, Oid defid)
{
	for (int i = 0; i < views->n; i++)
		if (views->views[i].defid == defid)
			return &views->views[i];
	return NULL;
}

static void
add(SuspendedViews *views, const Suspended *view)
{
	if (find(views, view->defid) == NULL && views->n < MAX_SUSPENDED)
		views->views[views->n++] = *view;
}

static void
remove_view(SuspendedViews *views, Oid defid)
{
	Suspended  *view = find(views, defid);

	if (view != NULL)
		*view = views->views[--views->n];
}

/* ---------------------------------------------------------------------
 * Changes
 * --------------------------------------------------------------------- */

static void
fill(Suspended *result, const ContView *view)
{
	ListCell   *lc;

	memset(result, 0, sizeof(Suspended));
	result->defid = view->defid;
	result->since = GetCurrentTimestamp();
	strlcpy(result->name, view->name, sizeof(result->name));
	foreach(lc, view->streams)
	{
		if (result->nstreams < MAX_STREAMS)
			result->streams[result->nstreams] = lfirst_oid(lc);
		result->nstreams = Min(result->nstreams, MAX_STREAMS) + 1;
	}
}

void
weir_suspended_add_at_commit(const ContView *view)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Suspended  *s = palloc(sizeof(Suspended));

	(void) weir_my_database_slot();
	fill(s, view);
	added = lappend(added, s);
	MemoryContextSwitchTo(old);
}

void
weir_suspended_remove_at_commit(Oid defid)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	(void) weir_my_database_slot();
	removed = lappend_oid(removed, defid);
	MemoryContextSwitchTo(old);
}

static void
xact_callback(XactEvent event, void *arg)
{
	ListCell   *lc;

	/*
	 * Those who wait are woken in a callback of the commit: it is known by
	 * then.
	 */
	if ((event == XACT_EVENT_PRE_COMMIT && added) || (event == XACT_EVENT_COMMIT && removed))
	{
		SuspendedViews *views = &shared->databases[weir_my_database_slot()];

		LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
		if (event == XACT_EVENT_PRE_COMMIT)
			foreach(lc, added)
				add(views, lfirst(lc));
		else
			foreach(lc, removed)
				remove_view(views, lfirst_oid(lc));
		LWLockRelease(&shared->lock);
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		added = removed = NIL;
}

void
weir_suspended_sync(List *views)
{
	SuspendedViews *old = &shared->databases[weir_my_database_slot()];
	SuspendedViews *now = palloc0(sizeof(SuspendedViews));
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);
		Suspended	s;

		if (view->state != CONT_VIEW_SUSPENDED)
			continue;
		fill(&s, view);
		add(now, &s);
	}
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < now->n; i++)
	{
		Suspended  *known = find(old, now->views[i].defid);

		if (known)
			now->views[i].since = known->since;
	}
	*old = *now;
	LWLockRelease(&shared->lock);
	pfree(now);
}

/* ---------------------------------------------------------------------
 * Warning
 * --------------------------------------------------------------------- */

static bool
reads_any(const Suspended *view, const Oid *streams, int n)
{
	if (streams == NULL || view->nstreams > MAX_STREAMS)
		return true;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < view->nstreams; j++)
			if (streams[i] == view->streams[j])
				return true;
	return false;
}

static bool
is_news(const Suspended *view)
{
	for (int i = 0; i < Min(nwarned, MAX_WARNED); i++)
		if (warned[i].defid == view->defid && warned[i].since == view->since)
			return false;
	warned[nwarned++ % MAX_WARNED] = (Warned) {view->defid, view->since};
	return true;
}

/* Copies the nth view that is to be warned of. */
static bool
next_news(SuspendedViews *views, const Oid *streams, int n, int *next, Suspended *copy)
{
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (; *next < views->n && !found; (*next)++)
		if (reads_any(&views->views[*next], streams, n) && is_news(&views->views[*next]))
		{
			*copy = views->views[*next];
			found = true;
		}
	LWLockRelease(&shared->lock);
	return found;
}

void
weir_suspended_warn(const Oid *streams, int n)
{
	SuspendedViews *views = &shared->databases[weir_my_database_slot()];
	Suspended	view;
	int			next = 0;

	/* Most of the time there is none. */
	while (views->n > 0 && next_news(views, streams, n, &next, &view))
		ereport(WARNING_CLIENT_ONLY,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view %s is suspended and may lack rows of this transaction", view.name),
				 errhint("weir.views tells the reason. When it is removed, weir.activate('%s') has the view count again, from then on.", view.name)));
}
