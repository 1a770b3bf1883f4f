/*
 * shape.c
 *	  Creates the materialization relation of a continuous view.
 *
 * An ordinary table beside the view: column 1 to nkeys are the group keys,
 * then come the partial states, results that are kept, and blocks of a sliding
 * window.  Runs in the backend of CREATE VIEW as the user, so that ownership,
 * default privileges and rights on the schema are those of any table the user
 * creates.
 *
 * A statement trigger refuses writes by users (guard.c).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_utilcmd.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "agg/key.h"
#include "base/compat.h"
#include "base/weir.h"
#include "matrel/guard.h"
#include "matrel/shape.h"
#include "query/state_expr.h"
#include "query/values.h"

/*
 * Rows are written with each flush until their step is over: leave room for
 * the next version.
 */
#define BLOCKS_FILLFACTOR 50

static Oid	create_table(const RangeVar *view, const ContQuery *cq, const ContViewOptions *options,
						 const char *tablespace);
pg_noreturn static void refuse_width(const char *relname, const char *detail);
static PartitionSpec *partition_spec(const ContViewOptions *options);
static List *fillfactor_option(int fillfactor);
static void add_primary_key(Oid relid, List *columns);
static void set_replica_identity(Oid relid, char identity);
static void alter_table(Oid relid, AlterTableType subtype, Node *def);
static bool has_primary_key(Oid relid);
static bool has_lookup_index(Oid matrelid, const ContQuery *cq);
static void create_group_index(Oid relid, const RangeVar *name, const ContQuery *cq, int n);
static IndexElem *hash_key_column(const ContQuery *cq, List *keys);
static ColumnDef *column_def(const char *name, Oid type, int32 typmod, Oid collation);
static void create_lookup_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq);
static void create_time_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq, int key);
static void create_block_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq);
static Oid	create_index(Oid matrelid, const RangeVar *matrel, List *params,
						 bool unique, const char *name, Node *predicate);
static IndexElem *index_column(const char *name);
static bool is_hash_key_index(Relation index, const ContQuery *cq);

Oid
weir_matrel_create(const RangeVar *view, const ContQuery *cq,
				   const ContViewOptions *options, const char *tablespace)
{
	RangeVar   *matrel = copyObject((RangeVar *) view);
	Oid			schema = RangeVarGetCreationNamespace(view);
	Oid			matrelid;

	matrel->schemaname = get_namespace_name(schema);
	matrel->relname = ChooseRelationName(view->relname, NULL, "mrel", schema, false);
	matrelid = create_table(matrel, cq, options, tablespace);
	if (cq->ungrouped && cq->nkeys == 0)
		weir_matrel_insert_initial(matrelid, cq);
	weir_guard_create(matrelid);
	if (options->pk)
		add_primary_key(matrelid, options->pk);
	else
		set_replica_identity(matrelid, REPLICA_IDENTITY_FULL);
	if (!cq->append && cq->nkeys > 0 && !has_lookup_index(matrelid, cq))
		create_lookup_index(matrelid, matrel, cq);
	if (cq->window && cq->cell_key != cq->partition_key)
		create_time_index(matrelid, matrel, cq, cq->cell_key);
	if (cq->block_usecs)
		create_block_index(matrelid, matrel, cq);
	if (options->retained && !options->partitioned)
		create_time_index(matrelid, matrel, cq, cq->closing->key);
	CommandCounterIncrement();
	return matrelid;
}

Oid
weir_values_create(const RangeVar *view, const ContQuery *cq, const ContViewOptions *options, int n,
				   const char *tablespace)
{
	ValuesRel  *rel = list_nth(cq->values, n);
	RangeVar   *name = copyObject((RangeVar *) view);
	Oid			schema = RangeVarGetCreationNamespace(view);
	ContViewOptions alike = {0};
	Oid			relid;

	alike.partitioned = options->partitioned;
	alike.partition_column = options->partition_column;

	name->schemaname = get_namespace_name(schema);
	name->relname = ChooseRelationName(view->relname, NULL, psprintf("vals%d", n + 1), schema, false);
	relid = create_table(name, rel->query, &alike, tablespace);
	weir_guard_create(relid);
	set_replica_identity(relid, REPLICA_IDENTITY_FULL);
	create_lookup_index(relid, name, rel->query);
	create_group_index(relid, name, cq, n);
	CommandCounterIncrement();
	return relid;
}

