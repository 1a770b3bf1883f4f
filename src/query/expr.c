/*
 * expr.c
 *	  Expressions and queries that Weir makes: what they name is PostgreSQL's
 *	  own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/weir.h"
#include "query/expr.h"

static List *
own_operator(const char *op)
{
	return list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(op)));
}

Node *
weir_make_op(const char *op, Node *left, Node *right)
{
	return (Node *) make_op(make_parsestate(NULL), own_operator(op), left, right, NULL, -1);
}

Node *
weir_make_equal_any(Node *left, Node *array)
{
	return (Node *) make_scalar_array_op(make_parsestate(NULL), own_operator("="), true, left, array, -1);
}

Const *
weir_make_interval(const Interval *interval)
{
	Interval   *copy = palloc(sizeof(Interval));

	*copy = *interval;
	return makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval), IntervalPGetDatum(copy), false, false);
}

Oid
weir_own_function(const char *name, int nargs, const Oid *argtypes)
{
	return LookupFuncName(list_make2(makeString(pstrdup(WEIR_SCHEMA)), makeString(pstrdup(name))),
						  nargs, argtypes, false);
}

Expr *
weir_make_call(const char *name, Oid result, List *args)
{
	Oid			types[FUNC_MAX_ARGS];
	ListCell   *lc;

	foreach(lc, args)
		types[foreach_current_index(lc)] = exprType(lfirst(lc));
	return (Expr *) makeFuncExpr(weir_own_function(name, list_length(args), types), result, args,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

Query *
weir_analyze_sql(const char *sql)
{
	int			nest = NewGUCNestLevel();
	Query	   *query;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	query = parse_analyze_fixedparams(linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT)), sql, NULL, 0, NULL);
	AtEOXact_GUC(true, nest);
	return weir_query_without_positions(query);
}

/* As the queries of stored rules have none: what is read has no text. */
Query *
weir_query_without_positions(Query *query)
{
	return stringToNode(nodeToString(query));
}
