/*
 * on_time.h
 *	  Rows that come after their window was closed, while a query runs.
 */
#ifndef WEIR_RUNTIME_ON_TIME_H
#define WEIR_RUNTIME_ON_TIME_H

#include "postgres.h"

/*
 * A query begins to run over rows [first, last) of a batch: those whose window
 * ends at or before threshold are late.
 */
extern void weir_on_time_begin(int64 threshold, int first, int last);

/* It has ended: the indexes of late rows in order, palloc'd. */
extern int *weir_on_time_end(int *n);

#endif
