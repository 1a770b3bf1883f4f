/*
 * def_view.c
 *	  The def view of a continuous view, which keeps its query as it was
 *	  written.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/view.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

#include "base/weir.h"
#include "meta/extension.h"
#include "view/def_view.h"

/*
 * The user needs no right to create in schema weir: its owner creates, for the
 * user, a view whose name and columns are all decided already.
 */
Oid
weir_def_view_create(const char *viewname, Query *query)
{
	CreateStmt *create = makeNode(CreateStmt);
	Oid			schema = weir_schema_oid();
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid			schema_owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	Oid			user;
	int			sec_context;
	ObjectAddress address;
	ListCell   *lc;

	ReleaseSysCache(tuple);
	create->relation = makeRangeVar(WEIR_SCHEMA,
									ChooseRelationName(viewname, NULL, "def",
													   schema, false), -1);
	create->oncommit = ONCOMMIT_NOOP;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;

		if (!tle->resjunk)
			create->tableElts = lappend(create->tableElts,
										makeColumnDef(tle->resname, exprType(expr),
													  exprTypmod(expr), exprCollation(expr)));
	}

	GetUserIdAndSecContext(&user, &sec_context);
	SetUserIdAndSecContext(schema_owner, sec_context | SECURITY_LOCAL_USERID_CHANGE);
	address = DefineRelation(create, RELKIND_VIEW, user, NULL, NULL);
	SetUserIdAndSecContext(user, sec_context);
	CommandCounterIncrement();
	StoreViewQuery(address.objectId, copyObject(query), false);
	CommandCounterIncrement();
	return address.objectId;
}

/* As CREATE OR REPLACE VIEW does. */
void
weir_def_view_extend(Oid defid, Query *query, int nold)
{
	List	   *cmds = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;
		AlterTableCmd *cmd;

		if (tle->resjunk || tle->resno <= nold)
			continue;
		cmd = makeNode(AlterTableCmd);
		cmd->subtype = AT_AddColumnToView;
		cmd->def = (Node *) makeColumnDef(tle->resname, exprType(expr), exprTypmod(expr), exprCollation(expr));
		cmds = lappend(cmds, cmd);
	}
	AlterTableInternal(defid, cmds, true);
	CommandCounterIncrement();
	StoreViewQuery(defid, copyObject(query), true);
	CommandCounterIncrement();
}
