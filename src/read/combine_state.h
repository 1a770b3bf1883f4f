/*
 * combine_state.h
 *	  The states behind a column that weir.combine is called of.
 */
#ifndef WEIR_READ_COMBINE_STATE_H
#define WEIR_READ_COMBINE_STATE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "query/cont_query.h"

/* A query, and the one whose part it is. */
typedef struct CombineLevel
{
	Query	   *query;
	struct CombineLevel *parent;
} CombineLevel;

/*
 * What is behind a column.  Of an aggregate with values instead of a state it
 * is an array with a row of arguments for each value: see query/values.h.
 */
typedef struct CombineSource
{
	ContState  *state;

	/* the aggregate as the view's query has it over its values, or NULL */
	Aggref	   *values;
	const char *name;			/* of the column */
} CombineSource;

typedef struct CombineContext
{
	ParseState *pstate;			/* has the text */
	CombineLevel *level;			/* where the mutator is */
	int			location;		/* of the call that is being replaced */
} CombineContext;

/*
 * The states behind a column, in terms of the query that the column is in
 * (level, and varlevelsup from there).  Fills *source.  The queries between
 * the matrel and that one get hidden columns.
 */
extern Var *weir_combine_state_of_var(CombineContext *cxt, CombineLevel *level, Var *var, CombineSource *source);

/* Is it weir.combine, as users call it? */
extern bool weir_combine_is_call(Oid fn);

/* Error at the call that is being replaced. */
pg_noreturn extern void weir_combine_refuse(CombineContext *cxt, const char *detail);

#endif
