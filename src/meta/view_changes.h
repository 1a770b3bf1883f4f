/*
 * view_changes.h
 *	  Who changed the list of continuous views, and how often it was changed.
 */
#ifndef WEIR_META_VIEW_CHANGES_H
#define WEIR_META_VIEW_CHANGES_H

#include "postgres.h"

#include "utils/relcache.h"

/*
 * Called once, from _PG_init, after weir_xact_rows_init: at a commit callbacks
 * run latest first, and a change of the catalog has to be announced before
 * rows are published.
 */
extern void weir_view_changes_init(void);

/*
 * Counts commits that changed the list in any session; and what is called at
 * such a commit, which must not fail (set once, when the server starts; or
 * NULL).
 */
extern uint64 weir_cont_views_generation(void);
extern void (*weir_cont_views_changed) (void);

/*
 * Counts changes that this process has seen: equal values mean the same list.
 */
extern uint64 weir_cont_views_version(void);
extern void weir_cont_views_count_change(void);

/*
 * The current transaction changes rel, weir.continuous_view, or what the list
 * follows from.
 */
extern void weir_cont_views_mark_changed(Relation rel);

/* The list has changed for a reason that the table does not show. */
extern void weir_cont_views_touch(void);

/* Has the current transaction changed it? */
extern bool weir_cont_views_changed_here(void);

#endif
