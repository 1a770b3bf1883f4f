/*
 * whole.h
 *	  Is what a dump restored of a view all that the view needs?
 */
#ifndef WEIR_MATREL_WHOLE_H
#define WEIR_MATREL_WHOLE_H

#include "postgres.h"

#include "query/cont_query.h"

/*
 * Create the dependency records that a restored dump lacks.  Needs a
 * transaction.
 */
extern void weir_matrel_adopt(ContView *view);

/*
 * What the matrel and the values relations of a view, which are all there,
 * lack of what its query and options ask for; palloc'd, or NULL: nothing.
 */
extern char *weir_matrel_missing(const ContView *view, const ContQuery *cq);

/* Has no row been counted in the matrel?  *empty: has it no row at all? */
extern bool weir_matrel_is_initial(Oid matrelid, const ContQuery *cq, bool *empty);

#endif
