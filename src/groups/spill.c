/*
 * spill.c
 *	  Groups and notes of a run that do not fit in memory, in files.
 *
 * Called by the worker that builds a private run, to write, and by the flush
 * worker, to read, each in a transaction of its own.  A file is written once
 * and closed; the file set belongs to the run and goes with it.
 *
 * A groups file is a list of chunks: header, then rows at MAXALIGNed places,
 * all of one view; no group occurs twice in a file.  The chunks of a view are
 * in the order of its groups (order.c), unless they say that they are not: the
 * view may not be known well enough here.  A notes file is a list of sizes,
 * each with the StoredNote it is of.
 */
#include "postgres.h"

#include "storage/buffile.h"
#include "utils/memutils.h"

#include "base/shmem.h"
#include "groups/order.h"
#include "groups/spill.h"
#include "runtime/execute.h"

/* A chunk of a spill file: header, then tuples at MAXALIGNed places. */
typedef struct SpillHeader
{
	Oid			defid;
	bool		sorted;
	uint32		ntuples;
	Size		len;
} SpillHeader;

#define SPILL_CHUNK (256 * 1024)

static BufFile *
spill_begin(Run *run, const char *kind, int number)
{
	char		name[32];

	if (!run->have_files)
	{
		weir_fileset_init(&run->fileset);
		run->have_files = true;
	}
	snprintf(name, sizeof(name), "%s%d", kind, number);

	/* What an attempt that failed may have left. */
	BufFileDeleteFileSet(&run->fileset, name, true);
	return BufFileCreateFileSet(&run->fileset, name);
}

static void
spill_end(BufFile *file)
{
	BufFileExportFileSet(file);
	BufFileClose(file);
}

typedef struct SpillBuffer
{
	BufFile    *file;
	SpillHeader header;
	char	   *data;
	Size		size;
} SpillBuffer;

static void
spill_flush(SpillBuffer *buffer)
{
	if (buffer->header.ntuples > 0)
	{
		BufFileWrite(buffer->file, &buffer->header, sizeof(SpillHeader));
		BufFileWrite(buffer->file, buffer->data, buffer->header.len);
	}
	buffer->header.ntuples = 0;
	buffer->header.len = 0;
}

/* What follows is of this view. */
static void
spill_section(SpillBuffer *buffer, Oid defid, bool sorted)
{
	spill_flush(buffer);
	buffer->header.defid = defid;
	buffer->header.sorted = sorted;
}

static void
spill_row(SpillBuffer *buffer, MinimalTuple tuple)
{
	Size		len = MAXALIGN(tuple->t_len);

	if (buffer->header.len + len > buffer->size)
		spill_flush(buffer);
	if (len > buffer->size)
	{
		buffer->data = repalloc_huge(buffer->data, len);
		buffer->size = len;
	}
	memcpy(buffer->data + buffer->header.len, tuple, tuple->t_len);
	memset(buffer->data + buffer->header.len + tuple->t_len, 0, len - tuple->t_len);
	buffer->header.len += len;
	buffer->header.ntuples++;
}

static void
spill_buffer_init(SpillBuffer *buffer, BufFile *file)
{
	memset(buffer, 0, sizeof(SpillBuffer));
	buffer->file = file;
	buffer->size = SPILL_CHUNK;
	buffer->data = palloc(SPILL_CHUNK);
}

static void
spill_sorted_table(SpillBuffer *buffer, GroupTable *table, GroupSpec *spec)
{
	OwnerSwitch saved;
	OrderedGroup *groups;

	weir_owner_enter(&saved, spec->owner, spec->path, spec->viewdef);
	groups = weir_order_table(table, spec);
	weir_owner_leave(&saved);
	spill_section(buffer, table->defid, true);
	for (int64 i = 0; i < table->ngroups; i++)
		spill_row(buffer, groups[i].tuple);
	pfree(groups);
}

static void
spill_table(SpillBuffer *buffer, GroupTable *table)
{
	uint32		bucket = 0;
	GroupEntry *group = NULL;

	spill_section(buffer, table->defid, table->append);
	while ((group = weir_groups_next(table, &bucket, group)) != NULL)
		spill_row(buffer, group->tuple);
}

void
weir_run_dump(Run *run)
{
	SpillBuffer buffer;
	bool		unsorted = false;

	if (run->tables == NULL)
		return;
	spill_buffer_init(&buffer, spill_begin(run, "groups", run->nfiles));
	for (GroupTable *table = run->tables; table; table = table->next)
	{
		GroupSpec  *spec = weir_runtime_known_spec(table->defid);

		if (spec)
			spill_sorted_table(&buffer, table, spec);
		else
			spill_table(&buffer, table);
		unsorted = unsorted || (spec == NULL && !table->append);
	}
	spill_flush(&buffer);
	spill_end(buffer.file);
	pfree(buffer.data);
	run->nfiles++;
	run->unsorted = run->unsorted || unsorted;

	for (GroupTable *table = run->tables; table; table = table->next)
		weir_groups_free_buckets(table, run->arena.cxt == NULL);
	run->tables = NULL;
	weir_arena_free(&run->arena);
}

