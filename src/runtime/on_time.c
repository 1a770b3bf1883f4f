/*
 * on_time.c
 *	  Rows that come after their window was closed, while a query runs.
 *
 * The continuous query has the condition weir.on_time(end of the window)
 * (query/late.c).  Rows for which it is false are noted by their number in the
 * batch, so that one which the plan looks at twice counts once.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "runtime/on_time.h"
#include "stream/batch.h"

WEIR_FUNCTION(weir_on_time);

/* Of the query that runs in this process. */
static bool judging = false;
static int64 late_threshold;
static int	first_row;
static int	nrows;
static bool *late = NULL;		/* by row, made when the first is found */
static MemoryContext late_cxt;

void
weir_on_time_begin(int64 threshold, int first, int last)
{
	judging = true;
	late_threshold = threshold;
	first_row = first;
	nrows = last - first;
	late = NULL;
	late_cxt = CurrentMemoryContext;
}

int *
weir_on_time_end(int *n)
{
	int		   *result = NULL;

	*n = 0;
	judging = false;
	if (late == NULL)
		return NULL;
	result = palloc(sizeof(int) * nrows);
	for (int i = 0; i < nrows; i++)
		if (late[i])
			result[(*n)++] = first_row + i;
	late = NULL;
	return result;
}

/* weir.on_time(end): may a row still be taken into a window with this end? */
Datum
weir_on_time(PG_FUNCTION_ARGS)
{
	int			row;

	if (!judging || PG_ARGISNULL(0) || PG_GETARG_TIMESTAMP(0) > late_threshold)
		PG_RETURN_BOOL(true);
	row = weir_batch_scan_row() - first_row;
	if (late == NULL)
		late = MemoryContextAllocZero(late_cxt, sizeof(bool) * Max(nrows, 1));
	if (row >= 0 && row < nrows)
		late[row] = true;
	PG_RETURN_BOOL(false);
}
