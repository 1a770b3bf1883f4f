/*
 * drop.h
 *	  Continuous views that are being dropped.
 */
#ifndef WEIR_VIEW_DROP_H
#define WEIR_VIEW_DROP_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* Install the hook; called once, from weir_utility_init. */
extern void weir_drop_init(void);

/* After a statement: drop what is left of views that it dropped. */
extern void weir_drop_finish(DropBehavior behavior);

#endif
