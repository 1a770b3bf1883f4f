/*
 * combine_hidden.h
 *	  The columns that hand states up to weir.combine, made ready for the
 *	  planner.
 */
#ifndef WEIR_READ_COMBINE_HIDDEN_H
#define WEIR_READ_COMBINE_HIDDEN_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * To be called when all calls of weir.combine in a rewritten query have been
 * replaced.  Changes the query.
 */
extern void weir_combine_show_hidden(Query *query);

#endif
