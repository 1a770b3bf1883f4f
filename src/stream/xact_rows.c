/*
 * xact_rows.c
 *	  The stream rows of the current transaction, until it commits.
 *
 * Runs in the inserting backend.  Rows are kept in sections (see queue.h), in
 * order, each owned by a subtransaction.  Because a subtransaction's rows come
 * after those its parent had before, aborting it cuts the list at its first
 * section, and committing it renames its sections to the parent's.
 *
 * When the sections pass weir.insert_buffer, they go on to a worker while the
 * transaction runs (feed.h).  A feed has the rows of one (sub)transaction, the
 * one that was current when it was opened: its abort kills the feed, its
 * commit hands it to the parent.  Rows of others, and all rows when the
 * workers do not keep up, are appended to a spool file (spool.h).  A
 * transaction of any size thus needs bounded memory.
 *
 * At XACT_EVENT_PRE_COMMIT space in the shared queue is taken and filled
 * (waiting while the queue is full), or the file is closed; this may fail and
 * then the transaction aborts.  At XACT_EVENT_COMMIT the message is linked in,
 * which cannot fail.  The wait for the flush comes when the transaction's
 * locks have been released (resource release callback).
 *
 * Memory: all here is in a child of TopTransactionContext; the reserved
 * message belongs to this backend until it is published and is freed on abort.
 *
 * Failure: a crash before the publication loses rows that nobody was told of;
 * a crash after it loses what is not flushed, which a synchronous inserter has
 * not been told of either.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "meta/suspended.h"
#include "stream/feed.h"
#include "stream/queue.h"
#include "stream/queue_park.h"
#include "stream/queue_wait.h"
#include "stream/spool.h"
#include "stream/xact_rows.h"

#define SECTION_MIN 1024
#define SECTION_MAX (256 * 1024)

/*
 * What a transaction with a feed keeps: sections that are being filled, some
 * full ones.
 */
#define FEED_BUFFER (4 * SECTION_MAX)

/*
 * How long a commit waits for queue memory before it puts its rows into a file
 * instead.  A transaction that holds locks may be what the flush waits for, so
 * this wait must end.
 */
#define QUEUE_WAIT_MS 2000

/* And how long for the memory of that file's message, then it fails. */
#define MESSAGE_WAIT_MS 60000

typedef struct LocalSection
{
	struct LocalSection *prev;
	struct LocalSection *next;
	SubTransactionId subid;
	Size		size;			/* of data, header included */
	SectionHeader *header;		/* start of data; rows follow */
} LocalSection;

typedef struct XactRows
{
	MemoryContext cxt;
	MemoryContext row_cxt;
	LocalSection *first;
	LocalSection *last;
	Size		memory;			/* of all sections */
	StreamSet	streams;
	Spool		spool;
	Feed	   *feed;			/* takes the rows of feed_subid; or NULL */
	SubTransactionId feed_subid;
	int64		feed_rows;
	QueuePiece *piece;			/* on its way into the feed, still ours */
	bool		no_feed;		/* its workers do not keep up */
	QueueMessage *reserved;
} XactRows;

static XactRows *rows = NULL;

/* Number to wait for once locks are released; 0 = none. */
static int64 wait_for_seq = 0;
static bool show_errors = false;	/* of workers, to who waits */
static StreamSet committed;		/* streams of what is waited for */

static void xact_callback(XactEvent event, void *arg);
static void subxact_callback(SubXactEvent event, SubTransactionId mySubid,
							 SubTransactionId parentSubid, void *arg);
static void release_callback(ResourceReleasePhase phase, bool isCommit,
							 bool isTopLevel, void *arg);

void
weir_xact_rows_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
	RegisterResourceReleaseCallback(release_callback, NULL);
}

/* ---------------------------------------------------------------------
 * Adding rows
 * --------------------------------------------------------------------- */

static void
rows_begin(void)
{
	MemoryContext cxt = AllocSetContextCreate(TopTransactionContext, "weir rows",
											  ALLOCSET_DEFAULT_SIZES);

	rows = MemoryContextAllocZero(cxt, sizeof(XactRows));
	rows->cxt = cxt;
	rows->row_cxt = AllocSetContextCreate(cxt, "weir row", ALLOCSET_DEFAULT_SIZES);
}

