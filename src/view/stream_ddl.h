/*
 * stream_ddl.h
 *	  CREATE and ALTER FOREIGN TABLE, ALTER SERVER, CREATE TRIGGER and COPY, on
 *	  streams.
 */
#ifndef WEIR_VIEW_STREAM_DDL_H
#define WEIR_VIEW_STREAM_DDL_H

#include "view/statement.h"

extern void weir_stream_create(UtilityCall *call);
extern void weir_stream_copy(UtilityCall *call);
extern void weir_stream_check_alter(AlterTableStmt *stmt);
extern void weir_stream_check_options(Node *stmt);
extern void weir_stream_check_rename(RenameStmt *stmt);
extern void weir_stream_check_server(AlterForeignServerStmt *stmt);
extern void weir_stream_check_trigger(CreateTrigStmt *stmt);

#endif
