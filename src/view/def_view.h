/*
 * def_view.h
 *	  The def view of a continuous view, which keeps its query as it was
 *	  written.
 */
#ifndef WEIR_VIEW_DEF_VIEW_H
#define WEIR_VIEW_DEF_VIEW_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Create the def view of a view of this name, for the current user. */
extern Oid	weir_def_view_create(const char *viewname, Query *query);

/* Give it another query, which has more columns than the old one: nold. */
extern void weir_def_view_extend(Oid defid, Query *query, int nold);

#endif
