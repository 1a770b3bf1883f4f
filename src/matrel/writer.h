/*
 * writer.h
 *	  Finding, inserting and updating single rows of a matrel.
 */
#ifndef WEIR_MATREL_WRITER_H
#define WEIR_MATREL_WRITER_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "nodes/execnodes.h"

#include "matrel/change.h"
#include "matrel/partition.h"
#include "runtime/execute.h"

/*
 * New rows are inserted together up to this many, or when a writer has so much
 * memory.
 */
#define MAX_PENDING 256
#define MAX_PENDING_BYTES (16 * 1024 * 1024)

/* What rows go into: the matrel, or one of its partitions. */
typedef struct MatrelTarget
{
	Relation	rel;
	Relation	lookup;			/* NULL: no keys to look up */
	bool		by_hash;		/* lookup is on weir.hash_key */
	int			nscankeys;
	ScanKeyData *scankeys;
	bool		was_empty;		/* no row in it when it was opened */
	bool		untouched;		/* nor has a call before this one written any */
	IndexScanDesc scan;			/* of this call; NULL: not begun */
	TupleTableSlot *found;		/* its row of the group */
	int			npending;		/* new rows, inserted together */
	int			nslots;
	TupleTableSlot *pending[MAX_PENDING];

	/* which rows of the call they are */
	int			pending_rows[MAX_PENDING];
	int			nindexed;		/* of them, while they are inserted */
	ResultRelInfo *rri;
} MatrelTarget;

typedef struct MatrelWriter
{
	ViewRuntime *runtime;
	GroupSpec  *spec;
	MemoryContext cxt;
	MemoryContext row_cxt;
	Relation	rel;
	PartitionRouter *router;	/* NULL: not in partitions */
	int			ntargets;

	/* NULL: not opened; without partitions the one is the matrel */
	MatrelTarget **targets;
	bool		first_time;		/* of this call */
	TupleTableSlot *row;		/* the row to write */
	EState	   *estate;
	int64		written;

	/* row of this call that is written; -1: several */
	int			at;
	ChangeListener *listener;	/* NULL: none */
} MatrelWriter;

/*
 * The block that a row carries, with its states as they are in shared memory.
 */
typedef struct CarriedBlock
{
	Timestamp	start;
	Datum	   *states;
	bool	   *nulls;
} CarriedBlock;

/*
 * Open a view's matrel for writing, in the current transaction and as the
 * current user.  NULL when the matrel is gone.  Errors when it has no lookup
 * index.
 */
extern MatrelWriter *weir_writer_open(ViewRuntime *runtime);

/*
 * Tell this listener of the rows that are written from now on; NULL: nobody.
 */
extern void weir_writer_listen(MatrelWriter *writer, ChangeListener *listener);

/*
 * When weir_matrel_write has failed: which row it was at, or -1.  The first
 * *safe rows had been written.
 */
extern int	weir_writer_failed_at(MatrelWriter *writer, int *safe);

/* How many rows have been written. */
extern int64 weir_writer_written(MatrelWriter *writer);
extern void weir_writer_close(MatrelWriter *writer);

/* --- for write.c and block_writer.c --- */

/*
 * The table that a group belongs to, opened; NULL when the group has expired
 * before it was written.
 */
extern MatrelTarget *weir_writer_target(MatrelWriter *w, TupleTableSlot *group);

/*
 * Find the row of a group; it is in target->found then, with all its columns.
 */
extern bool weir_writer_find(MatrelWriter *w, MatrelTarget *target, const Datum *key, const bool *nulls);

/*
 * Write a row of the group table's type, and the block that it carries or
 * NULL. A row that is inserted is not found before the next call of
 * weir_matrel_write. For the listener: the states that came, NULL if none did
 * for this row; and the row as it was.
 */
extern void weir_writer_insert(MatrelWriter *w, MatrelTarget *target, const Datum *values, const bool *nulls,
							   const CarriedBlock *block, TupleTableSlot *delta);
extern void weir_writer_update(MatrelWriter *w, MatrelTarget *target, ItemPointer tid, const Datum *values,
							   const bool *nulls, const CarriedBlock *block,
							   TupleTableSlot *old_row, TupleTableSlot *delta);

/*
 * Combine a state as it was read with another.  Sets *changed if the result
 * differs from it.
 */
extern Datum weir_writer_combine(PartialAgg *agg, Datum old, bool old_null, Datum state, bool state_null,
								 bool *result_null, bool *changed);

/* Free the memory that a row and the functions of its states have used. */
extern void weir_writer_reset(MatrelWriter *w);

/* Is a state another one than it was? */
extern bool weir_writer_differs(PartialAgg *agg, Datum old, bool old_null, Datum state, bool null);

/* Insert what is pending, and end the scans of a call. */
extern void weir_writer_finish(MatrelWriter *w);

#endif
