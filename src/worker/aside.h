/*
 * aside.h
 *	  What stands in the way of views, in shared memory, for those who look.
 */
#ifndef WEIR_ASIDE_H
#define WEIR_ASIDE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#define ASIDE_TEXT 256

typedef struct ViewTrouble
{
	Oid			defid;

	/* Housekeeping of the view that fails; it goes on counting. */
	TimestampTz trouble_since;	/* 0: none fails */
	int			failures;		/* in a row */
	char		trouble[ASIDE_TEXT];	/* what could not be done, and why; may quote values of rows */
} ViewTrouble;

extern void weir_aside_init(void);

/* Copies the nth view of this database that something stands in the way of; false if there are not so many. */
extern bool weir_aside_get(int n, ViewTrouble *copy);

/* --- the flush worker --- */

/* Housekeeping of this kind has failed; or (NULL) went well. */
extern void weir_aside_note_trouble(Oid defid, int kind, const char *text);

/* Forget views that are none of these (ContView) any more. */
extern void weir_aside_purge(List *views);

#endif
