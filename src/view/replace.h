/*
 * replace.h
 *	  CREATE OR REPLACE VIEW on a continuous view.
 */
#ifndef WEIR_VIEW_REPLACE_H
#define WEIR_VIEW_REPLACE_H

#include "meta/cont_view.h"
#include "view/statement.h"

/*
 * Carry out CREATE OR REPLACE VIEW of an existing continuous view: adds
 * columns at the end.  query is the statement's, analysed.  Errors when
 * anything else shall change.
 */
extern void weir_replace_view(UtilityCall *call, ViewStmt *stmt, Query *query, const ContView *view);

/* Refuse to replace a continuous view, saying why. */
pg_noreturn extern void weir_replace_refuse(const char *name, const char *detail);

#endif
