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

/* Identity of this worker; NULL in other processes. */
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
 * set).  Errors that step throws are logged, its transaction is aborted, and
 * it is called again after a delay that doubles up to ten seconds.  drain is
 * called at a shutdown of the server until it returns true; NULL: just leave.
 */
typedef struct WorkerKindOps
{
	void		(*start) (void);
	long		(*step) (void);
	bool		(*drain) (void);

	/* also run by the exit callback; must not error */
	void		(*stop) (void);
} WorkerKindOps;

/* What workers of this kind do; from _PG_init. */
extern void weir_worker_register(WorkerKind kind, const WorkerKindOps *ops);

/* Called once, from _PG_init. */
extern void weir_worker_init(void);

/* Begin and end a transaction with an active snapshot. */
extern void weir_worker_begin(void);
extern void weir_worker_commit(void);

/* abort whatever is open, and release the merge mutex */
extern void weir_worker_abort(void);

/*
 * Make the commit of the current transaction durable, whatever the settings
 * say now or after a reload, because others are told about it.
 */
extern void weir_worker_commit_to_disk(void);

/*
 * In a PG_CATCH: log the error, note it for weir.stat_worker, abort the
 * transaction.
 */
extern void weir_worker_recover(void);

/*
 * Instead of a commit: leave the transaction open for a moment, for the next
 * small batch, which resumes it.  resume begins one if there is none (false),
 * or none young enough; else it has a new snapshot and sees what others
 * committed.  weir_worker_begin ends one that is open.  close_idle ends it
 * when nothing came for a while; returns after how many ms to call it again,
 * -1 if none is open.
 */
extern void weir_worker_leave_open(void);
extern bool weir_worker_resume(void);
extern long weir_worker_close_idle(void);

/*
 * For the flush worker: OIDs of the views whose code earlier flush workers
 * could not stop while they wrote the current epoch; and note that the epoch
 * has been written without them.
 */
extern List *weir_worker_unwritable(void);
extern void weir_worker_flushed(void);

/* Report what this worker does, for pg_stat_activity; NULL: idle. */
extern void weir_worker_report(const char *activity);

/*
 * Do work in a subtransaction (base/attempt.h). Returns NULL or the error, in
 * cxt. Errors to be retried (base/errors.h) are thrown.
 */
extern ErrorData *weir_worker_attempt(void (*work) (void *arg), void *arg, MemoryContext cxt);

#endif
