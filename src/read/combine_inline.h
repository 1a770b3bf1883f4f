/*
 * combine_inline.h
 *	  Set-returning functions in SQL that call weir.combine.
 */
#ifndef WEIR_READ_COMBINE_INLINE_H
#define WEIR_READ_COMBINE_INLINE_H

#include "postgres.h"

extern void weir_combine_inline_init(void);

/*
 * Might the planner put a set-returning function's query, which nobody has
 * seen yet, in its place?
 */
extern bool weir_combine_may_inline(Oid fn);

/*
 * While a query is planned, functions that call weir.combine are left as they
 * are.
 */
extern void weir_combine_inline_begin(void);
extern void weir_combine_inline_end(void);

#endif
