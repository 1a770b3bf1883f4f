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

	/*
	 * Its groups could not be written, and are set aside until they can be
	 * (flush/set_aside.h).
	 */
	TimestampTz since;			/* 0: they are not */
	TimestampTz begun;			/* the same time by weir_clock_steady */

	/* rows with publication numbers up to this one are in the view */
	int64		from_seq;
	int64		bytes;			/* set aside */

	/*
	 * when it was last tried, by weir_clock_steady; what follows is as of then
	 */
	TimestampTz looked;

	/* reason; an error may quote values of rows */
	char		reason[VIEW_TROUBLE_TEXT];
	bool		is_error;
	MatrelBlocker blocker;		/* relid InvalidOid: an error, or not known */

	/* blocking processes; 0 among them stands for a prepared transaction */
	int			npids;
	int			pids[VIEW_TROUBLE_PIDS];

	/* Housekeeping of the view that fails; it goes on counting. */
	TimestampTz trouble_since;	/* 0: none fails */
	int			failures;		/* in a row */

	/* what could not be done, and why; may quote values of rows */
	char		trouble[VIEW_TROUBLE_TEXT];
} ViewTrouble;

extern void weir_view_trouble_init(void);

/*
 * Copy the nth view of this database that has trouble; false if there are not
 * so many. Takes an LWLock, and allocates no memory.
 */
extern bool weir_view_trouble_get(int n, ViewTrouble *copy);

/*
 * Is anything set aside of one view (its def view), or (InvalidOid) any, that
 * was there when the caller began to wait (weir_clock_steady), or is of rows
 * published up to this number?  What is in the way of one such view, if that
 * is known to be a lock; by_me: this process has been found in the way of one
 * since.
 */
typedef struct ViewTroubleWait
{
	MatrelBlocker blocker;
	bool		by_me;
} ViewTroubleWait;

extern bool weir_view_trouble_waits(Oid defid, int64 seq, TimestampTz begun, ViewTroubleWait *wait);

/* --- the flush worker --- */

/*
 * Reserve memory for a view's entry, so that weir_view_trouble_set cannot
 * fail. Returns false when there is none.
 */
extern bool weir_view_trouble_reserve(Oid defid);

/*
 * Publish that groups of the view are set aside, or were tried again:
 * everything but the fields of housekeeping. since 0: no more.
 */
extern void weir_view_trouble_set(const ViewTrouble *view);

/* Note that housekeeping of this kind has failed, or (text NULL) succeeded. */
extern void weir_view_trouble_note(Oid defid, int kind, const char *text);

/* Forget the troubles of all views but these (ContView). */
extern void weir_view_trouble_purge(List *views);

/* Forget everything of a database whose extension is gone. */
extern void weir_view_trouble_discard(int slot);

#endif