static LocalSection *
section_create(Oid streamid, Size need)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	LocalSection *section = MemoryContextAlloc(rows->cxt, sizeof(LocalSection));
	Size		size = SECTION_MIN;

	/*
	 * Grow with the transaction: small for a single row, also in an exception
	 * block of its own; large for a load.
	 */
	if (rows->feed && rows->feed_subid == subid)
		size = SECTION_MAX;
	else if (rows->last && rows->last->subid == subid)
		size = Min(rows->last->size * 4, SECTION_MAX);
	size = Max(size, need + SECTION_HEADER_SIZE);

	weir_stream_set_add(&rows->streams, streamid);
	section->subid = subid;
	section->size = size;
	section->header = MemoryContextAllocHuge(rows->cxt, size);
	section->header->streamid = streamid;
	section->header->nrows = 0;
	section->header->len = 0;
	section->prev = rows->last;
	section->next = NULL;
	if (rows->last)
		rows->last->next = section;
	else
		rows->first = section;
	rows->last = section;
	rows->memory += size;
	return section;
}

static void
section_unlink(LocalSection *section)
{
	if (section->prev)
		section->prev->next = section->next;
	else
		rows->first = section->next;
	if (section->next)
		section->next->prev = section->prev;
	else
		rows->last = section->prev;
	rows->memory -= section->size;
	pfree(section->header);
	pfree(section);
}

static bool
section_has_room(LocalSection *section, Size need)
{
	return SECTION_HEADER_SIZE + section->header->len + need <= section->size;
}

/*
 * The section that a row of this stream goes to: the last one of the stream,
 * which may be just before the last (statements that fill two streams in
 * turn), and of the same subtransaction.  Not one before that: rows stay in
 * the order in which they come.
 */
static LocalSection *
section_for(Oid streamid, Size need)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	LocalSection *section = rows->last;

	for (int i = 0; i < 4 && section && section->subid == subid; i++)
	{
		if (section->header->streamid == streamid)
		{
			if (section_has_room(section, need))
				return section;
			break;
		}
		section = section->prev;
	}
	return section_create(streamid, need);
}

static void spool_sections(void);
static void feed_sections(bool all);

/* How much is kept here until it is handed on. */
static Size
memory_allowed(void)
{
	return rows->feed ? FEED_BUFFER : (Size) weir_insert_buffer_kb * 1024;
}