/* Sizes, each with the note it is of. */
static void
spill_notes(Run *run, MergeInput *input)
{
	BufFile    *file = spill_begin(run, "notes", run->nnote_files);

	for (int i = 0; i < input->nnotes; i++)
	{
		Size		size = weir_note_size(&input->notes[i]);
		StoredNote *note = MemoryContextAllocHuge(CurrentMemoryContext, size);

		weir_note_store(note, &input->notes[i]);
		BufFileWrite(file, &size, sizeof(size));
		BufFileWrite(file, note, size);
		pfree(note);
	}
	spill_end(file);
}

void
weir_run_spill(Run *run, MergeInput *input)
{
	SpillBuffer buffer;

	spill_buffer_init(&buffer, spill_begin(run, "groups", run->nfiles));
	for (int i = 0; i < input->nviews; i++)
	{
		ViewResult *view = &input->views[i];
		OwnerSwitch saved;

		weir_owner_enter(&saved, view->spec->owner, view->spec->path, view->spec->viewdef);
		weir_order_sort(view->spec, view->tuples, view->ntuples);
		weir_owner_leave(&saved);
		spill_section(&buffer, view->spec->defid, true);
		for (int j = 0; j < view->ntuples; j++)
			spill_row(&buffer, view->tuples[j]);
	}
	spill_flush(&buffer);
	spill_end(buffer.file);
	pfree(buffer.data);
	if (input->nnotes > 0)
		spill_notes(run, input);

	/* Now that nothing can fail any more, both files are part of the run. */
	run->nfiles++;
	if (input->nnotes > 0)
		run->nnote_files++;
}

/* ---------------------------------------------------------------------
 * Reading
 * --------------------------------------------------------------------- */

struct SpillReader
{
	BufFile    *file;
	Oid			defid;
	bool		sorted;
	MemoryContext cxt;			/* of the chunk */
	MinimalTuple *tuples;
	int			ntuples;
	int			next;
};

static void
ended_early(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED), errmsg("spill file of an epoch ends early")));
}

SpillReader *
weir_spill_open(Run *run, int file, Oid defid, bool sorted)
{
	SpillReader *reader = palloc0(sizeof(SpillReader));
	char		name[32];

	snprintf(name, sizeof(name), "groups%d", file);
	reader->file = BufFileOpenFileSet(&run->fileset, name, O_RDONLY, false);
	reader->defid = defid;
	reader->sorted = sorted;
	reader->cxt = AllocSetContextCreate(CurrentMemoryContext, "weir spill", ALLOCSET_DEFAULT_SIZES);
	return reader;
}

/* The header of the next chunk that is asked for; false at the end. */
static bool
find_chunk(SpillReader *reader, SpillHeader *header)
{
	size_t		got;

	while ((got = BufFileRead(reader->file, header, sizeof(SpillHeader))) == sizeof(SpillHeader))
	{
		if (header->defid == reader->defid && header->sorted == reader->sorted)
			return true;
		if (BufFileSeek(reader->file, 0, header->len, SEEK_CUR) != 0)
			ended_early();
	}
	if (got != 0)
		ended_early();
	return false;
}

int
weir_spill_next_chunk(SpillReader *reader, MinimalTuple **tuples)
{
	SpillHeader header;
	MemoryContext old;
	char	   *data;

	reader->ntuples = reader->next = 0;
	MemoryContextReset(reader->cxt);
	if (!find_chunk(reader, &header))
		return 0;
	old = MemoryContextSwitchTo(reader->cxt);
	data = palloc_extended(header.len, MCXT_ALLOC_HUGE);
	reader->tuples = palloc(sizeof(MinimalTuple) * header.ntuples);
	MemoryContextSwitchTo(old);
	if (BufFileRead(reader->file, data, header.len) != header.len)
		ended_early();
	for (uint32 i = 0; i < header.ntuples; i++)
	{
		reader->tuples[i] = (MinimalTuple) data;
		data += MAXALIGN(reader->tuples[i]->t_len);
	}
	reader->ntuples = header.ntuples;
	*tuples = reader->tuples;
	return header.ntuples;
}

MinimalTuple
weir_spill_next(SpillReader *reader)
{
	MinimalTuple *tuples;

	if (reader->next == reader->ntuples && weir_spill_next_chunk(reader, &tuples) == 0)
		return NULL;
	return reader->tuples[reader->next++];
}

void
weir_spill_close(SpillReader *reader)
{
	BufFileClose(reader->file);
	MemoryContextDelete(reader->cxt);
	pfree(reader);
}

void
weir_run_read_notes(Run *run, int number, void (*reader) (StoredNote *note))
{
	char		name[32];
	BufFile    *file;
	Size		size;

	snprintf(name, sizeof(name), "notes%d", number);
	file = BufFileOpenFileSet(&run->fileset, name, O_RDONLY, false);
	while (BufFileRead(file, &size, sizeof(size)) == sizeof(size))
	{
		StoredNote *note = MemoryContextAllocHuge(CurrentMemoryContext, size);

		if (BufFileRead(file, note, size) != size)
			ended_early();
		reader(note);
		pfree(note);
	}
	BufFileClose(file);
}
