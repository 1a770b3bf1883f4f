/*
 * notes.h
 *	  What an epoch has besides groups: dead letters, late rows, Kafka offsets,
 *	  watermarks.
 */
#ifndef WEIR_FLUSH_NOTES_H
#define WEIR_FLUSH_NOTES_H

#include "postgres.h"

#include "groups/epoch.h"
#include "matrel/lock.h"

/* Does the epoch have notes, or did the current flush add some? */
extern bool weir_notes_any(Epoch *epoch);

/*
 * Lock the tables that notes are written to. Returns false and sets *blocker
 * when a lock is not free.
 */
extern bool weir_notes_try_lock(MatrelBlocker *blocker);

/*
 * Begin a flush: forget what a failed flush has added. Then add a dead letter
 * that the flush itself produces.
 */
extern void weir_notes_begin(void);
extern void weir_notes_add(const Note *note);

/*
 * Write the epoch's notes and the added ones in the flush transaction; or the
 * added ones alone.
 */
extern void weir_notes_write(Epoch *epoch);
extern void weir_notes_write_added(void);

/*
 * Delete rows of dropped streams and views, in the current transaction. DROP
 * does not do that itself, for the flush would wait for its transaction.
 */
extern void weir_notes_purge(void);

/*
 * Mark the offsets of streams that no view reads: messages from now on are
 * skipped. A view that is suspended counts as a reader. In the current
 * transaction.
 */
extern void weir_notes_mark_unread(void);

#endif
