/*
 * ttl.h
 *	  How long the rows of a continuous view live.
 */
#ifndef WEIR_VIEW_TTL_H
#define WEIR_VIEW_TTL_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "query/cont_query.h"

/*
 * Check a ttl and its column (of the user's view), and put them into
 * view->options; makes an index that finds what has expired.
 */
extern void weir_ttl_give(ContView *view, const ContQuery *cq, const Interval *ttl,
						  const char *column);

#endif
