/*
 * run.c
 *	  Group tables that are flushed together.
 *
 * Memory: arenas of kind WEIR_MEMORY_GROUPS.  A private run belongs to the
 * worker that builds it: it is destroyed on error and by an exit callback,
 * until it is adopted by an epoch or given to a feed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"

#include "base/shmem.h"
#include "groups/run.h"
#include "time/watermark.h"

static Run *private_run = NULL;
static bool exit_registered = false;

static void destroy_at_exit(int code, Datum arg);

GroupTable *
weir_run_table(Run *run, Oid defid)
{
	for (GroupTable *table = run->tables; table; table = table->next)
		if (table->defid == defid)
			return table;
	return NULL;
}

bool
weir_run_has_view(Run *run, Oid defid)
{
	return run->nfiles > 0 || weir_run_table(run, defid) != NULL;
}

void
weir_run_clear(Run *run)
{
	for (GroupTable *table = run->tables; table; table = table->next)
		weir_groups_free_buckets(table, true);
	run->tables = NULL;
	weir_arena_free(&run->arena);
	weir_arena_free(&run->note_arena);
	run->notes = NULL;
	run->nnotes = 0;
	if (run->have_files)
		FileSetDeleteAll(&run->fileset);
	run->have_files = false;
	run->nfiles = 0;
	run->unsorted = false;
	run->nnote_files = 0;
}

Run *
weir_run_create(void)
{
	Run		   *run;

	Assert(private_run == NULL);
	run = weir_shared_alloc_reserve(WEIR_MEMORY_GROUPS, sizeof(Run));
	if (!exit_registered)
	{
		/*
		 * After the area's own callback was registered, so it runs before it.
		 */
		before_shmem_exit(destroy_at_exit, (Datum) 0);
		exit_registered = true;
	}
	if (run == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("weir.memory is exhausted")));
	memset(run, 0, sizeof(Run));
	private_run = run;
	return run;
}

void
weir_run_destroy(Run *run)
{
	weir_run_release(run);
	weir_watermark_release(run);
	weir_run_clear(run);
	weir_shared_free(run);
}

void
weir_run_destroy_private(void)
{
	if (private_run != NULL)
		weir_run_destroy(private_run);
}

static void
destroy_at_exit(int code, Datum arg)
{
	weir_run_destroy_private();
}

void
weir_run_release(Run *run)
{
	if (private_run == run)
		private_run = NULL;
}

void
weir_run_give_to_feed(Run *run, Feed *feed)
{
	Assert(private_run == run && feed->run == NULL);
	feed->run = run;
	private_run = NULL;
}

void
weir_feeds_clear_dead(int slot)
{
	Feed	   *feed;

	/* Nobody else knows of one that is unlinked. */
	HOLD_INTERRUPTS();
	while ((feed = weir_feed_pop_dead(slot)) != NULL)
	{
		if (feed->run != NULL)
			weir_run_destroy(feed->run);
		weir_feed_free(feed);
	}
	RESUME_INTERRUPTS();
}
