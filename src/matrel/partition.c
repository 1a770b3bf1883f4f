/*
 * partition.c
 *	  Matrels in partitions: which one a row belongs to, and making them.
 *
 * Option partition_by makes the matrel a table in RANGE partitions on a column
 * of its key.  Boundaries lie on a grid (time/window_functions.h) of option
 * partition_interval: for timestamptz in the time zone of the database, which
 * is that of workers.  A range that the grid gives is cut where there is a
 * partition already, so that another zone or interval since then does no harm.
 *
 * The flush worker makes partitions before the flush that needs them, in
 * transactions of their own, and drops those in which all has expired.  A
 * partition is made as a table and then attached: that waits for nobody who
 * reads or writes.  Dropping needs the matrel for itself for a moment.
 *
 * NULL, infinite times and all that no partition could be made for go to a
 * default partition, which is made when first needed: while there is one,
 * attaching has to wait for its readers.  When that takes too long, rows of
 * the new range go to the default partition, and as long as it has any, all of
 * this range do.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/timestamp.h"

#include "base/attempt.h"
#include "base/clock.h"
#include "base/errors.h"
#include "matrel/expire.h"
#include "matrel/partition.h"
#include "matrel/partition_bound.h"
#include "matrel/shape.h"
#include "query/prepare.h"
#include "query/window_call.h"
#include "time/window_functions.h"

struct PartitionRouter
{
	Oid			matrelid;
	ContViewOptions options;
	int			column;			/* index of the key in a group's row */
	Oid			type;
	TimeGrid	grid;
	PartitionKey key;
	PartitionDesc desc;

	/* what lies in a cell before this has expired */
	Timestamp	expired;
	int			hit;			/* the last partition found, */
	Timestamp	hit_lower;		/* for times from here */
	Timestamp	hit_upper;		/* to before this */
};

typedef struct Making
{
	PartitionRouter *router;
	const ContView *view;		/* the matrel's; NULL: of a values relation */
	const PartitionRange *range;
} Making;

struct PartitionWants
{
	PartitionRouter *router;
	int			nparts;			/* that there are */
	Oid			default_oid;
	HTAB	   *ranges;
	bool		wants_default;
};

static int	find_time(const ContQuery *cq, Expr *expr);
static const char *name_of_time(const ContQuery *cq, Query *prepared, int key);
static void init_grid(PartitionRouter *router);
static int	find_partition(PartitionRouter *router, Datum value, PartitionRange *gap);
static void make_range(void *arg);
static void make_partition(PartitionRouter *router, const PartitionRange *range);
static char *partition_name(PartitionRouter *router, const PartitionRange *range);
static Node *bound_literal(Oid type, Timestamp time);
static void attach(Oid matrelid, Oid partition, PartitionBoundSpec *bound);

int
weir_partition_find_key(const ContQuery *cq, Query *def, const char *name, const Interval *interval)
{
	Query	   *prepared = weir_query_prepare(NULL, def);
	int			found = -1;
	bool		exists = false;
	GridUnit	unit;
	Oid			type;
	ListCell   *lc;

	foreach(lc, prepared->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk || strcmp(tle->resname, name) != 0)
			continue;
		exists = true;
		found = find_time(cq, tle->expr);
		break;
	}
	if (!exists && cq->window && strcmp(cq->keys[cq->cell_key].colname, name) == 0)
		found = cq->cell_key;
	else if (!exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("partition_by column \"%s\" does not exist", name)));
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partition_by must refer to a group key"),
				 errdetail("\"%s\" is not one of the view's GROUP BY expressions.", name)));
	if ((cq->window && found != cq->cell_key) || (cq->closing && found != cq->closing->key))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("partition_by must refer to the time by which the view's rows expire"),
				 errhint("Use \"%s\".", name_of_time(cq, prepared, cq->window ? cq->cell_key : cq->closing->key))));
	type = cq->keys[found].type;
	if (type != TIMESTAMPOID && type != TIMESTAMPTZOID && type != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("partition_by must refer to a column of type timestamp, timestamptz or date"),
				 errdetail("\"%s\" is of type %s.", name, format_type_be(type))));
	(void) weir_grid_length(interval, &unit, "partition_interval");
	if (type == DATEOID && unit == GRID_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partition_interval for a column of type date must be of days or months")));
	return found;
}

