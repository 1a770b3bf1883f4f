/*
 * spec.h
 *	  What it takes to work on the groups of a view: its row, keys and states.
 */
#ifndef WEIR_RUNTIME_SPEC_H
#define WEIR_RUNTIME_SPEC_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"

#include "agg/key.h"
#include "agg/partial.h"
#include "query/cont_query.h"

/*
 * What a process needs to know of a view to work on its groups.  Local.
 */
typedef struct GroupSpec
{
	Oid			defid;			/* of the group table: the view's, or of its
								 * values relation */
	Oid			viewdef;		/* the view */
	Oid			owner;			/* whose rights the functions of keys and
								 * states have */
	const char *path;			/* the search_path that they look in; the view
								 * runtime's */
	bool		append;
	TupleDesc	desc;			/* nkeys + nstates columns */
	KeySet		keys;
	int			nstates;
	PartialAgg **states;
	TupleTableSlot *old_slot;	/* scratch */
	TupleTableSlot *new_slot;
} GroupSpec;

/*
 * Fill in all but the OIDs and the path.  What it refers to is allocated in
 * cxt; input functions of states run.
 */
extern void weir_spec_init(GroupSpec *spec, const ContQuery *query, MemoryContext cxt);

#endif
