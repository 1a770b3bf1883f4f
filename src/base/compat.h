/*
 * compat.h
 *	  Every difference between PostgreSQL 15 and 18 that Weir meets.
 *
 * Call sites use the newest form; older servers get it emulated here.  This is
 * the only file that looks at PG_VERSION_NUM.
 */
#ifndef WEIR_BASE_COMPAT_H
#define WEIR_BASE_COMPAT_H

#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "Weir needs PostgreSQL 15 or later"
#endif

/*
 * The form in which the serialize functions of PostgreSQL's aggregates give
 * their states, which matrels keep: the same from 15 to 18.  A version that
 * changes any of them gets another number here, and what reads the former one.
 * sql/view_upgrade.sql has states of 15.
 */
#define WEIR_STATE_VERSION 1

/*
 * 16: update_indexes became an enum, ExecInsertIndexTuples got
 * onlySummarizing.
 */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes WeirUpdateIndexes;
#define WEIR_NO_INDEX_UPDATE TU_None
#define weir_insert_index_tuples(rri, slot, estate, update, which) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL, (which) == TU_Summarizing)
#define weir_needs_index_update(which) ((which) != TU_None)
#define WEIR_ALL_INDEXES TU_All
#else
typedef bool WeirUpdateIndexes;
#define WEIR_NO_INDEX_UPDATE false
#define weir_insert_index_tuples(rri, slot, estate, update, which) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL)
#define weir_needs_index_update(which) (which)
#define WEIR_ALL_INDEXES true
#endif

/* 17: another name. */
#ifndef PG_WAIT_BUFFER_PIN
#define PG_WAIT_BUFFER_PIN PG_WAIT_BUFFERPIN
#endif

/* 18: index_beginscan takes instrumentation. */
#if PG_VERSION_NUM >= 180000
#define weir_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define weir_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/*
 * 17: a setting more that ends transactions; an element of a list of settings.
 */
#if PG_VERSION_NUM >= 170000
#define WEIR_TRANSACTION_TIMEOUT(value) {"transaction_timeout", value},
#else
#define WEIR_TRANSACTION_TIMEOUT(value)
#endif

/* 16: how a table is partitioned is no longer a name in the raw statement. */
#if PG_VERSION_NUM >= 160000
#define weir_partition_by_range(spec) ((spec)->strategy = PARTITION_STRATEGY_RANGE)
#else
#define weir_partition_by_range(spec) ((spec)->strategy = pstrdup("range"))
#endif

/* 17: extensions name their wait events. */
#if PG_VERSION_NUM >= 170000
#define weir_wait_event_new(name) WaitEventExtensionNew(name)
#else
#define weir_wait_event_new(name) PG_WAIT_EXTENSION
#endif

/* 17: a process's number moved from PGPROC to a global. */
#if PG_VERSION_NUM >= 170000
#define weir_my_proc_number() ((int) MyProcNumber)
#else
#define weir_my_proc_number() (MyProc->pgprocno)
#endif

/* 17: and a virtual transaction is told by it. */
#if PG_VERSION_NUM >= 170000
#define weir_vxid_proc(vxid) ((vxid).procNumber != INVALID_PROC_NUMBER ? ProcNumberGetProc((vxid).procNumber) : NULL)
#define weir_proc_lxid(proc) ((proc)->vxid.lxid)
#else
#define weir_vxid_proc(vxid) ((vxid).backendId != InvalidBackendId ? BackendIdGetProc((vxid).backendId) : NULL)
#define weir_proc_lxid(proc) ((proc)->lxid)
#endif

/*
 * The process that runs a virtual transaction; 0: it is prepared, or has
 * ended.
 */
static inline int
weir_vxid_pid(VirtualTransactionId vxid)
{
	PGPROC	   *proc = weir_vxid_proc(vxid);

	return proc && weir_proc_lxid(proc) == vxid.localTransactionId ? proc->pid : 0;
}

/* 18: EXPLAIN and executor hooks aside, ExecutorRun lost execute_once. */
#if PG_VERSION_NUM >= 180000
#define weir_executor_run(qd, once) ExecutorRun(qd, ForwardScanDirection, 0)
#else
#define weir_executor_run(qd, once) ExecutorRun(qd, ForwardScanDirection, 0, once)
#endif

/* 16: VARATT_* and VARDATA moved to a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 17 and 18: more arguments of create_foreignscan_path. */
#if PG_VERSION_NUM >= 180000
#define weir_create_foreignscan_path(root, rel, rows, startup, total) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define weir_create_foreignscan_path(root, rel, rows, startup, total) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, (rel)->lateral_relids, NULL, NIL, NIL)
#else
#define weir_create_foreignscan_path(root, rel, rows, startup, total) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, (rel)->lateral_relids, NULL, NIL)
#endif

/* 18: pg_noreturn comes first in a declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18: a minimal tuple may have room before it, which nobody here asks for. */
#if PG_VERSION_NUM < 180000
#define heap_form_minimal_tuple(desc, values, isnull, extra) \
	(AssertMacro((extra) == 0), heap_form_minimal_tuple(desc, values, isnull))
