/*
 * type_ddl.h
 *	  ALTER TYPE, and ALTER TABLE of tables whose rows are values.
 */
#ifndef WEIR_VIEW_TYPE_DDL_H
#define WEIR_VIEW_TYPE_DDL_H

#include "view/statement.h"

extern void weir_type_check_alter(AlterTableStmt *stmt);

#endif
