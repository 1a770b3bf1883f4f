/*
 * view_expr.h
 *	  A view query that is being made, and expressions of it.
 */
#ifndef WEIR_QUERY_VIEW_EXPR_H
#define WEIR_QUERY_VIEW_EXPR_H

#include "postgres.h"

#include "query/cont_query.h"

/*
 * Range table: the matrel, or what is read in its place; then a function in
 * FROM.
 */
#define WEIR_MATREL_RTI 1
#define WEIR_WINDOW_RTI 2

typedef struct ViewQuery
{
	ContQuery  *cq;
	const ContView *view;
	Query	   *def;			/* prepared */
	Query	   *query;			/* that is being made */
	bool		combine;		/* several rows of the matrel make one group */

	/* of the node whose columns are being replaced */
	int			sublevels_up;
	CommonTableExpr *bounds;	/* of a sliding window, for what is read in the
								 * matrel's place */
	AttrNumber	session_column; /* of the first range table entry: start of the
								 * session */
	AttrNumber	end_column;		/* and its end; 0: it is an aggregate of the
								 * group */
} ViewQuery;

/* The column of a key, or (nkeys and more) of a state. */
extern Var *weir_view_column(const ContQuery *cq, int column);

/* max(time) */
extern Node *weir_view_latest(Node *time);

/* expr::type; time - interval */
extern Node *weir_view_as_type(Node *expr, Oid type);
extern Node *weir_view_minus(Node *time, const Interval *interval);

/*
 * (SELECT expr::type).  A subquery without columns from outside is run once a
 * query: an index can serve it, all rows meet the same window, parallel
 * workers included, and yet it sees the clock move within a transaction, a
 * function, and between executions of a cached plan.  (A stable function in
 * its place would be called for each row of a table scan.)
 */
extern Node *weir_view_run_once(Node *expr, Oid type);

/*
 * A GROUP BY clause for an expression of the target list, which it is added to
 * when it is not there.  like: operators are those of this clause; NULL: the
 * type's.
 */
extern SortGroupClause *weir_view_group_by(Query *query, Expr *expr, const SortGroupClause *like);

#endif
