/*
 * split.h
 *	  What the two halves of a split query share.
 */
#ifndef WEIR_QUERY_SPLIT_H
#define WEIR_QUERY_SPLIT_H

#include "parser/parse_node.h"

#include "query/cont_query.h"

/*
 * A copy of an analysed query in the form that is split and in which
 * expressions are compared.
 */
extern Query *weir_split_prepare(ParseState *pstate, Query *def);

/* Index of the group key or state that an expression is; -1 if none. */
extern int	weir_split_find_key(const ContQuery *cq, Node *expr);
extern int	weir_split_find_state(const ContQuery *cq, Aggref *aggref);

/* Is a btree's idea of equal that of GROUP BY for all keys, and are they of fixed length? */
extern bool weir_split_keys_fit_btree(const ContQuery *cq);

#endif
