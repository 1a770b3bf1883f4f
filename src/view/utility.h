/*
 * utility.h
 *	  The hooks that see statements: ProcessUtility and those of its parts.
 */
#ifndef WEIR_VIEW_UTILITY_H
#define WEIR_VIEW_UTILITY_H

/* Install the hooks; called once, from _PG_init. */
extern void weir_utility_init(void);

#endif
