/*
 * shmem.c
 *	  The shared memory of Weir: one budget, one area, slots for databases.
 *
 * At server start a fixed part and an area of weir.memory are requested in the
 * main shared memory segment.  The area is a DSA created in place with its own
 * size as limit, so it never adds segments: the budget is exact, nothing
 * depends on the size of /dev/shm, and an address is the same in every
 * process, so shared structures hold plain pointers.
 *
 * Memory: every allocation carries a header with its dsa_pointer and kind; its
 * one owner frees it.  Use per kind is counted in atomics before allocating,
 * so that the sum never passes a limit.
 *
 * Failure: a crash of any process makes the postmaster set up all of this
 * anew.  An ERROR or FATAL leaves no mutex behind: the mutex remembers its
 * owner and the exit callback releases it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/dsa.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"

#define MAX_STRUCTS 16

typedef struct SharedHeader
{
	dsa_pointer self;
	uint32		kind;
	uint32		magic;
	Size		size;
} SharedHeader;

#define SHARED_MAGIC 0x77656972

typedef struct WeirShared
{
	int64		boot;
	int			tranche;
	LWLock		lock;			/* protects databases[] */
	Oid			databases[WEIR_MAX_DATABASES];
	pg_atomic_uint64 used[WEIR_MEMORY_KINDS];
	pg_atomic_uint64 peak[WEIR_MEMORY_KINDS];
	pg_atomic_uint64 full_since[WEIR_MEMORY_KINDS];
	pg_atomic_uint32 memory_waiters;
	ConditionVariable memory_cv;
	pg_atomic_uint32 filesets;	/* last number given */
	char	   *area;
	Size		area_size;
} WeirShared;

static WeirShared *shared = NULL;
static dsa_area *area = NULL;
static WeirMutex *held_mutex = NULL;
static bool exit_registered = false;
static const WeirShmemStruct *structs[MAX_STRUCTS];
static int	nstructs = 0;
static uint32 memory_wait_event = 0;
static uint32 mutex_wait_event = 0;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void shmem_request(void);
static void shmem_startup(void);

void
weir_shmem_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

void
weir_shmem_register(const WeirShmemStruct *shmem)
{
	if (nstructs >= MAX_STRUCTS)
		elog(ERROR, "too many structs of shared memory");
	structs[nstructs++] = shmem;
}

static Size
area_size(void)
{
	return (Size) weir_memory_kb * 1024;
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();

	RequestAddinShmemSpace(MAXALIGN(sizeof(WeirShared)));
	RequestAddinShmemSpace(MAXALIGN(area_size()));
	for (int i = 0; i < nstructs; i++)
		RequestAddinShmemSpace(MAXALIGN(structs[i]->size()));
}

static void
create_area(void)
{
	bool		found;
	dsa_area   *dsa;

	shared->area_size = area_size();
	shared->area = ShmemInitStruct("weir memory", shared->area_size, &found);
	dsa = dsa_create_in_place(shared->area, shared->area_size, shared->tranche, NULL);
	dsa_pin(dsa);
	dsa_set_size_limit(dsa, shared->area_size);
	dsa_detach(dsa);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	area = NULL;
	held_mutex = NULL;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("weir", sizeof(WeirShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(WeirShared));
		shared->boot = GetCurrentTimestamp();
		shared->tranche = LWLockNewTrancheId();
		LWLockRegisterTranche(shared->tranche, "weir");
		LWLockInitialize(&shared->lock, shared->tranche);
		for (int i = 0; i < WEIR_MEMORY_KINDS; i++)
		{
			pg_atomic_init_u64(&shared->used[i], 0);
			pg_atomic_init_u64(&shared->peak[i], 0);
			pg_atomic_init_u64(&shared->full_since[i], 0);
		}
		pg_atomic_init_u32(&shared->memory_waiters, 0);
		ConditionVariableInit(&shared->memory_cv);
		pg_atomic_init_u32(&shared->filesets, (uint32) shared->boot);
		create_area();
	}
	else
		LWLockRegisterTranche(shared->tranche, "weir");

	for (int i = 0; i < nstructs; i++)
	{
		bool		part_found;
		Size		size = structs[i]->size();
		void	   *address = ShmemInitStruct(structs[i]->name, size, &part_found);

		if (!part_found)
			memset(address, 0, size);
		structs[i]->init(address, part_found);
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
weir_shmem_ready(void)
{
	return shared != NULL;
}

void
weir_shmem_require(void)
{
	if (shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("weir must be loaded via \"shared_preload_libraries\""),
				 errhint("Add the line shared_preload_libraries = 'weir' to postgresql.conf (after a comma if there are others) and restart the server.")));
}

int64
weir_shmem_boot(void)
{
	return shared->boot;
}

void
weir_lwlock_init(LWLock *lock)
{
	LWLockInitialize(lock, shared->tranche);
}

/* ---------------------------------------------------------------------
 * Databases
 * --------------------------------------------------------------------- */

int
weir_database_slot(Oid dboid, bool create)
{
	int			slot = -1;
	int			unused = -1;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_DATABASES && slot < 0; i++)
		if (shared->databases[i] == dboid)
			slot = i;
	LWLockRelease(&shared->lock);
	if (slot >= 0 || !create)
		return slot;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_MAX_DATABASES && slot < 0; i++)
	{
		if (shared->databases[i] == dboid)
			slot = i;
		else if (shared->databases[i] == InvalidOid && unused < 0)
			unused = i;
	}
	if (slot < 0 && unused >= 0)
	{
		shared->databases[unused] = dboid;
		slot = unused;
	}
	LWLockRelease(&shared->lock);
	return slot;
}

