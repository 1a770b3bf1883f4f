/*
 * view_plan.c
 *	  CREATE VIEW and CREATE OR REPLACE VIEW over a stream, before anything is made.
 */
#include "postgres.h"

#include "catalog/pg_class.h"

#include "view/view_plan.h"

void
weir_view_check_statement(ViewStmt *stmt)
{
	if (stmt->view->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views cannot be temporary"),
				 errhint("Leave out TEMPORARY: background workers keep the view up to date.")));
	if (stmt->withCheckOption != NO_CHECK_OPTION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support WITH CHECK OPTION"),
				 errhint("Rows are inserted into the stream; put the condition into the view's WHERE clause.")));
}

void
weir_view_apply_aliases(ViewStmt *stmt, Query *query)
{
	ListCell   *alias = list_head(stmt->aliases);
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk || alias == NULL)
			continue;
		tle->resname = pstrdup(strVal(lfirst(alias)));
		alias = lnext(stmt->aliases, alias);
	}
	if (alias != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("CREATE VIEW specifies more column names than columns")));
}