#endif

/*
 * 16: PG_FUNCTION_INFO_V1 exports the function as well as its record.  Use
 * this in its place.
 */
#define WEIR_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* 17: intervals may be infinite: 1, -1; 0 for others. */
static inline int
weir_interval_infinity(const Interval *interval)
{
#if PG_VERSION_NUM >= 170000
	return INTERVAL_IS_NOEND(interval) ? 1 : INTERVAL_IS_NOBEGIN(interval) ? -1 : 0;
#else
	return 0;
#endif
}

static inline void
weir_interval_make_infinite(Interval *interval, bool positive)
{
#if PG_VERSION_NUM >= 170000
	if (positive)
		INTERVAL_NOEND(interval);
	else
		INTERVAL_NOBEGIN(interval);
#else
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("this version of PostgreSQL has no infinite intervals")));
#endif
}

/* 16: one function checks the ownership of every kind of object. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(classid, objid, roleid) \
	((classid) == DatabaseRelationId ? pg_database_ownercheck(objid, roleid) : \
	 pg_class_ownercheck(objid, roleid))
#define object_aclcheck(classid, objid, roleid, mode) \
	(AssertMacro((classid) == ProcedureRelationId), pg_proc_aclcheck(objid, roleid, mode))
#endif

/* 16: join alias expansion takes the planner's state, NULL before planning. */
#if PG_VERSION_NUM >= 160000
#define weir_flatten_join_alias_vars(query, node) flatten_join_alias_vars(NULL, query, node)
#else
#define weir_flatten_join_alias_vars(query, node) flatten_join_alias_vars(query, node)
#endif

/* 16: what to check of a query's relations is in a list of its own. */
#if PG_VERSION_NUM >= 160000
#define weir_take_perminfos(query, pstate) ((query)->rteperminfos = (pstate)->p_rteperminfos)
#else
#define weir_take_perminfos(query, pstate) ((void) 0)
#endif

/* 16: DefineIndex takes the number of partitions to report progress on. */
#if PG_VERSION_NUM >= 160000
#define weir_define_index(relid, stmt) \
	DefineIndex(relid, stmt, InvalidOid, InvalidOid, InvalidOid, -1, false, true, true, false, true)
#else
#define weir_define_index(relid, stmt) \
	DefineIndex(relid, stmt, InvalidOid, InvalidOid, InvalidOid, false, true, true, false, true)
#endif

/*
 * 18: GROUP BY expressions of an analysed query are Vars of an RTE of their
 * own, the last of the range table.  This puts the expressions back in place.
 */
static inline void
weir_flatten_group_rte(Query *query)
{
#if PG_VERSION_NUM >= 180000
	RangeTblEntry *group;
	ListCell   *lc;

	if (!query->hasGroupRTE)
		return;

	/* Vars have lost where they were, what they stand for has not. */
	group = llast_node(RangeTblEntry, query->rtable);
	foreach(lc, query->targetList)
	{
		Var		   *var = (Var *) lfirst_node(TargetEntry, lc)->expr;

		if (IsA(var, Var) && var->varno == list_length(query->rtable) && var->location < 0)
			var->location = exprLocation(list_nth(group->groupexprs, var->varattno - 1));
	}
	query->targetList = (List *) flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	query->rtable = list_delete_last(query->rtable);
	query->hasGroupRTE = false;
#endif
}

/*
 * 17: the JSON lexer takes const text, and a context to fill instead of
 * allocating one.
 */
#if PG_VERSION_NUM >= 170000
#define weir_json_lex_create(json, len, need_escapes) \
	makeJsonLexContextCstringLen(NULL, json, len, GetDatabaseEncoding(), need_escapes)
#else
#define weir_json_lex_create(json, len, need_escapes) \
	makeJsonLexContextCstringLen(unconstify(char *, json), len, GetDatabaseEncoding(), need_escapes)
#endif

/*
 * 16: the JSON lexer tells escapes that the database's encoding has no
 * character for.
 */
#if PG_VERSION_NUM >= 160000
#define weir_json_error_is_untranslatable(error) \
	((error) == JSON_UNICODE_CODE_POINT_ZERO || (error) == JSON_UNICODE_HIGH_ESCAPE || \
	 (error) == JSON_UNICODE_UNTRANSLATABLE)
#else
#define weir_json_error_is_untranslatable(error) \
	((error) == JSON_UNICODE_CODE_POINT_ZERO || (error) == JSON_UNICODE_HIGH_ESCAPE)
#endif

/* 18: a rule's result relation is told apart. */
#if PG_VERSION_NUM >= 180000
#define weir_replace_vars(node, varno, rte, tlist) \
	ReplaceVarsFromTargetList(node, varno, 0, rte, tlist, 0, REPLACEVARS_REPORT_ERROR, 0, NULL)
#else
#define weir_replace_vars(node, varno, rte, tlist) \
	ReplaceVarsFromTargetList(node, varno, 0, rte, tlist, REPLACEVARS_REPORT_ERROR, 0, NULL)
