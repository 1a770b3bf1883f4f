/*
 * notes.c
 *	  What an epoch has besides groups: dead letters, late rows, Kafka offsets,
 *	  watermarks.
 *
 * In the flush transaction, so that each is there exactly once, with the rows
 * of its batch.  Dead letters and late rows may be many, and are written in
 * bulk.  Those of a stream that is not there any more are left out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "flush/notes.h"
#include "flush/watermarks.h"
#include "groups/spill.h"
#include "intake/intake.h"
#include "meta/extension.h"
#include "process/worker.h"

/* Late rows of one view. */
typedef struct LateCount
{
	Oid			viewid;
	int64		dropped;
	int64		diverted;
} LateCount;

/* Bulk inserts of the current flush, begun with its first row. */
static OwnInsert *dead_letters = NULL;
static OwnInsert *late_rows = NULL;
static List *late_counts = NIL;

/* StoredNote, in the worker's memory of a step */
static List *added = NIL;

static void write_run(Run *run);
static void write_note(StoredNote *note);
static void write_dead_letter(StoredNote *note);
static void write_late_row(StoredNote *note);
static void count_late(Oid viewid, int64 dropped, int64 diverted);
static Datum payload_of(StoredNote *note);
static bool relation_exists(Oid relid);
static void write_late_counts(void);
static void write_offset(SourceOffset *offset);

bool
weir_notes_any(Epoch *epoch)
{
	if (added || epoch->main.notes || epoch->offsets || weir_watermarks_pending())
		return true;
	for (Run *run = epoch->adopted; run; run = run->next)
		if (run->notes || run->nnote_files > 0)
			return true;
	return false;
}

bool
weir_notes_try_lock(MatrelBlocker *blocker)
{
	static const char *const tables[] = {"dead_letters", "late_rows", "late_counts", "source_offsets", "watermarks"};

	for (int i = 0; i < lengthof(tables); i++)
		if (!weir_table_try_lock(weir_catalog_relid(tables[i]), RowExclusiveLock, blocker))
			return false;
	return true;
}

void
weir_notes_begin(void)
{
	added = NIL;
}

void
weir_notes_add(const Note *note)
{
	MemoryContext old = MemoryContextSwitchTo(weir_worker_self->cxt);
	StoredNote *stored = MemoryContextAllocHuge(CurrentMemoryContext, weir_note_size(note));

	weir_note_store(stored, note);
	added = lappend(added, stored);
	MemoryContextSwitchTo(old);
}

static void
begin_writing(void)
{
	dead_letters = late_rows = NULL;
	late_counts = NIL;
}

static void
end_writing(void)
{
	ListCell   *lc;

	foreach(lc, added)
		write_note(lfirst(lc));
	added = NIL;
	if (dead_letters)
		weir_own_insert_end(dead_letters);
	if (late_rows)
		weir_own_insert_end(late_rows);
}

void
weir_notes_write_added(void)
{
	if (added == NIL)
		return;
	begin_writing();
	end_writing();
}

void
weir_notes_write(Epoch *epoch)
{
	SPI_connect();
	begin_writing();
	write_run(&epoch->main);
	for (Run *run = epoch->adopted; run; run = run->next)
	{
		for (int i = 0; i < run->nnote_files; i++)
			weir_run_read_notes(run, i, write_note);
		write_run(run);
	}
	end_writing();
	write_late_counts();
	for (EpochOffset *offset = epoch->offsets; offset; offset = offset->next)
		write_offset(&offset->offset);
	weir_watermarks_write();
	SPI_finish();
}

#define IS_GONE(relid) "NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) " relid "::pg_catalog.oid)"

void
weir_notes_purge(void)
{
	/*
	 * weir.set_aside is long, and has rows of no view that is not in
	 * weir.waiting.
	 */
	static const char *const tables[][2] = {
		{"source_offsets", IS_GONE("t.stream")}, {"watermarks", IS_GONE("t.stream")}, {"late_counts", IS_GONE("t.view")},
		{"set_aside", "t.view::pg_catalog.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT w.view::pg_catalog.oid FROM weir.waiting w WHERE "
		IS_GONE("w.view") "))"}, {"waiting", IS_GONE("t.view")}
	};
	static SPIPlanPtr plans[lengthof(tables)];
	MatrelBlocker blocker;

	SPI_connect();
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (!weir_table_try_lock(weir_catalog_relid(tables[i][0]), RowExclusiveLock, &blocker))
			break;				/* there is another time */
		(void) weir_own_execute(&plans[i], psprintf("DELETE FROM weir.%s t WHERE %s", tables[i][0], tables[i][1]),
								0, NULL, NULL, NULL);
	}
	SPI_finish();
}

