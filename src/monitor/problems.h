/*
 * problems.h
 *	  What keeps rows of this database from becoming visible, or its workers
 *	  from working, as shared memory tells.
 */
#ifndef WEIR_MONITOR_PROBLEMS_H
#define WEIR_MONITOR_PROBLEMS_H

#include "postgres.h"

#include "process/registry.h"

typedef struct Problem
{
	const char *code;			/* short and stable: weir.health().problem */
	bool		delays;			/* rows that are committed wait because of it */
	bool		of_worker;
	WorkerTask	task;			/* of that worker */
	int			pid;			/* of it, if it runs */
	const char *object;			/* what else it is about, or NULL */
	TimestampTz since;			/* 0: unknown */
	const char *remedy;
	char		reason[256];	/* what everybody may know */

	/* may quote values of rows; or empty */
	char		error[WEIR_ERROR_LENGTH];
} Problem;

typedef void (*weir_problem_callback) (const Problem *problem, void *arg);

/*
 * Calls report for each, what weighs most first.  Takes LWLocks only, looks
 * into no catalog and allocates no memory: a commit that waits asks, too.
 */
extern void weir_problems_each(weir_problem_callback report, void *arg);

/* From _PG_init: who waits for a flush asks here what it waits for. */
extern void weir_problems_init(void);

#endif
