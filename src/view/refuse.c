/*
 * refuse.c
 *	  What DDL may not do to the objects of which continuous views are made.
 *
 * They belong to the owner of the view, who may not change what they mean all
 * the same: the def view is the view's query, the states are those of that
 * query, and nobody but Weir writes them.  What is said of the view goes for
 * its objects too (alter.c).  Nothing is refused while a view is being
 * restored: a dump makes the objects one by one.
 *
 * Objects of the extension are found by name, so not even superusers
 * rename or move them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/weir.h"
#include "matrel/shape.h"
#include "query/def.h"
#include "query/split.h"
#include "query/values.h"
#include "view/refuse.h"

static void refuse_rename(RenameStmt *stmt);
static void refuse_alter_table(AlterTableStmt *stmt);
static void refuse_depends(AlterObjectDependsStmt *stmt);
static void refuse_contents(AlterExtensionContentsStmt *stmt);
static void refuse_drop(DropStmt *stmt);
static void refuse_replace(ViewStmt *stmt);
static void refuse_truncate(TruncateStmt *stmt);
static void refuse_trigger(CreateTrigStmt *stmt);
static void refuse_rule(RuleStmt *stmt);
static void refuse_create(CreateStmt *stmt);
static void refuse_inherit(List *parents);
static void refuse_references(List *constraints);
static void refuse_attach(PartitionCmd *cmd);
static void refuse_def_change(RangeVar *name);
static void refuse_object_of_extension(ObjectType type, RangeVar *relation, Node *object);
static Oid	relation_named(RangeVar *name);
static ContView *guarded(ContView *view);
static ContView *guarded_matrel(RangeVar *name);
static ContView *view_that_needs_index(Oid indexid);
static Oid	lookup_index(ContView *view, Oid relid);
static bool is_group_index(ContView *view, Oid relid, Oid indexid);

void
weir_refuse_statement(Node *stmt)
{
	if (creating_extension)
		return;
	switch (nodeTag(stmt))
	{
		case T_RenameStmt:
			refuse_rename((RenameStmt *) stmt);
			break;
		case T_AlterObjectSchemaStmt:
			refuse_def_change(((AlterObjectSchemaStmt *) stmt)->relation);
			refuse_object_of_extension(((AlterObjectSchemaStmt *) stmt)->objectType, ((AlterObjectSchemaStmt *) stmt)->relation,
									   ((AlterObjectSchemaStmt *) stmt)->object);
			break;
		case T_AlterTableStmt:
			refuse_alter_table((AlterTableStmt *) stmt);
			break;
		case T_AlterObjectDependsStmt:
			refuse_depends((AlterObjectDependsStmt *) stmt);
			break;
		case T_AlterExtensionContentsStmt:
			refuse_contents((AlterExtensionContentsStmt *) stmt);
			break;
		case T_DropStmt:
			refuse_drop((DropStmt *) stmt);
			break;
		case T_ViewStmt:
			refuse_replace((ViewStmt *) stmt);
			break;
		case T_TruncateStmt:
			refuse_truncate((TruncateStmt *) stmt);
			break;
		case T_CreateTrigStmt:
			refuse_trigger((CreateTrigStmt *) stmt);
			break;
		case T_RuleStmt:
			refuse_rule((RuleStmt *) stmt);
			break;
		case T_CreateStmt:
			refuse_create((CreateStmt *) stmt);
			break;
		case T_CreateForeignTableStmt:
			refuse_create(&((CreateForeignTableStmt *) stmt)->base);
			break;
		default:
			break;
	}
}

/* ---------------------------------------------------------------------
 * Statements
 * --------------------------------------------------------------------- */

