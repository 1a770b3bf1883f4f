/*
 * aside_table.c
 *	  The rows of weir.set_aside: groups of views on their way into their
 *	  matrels.
 *
 * Groups are kept as they are in an epoch, rows of the continuous query in the
 * form of memory, so that nothing of their view need be known, or run, to set
 * them aside.  A row of the table has as many as fit on a page, or one; no
 * group twice.
 *
 * They are read in the order in which they came, merged in local memory as a
 * batch's results are in an epoch, and put into files when they are many.
 * What one flush set aside is read together: groups and values of a view
 * belong together.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/own_table.h"
#include "base/weir.h"
#include "flush/aside_table.h"
#include "groups/spill.h"
#include "groups/visit.h"
#include "process/worker.h"

/* Size of the bytea, so that a row of the table fits on its page. */
#define CHUNK_BYTES 8000

/* Memory that a portion may use before its groups go to a file. */
#define MEMORY_BYTES (32 * 1024 * 1024)

#define FETCH_ROWS 20

/*
 * In a bytea, before the rows, which are at MAXALIGNed places of a copy that
 * begins at one.
 */
typedef struct ChunkHeader
{
	uint8		version;		/* WEIR_STATE_VERSION: of the states */
	uint8		unused[3];
} ChunkHeader;

StaticAssertDecl(VARHDRSZ + sizeof(ChunkHeader) == MAXALIGN(VARHDRSZ + sizeof(ChunkHeader)), "rows of a chunk are aligned");

#define CHUNK_DATA (VARHDRSZ + sizeof(ChunkHeader))

typedef struct Adding
{
	OwnInsert  *insert;			/* NULL: there was nothing yet */
	Oid			defid;
	int64		epoch;			/* equal for rows that one flush added */
	int			part;
	struct varlena *chunk;
	Size		len;			/* of it, used */
	Size		size;
	int64		bytes;
} Adding;

/* ---------------------------------------------------------------------
 * Adding
 * --------------------------------------------------------------------- */

static void
write_chunk(Adding *adding)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	if (adding->len <= CHUNK_DATA)
		return;
	if (adding->insert == NULL)
		adding->insert = weir_own_insert_begin(weir_catalog_relid("set_aside"));
	SET_VARSIZE(adding->chunk, adding->len);
	values[0] = ObjectIdGetDatum(adding->defid);
	values[1] = (Datum) 0;		/* n */
	values[2] = Int64GetDatum(adding->epoch);
	values[3] = Int16GetDatum((int16) adding->part);
	values[4] = PointerGetDatum(adding->chunk);
	weir_own_insert(adding->insert, lengthof(values), values, nulls);
	adding->bytes += adding->len;
	adding->len = CHUNK_DATA;
}

static void
add_row(MinimalTuple row, bool new_source, void *arg)
{
	Adding	   *adding = arg;
	Size		len = MAXALIGN(row->t_len);

	if (new_source || adding->len + len > CHUNK_BYTES)
		write_chunk(adding);
	if (adding->len + len > adding->size)
	{
		adding->size = adding->len + len;
		adding->chunk = repalloc(adding->chunk, adding->size);
	}
	memcpy((char *) adding->chunk + adding->len, row, row->t_len);
	memset((char *) adding->chunk + adding->len + row->t_len, 0, len - row->t_len);
	adding->len += len;
}

int64
weir_aside_table_add(ContView *view, Epoch *epoch)
{
	Adding		adding = {NULL};

	adding.defid = view->defid;
	adding.epoch = (int64) U64FromFullTransactionId(GetTopFullTransactionId());
	adding.size = CHUNK_BYTES;
	adding.chunk = palloc0(adding.size);
	adding.len = CHUNK_DATA;
	((ChunkHeader *) VARDATA(adding.chunk))->version = WEIR_STATE_VERSION;
	for (adding.part = 0; adding.part <= view->nvalues; adding.part++)
	{
		weir_epoch_visit_raw(epoch, adding.part == 0 ? view->defid : view->values[adding.part - 1], add_row, &adding);
		write_chunk(&adding);
	}
	if (adding.insert)
		weir_own_insert_end(adding.insert);
	pfree(adding.chunk);
	return adding.bytes;
}

/* ---------------------------------------------------------------------
 * Reading
 * --------------------------------------------------------------------- */

/* Everything is allocated in the current context, which is that of a chunk. */
static void
merge_chunk(AsidePortion *portion, ViewRuntime *part, struct varlena *chunk)
{
	Size		len = VARSIZE_ANY_EXHDR(chunk) - sizeof(ChunkHeader);
	char	   *data = palloc_extended(Max(len, 1), MCXT_ALLOC_HUGE);
	ChunkHeader header;
	MinimalTuple *rows = palloc(sizeof(MinimalTuple) * (len / MAXALIGN(SizeofMinimalTupleHeader) + 1));
	ViewResult	result = {&part->spec, 0, rows, 0};
	MergeInput	input = {1, &result};

	memcpy(&header, VARDATA_ANY(chunk), sizeof(header));
	weir_check_version("groups of a continuous view", header.version, WEIR_STATE_VERSION);
	memcpy(data, (char *) VARDATA_ANY(chunk) + sizeof(ChunkHeader), len);
	for (Size offset = 0; offset < len; offset += MAXALIGN(rows[result.ntuples - 1]->t_len))
		rows[result.ntuples++] = (MinimalTuple) (data + offset);
	if (!weir_merge_into_run(&portion->epoch.main, &input))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	ExecClearTuple(part->spec.old_slot);
	ExecClearTuple(part->spec.new_slot);
}