Oid
weir_matrel_lookup_index(Relation matrel, const ContQuery *cq, bool *hashed)
{
	bool		plain = cq->plain_keys;
	Oid			result = InvalidOid;
	ListCell   *lc;

	*hashed = !plain;
	if (cq->append || cq->nkeys == 0)
		return InvalidOid;
	foreach(lc, RelationGetIndexList(matrel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;
		bool		fits = form->indisvalid && form->indislive &&
			index->rd_rel->relam == BTREE_AM_OID &&
			RelationGetIndexPredicate(index) == NIL;

		if (fits && plain)
		{
			fits = form->indisunique && form->indnkeyatts == cq->nkeys;
			for (int i = 0; fits && i < cq->nkeys; i++)
				fits = form->indkey.values[i] == i + 1;
		}
		else if (fits)
			fits = is_hash_key_index(index, cq);
		if (fits)
			result = RelationGetRelid(index);
		index_close(index, AccessShareLock);
		if (OidIsValid(result))
			break;
	}
	return result;
}

void
weir_matrel_insert_initial(Oid matrelid, const ContQuery *cq)
{
	Relation	rel = table_open(matrelid, RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *resultrel = makeNode(ResultRelInfo);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													&TTSOpsVirtual);

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < cq->nstates; i++)
	{
		PartialAgg *agg = weir_partial_agg_from_aggref(CurrentMemoryContext,
													   cq->states[i].aggref);

		slot->tts_values[cq->states[i].column] = agg->initvalue;
		slot->tts_isnull[cq->states[i].column] = agg->initisnull;
	}
	for (int i = 0; i < cq->nstates; i++)
	{
		int			c = cq->states[i].value_column;

		if (c >= 0)
			slot->tts_values[c] =
				weir_partial_agg_finalize(weir_partial_agg_from_aggref(CurrentMemoryContext,
																	   cq->states[i].aggref),
										  (Datum) 0, true, &slot->tts_isnull[c]);
	}
	ExecStoreVirtualTuple(slot);

	PushActiveSnapshot(GetTransactionSnapshot());
	InitResultRelInfo(resultrel, rel, 0, NULL, 0);
	ExecOpenIndices(resultrel, false);
	ExecSimpleRelationInsert(resultrel, estate, slot);
	ExecCloseIndices(resultrel);
	PopActiveSnapshot();

	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
weir_depend_on(Oid relid, Oid refid, char deptype)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->objsubid == 0 && form->refclassid == RelationRelationId &&
			form->refobjid == refid && form->refobjsubid == 0 &&
			form->deptype == deptype;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	if (!found)
	{
		ObjectAddress object;
		ObjectAddress referenced;

		ObjectAddressSet(object, RelationRelationId, relid);
		ObjectAddressSet(referenced, RelationRelationId, refid);
		recordDependencyOn(&object, &referenced, deptype);
	}
}

static Oid
create_table(const RangeVar *matrel, const ContQuery *cq, const ContViewOptions *options,
			 const char *tablespace)
{
	CreateStmt *stmt = makeNode(CreateStmt);
	ObjectAddress address;

	stmt->relation = (RangeVar *) matrel;
	stmt->oncommit = ONCOMMIT_NOOP;
	stmt->tablespacename = tablespace ? pstrdup(tablespace) : NULL;
	for (int i = 0; i < cq->nkeys; i++)
		stmt->tableElts = lappend(stmt->tableElts,
								  column_def(cq->keys[i].colname, cq->keys[i].type,
											 cq->keys[i].typmod, cq->keys[i].collation));
	for (int i = 0; i < cq->nstates; i++)
		stmt->tableElts = lappend(stmt->tableElts,
								  column_def(cq->states[i].colname, cq->states[i].statetype, -1,
											 weir_state_collation(&cq->states[i])));
	for (int i = 0; i < cq->nstates; i++)
		if (cq->states[i].value_column >= 0)
			stmt->tableElts = lappend(stmt->tableElts,
									  column_def(cq->states[i].value_name, cq->states[i].aggref->aggtype,
												 -1, cq->states[i].aggref->aggcollid));
	if (cq->block_usecs)
	{
		stmt->tableElts = lappend(stmt->tableElts,
								  column_def(cq->block_name, cq->keys[cq->cell_key].type, -1, InvalidOid));
		for (int i = 0; i < cq->nstates; i++)
			stmt->tableElts = lappend(stmt->tableElts,
									  column_def(cq->states[i].block_name, cq->states[i].statetype, -1,
												 weir_state_collation(&cq->states[i])));
	}

	if (list_length(stmt->tableElts) > MaxHeapAttributeNumber)
		refuse_width(matrel->relname, psprintf("It would have %d columns; a table has at most %d.",
											   list_length(stmt->tableElts), MaxHeapAttributeNumber));

	/* Partitions have what storage parameters and TOAST tables there are. */
	if (options->partitioned)
		stmt->partspec = partition_spec(options);
	else
		stmt->options = fillfactor_option(weir_matrel_fillfactor(cq, options));
	address = DefineRelation(stmt, RELKIND_RELATION, InvalidOid, NULL, NULL);
	CommandCounterIncrement();
	weir_matrel_check_width(address.objectId);
	if (!options->partitioned)
		NewRelationCreateToastTable(address.objectId, (Datum) 0);
	CommandCounterIncrement();
	return address.objectId;
}

