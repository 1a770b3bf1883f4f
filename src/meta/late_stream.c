/*
 * late_stream.c
 *	  Streams that late rows are diverted to: view option late_stream.
 *
 * Used by DDL, which checks that the rows fit, and by workers, which make them
 * (intake/divert.c) by the same map.
 *
 * From views over a stream to the streams that they divert to there is no way
 * back.  CREATE VIEW sees to that, one at a time: a lock on the option keeps
 * another one from adding the other half of a circle meanwhile.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/weir.h"
#include "meta/late_stream.h"
#include "meta/options.h"

static void check_circle(ParseState *pstate, DefElem *option, Oid sourceid, Oid targetid);
static void check_columns(ParseState *pstate, DefElem *option, Oid sourceid, Oid targetid);
static bool leads_to(List *views, Oid from, Oid to);
static char *problem_of(Oid sourceid, Oid targetid);
static void check_still_fits(ContView *view, Oid sourceid);

Oid
weir_late_stream_find(ParseState *pstate, DefElem *option, List *sources)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(defGetString(option)));
	Oid			targetid = RangeVarGetRelid(makeRangeVarFromNameList(names), AccessShareLock, false);
	AclResult	acl;
	ListCell   *lc;

	if (!weir_relation_is_stream(targetid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a stream", get_rel_name(targetid)),
				 errhint("Late rows go to a stream on server weir, or without option \"late_stream\" to weir.late_rows."),
				 parser_errposition(pstate, option->location)));
	if (weir_options_is_kafka_server(GetForeignTable(targetid)->serverid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("late rows cannot be diverted to stream \"%s\"", get_rel_name(targetid)),
				 errdetail("Its rows come from a Kafka topic."),
				 errhint("Divert them to a stream on server weir."),
				 parser_errposition(pstate, option->location)));
	acl = pg_class_aclcheck(targetid, GetUserId(), ACL_INSERT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_TABLE, get_rel_name(targetid));

	LockDatabaseObject(RelationRelationId, weir_catalog_relid("continuous_view"), 1, ExclusiveLock);
	foreach(lc, sources)
	{
		check_circle(pstate, option, lfirst_oid(lc), targetid);
		check_columns(pstate, option, lfirst_oid(lc), targetid);
	}
	return targetid;
}

static void
check_circle(ParseState *pstate, DefElem *option, Oid sourceid, Oid targetid)
{
	if (sourceid == targetid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("late rows of stream \"%s\" cannot be diverted to the stream itself", get_rel_name(targetid)),
				 errdetail("They would be late again."),
				 errhint("Create another stream for them."),
				 parser_errposition(pstate, option->location)));
	if (leads_to(weir_cont_views(), targetid, sourceid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("late rows of stream \"%s\" cannot be diverted to stream \"%s\"",
						get_rel_name(sourceid), get_rel_name(targetid)),
				 errdetail("Late rows of stream \"%s\" are diverted to stream \"%s\", by this or further views.",
						   get_rel_name(targetid), get_rel_name(sourceid)),
				 errhint("Create another stream for them."),
				 parser_errposition(pstate, option->location)));
}

static void
check_columns(ParseState *pstate, DefElem *option, Oid sourceid, Oid targetid)
{
	char	   *problem = problem_of(sourceid, targetid);

	if (problem)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rows of stream \"%s\" cannot be diverted to stream \"%s\"",
						get_rel_name(sourceid), get_rel_name(targetid)),
				 errdetail("%s", problem),
				 errhint("It needs the columns of \"%s\", of the same names and types.", get_rel_name(sourceid)),
				 parser_errposition(pstate, option->location)));
}

/* There are no circles yet, so this ends. */
static bool
leads_to(List *views, Oid from, Oid to)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);
		Oid			next = view->options.late_stream;

		if (OidIsValid(next) && weir_cont_view_reads(view, from) &&
			(next == to || leads_to(views, next, to)))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------
 * Columns
 * --------------------------------------------------------------------- */

