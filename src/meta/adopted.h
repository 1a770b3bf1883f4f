/*
 * adopted.h
 *	  Which continuous views are whole in this database: weir.adopted.
 *
 * A definition (a def view in schema weir) that is not in the table came with
 * a dump whose restore has not ended.  The table itself is in no dump; what
 * copies a database as it is (CREATE DATABASE ... TEMPLATE, base backup,
 * pg_upgrade) takes it along.
 */
#ifndef WEIR_META_ADOPTED_H
#define WEIR_META_ADOPTED_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef enum Adoption
{
	ADOPTION_NONE,				/* restored, its restore has not ended */
	ADOPTION_WHOLE,
	ADOPTION_INCOMPLETE			/* the restore has ended without parts of it */
} Adoption;

/* Called once, from _PG_init. */
extern void weir_adopted_init(void);

/*
 * OIDs of definitions that are whole, in this order.  By the catalog snapshot.
 */
extern List *weir_adopted_list(void);

/* Is the OID in such a list? */
extern bool weir_adopted_in(List *adopted, Oid defid);

/*
 * What is known of a definition; *missing, unless NULL: what there is not,
 * palloc'd, or NULL.
 */
extern Adoption weir_adopted_get(Oid defid, char **missing);

/*
 * A definition is whole (missing NULL), or it is not; tells every process.  No
 * rights are checked.
 */
extern void weir_adopted_set(Oid defid, const char *missing);

/*
 * Before rows are inserted into a stream: an error if a definition that reads
 * it is being restored, as they would not count; a warning if one is
 * incomplete.  Looks again before the transaction commits.  Cheap while
 * nothing changes.
 */
extern void weir_adopted_check_insert(Oid streamid);

/* OIDs of the views whose queries name a relation. */
extern List *weir_views_over(Oid relid);

/*
 * OIDs of definitions that are not whole: views in schema weir that are
 * neither in the table nor the extension's.
 */
extern List *weir_adopted_others(void);

/*
 * Rows of weir.continuous_view were deleted by hand: their definitions are
 * whole no more.
 */
extern void weir_adopted_prune(void);

#endif
