/*
 * alter.h
 *	  Statements about continuous views, their matrels and streams that exist.
 */
#ifndef WEIR_VIEW_ALTER_H
#define WEIR_VIEW_ALTER_H

#include "view/statement.h"

/*
 * Carry out, refuse or redirect a statement.  True when it was carried out
 * here; else it goes on, perhaps changed, to PostgreSQL.
 */
extern bool weir_alter_rename(UtilityCall *call);
extern bool weir_alter_schema(UtilityCall *call);
extern bool weir_alter_table(UtilityCall *call);

extern void weir_redirect_index(UtilityCall *call);
extern void weir_redirect_vacuum(UtilityCall *call);

#endif
