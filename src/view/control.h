/*
 * control.h
 *	  What functions that belong to a view's owner share.
 */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include "postgres.h"
#include "catalog/cont_view.h"

/* The continuous view, a copy.  Errors when it is none, or not the user's. */
extern ContView weir_owned_view(Oid viewid);

#endif
