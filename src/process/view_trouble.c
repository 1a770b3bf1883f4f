/*
 * view_trouble.c
 *	  What stands in the way of views, in shared memory, for those who look.
 *
 * A list per database, written by its flush worker.  Entries are allocated in
 * the area beyond its limits: few, and small.  Trouble that there is no
 * memory for is missing in weir.views, and in nothing else.
 *
 * Locking: one LWLock, held for a search or to copy all.
 *
 * Failure: a restart forgets it; what still stands in the way is noted again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "meta/cont_view.h"
#include "process/view_trouble.h"

WEIR_FUNCTION(weir_view_troubles);

typedef struct TroubleEntry
{
	struct TroubleEntry *next;
	int			kind;			/* of the trouble */
	ViewTrouble view;
} TroubleEntry;

typedef struct TroubleShared
{
	LWLock		lock;
	TroubleEntry *databases[WEIR_MAX_DATABASES];
} TroubleShared;

static TroubleShared *shared = NULL;

static TroubleEntry *find(int slot, Oid defid, bool create);

static Size
trouble_shmem_size(void)
{
	return sizeof(TroubleShared);
}

static void
trouble_shmem_init(void *address, bool found)
{
	shared = address;
	if (!found)
		weir_lwlock_init(&shared->lock);
}

void
weir_view_trouble_init(void)
{
	static const WeirShmemStruct shmem = {"weir view troubles", trouble_shmem_size, trouble_shmem_init};

	weir_shmem_register(&shmem);
}

/*
 * Find the entry of a view, or create it. NULL when there is none, or no
 * memory for it. The caller holds the lock.
 */
static TroubleEntry *
find(int slot, Oid defid, bool create)
{
	TroubleEntry *entry = shared->databases[slot];

	while (entry && entry->view.defid != defid)
		entry = entry->next;
	if (entry == NULL && create &&
		(entry = weir_shared_alloc_reserve(WEIR_MEMORY_GROUPS, sizeof(TroubleEntry))) != NULL)
	{
		memset(entry, 0, sizeof(TroubleEntry));
		entry->view.defid = defid;
		entry->next = shared->databases[slot];
		shared->databases[slot] = entry;
	}
	return entry;
}

void
weir_view_trouble_note(Oid defid, int kind, const char *text)
{
	int			slot = weir_my_database_slot();
	TroubleEntry *entry;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	entry = find(slot, defid, text != NULL);
	if (entry && text)
	{
		if (entry->view.trouble_since == 0 || entry->kind != kind)
		{
			entry->view.trouble_since = GetCurrentTimestamp();
			entry->view.failures = 0;
		}
		entry->kind = kind;
		entry->view.failures++;
		strlcpy(entry->view.trouble, text, VIEW_TROUBLE_TEXT);
	}
	else if (entry && entry->kind == kind)
		entry->view.trouble_since = 0;
	LWLockRelease(&shared->lock);
}

bool
weir_view_trouble_reserve(Oid defid)
{
	bool		reserved;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	reserved = find(weir_my_database_slot(), defid, true) != NULL;
	LWLockRelease(&shared->lock);
	return reserved;
}

void
weir_view_trouble_set(const ViewTrouble *view)
{
	TroubleEntry *entry;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	entry = find(weir_my_database_slot(), view->defid, false);
	if (entry)
		memcpy(&entry->view, view, offsetof(ViewTrouble, trouble_since));
	LWLockRelease(&shared->lock);
}

void
weir_view_trouble_purge(List *views)
{
	int			slot = weir_my_database_slot();

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (TroubleEntry **place = &shared->databases[slot]; *place;)
	{
		TroubleEntry *entry = *place;

		if (entry->view.since != 0 || (entry->view.trouble_since != 0 && weir_cont_views_find(views, entry->view.defid)))
		{
			place = &entry->next;
			continue;
		}
		*place = entry->next;
		weir_shared_free(entry);
	}
	LWLockRelease(&shared->lock);
}

void
weir_view_trouble_discard(int slot)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	while (shared->databases[slot])
	{
		TroubleEntry *entry = shared->databases[slot];

		shared->databases[slot] = entry->next;
		weir_shared_free(entry);
	}
	LWLockRelease(&shared->lock);
}

bool
weir_view_trouble_get(int n, ViewTrouble *copy)
{
	int			slot = weir_my_database_slot();
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (TroubleEntry *entry = shared->databases[slot]; entry && !found; entry = entry->next)
		if ((entry->view.since != 0 || entry->view.trouble_since != 0) && n-- == 0)
		{
			*copy = entry->view;
			found = true;
		}
	LWLockRelease(&shared->lock);
	return found;
}

static bool
is_by_me(const ViewTrouble *view, TimestampTz since)
{
	for (int i = 0; view->looked > since && i < view->npids; i++)
		if (view->pids[i] == MyProcPid)
			return true;
	return false;
}

bool
weir_view_trouble_waits(Oid defid, int64 seq, TimestampTz begun, ViewTroubleWait *wait)
{
	int			slot = weir_my_database_slot();
	bool		waits = false;

	memset(wait, 0, sizeof(ViewTroubleWait));
	LWLockAcquire(&shared->lock, LW_SHARED);
	for (TroubleEntry *entry = shared->databases[slot]; entry; entry = entry->next)
	{
		ViewTrouble  *view = &entry->view;

		if (view->since == 0 || (view->from_seq >= seq && view->begun > begun) ||
			(OidIsValid(defid) && view->defid != defid))
			continue;
		waits = true;
		wait->by_me |= is_by_me(view, begun);
		if (!OidIsValid(wait->blocker.relid))
			wait->blocker = view->blocker;
	}
	LWLockRelease(&shared->lock);
	return waits;
}

/* ---------------------------------------------------------------------
 * For weir.views
 * --------------------------------------------------------------------- */

static Datum
pids_array(const ViewTrouble *view)
{
	Datum		pids[VIEW_TROUBLE_PIDS];

	for (int i = 0; i < view->npids; i++)
		pids[i] = Int32GetDatum(view->pids[i]);
	return PointerGetDatum(construct_array(pids, view->npids, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

Datum
weir_view_troubles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ViewTrouble	view;

	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; weir_view_trouble_get(i, &view); i++)
	{
		Datum		values[7] = {0};
		bool		nulls[7] = {false};

		values[0] = ObjectIdGetDatum(view.defid);
		nulls[1] = nulls[2] = nulls[3] = nulls[4] = view.since == 0;
		if (view.since != 0)
		{
			values[1] = CStringGetTextDatum(view.is_error ? weir_stats_error_text(view.reason, view.defid) : view.reason);
			values[2] = pids_array(&view);
			values[3] = TimestampTzGetDatum(view.since);
			values[4] = Int64GetDatum(view.bytes);
		}
		nulls[5] = nulls[6] = view.trouble_since == 0;
		if (view.trouble_since != 0)
		{
			values[5] = CStringGetTextDatum(weir_stats_error_text(view.trouble, view.defid));
			values[6] = TimestampTzGetDatum(view.trouble_since);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
