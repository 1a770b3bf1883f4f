/*
 * write.h
 *	  Writing groups into a matrel.
 */
#ifndef WEIR_MATREL_WRITE_H
#define WEIR_MATREL_WRITE_H

#include "postgres.h"

#include "matrel/writer.h"

/*
 * Combine each row with its group in the matrel, or insert it.  Groups occur
 * once each in one call, best in the order of the lookup index; a later call
 * sees what earlier ones wrote.  first_time: none of these groups was in an
 * earlier call.
 */
extern void weir_matrel_write(MatrelWriter *writer, MinimalTuple *tuples, int ntuples,
							  bool first_time);

#endif
