/*
 * orphan.h
 *	  What was restored of a view without its row of weir.continuous_view, or
 *	  without its definition.
 */
#ifndef WEIR_VIEW_ORPHAN_H
#define WEIR_VIEW_ORPHAN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "meta/cont_view.h"
#include "view/statement.h"

/* OIDs of definitions without a row. */
extern List *weir_orphans(void);

/*
 * Give one its row, from what guards (weir_guards) say; or what is missing for
 * that.
 */
extern ErrorData *weir_orphan_make_row(Oid defid, List *guards);

/*
 * Create what users read of a view whose definition and matrel are there,
 * unless something else has its name, and note it in its row and in *view; or
 * why that cannot be.
 */
extern ErrorData *weir_orphan_make_view(ContView *view, List *guards);

/*
 * CREATE TRIGGER on a matrel, as a dump has it: carries it out, and makes the
 * definition that it names, if that was not restored.  False: it is another
 * trigger.
 */
extern bool weir_orphan_guard(UtilityCall *call);

#endif
