/*
 * missing.h
 *	  Workers that shall be there and are not, with the reason.
 */
#ifndef WEIR_PROCESS_MISSING_H
#define WEIR_PROCESS_MISSING_H

#include "postgres.h"

#include "process/registry.h"

typedef struct MissingWorker
{
	WorkerTask	task;

	/* it could not be started; otherwise it ended and will be started again */
	bool		no_slot;
	int64		attempts;
	TimestampTz since;
	char		reason[WEIR_ERROR_LENGTH];
} MissingWorker;

extern void weir_missing_init(void);

/* --- the launcher: each round begins before it looks what there shall be, and ends with what is missing --- */

extern void weir_missing_begin_round(void);
extern void weir_missing_end_round(const MissingWorker *missing, int n, int needed);

/* --- anybody --- */

/*
 * When the launcher last finished a round, which it does at least twice a
 * minute; 0: not yet.
 */
extern TimestampTz weir_missing_last_round(void);

/* Does the worker stay away, rather than come back soon after it ended? */
extern bool weir_missing_stays_away(const MissingWorker *worker);

/*
 * Copy the nth missing worker of a database; false if there are not so many.
 */
extern bool weir_missing_get(Oid dboid, int n, MissingWorker *copy);

/*
 * Copy the first missing worker of a database that stays away, one without a
 * slot if there is such a one.
 */
extern bool weir_missing_first(Oid dboid, MissingWorker *copy);

/*
 * Hint for the case that there is no slot, with the number that is needed.
 * Static memory, valid until the next call.
 */
extern const char *weir_missing_remedy(void);

/* Warn if a worker of this database is missing or keeps failing. */
extern void weir_missing_warn(void);

/*
 * After the commit of the current transaction, warn if the flush and ingest
 * workers of this database, or those of a Kafka stream, cannot be started.
 * Waits for the launcher to try, which takes a few milliseconds as a rule.
 */
extern void weir_missing_check_at_commit(Oid source_stream);

#endif