#endif

/*
 * 16: as the range tables, the permission lists of two queries are put
 * together.
 */
#if PG_VERSION_NUM >= 160000
#define weir_prepend_rtable(query, other) \
	do { \
		CombineRangeTables(&(other)->rtable, &(other)->rteperminfos, \
						   (query)->rtable, (query)->rteperminfos); \
		(query)->rtable = (other)->rtable; \
		(query)->rteperminfos = (other)->rteperminfos; \
	} while (0)
#else
#define weir_prepend_rtable(query, other) \
	((query)->rtable = list_concat((other)->rtable, (query)->rtable))
#endif

/*
 * 18: what an operator means is said in terms that are not btree's; the
 * numbers stayed.
 */
#if PG_VERSION_NUM >= 180000
typedef OpIndexInterpretation WeirOpInterpretation;
#define weir_op_interpretations(opno) get_op_index_interpretation(opno)
#define weir_op_strategy(interpretation) ((int) (interpretation)->cmptype)
#else
typedef OpBtreeInterpretation WeirOpInterpretation;
#define weir_op_interpretations(opno) get_op_btree_interpretation(opno)
#define weir_op_strategy(interpretation) ((interpretation)->strategy)
#endif

/* 16: a subquery in the range table has no permissions of its own. */
static inline void
weir_rte_becomes_subquery(RangeTblEntry *rte, Query *subquery)
{
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->relid = InvalidOid;
	rte->relkind = 0;
	rte->rellockmode = 0;
#if PG_VERSION_NUM >= 160000
	rte->perminfoindex = 0;
#else
	rte->requiredPerms = 0;
#endif
}

/*
 * 16: the rewriter leaves the view's OID with the subquery that it puts in the
 * view's place; before, the rule's OLD entry, the first one, tells it.
 */
static inline Oid
weir_rte_view(RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	return rte->relid;
#else
	RangeTblEntry *old = rte->subquery->rtable ? linitial(rte->subquery->rtable) : NULL;

	return old && old->rtekind == RTE_RELATION && old->relkind == RELKIND_VIEW ? old->relid : InvalidOid;
#endif
}

/* 16: columns that a query reads are noted apart from the range table. */
static inline void
weir_add_selected_column(Query *query, RangeTblEntry *rte, AttrNumber attno)
{
	int			bit = attno - FirstLowInvalidHeapAttributeNumber;

#if PG_VERSION_NUM >= 160000
	RTEPermissionInfo *info = getRTEPermissionInfo(query->rteperminfos, rte);

	info->selectedCols = bms_add_member(info->selectedCols, bit);
#else
	rte->selectedCols = bms_add_member(rte->selectedCols, bit);
#endif
}

/*
 * 16: the same.  Rights on an entry are checked of whom those on another entry
 * are.
 */
static inline void
weir_check_as(Query *query, RangeTblEntry *rte, Query *other_query, RangeTblEntry *other)
{
#if PG_VERSION_NUM >= 160000
	getRTEPermissionInfo(query->rteperminfos, rte)->checkAsUser =
		getRTEPermissionInfo(other_query->rteperminfos, other)->checkAsUser;
#else
	rte->checkAsUser = other->checkAsUser;
#endif
}

/*
 * 16: JSON_ARRAYAGG and JSON_OBJECTAGG are a node around the aggregate.  The
 * aggregate, cast to the type asked for, in its place; other nodes as they
 * are.
 */
#if PG_VERSION_NUM >= 160000
static inline Node *
weir_replace_case_test(Node *node, void *value)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return (Node *) copyObject(value);
	return expression_tree_mutator(node, weir_replace_case_test, value);
}

static inline Node *
weir_json_constructor_expr(Node *node)
{
	JsonConstructorExpr *json = (JsonConstructorExpr *) node;

	if (!IsA(node, JsonConstructorExpr) || json->func == NULL || !IsA(json->func, Aggref))
		return node;
	if (json->coercion == NULL)
		return (Node *) json->func;
	return weir_replace_case_test((Node *) json->coercion, json->func);
}
#else
#define weir_json_constructor_expr(node) (node)
#endif

/*
 * All settings there are (utils/guc_tables.h), and how many.  16: the list is
 * made when it is asked for.
 */
#if PG_VERSION_NUM >= 160000
#define weir_guc_variables(n) get_guc_variables(n)
#else
#define weir_guc_variables(n) (*(n) = GetNumConfigOptions(), get_guc_variables())
#endif

/* 16: errors of a type's name can be left to the caller. */
#if PG_VERSION_NUM >= 160000
#define weir_type_of_name(name, type, typmod) ((void) parseTypeString(name, type, typmod, NULL))
#else
#define weir_type_of_name(name, type, typmod) parseTypeString(name, type, typmod, false)
#endif

/* 16: so can those of a qualified name. */
#if PG_VERSION_NUM >= 160000
#define weir_qualified_name_list(name) stringToQualifiedNameList(name, NULL)
#else
#define weir_qualified_name_list(name) stringToQualifiedNameList(name)
#endif

#endif
