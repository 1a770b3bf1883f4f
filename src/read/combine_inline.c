/*
 * combine_inline.c
 *	  Set-returning functions in SQL that call weir.combine.
 *
 * The planner puts the query of such a function, if it is stable, in the place
 * of its call: past the planner hook, which replaces calls of weir.combine.
 * So a function that has one is made to be called: its query is planned by
 * itself then, and the hook sees it.
 *
 * The planner asks whether a plug-in wants to see the calls of a function
 * (needs_fmgr_hook), and does not inline those.  That is what this says, while
 * a query is planned, of SQL functions whose text or parsed body calls
 * weir.combine, and of no others: what else has that word in it is to be
 * inlined as ever, and databases without Weir are left alone.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/weir.h"
#include "read/combine_inline.h"

static needs_fmgr_hook_type next_needs = NULL;
static int	planning = 0;

static bool needs_call(Oid fn);
static bool calls_combine(HeapTuple proc, Oid schema);
static bool text_calls(const char *text, Oid schema);
static bool call_walker(Node *node, Oid *schema);
static bool parsed_calls(const char *body, Oid schema);

void
weir_combine_inline_init(void)
{
	next_needs = needs_fmgr_hook;
	needs_fmgr_hook = needs_call;
}

void
weir_combine_inline_begin(void)
{
	planning++;
}

void
weir_combine_inline_end(void)
{
	planning--;
}

bool
weir_combine_may_inline(Oid fn)
{
	HeapTuple	tuple;
	bool		result;

	if (fn < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

static bool
needs_call(Oid fn)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	Oid			schema;
	bool		result;

	if (next_needs && next_needs(fn))
		return true;
	if (planning == 0 || fn < FirstNormalObjectId)
		return false;
	schema = get_namespace_oid(WEIR_SCHEMA, true);
	if (!OidIsValid(schema))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->prolang == SQLlanguageId && form->proretset &&
		form->provolatile != PROVOLATILE_VOLATILE && calls_combine(tuple, schema);
	ReleaseSysCache(tuple);
	return result;
}

static bool
calls_combine(HeapTuple proc, Oid schema)
{
	bool		isnull;
	Datum		body = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_prosqlbody, &isnull);

	if (!isnull)
		return parsed_calls(TextDatumGetCString(body), schema);
	body = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_prosrc, &isnull);
	return !isnull && text_calls(TextDatumGetCString(body), schema);
}

/* Most texts do not even have the word. */
static bool
text_calls(const char *text, Oid schema)
{
	bool		named = false;
	List	   *statements;

	for (const char *p = text; *p != '\0' && !named; p++)
		named = pg_strncasecmp(p, "combine", strlen("combine")) == 0;
	if (!named)
		return false;

	/* What the planner puts in the place of a call is one SELECT. */
	statements = raw_parser(text, RAW_PARSE_DEFAULT);
	return list_length(statements) == 1 && IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt) &&
		call_walker(linitial_node(RawStmt, statements)->stmt, &schema);
}

static bool
call_walker(Node *node, Oid *schema)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && strcmp(strVal(llast(((FuncCall *) node)->funcname)), "combine") == 0)
	{
		List	   *name = ((FuncCall *) node)->funcname;

		for (FuncCandidateList fn = FuncnameGetCandidates(name, -1, NIL, false, false, false, true); fn; fn = fn->next)
			if (get_func_namespace(fn->oid) == *schema)
				return true;
	}
	return raw_expression_tree_walker(node, call_walker, (void *) schema);
}

static bool
parsed_calls(const char *body, Oid schema)
{
	CatCList   *combines = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("combine"));
	bool		result = false;

	for (int i = 0; i < combines->n_members && !result; i++)
	{
		Oid			fn = ((Form_pg_proc) GETSTRUCT(&combines->members[i]->tuple))->oid;

		result = get_func_namespace(fn) == schema &&
			(strstr(body, psprintf(":aggfnoid %u ", fn)) != NULL || strstr(body, psprintf(":winfnoid %u ", fn)) != NULL);
	}
	ReleaseSysCacheList(combines);
	return result;
}
