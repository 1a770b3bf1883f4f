/*
 * primary_key.h
 *	  The option pk: the group keys of a view as the primary key of its matrel.
 */
#ifndef WEIR_QUERY_PRIMARY_KEY_H
#define WEIR_QUERY_PRIMARY_KEY_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "query/cont_query.h"

/*
 * The matrel's columns (char *) that an output column, or a list of them ("a,
 * b"), names.  Errors unless they are all the group keys, each once, and can
 * be a primary key.
 */
extern List *weir_primary_key_find(const ContQuery *cq, Query *def, const char *given);

/*
 * Errors for the first of these groups that cannot be in a primary key: one
 * with a NULL in it (ERRCODE_NOT_NULL_VIOLATION), or too long for an index
 * (ERRCODE_PROGRAM_LIMIT_EXCEEDED).
 */
extern void weir_primary_key_check(const ContQuery *cq, TupleDesc desc, MinimalTuple *tuples, int ntuples);

#endif
