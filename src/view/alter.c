/*
 * alter.c
 *	  ALTER and its like on continuous views and their matrels.
 *
 * What is said of the view is done to its matrel and def view as well, in the
 * same transaction: after PostgreSQL has done it to the view, and so checked
 * the rights to do it.  What is said of the matrel is refused where it would
 * break the writing of states.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "meta/cont_view.h"
#include "meta/view_options.h"
#include "query/def.h"
#include "query/split.h"
#include "view/alter.h"
#include "view/refuse.h"

static List *partitions(Oid relid);
static void rename_with_partitions(Oid relid, const char *old_view, const char *new_view, const char *suffix);
static void rename_partition(Oid relid, const char *old_matrel, const char *new_matrel);
static void rename_one(Oid relid, const char *old_view, const char *new_view,
					   const char *suffix);
static void move_one(Oid relid, Oid schema);
static void move_with_partitions(Oid relid, Oid schema);
static void change_with_partitions(Oid relid, Oid owner);
static void change_owner(ContView *view, RoleSpec *role);
static void refuse_matrel_change(ContView *view, RangeVar *name, const char *hint);
static bool allowed_on_matrel(const ContView *view, AlterTableType subtype);
static bool is_about_triggers(AlterTableType subtype);
static bool adds_primary_key(AlterTableCmd *cmd);
static bool is_primary_key(ContView *view, Oid relid, AlterTableCmd *cmd);
static void map_index_column(IndexElem *elem, Query *query, ContView *view);
static AttrNumber column_of_matrel(ContView *view, Expr *expr);
static void check_unique(IndexStmt *stmt, ContView *view);
static TargetEntry *output_column(Query *query, Oid viewid, const char *name);
static List *map_vacuum_columns(List *names, ContView *view);
static void refuse_option(const ContView *view, const char *name);

bool
weir_alter_rename(UtilityCall *call)
{
	RenameStmt *stmt = castNode(RenameStmt, call->pstmt->utilityStmt);
	ContView   *view;
	char	   *old_name;
	ContView	copy;

	/* ALTER INDEX renames views as well. */
	if (stmt->relation == NULL ||
		(stmt->renameType != OBJECT_VIEW && stmt->renameType != OBJECT_TABLE && stmt->renameType != OBJECT_INDEX))
		return false;
	view = weir_view_named(stmt->relation);
	if (view == NULL)
		return false;

	old_name = get_rel_name(view->viewid);
	copy = *view;
	weir_statement_next(call);
	CommandCounterIncrement();
	rename_with_partitions(copy.matrelid, old_name, stmt->newname, "mrel");
	for (int i = 0; i < copy.nvalues; i++)
		rename_with_partitions(copy.values[i], old_name, stmt->newname, psprintf("vals%d", i + 1));
	rename_one(copy.defid, old_name, stmt->newname, "def");
	weir_guard_describe(&copy);
	return true;
}

bool
weir_alter_schema(UtilityCall *call)
{
	AlterObjectSchemaStmt *stmt = castNode(AlterObjectSchemaStmt, call->pstmt->utilityStmt);
	ContView   *view;
	ContView	copy;

	if (stmt->relation == NULL)
		return false;
	view = weir_view_of_matrel_named(stmt->relation);
	if (view)
		refuse_matrel_change(view, stmt->relation,
							 "Use ALTER VIEW ... SET SCHEMA: the materialization table moves with the view.");
	view = weir_view_named(stmt->relation);
	if (view == NULL)
		return false;

	copy = *view;
	weir_statement_next(call);
	CommandCounterIncrement();
	move_with_partitions(copy.matrelid, get_rel_namespace(copy.viewid));
	for (int i = 0; i < copy.nvalues; i++)
		move_with_partitions(copy.values[i], get_rel_namespace(copy.viewid));
	return true;
}

