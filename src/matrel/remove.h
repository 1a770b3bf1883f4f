/*
 * remove.h
 *	  Deleting rows of a matrel, with their values.
 */
#ifndef WEIR_MATREL_REMOVE_H
#define WEIR_MATREL_REMOVE_H

#include "meta/cont_view.h"
#include "query/cont_query.h"

/*
 * Delete the rows of a matrel whose ctids a query gives, and what the view's
 * values relations have of these groups.  Returns the number of rows of the
 * matrel; how many values they had goes to *nvalues.  Where groups have
 * values, only so many of the rows are deleted as have limit rows and values
 * together, at least one; 0: all of them, and values are not counted.  In the
 * current transaction and as the current user.
 */
extern int64 weir_matrel_remove(const ContView *view, const ContQuery *query, const char *rows,
								int nargs, Oid *types, Datum *args, int64 limit, int64 *nvalues);

#endif
