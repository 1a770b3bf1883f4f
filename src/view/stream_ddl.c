/*
 * stream_ddl.c
 *	  What is special about streams in utility statements: the column
 *	  arrival_timestamp, that rows in flight have the stream's row type, and
 *	  that rows of Kafka come without INSERT.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/weir.h"
#include "meta/cont_view.h"
#include "meta/event_options.h"
#include "meta/late_stream.h"
#include "meta/options.h"
#include "source/offsets.h"
#include "view/stream_ddl.h"

static bool declares_arrival(CreateStmt *stmt);
static bool stream_named(RangeVar *name, Oid *relid);

/* Append arrival_timestamp when it is not declared. */
void
weir_stream_create(UtilityCall *call)
{
	CreateForeignTableStmt *stmt = castNode(CreateForeignTableStmt, call->pstmt->utilityStmt);
	ForeignServer *server = GetForeignServerByName(stmt->servername, true);
	ColumnDef  *column;

	if (server == NULL || !weir_server_is_weir(server->serverid) ||
		stmt->base.partbound || declares_arrival(&stmt->base))
		return;
	stmt = copyObject(stmt);
	column = makeColumnDef(WEIR_ARRIVAL_COLUMN, TIMESTAMPTZOID, -1, InvalidOid);
	column->location = -1;
	stmt->base.tableElts = lappend(stmt->base.tableElts, column);
	weir_statement_replace(call, (Node *) stmt);
}

/* COPY stream FROM without a column list leaves out arrival_timestamp. */
void
weir_stream_copy(UtilityCall *call)
{
	CopyStmt   *stmt = castNode(CopyStmt, call->pstmt->utilityStmt);
	Oid			relid;
	Relation	rel;

	if (!stmt->is_from || stmt->relation == NULL || stmt->attlist != NIL ||
		!stream_named(stmt->relation, &relid))
		return;
	stmt = copyObject(stmt);
	rel = table_open(relid, AccessShareLock);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped && !att->attgenerated &&
			strcmp(NameStr(att->attname), WEIR_ARRIVAL_COLUMN) != 0)
			stmt->attlist = lappend(stmt->attlist, makeString(pstrdup(NameStr(att->attname))));
	}
	table_close(rel, AccessShareLock);
	weir_statement_replace(call, (Node *) stmt);
}

/*
 * The stream whose column types change with those of a relation: itself, or a
 * child (a stream may inherit from a table, or be a partition of one).
 */
static Oid
stream_below(RangeVar *relation)
{
	Oid			relid = RangeVarGetRelid(relation, AccessShareLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return InvalidOid;
	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
		if (weir_relation_is_stream(lfirst_oid(lc)))
			return lfirst_oid(lc);
	return InvalidOid;
}

static void
refuse_type_change(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid			relid = cmd->subtype == AT_AlterColumnType ?
			stream_below(stmt->relation) : InvalidOid;

		if (OidIsValid(relid))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot alter the type of column \"%s\" of stream \"%s\"",
							cmd->name, get_rel_name(relid)),
					 errdetail("Rows on their way to the views have the old type."),
					 errhint("Add a column of the new type, or create another stream.")));
	}
}

/*
 * Which windows are closed, and what those views show, goes by the stream's
 * event time: it cannot be taken from under them.
 */
static void
check_event_time_stays(Oid relid, List *options)
{
	StringInfoData views;
	int			n = 0;
	bool		touched = false;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		touched |= strcmp(option->defname, "event_time") == 0 && option->defaction != DEFELEM_ADD;
	}
	if (!touched)
		return;
	initStringInfo(&views);
	foreach(lc, weir_cont_views())
	{
		ContView   *view = lfirst(lc);

		if (weir_cont_view_reads(view, relid) &&
			(view->options.final || view->options.late != LATE_UPDATE))
			appendStringInfo(&views, "%sview %s depends on option event_time of stream %s",
							 n++ > 0 ? "\n" : "", view->name, get_rel_name(relid));
	}
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot change option \"event_time\" of stream \"%s\" because other objects depend on it",
						get_rel_name(relid)),
				 errdetail("%s", views.data),
				 errhint("Drop these views first.")));
}

void
weir_stream_check_alter(AlterTableStmt *stmt)
{
	Oid			relid;
	ListCell   *lc;

	refuse_type_change(stmt);
	if (!stream_named(stmt->relation, &relid))
		return;
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_GenericOptions)
			check_event_time_stays(relid, (List *) cmd->def);
		if (cmd->subtype == AT_DropColumn && strcmp(cmd->name, WEIR_ARRIVAL_COLUMN) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot drop column \"%s\" of a stream", cmd->name)));
		if (cmd->subtype == AT_AddColumn &&
			strcmp(castNode(ColumnDef, cmd->def)->colname, WEIR_ARRIVAL_COLUMN) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column name \"%s\" is reserved in streams", WEIR_ARRIVAL_COLUMN)));
	}
}