bool
weir_alter_table(UtilityCall *call)
{
	AlterTableStmt *stmt = castNode(AlterTableStmt, call->pstmt->utilityStmt);
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	ContView   *view;
	RoleSpec   *new_owner = NULL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return false;
	view = weir_view_of_matrel(relid);
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (view && !allowed_on_matrel(view, cmd->subtype) && !is_primary_key(view, relid, cmd))
			refuse_matrel_change(view, stmt->relation,
								 adds_primary_key(cmd) ? "Create the view with the option pk." :
								 cmd->subtype == AT_ChangeOwner ?
								 "Use ALTER VIEW ... OWNER TO: the materialization table goes with the view." :
								 is_about_triggers(cmd->subtype) ?
								 "Only Weir writes it: insert into the view's stream, or call weir.truncate to start the view over." :
								 "Its columns follow from the view's query: create another view.");
		if (cmd->subtype == AT_ChangeOwner)
			new_owner = cmd->newowner;
	}
	view = weir_cont_view_by_view(relid);
	if (view == NULL)
		return false;
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		ListCell   *opt;

		if (cmd->subtype != AT_SetRelOptions)
			continue;
		foreach(opt, (List *) cmd->def)
		{
			DefElem    *defel = lfirst_node(DefElem, opt);

			if (strcmp(defel->defname, "security_barrier") != 0)
				refuse_option(view, defel->defname);
		}
	}
	if (new_owner == NULL)
		return false;

	{
		ContView	copy = *view;

		weir_statement_next(call);
		CommandCounterIncrement();
		change_owner(&copy, new_owner);
	}
	return true;
}

/* CREATE INDEX ON view (column, ...) is made on the matrel. */
void
weir_redirect_index(UtilityCall *call)
{
	IndexStmt  *stmt = castNode(IndexStmt, call->pstmt->utilityStmt);
	ContView   *view = stmt->relation ? weir_view_named(stmt->relation) : NULL;
	Query	   *query;
	ListCell   *lc;

	if (view == NULL)
	{
		view = stmt->relation ? weir_view_of_matrel_named(stmt->relation) : NULL;
		if (view)
			check_unique(stmt, view);
		return;
	}
	if (!object_ownercheck(RelationRelationId, view->viewid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, stmt->relation->relname);
	if (stmt->whereClause)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an index on continuous view \"%s\" cannot have a WHERE clause",
						stmt->relation->relname),
				 errhint("Create the index on its materialization table \"%s\".",
						 get_rel_name(view->matrelid))));

	stmt = copyObject(stmt);
	query = weir_def_query(view->viewid);
	foreach(lc, stmt->indexParams)
		map_index_column(lfirst_node(IndexElem, lc), query, view);
	foreach(lc, stmt->indexIncludingParams)
		map_index_column(lfirst_node(IndexElem, lc), query, view);
	check_unique(stmt, view);
	stmt->relation->schemaname = get_namespace_name(get_rel_namespace(view->matrelid));
	stmt->relation->relname = get_rel_name(view->matrelid);
	weir_statement_replace(call, (Node *) stmt);
}

void
weir_redirect_vacuum(UtilityCall *call)
{
	VacuumStmt *stmt = castNode(VacuumStmt, call->pstmt->utilityStmt);
	List	   *values = NIL;
	bool		found = false;
	ListCell   *lc;

	foreach(lc, stmt->rels)
	{
		VacuumRelation *rel = lfirst_node(VacuumRelation, lc);

		found |= rel->relation && weir_view_named(rel->relation) != NULL;
	}
	if (!found)
		return;

	stmt = copyObject(stmt);
	foreach(lc, stmt->rels)
	{
		VacuumRelation *rel = lfirst_node(VacuumRelation, lc);
		ContView   *view = rel->relation ? weir_view_named(rel->relation) : NULL;

		if (view == NULL)
			continue;
		for (int i = 0; i < view->nvalues && rel->va_cols == NIL; i++)
			values = lappend(values,
							 makeVacuumRelation(makeRangeVar(get_namespace_name(get_rel_namespace(view->values[i])),
															 get_rel_name(view->values[i]), -1),
												InvalidOid, NIL));
		rel->va_cols = map_vacuum_columns(rel->va_cols, view);
		rel->relation->schemaname = get_namespace_name(get_rel_namespace(view->matrelid));
		rel->relation->relname = get_rel_name(view->matrelid);
	}
	stmt->rels = list_concat(stmt->rels, values);
	weir_statement_replace(call, (Node *) stmt);
}

/* Those of a matrel or values relation, locked. */
static List *
partitions(Oid relid)
{
	return find_inheritance_children(relid, AccessExclusiveLock);
}

/*
 * Only a relation that still has the name it was given, and if the new is
 * free.
 */
