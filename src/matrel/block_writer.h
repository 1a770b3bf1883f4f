/*
 * block_writer.h
 *	  Writing groups of a sliding window whose rows carry blocks of steps.
 */
#ifndef WEIR_MATREL_BLOCK_WRITER_H
#define WEIR_MATREL_BLOCK_WRITER_H

#include "postgres.h"

#include "matrel/writer.h"

/* As weir_matrel_write does it for other views; within a call of that. */
extern void weir_writer_write_blocks(MatrelWriter *w, MinimalTuple *tuples, int ntuples);

#endif
