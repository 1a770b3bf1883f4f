/*
 * aside_table.h
 *	  The rows of weir.set_aside: groups of views on their way into their
 *	  matrels.
 */
#ifndef WEIR_FLUSH_ASIDE_TABLE_H
#define WEIR_FLUSH_ASIDE_TABLE_H

#include "postgres.h"

#include "groups/epoch.h"
#include "meta/cont_view.h"
#include "runtime/execute.h"

/*
 * Insert what an epoch has of a view, in the current transaction. Returns the
 * number of bytes, 0 if it has nothing.
 */
extern int64 weir_aside_table_add(ContView *view, Epoch *epoch);

/*
 * The oldest of it, merged: as much as one flush set aside, and what later
 * ones did up to about so many bytes, and for read_ms.  In a transaction; but
 * what is read stays good after it, until weir_aside_portion_free, which is
 * also for one that could not be read.
 */
typedef struct AsidePortion
{
	MemoryContext cxt;
	Epoch		epoch;			/* has all of it; in local memory and files */
	int64		last;			/* up to where it was read */
	int64		bytes;
	TimestampTz begun;			/* weir_clock_steady */
	int			read_ms;
	bool		more;			/* is there after it */
} AsidePortion;

extern AsidePortion *weir_aside_portion_make(int read_ms);
extern void weir_aside_table_read(AsidePortion *portion, ViewRuntime *runtime, int64 budget);
extern void weir_aside_portion_free(AsidePortion *portion);

/* Delete the rows up to the last one that was read; all rows of a view. */
extern void weir_aside_table_delete(Oid defid, int64 last);
extern void weir_aside_table_forget(Oid defid);

#endif
