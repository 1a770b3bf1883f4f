/*
 * state_size.h
 *	  Groups whose states come near to what PostgreSQL can have in one value.
 */
#ifndef WEIR_GROUPS_STATE_SIZE_H
#define WEIR_GROUPS_STATE_SIZE_H

#include "postgres.h"

#include "runtime/spec.h"

/*
 * weir_partial_agg_combine for the n-th state of the group with this key.
 * When large states cannot be put together the error names the group.
 */
extern Datum weir_group_combine(GroupSpec *spec, int n, const Datum *key, const bool *key_nulls,
								Datum a, bool a_null, Datum b, bool b_null, bool *result_null);

/*
 * Error (ERRCODE_PROGRAM_LIMIT_EXCEEDED) when a row of keys, then states, is
 * too large to be a tuple.
 */
extern void weir_group_check_size(GroupSpec *spec, const Datum *values, const bool *nulls);

#endif
