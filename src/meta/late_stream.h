/*
 * late_stream.h
 *	  Streams that late rows are diverted to: view option late_stream.
 */
#ifndef WEIR_META_LATE_STREAM_H
#define WEIR_META_LATE_STREAM_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "meta/cont_view.h"

/* In a map: what a column of the target gets that is not one of the source. */
#define LATE_COLUMN_DEFAULT (-1)
#define LATE_COLUMN_NONE (-2)	/* dropped, or generated */

/*
 * How a row of one stream is made from one of another: for each column of the
 * target, from 0, the index of the source's column of that name, or one of the
 * above; palloc'd.  NULL when rows do not fit; then *problem is a sentence
 * that says why.
 */
extern int *weir_late_stream_map(Oid sourceid, TupleDesc source, Oid targetid, TupleDesc target, char **problem);

/*
 * The stream of this name as the place for late rows of a view, of the current
 * user's, over other streams; locked until the transaction ends.  Errors, with
 * the option's position, if it is none, cannot take the rows, or would bring
 * them back to where they came from.
 */
extern Oid	weir_late_stream_find(ParseState *pstate, DefElem *option, List *sources);

/*
 * After a statement that may have changed columns of this relation: errors if
 * views then could not divert.
 */
extern void weir_late_stream_check_columns(RangeVar *changed);

#endif
