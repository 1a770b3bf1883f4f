/*
 * combine.h
 *	  weir.combine(v.col): the aggregate that a continuous view's column is,
 *	  over the rows of all its groups.
 */
#ifndef WEIR_READ_COMBINE_H
#define WEIR_READ_COMBINE_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Install the planner hook; called once, from _PG_init. */
extern void weir_combine_init(void);

/*
 * Error, with its position in the text, if a query that is to be stored calls
 * weir.combine of what cannot be combined.  Nothing is checked while a dump is
 * restored (check_function_bodies off): views come before what is known of
 * them.
 */
extern void weir_combine_check(Query *query, const char *source_text);

#endif
