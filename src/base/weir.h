/*
 * weir.h
 *	  What every file of Weir may use: names and helpers without state.
 */
#ifndef WEIR_H
#define WEIR_H

#include "postgres.h"
#include "fmgr.h"

#define WEIR_EXTENSION "weir"
#define WEIR_SCHEMA "weir"
#define WEIR_FDW "weir"
#define WEIR_ARRIVAL_COLUMN "arrival_timestamp"

#endif