void
weir_xact_rows_add(Oid streamid, const StreamRowType *type, Datum *values, const bool *isnull)
{
	LocalSection *section;
	Size		size;
	bool		fresh;

	if (rows == NULL)
		rows_begin();
	if (rows->reserved != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot insert into a stream while its transaction commits")));

	if (type->nrefs > 0)
	{
		/*
		 * Values may be fetched from outside; the caller's stay as they are.
		 */
		MemoryContext old = MemoryContextSwitchTo(rows->row_cxt);
		Datum	   *copy = palloc(sizeof(Datum) * type->natts);

		memcpy(copy, values, sizeof(Datum) * type->natts);
		values = copy;
		size = weir_stream_row_size(type, values, isnull);
		MemoryContextSwitchTo(old);
	}
	else
		size = weir_stream_row_size(type, values, isnull);

	section = section_for(streamid, size);
	fresh = section->header->nrows == 0;
	weir_stream_row_fill(type, (StreamRow *) ((char *) section->header + SECTION_HEADER_SIZE + section->header->len),
						 size, values, isnull);
	section->header->len += size;
	section->header->nrows++;
	if (type->nrefs > 0)
		MemoryContextReset(rows->row_cxt);

	if (!fresh || rows->memory <= memory_allowed())
		return;
	feed_sections(false);
	if (rows->memory > Max(memory_allowed(), (Size) weir_insert_buffer_kb * 1024))
		spool_sections();
}

/* ---------------------------------------------------------------------
 * The feed
 * --------------------------------------------------------------------- */

/*
 * A worker sees the database as committed.  So rows are handed over early
 * only while this transaction has changed nothing that their queries might
 * read; one without a transaction id has not.
 */
static bool
may_feed(void)
{
	return !rows->no_feed && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/*
 * What an error or the end of the process left; the latter runs no error
 * handlers.
 */
static void
free_piece(void)
{
	if (rows->piece)
		weir_shared_free(rows->piece);
	rows->piece = NULL;
}

static bool
feed_section(LocalSection *section)
{
	Size		len = SECTION_HEADER_SIZE + section->header->len;
	bool		taken;

	rows->piece = weir_piece_alloc(len);
	if (rows->piece == NULL)
		return false;
	memcpy(PIECE_DATA(rows->piece), section->header, len);
	taken = weir_feed_append(rows->feed, rows->piece);
	if (taken)
		rows->piece = NULL;
	else
		free_piece();
	return taken;
}

/* Is it the last one of its stream? */
static bool
is_being_filled(LocalSection *section)
{
	for (LocalSection *later = section->next; later; later = later->next)
		if (later->header->streamid == section->header->streamid)
			return false;
	return true;
}

/*
 * Hand over the sections of the (sub)transaction that feeds, but for those
 * that are being filled, unless all are wanted.
 */
static void
feed_sections(bool all)
{
	LocalSection *next;

	if (!may_feed())
	{
		/*
		 * What follows may depend on changes: nothing goes this way any more.
		 */
		rows->no_feed = true;
		return;
	}
	if (rows->feed == NULL)
	{
		rows->feed = weir_feed_open();
		rows->feed_subid = GetCurrentSubTransactionId();
		rows->feed_rows = 0;
	}
	if (rows->feed == NULL)
		return;
	for (LocalSection *section = rows->first; section && (all || section->next); section = next)
	{
		next = section->next;
		if (section->subid != rows->feed_subid || section->header->nrows == 0)
			continue;
		if (!all && section->header->len < section->size / 2 && is_being_filled(section))
			continue;			/* in turn with others */
		if (!feed_section(section))
		{
			rows->no_feed = true;
			return;
		}
		rows->feed_rows += section->header->nrows;
		section_unlink(section);
	}
}

/* ---------------------------------------------------------------------
 * The spool file
 * --------------------------------------------------------------------- */

/* Append all sections to the file. */
static void
spool_sections(void)
{
	weir_spool_begin(&rows->spool, rows->cxt);
	while (rows->first)
	{
		LocalSection *section = rows->first;

		if (section->header->nrows > 0)
			weir_spool_write(&rows->spool, section->subid, section->header);
		section_unlink(section);
	}
	weir_spool_end(&rows->spool);
}

/* ---------------------------------------------------------------------
 * Subtransactions
 * --------------------------------------------------------------------- */

static void
abort_sub(SubTransactionId subid)
{
	free_piece();
	if (rows->feed && rows->feed_subid == subid)
	{
		weir_feed_kill(rows->feed);
		rows->feed = NULL;
	}

	while (rows->last && rows->last->subid == subid)
		section_unlink(rows->last);

	weir_spool_abort_sub(&rows->spool, subid);
}

/*
 * Rename what the subtransaction has to its parent.  A small section is moved
 * into the parent's last one when it fits, so that a loop with an exception
 * block per row does not leave a section per row.
 */
static void
commit_sub(SubTransactionId subid, SubTransactionId parent)
{
	LocalSection *section = rows->last;

	if (rows->feed && rows->feed_subid == subid)
		rows->feed_subid = parent;
	while (section && section->subid == subid)
	{
		section->subid = parent;
		section = section->prev;
	}
	if (section && rows->last == section->next && section->subid == parent &&
		section->header->streamid == rows->last->header->streamid &&
		section_has_room(section, rows->last->header->len))
	{
		memcpy((char *) section->header + SECTION_HEADER_SIZE + section->header->len,
			   (char *) rows->last->header + SECTION_HEADER_SIZE,
			   rows->last->header->len);
		section->header->len += rows->last->header->len;
		section->header->nrows += rows->last->header->nrows;
		section_unlink(rows->last);
	}

	weir_spool_commit_sub(&rows->spool, subid, parent);
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	if (rows == NULL)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		abort_sub(mySubid);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		commit_sub(mySubid, parentSubid);
}

/* ---------------------------------------------------------------------
 * Commit
 * --------------------------------------------------------------------- */

static bool
have_rows(void)
{
	if (rows == NULL)
		return false;
	if (rows->spool.nrows > 0 || rows->feed)
		return true;
	for (LocalSection *section = rows->first; section; section = section->next)
		if (section->header->nrows > 0)
			return true;
	return false;
}

/* Copy all sections into shared memory; NULL when the queue has no room. */
static QueueMessage *
reserve_in_memory(void)
{
	QueueMessage *message = weir_message_alloc(false);
	LocalSection *section = rows->first;
	QueuePiece **link;

	if (message == NULL)
		return NULL;
	link = &message->pieces;
	while (section != NULL)
	{
		LocalSection *end = section;
		Size		len = 0;
		QueuePiece *piece;
		char	   *place;

		/* Small sections share a piece. */
		do
		{
			len += SECTION_HEADER_SIZE + end->header->len;
			end = end->next;
		} while (end && len + end->header->len < SECTION_MAX);

		piece = weir_piece_alloc(len);
		if (piece == NULL)
		{
			weir_message_free(message, false);
			return NULL;
		}
		*link = piece;
		link = &piece->next;
		place = PIECE_DATA(piece);
		for (; section != end; section = section->next)
		{
			Size		n = SECTION_HEADER_SIZE + section->header->len;

			memcpy(place, section->header, n);
			place += n;
			message->nrows += section->header->nrows;
			message->bytes += n;
		}
	}
	return message;
}

/* Wait for room; after a while give up and use a file. */
static QueueMessage *
reserve_waiting(void)
{
	QueueMessage *message = reserve_in_memory();
	TimestampTz deadline;

	if (message != NULL)
		return message;
	deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), QUEUE_WAIT_MS);
	weir_memory_wait_prepare();
	while ((message = reserve_in_memory()) == NULL &&
		   weir_clock_steady() < deadline)
		weir_memory_wait(100);
	weir_memory_wait_cancel();
	return message;
}

