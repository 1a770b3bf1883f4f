/*
 * registry.c
 *	  Which workers there are, and which there shall be.
 *
 * The launcher adds an entry before it starts a worker and removes it when the
 * worker has ended.  A worker fills in its pid and latch.
 *
 * A launcher that is started again knows nothing of its predecessor's workers,
 * and two workers for one task would count rows twice.  So each launcher is a
 * generation: it evicts the workers of earlier ones, and a worker that comes
 * up with an old number finds no entry.
 *
 * Locking: one LWLock over all, held for scans of the arrays only.
 */
#include "postgres.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/procarray.h"

#include "base/shmem.h"
#include "process/registry.h"
#include "stream/queue_park.h"

typedef struct DatabaseEntry
{
	/* database that had this slot when it was set last */
	Oid			dboid;
	DatabaseState state;

	/* number of times the extension was reported as present */
	uint32		created;
	int			nwants;
	WorkerTask	wants[WEIR_MAX_WANTS];
} DatabaseEntry;

#define MAX_HOLDS 16

typedef struct Hold
{
	Oid			dboid;
	int			pid;
} Hold;

typedef struct Registry
{
	LWLock		lock;
	Latch	   *launcher;
	TimestampTz launcher_gone;	/* since when there is none */

	/* the launcher was told to end, and no other has started */
	volatile sig_atomic_t leaving;
	uint32		generation;		/* of the launcher */
	WorkerEntry workers[WEIR_MAX_WORKERS];
	DatabaseEntry databases[WEIR_MAX_DATABASES];
	Hold		holds[MAX_HOLDS];
} Registry;

static Registry *registry = NULL;

static Size
registry_shmem_size(void)
{
	return sizeof(Registry);
}

static void
registry_shmem_init(void *address, bool found)
{
	registry = address;
	if (found)
		return;
	weir_lwlock_init(&registry->lock);
	registry->launcher_gone = GetCurrentTimestamp();
}

void
weir_registry_init(void)
{
	static const WeirShmemStruct shmem = {"weir registry", registry_shmem_size, registry_shmem_init};

	weir_shmem_register(&shmem);
	weir_queue_help = weir_registry_wake_launcher;
}

const char *
weir_worker_kind_name(WorkerKind kind)
{
	switch (kind)
	{
		case WORKER_FLUSH:
			return "weir flush worker";
		case WORKER_INGEST:
			return "weir ingest worker";
		case WORKER_KAFKA:
			return "weir kafka worker";
	}
	return "weir worker";
}

static DatabaseEntry *
database_entry(Oid dboid, bool create)
{
	int			slot = weir_database_slot(dboid, create);
	DatabaseEntry *entry;

	if (slot < 0)
		return NULL;
	entry = &registry->databases[slot];
	if (entry->dboid != dboid)
	{
		entry->dboid = dboid;
		entry->state = DATABASE_UNKNOWN;
		entry->created++;
		entry->nwants = 0;
	}
	return entry;
}

/* ---------------------------------------------------------------------
 * The launcher
 * --------------------------------------------------------------------- */

void
weir_registry_attach_launcher(Latch *latch)
{
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	registry->launcher = latch;
	if (latch != NULL)
	{
		registry->leaving = false;
		registry->generation++;
		registry->launcher_gone = 0;
	}
	else
		registry->launcher_gone = GetCurrentTimestamp();
	LWLockRelease(&registry->lock);
}

TimestampTz
weir_registry_launcher_gone(void)
{
	TimestampTz since;

	LWLockAcquire(&registry->lock, LW_SHARED);
	since = registry->launcher_gone;
	LWLockRelease(&registry->lock);
	return since;
}

void
weir_registry_note_leaving(void)
{
	registry->leaving = true;
}

bool
weir_registry_leaving(void)
{
	return registry->leaving;
}

int
weir_registry_evict(int signal)
{
	int			n = 0;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (!entry->used || entry->generation == registry->generation)
			continue;
		if (entry->pid == 0)
		{
			entry->used = false;
			continue;
		}
		n++;
		if (signal != 0)
			(void) kill(entry->pid, signal);
	}
	LWLockRelease(&registry->lock);
	return n;
}

