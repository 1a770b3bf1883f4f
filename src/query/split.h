/*
 * split.h
 *	  The continuous query of a view's defining query.
 */
#ifndef WEIR_QUERY_SPLIT_H
#define WEIR_QUERY_SPLIT_H

#include "postgres.h"

#include "query/cont_query.h"

/*
 * Check and split an analysed query (not modified).  source_text is the
 * query's text for error positions, or NULL.  Errors name the construct with
 * its position and what to write instead (ERRCODE_FEATURE_NOT_SUPPORTED).
 * Result in CurrentMemoryContext.
 */
extern ContQuery *weir_cont_query_build(Query *def, const ContViewOptions *options,
										const char *source_text);

/* Do both have the same window, or none? */
extern bool weir_cont_query_same_window(const ContQuery *a, const ContQuery *b);

#endif
