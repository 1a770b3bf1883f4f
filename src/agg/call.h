/*
 * call.h
 *	  Calls of PostgreSQL's functions that ask for the types of their
 *	  arguments.
 */
#ifndef WEIR_AGG_CALL_H
#define WEIR_AGG_CALL_H

#include "postgres.h"

#include "fmgr.h"

/*
 * What a transition function needs to hand its arguments, from the second on,
 * to a function that takes any type.
 */
typedef struct AnyCall
{
	FmgrInfo	flinfo;
	int			nargs;
	Oid			types[2];
	bool		literal[2];		/* of type unknown: a C string */
} AnyCall;

/*
 * The call of function with nargs (1 or 2) arguments; looked up once a plan
 * node.
 */
extern AnyCall *weir_any_call(FunctionCallInfo fcinfo, Oid function, int nargs);

/* Its result, which is not NULL, in CurrentMemoryContext. */
extern Datum weir_any_call_invoke(AnyCall *call, FunctionCallInfo fcinfo);

#endif
