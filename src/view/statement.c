/*
 * statement.c
 *	  One utility statement on its way through the hook.
 */
#include "postgres.h"

#include "view/statement.h"

static ProcessUtility_hook_type next_hook = NULL;

void
weir_statement_hook(ProcessUtility_hook_type hook)
{
	next_hook = ProcessUtility_hook;
	ProcessUtility_hook = hook;
}

void
weir_statement_next(UtilityCall *call)
{
	if (next_hook)
		next_hook(call->pstmt, call->query_string, call->read_only_tree, call->context,
				  call->params, call->query_env, call->dest, call->qc);
	else
		standard_ProcessUtility(call->pstmt, call->query_string, call->read_only_tree,
								call->context, call->params, call->query_env,
								call->dest, call->qc);
}

void
weir_statement_replace(UtilityCall *call, Node *stmt)
{
	PlannedStmt *pstmt = makeNode(PlannedStmt);

	*pstmt = *call->pstmt;
	pstmt->utilityStmt = stmt;
	call->pstmt = pstmt;
	call->read_only_tree = false;
}
