/*
 * faulty_groups.c
 *	  Groups of a view that cannot be written, while others can.
 *
 * A matrel has its owner's indexes, on keys that may be too long for them and
 * on expressions that may fail; combining two states may overflow.  That is
 * the fault of one group, as a division by zero in the query is that of one
 * row: it becomes a dead letter, with its key as payload, and the rest of the
 * flush is written.
 *
 * Who is at fault is found by writing the groups, in subtransactions of one
 * that is undone: the writer tells at which it failed; where it cannot, in
 * ever smaller parts.  Then the view is written again without them, and
 * without their values.  That takes several times as long as to write it, so
 * it has an end: when many fail, or for long, or none has been written since
 * many flushes, the view is at fault.
 *
 * What the flush keeps over different values (matrel/distinct_state.c) is not
 * in a row that is written to find faults.  So where an index is on such a
 * column, nobody looks.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "agg/key.h"
#include "base/attempt.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/owner.h"
#include "base/stats.h"
#include "base/time_limit.h"
#include "flush/faulty_groups.h"
#include "flush/notes.h"
#include "groups/sorted.h"
#include "matrel/write.h"

/* Rows after a failing one are written again, so ranges get smaller. */
#define ROWS_AT_ONCE 64

#define MAX_FAULTY 1000
#define MAX_IN_A_ROW 1000
#define MAX_USECS (3 * USECS_PER_SEC)
/* that may fail whatever the time: a single group may be large */
#define TRIES_AT_LEAST 8

typedef struct FaultyGroup
{
	/* number among the view's rows, for a row that is not a group */
	int64		place;
	uint32		hash;			/* of the key of a group */
	MinimalTuple tuple;
	ErrorData  *error;

	/* key as JSON; NULL if it could not be printed */
	char	   *key;
} FaultyGroup;

struct FaultyGroups
{
	ViewRuntime *runtime;
	Epoch	   *epoch;
	MemoryContext cxt;
	MemoryContext attempt_cxt;	/* of one attempt to write */
	int			n;
	FaultyGroup groups[MAX_FAULTY];
	HTAB	   *by_hash;		/* hash of a key -> list of groups */
	int64		place;			/* position of the next row */
	int			next;			/* index of the next faulty row */
	TimestampTz deadline;
	int			failed;			/* attempts */
	ErrorData  *error;			/* why the view is at fault */
};

typedef struct HashEntry
{
	uint32		hash;
	List	   *groups;			/* indexes */
} HashEntry;

/* Rows of one relation (matrel or values relation) that are tried together. */
typedef struct Range
{
	FaultyGroups *faulty;
	ViewRuntime *part;
	MinimalTuple *tuples;
	int			n;
	MatrelWriter *writer;		/* of the last attempt */
} Range;

/*
 * How many groups of a view have failed since one was written last;
 * process-local.
 */
typedef struct Streak
{
	Oid			defid;
	int			n;
} Streak;

static HTAB *streaks = NULL;

static bool index_on_kept(ViewRuntime *runtime);
static bool is_kept_column(ContQuery *query, int column);
static void find(void *arg);
static bool find_in_part(FaultyGroups *faulty, ViewRuntime *part);
static bool write_or_divide(Range range, int64 place);
static Range slice(const Range *range, int from, int to);
static ErrorData *try_to_write(Range *range, int *at, int *safe);
static void write_range(void *arg);
static bool add(FaultyGroups *faulty, ViewRuntime *part, MinimalTuple tuple, int64 place, ErrorData *error);
static bool is_known(FaultyGroups *faulty, TupleTableSlot *row, uint32 hash);
static char *key_as_text(FaultyGroups *faulty, TupleTableSlot *row);
static void make_key_text(void *arg);
static int *streak_of(Oid defid);

