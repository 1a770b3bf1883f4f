/*
 * create.c
 *	  CREATE VIEW over a stream.
 *
 * Makes, in this order and in the user's transaction: the def view
 * weir.<name>_def, which keeps the query as it was written; the matrel
 * <name>_mrel beside the view, and the values relations <name>_vals1 ... that
 * some aggregates need; the user's view, by giving PostgreSQL the user's
 * statement with the query replaced by one over the matrel; and the row of
 * weir.continuous_view.
 *
 * The def view depends on all that the query names, and the matrel on the def
 * view; the user's view depends on the matrel through its own query.  So
 * whatever is dropped, PostgreSQL says and does what it does for any view.
 * Nothing points back at the user's view: see drop.c.
 *
 * A view created in schema weir is never continuous: a restored dump creates
 * the def views there, and the others over their matrels.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/owner.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "matrel/shape.h"
#include "meta/options.h"
#include "meta/view_changes.h"
#include "process/missing.h"
#include "query/def.h"
#include "query/view_query.h"
#include "read/combine.h"
#include "stream/queue.h"
#include "view/control.h"
#include "view/create.h"
#include "view/def_view.h"
#include "view/define.h"
#include "view/narrow.h"
#include "view/notices.h"
#include "view/replace.h"
#include "view/temporary.h"
#include "view/ttl.h"
#include "view/view_plan.h"

static Query *analyze_view(UtilityCall *call, ViewStmt *stmt);
static void create_cont_view(UtilityCall *call, ViewStmt *stmt, Query *query,
							 ContView *view);
static void create_relations(const ViewPlan *plan, ContView *view);
static void check_workers(ContView *view);
static void check_name(ViewStmt *stmt);
static char *path_of_functions(Query *query);
static bool calls_function_with_body(Node *node, void *context);

bool
weir_create_view(UtilityCall *call)
{
	ViewStmt   *stmt = castNode(ViewStmt, call->pstmt->utilityStmt);
	ContView	view = {0};
	Query	   *query;
	Oid			existing = InvalidOid;
	ContView   *replaced = NULL;

	/* Taken first: rows committed before the statement do not count. */
	weir_queue_position(&view.start_boot, &view.start_seq);

	if (stmt->view->schemaname && strcmp(stmt->view->schemaname, WEIR_SCHEMA) == 0)
	{
		weir_cont_views_touch();
		return false;
	}
	query = analyze_view(call, stmt);
	weir_view_notice_streams_below(query);
	/*
	 * Where it is created, not where it would be found.  What a temporary view
	 * replaces is never continuous.
	 */
	if (stmt->replace && stmt->view->relpersistence != RELPERSISTENCE_TEMP)
		existing = get_relname_relid(stmt->view->relname, RangeVarGetCreationNamespace(stmt->view));
	if (OidIsValid(existing))
		replaced = weir_cont_view_by_view(existing);
	if (query->commandType != CMD_SELECT ||
		!OidIsValid(weir_query_stream(query)))
	{
		if (replaced)
			weir_replace_refuse(replaced->name, "The new query reads no stream.");
		weir_combine_check(query, call->query_string);
		if (query->commandType == CMD_SELECT && weir_narrow_view(call, stmt, query))
			return true;
		weir_view_options_refuse(stmt->options);
		return false;
	}
	if (replaced)
	{
		weir_refuse_restored(replaced);
		weir_replace_view(call, stmt, query, replaced);
		return true;
	}
	if (OidIsValid(existing))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be replaced by a continuous view", stmt->view->relname),
				 errhint("Create the view under another name, or drop \"%s\" first.", stmt->view->relname)));
	view.streams = weir_query_streams(query);
	create_cont_view(call, stmt, query, &view);
	return true;
}

void
weir_refuse_table_as(CreateTableAsStmt *stmt)
{
	bool		is_table = stmt->objtype == OBJECT_TABLE && !stmt->is_select_into;

	if (!IsA(stmt->query, Query) || !OidIsValid(weir_query_stream((Query *) stmt->query)))
		return;

	/* Its columns are known. */
	if (is_table && stmt->into->skipData)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot read a stream",
					stmt->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW" :
					stmt->is_select_into ? "SELECT INTO" : "CREATE TABLE AS"),
			 is_table ? errhint("Use CREATE VIEW: a view over a stream is kept up to date as rows arrive. For an empty table with these columns, add WITH NO DATA.") :
			 errhint("Use CREATE VIEW: a view over a stream is kept up to date as rows arrive.")));
}

static Query *
analyze_view(UtilityCall *call, ViewStmt *stmt)
{
	RawStmt    *raw = makeNode(RawStmt);
	StarHint	hint;
	Query	   *query;

	raw->stmt = copyObject(stmt->query);
	raw->stmt_location = call->pstmt->stmt_location;
	raw->stmt_len = call->pstmt->stmt_len;
	weir_star_hint_begin(&hint, stmt->query);
	query = parse_analyze_fixedparams(raw, call->query_string, NULL, 0, NULL);
	weir_star_hint_end(&hint);
	return query;
}

