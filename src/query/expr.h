/*
 * expr.h
 *	  Expressions and queries that Weir makes: what they name is PostgreSQL's
 *	  own.
 *
 * A name means what the user's search_path says, and there may be operators of
 * users in it.  So what Weir makes names everything by schema or OID; this is
 * how.
 */
#ifndef WEIR_QUERY_EXPR_H
#define WEIR_QUERY_EXPR_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"

/*
 * left op right, by the operator of schema pg_catalog; takes over both sides.
 */
extern Node *weir_make_op(const char *op, Node *left, Node *right);

/* left = ANY (right), the same way. */
extern Node *weir_make_equal_any(Node *left, Node *array);

/* A copy of the interval as a constant. */
extern Const *weir_make_interval(const Interval *interval);

/* The function of schema weir. */
extern Oid	weir_own_function(const char *name, int nargs, const Oid *argtypes);

/* A call of it with these arguments. */
extern Expr *weir_make_call(const char *name, Oid result, List *args);

/*
 * A SELECT as text, analysed: names without schema are those of pg_catalog.
 * Without positions.
 */
extern Query *weir_analyze_sql(const char *sql);

/*
 * A copy whose nodes have no position, for who reads the tree beside another
 * text.
 */
extern Query *weir_query_without_positions(Query *query);

#endif
