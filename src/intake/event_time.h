/*
 * event_time.h
 *	  Event time of batches: bad times, and the watermarks that rows are judged by.
 */
#ifndef WEIR_INTAKE_EVENT_TIME_H
#define WEIR_INTAKE_EVENT_TIME_H

#include "postgres.h"

#include "groups/epoch.h"
#include "intake/intake.h"

/*
 * Before the queries run over a batch, in their transaction: rows whose time is
 * too far in the future become dead letters, and what the others are judged by
 * is held for the run (NULL: for this process until its transaction aborts).
 */
extern void weir_event_begin(Intake *intake, Run *run);

/* The same for streams, from the first on, that came to the batch since. */
extern void weir_event_begin_streams(Intake *intake, int first);

/* The batch is in the epoch, or in the run. */
extern void weir_event_merged(Intake *intake, Run *run);

/* Rows of this run are of the same transaction as another's, and judged alike. */
extern void weir_event_share(Run *run, Run *other);

/* A run of a batch in parts begins: what was noted of partitions for another one is forgotten. */
extern void weir_event_begin_parts(void);

/* The epoch has the run. */
extern void weir_event_adopted(Run *run);

/* The watermark waits for these partitions of a Kafka stream; in a transaction. */
extern void weir_event_expect(Oid streamid, int npartitions);

#endif
