/*
 * primary_key.c
 *	  The option pk: the group keys of a view as the primary key of its matrel.
 *
 * Groups are unique by all of their keys, so these, and no fewer, are a
 * primary key.  What it asks for beyond that is checked in the worker, when
 * the query has run over a batch: the row that gives a NULL key becomes a dead
 * letter, and the flush, which could not tell rows apart any more, never meets
 * one.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "query/prepare.h"
#include "query/primary_key.h"

/* A third of a page, less than what page and row need besides the key. */
#define MAX_KEY_SIZE (BLCKSZ / 3 - 128)

static void check_view(const ContQuery *cq);
static List *given_names(Query *def, const char *given);
static int	find_key(const ContQuery *cq, Query *def, const char *name);
static void check_type(const ContQuery *cq, int key);
static Size key_size(const ContQuery *cq, TupleDesc desc, HeapTuple tuple);

List *
weir_primary_key_find(const ContQuery *cq, Query *def, const char *given)
{
	List	   *columns = NIL;
	List	   *found = NIL;
	ListCell   *lc;

	check_view(cq);
	def = weir_query_prepare(NULL, def);
	foreach(lc, given_names(def, given))
	{
		int			key = find_key(cq, def, lfirst(lc));

		if (list_member_int(found, key))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" appears twice in option \"pk\"", (char *) lfirst(lc))));
		check_type(cq, key);
		found = lappend_int(found, key);
		columns = lappend(columns, pstrdup(cq->keys[key].colname));
	}
	for (int i = 0; i < cq->nkeys; i++)
		if (!list_member_int(found, i))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"pk\" must name all group keys of the view"),
					 errdetail("Rows may be the same but for group key \"%s\".", cq->keys[i].colname),
					 errhint("Name all columns of GROUP BY; all of them have to be among the view's columns.")));
	return columns;
}

/* Are the rows of the matrel those of the view? */
static void
check_view(const ContQuery *cq)
{
	const char *detail =
		cq->append ? "A view without GROUP BY or aggregates keeps rows as they come." :
		cq->nkeys == 0 ? "A view without GROUP BY has one row." :
		cq->sets ? "The rows of grouping sets have keys that are NULL." :
		cq->window ? "A sliding window is kept in steps, several for each row of the view." :
		cq->panes ? "Hopping, cumulating and session windows are kept in parts, several for each row of the view." :
		cq->nkeys > INDEX_MAX_KEYS ? psprintf("It has %d group keys; a primary key has at most %d.", cq->nkeys, INDEX_MAX_KEYS) : NULL;

	if (detail)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this view cannot have a primary key"),
				 errdetail("%s", detail),
				 errhint("Leave out the option \"pk\".")));
}

static bool
is_column(Query *def, const char *name)
{
	ListCell   *lc;

	foreach(lc, def->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk && strcmp(lfirst_node(TargetEntry, lc)->resname, name) == 0)
			return true;
	return false;
}

/* One column's name as it is, or a list of identifiers. */
static List *
given_names(Query *def, const char *given)
{
	List	   *names;

	if (is_column(def, given))
		return list_make1(pstrdup(given));
	if (!SplitIdentifierString(pstrdup(given), ',', &names) || names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"pk\" must be a column or a list of columns"),
				 errhint("For example, WITH (pk = 'day, url').")));
	return names;
}

static int
find_key(const ContQuery *cq, Query *def, const char *name)
{
	ListCell   *lc;

	if (!is_column(def, name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("primary key column \"%s\" not found", name),
				 errhint("Option \"pk\" names columns of the view.")));
	foreach(lc, def->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		int			key;

		if (tle->resjunk || strcmp(tle->resname, name) != 0)
			continue;
		key = weir_cont_query_find_key(cq, (Node *) tle->expr);
		if (key >= 0)
			return key;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" in option \"pk\" is not a group key", name),
			 errhint("Name the columns that are in GROUP BY as they are.")));
}

/* A btree that takes the same values for equal as GROUP BY does. */
static void
check_type(const ContQuery *cq, int key)
{
	ContKey    *k = &cq->keys[key];
	TypeCacheEntry *type = lookup_type_cache(getBaseType(k->type), TYPECACHE_BTREE_OPFAMILY);

	if (!OidIsValid(type->btree_opf) ||
		get_op_opfamily_strategy(k->eqop, type->btree_opf) != BTEqualStrategyNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("column \"%s\" of type %s cannot be in a primary key", k->colname, format_type_be(k->type)),
				 errdetail("The type has no default operator class for btree with this equality.")));
	if (cq->nkeys > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("cannot use more than %d columns in an index", INDEX_MAX_KEYS)));
}

void
weir_primary_key_check(const ContQuery *cq, TupleDesc desc, MinimalTuple *tuples, int ntuples)
{
	for (int i = 0; i < ntuples; i++)
	{
		HeapTupleData tuple;

		tuple.t_len = tuples[i]->t_len + MINIMAL_TUPLE_OFFSET;
		tuple.t_data = (HeapTupleHeader) ((char *) tuples[i] - MINIMAL_TUPLE_OFFSET);
		for (int k = 0; HeapTupleHasNulls(&tuple) && k < cq->nkeys; k++)
			if (heap_attisnull(&tuple, k + 1, NULL))
				ereport(ERROR,
						(errcode(ERRCODE_NOT_NULL_VIOLATION),
						 errmsg("null value in column \"%s\" of the view's primary key", cq->keys[k].colname)));
		if (!cq->plain_keys && key_size(cq, desc, &tuple) > MAX_KEY_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("group key of %zu bytes is too long for the view's primary key", key_size(cq, desc, &tuple)),
					 errdetail("The limit is %d bytes.", MAX_KEY_SIZE)));
	}
}

/* At most what the index has of it. */
static Size
key_size(const ContQuery *cq, TupleDesc desc, HeapTuple tuple)
{
	Size		size = MAXALIGN(sizeof(IndexTupleData));

	for (int k = 0; k < cq->nkeys; k++)
	{
		int16		len = TupleDescAttr(desc, k)->attlen;
		bool		isnull;
		Datum		value = heap_getattr(tuple, k + 1, desc, &isnull);

		size += MAXALIGN(len > 0 ? (Size) len : len == -1 ? toast_raw_datum_size(value) :
						 strlen(DatumGetCString(value)) + 1);
	}
	return size;
}