FaultyGroups *
weir_faulty_find(ContView *view, Epoch *epoch, ErrorData **error)
{
	FaultyGroups *faulty = palloc0(sizeof(FaultyGroups));
	HASHCTL		ctl;
	ErrorData  *failed;

	faulty->runtime = weir_runtime_get(view);
	if ((faulty->runtime->spec.keys.nkeys == 0 && !faulty->runtime->spec.append) || index_on_kept(faulty->runtime))
		return NULL;
	faulty->epoch = epoch;
	faulty->cxt = CurrentMemoryContext;
	faulty->attempt_cxt = AllocSetContextCreate(CurrentMemoryContext, "weir attempt to write", ALLOCSET_DEFAULT_SIZES);
	faulty->deadline = weir_clock_steady() + MAX_USECS;
	ctl.keysize = sizeof(uint32);
	ctl.entrysize = sizeof(HashEntry);
	ctl.hcxt = CurrentMemoryContext;
	faulty->by_hash = hash_create("weir faulty groups", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	failed = weir_attempt_undone(find, faulty);
	if (failed || faulty->error)
		*error = failed ? failed : faulty->error;
	return failed || faulty->error || faulty->n == 0 ? NULL : faulty;
}

/*
 * Filters in place. Rows of a values relation are matched by the key of their
 * group.
 */
int
weir_faulty_leave_out(FaultyGroups *faulty, int part, MinimalTuple *tuples, int ntuples)
{
	GroupSpec  *spec = &faulty->runtime->spec;
	ViewRuntime *of = weir_runtime_part(faulty->runtime, part);
	int			left = 0;

	for (int i = 0; i < ntuples; i++)
	{
		bool		out;

		if (spec->append)
		{
			out = faulty->next < faulty->n && faulty->groups[faulty->next].place == faulty->place;
			faulty->next += out;
			faulty->place++;
		}
		else
		{
			TupleTableSlot *row = of->spec.new_slot;

			ExecStoreMinimalTuple(tuples[i], row, false);
			slot_getsomeattrs(row, spec->keys.nkeys);
			out = is_known(faulty, row, weir_keys_hash(&spec->keys, row->tts_values, row->tts_isnull));
			ExecClearTuple(row);
		}
		if (!out)
			tuples[left++] = tuples[i];
	}
	return left;
}

void
weir_faulty_bury(FaultyGroups *faulty)
{
	for (int i = 0; i < faulty->n; i++)
	{
		FaultyGroup *group = &faulty->groups[i];
		Note		letter = {
			.kind = NOTE_DEAD_LETTER,
			.streamid = linitial_oid(faulty->runtime->query->streams),
			.viewid = faulty->runtime->view.viewid,
			.partition = -1,
			.offset = -1,
			.payload = group->key,
			.payload_len = group->key ? strlen(group->key) : -1,
			.sqlerrcode = group->error->sqlerrcode,
			.message = psprintf("the group cannot be written: %s", group->error->message)
		};

		weir_notes_add(&letter);
		weir_stats_view_error(faulty->runtime->view.defid);
	}
}

void
weir_faulty_none(Oid defid)
{
	if (streaks && hash_get_num_entries(streaks) > 0)
		(void) hash_search(streaks, &defid, HASH_REMOVE, NULL);
}

void
weir_faulty_purge(List *views)
{
	weir_cont_views_purge(streaks, views);
}

/* ---------------------------------------------------------------------
 * Finding
 * --------------------------------------------------------------------- */

static bool
index_on_kept(ViewRuntime *runtime)
{
	Relation	rel = try_table_open(runtime->view.matrelid, AccessShareLock);
	bool		result = false;
	ListCell   *lc;

	if (rel == NULL)
		return true;
	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset  *columns = NULL;
		int			i = -1;

		for (int k = 0; k < index->rd_index->indnatts; k++)
			if (index->rd_index->indkey.values[k] != 0)
				columns = bms_add_member(columns, index->rd_index->indkey.values[k] - FirstLowInvalidHeapAttributeNumber);
		pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
		pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
		while ((i = bms_next_member(columns, i)) >= 0)
			result |= is_kept_column(runtime->query, i + FirstLowInvalidHeapAttributeNumber - 1);
		index_close(index, AccessShareLock);
	}
	table_close(rel, AccessShareLock);
	return result;
}

