/*
 * create.h
 *	  CREATE VIEW over a stream.
 */
#ifndef WEIR_VIEW_CREATE_H
#define WEIR_VIEW_CREATE_H

#include "nodes/parsenodes.h"

#include "meta/cont_view.h"
#include "view/utility.h"

/* Create a continuous view if the statement asks for one; else false. */
extern bool weir_create_view(UtilityCall *call);

/* Can the statement make (or replace) a continuous view?  Errors if not. */
extern void weir_view_check_statement(ViewStmt *stmt);

/* CREATE VIEW v (a, b): names of the first columns. */
extern void weir_view_apply_aliases(ViewStmt *stmt, Query *query);

/* Create the def view of a view of this name, for the current user. */
extern Oid	weir_def_view_create(const char *viewname, Query *query);

/* Refuse CREATE MATERIALIZED VIEW and CREATE TABLE AS over a stream. */
extern void weir_refuse_table_as(CreateTableAsStmt *stmt);

#endif
