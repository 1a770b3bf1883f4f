/*
 * view_row.h
 *	  A row of weir.continuous_view as a ContView.
 */
#ifndef WEIR_META_VIEW_ROW_H
#define WEIR_META_VIEW_ROW_H

#include "postgres.h"

#include "access/htup_details.h"

#include "meta/view.h"

/* The row of a new view. */
extern HeapTuple weir_view_row_form(const ContView *view, TupleDesc desc);

/* What a row says; name and owner are not in it.  palloc'd. */
extern ContView *weir_view_row_read(HeapTuple tuple, TupleDesc desc);

/*
 * The relations that it names alone: def view, view, matrel, values relations.
 */
extern void weir_view_row_relations(ContView *view, HeapTuple tuple, TupleDesc desc);

/* As it is stored. */
extern const char *weir_view_state_name(ContViewState state);

/*
 * A position is one in a server run and a database.  A dump restored into
 * another database of the same run must not be taken for it, so the stored
 * number of the run has the database mixed in (and out again by the same).
 */
extern int64 weir_view_row_boot(int64 boot);

#endif