int
weir_my_database_slot(void)
{
	static int	my_slot = -1;

	weir_shmem_require();
	if (my_slot < 0 || shared->databases[my_slot] != MyDatabaseId)
		my_slot = weir_database_slot(MyDatabaseId, true);
	if (my_slot < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("weir serves at most %d databases of a server", WEIR_MAX_DATABASES),
				 errhint("Drop the extension in a database that does not need it.")));
	return my_slot;
}

Oid
weir_database_of_slot(int slot)
{
	return shared->databases[slot];
}

void
weir_database_slot_release(int slot)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->databases[slot] = InvalidOid;
	LWLockRelease(&shared->lock);
}

/* ---------------------------------------------------------------------
 * Memory under the budget
 * --------------------------------------------------------------------- */

static void
leave_area(int code, Datum arg)
{
	weir_mutex_release_held();
	if (area != NULL)
	{
		dsa_detach(area);
		dsa_release_in_place(shared->area);
		area = NULL;
	}
}

static void
register_exit(void)
{
	if (!exit_registered)
	{
		before_shmem_exit(leave_area, (Datum) 0);
		exit_registered = true;
	}
}

static dsa_area *
attach_area(void)
{
	if (area == NULL)
	{
		MemoryContext old;

		register_exit();
		old = MemoryContextSwitchTo(TopMemoryContext);
		area = dsa_attach_in_place(shared->area, NULL);
		dsa_pin_mapping(area);
		MemoryContextSwitchTo(old);
	}
	return area;
}

/*
 * The queue gets a quarter, statistics a sixty-fourth.  The rest of an eighth
 * is kept free of all for the area's own bookkeeping, for what fragmentation
 * makes unusable, and half of it for what cannot wait
 * (weir_shared_alloc_reserve).
 */
Size
weir_memory_limit(WeirMemoryKind kind)
{
	Size		total = shared->area_size;

	switch (kind)
	{
		case WEIR_MEMORY_QUEUE:
			return total / 4;
		case WEIR_MEMORY_STATISTICS:
			return total / 64;
		default:
			return total / 8 * 5;
	}
}

Size
weir_memory_used(WeirMemoryKind kind)
{
	return pg_atomic_read_u64(&shared->used[kind]);
}

Size
weir_memory_peak(WeirMemoryKind kind)
{
	return pg_atomic_read_u64(&shared->peak[kind]);
}

Size
weir_memory_total(void)
{
	return shared->area_size;
}

TimestampTz
weir_memory_full_since(WeirMemoryKind kind)
{
	return (TimestampTz) pg_atomic_read_u64(&shared->full_since[kind]);
}

void
weir_memory_peak_reset(void)
{
	for (int i = 0; i < WEIR_MEMORY_KINDS; i++)
		pg_atomic_write_u64(&shared->peak[i], pg_atomic_read_u64(&shared->used[i]));
}

static void
note_peak(WeirMemoryKind kind, uint64 used)
{
	uint64		peak = pg_atomic_read_u64(&shared->peak[kind]);

	while (used > peak &&
		   !pg_atomic_compare_exchange_u64(&shared->peak[kind], &peak, used))
		;
}

static void
note_full(WeirMemoryKind kind)
{
	if (pg_atomic_read_u64(&shared->full_since[kind]) == 0)
		pg_atomic_write_u64(&shared->full_since[kind], (uint64) GetCurrentTimestamp());
}

/* Room for one row more is not plenty. */
static void
note_freed(WeirMemoryKind kind, uint64 used)
{
	if (used < weir_memory_limit(kind) / 4 * 3 &&
		pg_atomic_read_u64(&shared->full_since[kind]) != 0)
		pg_atomic_write_u64(&shared->full_since[kind], 0);
}