static int
find_column(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	return -1;
}

/* A row keeps all its columns: those of the source are all in the target. */
static char *
lost_column(Oid sourceid, TupleDesc source, Oid targetid, TupleDesc target)
{
	for (int i = 0; i < source->natts; i++)
	{
		Form_pg_attribute from = TupleDescAttr(source, i);
		Form_pg_attribute to;
		int			n;

		if (from->attisdropped)
			continue;
		n = find_column(target, NameStr(from->attname));
		if (n < 0)
			return psprintf("Stream \"%s\" has no column \"%s\".", get_rel_name(targetid), NameStr(from->attname));
		to = TupleDescAttr(target, n);
		if (to->atttypid != from->atttypid || (to->atttypmod >= 0 && to->atttypmod != from->atttypmod))
			return psprintf("Column \"%s\" is of type %s in stream \"%s\", and of type %s in stream \"%s\".",
							NameStr(from->attname),
							format_type_with_typemod(from->atttypid, from->atttypmod), get_rel_name(sourceid),
							format_type_with_typemod(to->atttypid, to->atttypmod), get_rel_name(targetid));
	}
	return NULL;
}

int *
weir_late_stream_map(Oid sourceid, TupleDesc source, Oid targetid, TupleDesc target, char **problem)
{
	int		   *map = palloc(sizeof(int) * Max(target->natts, 1));

	*problem = lost_column(sourceid, source, targetid, target);
	for (int i = 0; i < target->natts && *problem == NULL; i++)
	{
		Form_pg_attribute to = TupleDescAttr(target, i);
		int			n;

		map[i] = LATE_COLUMN_NONE;
		if (to->attisdropped || to->attgenerated)
			continue;
		n = find_column(source, NameStr(to->attname));
		map[i] = n >= 0 ? n : LATE_COLUMN_DEFAULT;
		if (n < 0 && to->attnotnull && !to->atthasdef)
			*problem = psprintf("Column \"%s\" of stream \"%s\" must not be NULL and has no default, and stream \"%s\" has no such column.",
								NameStr(to->attname), get_rel_name(targetid), get_rel_name(sourceid));
	}
	return *problem ? NULL : map;
}

static char *
problem_of(Oid sourceid, Oid targetid)
{
	Relation	source = table_open(sourceid, AccessShareLock);
	Relation	target = table_open(targetid, AccessShareLock);
	char	   *problem;

	(void) weir_late_stream_map(sourceid, RelationGetDescr(source), targetid, RelationGetDescr(target), &problem);
	table_close(target, NoLock);
	table_close(source, NoLock);
	return problem;
}

void
weir_late_stream_check_columns(RangeVar *changed)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);
		ListCell   *source;
		Oid			relid;

		if (!OidIsValid(view->options.late_stream) || !weir_relation_is_stream(view->options.late_stream))
			continue;

		/*
		 * Columns of a stream that inherits change with those of its parent.
		 */
		if (relids == NIL)
		{
			relid = RangeVarGetRelid(changed, NoLock, true);
			if (!OidIsValid(relid))
				return;
			relids = find_all_inheritors(relid, NoLock, NULL);
		}
		foreach(source, view->streams)
			if (list_member_oid(relids, lfirst_oid(source)) || list_member_oid(relids, view->options.late_stream))
				check_still_fits(view, lfirst_oid(source));
	}
}

static void
check_still_fits(ContView *view, Oid sourceid)
{
	Oid			targetid = view->options.late_stream;
	char	   *problem = problem_of(sourceid, targetid);

	if (problem)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("view %s could not divert late rows of stream \"%s\" to stream \"%s\" any more",
						view->name, get_rel_name(sourceid), get_rel_name(targetid)),
				 errdetail("%s", problem),
				 errhint("Add a column to stream \"%s\" first, and drop one from it last.", get_rel_name(targetid))));
}