static bool
is_kept_column(ContQuery *query, int column)
{
	for (int i = 0; i < query->nstates; i++)
		if (query->states[i].written && (query->states[i].column == column || query->states[i].value_column == column))
			return true;
	return false;
}

static void
find(void *arg)
{
	FaultyGroups *faulty = arg;
	ContView   *view = &faulty->runtime->view;
	ViewRuntime *part;
	OwnerSwitch saved;

	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	for (int i = 0; (part = weir_runtime_part(faulty->runtime, i)) != NULL; i++)
		if (!find_in_part(faulty, part))
			break;
	weir_owner_leave(&saved);
}

/* Returns false when the view as a whole is at fault. */
static bool
find_in_part(FaultyGroups *faulty, ViewRuntime *part)
{
	SortedGroups *sorted = weir_sorted_open(faulty->epoch, &part->spec);
	Range		range = {faulty, part};
	int64		place = 0;
	bool		first_time;
	bool		going = true;

	while (going && (range.n = weir_sorted_next(sorted, &range.tuples, &first_time)) > 0)
	{
		for (int from = 0; going && from < range.n; from += ROWS_AT_ONCE)
			going = write_or_divide(slice(&range, from, Min(from + ROWS_AT_ONCE, range.n)), place + from);
		place += range.n;
	}
	weir_sorted_close(sorted);
	return going;
}

static bool
write_or_divide(Range range, int64 place)
{
	FaultyGroups *faulty = range.faulty;

	while (range.n > 0)
	{
		int			at;
		int			safe;
		int			done = range.n / 2;
		ErrorData  *error = try_to_write(&range, &at, &safe);

		if (error == NULL)
			return true;
		if (weir_errors_kind(error) == ERROR_RETRY)
			ReThrowError(error);
		if (weir_errors_kind(error) == ERROR_VIEW ||
			(++faulty->failed >= TRIES_AT_LEAST && weir_clock_steady() > faulty->deadline))
		{
			faulty->error = error;
			return false;
		}
		if (at >= 0)
		{
			if (!write_or_divide(slice(&range, safe, at), place + safe) ||
				!add(faulty, range.part, range.tuples[at], place + at, error))
				return false;
			done = at + 1;
		}
		else if (!write_or_divide(slice(&range, 0, done), place))
			return false;
		range = slice(&range, done, range.n);
		place += done;
	}
	return true;
}

static Range
slice(const Range *range, int from, int to)
{
	Range		result = *range;

	result.tuples += from;
	result.n = to - from;
	return result;
}

/*
 * Sets *at to the row at which writing failed, or -1, and *safe to the number
 * of rows written before it: see weir_matrel_failed_at.
 */
static ErrorData *
try_to_write(Range *range, int *at, int *safe)
{
	FaultyGroups *faulty = range->faulty;
	GroupSpec  *spec = &range->part->spec;
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	weir_time_limit_restart();
	*at = *safe = 0;
	range->writer = NULL;
	error = weir_attempt(write_range, range);
	if (error && range->n > 1)
		*at = range->writer ? weir_writer_failed_at(range->writer, safe) : -1;
	MemoryContextReset(faulty->attempt_cxt);
	if (error == NULL || *safe > 0)
		weir_faulty_none(faulty->runtime->view.defid);
	if (error == NULL)
		return NULL;

	/* Close what the failed attempt left open and an abort does not. */
	(void) weir_errors_begin(faulty->runtime->view.defid);
	for (int i = 0; i < spec->nstates; i++)
		weir_partial_agg_reset(spec->states[i]);
	ExecClearTuple(spec->new_slot);
	return error;
}

/*
 * Opens and closes the writer inside, so that the end of the subtransaction
 * closes everything.
 */
static void
write_range(void *arg)
{
	Range	   *range = arg;

	MemoryContextSwitchTo(range->faulty->attempt_cxt);
	range->writer = weir_writer_open(range->part);
	if (range->writer == NULL)
		return;
	weir_matrel_write(range->writer, range->tuples, range->n, false);
	weir_writer_close(range->writer);
}

