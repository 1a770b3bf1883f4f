/*
 * cont_view.h
 *	  What is known of a continuous view: one row of weir.continuous_view.
 *
 * The table is the truth; it is read under the caller's snapshot and cached
 * per process.  The cache is dropped by a relcache invalidation of the table
 * itself, which every change of the table sends (a statement trigger, so that
 * a restored dump and a hand-written UPDATE are seen as well).
 */
#ifndef WEIR_META_CONT_VIEW_H
#define WEIR_META_CONT_VIEW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "meta/extension.h"

typedef enum ContViewState
{
	CONT_VIEW_ACTIVE,			/* counts */
	CONT_VIEW_INACTIVE,			/* weir.deactivate: rows pass it by */
	CONT_VIEW_SUSPENDED,		/* it failed; reason says why */
	CONT_VIEW_RESTORED			/* not taken in here yet, or not whole (meta/adopted.h); not stored */
} ContViewState;

/* What becomes of a row whose window the watermark has closed. */
typedef enum LateAction
{
	LATE_UPDATE,				/* it counts */
	LATE_DROP,					/* it is counted as dropped */
	LATE_DIVERT					/* it goes to weir.late_rows, or another stream */
} LateAction;

#define MAX_VIEW_GENERATIONS 32

/*
 * Options of CREATE VIEW ... WITH (...), as stored.
 */
typedef struct ContViewOptions
{
	bool		sliding;		/* the query has a window (query/sliding.h) */
	Interval	sw;				/* its length */
	int64		step_usecs;		/* step length, microseconds */
	bool		has_ttl;
	Interval	ttl;			/* rows of the matrel live for so long ... */
	NameData	ttl_column;		/* ... after the time in this column of the matrel */
	int			fillfactor;		/* of the matrel; 0 = default */
	List	   *pk;				/* columns (char *) of the matrel's primary key: all group keys; or NIL */
	bool		final;			/* emit = final: only windows that are closed are shown */
	LateAction	late;
	Oid			late_stream;	/* where late rows are diverted to (meta/late_stream.h); InvalidOid: weir.late_rows */
	Interval	lateness;		/* how long a window stays open after the watermark has passed its end */
	bool		retained;		/* closed windows are deleted, */
	Interval	retention;		/* so long after; of a view in partitions without late: partitions older than that */
	bool		partitioned;	/* the matrel is in partitions, */
	NameData	partition_column;	/* by this column of it, */
	Interval	partition_interval; /* each so long */
	int			ngenerations;	/* how often CREATE OR REPLACE VIEW added columns, */
	int16		generations[MAX_VIEW_GENERATIONS];	/* and how many there were before each time */
} ContViewOptions;

/* Values relations of a view. */
#define MAX_VIEW_VALUES 32

typedef struct ContView
{
	Oid			defid;			/* view weir.<name>_def: the query as written; the identity of the view */
	Oid			viewid;			/* what users read */
	Oid			matrelid;
	int			nvalues;		/* values relations (query/values.h) */
	Oid			values[MAX_VIEW_VALUES];
	Oid			streamid;		/* the stream its query reads */
	List	   *more_streams;	/* others, of UNION ALL */
	Oid			owner;			/* owner of the matrel: who the query runs as */
	ContViewState state;
	TimestampTz since;			/* when it came into this state */
	ContViewOptions options;

	/*
	 * Rows published with a sequence number up to start_seq in the server
	 * run start_boot do not count.  Another run's rows all do.
	 */
	int64		start_boot;
	int64		start_seq;
	char	   *path;			/* search_path of the functions of its query (base/owner.h) */
	char	   *name;			/* schema-qualified and quoted, for messages */
} ContView;

/*
 * Called once, from _PG_init, after weir_xact_rows_init: at a commit callbacks
 * run latest first, and a change of the catalog has to be announced before rows
 * are published.
 */
extern void weir_cont_view_init(void);

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

/* The list has changed for a reason that the table does not show. */
extern void weir_cont_views_touch(void);

/* Has the current transaction changed it? */
extern bool weir_cont_views_changed_here(void);

/* Does the view's query read this stream? */
extern bool weir_cont_view_reads(const ContView *view, Oid streamid);

/* The streams of all these views, each once. */
extern List *weir_cont_views_streams(List *views, bool active_only);

/* Counts changes of the cache: equal values mean the same list. */
extern uint64 weir_cont_views_version(void);

/*
 * Counts commits that changed the list in any session; and what is called at such
 * a commit, which must not fail (set once, when the server starts; or NULL).
 */
extern uint64 weir_cont_views_generation(void);
extern void (*weir_cont_views_changed) (void);

/* That of a list of views with this def view; or NULL. */
extern ContView *weir_cont_views_find(List *views, Oid defid);

/* Remove what a process keeps of other views than these: entries whose key is a def view's OID.  table may be NULL. */
extern void weir_cont_views_purge(HTAB *table, List *views);

/* The view with this relation as its def view, user view, or matrel or values relation; or NULL. */
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
 * (ERRCODE_LOCK_NOT_AVAILABLE) when another transaction is about to change its row.
 */
extern bool weir_cont_view_suspend(Oid defid, const char *reason, bool nowait);

/* Give a view a ttl, or take it away (ttl NULL); as weir_cont_view_set_state. */
extern bool weir_cont_view_set_ttl(Oid defid, const Interval *ttl, const char *column);

/* The view, which had this many columns, gets more; as weir_cont_view_set_state. */
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