/* Merging may be slow where functions are: stop when the time is over. */
static bool
is_enough(AsidePortion *portion, int64 budget)
{
	return portion->bytes >= budget ||
		(portion->bytes > 0 && TimestampDifferenceExceeds(portion->begun, weir_clock_steady(), portion->read_ms));
}

/*
 * False when the row was added by another flush and the portion is large
 * enough.
 */
static bool
read_row(AsidePortion *portion, ViewRuntime *runtime, HeapTuple row, TupleDesc desc, int64 budget, int64 *epoch)
{
	bool		isnull;
	int64		its_epoch = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	int			n = DatumGetInt16(SPI_getbinval(row, desc, 3, &isnull));
	struct varlena *chunk = PG_DETOAST_DATUM_PACKED(SPI_getbinval(row, desc, 4, &isnull));
	ViewRuntime *part = weir_runtime_part(runtime, n);

	if (its_epoch != *epoch && is_enough(portion, budget))
		return false;
	if (part == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("groups that were set aside are of a values relation that is not there")));
	*epoch = its_epoch;
	merge_chunk(portion, part, chunk);
	portion->last = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	portion->bytes += VARSIZE_ANY_EXHDR(chunk) + VARHDRSZ;
	if (portion->epoch.main.arena.total > MEMORY_BYTES)
		weir_run_dump(&portion->epoch.main);
	return true;
}

static void
read_rows(AsidePortion *portion, ViewRuntime *runtime, Portal cursor, int64 budget)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "weir chunk", ALLOCSET_DEFAULT_SIZES);
	int64		epoch = 0;

	for (;;)
	{
		SPITupleTable *rows;

		SPI_cursor_fetch(cursor, true, FETCH_ROWS);
		rows = SPI_tuptable;
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < rows->numvals && !portion->more; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(scratch);

			CHECK_FOR_INTERRUPTS();
			portion->more = !read_row(portion, runtime, rows->vals[i], rows->tupdesc, budget, &epoch);
			MemoryContextSwitchTo(old);
			MemoryContextReset(scratch);
		}
		SPI_freetuptable(rows);
		if (portion->more)
			break;
	}
	MemoryContextDelete(scratch);
}

AsidePortion *
weir_aside_portion_make(int read_ms)
{
	MemoryContext cxt = AllocSetContextCreate(weir_worker_self->cxt, "weir set aside", ALLOCSET_DEFAULT_SIZES);
	AsidePortion *portion = MemoryContextAllocZero(cxt, sizeof(AsidePortion));

	portion->cxt = cxt;
	portion->begun = weir_clock_steady();
	portion->read_ms = read_ms;
	weir_arena_init(&portion->epoch.main.arena, cxt);
	weir_arena_init(&portion->epoch.main.note_arena, cxt);
	return portion;
}

void
weir_aside_table_read(AsidePortion *portion, ViewRuntime *runtime, int64 budget)
{
	static SPIPlanPtr plan = NULL;
	Datum		defid = ObjectIdGetDatum(runtime->defid);
	Portal		cursor;

	SPI_connect();
	weir_own_prepare(&plan, "SELECT n, epoch, part, groups FROM weir.set_aside"
					 " WHERE view OPERATOR(pg_catalog.=) $1 ORDER BY n", 1, (Oid[]) {OIDOID});
	cursor = SPI_cursor_open(NULL, plan, &defid, NULL, true);
	read_rows(portion, runtime, cursor, budget);
	SPI_cursor_close(cursor);
	SPI_finish();
}

void
weir_aside_portion_free(AsidePortion *portion)
{
	if (portion->epoch.main.have_files)
		FileSetDeleteAll(&portion->epoch.main.fileset);
	MemoryContextDelete(portion->cxt);
}

/* ---------------------------------------------------------------------
 * Deleting
 * --------------------------------------------------------------------- */

void
weir_aside_table_delete(Oid defid, int64 last)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {OIDOID, INT8OID};
	Datum		values[2] = {ObjectIdGetDatum(defid), Int64GetDatum(last)};

	SPI_connect();
	(void) weir_own_execute(&plan, "DELETE FROM weir.set_aside WHERE view OPERATOR(pg_catalog.=) $1 AND n OPERATOR(pg_catalog.<=) $2",
							2, types, values, NULL);
	SPI_finish();
}

void
weir_aside_table_forget(Oid defid)
{
	weir_aside_table_delete(defid, PG_INT64_MAX);
}
