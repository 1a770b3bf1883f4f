/*
 * write.h
 *	  Writing groups into a matrel.
 */
#ifndef WEIR_MATREL_WRITE_H
#define WEIR_MATREL_WRITE_H

#include "postgres.h"

#include "matrel/kept.h"
#include "runtime/execute.h"

typedef struct MatrelWriter MatrelWriter;

/*
 * Open a view's matrel for writing, in the current transaction and as the
 * current user.  NULL when the matrel is gone.  Errors when it has no lookup
 * index.
 */
extern MatrelWriter *weir_matrel_open(ViewRuntime *runtime);

/*
 * Tell kept of each value that is new to its group, as this is the writer of the n-th
 * values relation; or, when n is -1, put what kept has into the rows that are written.
 */
extern void weir_matrel_use_kept(MatrelWriter *writer, KeptValues *kept, int n);

/*
 * Combine each row with its group in the matrel, or insert it.  Groups occur
 * once each in one call, best in the order of the lookup index; a later call
 * sees what earlier ones wrote.  first_time: none of these groups was in an
 * earlier call.
 */
extern void weir_matrel_write(MatrelWriter *writer, MinimalTuple *tuples, int ntuples,
							  bool first_time);

/*
 * When weir_matrel_write has failed: which row it was at, or -1.  The first *safe rows had been written.
 */
extern int	weir_matrel_failed_at(MatrelWriter *writer, int *safe);

extern int64 weir_matrel_written(MatrelWriter *writer);
extern void weir_matrel_close(MatrelWriter *writer);

#endif