/* The key that an output column is, or that tells its window; -1: none. */
static int
find_time(const ContQuery *cq, Expr *expr)
{
	if (weir_cont_query_uses_window(cq, (Node *) expr))
	{
		if (IsA(expr, FieldSelect))
			expr = ((FieldSelect *) expr)->arg;
		return IsA(expr, Var) ? cq->cell_key : -1;
	}
	return weir_cont_query_find_key(cq, (Node *) weir_window_bucket(expr));
}

/* As the view shows it. */
static const char *
name_of_time(const ContQuery *cq, Query *prepared, int key)
{
	ListCell   *lc;

	foreach(lc, prepared->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && find_time(cq, tle->expr) == key)
			return tle->resname;
	}
	return cq->keys[key].colname;
}

/* ---------------------------------------------------------------------
 * Finding
 * --------------------------------------------------------------------- */

PartitionRouter *
weir_partition_router(Relation matrel, const ContView *view, const ContQuery *query)
{
	PartitionRouter *router = palloc0(sizeof(PartitionRouter));
	Timestamp	expired;

	router->matrelid = RelationGetRelid(matrel);
	router->options = view->options;
	router->options.fillfactor = weir_matrel_fillfactor(query, &view->options);
	router->key = RelationGetPartitionKey(matrel);
	router->desc = RelationGetPartitionDesc(matrel, true);
	router->column = router->key->partattrs[0] - 1;
	router->type = router->key->parttypid[0];
	router->hit = -1;
	if (!view->options.partitioned || router->key->strategy != PARTITION_STRATEGY_RANGE ||
		router->key->partnatts != 1 || router->column < 0 ||
		(router->type != TIMESTAMPOID && router->type != TIMESTAMPTZOID && router->type != DATEOID))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("materialization table \"%s\" is not in the partitions that Weir makes",
						RelationGetRelationName(matrel))));
	init_grid(router);
	router->expired = DT_NOBEGIN;
	if (weir_matrel_expired_until(view, query, weir_clock_now(), &expired))
		router->expired = weir_grid_start(&router->grid, weir_grid_cell(&router->grid, expired));
	return router;
}

/* Partitions of weeks begin on Mondays. */
static void
init_grid(PartitionRouter *router)
{
	GridUnit	unit;
	int64		length = weir_grid_length(&router->options.partition_interval, &unit, "partition_interval");
	Interval	offset = {0};

	if (unit == GRID_DAYS && length % 7 == 0)
		offset.day = 4;
	weir_grid_init(&router->grid, unit, length, &offset,
				   router->type == TIMESTAMPTZOID ? session_timezone : NULL);
}

int
weir_partition_count(PartitionRouter *router)
{
	return router->desc->nparts;
}

Oid
weir_partition_oid(PartitionRouter *router, int n)
{
	return router->desc->oids[n];
}

/*
 * The partition that a value is in, or -1; then *gap is what lies between the
 * partitions around it.
 */
static int
find_partition(PartitionRouter *router, Datum value, PartitionRange *gap)
{
	PartitionBoundInfo bounds = router->desc->boundinfo;
	bool		equal;
	int			i;

	gap->lower = DT_NOBEGIN;
	gap->upper = DT_NOEND;
	if (router->desc->nparts == 0)
		return -1;
	i = partition_range_datum_bsearch(router->key->partsupfunc, router->key->partcollation,
									  bounds, 1, &value, &equal);
	if (i >= 0 && bounds->kind[i][0] == PARTITION_RANGE_DATUM_VALUE)
		gap->lower = weir_partition_time(router->type, bounds->datums[i][0]);
	if (i + 1 < bounds->ndatums && bounds->kind[i + 1][0] == PARTITION_RANGE_DATUM_VALUE)
		gap->upper = weir_partition_time(router->type, bounds->datums[i + 1][0]);
	return bounds->indexes[i + 1];
}