/*
 * The message itself is small, and there is memory kept back for it: all who
 * hold locks that the workers need come through, one message each.  When even
 * that is full nobody has taken rows for long, and waiting on might be in
 * vain.
 */
static QueueMessage *
reserve_spooled(void)
{
	QueueMessage *message;
	TimestampTz deadline = TimestampTzPlusMilliseconds(weir_clock_steady(), MESSAGE_WAIT_MS);

	spool_sections();
	weir_memory_wait_prepare();
	while ((message = weir_message_alloc(true)) == NULL &&
		   weir_clock_steady() < deadline)
		weir_memory_wait(100);
	weir_memory_wait_cancel();
	if (message == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the queue of stream rows is full"),
				 errdetail("The workers have not made room for %d seconds.", MESSAGE_WAIT_MS / 1000),
				 errhint("See weir.stat_worker for their errors and pg_locks for what they wait for.")));

	weir_spool_export(&rows->spool, message);
	return message;
}

/* The file of rows that were all rolled back. */
static void
discard_spool(void)
{
	if (rows != NULL)
		weir_spool_discard(&rows->spool);
}

static void
pre_commit(void)
{
	QueueMessage *message = NULL;

	if (!have_rows())
	{
		discard_spool();
		return;
	}
	(void) weir_my_database_slot();

	if (rows->feed && rows->first)
		feed_sections(true);

	/* One transaction may have a quarter of the queue, larger ones a file. */
	if (rows->spool.file == NULL &&
		rows->memory <= weir_memory_limit(WEIR_MEMORY_QUEUE) / 4 &&
		!weir_queue_is_clogged(&rows->streams))
		message = reserve_waiting();
	if (message == NULL)
		message = reserve_spooled();
	if (rows->feed)
	{
		weir_feed_close(rows->feed);
		message->nrows += rows->feed_rows;
	}
	message->streams = rows->streams;
	message->sync = weir_synchronous_insert;
	rows->reserved = message;
	weir_queue_prepare_wait();

	/* When it waits it can look into no catalog any more. */
	show_errors = weir_stats_may_read_errors(InvalidOid);
}

static void
commit(void)
{
	if (rows->reserved != NULL)
	{
		bool		wait;
		int64		seq;

		rows->reserved->feed = rows->feed;
		committed = rows->reserved->streams;
		seq = weir_queue_publish(rows->reserved, &wait);
		if (wait)
			wait_for_seq = seq;
	}
	rows = NULL;
}

static void
abort_rows(void)
{
	if (rows->reserved != NULL)
		weir_message_free(rows->reserved, false);
	free_piece();
	if (rows->feed)
		weir_feed_kill(rows->feed);

	weir_spool_abort(&rows->spool);
	rows = NULL;
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			pre_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (have_rows())
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has inserted into a stream"),
						 errhint("Commit the stream insert in a transaction of its own.")));
			discard_spool();
			break;
		case XACT_EVENT_PREPARE:
			rows = NULL;
			break;
		case XACT_EVENT_COMMIT:
			if (rows != NULL)
				commit();
			break;
		case XACT_EVENT_ABORT:
			if (rows != NULL)
				abort_rows();
			wait_for_seq = 0;
			break;
		default:
			break;
	}
}

/*
 * The wait for the flush: the transaction is committed, its locks are gone,
 * so nobody can be waiting for this backend while it waits for the workers.
 */
static void
release_callback(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg)
{
	int64		seq = wait_for_seq;

	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !isCommit || !isTopLevel || seq == 0)
		return;
	wait_for_seq = 0;
	if (weir_queue_commit_wait(seq, show_errors))
		weir_suspended_warn(committed.n <= STREAM_SET_MAX ? committed.streams : NULL, committed.n);
}
