/*
 * run.h
 *	  Group tables that are flushed together.
 */
#ifndef WEIR_GROUPS_RUN_H
#define WEIR_GROUPS_RUN_H

#include "postgres.h"

#include "storage/fileset.h"

#include "base/arena.h"
#include "groups/stored_note.h"
#include "groups/table.h"
#include "stream/feed.h"

/*
 * The main run of an epoch is merged into by every worker; a private run is
 * built by one worker for one large transaction and then adopted whole.  What
 * did not fit in memory is in files, each with every group at most once.
 */
typedef struct Run
{
	struct Run *next;			/* adopted runs of the same epoch */
	Arena		arena;			/* groups */
	Arena		note_arena;		/* notes: they outlive a dump */
	GroupTable *tables;
	StoredNote *notes;			/* latest first */
	int64		nnotes;
	bool		have_files;
	FileSet		fileset;
	int			nfiles;			/* of groups */
	bool		unsorted;		/* a part of one is in no order */
	int			nnote_files;
} Run;

/* The table of a view, or values relation; NULL: there is none. */
extern GroupTable *weir_run_table(Run *run, Oid defid);

/*
 * Can it have groups of this view?  True whenever it has files, which are not
 * looked into.
 */
extern bool weir_run_has_view(Run *run, Oid defid);

/* Free all that it holds, in memory and in files. */
extern void weir_run_clear(Run *run);

/*
 * Private runs.  A process has one at most, whose shared memory and files it
 * frees when it ends, until it is given away.  Errors when even the reserve of
 * memory is used up.
 */
extern Run *weir_run_create(void);
extern void weir_run_destroy(Run *run);

/* the one this process has, if any */
extern void weir_run_destroy_private(void);

/* It is no longer this process's: an epoch, or a feed, has it now. */
extern void weir_run_release(Run *run);
extern void weir_run_give_to_feed(Run *run, Feed *feed);

/* Free the feeds of transactions that rolled back, with their runs. */
extern void weir_feeds_clear_dead(int slot);

#endif
