/*
 * view_trouble.h
 *	  What stands in the way of views, in shared memory, for those who look.
 */
#ifndef WEIR_PROCESS_VIEW_TROUBLE_H
#define WEIR_PROCESS_VIEW_TROUBLE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "matrel/lock.h"

#define VIEW_TROUBLE_TEXT 256
#define VIEW_TROUBLE_PIDS 8

typedef struct ViewTrouble
{
	Oid			defid;

	/* Its groups could not be written, and are set aside until they can be (flush/set_aside.h). */
	TimestampTz since;			/* 0: they are not */
	TimestampTz begun;			/* the same by weir_clock_steady */
	int64		from_seq;		/* rows published up to this number are in the view */
	int64		bytes;			/* set aside */
	TimestampTz looked;			/* when it was last tried, by weir_clock_steady; what follows is as of then */
	char		reason[VIEW_TROUBLE_TEXT]; /* what is in the way; an error may quote values of rows */
	bool		is_error;
	MatrelBlocker blocker;		/* of nothing: it is an error, or not known */
	int			npids;			/* processes that are; 0 among them: a prepared transaction */
	int			pids[VIEW_TROUBLE_PIDS];

	/* Housekeeping of the view that fails; it goes on counting. */
	TimestampTz trouble_since;	/* 0: none fails */
	int			failures;		/* in a row */
	char		trouble[VIEW_TROUBLE_TEXT];	/* what could not be done, and why; may quote values of rows */
} ViewTrouble;

extern void weir_view_trouble_init(void);

/*
 * Copies the nth view of this database that something stands in the way of; false if there are
 * not so many.  Takes a LWLock, and allocates no memory.
 */
extern bool weir_view_trouble_get(int n, ViewTrouble *copy);

/*
 * Is anything set aside of one view (its def view), or (InvalidOid) any, that was there when the caller began to wait
 * (weir_clock_steady), or is of rows published up to this number?  What is in the way of one such view, if that is known
 * to be a lock; by_me: this process has been found in the way of one since.
 */
typedef struct ViewTroubleWait
{
	MatrelBlocker blocker;
	bool		by_me;
} ViewTroubleWait;

extern bool weir_view_trouble_waits(Oid defid, int64 seq, TimestampTz begun, ViewTroubleWait *wait);

/* --- the flush worker --- */

/* Memory for a view's entry, so that weir_view_trouble_set cannot fail.  False when there is none. */
extern bool weir_view_trouble_reserve(Oid defid);

/* From now on the view's groups are set aside, or tried again: all but what is of trouble; since 0: no more. */
extern void weir_view_trouble_set(const ViewTrouble *view);

/* Housekeeping of this kind has failed; or (NULL) went well. */
extern void weir_view_trouble_note(Oid defid, int kind, const char *text);

/* Forget troubles of views that are none of these (ContView) any more. */
extern void weir_view_trouble_purge(List *views);

/* Forget all of a database: the extension is gone. */
extern void weir_view_trouble_discard(int slot);

#endif
