/*
 * table.h
 *	  Hash tables of groups: group key -> partial states, in shared or local
 *	  memory.
 */
#ifndef WEIR_GROUPS_TABLE_H
#define WEIR_GROUPS_TABLE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"

#include "base/arena.h"
#include "runtime/spec.h"

/*
 * One group: a row of the matrel's type, keys first, then states.
 */
typedef struct GroupEntry
{
	struct GroupEntry *next;	/* in its bucket */
	uint32		hash;
	uint32		capacity;		/* bytes at tuple */
	MinimalTuple tuple;
} GroupEntry;

typedef struct GroupTable
{
	struct GroupTable *next;	/* of the same run */
	Oid			defid;			/* the view */
	bool		append;			/* rows without a key: never merged */
	uint32		nbuckets;		/* a power of two */
	GroupEntry **buckets;		/* an allocation of its own */

	/* of rows without a key: they stay in the order in which they came */
	GroupEntry *last;
	int64		ngroups;

	/* stream rows behind these groups, for statistics */
	int64		rows_in;
} GroupTable;

/*
 * Merging rows into a table, in three steps: stage computes every new row of
 * the table without touching it (combine functions run here, as the view's
 * owner, and may fail), reserve takes all the memory that is needed, apply
 * does it and cannot fail.  The table must not change in between.
 */
typedef struct GroupMerge GroupMerge;

extern GroupMerge *weir_groups_stage(GroupTable *table, GroupSpec *spec,
									 MinimalTuple *tuples, int ntuples);
extern bool weir_groups_reserve(GroupMerge *merge, Arena *arena);

/* all but the arena */
extern void weir_groups_unreserve(GroupMerge *merge, Arena *arena);
extern void weir_groups_apply(GroupMerge *merge, GroupTable *table);

/*
 * The row with the states of two rows of the same group, in cxt.  What combine
 * functions leave behind goes to the current context.
 */
extern MinimalTuple weir_groups_combine(GroupSpec *spec, MinimalTuple a, MinimalTuple b,
										MemoryContext cxt);

/*
 * Error (to be tried again) when a row has more states than the spec knows
 * of.  Fewer are no matter: see set_missing_states in runtime/spec.c.
 */
extern void weir_groups_check_shape(GroupSpec *spec, MinimalTuple tuple);

/* Make an empty table in the arena; NULL when memory is full. */
extern GroupTable *weir_groups_create(Arena *arena, Oid defid, bool append);
extern void weir_groups_free_buckets(GroupTable *table, bool shared);

/*
 * Iterate: start with *bucket = 0 and group = NULL; returns NULL at the end.
 */
extern GroupEntry *weir_groups_next(GroupTable *table, uint32 *bucket, GroupEntry *group);

#endif
