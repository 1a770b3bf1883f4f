/*
 * guard.c
 *	  The statement trigger of matrels and values relations.
 *
 * It refuses writes by users.  The flush worker writes below the level of
 * triggers; a dump loads a table before it makes the table's triggers.
 */
#include "matrel/guard.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/weir.h"
#include "catalog/cont_view.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

Oid			weir_matrel_writable = InvalidOid;

WEIR_FUNCTION(weir_refuse_write);

void
weir_guard_create(Oid matrelid)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);

	stmt->trigname = "weir_refuse_write";
	stmt->relation = makeRangeVar(get_namespace_name(get_rel_namespace(matrelid)),
								  get_rel_name(matrelid), -1);
	stmt->funcname = list_make2(makeString(WEIR_SCHEMA), makeString("refuse_write"));
	stmt->row = false;
	stmt->timing = TRIGGER_TYPE_BEFORE;
	stmt->events = TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE |
		TRIGGER_TYPE_DELETE | TRIGGER_TYPE_TRUNCATE;
	CreateTrigger(stmt, NULL, matrelid, InvalidOid, InvalidOid, InvalidOid,
				  InvalidOid, InvalidOid, NULL, false, false);
	CommandCounterIncrement();
}

/* Statement trigger of every matrel. */
Datum
weir_refuse_write(PG_FUNCTION_ARGS)
{
	Relation	rel;
	ContView   *view;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("weir.refuse_write must be called as a trigger")));
	rel = ((TriggerData *) fcinfo->context)->tg_relation;
	view = weir_cont_view_by_matrel(rel->rd_rel->relispartition ?
									get_partition_parent(RelationGetRelid(rel), true) :
									RelationGetRelid(rel));

	/* It is being restored; or a partition was detached. */
	if (view == NULL || view->state == CONT_VIEW_RESTORED ||
		view->defid == weir_matrel_writable)
		PG_RETURN_POINTER(NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot change materialization table \"%s\" of continuous view \"%s\"",
					RelationGetRelationName(rel), view->name),
			 errhint("Insert into the view's stream, or call weir.truncate to start the view over.")));
}
