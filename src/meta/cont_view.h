/*
 * cont_view.h
 *	  The catalog of continuous views, weir.continuous_view.
 *
 * The table is the truth; it is read under the caller's snapshot and cached
 * per process.  The cache is dropped by a relcache invalidation of the table
 * itself, which every change of the table sends (a statement trigger, so that
 * a restored dump and a hand-written UPDATE are seen as well).
 */
#ifndef WEIR_META_CONT_VIEW_H
#define WEIR_META_CONT_VIEW_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "meta/extension.h"
#include "meta/view.h"

/*
 * All continuous views of this database, in defid order; palloc'd in a cache
 * context that lives until the next invalidation is accepted, so do not keep
 * pointers across transactions.  Needs a transaction and a snapshot.
 */
extern List *weir_cont_views(void);

/* Those that are taken in, copied: what workers look after. */
extern List *weir_cont_views_whole(void);

/*
 * All rows of views that are not taken in, also those whose relations are not
 * there: without owner and name, which is NULL.  Read anew each time.
 */
extern List *weir_cont_views_restored(void);

/* Does the view's query read this stream? */
extern bool weir_cont_view_reads(const ContView *view, Oid streamid);

/* The streams of all these views, each once. */
extern List *weir_cont_views_streams(List *views, bool active_only);

/* That of a list of views with this def view; or NULL. */
extern ContView *weir_cont_views_find(List *views, Oid defid);

/*
 * Remove what a process keeps of other views than these: entries whose key is
 * a def view's OID.  table may be NULL.
 */
extern void weir_cont_views_purge(HTAB *table, List *views);

/*
 * The view with this relation as its def view, user view, or matrel or values
 * relation; or NULL.
 */
extern ContView *weir_cont_view_by_def(Oid defid);
extern ContView *weir_cont_view_by_view(Oid viewid);
extern ContView *weir_cont_view_by_matrel(Oid matrelid);

/*
 * Set the state of a view (UPDATE of its row, in the caller's transaction).
 * reason may be NULL.  Returns false when the view is gone.
 */
extern bool weir_cont_view_set_state(Oid defid, ContViewState state, const char *reason);

/*
 * The state of a view that failed.  False when it is gone.  With nowait errors
 * (ERRCODE_LOCK_NOT_AVAILABLE) when another transaction is about to change its
 * row.
 */
extern bool weir_cont_view_suspend(Oid defid, const char *reason, bool nowait);

/*
 * Give a view a ttl, or take it away (ttl NULL); as weir_cont_view_set_state.
 */
extern bool weir_cont_view_set_ttl(Oid defid, const Interval *ttl, const char *column);

/*
 * The view, which had this many columns, gets more; as
 * weir_cont_view_set_state.
 */
extern bool weir_cont_view_add_generation(Oid defid, int columns);

/* Rows up to this position no longer count; as weir_cont_view_set_state. */
extern bool weir_cont_view_set_position(Oid defid, int64 boot, int64 seq);

/* What users read of it is this view; as weir_cont_view_set_state. */
extern bool weir_cont_view_set_view(Oid defid, Oid viewid);

/* Add the row of a new view, which is whole. */
extern void weir_cont_view_insert(const ContView *view);

/*
 * Remove the row that has relid as def view, view or matrel; false when there
 * is none.  Fills the relations' OIDs in *view, and nothing else.  Works while
 * these relations, or the extension, are being dropped.
 */
extern bool weir_cont_view_forget(Oid relid, ContView *view);

#endif
