/*
 * combine_values.h
 *	  weir.combine over aggregates that are computed from values.
 */
#ifndef WEIR_READ_COMBINE_VALUES_H
#define WEIR_READ_COMBINE_VALUES_H

#include "postgres.h"

#include "nodes/primnodes.h"

/*
 * From what the view's query has in the place of such an aggregate, a subquery
 * over the values of a group, one that gives these as an array of rows, a row
 * of arguments for each value.  *aggref: the aggregate in it.  NULL if it is
 * no such subquery.
 */
extern Expr *weir_combine_values_of(Expr *result, Aggref **aggref);

/* An aggregate: the arrays of several groups as one. */
extern Aggref *weir_combine_values_merged(Expr *column, Expr *filter, Index levelsup);

/*
 * A subquery that runs the aggregate over the values in the arrays of several
 * groups.  NULL if its direct arguments depend on the group.
 */
extern Expr *weir_combine_values_result(Aggref *aggref, Expr *column, Expr *filter, Index levelsup);

#endif