/*
 * What is of fixed length stays in the row, whatever is done to the rest of
 * it.
 */
void
weir_matrel_check_width(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Size		size = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen > 0 && !att->attisdropped)
			size = att_align_nominal(size, att->attalign) + att->attlen;
	}
	size += MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(desc->natts));
	if (size > MaxHeapTupleSize)
		refuse_width(RelationGetRelationName(rel),
					 psprintf("The columns of fixed length alone take %zu bytes of a row; a row has at most %zu.",
							  size, (Size) MaxHeapTupleSize));
	table_close(rel, AccessShareLock);
}

static void
refuse_width(const char *relname, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("materialization table \"%s\" would have too many columns", relname),
			 errdetail("%s", detail),
			 errhint("Make several views of it, each with some of the aggregates and the same GROUP BY.")));
}

int
weir_matrel_fillfactor(const ContQuery *cq, const ContViewOptions *options)
{
	return options->fillfactor == 0 && cq->block_usecs ? BLOCKS_FILLFACTOR : options->fillfactor;
}

static List *
fillfactor_option(int fillfactor)
{
	if (fillfactor == 0)
		return NIL;
	return list_make1(makeDefElem("fillfactor", (Node *) makeInteger(fillfactor), -1));
}

static PartitionSpec *
partition_spec(const ContViewOptions *options)
{
	PartitionSpec *spec = makeNode(PartitionSpec);
	PartitionElem *elem = makeNode(PartitionElem);

	elem->name = pstrdup(NameStr(options->partition_column));
	elem->location = -1;
	weir_partition_by_range(spec);
	spec->partParams = list_make1(elem);
	spec->location = -1;
	return spec;
}

/*
 * In the flush worker.  The owner of the view need not have the right to
 * create in its schema any more, so this acts as the worker itself; the table
 * is the owner's.  No user code runs.
 */
Oid
weir_matrel_create_partition(Oid matrelid, const char *name, const ContViewOptions *options)
{
	Relation	matrel = table_open(matrelid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(matrel);
	Oid			owner = matrel->rd_rel->relowner;
	char		identity = matrel->rd_rel->relreplident;
	CreateStmt *stmt = makeNode(CreateStmt);
	ObjectAddress address;

	stmt->relation = makeRangeVar(get_namespace_name(RelationGetNamespace(matrel)), pstrdup(name), -1);
	stmt->relation->relpersistence = matrel->rd_rel->relpersistence;
	stmt->oncommit = ONCOMMIT_NOOP;
	stmt->options = fillfactor_option(options->fillfactor);
	if (OidIsValid(matrel->rd_rel->reltablespace))
		stmt->tablespacename = get_tablespace_name(matrel->rd_rel->reltablespace);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		stmt->tableElts = lappend(stmt->tableElts,
								  column_def(pstrdup(NameStr(att->attname)), att->atttypid, att->atttypmod,
											 att->attcollation));
	}
	table_close(matrel, NoLock);

	address = DefineRelation(stmt, RELKIND_RELATION, owner, NULL, NULL);
	CommandCounterIncrement();
	NewRelationCreateToastTable(address.objectId, (Datum) 0);
	CommandCounterIncrement();
	weir_guard_create(address.objectId);
	if (options->pk && has_primary_key(matrelid))
		add_primary_key(address.objectId, options->pk);
	if (identity == REPLICA_IDENTITY_FULL || identity == REPLICA_IDENTITY_NOTHING)
		set_replica_identity(address.objectId, identity);
	return address.objectId;
}

