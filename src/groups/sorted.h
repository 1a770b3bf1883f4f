/*
 * sorted.h
 *	  Groups in the order in which a matrel's lookup index has them.
 */
#ifndef WEIR_GROUPS_SORTED_H
#define WEIR_GROUPS_SORTED_H

#include "postgres.h"

#include "groups/epoch.h"

/*
 * All that an epoch has of one view, each group once: runs and files are
 * merged, rows of the same group combined.
 */
typedef struct SortedGroups SortedGroups;

extern SortedGroups *weir_sorted_open(Epoch *epoch, GroupSpec *spec);

/*
 * The next rows, valid until the next call; returns how many, 0 at the end.
 * No group is twice among them.  *first_time: nor was any returned before.
 */
extern int	weir_sorted_next(SortedGroups *sorted, MinimalTuple **tuples, bool *first_time);
extern void weir_sorted_close(SortedGroups *sorted);

#endif
