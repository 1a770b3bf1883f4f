/*
 * combine_inline.c
 *	  Set-returning functions in SQL that call weir.combine.
 *
 * The planner puts the query of such a function, if it is stable, in the place of its call: past
 * the planner hook, which replaces calls of weir.combine.  So a function that has
 * one is made to be called: its query is planned by itself then, and the hook sees it.
 *
 * The planner asks whether a plug-in wants to see the calls of a function (needs_fmgr_hook), and does
 * not inline those.  That is what this says, while a query is planned, of SQL functions
 * in whose text or parsed body weir.combine may be named.
 */
#include "postgres.h"

#include "view/combine_inline.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/weir.h"
#include "catalog/cont_view.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static needs_fmgr_hook_type next_needs = NULL;
static int	planning = 0;

static bool needs_call(Oid fn);
static bool names_combine(HeapTuple proc);
static bool text_has(Datum body, const char *word);

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
	bool		result;

	if (next_needs && next_needs(fn))
		return true;
	if (planning == 0 || fn < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fn));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->prolang == SQLlanguageId && form->proretset && names_combine(tuple);
	ReleaseSysCache(tuple);
	return result;
}

/* Or something else of that name: then it is called in vain. */
static bool
names_combine(HeapTuple proc)
{
	bool		isnull;
	Datum		body = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_prosqlbody, &isnull);
	CatCList   *combines;
	bool		result = false;

	if (isnull)
	{
		body = SysCacheGetAttr(PROCOID, proc, Anum_pg_proc_prosrc, &isnull);
		return !isnull && text_has(body, "combine");
	}
	combines = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("combine"));
	for (int i = 0; i < combines->n_members && !result; i++)
	{
		Oid			fn = ((Form_pg_proc) GETSTRUCT(&combines->members[i]->tuple))->oid;

		result = get_func_namespace(fn) == weir_schema_oid() &&
			(text_has(body, psprintf(":aggfnoid %u ", fn)) || text_has(body, psprintf(":winfnoid %u ", fn)));
	}
	ReleaseSysCacheList(combines);
	return result;
}

static bool
text_has(Datum body, const char *word)
{
	char	   *string = TextDatumGetCString(body);
	Size		len = strlen(word);
	bool		result = false;

	for (char *p = string; *p != '\0' && !result; p++)
		result = pg_strncasecmp(p, word, len) == 0;
	pfree(string);
	return result;
}
