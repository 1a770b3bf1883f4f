/*
 * grouping.h
 *	  GROUPING SETS, ROLLUP and CUBE.
 *
 * The matrel has the groups of the finest grouping, of all columns that any
 * set has.  The view query groups them by the sets, as a batch query would
 * group rows: states of several groups are combined, as those of a sliding
 * window's steps are.
 */
#ifndef WEIR_QUERY_GROUPING_H
#define WEIR_QUERY_GROUPING_H

#include "parser/parse_node.h"

#include "query/cont_query.h"

/*
 * Refuse what cannot be grouped by sets, with its position.  def is prepared.
 */
extern void weir_grouping_check(ParseState *pstate, Query *def, const ContViewOptions *options);

/*
 * The different sets of keys that the query's sets are: of each the keys
 * (indexes), a list of IntList.
 */
extern List *weir_grouping_keys(const ContQuery *cq, Query *def);

/*
 * In the view query, whose target list has been made: group by columns that a
 * joined table's key decides as well, in each set.
 */
extern void weir_grouping_add_dependent(const ContQuery *cq, Query *def, Query *query);

/*
 * What a row of the view query shows: for each different set of keys, in the
 * order of weir_grouping_keys, its expression.  query is the view query.
 */
extern Node *weir_grouping_choose(const ContQuery *cq, Query *def, List *clause_exprs, List *results);

#endif
