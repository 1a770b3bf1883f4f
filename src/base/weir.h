/*
 * weir.h
 *	  What every file of Weir may use: names and helpers without state.
 */
#ifndef WEIR_BASE_WEIR_H
#define WEIR_BASE_WEIR_H

#include "postgres.h"

#include "fmgr.h"

#define WEIR_EXTENSION "weir"
#define WEIR_SCHEMA "weir"
#define WEIR_FDW "weir"
#define WEIR_ARRIVAL_COLUMN "arrival_timestamp"

/*
 * What is kept in tables in a form of Weir's own says which version of the
 * form it is.  Errors (ERRCODE_FEATURE_NOT_SUPPORTED) when it is not the
 * known one.
 */
static inline void
weir_check_version(const char *what, uint8 found, uint8 known)
{
	if (found != known)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s has format version %d", what, found),
				 errdetail("This Weir on PostgreSQL %s reads version %d.", PG_MAJORVERSION, known),
				 errhint("It was written by another version: install one that reads it.")));
}

#endif
