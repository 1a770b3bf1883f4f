/*
 * aside_list.h
 *	  Which views have groups that are set aside, as this flush worker knows
 *	  it.
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

	/* partitions are being made for the next portion */
	bool		lacking;

	/* In the transaction under way: */
	int64		change;			/* of bytes */
	bool		fresh;			/* it begins */
	bool		over;			/* it ends */
} Aside;

/* Called once in a flush worker. */
extern void weir_aside_list_start(void);

/* All views with groups set aside: a list of Aside.  Read only. */
extern List *weir_aside_list(void);

/* OIDs of their def views, allocated in the current context. */
extern List *weir_aside_list_views(void);

/* Are groups of this view (its def view) set aside? */
extern bool weir_aside_list_has(Oid defid);
extern Aside *weir_aside_list_find(Oid defid);	/* NULL: no */

/*
 * Add a view, set aside since that time. An abort of the current transaction
 * removes it again.
 */
extern Aside *weir_aside_list_add(Oid defid, TimestampTz since);

/*
 * Note, or ask, that the current transaction changes fields "change", "fresh"
 * or "over" of some entry.
 */
extern void weir_aside_list_changing(void);
extern bool weir_aside_list_is_changing(void);

/*
 * Reserve the memory that the commit callback needs to make the changes known,
 * so that it cannot fail. To be called with all views (ContView) before the
 * commit of a transaction that may have changed the list. Errors with
 * ERRCODE_OUT_OF_MEMORY.
 */
extern void weir_aside_list_prepare_commit(List *views);

#endif
