/*
 * control.c
 *	  weir.activate, weir.deactivate and weir.truncate.
 *
 * Each takes a view by name, belongs to its owner, and takes effect with the
 * transaction that calls it.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/weir.h"
#include "flush/wait.h"
#include "matrel/guard.h"
#include "matrel/shape.h"
#include "meta/cont_view.h"
#include "process/launcher.h"
#include "query/def.h"
#include "query/split.h"
#include "stream/queue.h"
#include "view/control.h"

WEIR_FUNCTION(weir_activate);
WEIR_FUNCTION(weir_deactivate);
WEIR_FUNCTION(weir_truncate);

static void truncate_relations(const ContView *view);
static RangeVar *relation_name(Oid relid);

/* Count rows again, from now on; also what was suspended. */
Datum
weir_activate(PG_FUNCTION_ARGS)
{
	ContView	view = weir_owned_view(PG_GETARG_OID(0));
	int64		boot;
	int64		seq;

	if (view.state == CONT_VIEW_ACTIVE)
		PG_RETURN_VOID();
	weir_queue_position(&boot, &seq);
	weir_cont_view_set_position(view.defid, boot, seq);
	weir_cont_view_set_state(view.defid, CONT_VIEW_ACTIVE, NULL);
	weir_guard_describe(&view);
	weir_launcher_changed_at_commit();
	PG_RETURN_VOID();
}

/* Let rows pass by. */
Datum
weir_deactivate(PG_FUNCTION_ARGS)
{
	ContView	view = weir_owned_view(PG_GETARG_OID(0));

	weir_cont_view_set_state(view.defid, CONT_VIEW_INACTIVE, NULL);
	weir_guard_describe(&view);
	weir_launcher_changed_at_commit();
	PG_RETURN_VOID();
}

/* Empty a view: what was committed before the call counts no more. */
Datum
weir_truncate(PG_FUNCTION_ARGS)
{
	ContView	view = weir_owned_view(PG_GETARG_OID(0));
	ContQuery  *cq;
	int64		boot;
	int64		seq;

	weir_queue_position(&boot, &seq);
	weir_flush_wait(view.defid);
	truncate_relations(&view);
	cq = weir_cont_query_build(weir_def_query(view.defid), &view.options, NULL);
	if (cq->ungrouped && cq->nkeys == 0)
		weir_matrel_insert_initial(view.matrelid, cq);
	weir_cont_view_set_position(view.defid, boot, seq);
	PG_RETURN_VOID();
}

/* A copy: what follows may rebuild the cache. */
ContView
weir_owned_view(Oid relid)
{
	ContView   *view = weir_cont_view_by_view(relid);

	if (view == NULL && get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (view == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous view", get_rel_name(relid))));
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, get_rel_name(relid));
	weir_refuse_restored(view);
	return *view;
}

void
weir_refuse_restored(const ContView *view)
{
	if (view->state == CONT_VIEW_RESTORED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("continuous view %s is being restored, or was not restored as a whole", view->name),
				 errhint("If the restore has ended, SELECT * FROM weir.adopt() says what is missing.")));
}

static void
truncate_relations(const ContView *view)
{
	TruncateStmt *stmt = makeNode(TruncateStmt);

	stmt->relations = list_make1(relation_name(view->matrelid));
	for (int i = 0; i < view->nvalues; i++)
		stmt->relations = lappend(stmt->relations, relation_name(view->values[i]));
	stmt->behavior = DROP_RESTRICT;
	weir_matrel_writable = view->defid;
	PG_TRY();
	{
		ExecuteTruncate(stmt);
	}
	PG_FINALLY();
	{
		weir_matrel_writable = InvalidOid;
	}
	PG_END_TRY();
	CommandCounterIncrement();
}

static RangeVar *
relation_name(Oid relid)
{
	return makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);
}