/* Returns false when there are too many faulty groups. */
static bool
add(FaultyGroups *faulty, ViewRuntime *part, MinimalTuple tuple, int64 place, ErrorData *error)
{
	GroupSpec  *spec = &faulty->runtime->spec;
	TupleTableSlot *row = part->spec.new_slot;
	FaultyGroup *group = &faulty->groups[faulty->n];
	uint32		hash = 0;
	bool		known = false;

	ExecStoreMinimalTuple(tuple, row, false);
	if (!spec->append)
	{
		slot_getsomeattrs(row, spec->keys.nkeys);
		hash = weir_keys_hash(&spec->keys, row->tts_values, row->tts_isnull);
		known = is_known(faulty, row, hash);
	}
	if (!known && (faulty->n == MAX_FAULTY || ++*streak_of(faulty->runtime->view.defid) > MAX_IN_A_ROW))
	{
		ExecClearTuple(row);
		faulty->error = error;
		return false;
	}
	if (!known)
	{
		HashEntry  *entry;
		bool		found;

		group->place = place;
		group->hash = hash;
		group->error = error;
		group->key = key_as_text(faulty, row);
		group->tuple = ExecCopySlotMinimalTuple(row);
		entry = hash_search(faulty->by_hash, &hash, HASH_ENTER, &found);
		entry->groups = lappend_int(found ? entry->groups : NIL, faulty->n++);
	}
	ExecClearTuple(row);
	return true;
}

/*
 * Works for groups and for rows of values relations, which begin with their
 * group's key.
 */
static bool
is_known(FaultyGroups *faulty, TupleTableSlot *row, uint32 hash)
{
	GroupSpec  *spec = &faulty->runtime->spec;
	HashEntry  *entry = hash_search(faulty->by_hash, &hash, HASH_FIND, NULL);
	bool		result = false;
	ListCell   *lc;

	foreach(lc, entry ? entry->groups : NIL)
	{
		ExecStoreMinimalTuple(faulty->groups[lfirst_int(lc)].tuple, spec->old_slot, false);
		slot_getsomeattrs(spec->old_slot, spec->keys.nkeys);
		result = result || weir_keys_equal(&spec->keys, spec->old_slot->tts_values, spec->old_slot->tts_isnull,
										   row->tts_values, row->tts_isnull);
		ExecClearTuple(spec->old_slot);
	}
	return result;
}

typedef struct KeyText
{
	FaultyGroups *faulty;
	TupleTableSlot *row;
	char	   *text;
} KeyText;

/* Casts to json are user code, too: run them as the owner. */
static char *
key_as_text(FaultyGroups *faulty, TupleTableSlot *row)
{
	KeyText		made = {faulty, row, NULL};

	return weir_attempt(make_key_text, &made) == NULL ? made.text : NULL;
}

static void
make_key_text(void *arg)
{
	KeyText    *made = arg;
	GroupSpec  *spec = &made->faulty->runtime->spec;
	int			n = spec->append ? spec->desc->natts : spec->keys.nkeys;
	TupleDesc	desc = CreateTemplateTupleDesc(n);
	HeapTuple	tuple;

	for (int i = 0; i < n; i++)
		TupleDescCopyEntry(desc, i + 1, spec->desc, i + 1);
	desc = BlessTupleDesc(desc);
	slot_getsomeattrs(made->row, n);
	tuple = heap_form_tuple(desc, made->row->tts_values, made->row->tts_isnull);
	made->text = TextDatumGetCString(DirectFunctionCall1(row_to_json, HeapTupleGetDatum(tuple)));
}

static int *
streak_of(Oid defid)
{
	Streak	   *streak;
	bool		found;

	if (streaks == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Streak);
		streaks = hash_create("weir views without a group that can be written", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	streak = hash_search(streaks, &defid, HASH_ENTER, &found);
	if (!found)
		streak->n = 0;
	return &streak->n;
}
