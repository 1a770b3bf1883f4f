/*
 * view.h
 *	  What is known of a continuous view: one row of weir.continuous_view.
 */
#ifndef WEIR_META_VIEW_H
#define WEIR_META_VIEW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* Columns of weir.continuous_view. */
enum
{
	Anum_view_def = 1,
	Anum_view_view,
	Anum_view_matrel,
	Anum_view_values,
	Anum_view_streams,
	Anum_view_state,
	Anum_view_reason,
	Anum_view_since,
	Anum_view_sw,
	Anum_view_step,
	Anum_view_ttl,
	Anum_view_ttl_column,
	Anum_view_fillfactor,
	Anum_view_pk,
	Anum_view_emit,
	Anum_view_late,
	Anum_view_late_stream,
	Anum_view_allowed_lateness,
	Anum_view_retention,
	Anum_view_partition_by,
	Anum_view_partition_interval,
	Anum_view_generations,
	Anum_view_replaced,
	Anum_view_start_boot,
	Anum_view_start_seq,
	Anum_view_created,
	Anum_view_search_path,
	NVIEW_COLUMNS = Anum_view_search_path
};

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

	/* ... after the time in this column of the matrel */
	NameData	ttl_column;
	int			fillfactor;		/* of the matrel; 0 = default */

	/* columns (char *) of the matrel's primary key: all group keys; or NIL */
	List	   *pk;

	/* emit = final: only windows that are closed are shown */
	bool		final;
	LateAction	late;

	/*
	 * where late rows are diverted to (meta/late_stream.h); InvalidOid:
	 * weir.late_rows
	 */
	Oid			late_stream;

	/* how long a window stays open after the watermark has passed its end */
	Interval	lateness;
	bool		retained;		/* closed windows are deleted, */

	/*
	 * so long after; of a view in partitions without late: partitions older
	 * than that
	 */
	Interval	retention;
	bool		partitioned;	/* the matrel is in partitions, */
	NameData	partition_column;	/* by this column of it, */
	Interval	partition_interval; /* each so long */

	/* how often CREATE OR REPLACE VIEW added columns, */
	int			ngenerations;

	/* and how many there were before each time */
	int16		generations[MAX_VIEW_GENERATIONS];
} ContViewOptions;

/* Values relations of a view. */
#define MAX_VIEW_VALUES 32

typedef struct ContView
{
	/* view weir.<name>_def: the query as written; the identity of the view */
	Oid			defid;
	Oid			viewid;			/* what users read */
	Oid			matrelid;
	int			nvalues;		/* values relations (query/values.h) */
	Oid			values[MAX_VIEW_VALUES];

	/* that its query reads: one, or several of UNION ALL, in order */
	List	   *streams;
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

	/* search_path of the functions of its query (base/owner.h) */
	char	   *path;
	char	   *name;			/* schema-qualified and quoted, for messages */
} ContView;

#endif
