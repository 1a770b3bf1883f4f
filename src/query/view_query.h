/*
 * view_query.h
 *	  The query of the user's view over the matrel.
 */
#ifndef WEIR_QUERY_VIEW_QUERY_H
#define WEIR_QUERY_VIEW_QUERY_H

#include "postgres.h"

#include "query/cont_query.h"

/*
 * The query that gives, from the view's matrel and values relations, what def
 * gives from all rows of its streams.  cq is split of def.
 */
extern Query *weir_view_query_build(ContQuery *cq, Query *def, const ContView *view);

#endif