/* ALTER TABLE ... ADD PRIMARY KEY, which makes the columns NOT NULL. */
static void
add_primary_key(Oid relid, List *columns)
{
	Constraint *constraint = makeNode(Constraint);
	Oid			tablespace = get_rel_tablespace(relid);
	ListCell   *lc;

	constraint->contype = CONSTR_PRIMARY;
	constraint->location = -1;
	foreach(lc, columns)
		constraint->keys = lappend(constraint->keys, makeString(pstrdup(lfirst(lc))));
	if (OidIsValid(tablespace))
		constraint->indexspace = get_tablespace_name(tablespace);
	alter_table(relid, AT_AddConstraint, (Node *) constraint);
}

/*
 * Without a primary key a row is known to subscribers by all of its columns:
 * else a publication of all tables would refuse the DELETEs of expiry.  It
 * costs something where wal_level is logical.
 */
static void
set_replica_identity(Oid relid, char identity)
{
	ReplicaIdentityStmt *def = makeNode(ReplicaIdentityStmt);

	def->identity_type = identity;
	alter_table(relid, AT_ReplicaIdentity, (Node *) def);
}

static void
alter_table(Oid relid, AlterTableType subtype, Node *def)
{
	AlterTableStmt *stmt = makeNode(AlterTableStmt);
	AlterTableCmd *cmd = makeNode(AlterTableCmd);
	AlterTableUtilityContext context = {0};
	LOCKMODE	lockmode;

	cmd->subtype = subtype;
	cmd->def = def;
	stmt->relation = makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);
	stmt->cmds = list_make1(cmd);
	stmt->objtype = OBJECT_TABLE;
	lockmode = AlterTableGetLockLevel(stmt->cmds);
	context.relid = relid;
	context.queryString = "";
	LockRelationOid(relid, lockmode);
	EventTriggerAlterTableStart((Node *) stmt);
	EventTriggerAlterTableRelid(relid);
	AlterTable(stmt, lockmode, &context);
	EventTriggerAlterTableEnd();
	CommandCounterIncrement();
}

/* A values relation has none. */
static bool
has_primary_key(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		result = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		result |= index->rd_index->indisprimary;
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
	return result;
}

static bool
has_lookup_index(Oid matrelid, const ContQuery *cq)
{
	Relation	matrel = table_open(matrelid, AccessShareLock);
	bool		hashed;
	bool		result = OidIsValid(weir_matrel_lookup_index(matrel, cq, &hashed));

	table_close(matrel, NoLock);
	return result;
}

static ColumnDef *
column_def(const char *name, Oid type, int32 typmod, Oid collation)
{
	return makeColumnDef(name, type, typmod, collation);
}

/*
 * Fixed-length keys are found by the plain index, which users' queries can use
 * too.  Others by their hash: any length fits, and so does any number of them.
 */
static void
create_lookup_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq)
{
	bool		plain = cq->plain_keys;
	List	   *params = NIL;

	if (plain)
	{
		for (int i = 0; i < cq->nkeys; i++)
			params = lappend(params, index_column(cq->keys[i].colname));
	}
	else
	{
		List	   *keys = NIL;

		for (int i = 0; i < cq->nkeys; i++)
			keys = lappend_int(keys, i);
		params = list_make1(hash_key_column(cq, keys));
	}
	(void) create_index(matrelid, matrel, params, plain, "lookup", NULL);
}

/*
 * weir.hash_key(keys), or of so many as a function takes: hits are checked by
 * all of them.
 */
static IndexElem *
hash_key_column(const ContQuery *cq, List *keys)
{
	IndexElem  *elem = index_column(NULL);
	List	   *args = NIL;
	ListCell   *lc;

	foreach(lc, weir_keys_of_hash(keys))
	{
		ColumnRef  *column = makeNode(ColumnRef);

		column->fields = list_make1(makeString(cq->keys[lfirst_int(lc)].colname));
		column->location = -1;
		args = lappend(args, column);
	}
	elem->expr = (Node *) makeFuncCall(list_make2(makeString(WEIR_SCHEMA), makeString("hash_key")),
									   args, COERCE_EXPLICIT_CALL, -1);
	return elem;
}

