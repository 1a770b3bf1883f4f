/*
 * registry.h
 *	  Which workers there are, and which there shall be: shared memory between
 *	  the launcher, the workers and those who ask them to leave.
 */
#ifndef WEIR_PROCESS_REGISTRY_H
#define WEIR_PROCESS_REGISTRY_H

#include "postgres.h"

#include "storage/latch.h"
#include "utils/timestamp.h"

#define WEIR_MAX_WORKERS 256
#define WEIR_MAX_WANTS WEIR_MAX_WORKERS	/* most workers of one database */
#define WEIR_ERROR_LENGTH 256

typedef enum WorkerKind
{
	WORKER_FLUSH,
	WORKER_INGEST,
	WORKER_KAFKA
} WorkerKind;

#define WORKER_KINDS 3

typedef enum DatabaseState
{
	DATABASE_UNKNOWN,			/* nobody has looked yet */
	DATABASE_PRESENT,			/* has the extension */
	DATABASE_ABSENT
} DatabaseState;

/* What a worker is for; never changes while the entry is in use. */
typedef struct WorkerTask
{
	Oid			dboid;
	WorkerKind	kind;

	/* ingest: which; of a source: which of the stream's workers */
	int			index;

	/* of a source that has workers for each stream; else InvalidOid */
	Oid			streamid;
} WorkerTask;

typedef struct WorkerEntry
{
	bool		used;
	uint32		generation;		/* of the launcher that added it */
	WorkerTask	task;
	int			pid;			/* 0: not running yet, or has ended */
	Latch	   *latch;
	TimestampTz added;			/* when the launcher asked for the process */
	TimestampTz started;		/* when it attached; 0: not yet */

	/* the worker found no extension in its database */
	bool		absent;
	bool		renewed;		/* it ended so that another takes its place */

	/*
	 * of a stream: number of workers among which it divides the partitions
	 * that it reads; 0: it reads none
	 */
	int			sharers;
	int64		batches;
	int64		rows;
	int64		errors;
	TimestampTz last_error_time;

	/* steps have failed since then; 0: the last one succeeded */
	TimestampTz failing_since;
	char		last_error[WEIR_ERROR_LENGTH];
} WorkerEntry;

/* "weir flush worker" and the like, as pg_stat_activity shows it. */
extern const char *weir_worker_kind_name(WorkerKind kind);

extern void weir_registry_init(void);

/* --- the launcher --- */
extern void weir_registry_attach_launcher(Latch *latch);
/*
 * Note that the launcher was told to end, as a rule because the server shuts
 * down. May be called in a signal handler.
 */
extern void weir_registry_note_leaving(void);
/*
 * Forget entries of earlier launchers that have no process; signal the others.
 * Returns how many there are.
 */
extern int	weir_registry_evict(int signal);

/* -1: full */
extern int	weir_registry_add(const WorkerTask *task, uint32 *generation);
extern void weir_registry_remove(int entry);
extern void weir_registry_get(int entry, WorkerEntry *copy);
extern DatabaseState weir_registry_database_state(Oid dboid);
extern bool weir_registry_database_held(Oid dboid);
extern int	weir_registry_wants(Oid dboid, WorkerTask *wants);
extern bool weir_registry_wanted(Oid dboid, Oid streamid, int index);

/* --- workers --- */
/*
 * Attach this worker to its entry. Returns false when nobody wants the worker
 * any more: it must end.
 */
extern bool weir_registry_attach(int entry, uint32 generation, WorkerTask *task);
extern void weir_registry_detach(int entry);
extern void weir_registry_set_absent(int entry);
extern void weir_registry_set_renewed(int entry);
extern void weir_registry_set_wants(const WorkerTask *wants, int n);

/*
 * Claim this worker's share of its stream's partitions, until it detaches.
 * Returns false while another process has claimed a share of the same stream
 * that overlaps, since it has the same number or divides the partitions
 * differently.
 */
extern bool weir_registry_claim_share(int entry, int sharers);
extern void weir_registry_note_batch(int entry, int64 rows);
extern void weir_registry_note_error(int entry, const char *message);

/* of a step after an error */
extern void weir_registry_note_success(int entry);
/* Is another worker of this kind running in this database? */
extern bool weir_registry_running(Oid dboid, WorkerKind kind);

/* --- anybody --- */
extern void weir_registry_set_database_state(Oid dboid, DatabaseState state);

/*
 * Note that the extension is not in the database, unless a CREATE EXTENSION
 * has said otherwise since created was read; then false is returned. Read
 * created before the transaction that looks for the extension.
 */
extern uint32 weir_registry_database_created(Oid dboid);
extern bool weir_registry_set_database_absent(Oid dboid, uint32 created);
extern void weir_registry_wake_launcher(void);
/* Time since when there is no launcher; 0: there is one. */
extern TimestampTz weir_registry_launcher_gone(void);
/*
 * Was the launcher told to end?  Then the server is likely to be shutting
 * down.
 */
extern bool weir_registry_leaving(void);
extern void weir_registry_wake(Oid dboid, WorkerKind kind);
extern void weir_registry_hold(Oid dboid, int pid); /* pid 0: release */
/* Pids of the running workers of a database (room for WEIR_MAX_WORKERS). */
extern int	weir_registry_pids(Oid dboid, int *pids);
/* Signal the workers of a database; returns how many there are. */
extern int	weir_registry_signal(Oid dboid, int signal);

#endif