int
weir_partition_route(PartitionRouter *router, TupleTableSlot *group)
{
	Datum		value = group->tts_values[router->column];
	Timestamp	time;
	PartitionRange gap;
	int			n = -1;

	if (!group->tts_isnull[router->column])
	{
		time = weir_partition_time(router->type, value);
		if (router->hit >= 0 && time >= router->hit_lower && time < router->hit_upper)
			return router->hit;
		n = find_partition(router, value, &gap);
		if (n >= 0)
		{
			router->hit = n;
			router->hit_lower = gap.lower;
			router->hit_upper = gap.upper;
		}
		else if (!TIMESTAMP_NOT_FINITE(time) && time < router->expired)
			return -1;
	}
	if (n < 0 && router->desc->nparts > 0)
		n = router->desc->boundinfo->default_index;
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_WEIR_CHANGED),
				 errmsg("materialization table \"%s\" has no partition for a group",
						get_rel_name(router->matrelid))));
	return n;
}

/* ---------------------------------------------------------------------
 * Making
 * --------------------------------------------------------------------- */

PartitionWants *
weir_partition_wants(PartitionRouter *router)
{
	PartitionWants *wants = palloc0(sizeof(PartitionWants));
	HASHCTL		ctl;

	ctl.keysize = sizeof(Timestamp);
	ctl.entrysize = sizeof(PartitionRange);
	ctl.hcxt = CurrentMemoryContext;
	wants->ranges = hash_create("weir partitions", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	wants->router = router;
	wants->nparts = router->desc->nparts;
	wants->default_oid = get_default_oid_from_partdesc(router->desc);
	return wants;
}

void
weir_partition_wants_note(PartitionWants *wants, TupleTableSlot *group)
{
	PartitionRouter *router = wants->router;
	PartitionRange range;
	PartitionRange *found;
	Datum		value;
	Timestamp	time;
	int64		cell;
	bool		isnull;
	bool		known;

	value = slot_getattr(group, router->column + 1, &isnull);
	if (isnull || TIMESTAMP_NOT_FINITE(weir_partition_time(router->type, value)))
	{
		wants->wants_default = true;
		return;
	}
	time = weir_partition_time(router->type, value);
	if (router->hit >= 0 && time >= router->hit_lower && time < router->hit_upper)
		return;
	router->hit = find_partition(router, value, &range);
	router->hit_lower = range.lower;
	router->hit_upper = range.upper;
	if (router->hit >= 0 || time < router->expired)
		return;
	if (hash_get_num_entries(wants->ranges) + wants->nparts >= WEIR_MAX_PARTITIONS)
	{
		wants->wants_default = true;
		return;
	}
	cell = weir_grid_cell(&router->grid, time);
	range.lower = Max(range.lower, weir_grid_start(&router->grid, cell));
	range.upper = Min(range.upper, weir_grid_start(&router->grid, cell + 1));
	found = hash_search(wants->ranges, &range.lower, HASH_ENTER, &known);
	found->upper = range.upper;
}

int
weir_partition_wants_make(PartitionWants *wants, bool (*enough) (void *arg), void *arg, const ContView *view)
{
	PartitionRouter *router = wants->router;
	int			left = hash_get_num_entries(wants->ranges);
	Making		making = {router, view, NULL};
	HASH_SEQ_STATUS status;
	PartitionRange *range;
	ErrorData  *error;
	bool		any = false;

	hash_seq_init(&status, wants->ranges);
	while ((range = hash_seq_search(&status)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (any && enough(arg))
		{
			hash_seq_term(&status);
			break;
		}
		left--;
		if (OidIsValid(wants->default_oid) && weir_partition_has(wants->default_oid, router->column, range))
			continue;
		any = true;
		making.range = range;
		error = weir_attempt(make_range, &making);
		if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		if (error)
			wants->wants_default = true;
	}
	if (wants->wants_default && !OidIsValid(wants->default_oid))
		make_partition(router, NULL);
	return left;
}

static void
make_range(void *arg)
{
	Making	   *making = arg;

	make_partition(making->router, making->range);
	if (making->view)
		weir_partition_clear_values(making->view, making->router->column, making->range);
}

/* range NULL: the default partition */
static void
make_partition(PartitionRouter *router, const PartitionRange *range)
{
	PartitionBoundSpec *bound = makeNode(PartitionBoundSpec);
	int			guc_level = NewGUCNestLevel();
	Oid			partition;

	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	bound->location = -1;
	bound->strategy = PARTITION_STRATEGY_RANGE;
	bound->is_default = range == NULL;
	if (range)
	{
		bound->lowerdatums = list_make1(bound_literal(router->type, range->lower));
		bound->upperdatums = list_make1(bound_literal(router->type, range->upper));
	}
	partition = weir_matrel_create_partition(router->matrelid, partition_name(router, range),
											 &router->options);
	attach(router->matrelid, partition, bound);
	CommandCounterIncrement();
	if (range == NULL)
		weir_matrel_index_column(partition, router->column + 1, "time");
	AtEOXact_GUC(true, guc_level);
}

/* v_mrel_202611, v_mrel_20261123, v_mrel_20261123_1400 */
static char *
partition_name(PartitionRouter *router, const PartitionRange *range)
{
	Timestamp	start = range ? range->lower : 0;
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;
	char	   *label;

	if (range == NULL)
		label = pstrdup("default");
	else if (timestamp2tm(start, router->type == TIMESTAMPTZOID ? &zone : NULL, &tm, &fsec, NULL,
						  router->type == TIMESTAMPTZOID ? session_timezone : NULL) != 0)
		label = pstrdup("early");
	else if (tm.tm_year <= 0)
		label = psprintf("bc%04d%02d%02d", 1 - tm.tm_year, tm.tm_mon, tm.tm_mday);
	else if (router->grid.unit == GRID_MONTHS && tm.tm_mday == 1)
		label = psprintf("%04d%02d", tm.tm_year, tm.tm_mon);
	else if (tm.tm_hour == 0 && tm.tm_min == 0 && tm.tm_sec == 0 && router->grid.unit != GRID_USECS)
		label = psprintf("%04d%02d%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	else if (tm.tm_sec == 0)
		label = psprintf("%04d%02d%02d_%02d%02d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
	else
		label = psprintf("%04d%02d%02d_%02d%02d%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
						 tm.tm_hour, tm.tm_min, tm.tm_sec);
	return ChooseRelationName(get_rel_name(router->matrelid), NULL, label,
							  get_rel_namespace(router->matrelid), false);
}

static Node *
bound_literal(Oid type, Timestamp time)
{
	A_Const    *literal = makeNode(A_Const);
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(type, &output, &varlena);
	literal->val.sval.type = T_String;
	literal->val.sval.sval = OidOutputFunctionCall(output, weir_partition_value(type, time));
	literal->location = -1;
	return (Node *) literal;
}

/* As ALTER TABLE does: the matrel's readers and writers go on. */
static void
attach(Oid matrelid, Oid partition, PartitionBoundSpec *bound)
{
	AlterTableStmt *stmt = makeNode(AlterTableStmt);
	AlterTableCmd *cmd = makeNode(AlterTableCmd);
	PartitionCmd *part = makeNode(PartitionCmd);
	AlterTableUtilityContext context = {0};
	char	   *schema = get_namespace_name(get_rel_namespace(matrelid));
	LOCKMODE	lockmode;

	part->name = makeRangeVar(schema, get_rel_name(partition), -1);
	part->bound = bound;
	cmd->subtype = AT_AttachPartition;
	cmd->def = (Node *) part;
	stmt->relation = makeRangeVar(schema, get_rel_name(matrelid), -1);
	stmt->cmds = list_make1(cmd);
	stmt->objtype = OBJECT_TABLE;
	lockmode = AlterTableGetLockLevel(stmt->cmds);
	context.relid = matrelid;
	context.queryString = "";
	LockRelationOid(matrelid, lockmode);
	AlterTable(stmt, lockmode, &context);
}
