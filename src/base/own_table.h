/*
 * own_table.h
 *	  Writing the extension's own tables: statements whose plans are kept, and
 *	  many rows at once.
 */
#ifndef WEIR_BASE_OWN_TABLE_H
#define WEIR_BASE_OWN_TABLE_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * Prepare a statement, in SPI, and keep its plan in *plan, which is NULL at
 * first.  The text names everything by schema.
 */
extern void weir_own_prepare(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types);

/*
 * Execute an INSERT, UPDATE or DELETE, in SPI; the plan is kept in *plan,
 * which is NULL at first.  Returns how many rows.
 */
extern uint64 weir_own_execute(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types,
							   Datum *values, const char *nulls);

/*
 * OIDs as an array of this type (oid, regclass, ...), for an argument of such
 * a statement.
 */
extern Datum weir_own_oids(List *oids, Oid type);

/*
 * Insert many rows, in the current transaction: each has values for the
 * table's first columns, but for an identity column, which is filled in here.
 * They are in the table when weir_own_insert_end returns.  Triggers are not
 * called.
 */
typedef struct OwnInsert OwnInsert;

extern OwnInsert *weir_own_insert_begin(Oid relid);
extern void weir_own_insert(OwnInsert *insert, int nvalues, const Datum *values, const bool *nulls);
extern void weir_own_insert_end(OwnInsert *insert);

/*
 * Delete a row, and if it has been changed meanwhile by another transaction,
 * which is waited for, what has become of it: a worker may be writing what it
 * knows of an object that is dropped.  The table is locked for writing.
 */
extern void weir_own_delete(Relation rel, const ItemPointerData *tid);

#endif
