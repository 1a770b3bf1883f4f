/*
 * row_maker.h
 *	  How a row of a stream is made.
 *
 * INSERT and COPY have a plan, which gives a row its defaults, checks domains
 * and computes generated columns; what PostgreSQL leaves out for a foreign
 * table are the RowRules, which hold for all rows.  Rows that no INSERT makes
 * (of sources, and those that views give to streams) are made by a RowMaker,
 * with all that INSERT would do.
 *
 * Start a row, set columns of slot, or have them take their defaults, then
 * finish it: it errors as INSERT would.  The stream's own code runs
 * (defaults, generated columns, constraints), so whoever calls has become who
 * it is to run as.  After an error the maker can only be closed: an
 * expression may be half made.
 */
#ifndef WEIR_STREAM_ROW_MAKER_H
#define WEIR_STREAM_ROW_MAKER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#include "stream/stream_row.h"

typedef struct RowRules
{
	StreamRowType *type;
	int			arrival;		/* see weir_stream_arrival */
	bool		has_constraints;
} RowRules;

extern void weir_row_rules_init(RowRules *rules, TupleDesc desc);

/* Errors if a row that is complete breaks a constraint. */
extern void weir_row_rules_check(const RowRules *rules, ResultRelInfo *rri, TupleTableSlot *slot, EState *estate);

typedef struct RowMaker
{
	Relation	rel;
	EState	   *estate;			/* its es_query_cxt is the maker's own */
	TupleTableSlot *slot;		/* of the row at hand */

	/*
	 * attribute number - 1 of the column at work, for error messages; -1: none
	 */
	int			column;
	/* private from here on; arrays are by attribute number - 1 */
	struct ColumnMaker *columns;
	RowRules	rules;
	TimestampTz arrived;
	ResultRelInfo *rri;
} RowMaker;

/*
 * For a stream that is open and stays so, in a transaction with a snapshot.
 * Rows that have no time of arrival of their own get arrived.
 */
extern RowMaker *weir_row_maker_open(Relation rel, TimestampTz arrived);
extern void weir_row_maker_close(RowMaker *maker);

/*
 * Begin a row, all NULL.  Its values may live in the estate's per-tuple
 * context, which this resets.
 */
extern void weir_row_maker_start(RowMaker *maker);

/* Give a column its default, if it has one. */
extern void weir_row_maker_default(RowMaker *maker, int column);

/* The row, in cxt. */
extern StreamRow *weir_row_maker_finish(RowMaker *maker, MemoryContext cxt);

#endif
