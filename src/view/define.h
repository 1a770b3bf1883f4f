/*
 * define.h
 *	  CREATE VIEW with a query that Weir made in the place of the user's.
 */
#ifndef WEIR_VIEW_DEFINE_H
#define WEIR_VIEW_DEFINE_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "view/statement.h"

/* Called once, from weir_utility_init. */
extern void weir_view_define_init(void);

/*
 * Go on with a CREATE VIEW whose query is this one (not modified; analysed,
 * not rewritten).  stmt becomes the statement of the call.  Other hooks get it
 * with the text that the user sent.
 */
extern void weir_view_define(UtilityCall *call, ViewStmt *stmt, Query *query);

#endif