void
weir_notes_mark_unread(void)
{
	static SPIPlanPtr plan = NULL;
	MatrelBlocker blocker;

	if (!weir_table_try_lock(weir_catalog_relid("source_offsets"), RowExclusiveLock, &blocker))
		return;
	SPI_connect();
	(void) weir_own_execute(&plan,
							"UPDATE weir.source_offsets o SET unread_since = pg_catalog.clock_timestamp()"
							" WHERE o.unread_since IS NULL AND NOT (o.stream::pg_catalog.oid OPERATOR(pg_catalog.=) ANY"
							" (SELECT pg_catalog.unnest(v.streams::pg_catalog.oid[])"
							" FROM weir.continuous_view v WHERE v.state OPERATOR(pg_catalog.<>) 'inactive'))",
							0, NULL, NULL, NULL);
	SPI_finish();
}

/* Writes in order of arrival; the run's list has the latest first. */
static void
write_run(Run *run)
{
	StoredNote **notes = palloc_extended(sizeof(StoredNote *) * Max(run->nnotes, 1), MCXT_ALLOC_HUGE);
	int64		n = 0;

	for (StoredNote *note = run->notes; note; note = note->next)
		notes[n++] = note;
	while (--n >= 0)
		write_note(notes[n]);
	pfree(notes);
}

/*
 * Late rows are counted with their view; those that are left go to
 * weir.late_rows, too.
 */
static void
write_note(StoredNote *note)
{
	CHECK_FOR_INTERRUPTS();
	switch (note->kind)
	{
		case NOTE_DEAD_LETTER:
			if (relation_exists(note->streamid))
				write_dead_letter(note);
			break;
		case NOTE_LATE_ROW:
			count_late(note->viewid, 0, 1);
			if (relation_exists(note->viewid) && relation_exists(note->streamid))
				write_late_row(note);
			break;
		case NOTE_LATE_COUNT:
			count_late(note->viewid, note->dropped, note->diverted);
			break;
	}
}

static void
write_dead_letter(StoredNote *note)
{
	Datum		values[10];
	bool		nulls[10] = {false};
	char	   *message = note->data + Max(note->topic_len, 0);

	if (dead_letters == NULL)
		dead_letters = weir_own_insert_begin(weir_catalog_relid("dead_letters"));
	values[0] = (Datum) 0;		/* id */
	values[1] = ObjectIdGetDatum(note->streamid);
	values[2] = ObjectIdGetDatum(note->viewid);
	nulls[2] = !relation_exists(note->viewid);
	values[3] = PointerGetDatum(cstring_to_text_with_len(note->data, Max(note->topic_len, 0)));
	nulls[3] = note->topic_len < 0;
	values[4] = Int32GetDatum(note->partition);
	values[5] = Int64GetDatum(note->offset);
	nulls[4] = nulls[5] = note->partition < 0;
	values[6] = payload_of(note);
	nulls[6] = note->payload_len < 0;
	values[7] = CStringGetTextDatum(unpack_sql_state(note->sqlerrcode));
	values[8] = PointerGetDatum(cstring_to_text_with_len(message, Max(note->message_len, 0)));
	values[9] = TimestampTzGetDatum(note->time);
	weir_own_insert(dead_letters, lengthof(values), values, nulls);
	for (int i = 3; i < 9; i++)
		if (i != 4 && i != 5)
			pfree(DatumGetPointer(values[i]));
}

static void
write_late_row(StoredNote *note)
{
	Datum		values[7];
	bool		nulls[7] = {false};

	if (late_rows == NULL)
		late_rows = weir_own_insert_begin(weir_catalog_relid("late_rows"));
	values[0] = (Datum) 0;		/* id */
	values[1] = ObjectIdGetDatum(note->viewid);
	values[2] = ObjectIdGetDatum(note->streamid);
	values[3] = Int32GetDatum(note->partition);
	values[4] = Int64GetDatum(note->offset);
	nulls[3] = nulls[4] = note->partition < 0;
	values[5] = payload_of(note);
	nulls[5] = note->payload_len < 0;
	values[6] = TimestampTzGetDatum(note->time);
	weir_own_insert(late_rows, lengthof(values), values, nulls);
	pfree(DatumGetPointer(values[5]));
}

