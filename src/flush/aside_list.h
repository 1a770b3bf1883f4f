/*
 * aside_list.h
 *	  Which views have groups that are set aside, as this flush worker knows it.
 */
#ifndef WEIR_FLUSH_ASIDE_LIST_H
#define WEIR_FLUSH_ASIDE_LIST_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "process/view_trouble.h"

typedef struct Aside
{
	ViewTrouble	view;			/* as others see it */
	int			failures;		/* in a row */
	TimestampTz next;			/* weir_clock_steady */
	int64		added;			/* bytes, by the last flush */
	bool		lacking;		/* partitions are being made for the next portion */

	/* In the transaction under way: */
	int64		change;			/* of bytes */
	bool		fresh;			/* it begins */
	bool		over;			/* it ends */
} Aside;

/* Called once in a flush worker. */
extern void weir_aside_list_start(void);

/* All views that have, a list of Aside that is not to be changed. */
extern List *weir_aside_list(void);

/* Their def views' OIDs, in the current context. */
extern List *weir_aside_list_views(void);

/* Are groups of this view (its def view) set aside? */
extern bool weir_aside_list_has(Oid defid);
extern Aside *weir_aside_list_find(Oid defid);	/* NULL: no */

/* A view more, since then; it goes again if the transaction aborts. */
extern Aside *weir_aside_list_add(Oid defid, TimestampTz since);

/* The transaction under way changes what "change", "fresh" and "over" say; or does it? */
extern void weir_aside_list_changing(void);
extern bool weir_aside_list_is_changing(void);

/*
 * Takes the memory that making these changes known needs.  Before the commit of a transaction that may have some, with all
 * views (ContView).  Errors when there is none.
 */
extern void weir_aside_list_prepare_commit(List *views);

#endif
