/*
 * def.h
 *	  A view's defining query: where it is stored, the streams that it reads,
 *	  and how a construct of it is refused.
 */
#ifndef WEIR_QUERY_DEF_H
#define WEIR_QUERY_DEF_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/* The query stored in a def view (a copy). */
extern Query *weir_def_query(Oid defid);

/* Is this entry of a range table a stream? */
extern bool weir_query_entry_is_stream(const RangeTblEntry *rte);

/* The first stream that a query reads, at any depth; InvalidOid if none. */
extern Oid	weir_query_stream(Query *query);

/* All of them, each once, in the order of their appearance. */
extern List *weir_query_streams(Query *query);

/*
 * Error "continuous views do not support <what>", with the position if pstate
 * has the query's text.  hint: what to write instead, or NULL.
 */
extern void weir_query_refuse(ParseState *pstate, int location, const char *what,
							  const char *hint);

#endif
