/*
 * type_ddl.c
 *	  Columns of composite types that continuous views keep values of.
 *
 * A state may meet values of its type from before the type got, lost or
 * renamed a column (agg/value.c).  Two changes are refused here, as PostgreSQL
 * refuses to alter the type of what a table's column is of:
 *
 * A group key loses no column: groups that differ in it alone would be one
 * from then on, with rows of the matrel for each.
 *
 * No column of a value that a view's query works with changes its type:
 * PostgreSQL sees the tables that have such values, but not the states.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

#include "meta/cont_view.h"
#include "query/def.h"
#include "view/type_ddl.h"

static List *row_types(AlterTableStmt *stmt);
static ContView *view_with_key(Oid row);
static bool relation_has(Oid relid, Oid row);
static bool index_has(Oid relid, Oid row);
static ContView *view_with_value(Oid row);
static bool find_value_walker(Node *node, Oid *row);
static bool contains(Oid type, Oid row);

void
weir_type_check_alter(AlterTableStmt *stmt)
{
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		bool		drop = cmd->subtype == AT_DropColumn;
		ListCell   *row;

		if (!drop && cmd->subtype != AT_AlterColumnType)
			continue;
		if (rows == NIL)
			rows = row_types(stmt);
		foreach(row, rows)
		{
			ContView   *view = drop ? view_with_key(lfirst_oid(row)) : view_with_value(lfirst_oid(row));

			if (view == NULL)
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 drop ?
					 errmsg("cannot drop column \"%s\" of type %s because continuous view %s has groups by values of it",
							cmd->name, format_type_be(lfirst_oid(row)), view->name) :
					 errmsg("cannot alter column \"%s\" of type %s because continuous view %s keeps values of it",
							cmd->name, format_type_be(lfirst_oid(row)), view->name),
					 errhint("Drop the view first.")));
		}
	}
}

/*
 * The types of the rows of a relation, or of a composite type, and of what
 * inherits from it.
 */
static List *
row_types(AlterTableStmt *stmt)
{
	Oid			relid = stmt->relation ? RangeVarGetRelid(stmt->relation, NoLock, true) : InvalidOid;
	List	   *result = NIL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return NIL;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid			type = get_rel_type_id(lfirst_oid(lc));

		if (OidIsValid(type))
			result = lappend_oid(result, type);
	}
	return result;
}

/*
 * A view that has a group key with such rows in it, or keeps them one by one
 * (values relations).
 */
static ContView *
view_with_key(Oid row)
{
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (relation_has(view->matrelid, row) && index_has(view->matrelid, row))
			return view;
		for (int i = 0; i < view->nvalues; i++)
			if (relation_has(view->values[i], row))
				return view;
	}
	return NULL;
}

/*
 * Looked at without a lock: whoever holds one on a matrel is not waited for
 * without need.  A matrel has no dropped columns.
 */
static bool
relation_has(Oid relid, Oid row)
{
	Oid			type;

	for (int i = 1; OidIsValid(type = get_atttype(relid, i)); i++)
		if (contains(type, row))
			return true;
	return false;
}

/* Keys of such types are in an index on their hash (matrel/shape.c). */
static bool
index_has(Oid relid, Oid row)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	bool		result = false;
	ListCell   *lc;

	if (rel == NULL)
		return false;
	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		result |= find_value_walker((Node *) RelationGetIndexExpressions(index), &row);
		index_close(index, AccessShareLock);
	}
	table_close(rel, AccessShareLock);
	return result;
}

static ContView *
view_with_value(Oid row)
{
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (find_value_walker((Node *) weir_def_query(view->defid), &row))
			return view;
	}
	return NULL;
}

/* Stops at an expression that gives such rows. */
static bool
find_value_walker(Node *node, Oid *row)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_value_walker, row, 0);
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_Aggref:
		case T_RowExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_ArrayExpr:
		case T_CoerceToDomain:
		case T_FieldSelect:
			if (contains(exprType(node), *row))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, find_value_walker, row);
}

static bool
contains(Oid type, Oid row)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	bool		result = false;

	check_stack_depth();
	if (!OidIsValid(element) && type_is_range(base))
		element = get_range_subtype(base);
	if (base == row)
		return true;
	if (OidIsValid(element))
		return contains(element, row);
	if (get_typtype(base) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc_copy(base, -1);

		for (int i = 0; i < desc->natts && !result; i++)
			result = !TupleDescAttr(desc, i)->attisdropped && contains(TupleDescAttr(desc, i)->atttypid, row);
	}
	return result;
}
