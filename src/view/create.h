/*
 * create.h
 *	  CREATE VIEW over a stream.
 */
#ifndef WEIR_VIEW_CREATE_H
#define WEIR_VIEW_CREATE_H

#include "nodes/parsenodes.h"

#include "view/statement.h"

/* Create a continuous view if the statement asks for one; else false. */
extern bool weir_create_view(UtilityCall *call);

/* Refuse CREATE MATERIALIZED VIEW and CREATE TABLE AS over a stream. */
extern void weir_refuse_table_as(CreateTableAsStmt *stmt);

#endif
