/*
 * xact_rows.h
 *	  The stream rows of the current transaction, until it commits.
 */
#ifndef WEIR_STREAM_XACT_ROWS_H
#define WEIR_STREAM_XACT_ROWS_H

#include "postgres.h"

#include "stream/stream_row.h"

/* Registers the transaction callbacks; called once, from _PG_init. */
extern void weir_xact_rows_init(void);

/*
 * Keep a row of a stream; it is handed over when the transaction commits, or
 * forgotten with its (sub)transaction.  Errors when memory or disk is full.
 */
extern void weir_xact_rows_add(Oid streamid, const StreamRowType *type,
							   Datum *values, const bool *isnull);

#endif