static void
refuse_rename(RenameStmt *stmt)
{
	ContView   *view;

	refuse_def_change(stmt->relation);
	view = guarded_matrel(stmt->relation);

	/* ALTER INDEX and ALTER VIEW rename tables as well. */
	if (view && stmt->renameType != OBJECT_TABCONSTRAINT && stmt->renameType != OBJECT_POLICY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot alter materialization table \"%s\" of continuous view \"%s\" in this way",
						stmt->relation->relname, view->name),
				 stmt->renameType == OBJECT_TRIGGER ? errhint("The trigger keeps others from writing it.") :
				 errhint("Rename the view: its materialization table is renamed with it.")));
	refuse_object_of_extension(stmt->renameType, stmt->relation,
							   stmt->renameType == OBJECT_SCHEMA ? (Node *) makeString(stmt->subname) : stmt->object);
}

static void
refuse_alter_table(AlterTableStmt *stmt)
{
	ListCell   *lc;

	refuse_def_change(stmt->relation);
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddInherit)
			refuse_inherit(list_make1(cmd->def));
		else if (cmd->subtype == AT_AttachPartition)
			refuse_attach((PartitionCmd *) cmd->def);
		else if (cmd->subtype == AT_AddConstraint && IsA(cmd->def, Constraint))
			refuse_references(list_make1(cmd->def));
		else if (cmd->subtype == AT_AddColumn && IsA(cmd->def, ColumnDef))
			refuse_references(((ColumnDef *) cmd->def)->constraints);
	}
}

/*
 * DROP EXTENSION of whatever it depends on would take it along without a word.
 */
static void
refuse_depends(AlterObjectDependsStmt *stmt)
{
	ContView   *view;

	if (stmt->relation == NULL || stmt->remove)
		return;
	view = stmt->objectType == OBJECT_INDEX ? view_that_needs_index(relation_named(stmt->relation)) :
		guarded_matrel(stmt->relation);
	if (view)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("what continuous view \"%s\" requires cannot depend on an extension", view->name)));
}

static void
refuse_contents(AlterExtensionContentsStmt *stmt)
{
	if (stmt->action < 0 || (stmt->objtype != OBJECT_TABLE && stmt->objtype != OBJECT_VIEW))
		return;
	refuse_def_change(makeRangeVarFromNameList((List *) stmt->object));
	if (guarded_matrel(makeRangeVarFromNameList((List *) stmt->object)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a materialization table cannot be a member of an extension")));
}

static void
refuse_drop(DropStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		ContView   *view;
		List	   *name;

		if (stmt->removeType == OBJECT_INDEX)
		{
			Oid			indexid = relation_named(makeRangeVarFromNameList(lfirst(lc)));

			view = view_that_needs_index(indexid);
			if (view)
				ereport(ERROR,
						(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						 errmsg("cannot drop index %s because table %s requires it",
								get_rel_name(indexid), get_rel_name(IndexGetRelation(indexid, false))),
						 errhint("You can drop view %s instead.", view->name)));
		}
		else if (stmt->removeType == OBJECT_TRIGGER && list_length(lfirst(lc)) > 1)
		{
			name = list_copy_head(lfirst(lc), list_length(lfirst(lc)) - 1);
			view = guarded_matrel(makeRangeVarFromNameList(name));
			if (view)
				ereport(ERROR,
						(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						 errmsg("cannot drop trigger %s because continuous view %s requires it",
								strVal(llast((List *) lfirst(lc))), view->name),
						 errhint("You can drop view %s instead.", view->name)));
		}
	}
}

/* Of the user's view that is done by replace.c. */
static void
refuse_replace(ViewStmt *stmt)
{
	if (stmt->replace)
		refuse_def_change(stmt->view);
}

static void
refuse_truncate(TruncateStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->relations)
	{
		RangeVar   *name = lfirst_node(RangeVar, lc);
		ContView   *view = weir_view_named(name);

		if (view)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is a continuous view", name->relname),
					 errhint("Use SELECT weir.truncate('%s').", view->name)));
	}
}

