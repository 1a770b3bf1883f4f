/*
 * paths.h
 *	  The two ways of running continuous queries over a batch.
 */
#ifndef WEIR_INTAKE_PATHS_H
#define WEIR_INTAKE_PATHS_H

#include "postgres.h"

#include "intake/intake.h"

/* Every view over all its rows.  Errors with the first that fails. */
extern void weir_fast_path(Intake *intake);

/*
 * Rows that fail become dead letters, views that fail by themselves, or whose
 * results do not combine with what the run (NULL: the active epoch) has, are
 * suspended.  Errors only for what is worth trying again.
 */
extern void weir_slow_path(Intake *intake, Run *run);

#endif
