/*
 * view_plan.h
 *	  CREATE VIEW and CREATE OR REPLACE VIEW over a stream, before anything is made.
 */
#ifndef WEIR_VIEW_VIEW_PLAN_H
#define WEIR_VIEW_VIEW_PLAN_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Can the statement make (or replace) a continuous view?  Errors if not. */
extern void weir_view_check_statement(ViewStmt *stmt);

/* CREATE VIEW v (a, b): names of the first columns. */
extern void weir_view_apply_aliases(ViewStmt *stmt, Query *query);

#endif