static void
count_late(Oid viewid, int64 dropped, int64 diverted)
{
	LateCount  *count = NULL;
	ListCell   *lc;

	foreach(lc, late_counts)
		if (((LateCount *) lfirst(lc))->viewid == viewid)
			count = lfirst(lc);
	if (count == NULL)
	{
		count = palloc0(sizeof(LateCount));
		count->viewid = viewid;
		late_counts = lappend(late_counts, count);
	}
	count->dropped += dropped;
	count->diverted += diverted;
}

/* The payload, empty when there is none. */
static Datum
payload_of(StoredNote *note)
{
	return PointerGetDatum(cstring_to_text_with_len(note->data + Max(note->topic_len, 0) + Max(note->message_len, 0),
													Max(note->payload_len, 0)));
}

static bool
relation_exists(Oid relid)
{
	return OidIsValid(relid) && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid));
}

static void
write_late_counts(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {OIDOID, INT8OID, INT8OID};
	ListCell   *lc;

	foreach(lc, late_counts)
	{
		LateCount  *count = lfirst(lc);
		Datum		values[3] = {ObjectIdGetDatum(count->viewid), Int64GetDatum(count->dropped),
			Int64GetDatum(count->diverted)};

		weir_own_execute(&plan,
						 "INSERT INTO weir.late_counts AS l (view, dropped, diverted)"
						 " SELECT c.oid, $2, $3 FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1"
						 " ON CONFLICT (view) DO UPDATE SET dropped = l.dropped OPERATOR(pg_catalog.+) excluded.dropped,"
						 " diverted = l.diverted OPERATOR(pg_catalog.+) excluded.diverted",
						 3, types, values, NULL);
	}
	late_counts = NIL;
}

static void
forget_offset(SourceOffset *offset)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {OIDOID, TEXTOID, INT4OID};
	Datum		values[3] = {ObjectIdGetDatum(offset->streamid), CStringGetTextDatum(offset->topic),
		Int32GetDatum(offset->partition)};

	weir_own_execute(&plan,
					 "DELETE FROM weir.source_offsets o WHERE o.stream OPERATOR(pg_catalog.=) $1"
					 " AND o.topic OPERATOR(pg_catalog.=) $2 AND o.partition OPERATOR(pg_catalog.=) $3",
					 3, types, values, NULL);
}

static void
write_offset(SourceOffset *offset)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[11] = {OIDOID, TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID,
	INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[11];
	char		nulls[12] = "           ";

	if (offset->next_offset == SOURCE_OFFSET_FORGET)
	{
		forget_offset(offset);
		return;
	}
	values[0] = ObjectIdGetDatum(offset->streamid);
	values[1] = CStringGetTextDatum(offset->topic);
	values[2] = Int32GetDatum(offset->partition);
	values[3] = Int64GetDatum(offset->next_offset);
	values[4] = offset->cluster ? CStringGetTextDatum(offset->cluster) : (Datum) 0;
	nulls[4] = offset->cluster ? ' ' : 'n';
	values[5] = offset->topic_id ? CStringGetTextDatum(offset->topic_id) : (Datum) 0;
	nulls[5] = offset->topic_id ? ' ' : 'n';
	values[6] = Int64GetDatum(offset->last.offset);
	values[7] = Int64GetDatum(offset->last.timestamp);
	values[8] = Int64GetDatum(offset->last.checksum);
	nulls[6] = nulls[7] = nulls[8] = offset->last.offset == SOURCE_OFFSET_UNKNOWN ? 'n' : ' ';
	values[9] = TimestampTzGetDatum(offset->resumed);
	nulls[9] = offset->resumed == 0 ? 'n' : ' ';
	values[10] = TimestampTzGetDatum(offset->unread_since);
	nulls[10] = offset->unread_since == 0 ? 'n' : ' ';
	weir_own_execute(&plan,
					 "INSERT INTO weir.source_offsets AS o (stream, topic, partition, next_offset, cluster, topic_id,"
					 " last_offset, last_timestamp, last_checksum, resumed)"
					 " SELECT c.oid, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM pg_catalog.pg_class c"
					 " WHERE c.oid OPERATOR(pg_catalog.=) $1"
					 " ON CONFLICT (stream, topic, partition) DO UPDATE SET next_offset = excluded.next_offset,"
					 " cluster = excluded.cluster, topic_id = excluded.topic_id, last_offset = excluded.last_offset,"
					 " last_timestamp = excluded.last_timestamp, last_checksum = excluded.last_checksum,"
					 " resumed = excluded.resumed,"
					 " unread_since = CASE WHEN o.unread_since OPERATOR(pg_catalog.=) $11 THEN NULL ELSE o.unread_since END",
					 11, types, values, nulls);
}
