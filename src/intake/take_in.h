/*
 * take_in.h
 *	  One try to take a batch in.
 */
#ifndef WEIR_INTAKE_TAKE_IN_H
#define WEIR_INTAKE_TAKE_IN_H

#include "postgres.h"

#include "intake/intake.h"

typedef struct TakeIn TakeIn;

/* Where the results of a batch go, and how. */
struct TakeIn
{
	WeirBatch  *batch;
	MemoryContext cxt;			/* of what a try makes */

	/* run that the results are merged into; NULL: the active epoch */
	Run		   *run;
	bool		sync;			/* somebody waits for the rows */

	/*
	 * rows of a transaction that runs: suspend no view, do not wait long for
	 * locks
	 */
	bool		open;
	bool		divisible;		/* may be taken in in parts */

	/*
	 * the transaction may stay open for the next batch, if this one is small
	 */
	bool		keep;

	/*
	 * Merges the results in the transaction of the queries, and sets merged at
	 * the point of no return. Errors before that are treated as errors of the
	 * queries.
	 */
	void		(*merge) (TakeIn *take, Intake *intake);
	void	   *arg;			/* for merge */

	/* from here on the batch counts, whatever happens */
	volatile bool merged;
};

/* What the caller has to do after a try. */
typedef enum TakeInResult
{
	TAKEN_IN,

	/* on the slow path, which finds out what failed */
	TAKE_IN_SLOWLY,
	TAKE_IN_PARTS				/* it gives more than one merge can take */
} TakeInResult;

/*
 * Runs the queries of the batch's views over it, on the fast path (all rows at
 * once) or the slow path (failing rows become dead letters), in a transaction
 * of its own, and merges what they give.  Unless the batch is taken in,
 * nothing of it counts.  Errors are worth trying again; the caller aborts the
 * transaction.  Call outside of a transaction.
 */
extern TakeInResult weir_take_in(TakeIn *take, bool slow);

#endif
