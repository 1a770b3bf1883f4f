/*
 * states.h
 *	  SQL functions that views call on partial states: see states.c.
 */
#ifndef WEIR_READ_STATES_H
#define WEIR_READ_STATES_H

#include "postgres.h"

#include "fmgr.h"

extern Datum weir_finalize(PG_FUNCTION_ARGS);
extern Datum weir_combine_trans(PG_FUNCTION_ARGS);
extern Datum weir_combine_final(PG_FUNCTION_ARGS);

#endif
