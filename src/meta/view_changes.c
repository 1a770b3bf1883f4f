/*
 * view_changes.c
 *	  Who changed the list of continuous views, and how often it was changed.
 *
 * Invalidation messages tell of a change, but they are sent a little after a
 * transaction has become visible and its stream rows are published, and a
 * worker must not take those rows in with the list of before.  So a
 * transaction that changed the catalog also advances a number in shared
 * memory, before its rows are published, and a list made under another number
 * is read again.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "utils/inval.h"

#include "base/shmem.h"
#include "meta/extension.h"
#include "meta/view_changes.h"

/* Changes committed in any database; see above. */
static pg_atomic_uint64 *generation = NULL;

/* Changes seen by this process. */
static uint64 version = 1;

/* Has the current transaction changed it? */
static bool changed_here = false;

void		(*weir_cont_views_changed) (void) = NULL;

static Size generation_size(void);
static void generation_init(void *address, bool found);
static void advance_generation(XactEvent event, void *arg);

void
weir_view_changes_init(void)
{
	static const WeirShmemStruct shmem = {"weir catalog", generation_size, generation_init};

	weir_shmem_register(&shmem);
	RegisterXactCallback(advance_generation, NULL);
}

uint64
weir_cont_views_generation(void)
{
	return generation ? pg_atomic_read_u64(generation) : 0;
}

uint64
weir_cont_views_version(void)
{
	return version;
}

void
weir_cont_views_count_change(void)
{
	version++;
}

void
weir_cont_views_mark_changed(Relation rel)
{
	CacheInvalidateRelcache(rel);
	changed_here = true;
}

void
weir_cont_views_touch(void)
{
	Relation	rel = table_open(weir_catalog_relid("continuous_view"), AccessShareLock);

	weir_cont_views_mark_changed(rel);
	table_close(rel, NoLock);
}

bool
weir_cont_views_changed_here(void)
{
	return changed_here;
}

static Size
generation_size(void)
{
	return sizeof(pg_atomic_uint64);
}

static void
generation_init(void *address, bool found)
{
	generation = address;
	if (!found)
		pg_atomic_init_u64(generation, 1);
}

/*
 * At XACT_EVENT_COMMIT the transaction is visible, its rows are not published
 * yet.
 */
static void
advance_generation(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (changed_here && event == XACT_EVENT_COMMIT && generation)
	{
		pg_atomic_fetch_add_u64(generation, 1);
		if (weir_cont_views_changed)
			weir_cont_views_changed();
	}
	changed_here = false;
}