static void
refuse_trigger(CreateTrigStmt *stmt)
{
	bool		own = list_length(stmt->funcname) == 2 &&
		strcmp(strVal(linitial(stmt->funcname)), WEIR_SCHEMA) == 0 &&
		strcmp(strVal(lsecond(stmt->funcname)), "refuse_write") == 0;

	refuse_def_change(stmt->relation);

	/*
	 * A dump puts back the matrel's own; but nobody puts another one in its
	 * place.
	 */
	if (!(own && !stmt->replace) && (weir_view_named(stmt->relation) || weir_view_of_matrel_named(stmt->relation)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support triggers"),
				 errdetail("Background workers write the materialization table below the level of triggers.")));
}

/* "_RETURN" too: it is the query, and changes with CREATE OR REPLACE VIEW. */
static void
refuse_rule(RuleStmt *stmt)
{
	refuse_def_change(stmt->relation);
	if (guarded(weir_view_named(stmt->relation)) || guarded_matrel(stmt->relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support rules"),
				 errhint("CREATE OR REPLACE VIEW adds columns to a continuous view.")));
}

static void
refuse_create(CreateStmt *stmt)
{
	ListCell   *lc;

	refuse_inherit(stmt->inhRelations);
	refuse_references(stmt->constraints);
	foreach(lc, stmt->tableElts)
	{
		if (IsA(lfirst(lc), Constraint))
			refuse_references(list_make1(lfirst(lc)));
		else if (IsA(lfirst(lc), ColumnDef))
			refuse_references(lfirst_node(ColumnDef, lc)->constraints);
	}
}

/* ---------------------------------------------------------------------
 * Parts of them
 * --------------------------------------------------------------------- */

/*
 * Tables that inherit from these (RangeVars) or are to be partitions of them.
 */
static void
refuse_inherit(List *parents)
{
	ListCell   *lc;

	foreach(lc, parents)
	{
		RangeVar   *parent = lfirst_node(RangeVar, lc);
		ContView   *view = weir_view_of_matrel_named(parent);

		if (view)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot inherit from materialization table \"%s\" of continuous view \"%s\"",
							parent->relname, view->name),
					 errhint("Rows of another table are no groups of the view. For a table of the same columns, use LIKE.")));
	}
}

/* Rows that come by way of a parent meet none of the statement triggers. */
static void
refuse_attach(PartitionCmd *cmd)
{
	ContView   *view = guarded_matrel(cmd->name);

	if (view)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("materialization table \"%s\" of continuous view \"%s\" cannot be a partition of a table",
						cmd->name->relname, view->name)));
}

static void
refuse_references(List *constraints)
{
	ListCell   *lc;

	foreach(lc, constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, lc);
		ContView   *view = constraint->contype == CONSTR_FOREIGN ? guarded_matrel(constraint->pktable) : NULL;

		if (view)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a foreign key cannot reference materialization table \"%s\" of continuous view \"%s\"",
							constraint->pktable->relname, view->name),
					 errdetail("Background workers write and delete its rows below the level of triggers, so it would not hold.")));
	}
}

static void
refuse_def_change(RangeVar *name)
{
	Oid			relid = name ? relation_named(name) : InvalidOid;
	ContView   *view = OidIsValid(relid) ? guarded(weir_cont_view_by_def(relid)) : NULL;

	if (view)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change \"%s\", which holds the query of continuous view \"%s\"",
						get_rel_name(relid), view->name),
				 errhint("Change the view itself: what it is made of goes with it.")));
}