void
weir_stream_check_rename(RenameStmt *stmt)
{
	Oid			relid;

	if (stmt->renameType == OBJECT_COLUMN && stmt->relation &&
		(strcmp(stmt->subname, WEIR_ARRIVAL_COLUMN) == 0 ||
		 strcmp(stmt->newname, WEIR_ARRIVAL_COLUMN) == 0) &&
		stream_named(stmt->relation, &relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot rename a stream's column \"%s\" to \"%s\"",
						stmt->subname, stmt->newname),
				 errdetail("The name \"%s\" stands for the time at which a row was inserted.",
						   WEIR_ARRIVAL_COLUMN)));
	if (stmt->renameType == OBJECT_COLUMN && stmt->relation && stream_named(stmt->relation, &relid) &&
		weir_event_options(relid)->column > 0 &&
		weir_event_options(relid)->column == get_attnum(relid, stmt->subname))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot rename column \"%s\" of stream \"%s\": it is its event time",
						stmt->subname, get_rel_name(relid)),
				 errdetail("Option \"event_time\" of the stream names it.")));
}

/* A stream of this server; InvalidOid: it has none. */
static Oid
stream_of_server(Oid serverid)
{
	Relation	rel = table_open(ForeignTableRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			streamid = InvalidOid;

	ScanKeyInit(&key, Anum_pg_foreign_table_ftserver, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(serverid));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		streamid = ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftrelid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return streamid;
}

/* Where rows of a server's streams come from cannot be changed under them. */
void
weir_stream_check_server(AlterForeignServerStmt *stmt)
{
	ForeignServer *server = GetForeignServerByName(stmt->servername, true);
	Oid			streamid;
	ListCell   *lc;

	if (server == NULL || !weir_server_is_weir(server->serverid))
		return;
	streamid = stream_of_server(server->serverid);
	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (!OidIsValid(streamid) || strcmp(option->defname, "bootstrap_servers") != 0 ||
			option->defaction == DEFELEM_SET)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot %s option \"bootstrap_servers\" of server \"%s\": it has streams, such as \"%s\"",
						option->defaction == DEFELEM_DROP ? "drop" : "add",
						server->servername, get_rel_name(streamid)),
				 errdetail("The option tells whether rows come from Kafka or by INSERT."),
				 errhint("Create another server.")));
	}
}

void
weir_stream_check_trigger(CreateTrigStmt *stmt)
{
	Oid			relid;

	if (stream_named(stmt->relation, &relid) &&
		weir_options_is_kafka_server(GetForeignTable(relid)->serverid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stream \"%s\" cannot have triggers", stmt->relation->relname),
				 errdetail("Its rows come from a Kafka topic, without INSERT."),
				 errhint("Use a generated column, or an expression in the views.")));
}

static bool
changes_topic(Node *stmt)
{
	ListCell   *lc;
	ListCell   *lo;

	if (!IsA(stmt, AlterTableStmt))
		return false;
	foreach(lc, ((AlterTableStmt *) stmt)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype != AT_GenericOptions)
			continue;
		foreach(lo, (List *) cmd->def)
			if (strcmp(lfirst_node(DefElem, lo)->defname, "topic") == 0)
				return true;
	}
	return false;
}

/*
 * After CREATE and ALTER FOREIGN TABLE: do the options fit the server and the
 * columns?  Do the rows still fit where they are diverted to?
 */
void
weir_stream_check_options(Node *stmt)
{
	RangeVar   *name = NULL;
	Oid			relid;

	if (IsA(stmt, CreateForeignTableStmt))
		name = ((CreateForeignTableStmt *) stmt)->base.relation;
	else if (IsA(stmt, AlterTableStmt))
		name = ((AlterTableStmt *) stmt)->relation;
	else if (IsA(stmt, RenameStmt) && ((RenameStmt *) stmt)->renameType == OBJECT_COLUMN)
		name = ((RenameStmt *) stmt)->relation;
	if (name == NULL)
		return;
	CommandCounterIncrement();
	if (!IsA(stmt, RenameStmt) && stream_named(name, &relid))
	{
		weir_options_check_stream(relid);
		if (changes_topic(stmt))
			weir_source_topic_changed(relid);
	}
	weir_late_stream_check_columns(name);
}

/* True also when a LIKE clause or a parent brings it along. */
static bool
declares_arrival(CreateStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->tableElts)
	{
		Node	   *elt = lfirst(lc);

		if (IsA(elt, ColumnDef) &&
			strcmp(((ColumnDef *) elt)->colname, WEIR_ARRIVAL_COLUMN) == 0)
		{
			if (typenameTypeId(NULL, ((ColumnDef *) elt)->typeName) != TIMESTAMPTZOID)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						 errmsg("column \"%s\" of a stream must be of type timestamp with time zone",
								WEIR_ARRIVAL_COLUMN),
						 errhint("Leave it out: it is added by itself.")));
			return true;
		}
		if (IsA(elt, TableLikeClause))
		{
			Oid			relid = RangeVarGetRelid(((TableLikeClause *) elt)->relation, NoLock, true);

			if (OidIsValid(relid) &&
				get_attnum(relid, WEIR_ARRIVAL_COLUMN) != InvalidAttrNumber)
				return true;
		}
	}
	return false;
}

static bool
stream_named(RangeVar *name, Oid *relid)
{
	*relid = RangeVarGetRelid(name, NoLock, true);
	return OidIsValid(*relid) && weir_relation_is_stream(*relid);
}
