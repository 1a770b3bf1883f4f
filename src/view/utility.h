/*
 * utility.h
 *	  One utility statement on its way through the hook.
 */
#ifndef WEIR_VIEW_UTILITY_H
#define WEIR_VIEW_UTILITY_H

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

/* Install the hooks; called once, from _PG_init. */
extern void weir_utility_init(void);

/* Go on with the statement: other hooks, then PostgreSQL. */
extern void weir_utility_next(UtilityCall *call);

/* Put another statement in the place of the one that came. */
extern void weir_utility_replace(UtilityCall *call, Node *stmt);

#endif
