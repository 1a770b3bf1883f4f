/*
 * narrow.h
 *	  Views of a narrower window over a sliding-window view.
 */
#ifndef WEIR_VIEW_NARROW_H
#define WEIR_VIEW_NARROW_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "view/statement.h"

/*
 * CREATE VIEW ... WITH (sw = ...) that reads no stream: creates an ordinary
 * view.  query is the analysed one.  False when it has no option sw.
 */
extern bool weir_narrow_view(UtilityCall *call, ViewStmt *stmt, Query *query);

#endif
