/*
 * remove.h
 *	  Deleting rows of a matrel, with their values.
 */
#ifndef WEIR_MATREL_REMOVE_H
#define WEIR_MATREL_REMOVE_H

#include "catalog/cont_view.h"
#include "query/cont_query.h"

/*
 * Delete the rows of a matrel whose ctids a query gives, and what the view's values
 * relations have of these groups.  Returns the number of rows of the matrel.  In
 * the current transaction and as the current user.
 */
extern int64 weir_matrel_remove(const ContView *view, const ContQuery *query, const char *rows,
								int nargs, Oid *types, Datum *args);

#endif
