/*
 * refuse.h
 *	  What DDL may not do to the objects of which continuous views are made.
 */
#ifndef WEIR_VIEW_REFUSE_H
#define WEIR_VIEW_REFUSE_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "meta/cont_view.h"

/*
 * Errors, with what to do instead, for a statement that would change what a
 * def view, matrel, values relation, their partitions, indexes and triggers,
 * or an object of the extension mean.  Called before the statement is carried
 * out, and before PostgreSQL checks the right to do it.
 */
extern void weir_refuse_statement(Node *stmt);

/*
 * The continuous view of this name; the one whose matrel or values relation,
 * or a partition of these, it is.  NULL: none.
 */
extern ContView *weir_view_named(RangeVar *name);
extern ContView *weir_view_of_matrel_named(RangeVar *name);
extern ContView *weir_view_of_matrel(Oid relid);

#endif
