/*
 * sorted.c
 *	  Groups in the order in which a matrel's lookup index has them.
 *
 * A flush that writes groups in the order of the index touches each of its
 * pages once, and appends to it when the matrel was empty.  So tables are
 * sorted before they are written, files are sorted when they are made
 * (spill.c), and here all of a view's are merged.  A group that is in several
 * runs and files is combined before it is written, so that it is written once.
 *
 * Groups are ordered by their keys, or where the index is on the hash of the
 * keys by that; then groups with equal hashes are compared one with another.
 *
 * Process-local, but for the runs that are read.  Memory: a context for the
 * sources, one for the rows of a call, one that is reset for each group
 * combined.
 */
#include "postgres.h"

#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "groups/order.h"
#include "groups/sorted.h"
#include "groups/spill.h"

#define ROWS_AT_ONCE 1000
#define BYTES_AT_ONCE (4 * 1024 * 1024)

/* Sources that are merged at once: each file takes a buffer. */
#define MAX_MERGED 16

/*
 * A table, the sorted part of a file, or (one chunk after the other) its
 * unsorted part.
 */
typedef struct Source
{
	GroupTable *table;
	Run		   *run;
	int			file;
	bool		unsorted;

	/* while it is read */
	OrderedGroup head;
	OrderedGroup *groups;		/* of the table or chunk */
	int64		ngroups;
	int64		next;
	SpillReader *reader;
} Source;

struct SortedGroups
{
	GroupSpec  *spec;
	MemoryContext cxt;
	MemoryContext open_cxt;		/* of the sources that are open */
	MemoryContext row_cxt;
	MemoryContext scratch;
	int			nsources;
	int			maxsources;
	Source	   *sources;
	int			first_open;		/* [first_open, first_closed) are open */
	int			first_closed;
	binaryheap *heap;
	bool		again;			/* some sources have been read to their end */
	int			nrows;			/* of this call */
	int			maxrows;
	MinimalTuple *rows;
};

/* ---------------------------------------------------------------------
 * Sources
 * --------------------------------------------------------------------- */

static void
add_source(SortedGroups *sorted, Source source)
{
	if (sorted->nsources == sorted->maxsources)
	{
		sorted->maxsources = Max(sorted->maxsources * 2, 8);
		sorted->sources = sorted->sources ?
			repalloc(sorted->sources, sizeof(Source) * sorted->maxsources) :
			palloc(sizeof(Source) * sorted->maxsources);
	}
	sorted->sources[sorted->nsources++] = source;
}

static void
add_run(SortedGroups *sorted, Run *run, bool unsorted)
{
	/* What is in files came first. */
	for (int file = 0; file < run->nfiles; file++)
		if (!unsorted || run->unsorted)
			add_source(sorted, (Source) {.run = run, .file = file, .unsorted = unsorted});
	for (GroupTable *table = run->tables; table && !unsorted; table = table->next)
		if (table->defid == sorted->spec->defid)
			add_source(sorted, (Source) {.table = table});
}

SortedGroups *
weir_sorted_open(Epoch *epoch, GroupSpec *spec)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "weir sorted groups",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SortedGroups *sorted = palloc0(sizeof(SortedGroups));

	sorted->cxt = cxt;
	sorted->maxrows = 16;
	sorted->rows = palloc(sizeof(MinimalTuple) * sorted->maxrows);
	sorted->spec = spec;
	sorted->open_cxt = AllocSetContextCreate(cxt, "weir open groups", ALLOCSET_SMALL_SIZES);
	sorted->row_cxt = AllocSetContextCreate(cxt, "weir merged rows", ALLOCSET_DEFAULT_SIZES);
	sorted->scratch = AllocSetContextCreate(cxt, "weir combine", ALLOCSET_SMALL_SIZES);
	for (int unsorted = 0; unsorted <= 1; unsorted++)
	{
		add_run(sorted, &epoch->main, unsorted);
		for (Run *run = epoch->adopted; run; run = run->next)
			add_run(sorted, run, unsorted);
	}
	MemoryContextSwitchTo(old);
	return sorted;
}

/* The next row becomes the head; false at the end. */
static bool
advance(SortedGroups *sorted, Source *source)
{
	MinimalTuple tuple;

	if (source->groups != NULL)
	{
		if (source->next == source->ngroups)
			return false;
		source->head = source->groups[source->next++];
		return true;
	}
	tuple = weir_spill_next(source->reader);
	if (tuple == NULL)
		return false;
	weir_order_set(&source->head, sorted->spec, tuple, NULL);
	return true;
}