static void
create_cont_view(UtilityCall *call, ViewStmt *stmt, Query *query, ContView *view)
{
	ViewPlan	plan;
	const GivenOptions *given = &plan.given;

	weir_view_plan_begin(&plan, stmt, query, NULL);
	check_name(plan.stmt);
	view->path = path_of_functions(query);
	weir_view_plan_analyze(&plan, call->query_string);
	weir_view_notices(plan.def, stmt->query, plan.cq, given->ttl || given->sw, call->query_string);
	weir_view_plan_settle(&plan);

	view->defid = weir_def_view_create(stmt->view->relname, plan.query);
	weir_view_refuse_temporary(view->defid, stmt->query, call->query_string);
	weir_view_plan_stored(&plan, view->defid);
	weir_view_plan_check_rights(&plan, call->query_string);
	view->options = plan.options;
	create_relations(&plan, view);

	plan.stmt->replace = false;
	weir_view_define(call, plan.stmt, weir_view_query_build(plan.cq, plan.def, view));
	CommandCounterIncrement();

	view->viewid = RangeVarGetRelid(plan.stmt->view, NoLock, false);
	if (OidIsValid(view->options.late_stream))
		weir_depend_on(view->viewid, view->options.late_stream, DEPENDENCY_NORMAL);
	if (given->ttl)
		weir_ttl_give(view, plan.cq, given->ttl, given->ttl_column);
	weir_cont_view_insert(view);
	weir_guard_describe(view);
	check_workers(view);
}

/* The matrel and the values relations. */
static void
create_relations(const ViewPlan *plan, ContView *view)
{
	const RangeVar *name = plan->stmt->view;
	const char *tablespace = plan->given.tablespace;

	view->matrelid = weir_matrel_create(name, plan->cq, &view->options, tablespace);
	weir_depend_on(view->matrelid, view->defid, DEPENDENCY_AUTO);
	for (int i = 0; i < list_length(plan->cq->values); i++)
	{
		view->values[i] = weir_values_create(name, plan->cq, &view->options, i, tablespace);
		view->nvalues++;
		weir_depend_on(view->values[i], view->defid, DEPENDENCY_AUTO);
		weir_depend_on(view->matrelid, view->values[i], DEPENDENCY_NORMAL);
	}
}

/*
 * Without workers the view stays as it is: say so at once, and not only in the
 * server's log.
 */
static void
check_workers(ContView *view)
{
	ListCell   *lc;

	weir_missing_warn();
	foreach(lc, view->streams)
		if (weir_options_is_kafka_server(GetForeignTable(lfirst_oid(lc))->serverid))
			weir_missing_check_at_commit(lfirst_oid(lc));
}

static void
check_name(ViewStmt *stmt)
{
	/* Also checks the right to create there. */
	stmt->view->schemaname = get_namespace_name(RangeVarGetCreationNamespace(stmt->view));
	RangeVarGetAndCheckCreationNamespace(stmt->view, NoLock, NULL);
	if (OidIsValid(get_relname_relid(stmt->view->relname,
									 get_namespace_oid(stmt->view->schemaname, false))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", stmt->view->relname)));
}

/*
 * The view keeps the search_path that it was created with, as functions with a
 * SET clause do.  Who has functions that look into it is told of schemas that
 * are left out.
 */
static char *
path_of_functions(Query *query)
{
	List	   *left_out;
	char	   *path = weir_owner_path(GetUserId(), &left_out);
	ListCell   *lc;

	if (left_out != NIL && !calls_function_with_body((Node *) query, NULL))
		left_out = NIL;
	foreach(lc, left_out)
		ereport(NOTICE,
				(errmsg("functions of the view will not search schema \"%s\", in which others may create objects",
						(char *) lfirst(lc)),
				 errhint("Functions that need it can name the schema, or have it in a SET search_path clause.")));
	return path;
}

/* Has the function a body with names that are looked for? */
static bool
has_body(Oid funcid, void *context)
{
	HeapTuple	tuple;
	Oid			language;

	if (funcid < FirstNormalObjectId || get_func_namespace(funcid) == weir_schema_oid())
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language != INTERNALlanguageId && language != ClanguageId;
}

static bool
calls_function_with_body(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_function_with_body, context, 0);

	/*
	 * Of an aggregate it is its functions that count: one that users made has
	 * some.
	 */
	if (IsA(node, Aggref) && ((Aggref *) node)->aggfnoid >= FirstNormalObjectId &&
		get_func_namespace(((Aggref *) node)->aggfnoid) != weir_schema_oid())
		return true;
	return check_functions_in_node(node, has_body, context) ||
		expression_tree_walker(node, calls_function_with_body, context);
}