int
weir_registry_add(const WorkerTask *task, uint32 *generation)
{
	int			result = -1;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_MAX_WORKERS && result < 0; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (entry->used)
			continue;
		memset(entry, 0, sizeof(WorkerEntry));
		entry->used = true;
		entry->task = *task;
		entry->added = GetCurrentTimestamp();
		entry->generation = *generation = registry->generation;
		result = i;
	}
	LWLockRelease(&registry->lock);
	return result;
}

void
weir_registry_remove(int entry)
{
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	registry->workers[entry].used = false;
	registry->workers[entry].pid = 0;
	registry->workers[entry].latch = NULL;
	LWLockRelease(&registry->lock);
}

void
weir_registry_get(int entry, WorkerEntry *copy)
{
	LWLockAcquire(&registry->lock, LW_SHARED);
	*copy = registry->workers[entry];
	LWLockRelease(&registry->lock);
}

DatabaseState
weir_registry_database_state(Oid dboid)
{
	DatabaseEntry *entry;
	DatabaseState state;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, false);
	state = entry ? entry->state : DATABASE_UNKNOWN;
	LWLockRelease(&registry->lock);
	return state;
}

/* A hold ends with its holder, however that ended. */
bool
weir_registry_database_held(Oid dboid)
{
	bool		held = false;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_HOLDS; i++)
	{
		Hold	   *hold = &registry->holds[i];

		if (hold->pid == 0 || hold->dboid != dboid)
			continue;
		if (BackendPidGetProc(hold->pid) == NULL)
			hold->pid = 0;
		else
			held = true;
	}
	LWLockRelease(&registry->lock);
	return held;
}

int
weir_registry_wants(Oid dboid, WorkerTask *wants)
{
	DatabaseEntry *entry;
	int			n = 0;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, false);
	if (entry != NULL)
	{
		n = entry->nwants;
		memcpy(wants, entry->wants, sizeof(WorkerTask) * n);
	}
	LWLockRelease(&registry->lock);
	return n;
}

bool
weir_registry_wanted(Oid dboid, Oid streamid, int index)
{
	DatabaseEntry *entry;
	bool		wanted = false;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, false);
	for (int i = 0; entry != NULL && i < entry->nwants; i++)
		wanted |= entry->wants[i].streamid == streamid && entry->wants[i].index == index;
	LWLockRelease(&registry->lock);
	return wanted;
}

/* ---------------------------------------------------------------------
 * Workers
 * --------------------------------------------------------------------- */

bool
weir_registry_attach(int entry, uint32 generation, WorkerTask *task)
{
	WorkerEntry *e = &registry->workers[entry];
	bool		expected;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	expected = e->used && e->pid == 0 &&
		e->generation == generation && generation == registry->generation;
	if (expected)
	{
		e->pid = MyProcPid;
		e->latch = MyLatch;
		e->started = GetCurrentTimestamp();
		*task = e->task;
	}
	LWLockRelease(&registry->lock);
	return expected;
}

void
weir_registry_detach(int entry)
{
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	registry->workers[entry].pid = 0;
	registry->workers[entry].latch = NULL;
	LWLockRelease(&registry->lock);
}

void
weir_registry_set_absent(int entry)
{
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	registry->workers[entry].absent = true;
	LWLockRelease(&registry->lock);
}

void
weir_registry_set_renewed(int entry)
{
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	registry->workers[entry].renewed = true;
	LWLockRelease(&registry->lock);
}

void
weir_registry_set_wants(const WorkerTask *wants, int n)
{
	DatabaseEntry *entry;
	bool		changed;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(MyDatabaseId, true);
	n = Min(n, WEIR_MAX_WANTS);
	changed = entry && (entry->nwants != n ||
						memcmp(entry->wants, wants, sizeof(WorkerTask) * n) != 0);
	if (changed)
	{
		entry->nwants = n;
		memcpy(entry->wants, wants, sizeof(WorkerTask) * n);
	}
	LWLockRelease(&registry->lock);
	if (changed)
		weir_registry_wake_launcher();
}

bool
weir_registry_claim_share(int entry, int sharers)
{
	WorkerEntry *mine = &registry->workers[entry];
	bool		free = true;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *other = &registry->workers[i];

		if (i != entry && other->used && other->pid != 0 && OidIsValid(other->task.streamid) &&
			other->task.dboid == mine->task.dboid && other->task.streamid == mine->task.streamid &&
			other->sharers != 0 && (other->sharers != sharers || other->task.index == mine->task.index))
			free = false;
	}
	if (free)
		mine->sharers = sharers;
	LWLockRelease(&registry->lock);
	return free;
}