/*
 * What comes from an unsorted file is a source chunk by chunk; false at its
 * end.
 */
static bool
next_unsorted_chunk(SortedGroups *sorted, Source *source)
{
	MinimalTuple *tuples;
	int			ntuples;

	if (source->reader == NULL)
		source->reader = weir_spill_open(source->run, source->file, sorted->spec->defid, false);
	ntuples = weir_spill_next_chunk(source->reader, &tuples);
	if (source->groups)
		pfree(source->groups);
	source->groups = weir_order_rows(tuples, ntuples, sorted->spec);
	source->ngroups = ntuples;
	source->next = 0;
	return ntuples > 0;
}

static void
open_source(SortedGroups *sorted, Source *source)
{
	if (source->table)
	{
		source->groups = weir_order_table(source->table, sorted->spec);
		source->ngroups = source->table->ngroups;
	}
	else if (source->unsorted)
		(void) next_unsorted_chunk(sorted, source);
	else
		source->reader = weir_spill_open(source->run, source->file, sorted->spec->defid, true);
}

static int
compare_sources(Datum a, Datum b, void *arg)
{
	SortedGroups *sorted = arg;
	Source	   *x = (Source *) DatumGetPointer(a);
	Source	   *y = (Source *) DatumGetPointer(b);

	int			result = weir_order_compare(&y->head, &x->head, sorted->spec);

	/*
	 * The heap's first is the greatest.  Of one group, the states come in the
	 * order of the sources.
	 */
	return result != 0 ? result : x < y ? 1 : -1;
}

static void
close_sources(SortedGroups *sorted)
{
	for (int i = sorted->first_open; i < sorted->first_closed; i++)
		if (sorted->sources[i].reader)
			weir_spill_close(sorted->sources[i].reader);
	sorted->first_open = sorted->first_closed;
	sorted->heap = NULL;
	MemoryContextReset(sorted->open_cxt);
}

/*
 * The next sources that are read together: all that are sorted, as far as they
 * may be, or one that is not.
 */
static bool
open_sources(SortedGroups *sorted)
{
	MemoryContext old;
	Source	   *last = sorted->first_closed > sorted->first_open ?
		&sorted->sources[sorted->first_closed - 1] : NULL;

	old = MemoryContextSwitchTo(sorted->open_cxt);
	sorted->again = last != NULL;
	if (last == NULL || !last->unsorted || !next_unsorted_chunk(sorted, last))
	{
		close_sources(sorted);
		while (sorted->first_closed < sorted->nsources &&
			   sorted->first_closed - sorted->first_open < MAX_MERGED)
		{
			Source	   *source = &sorted->sources[sorted->first_closed];

			if (source->unsorted && sorted->first_closed > sorted->first_open)
				break;
			sorted->first_closed++;
			open_source(sorted, source);
			if (source->unsorted)
				break;
		}
		if (sorted->first_closed > sorted->first_open)
			sorted->heap = binaryheap_allocate(sorted->first_closed - sorted->first_open,
											   compare_sources, sorted);
	}
	for (int i = sorted->first_open; i < sorted->first_closed; i++)
		if (advance(sorted, &sorted->sources[i]))
			binaryheap_add_unordered(sorted->heap, PointerGetDatum(&sorted->sources[i]));
	if (sorted->heap)
		binaryheap_build(sorted->heap);
	MemoryContextSwitchTo(old);
	return sorted->heap != NULL;
}

/* ---------------------------------------------------------------------
 * Merging
 * --------------------------------------------------------------------- */

static MinimalTuple
keep_row(SortedGroups *sorted, MinimalTuple tuple)
{
	MinimalTuple copy = MemoryContextAlloc(sorted->row_cxt, tuple->t_len);

	memcpy(copy, tuple, tuple->t_len);
	return copy;
}

static void
advance_first(SortedGroups *sorted)
{
	Source	   *source = (Source *) DatumGetPointer(binaryheap_first(sorted->heap));

	if (!advance(sorted, source))
		(void) binaryheap_remove_first(sorted->heap);
	else if (sorted->first_closed - sorted->first_open > 1)
		binaryheap_replace_first(sorted->heap, PointerGetDatum(source));
}

