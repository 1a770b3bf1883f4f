/*
 * view_plan.h
 *	  What CREATE VIEW or CREATE OR REPLACE VIEW over a stream asks for, before
 *	  anything is made.
 *
 * The steps are taken in the order in which they are declared here: options
 * and column names; one analysis of the query, for errors with their positions
 * in the statement; what follows from options and query together; and, when
 * the query is stored, the plan as every other process will see it.
 */
#ifndef WEIR_VIEW_VIEW_PLAN_H
#define WEIR_VIEW_VIEW_PLAN_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "meta/view_options.h"
#include "query/cont_query.h"

typedef struct ViewPlan
{
	/* a copy; its options are those of the ordinary view */
	ViewStmt   *stmt;
	GivenOptions given;

	/* what the options come to; not ttl, see view/ttl.h */
	ContViewOptions options;

	/* the options that decide what is kept: of an existing view its own */
	const ContViewOptions *layout;
	Query	   *query;			/* to be stored as the def view's */

	/* as weir_def_query gives it when it is stored */
	Query	   *def;
	ContQuery  *cq;
} ViewPlan;

/*
 * Read the options, check what can be told by the statement alone, and name
 * the columns of query, the statement's, analysed.  existing: options of the
 * view that is replaced; NULL for a new one.
 */
extern void weir_view_plan_begin(ViewPlan *plan, ViewStmt *stmt, Query *query, const ContViewOptions *existing);

/*
 * Fill def and cq by the query as written.  Errors have positions in
 * source_text.
 */
extern void weir_view_plan_analyze(ViewPlan *plan, const char *source_text);

/*
 * Complete query, options, def and cq by the window of option sw, the
 * partitions and the primary key.
 */
extern void weir_view_plan_settle(ViewPlan *plan);

/* Take def and cq from the def view, which has been given the query. */
extern void weir_view_plan_stored(ViewPlan *plan, Oid defid);

/*
 * What cannot be planned, or run by this user, is told to the user, not to a
 * worker's log.
 */
extern void weir_view_plan_check_rights(const ViewPlan *plan, const char *source_text);

#endif
