/*
 * write.h
 *	  Writing groups into a matrel.
 */
#ifndef WEIR_MATREL_WRITE_H
#define WEIR_MATREL_WRITE_H

#include "postgres.h"
#include "query/execute.h"

typedef struct MatrelWriter MatrelWriter;

/*
 * Open a view's matrel for writing, in the current transaction and as the
 * current user.  NULL when the matrel is gone.  Errors when it has no lookup
 * index.
 */
extern MatrelWriter *weir_matrel_open(ViewRuntime *runtime);

/*
 * Combine each row with its group in the matrel, or insert it.  Groups occur
 * once each in one call, best in the order of the lookup index; a later call
 * sees what earlier ones wrote.  first_time: none of these groups was in an
 * earlier call.
 */
extern void weir_matrel_write(MatrelWriter *writer, MinimalTuple *tuples, int ntuples,
							  bool first_time);

extern int64 weir_matrel_written(MatrelWriter *writer);
extern void weir_matrel_close(MatrelWriter *writer);

#endif
