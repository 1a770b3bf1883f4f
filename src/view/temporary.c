/*
 * temporary.c
 *	  Temporary objects in continuous views.
 *
 * Workers do not see them, and they end with the session.  What a query
 * depends on PostgreSQL has noted when the def view was stored; so whatever
 * kind of object it is, it is found there.  Where it stands in the text is
 * looked for by its name.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteSupport.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "query/def.h"
#include "view/temporary.h"

typedef struct NameSearch
{
	const char *name;
	int			location;
} NameSearch;

static bool find_temporary(Oid classid, Oid objid, ObjectAddress *found);
static bool is_temporary(const ObjectAddress *object);
static char *name_of(const ObjectAddress *object);
static bool name_walker(Node *node, NameSearch *search);
static bool is_name(List *names, const char *name);

void
weir_view_refuse_temporary(Oid defid, Node *raw, const char *source_text)
{
	Oid			rule = get_rewrite_oid(defid, ViewSelectRuleName, false);
	ParseState *pstate = make_parsestate(NULL);
	NameSearch	search = {NULL, -1};
	ObjectAddress found;

	if (!find_temporary(RewriteRelationId, rule, &found) && !find_temporary(RelationRelationId, defid, &found))
		return;
	search.name = name_of(&found);
	name_walker(raw, &search);
	pstate->p_sourcetext = source_text;
	weir_query_refuse(pstate, search.location, psprintf("temporary objects, such as %s \"%s\"", getObjectTypeDescription(&found, false), search.name),
					  "Background workers keep the view up to date and cannot see it: create it in an ordinary schema.");
}

/* Among what the object depends on. */
static bool
find_temporary(Oid classid, Oid objid, ObjectAddress *found)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		result = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, lengthof(keys), keys);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		ObjectAddressSet(*found, form->refclassid, form->refobjid);
		result = is_temporary(found);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return result;
}

static bool
is_temporary(const ObjectAddress *object)
{
	Oid			schema = is_objectclass_supported(object->classId) &&
		get_object_attnum_namespace(object->classId) != InvalidAttrNumber ? get_object_namespace(object) : InvalidOid;

	return OidIsValid(schema) && isAnyTempNamespace(schema);
}

/* As it stands in a query. */
static char *
name_of(const ObjectAddress *object)
{
	Oid			element;
	HeapTuple	tuple;
	char	   *name;

	if (object->classId == RelationRelationId)
		return get_rel_name(object->objectId);
	if (object->classId == ProcedureRelationId)
		return get_func_name(object->objectId);
	if (object->classId == OperatorRelationId)
		return get_opname(object->objectId);
	if (object->classId != TypeRelationId)
		return getObjectDescription(object, false);
	element = get_element_type(object->objectId);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(OidIsValid(element) ? element : object->objectId));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", object->objectId);
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	return name;
}

/* The first node that may name it. */
static bool
name_walker(Node *node, NameSearch *search)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			if (strcmp(((RangeVar *) node)->relname, search->name) == 0)
				search->location = ((RangeVar *) node)->location;
			break;
		case T_FuncCall:
			if (is_name(((FuncCall *) node)->funcname, search->name))
				search->location = ((FuncCall *) node)->location;
			break;
		case T_A_Expr:
			if (is_name(((A_Expr *) node)->name, search->name))
				search->location = ((A_Expr *) node)->location;
			break;
		case T_TypeName:
			if (is_name(((TypeName *) node)->names, search->name))
				search->location = ((TypeName *) node)->location;
			break;
		case T_A_Const:
			/* nextval('q'), 'q'::regclass */
			if (!((A_Const *) node)->isnull && IsA(&((A_Const *) node)->val, String) &&
				strcmp(strVal(&((A_Const *) node)->val), search->name) == 0)
				search->location = ((A_Const *) node)->location;
			break;
		default:
			break;
	}
	return search->location >= 0 || raw_expression_tree_walker(node, name_walker, search);
}

static bool
is_name(List *names, const char *name)
{
	return names != NIL && IsA(llast(names), String) && strcmp(strVal(llast(names)), name) == 0;
}
