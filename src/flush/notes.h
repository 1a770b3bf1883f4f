/*
 * notes.h
 *	  What an epoch has besides groups: dead letters, late rows, Kafka offsets, watermarks.
 */
#ifndef WEIR_FLUSH_NOTES_H
#define WEIR_FLUSH_NOTES_H

#include "postgres.h"

#include "groups/epoch.h"
#include "matrel/lock.h"

/* Has the epoch any, or the flush added some? */
extern bool weir_notes_any(Epoch *epoch);

/* Lock the tables that they go to; false when one is not free, *blocker. */
extern bool weir_notes_try_lock(MatrelBlocker *blocker);

/* A flush begins: what one that failed has added is not written.  And a dead letter that comes of the flush itself. */
extern void weir_notes_begin(void);
extern void weir_notes_add_letter(DeadLetter *letter);

/* Write them, in the flush transaction; or what was added alone. */
extern void weir_notes_write(Epoch *epoch);
extern void weir_notes_write_added(void);

/*
 * Delete what is left of streams and views that have been dropped.  DROP does not
 * do that itself: the flush would wait for its transaction.  In a transaction.
 */
extern void weir_notes_purge(void);

/*
 * Mark the offsets of streams that no view reads, or will read when what it is suspended for is mended:
 * what comes from now on passes by.  In a transaction.
 */
extern void weir_notes_mark_unread(void);

#endif
