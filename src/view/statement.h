/*
 * statement.h
 *	  One utility statement on its way through the hook.
 */
#ifndef WEIR_VIEW_STATEMENT_H
#define WEIR_VIEW_STATEMENT_H

#include "postgres.h"

#include "tcop/utility.h"

typedef struct UtilityCall
{
	PlannedStmt *pstmt;
	const char *query_string;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *query_env;
	DestReceiver *dest;
	QueryCompletion *qc;
} UtilityCall;

/*
 * Have a hook called for each statement, before those that were there; called
 * once.
 */
extern void weir_statement_hook(ProcessUtility_hook_type hook);

/* Go on with the statement: other hooks, then PostgreSQL. */
extern void weir_statement_next(UtilityCall *call);

/* Put another statement in the place of the one that came. */
extern void weir_statement_replace(UtilityCall *call, Node *stmt);

#endif