static void *
alloc_below(WeirMemoryKind kind, Size size, Size limit)
{
	Size		total = MAXALIGN(size) + MAXALIGN(sizeof(SharedHeader));
	uint64		used;
	dsa_pointer pointer;
	SharedHeader *header;
	dsa_area   *dsa = attach_area();

	used = pg_atomic_add_fetch_u64(&shared->used[kind], total);
	if (used > limit)
		pointer = InvalidDsaPointer;
	else
		pointer = dsa_allocate_extended(dsa, total, DSA_ALLOC_NO_OOM | DSA_ALLOC_HUGE);
	if (!DsaPointerIsValid(pointer))
	{
		pg_atomic_sub_fetch_u64(&shared->used[kind], total);
		note_full(kind);
		return NULL;
	}
	note_peak(kind, used);

	header = dsa_get_address(dsa, pointer);
	header->self = pointer;
	header->kind = kind;
	header->magic = SHARED_MAGIC;
	header->size = total;
	return (char *) header + MAXALIGN(sizeof(SharedHeader));
}

void *
weir_shared_alloc(WeirMemoryKind kind, Size size)
{
	return alloc_below(kind, size, weir_memory_limit(kind));
}

void *
weir_shared_alloc_reserve(WeirMemoryKind kind, Size size)
{
	return alloc_below(kind, size, weir_memory_limit(kind) + shared->area_size / 16);
}

void
weir_shared_free(void *ptr)
{
	SharedHeader *header = (SharedHeader *) ((char *) ptr - MAXALIGN(sizeof(SharedHeader)));
	dsa_area   *dsa = attach_area();
	Size		size = header->size;
	uint32		kind = header->kind;

	Assert(header->magic == SHARED_MAGIC);
	header->magic = 0;
	dsa_free(dsa, header->self);
	note_freed(kind, pg_atomic_sub_fetch_u64(&shared->used[kind], size));
	pg_memory_barrier();
	if (pg_atomic_read_u32(&shared->memory_waiters) > 0)
		ConditionVariableBroadcast(&shared->memory_cv);
}

void
weir_memory_wait_prepare(void)
{
	pg_atomic_fetch_add_u32(&shared->memory_waiters, 1);
	ConditionVariablePrepareToSleep(&shared->memory_cv);
}

void
weir_memory_wait(long timeout_ms)
{
	if (memory_wait_event == 0)
		memory_wait_event = weir_wait_event_new("WeirMemory");
	ConditionVariableTimedSleep(&shared->memory_cv, timeout_ms, memory_wait_event);
}

void
weir_memory_wait_cancel(void)
{
	ConditionVariableCancelSleep();
	pg_atomic_fetch_sub_u32(&shared->memory_waiters, 1);
}

/* ---------------------------------------------------------------------
 * Files
 * --------------------------------------------------------------------- */

void
weir_fileset_init(FileSet *fileset)
{
	FileSetInit(fileset);
	fileset->creator_pid = PostmasterPid;
	fileset->number = pg_atomic_add_fetch_u32(&shared->filesets, 1);
}

/* ---------------------------------------------------------------------
 * Mutex
 * --------------------------------------------------------------------- */

void
weir_mutex_init(WeirMutex *mutex)
{
	SpinLockInit(&mutex->spin);
	mutex->owner = 0;
	ConditionVariableInit(&mutex->cv);
}

bool
weir_mutex_try_lock(WeirMutex *mutex)
{
	bool		taken = false;

	Assert(held_mutex == NULL);
	SpinLockAcquire(&mutex->spin);
	if (mutex->owner == 0)
	{
		mutex->owner = MyProcPid;
		taken = true;
	}
	SpinLockRelease(&mutex->spin);
	if (taken)
		held_mutex = mutex;
	return taken;
}

void
weir_mutex_lock(WeirMutex *mutex)
{
	register_exit();
	if (weir_mutex_try_lock(mutex))
		return;
	if (mutex_wait_event == 0)
		mutex_wait_event = weir_wait_event_new("WeirMerge");
	ConditionVariablePrepareToSleep(&mutex->cv);
	while (!weir_mutex_try_lock(mutex))
		ConditionVariableSleep(&mutex->cv, mutex_wait_event);
	ConditionVariableCancelSleep();
}

void
weir_mutex_unlock(WeirMutex *mutex)
{
	Assert(held_mutex == mutex);
	held_mutex = NULL;
	SpinLockAcquire(&mutex->spin);
	mutex->owner = 0;
	SpinLockRelease(&mutex->spin);
	ConditionVariableBroadcast(&mutex->cv);
}

bool
weir_mutex_held(WeirMutex *mutex)
{
	return held_mutex == mutex;
}

void
weir_mutex_release_held(void)
{
	if (held_mutex != NULL)
		weir_mutex_unlock(held_mutex);
}