void
weir_registry_note_batch(int entry, int64 rows)
{
	/*
	 * Only this process writes these fields; readers may see them a little
	 * late.
	 */
	registry->workers[entry].batches++;
	registry->workers[entry].rows += rows;
}

void
weir_registry_note_error(int entry, const char *message)
{
	WorkerEntry *e = &registry->workers[entry];
	int			len;

	if (message == NULL)
		message = "";
	len = pg_mbcliplen(message, strlen(message), WEIR_ERROR_LENGTH - 1);
	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	e->errors++;
	e->last_error_time = GetCurrentTimestamp();
	if (e->failing_since == 0)
		e->failing_since = e->last_error_time;
	memcpy(e->last_error, message, len);
	e->last_error[len] = '\0';
	LWLockRelease(&registry->lock);
}

void
weir_registry_note_success(int entry)
{
	/* Written like the fields of weir_registry_note_batch. */
	registry->workers[entry].failing_since = 0;
}

bool
weir_registry_running(Oid dboid, WorkerKind kind)
{
	bool		found = false;

	LWLockAcquire(&registry->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (entry->used && entry->pid != 0 && entry->pid != MyProcPid &&
			entry->task.dboid == dboid && entry->task.kind == kind)
			found = true;
	}
	LWLockRelease(&registry->lock);
	return found;
}

/* ---------------------------------------------------------------------
 * Anybody
 * --------------------------------------------------------------------- */

void
weir_registry_set_database_state(Oid dboid, DatabaseState state)
{
	DatabaseEntry *entry;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, state == DATABASE_PRESENT);
	if (entry != NULL)
	{
		entry->state = state;
		if (state == DATABASE_PRESENT)
			entry->created++;
		else
			entry->nwants = 0;
	}
	LWLockRelease(&registry->lock);
}

uint32
weir_registry_database_created(Oid dboid)
{
	DatabaseEntry *entry;
	uint32		created;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, false);
	created = entry ? entry->created : 0;
	LWLockRelease(&registry->lock);
	return created;
}

bool
weir_registry_set_database_absent(Oid dboid, uint32 created)
{
	DatabaseEntry *entry;
	bool		done;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	entry = database_entry(dboid, false);
	done = entry != NULL && entry->created == created;
	if (done)
	{
		entry->state = DATABASE_ABSENT;
		entry->nwants = 0;
	}
	LWLockRelease(&registry->lock);
	return done;
}

void
weir_registry_wake_launcher(void)
{
	LWLockAcquire(&registry->lock, LW_SHARED);
	if (registry->launcher)
		SetLatch(registry->launcher);
	LWLockRelease(&registry->lock);
}

void
weir_registry_wake(Oid dboid, WorkerKind kind)
{
	LWLockAcquire(&registry->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (entry->used && entry->latch && entry->task.dboid == dboid &&
			entry->task.kind == kind)
			SetLatch(entry->latch);
	}
	LWLockRelease(&registry->lock);
}

void
weir_registry_hold(Oid dboid, int pid)
{
	bool		done = false;

	LWLockAcquire(&registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_HOLDS && !done; i++)
	{
		Hold	   *hold = &registry->holds[i];

		if (pid != 0 && hold->pid == 0)
		{
			hold->dboid = dboid;
			hold->pid = pid;
			done = true;
		}
		else if (pid == 0 && hold->pid == MyProcPid && hold->dboid == dboid)
		{
			hold->pid = 0;
			done = true;
		}
	}
	LWLockRelease(&registry->lock);
}

int
weir_registry_pids(Oid dboid, int *pids)
{
	int			n = 0;

	LWLockAcquire(&registry->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (entry->used && entry->pid != 0 && entry->task.dboid == dboid)
			pids[n++] = entry->pid;
	}
	LWLockRelease(&registry->lock);
	return n;
}

int
weir_registry_signal(Oid dboid, int signal)
{
	int			n = 0;

	LWLockAcquire(&registry->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_WORKERS; i++)
	{
		WorkerEntry *entry = &registry->workers[i];

		if (!entry->used || entry->task.dboid != dboid)
			continue;
		n++;
		if (entry->pid != 0 && signal != 0)
			(void) kill(entry->pid, signal);
	}
	LWLockRelease(&registry->lock);
	return n;
}
