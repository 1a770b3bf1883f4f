/*
 * worker.h
 *	  The skeleton of every worker of a database.
 */
#ifndef WEIR_PROCESS_WORKER_H
#define WEIR_PROCESS_WORKER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/errors.h"
#include "process/registry.h"

/* What this process is; valid in a worker only. */
typedef struct WorkerSelf
{
	int			entry;			/* in the registry */
	WorkerTask	task;
	int			slot;			/* of the database */
	MemoryContext cxt;			/* reset before each step */
} WorkerSelf;

extern WorkerSelf *weir_worker_self;

/*
 * One kind of worker.  step does a piece of work and returns after how many
 * milliseconds it wants to be called again (0: at once; -1: when its latch is
 * set).  Errors that step throws are logged, its transaction is aborted, and it
 * is called again after a delay that doubles up to ten seconds.  drain is
 * called at a shutdown of the server until it returns true; NULL: just leave.
 */
typedef struct WorkerKindOps
{
	void		(*start) (void);
	long		(*step) (void);
	bool		(*drain) (void);
	void		(*stop) (void); /* also run by the exit callback; must not error */
} WorkerKindOps;

/* What workers of this kind do; from _PG_init. */
extern void weir_worker_register(WorkerKind kind, const WorkerKindOps *ops);

/* Called once, from _PG_init. */
extern void weir_worker_init(void);

/* A transaction with an active snapshot, and its end. */
extern void weir_worker_begin(void);
extern void weir_worker_commit(void);
extern void weir_worker_abort(void);	/* whatever is open; with the mutex that is held */

/*
 * The transaction is durable when its commit returns, whatever the settings say, now or after a
 * reload: others are told so.
 */
extern void weir_worker_commit_to_disk(void);

/* In a PG_CATCH: log the error, show it in weir.stat_worker, abort the transaction. */
extern void weir_worker_recover(void);

/*
 * Instead of a commit: leave the transaction open for a moment, for the next
 * small batch, which resumes it.  resume begins one if there is none (false), or
 * none young enough; else it has a new snapshot and sees what others committed.
 * weir_worker_begin ends one that is open.  close_idle ends it when nothing came
 * for a while; returns after how many ms to call it again, -1 if none is open.
 */
extern void weir_worker_leave_open(void);
extern bool weir_worker_resume(void);
extern long weir_worker_close_idle(void);

/*
 * For the flush worker: the views (a list of OIDs) whose code workers before it could not stop while they wrote what is in
 * the epoch still; and that the epoch has been written without them.
 */
extern List *weir_worker_unwritable(void);
extern void weir_worker_flushed(void);

/* What this worker does, for pg_stat_activity; NULL: idle. */
extern void weir_worker_report(const char *activity);

/*
 * Do work in a subtransaction, in cxt (base/attempt.h): NULL, or what went wrong,
 * in cxt too.  Errors to be tried again (base/errors.h) are thrown.
 */
extern ErrorData *weir_worker_attempt(void (*work) (void *arg), void *arg, MemoryContext cxt);

#endif
