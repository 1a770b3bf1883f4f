/*
 * stat_table.h
 *	  Counters by relation, and by partition of one, in shared memory.
 *
 * Entries come from the budget for statistics, as many as fit.  When no more
 * do, a new one takes the place of the one that has been used least recently
 * among those that nobody holds.
 */
#ifndef WEIR_BASE_STAT_TABLE_H
#define WEIR_BASE_STAT_TABLE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#define STAT_BUCKETS 1024

/*
 * What every entry begins with.  The user's fields are behind, zero at first.
 */
typedef struct StatEntry
{
	struct StatEntry *next;		/* in its bucket */
	Oid			dboid;
	Oid			relid;
	int32		subid;			/* partition or worker of a stream; 0 */
	bool		held;			/* keeps its place; for the user to set */
	TimestampTz used;			/* when it was last asked for */
} StatEntry;

/*
 * In a module's fixed shared memory.  Callers hold the lock, exclusively for
 * enter.
 */
typedef struct StatTable
{
	LWLock		lock;
	Size		entry_size;
	StatEntry  *buckets[STAT_BUCKETS];
} StatTable;

typedef struct StatScan
{
	int			bucket;
	StatEntry  *entry;
} StatScan;

extern void weir_stat_table_init(StatTable *table, Size entry_size);

/*
 * The entry of a relation of this database with this subid, new if there is
 * none; NULL if there is no room.
 */
extern StatEntry *weir_stat_enter(StatTable *table, Oid relid, int32 subid);

/*
 * The next entry of this database (dboid InvalidOid: of any); scan begins as
 * {0}.
 */
extern StatEntry *weir_stat_next(StatTable *table, StatScan *scan, Oid dboid);

#endif
