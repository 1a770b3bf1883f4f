/*
 * aside.c
 *	  What stands in the way of views, in shared memory, for those who look.
 *
 * A list per database, written by its flush worker.  Entries are allocated in the area beyond its
 * limits: few, and small.  What is not there when memory is used up is missing in weir.views, and in nothing else.
 *
 * Locking: one LWLock, held for a search or to copy all.
 *
 * Failure: a restart forgets it; what still stands in the way is noted again.
 */
#include "worker/aside.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "catalog/cont_view.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

WEIR_FUNCTION(weir_view_troubles);

typedef struct AsideEntry
{
	struct AsideEntry *next;
	int			kind;			/* of the trouble */
	ViewTrouble view;
} AsideEntry;

typedef struct AsideShared
{
	LWLock		lock;
	AsideEntry *databases[WEIR_MAX_DATABASES];
} AsideShared;

static AsideShared *shared = NULL;

static AsideEntry *find(int slot, Oid defid, bool create);
static bool is_listed(List *views, Oid defid);

static Size
aside_shmem_size(void)
{
	return sizeof(AsideShared);
}

static void
aside_shmem_init(void *address, bool found)
{
	shared = address;
	if (!found)
		weir_lwlock_init(&shared->lock);
}

void
weir_aside_init(void)
{
	static const WeirShmemPart part = {"weir aside", aside_shmem_size, aside_shmem_init};

	weir_shmem_register(&part);
}

/* NULL when there is none, or no memory for it; the lock is held. */
static AsideEntry *
find(int slot, Oid defid, bool create)
{
	AsideEntry *entry = shared->databases[slot];

	while (entry && entry->view.defid != defid)
		entry = entry->next;
	if (entry == NULL && create &&
		(entry = weir_shared_alloc_reserve(WEIR_MEMORY_GROUPS, sizeof(AsideEntry))) != NULL)
	{
		memset(entry, 0, sizeof(AsideEntry));
		entry->view.defid = defid;
		entry->next = shared->databases[slot];
		shared->databases[slot] = entry;
	}
	return entry;
}

void
weir_aside_note_trouble(Oid defid, int kind, const char *text)
{
	int			slot = weir_my_database_slot();
	AsideEntry *entry;

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
		strlcpy(entry->view.trouble, text, ASIDE_TEXT);
	}
	else if (entry && entry->kind == kind)
		entry->view.trouble_since = 0;
	LWLockRelease(&shared->lock);
}

void
weir_aside_purge(List *views)
{
	int			slot = weir_my_database_slot();

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (AsideEntry **place = &shared->databases[slot]; *place;)
	{
		AsideEntry *entry = *place;

		if (entry->view.trouble_since != 0 && is_listed(views, entry->view.defid))
		{
			place = &entry->next;
			continue;
		}
		*place = entry->next;
		weir_shared_free(entry);
	}
	LWLockRelease(&shared->lock);
}

static bool
is_listed(List *views, Oid defid)
{
	ListCell   *lc;

	foreach(lc, views)
		if (((ContView *) lfirst(lc))->defid == defid)
			return true;
	return false;
}

bool
weir_aside_get(int n, ViewTrouble *copy)
{
	int			slot = weir_my_database_slot();
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (AsideEntry *entry = shared->databases[slot]; entry && !found; entry = entry->next)
		if (entry->view.trouble_since != 0 && n-- == 0)
		{
			*copy = entry->view;
			found = true;
		}
	LWLockRelease(&shared->lock);
	return found;
}

/* For weir.views. */
Datum
weir_view_troubles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ViewTrouble view;

	weir_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; weir_aside_get(i, &view); i++)
	{
		Datum		values[3] = {ObjectIdGetDatum(view.defid),
			CStringGetTextDatum(weir_stats_error_text(view.trouble, view.defid)),
			TimestampTzGetDatum(view.trouble_since)};
		bool		nulls[3] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