/*
 * Values of a group follow one another in it, in the order in which they were
 * written: equal entries of a btree are in the order of the table.
 */
static void
create_group_index(Oid relid, const RangeVar *name, const ContQuery *cq, int n)
{
	int			then;
	List	   *all = weir_values_index_keys(cq, &then);
	List	   *sets = cq->sets ? cq->sets : list_make1(all);
	ListCell   *lc;

	/* That of the finest groups deletes them. */
	if (!list_member(sets, all))
		sets = lappend(sets, all);
	foreach(lc, sets)
	{
		List	   *params = NIL;

		if (lfirst(lc) != NIL)
			params = list_make1(hash_key_column(cq, lfirst(lc)));
		if (then >= 0)
			params = lappend(params, index_column(cq->keys[then].colname));
		if (params != NIL)
			create_index(relid, name, params, false, "group", NULL);
	}
}

/* For deleting what left the window, and for reading what is in it. */
static void
create_time_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq, int key)
{
	create_index(matrelid, matrel,
				 list_make1(index_column(cq->keys[key].colname)),
				 false, "step", NULL);
}

/* Rows that carry a block, for reading these. */
static void
create_block_index(Oid matrelid, const RangeVar *matrel, const ContQuery *cq)
{
	NullTest   *carries = makeNode(NullTest);
	ColumnRef  *column = makeNode(ColumnRef);

	column->fields = list_make1(makeString(cq->block_name));
	column->location = -1;
	carries->arg = (Expr *) column;
	carries->nulltesttype = IS_NOT_NULL;
	carries->location = -1;
	create_index(matrelid, matrel, list_make1(index_column(cq->block_name)), false, "block",
				 (Node *) carries);
}

void
weir_matrel_index_column(Oid matrelid, AttrNumber attno, const char *suffix)
{
	Relation	rel = table_open(matrelid, ShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index->rd_index->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
			RelationGetIndexPredicate(index) == NIL && index->rd_index->indkey.values[0] == attno;
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
	if (!found)
		create_index(matrelid,
					 makeRangeVar(get_namespace_name(get_rel_namespace(matrelid)),
								  get_rel_name(matrelid), -1),
					 list_make1(index_column(get_attname(matrelid, attno, false))), false, suffix, NULL);
}

static Oid
create_index(Oid matrelid, const RangeVar *matrel, List *params, bool unique,
			 const char *name, Node *predicate)
{
	IndexStmt  *stmt = makeNode(IndexStmt);

	stmt->relation = (RangeVar *) matrel;
	stmt->idxname = ChooseRelationName(matrel->relname, NULL, name,
									   get_rel_namespace(matrelid), false);
	stmt->accessMethod = "btree";
	stmt->indexParams = params;
	stmt->unique = unique;
	stmt->whereClause = predicate;
	stmt->nulls_not_distinct = unique;
	if (OidIsValid(get_rel_tablespace(matrelid)))
		stmt->tableSpace = get_tablespace_name(get_rel_tablespace(matrelid));
	stmt = transformIndexStmt(matrelid, stmt, "");
	return weir_define_index(matrelid, stmt).objectId;
}

static IndexElem *
index_column(const char *name)
{
	IndexElem  *elem = makeNode(IndexElem);

	elem->name = name ? pstrdup(name) : NULL;
	elem->ordering = SORTBY_DEFAULT;
	elem->nulls_ordering = SORTBY_NULLS_DEFAULT;
	return elem;
}

static bool
is_hash_key_index(Relation index, const ContQuery *cq)
{
	List	   *exprs = RelationGetIndexExpressions(index);
	FuncExpr   *call;
	ListCell   *lc;

	if (list_length(exprs) != 1 || index->rd_index->indnkeyatts != 1 ||
		!IsA(linitial(exprs), FuncExpr))
		return false;
	call = linitial_node(FuncExpr, exprs);
	if (get_func_namespace(call->funcid) != weir_schema_oid() ||
		strcmp(get_func_name(call->funcid), "hash_key") != 0 ||
		list_length(call->args) != Min(cq->nkeys, WEIR_MAX_HASHED_KEYS))
		return false;
	foreach(lc, call->args)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || var->varattno != foreach_current_index(lc) + 1)
			return false;
	}
	return true;
}