static OrderedGroup *
first_head(SortedGroups *sorted)
{
	if (binaryheap_empty(sorted->heap))
		return NULL;
	return &((Source *) DatumGetPointer(binaryheap_first(sorted->heap)))->head;
}

static bool
same_group(GroupSpec *spec, MinimalTuple a, MinimalTuple b)
{
	TupleTableSlot *x = spec->old_slot;
	TupleTableSlot *y = spec->new_slot;

	ExecStoreMinimalTuple(a, x, false);
	ExecStoreMinimalTuple(b, y, false);
	slot_getsomeattrs(x, spec->keys.nkeys);
	slot_getsomeattrs(y, spec->keys.nkeys);
	return weir_keys_equal(&spec->keys, x->tts_values, x->tts_isnull, y->tts_values, y->tts_isnull);
}

static void
add_row(SortedGroups *sorted, MinimalTuple tuple)
{
	if (sorted->nrows == sorted->maxrows)
	{
		sorted->maxrows *= 2;
		sorted->rows = repalloc_huge(sorted->rows, sizeof(MinimalTuple) * sorted->maxrows);
	}
	sorted->rows[sorted->nrows++] = tuple;
}

/*
 * Combine the head with the row of its group, which is from first on; else add
 * it.  The row is freed at once: states may be large, and a group's many.
 */
static void
add_head(SortedGroups *sorted, MinimalTuple head, int first)
{
	GroupSpec  *spec = sorted->spec;
	int			i = first;
	MinimalTuple row;
	MemoryContext old;

	if (spec->keys.order == NULL)
		while (i < sorted->nrows && !same_group(spec, sorted->rows[i], head))
			i++;
	if (i == sorted->nrows)
		add_row(sorted, keep_row(sorted, head));
	else if (spec->nstates > 0)
	{
		row = sorted->rows[i];
		old = MemoryContextSwitchTo(sorted->scratch);
		sorted->rows[i] = weir_groups_combine(spec, row, head, sorted->row_cxt);
		MemoryContextSwitchTo(old);
		MemoryContextReset(sorted->scratch);
		pfree(row);
	}
}

/*
 * All that is ordered alike with the first head: one group, or, when the order
 * is of hashes, few.
 */
static void
add_alike(SortedGroups *sorted)
{
	GroupSpec  *spec = sorted->spec;
	OrderedGroup *head = first_head(sorted);
	int			first_row = sorted->nrows;
	uint32		hash = DatumGetUInt32(head->first);
	OrderedGroup first;

	weir_order_set(&first, spec, keep_row(sorted, head->tuple), &hash);
	add_row(sorted, first.tuple);
	advance_first(sorted);
	while ((head = first_head(sorted)) != NULL && weir_order_compare(&first, head, spec) == 0)
	{
		add_head(sorted, head->tuple, first_row);
		if (first.tuple != sorted->rows[first_row])
			weir_order_set(&first, spec, sorted->rows[first_row], &hash);
		advance_first(sorted);
	}
}

/*
 * Rows of a single source, or without keys, are not combined; a table's stay
 * where they are.
 */
static void
add_as_it_is(SortedGroups *sorted)
{
	Source	   *source = (Source *) DatumGetPointer(binaryheap_first(sorted->heap));

	add_row(sorted, source->table ? source->head.tuple : keep_row(sorted, source->head.tuple));
	advance_first(sorted);
}

int
weir_sorted_next(SortedGroups *sorted, MinimalTuple **tuples, bool *first_time)
{
	MemoryContextReset(sorted->row_cxt);
	sorted->nrows = 0;
	while (sorted->heap == NULL || binaryheap_empty(sorted->heap))
		if (!open_sources(sorted))
			return 0;
	while (sorted->nrows < ROWS_AT_ONCE && !binaryheap_empty(sorted->heap) &&
		   MemoryContextMemAllocated(sorted->row_cxt, false) < BYTES_AT_ONCE)
	{
		CHECK_FOR_INTERRUPTS();
		if (sorted->spec->append || sorted->first_closed - sorted->first_open == 1)
			add_as_it_is(sorted);
		else
			add_alike(sorted);
	}
	*tuples = sorted->rows;
	*first_time = !sorted->again;
	return sorted->nrows;
}

void
weir_sorted_close(SortedGroups *sorted)
{
	close_sources(sorted);
	ExecClearTuple(sorted->spec->old_slot);
	ExecClearTuple(sorted->spec->new_slot);
	MemoryContextDelete(sorted->cxt);
}