static void
rename_one(Oid relid, const char *old_view, const char *new_view, const char *suffix)
{
	char	   *old_name = makeObjectName(old_view, NULL, suffix);
	char	   *new_name = makeObjectName(new_view, NULL, suffix);

	if (strcmp(get_rel_name(relid), old_name) != 0 ||
		OidIsValid(get_relname_relid(new_name, get_rel_namespace(relid))))
		return;
	RenameRelationInternal(relid, new_name, true, false);
	CommandCounterIncrement();
}

static void
rename_with_partitions(Oid relid, const char *old_view, const char *new_view, const char *suffix)
{
	char	   *old_name = get_rel_name(relid);
	ListCell   *lc;

	rename_one(relid, old_view, new_view, suffix);
	foreach(lc, partitions(relid))
		rename_partition(lfirst_oid(lc), old_name, get_rel_name(relid));
}

/* v_mrel_20261123 goes with v_mrel. */
static void
rename_partition(Oid relid, const char *old_matrel, const char *new_matrel)
{
	char	   *name = get_rel_name(relid);
	Size		len = strlen(old_matrel);

	if (strncmp(name, old_matrel, len) != 0 || name[len] != '_' || strcmp(old_matrel, new_matrel) == 0)
		return;
	RenameRelationInternal(relid, ChooseRelationName(new_matrel, NULL, name + len + 1,
													 get_rel_namespace(relid), false), true, false);
	CommandCounterIncrement();
}

static void
move_one(Oid relid, Oid schema)
{
	Relation	rel = relation_open(relid, AccessExclusiveLock);

	if (RelationGetNamespace(rel) != schema)
	{
		ObjectAddresses *moved = new_object_addresses();

		AlterTableNamespaceInternal(rel, RelationGetNamespace(rel), schema, moved);
		free_object_addresses(moved);
	}
	relation_close(rel, NoLock);
}

static void
move_with_partitions(Oid relid, Oid schema)
{
	ListCell   *lc;

	move_one(relid, schema);
	foreach(lc, partitions(relid))
		move_one(lfirst_oid(lc), schema);
}

static void
change_with_partitions(Oid relid, Oid owner)
{
	ListCell   *lc;

	foreach(lc, partitions(relid))
		ATExecChangeOwner(lfirst_oid(lc), owner, true, AccessExclusiveLock);
	ATExecChangeOwner(relid, owner, true, AccessExclusiveLock);
}

static void
change_owner(ContView *view, RoleSpec *role)
{
	Oid			owner = get_rolespec_oid(role, false);

	change_with_partitions(view->matrelid, owner);
	for (int i = 0; i < view->nvalues; i++)
		change_with_partitions(view->values[i], owner);
	ATExecChangeOwner(view->defid, owner, true, AccessExclusiveLock);
	CommandCounterIncrement();
}

static void
refuse_matrel_change(ContView *view, RangeVar *name, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot alter materialization table \"%s\" of continuous view \"%s\" in this way",
					name->relname, view->name),
			 errhint("%s", hint)));
}

/* How and where it is stored, but not what. */
static bool
allowed_on_matrel(const ContView *view, AlterTableType subtype)
{
	if (view->state == CONT_VIEW_RESTORED && is_about_triggers(subtype))
		return true;
	switch (subtype)
	{
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetLogged:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_ReplaceRelOptions:
		case AT_ReplicaIdentity:
		case AT_EnableTrig:
		case AT_EnableTrigAll:
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
			return true;
		default:
			return false;
	}
}

/* What can be changed in another way is told. */
static void
refuse_option(const ContView *view, const char *name)
{
	char	   *matrel = quote_qualified_identifier(get_namespace_name(get_rel_namespace(view->matrelid)),
													get_rel_name(view->matrelid));

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot set option \"%s\" of continuous view \"%s\"", name, get_rel_name(view->viewid)),
			 errhint("%s", weir_view_options_change(name, view->name, matrel))));
}

static bool
is_about_triggers(AlterTableType subtype)
{
	switch (subtype)
	{
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return true;
		default:
			return false;
	}
}

static bool
adds_primary_key(AlterTableCmd *cmd)
{
	return cmd->subtype == AT_AddConstraint && IsA(cmd->def, Constraint) &&
		((Constraint *) cmd->def)->contype == CONSTR_PRIMARY;
}

