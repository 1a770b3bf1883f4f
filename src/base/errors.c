/*
 * errors.c
 *	  What an error in a worker means: try again, or who is at fault.
 *
 * The one place that decides it, for intake, decoding and the flush.
 *
 * An SQLSTATE alone does not tell: any function can raise any of them, and a
 * batch that is tried again holds up all that comes behind it.  So first, what
 * is said to pass by itself (memory, disk, locks, cancellation) is believed
 * only to the server's own code that deals with these things, which is told by
 * the file that the error was raised in.  And second, patience is bounded: for
 * each view or stream so many tries, which it gets back when it has not failed
 * for a minute.
 *
 * Process-local.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/time_limit.h"

/*
 * How often a passing error is tried again: delays double from a tenth of a
 * second to ten.
 */
#define TRIES_DEFAULT 4			/* one and a half seconds */
#define TRIES_DISK 20			/* two minutes: somebody has to make room */
#define FORGET_MS 60000

/*
 * The retries of one view or stream; InvalidOid: of code that belongs to
 * neither.
 */
typedef struct Patience
{
	Oid			relid;
	int			retries;
	TimestampTz last;
} Patience;

static HTAB *patience = NULL;
static Oid	at_work = InvalidOid;
static bool endures = false;

/* Source files whose errors are believed when they say that they may pass. */
static const char *const believed[] = {
	/* memory */
	"mcxt.c", "aset.c", "generation.c", "slab.c", "bump.c", "alignedalloc.c", "dsa.c", "dsm.c", "dsm_impl.c", "shmem.c",
	/* files */
	"fd.c", "buffile.c", "md.c", "smgr.c", "bufmgr.c", "localbuf.c", "bulk_write.c", "hio.c", "slru.c", "xlog.c",
	"xloginsert.c", "xlogutils.c", "fileset.c", "sharedfileset.c", "logtape.c",
	/* locks and cancellation */
	"lock.c", "lmgr.c", "proc.c", "deadlock.c", "namespace.c", "heapam.c", "heapam_handler.c", "nodeLockRows.c",
	"nodeModifyTable.c", "postgres.c",
	/* Weir's signals */
	"table.c", "execute.c", "run.c", "partition.c", "slow_path.c", "writer.c", "aside_table.c", "set_aside.c",
	"watermark.c"
};

static Patience *
patience_with(Oid relid)
{
	Patience   *entry;
	TimestampTz now = weir_clock_steady();
	bool		found;

	if (patience == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Patience);
		patience = hash_create("weir patience", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(patience, &relid, HASH_ENTER, &found);
	if (!found || now >= TimestampTzPlusMilliseconds(entry->last, FORGET_MS))
	{
		entry->retries = 0;
		entry->last = now;
	}
	return entry;
}

Oid
weir_errors_begin(Oid relid)
{
	Oid			before = at_work;

	at_work = relid;
	return before;
}

void
weir_errors_end(Oid before)
{
	at_work = before;
}

Oid
weir_errors_whose(void)
{
	return at_work;
}

void
weir_errors_clarify(ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_QUERY_CANCELED || !weir_time_limit_exceeded() || weir_time_limit_hurried())
		return;
	error->sqlerrcode = ERRCODE_WEIR_TIMEOUT;
	error->message = weir_time_limit_describe();
}

/* Name of the source file that raised the error, without folders. */
static const char *
file_of(const ErrorData *error)
{
	const char *slash = error->filename ? strrchr(error->filename, '/') : NULL;

	return slash ? slash + 1 : error->filename ? error->filename : "";
}

static bool
is_believed(const ErrorData *error)
{
	for (int i = 0; i < lengthof(believed); i++)
		if (strcmp(file_of(error), believed[i]) == 0)
			return true;
	return false;
}

bool
weir_errors_is_lock_timeout(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && strcmp(file_of(error), "postgres.c") == 0;
}

bool
weir_errors_is_lock_table_full(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_OUT_OF_MEMORY && strcmp(file_of(error), "lock.c") == 0;
}

bool
weir_errors_is_too_large(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_WEIR_TOO_LARGE && is_believed(error);
}

/* Is this the code of an error that may pass by itself? */
static bool
says_it_passes(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_WEIR_CHANGED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return true;
		case ERRCODE_CONFIGURATION_LIMIT_EXCEEDED:	/* temp_file_limit */
		case ERRCODE_UNDEFINED_FILE:	/* the library of a function */
			return false;
	}
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
			return true;
	}
	return false;
}

static bool
is_to_be_tried_again(const ErrorData *error)
{
	bool		disk = ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR) ||
		error->sqlerrcode == ERRCODE_DISK_FULL;

	if (!says_it_passes(error->sqlerrcode) || !is_believed(error))
		return false;
	if (endures && (disk || error->sqlerrcode == ERRCODE_WEIR_CHANGED))
		return true;
	return patience_with(at_work)->retries < (disk ? TRIES_DISK : TRIES_DEFAULT);
}

ErrorKind
weir_errors_kind(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && weir_time_limit_exceeded())
		return weir_time_limit_hurried() ? ERROR_RETRY : ERROR_ROW;
	if (error->elevel > ERROR || weir_errors_is_lock_timeout(error) || is_to_be_tried_again(error))
		return ERROR_RETRY;
	switch (error->sqlerrcode)
	{
		case ERRCODE_WEIR_CHANGED:
		case ERRCODE_WEIR_TIMEOUT:
		case ERRCODE_UNDEFINED_FILE:
			return ERROR_VIEW;
	}
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR):
		case ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED):
		case ERRCODE_TO_CATEGORY(ERRCODE_READ_ONLY_SQL_TRANSACTION):
			return ERROR_VIEW;
		default:
			return ERROR_ROW;
	}
}

void
weir_errors_note_retry(void)
{
	Patience   *entry = patience_with(at_work);

	entry->retries++;
	entry->last = weir_clock_steady();
	at_work = InvalidOid;
}

void
weir_errors_endure(void)
{
	endures = true;
}