/* Nobody but a superuser owns one. */
static void
refuse_object_of_extension(ObjectType type, RangeVar *relation, Node *object)
{
	ObjectAddress address = InvalidObjectAddress;
	Relation	rel = NULL;

	if (!superuser())
		return;
	if (type == OBJECT_TYPE || type == OBJECT_DOMAIN)
	{
		type = OBJECT_TYPE;
		object = IsA(object, List) ? (Node *) makeTypeNameFromNameList((List *) object) : object;
	}
	if (relation)
		ObjectAddressSet(address, RelationRelationId, relation_named(relation));
	else if (type == OBJECT_SCHEMA || type == OBJECT_FUNCTION || type == OBJECT_PROCEDURE || type == OBJECT_ROUTINE ||
			 type == OBJECT_AGGREGATE || type == OBJECT_TYPE || type == OBJECT_FDW || type == OBJECT_FOREIGN_SERVER)
		address = get_object_address(type, object, &rel, AccessShareLock, true);
	if (OidIsValid(address.objectId) &&
		getExtensionOfObject(address.classId, address.objectId) == get_extension_oid(WEIR_EXTENSION, true))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("objects of extension \"%s\" cannot be renamed or moved", WEIR_EXTENSION),
				 errdetail("It finds them by their names.")));
}

/* ---------------------------------------------------------------------
 * Looking them up
 * --------------------------------------------------------------------- */

static Oid
relation_named(RangeVar *name)
{
	return RangeVarGetRelid(name, NoLock, true);
}

ContView *
weir_view_named(RangeVar *name)
{
	Oid			relid = relation_named(name);

	return OidIsValid(relid) ? weir_cont_view_by_view(relid) : NULL;
}

ContView *
weir_view_of_matrel_named(RangeVar *name)
{
	Oid			relid = relation_named(name);

	return OidIsValid(relid) ? weir_view_of_matrel(relid) : NULL;
}

ContView *
weir_view_of_matrel(Oid relid)
{
	ContView   *view = weir_cont_view_by_matrel(relid);

	if (view == NULL && get_rel_relispartition(relid))
		view = weir_cont_view_by_matrel(get_partition_parent(relid, true));
	return view;
}

/* NULL for one that is being restored. */
static ContView *
guarded(ContView *view)
{
	return view && view->state != CONT_VIEW_RESTORED ? view : NULL;
}

static ContView *
guarded_matrel(RangeVar *name)
{
	return name ? guarded(weir_view_of_matrel_named(name)) : NULL;
}

/*
 * A dependency record could say this, too; but where a column is dropped in a
 * cascade and takes the index along, it would have the whole matrel dropped
 * before the column.
 */
static ContView *
view_that_needs_index(Oid indexid)
{
	Oid			relid = OidIsValid(indexid) ? IndexGetRelation(indexid, true) : InvalidOid;
	ContView   *view = OidIsValid(relid) ? guarded(weir_cont_view_by_matrel(relid)) : NULL;

	return view && (indexid == lookup_index(view, relid) || is_group_index(view, relid, indexid)) ? view : NULL;
}

static Oid
lookup_index(ContView *view, Oid relid)
{
	ContQuery  *cq = weir_cont_query_build(weir_def_query(view->defid), &view->options, NULL);
	Relation	rel;
	bool		hashed;
	Oid			result;

	for (int i = 0; i < view->nvalues && i < list_length(cq->values); i++)
		if (view->values[i] == relid)
		{
			cq = ((ValuesRel *) list_nth(cq->values, i))->query;
			break;
		}
	rel = table_open(relid, AccessShareLock);
	result = weir_matrel_lookup_index(rel, cq, &hashed);
	table_close(rel, AccessShareLock);
	return result;
}

/* Does the index find the values of a group, in a values relation? */
static bool
is_group_index(ContView *view, Oid relid, Oid indexid)
{
	Relation	index;
	List	   *exprs;
	bool		result;

	if (relid == view->matrelid)
		return false;
	index = index_open(indexid, AccessShareLock);
	exprs = RelationGetIndexExpressions(index);
	result = exprs != NIL && IsA(linitial(exprs), FuncExpr) &&
		get_func_namespace(linitial_node(FuncExpr, exprs)->funcid) == weir_schema_oid();
	index_close(index, AccessShareLock);
	return result;
}
