/*
 * shmem.h
 *	  The shared memory of Weir: one budget, one area, slots for databases.
 *
 * Lock order, outermost first: merge mutex of a database (groups/epoch.h),
 * watermark lock (time/watermark.h), queue lock of a database
 * (stream/queue.h), feed lock of a database (stream/feed.h), registry lock
 * (process/registry.h), DSA's own locks, and last the spinlock of test clocks
 * (base/clock.h).  LWLocks are held for short, bounded work only; the merge
 * mutex may be held while user-defined combine functions run and is therefore
 * not an LWLock.
 */
#ifndef WEIR_BASE_SHMEM_H
#define WEIR_BASE_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/condition_variable.h"
#include "storage/fileset.h"
#include "storage/lwlock.h"
#include "storage/s_lock.h"
#include "storage/spin.h"

/* Databases with the extension that one server can serve at a time. */
#define WEIR_MAX_DATABASES 64

/* What shared memory is used for; each kind has a limit of its own. */
typedef enum WeirMemoryKind
{
	WEIR_MEMORY_QUEUE,			/* committed rows on their way to a worker */
	WEIR_MEMORY_GROUPS,			/* group tables and what else an epoch holds */
	WEIR_MEMORY_STATISTICS,		/* counters that weir.stat_* show */
	WEIR_MEMORY_KINDS
} WeirMemoryKind;

/* Hooks for shared memory; called from _PG_init. */
extern void weir_shmem_init(void);

/*
 * Is the module preloaded, i.e. is there shared memory?  Errors with the hint
 * if not.
 */
extern void weir_shmem_require(void);
extern bool weir_shmem_ready(void);

/* Random for each server run; tells publication numbers of runs apart. */
extern int64 weir_shmem_boot(void);

/*
 * Slot of a database, an index below WEIR_MAX_DATABASES into every module's
 * per-database array.  -1 if the database has none (or, with create, if all
 * slots are taken).
 */
extern int	weir_database_slot(Oid dboid, bool create);

/* creates; errors when none is free */
extern int	weir_my_database_slot(void);
extern Oid	weir_database_of_slot(int slot);	/* InvalidOid: slot unused */
extern void weir_database_slot_release(int slot);

/*
 * Shared memory under the budget.  alloc returns NULL when the kind's limit or
 * the area is exhausted; it never waits.  The same address is valid in every
 * process.  free needs no size; it wakes those who wait for memory.
 */
extern void *weir_shared_alloc(WeirMemoryKind kind, Size size);
extern void weir_shared_free(void *ptr);

/*
 * Allocate beyond the kind's limit.  For small allocations without which
 * nobody could free memory.
 */
extern void *weir_shared_alloc_reserve(WeirMemoryKind kind, Size size);

/* Figures for weir.stat_memory. */
extern Size weir_memory_limit(WeirMemoryKind kind);
extern Size weir_memory_used(WeirMemoryKind kind);
extern Size weir_memory_peak(WeirMemoryKind kind);
extern Size weir_memory_total(void);

/*
 * Since when a kind's limit, or the area's, stands in somebody's way: an
 * allocation has failed and there has not been plenty of room since.  0: it
 * does not.
 */
extern TimestampTz weir_memory_full_since(WeirMemoryKind kind);
extern void weir_memory_peak_reset(void);

/*
 * Sleep until memory is freed or timeout_ms passed; handles interrupts.  Call
 * prepare before looking whether there is enough, cancel when done.
 */
extern void weir_memory_wait_prepare(void);
extern void weir_memory_wait(long timeout_ms);
extern void weir_memory_wait_cancel(void);

/*
 * FileSetInit for files that outlive their process.  PostgreSQL names a set by
 * its creator's pid, and a later process of the same pid would write into it;
 * these go by the postmaster's pid and a number of their own.
 */
extern void weir_fileset_init(FileSet *fileset);

/*
 * A mutual exclusion that may be held for long and across errors: waiting for
 * it handles interrupts, user code may run under it.  Released by an exit
 * callback when its owner exits.
 */
typedef struct WeirMutex
{
	slock_t		spin;
	int			owner;			/* pid, 0 = free */
	ConditionVariable cv;
} WeirMutex;

extern void weir_mutex_init(WeirMutex *mutex);
extern void weir_mutex_lock(WeirMutex *mutex);
extern bool weir_mutex_try_lock(WeirMutex *mutex);
extern void weir_mutex_unlock(WeirMutex *mutex);
extern bool weir_mutex_held(WeirMutex *mutex);

/* the one held by this process, if any */
extern void weir_mutex_release_held(void);

/*
 * A module's fixed shared memory: size, and init called once under
 * AddinShmemInitLock.
 */
typedef struct WeirShmemStruct
{
	const char *name;
	Size		(*size) (void);
	void		(*init) (void *address, bool found);
} WeirShmemStruct;

extern void weir_shmem_register(const WeirShmemStruct *shmem);

/* An LWLock of the extension's tranche. */
extern void weir_lwlock_init(LWLock *lock);

#endif