/* The view's own, which a dump puts back when the view is known already. */
static bool
is_primary_key(ContView *view, Oid relid, AlterTableCmd *cmd)
{
	List	   *keys;
	ListCell   *x;
	ListCell   *y;

	if (!adds_primary_key(cmd))
		return false;
	keys = ((Constraint *) cmd->def)->keys;
	for (int i = 0; i < view->nvalues; i++)
		if (view->values[i] == relid)
			return false;
	if (keys == NIL || list_length(keys) != list_length(view->options.pk))
		return false;
	forboth(x, keys, y, view->options.pk)
		if (strcmp(strVal(lfirst(x)), lfirst(y)) != 0)
			return false;
	return true;
}

static void
map_index_column(IndexElem *elem, Query *query, ContView *view)
{
	TargetEntry *tle;
	AttrNumber	attno;
	List	   *context;
	RawStmt    *raw;

	if (elem->name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an index on continuous view \"%s\" cannot have expressions",
						get_rel_name(view->viewid)),
				 errhint("Create the index on its materialization table \"%s\".",
						 get_rel_name(view->matrelid))));
	tle = output_column(query, view->viewid, elem->name);
	if (tle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist", elem->name)));
	attno = column_of_matrel(view, tle->expr);
	if (attno != InvalidAttrNumber)
	{
		elem->name = get_attname(view->matrelid, attno, false);
		return;
	}
	if (query->hasAggs && contain_agg_clause((Node *) tle->expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("sliding-window aggregate columns cannot be indexed")));
	if (IsA(tle->expr, Var) || contain_mutable_functions((Node *) tle->expr) || contain_subplans((Node *) tle->expr) ||
		contain_window_function((Node *) tle->expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of continuous view \"%s\" cannot be indexed",
						elem->name, get_rel_name(view->viewid)),
				 errdetail("It is computed from the materialization table when the view is read."),
				 errhint("Columns that are group keys, counts, sums of integers, minimum or maximum can be indexed.")));

	context = deparse_context_for(get_rel_name(view->matrelid), view->matrelid);
	raw = linitial_node(RawStmt,
						raw_parser(psprintf("SELECT (%s)",
											deparse_expression((Node *) tle->expr, context, false, false)),
								   RAW_PARSE_DEFAULT));
	elem->expr = linitial_node(ResTarget, ((SelectStmt *) raw->stmt)->targetList)->val;
	elem->name = NULL;
}

/*
 * The column of the matrel that the view shows as it is, or InvalidAttrNumber;
 * windows are made when the view is read.
 */
static AttrNumber
column_of_matrel(ContView *view, Expr *expr)
{
	Var		   *var = (Var *) expr;

	return IsA(var, Var) && var->varno == 1 && get_attname(view->matrelid, var->varattno, true) != NULL ?
		var->varattno : InvalidAttrNumber;
}

/*
 * A unique index, its columns the matrel's, has to hold whatever rows come: it
 * must have all columns of the group key.
 */
static void
check_unique(IndexStmt *stmt, ContView *view)
{
	ContQuery  *cq;
	List	   *names = NIL;
	ListCell   *lc;

	if (!stmt->unique)
		return;
	foreach(lc, stmt->indexParams)
		if (lfirst_node(IndexElem, lc)->name)
			names = lappend(names, makeString(lfirst_node(IndexElem, lc)->name));
	cq = weir_cont_query_build(weir_def_query(view->defid), &view->options, NULL);
	for (int i = 0; i < cq->nkeys; i++)
		if (cq->append || !list_member(names, makeString(cq->keys[i].colname)))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot create a unique index on \"%s\"", stmt->relation->relname),
					 errdetail("Only the group key of continuous view %s is unique whatever rows come.",
							   view->name),
					 errhint("Leave out UNIQUE.")));
}

/* By position: the view's columns may have been renamed. */
static TargetEntry *
output_column(Query *query, Oid viewid, const char *name)
{
	AttrNumber	attno = get_attnum(viewid, name);
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno == attno)
			return tle;
	}
	return NULL;
}

/*
 * Names of the matrel's columns; computed ones have no statistics and are left
 * out.
 */
static List *
map_vacuum_columns(List *names, ContView *view)
{
	Query	   *query = weir_def_query(view->viewid);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		TargetEntry *tle = output_column(query, view->viewid, strVal(lfirst(lc)));
		AttrNumber	attno;

		if (tle == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							strVal(lfirst(lc)), get_rel_name(view->viewid))));
		attno = column_of_matrel(view, tle->expr);
		if (attno != InvalidAttrNumber)
			result = lappend(result, makeString(get_attname(view->matrelid, attno, false)));
	}
	return result;
}
