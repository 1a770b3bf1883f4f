/*
 * control.h
 *	  What functions that belong to a view's owner share.
 */
#ifndef WEIR_VIEW_CONTROL_H
#define WEIR_VIEW_CONTROL_H

#include "postgres.h"

#include "meta/cont_view.h"

/*
 * The continuous view, a copy.  Errors when it is none, not the user's, or not
 * restored as a whole.
 */
extern ContView weir_owned_view(Oid viewid);

/* An error for a view whose restore has not ended, or that is not whole. */
extern void weir_refuse_restored(const ContView *view);

#endif
